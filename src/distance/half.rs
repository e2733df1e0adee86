//! Float16 kernels, chosen once for the CPU at hand.
//!
//! Elements are widened to float32 as they are loaded, and sums are float32. simsimd has AVX2 kernels
//! of one sum each, and on newer CPUs sums in float16, which overflow where the contract does not; so
//! they are here for comparison only. Where the CPU has neither AVX2 nor AVX-512 the loops widen some
//! elements at a time.

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::sync::LazyLock;

use super::{CosineSums, Kernels};
use crate::vector::f16;

static CHOSEN: LazyLock<Kernels<f16>> = LazyLock::new(choose);

/// The kernels for this CPU.
#[must_use]
pub fn kernels() -> &'static Kernels<f16> {
    &CHOSEN
}

fn choose() -> Kernels<f16> {
    #[cfg(target_arch = "x86_64")]
    {
        let halves = is_x86_feature_detected!("f16c") && is_x86_feature_detected!("fma");
        if is_x86_feature_detected!("avx512f") && halves {
            return avx512::KERNELS;
        }
        if is_x86_feature_detected!("avx2") && halves {
            return avx2::KERNELS;
        }
    }
    portable::KERNELS
}

/// simsimd's own kernels, with ours where it has none, for comparison in the benchmarks.
pub const SIMSIMD: Kernels<f16> = Kernels {
    l2_squared: simsimd::l2_squared,
    inner_product: simsimd::inner_product,
    l1: portable::l1,
    cosines: simsimd::cosines,
};

mod simsimd {
    use simsimd::SpatialSimilarity;

    use super::{CosineSums, f16};

    fn cast(halves: &[f16]) -> &[simsimd::f16] {
        // SAFETY: both are transparent wrappers of the same 16 bits.
        unsafe { std::slice::from_raw_parts(halves.as_ptr().cast(), halves.len()) }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "simsimd widens a float32 sum"
    )]
    pub fn l2_squared(a: &[f16], b: &[f16]) -> f32 {
        SpatialSimilarity::l2sq(cast(a), cast(b)).unwrap_or(f64::NAN) as f32
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "simsimd widens a float32 sum"
    )]
    pub fn inner_product(a: &[f16], b: &[f16]) -> f32 {
        SpatialSimilarity::dot(cast(a), cast(b)).unwrap_or(f64::NAN) as f32
    }

    pub fn cosines(a: &[f16], b: &[f16]) -> CosineSums<f32> {
        CosineSums::of(a, b, inner_product)
    }
}

/// Loops over blocks that are widened first.
mod portable {
    use super::{CosineSums, Kernels, f16};
    use crate::distance::plain;
    use crate::vector::Element;

    pub const KERNELS: Kernels<f16> = Kernels {
        l2_squared: |a, b| sum(a, b, plain::l2_squared),
        inner_product,
        l1,
        cosines: |a, b| CosineSums::of(a, b, inner_product),
    };

    const BLOCK: usize = 16;

    fn sum(a: &[f16], b: &[f16], of: impl Fn(&[f32], &[f32]) -> f32) -> f32 {
        let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
        let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK));
        let sums = blocks.map(|(a, b)| {
            let count = a.len().min(b.len());
            let (left, right) = (&mut left[..count], &mut right[..count]);
            f16::widen_all(&a[..count], left);
            f16::widen_all(&b[..count], right);
            of(left, right)
        });
        sums.sum()
    }

    fn inner_product(a: &[f16], b: &[f16]) -> f32 {
        sum(a, b, plain::inner_product)
    }

    pub fn l1(a: &[f16], b: &[f16]) -> f32 {
        sum(a, b, plain::l1)
    }
}

/// `$step(a, b, sums)` for each register of both, `$count` of them in turn, so that no addition waits
/// for the last. Compiled with its caller's features, as the functions that the step calls are.
#[cfg(target_arch = "x86_64")]
macro_rules! each_register {
    ($a:ident, $b:ident, $sums:ident, |$x:ident, $y:ident, $sum:ident| $step:expr) => {{
        let shared = $a.len().min($b.len());
        let (a_blocks, a_rest) = $a[..shared].as_chunks::<LANES>();
        let (b_blocks, b_rest) = $b[..shared].as_chunks::<LANES>();
        let (a_turns, a_last) = a_blocks.as_chunks::<SUMS>();
        let (b_turns, b_last) = b_blocks.as_chunks::<SUMS>();
        for (a, b) in a_turns.iter().zip(b_turns) {
            for i in 0..SUMS {
                let ($x, $y, $sum) = (floats(&a[i]), floats(&b[i]), &mut $sums[i]);
                $step;
            }
        }
        for (a, b) in a_last.iter().zip(b_last) {
            let ($x, $y, $sum) = (floats(a), floats(b), &mut $sums[0]);
            $step;
        }
        if !a_rest.is_empty() {
            // Zeros, which add nothing to any sum.
            let (mut a, mut b) = ([f16::ZERO; LANES], [f16::ZERO; LANES]);
            a[..a_rest.len()].copy_from_slice(a_rest);
            b[..b_rest.len()].copy_from_slice(b_rest);
            let ($x, $y, $sum) = (floats(&a), floats(&b), &mut $sums[SUMS - 1]);
            $step;
        }
    }};
}

/// One sum over two vectors. Reached only through `choose`, which has tested for the features.
#[cfg(target_arch = "x86_64")]
macro_rules! sum {
    ($name:ident, $features:literal, |$x:ident, $y:ident, $sum:ident| $step:expr) => {
        fn $name(a: &[f16], b: &[f16]) -> f32 {
            #[target_feature(enable = $features)]
            fn with(a: &[f16], b: &[f16]) -> f32 {
                let mut sums = [zero(); SUMS];
                each_register!(a, b, sums, |$x, $y, $sum| *$sum = $step);
                total(sums)
            }
            // SAFETY: `choose` hands this out only where the CPU has the features.
            unsafe { with(a, b) }
        }
    };
}

/// The kernels, from what a register of the room can do.
#[cfg(target_arch = "x86_64")]
macro_rules! kernels_for {
    ($features:literal) => {
        use super::{CosineSums, Kernels, f16};

        pub const KERNELS: Kernels<f16> = Kernels {
            l2_squared,
            inner_product,
            l1,
            cosines,
        };

        const SUMS: usize = 4;

        sum!(l2_squared, $features, |x, y, sum| {
            let difference = less(x, y);
            more(difference, difference, *sum)
        });
        sum!(inner_product, $features, |x, y, sum| more(x, y, *sum));
        sum!(l1, $features, |x, y, sum| size(less(x, y), *sum));

        fn cosines(a: &[f16], b: &[f16]) -> CosineSums<f32> {
            #[target_feature(enable = $features)]
            fn with(a: &[f16], b: &[f16]) -> CosineSums<f32> {
                let mut sums = [[zero(); 3]; SUMS];
                each_register!(a, b, sums, |x, y, sum| {
                    let [ab, aa, bb] = *sum;
                    *sum = [more(x, y, ab), more(x, x, aa), more(y, y, bb)];
                });
                let of = |i: usize| sums.map(|sum| sum[i]);
                CosineSums {
                    product: total(of(0)),
                    left: total(of(1)),
                    right: total(of(2)),
                }
            }
            // SAFETY: `choose` hands this out only where the CPU has the features.
            unsafe { with(a, b) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512, _mm256_loadu_si256, _mm512_abs_ps, _mm512_add_ps, _mm512_cvtph_ps, _mm512_fmadd_ps,
        _mm512_reduce_add_ps, _mm512_setzero_ps, _mm512_sub_ps,
    };

    const LANES: usize = 16;

    kernels_for!("avx512f,f16c,fma");

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn zero() -> __m512 {
        _mm512_setzero_ps()
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn floats(x: &[f16; LANES]) -> __m512 {
        // SAFETY: 32 bytes, which need no alignment.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(x.as_ptr().cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn less(a: __m512, b: __m512) -> __m512 {
        _mm512_sub_ps(a, b)
    }

    /// `sum + a * b`
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn more(a: __m512, b: __m512, sum: __m512) -> __m512 {
        _mm512_fmadd_ps(a, b, sum)
    }

    /// `sum + |a|`
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn size(a: __m512, sum: __m512) -> __m512 {
        _mm512_add_ps(sum, _mm512_abs_ps(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn total([a, b, c, d]: [__m512; SUMS]) -> f32 {
        _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256, _mm_loadu_si128, _mm256_add_ps, _mm256_andnot_ps, _mm256_cvtph_ps, _mm256_fmadd_ps,
        _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm256_sub_ps,
    };

    const LANES: usize = 8;

    kernels_for!("avx2,f16c,fma");

    #[inline]
    #[target_feature(enable = "avx2")]
    fn zero() -> __m256 {
        _mm256_setzero_ps()
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn floats(x: &[f16; LANES]) -> __m256 {
        // SAFETY: 16 bytes, which need no alignment.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(x.as_ptr().cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn less(a: __m256, b: __m256) -> __m256 {
        _mm256_sub_ps(a, b)
    }

    /// `sum + a * b`
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn more(a: __m256, b: __m256, sum: __m256) -> __m256 {
        _mm256_fmadd_ps(a, b, sum)
    }

    /// `sum + |a|`
    #[inline]
    #[target_feature(enable = "avx2")]
    fn size(a: __m256, sum: __m256) -> __m256 {
        _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0), a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn total([a, b, c, d]: [__m256; SUMS]) -> f32 {
        let mut eight = [0.0_f32; LANES];
        let sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
        // SAFETY: 32 bytes, which need no alignment.
        unsafe { _mm256_storeu_ps(eight.as_mut_ptr(), sum) };
        let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;
    use proptest::prelude::*;

    /// Every set of kernels that this CPU can run and that keeps the contract.
    fn all() -> Vec<(&'static str, Kernels<f16>)> {
        let mut all = vec![("chosen", *kernels()), ("portable", portable::KERNELS)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("f16c") && is_x86_feature_detected!("fma") {
            if is_x86_feature_detected!("avx2") {
                all.push(("avx2", avx2::KERNELS));
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(("avx512", avx512::KERNELS));
            }
        }
        all
    }

    /// Whether two float32 sums over the same terms agree; `size` is the sum of the terms' sizes.
    fn near(found: f32, oracle: f32, size: f32) -> bool {
        (found - oracle).abs() <= 1e-5 * size + f32::MIN_POSITIVE
    }

    fn check(a: &[f16], b: &[f16]) {
        let oracle = plain::cosines(a, b);
        let size = oracle.left + oracle.right;
        let l1 = plain::l1(a, b);
        for (name, kernels) in all() {
            let n = a.len();
            let l2 = (kernels.l2_squared)(a, b);
            assert!(near(l2, plain::l2_squared(a, b), size), "{name} l2 {n}");
            let found = (kernels.inner_product)(a, b);
            assert!(near(found, oracle.product, size), "{name} product {n}");
            assert!(near((kernels.l1)(a, b), l1, l1), "{name} l1 {n}");
            let found = (kernels.cosines)(a, b);
            assert!(
                near(found.product, oracle.product, size),
                "{name} cosine {n}"
            );
            for (found, oracle) in [(found.left, oracle.left), (found.right, oracle.right)] {
                assert!(near(found, oracle, oracle), "{name} cosine {n}");
            }
        }
    }

    proptest! {
        #[test]
        fn kernels_agree_with_the_plain_loops(
            pairs in prop::collection::vec((-1e3_f32..1e3, -1e3_f32..1e3), 1..400)
        ) {
            let half = |x| f16::from_f32(x);
            let (a, b): (Vec<f16>, Vec<f16>) =
                pairs.into_iter().map(|(a, b)| (half(a), half(b))).unzip();
            check(&a, &b);
        }
    }

    #[test]
    fn every_length_is_summed_to_its_end() {
        for len in (1..200).chain([384, 768, 1536, 3072, 16_000]) {
            let mut a = vec![f16::ZERO; len];
            a[len - 1] = f16::from_f32(3.0);
            let b = vec![f16::from_f32(0.5); len];
            check(&a, &b);
            check(&b, &a);
        }
    }

    #[test]
    fn sums_may_exceed_float16() {
        let large = vec![f16::MAX; 100];
        for (name, kernels) in all() {
            let product = (kernels.inner_product)(&large, &large);
            assert!((product / 4.290_774e11 - 1.0).abs() < 1e-5, "{name}");
            let zeros = vec![f16::ZERO; 100];
            assert!(kernels.l2(&large, &zeros).is_finite(), "{name}");
            assert!(kernels.cosine(&large, &zeros).is_nan(), "{name}");
            assert!(kernels.cosine(&large, &large).abs() <= 0.0, "{name}");
        }
    }
}
