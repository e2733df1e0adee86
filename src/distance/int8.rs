//! Int8 kernels, chosen once for the CPU at hand. All are exact: sums of 16,000 elements fit int32.
//!
//! simsimd's sums are exact too, but go into one register; it has no L1, and its cosine takes an
//! approximate square root and gives 0 or 1 for zero vectors where the contract is NaN. So it serves
//! where a CPU has neither AVX2 nor AVX-512 with VNNI.

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::sync::LazyLock;

use super::{CosineSums, Kernels};

static CHOSEN: LazyLock<Kernels<i8>> = LazyLock::new(choose);

/// The kernels for this CPU.
#[must_use]
#[inline]
pub fn kernels() -> &'static Kernels<i8> {
    &CHOSEN
}

fn choose() -> Kernels<i8> {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vnni") {
            return avx512::KERNELS;
        }
        if is_x86_feature_detected!("avx2") {
            return avx2::KERNELS;
        }
    }
    SIMSIMD
}

/// simsimd's own kernels, with ours where it has none: those of other CPUs, and for comparison.
pub const SIMSIMD: Kernels<i8> = Kernels {
    l2_squared: simsimd::l2_squared,
    inner_product: simsimd::inner_product,
    l1: simsimd::l1,
    cosines: simsimd::cosines,
};

mod simsimd {
    use simsimd::SpatialSimilarity;

    use super::CosineSums;

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a 32-bit sum that simsimd has widened"
    )]
    fn narrow(sum: Option<f64>) -> i32 {
        sum.unwrap_or(0.0) as i32
    }

    pub fn l2_squared(a: &[i8], b: &[i8]) -> i32 {
        narrow(SpatialSimilarity::l2sq(a, b))
    }

    pub fn inner_product(a: &[i8], b: &[i8]) -> i32 {
        narrow(SpatialSimilarity::dot(a, b))
    }

    pub fn l1(a: &[i8], b: &[i8]) -> i32 {
        let sizes = a.iter().zip(b).map(|(a, b)| i32::from(a.abs_diff(*b)));
        sizes.sum()
    }

    pub fn cosines(a: &[i8], b: &[i8]) -> CosineSums<i32> {
        CosineSums::of(a, b, inner_product)
    }
}

/// `$step` for each block of `$lanes` elements of both vectors, the part that both have; `$i` counts
/// sums in turn, so that no addition waits for the last. Compiled with its caller's features, as the
/// functions that the step calls are.
#[cfg(target_arch = "x86_64")]
macro_rules! each_block {
    ($a:ident, $b:ident, $lanes:expr, |$x:ident, $y:ident, $i:ident| $step:expr) => {{
        let shared = $a.len().min($b.len());
        let (a_blocks, a_rest) = $a[..shared].as_chunks::<{ $lanes }>();
        let (b_blocks, b_rest) = $b[..shared].as_chunks::<{ $lanes }>();
        let (a_turns, a_last) = a_blocks.as_chunks::<SUMS>();
        let (b_turns, b_last) = b_blocks.as_chunks::<SUMS>();
        for (a, b) in a_turns.iter().zip(b_turns) {
            for $i in 0..SUMS {
                let ($x, $y) = (&a[$i], &b[$i]);
                $step;
            }
        }
        for ($x, $y) in a_last.iter().zip(b_last) {
            let $i = 0;
            $step;
        }
        if !a_rest.is_empty() {
            // Zeros, which add nothing to any sum.
            let (mut a, mut b) = ([0_i8; $lanes], [0_i8; $lanes]);
            a[..a_rest.len()].copy_from_slice(a_rest);
            b[..b_rest.len()].copy_from_slice(b_rest);
            let ($x, $y, $i) = (&a, &b, SUMS - 1);
            $step;
        }
    }};
}

/// The kernels, from what a register of the room can do. Reached only through `choose`, which has
/// tested for the features.
#[cfg(target_arch = "x86_64")]
macro_rules! kernels_for {
    ($features:literal) => {
        use super::{CosineSums, Kernels};

        pub const KERNELS: Kernels<i8> = Kernels {
            l2_squared,
            inner_product,
            l1,
            cosines,
        };

        /// Sums that are kept beside each other.
        const SUMS: usize = 2;

        fn l2_squared(a: &[i8], b: &[i8]) -> i32 {
            #[target_feature(enable = $features)]
            fn with(a: &[i8], b: &[i8]) -> i32 {
                let mut sums = [zero(); SUMS];
                each_block!(a, b, WORDS, |x, y, i| {
                    let difference = less(words(x), words(y));
                    sums[i] = more(sums[i], difference, difference);
                });
                total(sums)
            }
            // SAFETY: `choose` hands this out only where the CPU has the features.
            unsafe { with(a, b) }
        }

        fn l1(a: &[i8], b: &[i8]) -> i32 {
            #[target_feature(enable = $features)]
            fn with(a: &[i8], b: &[i8]) -> i32 {
                let mut sums = [zero(); SUMS];
                each_block!(a, b, 2 * WORDS, |x, y, i| sums[i] = sizes(sums[i], x, y));
                total(sums)
            }
            // SAFETY: as above.
            unsafe { with(a, b) }
        }

        fn cosines(a: &[i8], b: &[i8]) -> CosineSums<i32> {
            #[target_feature(enable = $features)]
            fn with(a: &[i8], b: &[i8]) -> CosineSums<i32> {
                let mut sums = [[zero(); SUMS]; 3];
                each_block!(a, b, WORDS, |x, y, i| {
                    let (x, y) = (words(x), words(y));
                    sums[0][i] = more(sums[0][i], x, y);
                    sums[1][i] = more(sums[1][i], x, x);
                    sums[2][i] = more(sums[2][i], y, y);
                });
                let [ab, aa, bb] = sums;
                CosineSums {
                    product: total(ab),
                    left: total(aa),
                    right: total(bb),
                }
            }
            // SAFETY: as above.
            unsafe { with(a, b) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm256_loadu_si256, _mm512_add_epi32, _mm512_cvtepi8_epi16, _mm512_dpbusd_epi32,
        _mm512_dpwssd_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_sad_epu8,
        _mm512_set1_epi8, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_sub_epi16,
        _mm512_sub_epi32, _mm512_xor_si512,
    };

    /// Elements of a register, each widened to 16 bits.
    const WORDS: usize = 32;

    kernels_for!("avx512f,avx512bw,avx512vnni");

    /// The instruction takes one unsigned operand: `(a + 128) b` is summed, and 128 times the sum of
    /// `b` taken off.
    fn inner_product(a: &[i8], b: &[i8]) -> i32 {
        #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
        fn with(a: &[i8], b: &[i8]) -> i32 {
            let ones = _mm512_set1_epi8(1);
            let (mut products, mut sums) = ([zero(); SUMS], zero());
            each_block!(a, b, 2 * WORDS, |x, y, i| {
                let y = bytes(y);
                products[i] = _mm512_dpbusd_epi32(products[i], unsigned(x), y);
                sums = _mm512_dpbusd_epi32(sums, ones, y);
            });
            let products = _mm512_add_epi32(products[0], products[1]);
            let products = _mm512_sub_epi32(products, _mm512_slli_epi32::<7>(sums));
            _mm512_reduce_add_epi32(products)
        }
        // SAFETY: `choose` hands this out only where the CPU has the features.
        unsafe { with(a, b) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn zero() -> __m512i {
        _mm512_setzero_si512()
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn bytes(x: &[i8; 2 * WORDS]) -> __m512i {
        // SAFETY: 64 bytes, which need no alignment.
        unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
    }

    /// `x + 128`
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn unsigned(x: &[i8; 2 * WORDS]) -> __m512i {
        _mm512_xor_si512(bytes(x), _mm512_set1_epi8(-128))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn words(x: &[i8; WORDS]) -> __m512i {
        // SAFETY: 32 bytes, which need no alignment.
        _mm512_cvtepi8_epi16(unsafe { _mm256_loadu_si256(x.as_ptr().cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn less(a: __m512i, b: __m512i) -> __m512i {
        _mm512_sub_epi16(a, b)
    }

    /// `sum + a * b`, of pairs.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn more(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        _mm512_dpwssd_epi32(sum, a, b)
    }

    /// `sum + |a - b|`, of eights.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn sizes(sum: __m512i, a: &[i8; 2 * WORDS], b: &[i8; 2 * WORDS]) -> __m512i {
        _mm512_add_epi32(sum, _mm512_sad_epu8(unsigned(a), unsigned(b)))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn total([a, b]: [__m512i; SUMS]) -> i32 {
        _mm512_reduce_add_epi32(_mm512_add_epi32(a, b))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_loadu_si256,
        _mm256_madd_epi16, _mm256_sad_epu8, _mm256_set1_epi8, _mm256_setzero_si256,
        _mm256_storeu_si256, _mm256_sub_epi16, _mm256_xor_si256,
    };

    /// Elements of a register, each widened to 16 bits.
    const WORDS: usize = 16;

    kernels_for!("avx2");

    fn inner_product(a: &[i8], b: &[i8]) -> i32 {
        #[target_feature(enable = "avx2")]
        fn with(a: &[i8], b: &[i8]) -> i32 {
            let mut sums = [zero(); SUMS];
            each_block!(a, b, WORDS, |x, y, i| sums[i] =
                more(sums[i], words(x), words(y)));
            total(sums)
        }
        // SAFETY: `choose` hands this out only where the CPU has the feature.
        unsafe { with(a, b) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn zero() -> __m256i {
        _mm256_setzero_si256()
    }

    /// `x + 128`
    #[inline]
    #[target_feature(enable = "avx2")]
    fn unsigned(x: &[i8; 2 * WORDS]) -> __m256i {
        // SAFETY: 32 bytes, which need no alignment.
        let bytes = unsafe { _mm256_loadu_si256(x.as_ptr().cast()) };
        _mm256_xor_si256(bytes, _mm256_set1_epi8(-128))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn words(x: &[i8; WORDS]) -> __m256i {
        // SAFETY: 16 bytes, which need no alignment.
        _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(x.as_ptr().cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn less(a: __m256i, b: __m256i) -> __m256i {
        _mm256_sub_epi16(a, b)
    }

    /// `sum + a * b`, of pairs.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn more(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
        _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
    }

    /// `sum + |a - b|`, of eights.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sizes(sum: __m256i, a: &[i8; 2 * WORDS], b: &[i8; 2 * WORDS]) -> __m256i {
        _mm256_add_epi32(sum, _mm256_sad_epu8(unsigned(a), unsigned(b)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn total([a, b]: [__m256i; SUMS]) -> i32 {
        let mut eight = [0_i32; 8];
        // SAFETY: 32 bytes, which need no alignment.
        unsafe { _mm256_storeu_si256(eight.as_mut_ptr().cast(), _mm256_add_epi32(a, b)) };
        eight.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;
    use proptest::prelude::*;

    /// Every set of kernels that this CPU can run.
    fn all() -> Vec<(&'static str, Kernels<i8>)> {
        let mut all = vec![("chosen", *kernels()), ("simsimd", SIMSIMD)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                all.push(("avx2", avx2::KERNELS));
            }
            if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vnni") {
                all.push(("avx512", avx512::KERNELS));
            }
        }
        all
    }

    fn check(a: &[i8], b: &[i8]) {
        let oracle = plain::WHOLE;
        for (name, kernels) in all() {
            let n = a.len();
            let sums =
                |k: &Kernels<i8>| [(k.l2_squared)(a, b), (k.inner_product)(a, b), (k.l1)(a, b)];
            assert_eq!(sums(&kernels), sums(&oracle), "{name} {n}");
            let cosines = (kernels.cosines)(a, b);
            assert_eq!(cosines, (oracle.cosines)(a, b), "{name} {n}");
        }
    }

    proptest! {
        #[test]
        fn kernels_are_exact(pairs in prop::collection::vec((any::<i8>(), any::<i8>()), 1..400)) {
            let (a, b): (Vec<i8>, Vec<i8>) = pairs.into_iter().unzip();
            check(&a, &b);
        }
    }

    #[test]
    fn every_length_is_summed_to_its_end_and_extremes_do_not_overflow() {
        for len in (1..300).chain([384, 768, 1_536, 3_072, 16_000]) {
            let (low, high) = (vec![-128_i8; len], vec![127_i8; len]);
            check(&low, &low);
            check(&low, &high);
            check(&high, &low);
            let mut last = vec![0_i8; len];
            last[len - 1] = -3;
            check(&last, &high);
            check(&high, &last);
        }
    }

    #[test]
    fn cosine_of_zero_is_not_a_number_and_of_parallels_is_exact() {
        let (large, against) = (vec![-128_i8; 16_000], vec![64_i8; 16_000]);
        for (name, kernels) in all() {
            assert!(kernels.cosine(&[0, 0], &[1, 2]).is_nan(), "{name}");
            assert!(kernels.cosine(&[1, 2], &[2, 4]).abs() <= 0.0, "{name}");
            assert!(kernels.cosine(&large, &large).abs() <= 0.0, "{name}");
            let opposite = kernels.cosine(&large, &against);
            assert!((opposite - 2.0).abs() <= 0.0, "{name} {opposite}");
        }
    }
}
