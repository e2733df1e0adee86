//! Hamming and Jaccard: how far apart two rows of bits are. Hamming is simsimd's, which keeps the contract whatever
//! the CPU. Jaccard is a count of ours, for simsimd's is a float32 and the contract is float64.
//!
//! Bits that pad the last byte must be equal in both. Callers check lengths; of different ones all
//! is NaN.

#![allow(
    unsafe_code,
    reason = "calling a function compiled for a CPU feature that was tested for"
)]

use simsimd::BinarySimilarity;

/// Bits that differ.
#[must_use]
pub fn hamming(a: &[u8], b: &[u8]) -> f64 {
    <u8 as BinarySimilarity>::hamming(a, b).unwrap_or(f64::NAN)
}

/// 1 minus the share of the bits set in both among those set in either. It is 1 if none is set in both, even
/// for two values without any.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "fewer bits than 2^53")]
pub fn jaccard(a: &[u8], b: &[u8]) -> f64 {
    if a.len() != b.len() {
        return f64::NAN;
    }
    let (both, either) = counts(a, b);
    if both == 0 {
        1.0
    } else {
        1.0 - both as f64 / either as f64
    }
}

/// simsimd's Jaccard distance, for comparison in the benchmarks.
#[must_use]
pub fn simsimd_jaccard(a: &[u8], b: &[u8]) -> f64 {
    <u8 as BinarySimilarity>::jaccard(a, b).unwrap_or(f64::NAN)
}

/// Bits set in both, and in either.
fn counts(a: &[u8], b: &[u8]) -> (u64, u64) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
        fn avx512(a: &[u8], b: &[u8]) -> (u64, u64) {
            counts_with(a, b)
        }
        #[target_feature(enable = "popcnt")]
        fn popcnt(a: &[u8], b: &[u8]) -> (u64, u64) {
            counts_with(a, b)
        }
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vpopcntdq")
        {
            // SAFETY: the CPU has the features.
            return unsafe { avx512(a, b) };
        }
        if is_x86_feature_detected!("popcnt") {
            // SAFETY: the CPU has the feature.
            return unsafe { popcnt(a, b) };
        }
    }
    counts_with(a, b)
}

/// Compiled with its caller's CPU features.
#[inline(always)]
fn counts_with(a: &[u8], b: &[u8]) -> (u64, u64) {
    const LANES: usize = 16;
    let (mut both, mut either) = ([0_u64; LANES], [0_u64; LANES]);
    let ((a_words, a_rest), (b_words, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let ((a_blocks, a_last), (b_blocks, b_last)) =
        (a_words.as_chunks::<LANES>(), b_words.as_chunks::<LANES>());
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for i in 0..LANES {
            let (a, b) = (u64::from_ne_bytes(a[i]), u64::from_ne_bytes(b[i]));
            both[i] += u64::from((a & b).count_ones());
            either[i] += u64::from((a | b).count_ones());
        }
    }
    for (a, b) in a_last.iter().zip(b_last) {
        let (a, b) = (u64::from_ne_bytes(*a), u64::from_ne_bytes(*b));
        both[0] += u64::from((a & b).count_ones());
        either[0] += u64::from((a | b).count_ones());
    }
    for (a, b) in a_rest.iter().zip(b_rest) {
        both[0] += u64::from((a & b).count_ones());
        either[0] += u64::from((a | b).count_ones());
    }
    (both.iter().sum(), either.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As `hamming_distance` and `jaccard_distance` of pgvector count.
    fn plain(a: &[u8], b: &[u8]) -> (f64, f64) {
        let count = |join: fn(u8, u8) -> u8| -> f64 {
            let joined = a.iter().zip(b).map(|(a, b)| join(*a, *b).count_ones());
            joined.sum::<u32>().into()
        };
        let (both, left, right) = (count(|a, b| a & b), count(|a, _| a), count(|_, b| b));
        let jaccard = if both == 0.0 {
            1.0
        } else {
            1.0 - both / (left + right - both)
        };
        (count(|a, b| a ^ b), jaccard)
    }

    fn check(a: &[u8], b: &[u8]) {
        let (differ, share) = plain(a, b);
        assert!((hamming(a, b) - differ).abs() <= 0.0, "{}", a.len());
        assert!((jaccard(a, b) - share).abs() <= 0.0, "{}", a.len());
        assert_eq!(counts(a, b), counts_with(a, b), "{}", a.len());
    }

    proptest! {
        #[test]
        fn they_agree_with_the_plain_loops(
            pairs in prop::collection::vec((any::<u8>(), any::<u8>()), 0..600)
        ) {
            let (a, b): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
            check(&a, &b);
        }
    }

    #[test]
    fn every_length_is_counted_to_its_end() {
        for len in (1..400).chain([1_000, 8_000]) {
            let (zeros, ones) = (vec![0; len], vec![0xFF; len]);
            let mut last = zeros.clone();
            last[len - 1] = 0x80;
            for (a, b) in [
                (&zeros, &ones),
                (&ones, &ones),
                (&last, &ones),
                (&last, &zeros),
            ] {
                check(a, b);
            }
        }
    }

    #[test]
    fn nothing_has_nothing_in_common() {
        for len in [0, 1, 8, 24, 100, 300] {
            let zeros = vec![0; len];
            assert!((jaccard(&zeros, &zeros) - 1.0).abs() <= 0.0, "{len}");
            assert!(hamming(&zeros, &zeros).abs() <= 0.0, "{len}");
        }
        assert!(hamming(&[1], &[1, 2]).is_nan() && jaccard(&[1], &[1, 2]).is_nan());
    }
}
