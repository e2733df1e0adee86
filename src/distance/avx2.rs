//! Float32 kernels for AVX2, a register of eight lanes at a time.
//!
//! The loops of `simd.rs` are not compiled for it: LLVM 22 keeps their 32, or 3 x 16, sums in halves and quarters of
//! registers, and most of those in memory. That takes three times as long for L2 and inner product, and more than five
//! times as long for the three sums of cosine (384 dimensions, AMD EPYC).

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_andnot_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::{CosineSums, Kernels};

/// The kernels. They must only be reached where the CPU has AVX2 and FMA.
pub const KERNELS: Kernels = Kernels {
    l2_squared,
    inner_product,
    l1,
    cosines,
};

/// Float32 lanes of a register.
pub(super) const LANES: usize = 8;

/// Registers of independent sums: so many additions are under way at once.
const SUMS: usize = 4;

/// As [`SUMS`], for each of the three sums of cosine: more would not stay in the 16 registers.
const SUMS3: usize = 2;

#[target_feature(enable = "avx2,fma")]
#[inline]
pub(super) fn load(lanes: &[f32; LANES]) -> __m256 {
    // SAFETY: eight elements, aligned or not.
    unsafe { _mm256_loadu_ps(lanes.as_ptr()) }
}

/// The sum of all lanes, halves onto halves.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn total<const N: usize>(sums: [__m256; N]) -> f32 {
    let mut all = _mm256_setzero_ps();
    for sum in sums {
        all = _mm256_add_ps(all, sum);
    }
    let mut lanes = [0.0_f32; LANES];
    // SAFETY: eight elements, aligned or not.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), all) };
    let four: [f32; 4] = std::array::from_fn(|i| lanes[i] + lanes[i + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

/// Adds `$step` over all elements: registers of both vectors and of a sum to the next sum. `$rest` does the same with
/// one element of each, for what fills no block.
macro_rules! fold {
    ($a:ident, $b:ident, $step:expr, $rest:expr) => {{
        let mut sums = [_mm256_setzero_ps(); SUMS];
        let (a_blocks, a_rest) = $a.as_chunks::<{ SUMS * LANES }>();
        let (b_blocks, b_rest) = $b.as_chunks::<{ SUMS * LANES }>();
        for (a, b) in a_blocks.iter().zip(b_blocks) {
            let (a, b) = (a.as_chunks::<LANES>().0, b.as_chunks::<LANES>().0);
            for i in 0..SUMS {
                sums[i] = $step(load(&a[i]), load(&b[i]), sums[i]);
            }
        }
        let rest = a_rest.iter().zip(b_rest);
        total(sums) + rest.fold(0.0_f32, |sum, (a, b)| $rest(*a, *b, sum))
    }};
}

#[target_feature(enable = "avx2,fma")]
fn l2_squared_with(a: &[f32], b: &[f32]) -> f32 {
    fold!(
        a,
        b,
        |a, b, sum| {
            let difference = _mm256_sub_ps(a, b);
            _mm256_fmadd_ps(difference, difference, sum)
        },
        |a: f32, b: f32, sum| (a - b).mul_add(a - b, sum)
    )
}

#[target_feature(enable = "avx2,fma")]
fn inner_product_with(a: &[f32], b: &[f32]) -> f32 {
    fold!(
        a,
        b,
        |a, b, sum| _mm256_fmadd_ps(a, b, sum),
        |a: f32, b: f32, sum| a.mul_add(b, sum)
    )
}

#[target_feature(enable = "avx2,fma")]
fn l1_with(a: &[f32], b: &[f32]) -> f32 {
    let sign = _mm256_set1_ps(-0.0);
    fold!(
        a,
        b,
        |a, b, sum| _mm256_add_ps(sum, _mm256_andnot_ps(sign, _mm256_sub_ps(a, b))),
        |a: f32, b: f32, sum| sum + (a - b).abs()
    )
}

#[target_feature(enable = "avx2,fma")]
fn cosines_with(a: &[f32], b: &[f32]) -> CosineSums<f32> {
    let (mut ab, mut aa, mut bb) = (
        [_mm256_setzero_ps(); SUMS3],
        [_mm256_setzero_ps(); SUMS3],
        [_mm256_setzero_ps(); SUMS3],
    );
    let (a_blocks, a_rest) = a.as_chunks::<{ SUMS3 * LANES }>();
    let (b_blocks, b_rest) = b.as_chunks::<{ SUMS3 * LANES }>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        let (a, b) = (a.as_chunks::<LANES>().0, b.as_chunks::<LANES>().0);
        for i in 0..SUMS3 {
            let (a, b) = (load(&a[i]), load(&b[i]));
            ab[i] = _mm256_fmadd_ps(a, b, ab[i]);
            aa[i] = _mm256_fmadd_ps(a, a, aa[i]);
            bb[i] = _mm256_fmadd_ps(b, b, bb[i]);
        }
    }
    let (mut product, mut left, mut right) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (a, b) in a_rest.iter().zip(b_rest) {
        product = a.mul_add(*b, product);
        left = a.mul_add(*a, left);
        right = b.mul_add(*b, right);
    }
    CosineSums {
        product: total(ab) + product,
        left: total(aa) + left,
        right: total(bb) + right,
    }
}

fn l2_squared(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: who hands this out has tested for the features.
    unsafe { l2_squared_with(a, b) }
}

fn inner_product(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: as above.
    unsafe { inner_product_with(a, b) }
}

fn l1(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: as above.
    unsafe { l1_with(a, b) }
}

fn cosines(a: &[f32], b: &[f32]) -> CosineSums<f32> {
    // SAFETY: as above.
    unsafe { cosines_with(a, b) }
}
