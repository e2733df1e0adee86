//! How far apart two rows of bits are, by simsimd: it keeps the contract, whatever the CPU.
//!
//! Bits that pad the last byte must be equal in both. Callers check lengths; of different ones all
//! is NaN.

use simsimd::BinarySimilarity;

/// Bits that differ.
#[must_use]
pub fn hamming(a: &[u8], b: &[u8]) -> f64 {
    <u8 as BinarySimilarity>::hamming(a, b).unwrap_or(f64::NAN)
}

/// One less the share of bits set in both among those set in either; 1 where none is set in both,
/// even of two values without any.
#[must_use]
pub fn jaccard(a: &[u8], b: &[u8]) -> f64 {
    <u8 as BinarySimilarity>::jaccard(a, b).unwrap_or(f64::NAN)
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
        assert!((jaccard(a, b) - share).abs() <= 1e-7, "{}", a.len());
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
