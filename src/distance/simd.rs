//! Float32 kernels, chosen once for the CPU at hand.
//!
//! With AVX-512 or AVX2 they are ours: simsimd sums into one register, so that each addition waits for the last, and
//! has no L1 and no cosine that keeps the contract (its square root is approximate, and a zero vector is near). Each
//! loop below keeps several independent sums, is written once in safe Rust and compiled for AVX-512 and the base CPU;
//! those of AVX2 are in `avx2.rs`. Elsewhere simsimd dispatches L2 and inner product, to NEON or SVE on ARM.
//!
//! A closure has the CPU features of the function it is written in, not of the helper it is passed
//! to, and where it is not inlined `mul_add` becomes a call. So the loops take small closures only,
//! written inside the functions that have the features.

#![allow(
    unsafe_code,
    reason = "calling a function compiled for a CPU feature that was tested for"
)]

use std::sync::LazyLock;

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::{CosineSums, Kernels};

static CHOSEN: LazyLock<Kernels> = LazyLock::new(choose);

/// The kernels for this CPU.
#[must_use]
pub fn kernels() -> &'static Kernels {
    &CHOSEN
}

/// simsimd's own kernels, with ours where it has none, for comparison in the benchmarks.
pub const SIMSIMD: Kernels = Kernels {
    l2_squared: simsimd_l2_squared,
    inner_product: simsimd_inner_product,
    l1: portable::l1,
    cosines: simsimd_cosines,
};

/// The kernels of a CPU without AVX2.
const BASE: Kernels = Kernels {
    cosines: portable::cosines,
    ..SIMSIMD
};

#[expect(
    clippy::cast_possible_truncation,
    reason = "simsimd widens a float32 sum"
)]
fn simsimd_l2_squared(a: &[f32], b: &[f32]) -> f32 {
    <f32 as simsimd::SpatialSimilarity>::l2sq(a, b).unwrap_or(f64::NAN) as f32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "simsimd widens a float32 sum"
)]
fn simsimd_inner_product(a: &[f32], b: &[f32]) -> f32 {
    <f32 as simsimd::SpatialSimilarity>::dot(a, b).unwrap_or(f64::NAN) as f32
}

fn simsimd_cosines(a: &[f32], b: &[f32]) -> CosineSums<f32> {
    CosineSums::of(a, b, simsimd_inner_product)
}

fn choose() -> Kernels {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return avx512::KERNELS;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return avx2::KERNELS;
        }
    }
    BASE
}

/// Float32 lanes of the widest register.
const LANES: usize = 16;

/// Adds `step(a, b, sum)` over all elements in `N` independent sums.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn fold<const N: usize>(a: &[f32], b: &[f32], step: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; N];
    let ((a_blocks, a_rest), (b_blocks, b_rest)) = (a.as_chunks::<N>(), b.as_chunks::<N>());
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for i in 0..N {
            sums[i] = step(a[i], b[i], sums[i]);
        }
    }
    let rest = a_rest
        .iter()
        .zip(b_rest)
        .fold(0.0, |sum, (a, b)| step(*a, *b, sum));
    total(&sums) + rest
}

/// The three sums of cosine in one pass, `N` lanes each.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn fold3<const N: usize>(
    a: &[f32],
    b: &[f32],
    step: impl Fn(f32, f32, f32) -> f32,
) -> CosineSums<f32> {
    let (mut ab, mut aa, mut bb) = ([0.0_f32; N], [0.0_f32; N], [0.0_f32; N]);
    let ((a_blocks, a_rest), (b_blocks, b_rest)) = (a.as_chunks::<N>(), b.as_chunks::<N>());
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for i in 0..N {
            ab[i] = step(a[i], b[i], ab[i]);
            aa[i] = step(a[i], a[i], aa[i]);
            bb[i] = step(b[i], b[i], bb[i]);
        }
    }
    let (mut product, mut left, mut right) = (0.0, 0.0, 0.0);
    for (a, b) in a_rest.iter().zip(b_rest) {
        product = step(*a, *b, product);
        left = step(*a, *a, left);
        right = step(*b, *b, right);
    }
    CosineSums {
        product: total(&ab) + product,
        left: total(&aa) + left,
        right: total(&bb) + right,
    }
}

/// Sums halves onto halves, which stays in registers and rounds less than one long chain.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn total<const N: usize>(sums: &[f32; N]) -> f32 {
    let mut lanes = [0.0; LANES];
    for register in sums.as_chunks::<LANES>().0 {
        for i in 0..LANES {
            lanes[i] += register[i];
        }
    }
    let eight: [f32; 8] = std::array::from_fn(|i| lanes[i] + lanes[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

mod portable {
    use super::CosineSums;

    /// Sum of absolute differences.
    pub fn l1(a: &[f32], b: &[f32]) -> f32 {
        super::fold::<16>(a, b, |a, b, sum| sum + (a - b).abs())
    }

    /// The three sums of cosine.
    pub fn cosines(a: &[f32], b: &[f32]) -> CosineSums<f32> {
        super::fold3::<16>(a, b, |a, b, sum| sum + a * b)
    }
}

/// The four kernels for one set of CPU features, with `$sums` and `$sums3` lanes for each sum:
/// safe functions that must only be reached through
/// `choose`, which has tested for the features.
#[cfg(target_arch = "x86_64")]
macro_rules! kernels_for {
    ($room:ident, $features:literal, $sums:literal, $sums3:literal) => {
        mod $room {
            use super::{CosineSums, Kernels, fold, fold3};

            pub const KERNELS: Kernels = Kernels {
                l2_squared,
                inner_product,
                l1,
                cosines,
            };

            #[target_feature(enable = $features)]
            fn l2_squared_with(a: &[f32], b: &[f32]) -> f32 {
                fold::<$sums>(a, b, |a, b, sum| (a - b).mul_add(a - b, sum))
            }

            #[target_feature(enable = $features)]
            fn inner_product_with(a: &[f32], b: &[f32]) -> f32 {
                fold::<$sums>(a, b, |a, b, sum| a.mul_add(b, sum))
            }

            #[target_feature(enable = $features)]
            fn l1_with(a: &[f32], b: &[f32]) -> f32 {
                fold::<$sums>(a, b, |a, b, sum| sum + (a - b).abs())
            }

            #[target_feature(enable = $features)]
            fn cosines_with(a: &[f32], b: &[f32]) -> CosineSums<f32> {
                fold3::<$sums3>(a, b, |a, b, sum| a.mul_add(b, sum))
            }

            fn l2_squared(a: &[f32], b: &[f32]) -> f32 {
                // SAFETY: `choose` hands this out only where the CPU has the features.
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
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernels_for!(avx512, "avx512f,avx2,fma", 64, 32);

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;
    use proptest::prelude::*;

    /// Every set of kernels that this CPU can run.
    fn all() -> Vec<(&'static str, Kernels)> {
        let mut all = vec![("simsimd", SIMSIMD), ("base", BASE), ("chosen", *kernels())];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
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

    fn check(a: &[f32], b: &[f32]) {
        let size = plain::inner_product(a, a) + plain::inner_product(b, b);
        for (name, kernels) in all() {
            let n = a.len();
            let l2 = (kernels.l2_squared)(a, b);
            assert!(near(l2, plain::l2_squared(a, b), size), "{name} l2 {n}");
            let product = (kernels.inner_product)(a, b);
            assert!(
                near(product, plain::inner_product(a, b), size),
                "{name} product {n}"
            );
            let l1 = plain::l1(a, b);
            assert!(near((kernels.l1)(a, b), l1, l1), "{name} l1 {n}");
            let (found, oracle) = ((kernels.cosines)(a, b), plain::cosines(a, b));
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
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            check(&a, &b);
        }
    }

    #[test]
    fn every_length_is_summed_to_its_end() {
        for len in (1..200).chain([384, 768, 1536, 3072, 16_000]) {
            let mut a = vec![0.0_f32; len];
            a[len - 1] = 3.0;
            let b = vec![0.0_f32; len];
            for (name, kernels) in all() {
                assert!(
                    ((kernels.l2_squared)(&a, &b) - 9.0).abs() < 1e-6,
                    "{name} {len}"
                );
                assert!(((kernels.l1)(&a, &b) - 3.0).abs() < 1e-6, "{name} {len}");
                assert!(
                    ((kernels.inner_product)(&a, &a) - 9.0).abs() < 1e-6,
                    "{name} {len}"
                );
                assert!(
                    ((kernels.cosines)(&a, &a).left - 9.0).abs() < 1e-6,
                    "{name} {len}"
                );
            }
        }
    }

    #[test]
    fn sums_overflow_to_infinity_as_float32_does() {
        for (name, kernels) in all() {
            assert!(kernels.l2(&[3e38], &[-3e38]).is_infinite(), "{name}");
            assert!(
                (kernels.inner_product)(&[3e38], &[3e38]).is_infinite(),
                "{name}"
            );
            assert!(kernels.cosine(&[3e38], &[3e38]).is_nan(), "{name}");
        }
    }

    #[test]
    fn cosine_of_zero_is_not_a_number_and_of_parallels_is_exact() {
        for (name, kernels) in all() {
            assert!(kernels.cosine(&[0.0, 0.0], &[1.0, 2.0]).is_nan(), "{name}");
            assert!(
                kernels.cosine(&[1.0, 2.0], &[2.0, 4.0]).abs() <= 0.0,
                "{name}"
            );
            assert!(
                (kernels.cosine(&[1.0, 1.0], &[-1.0, -1.0]) - 2.0).abs() <= 0.0,
                "{name}"
            );
        }
    }
}
