//! Lanes: loops over integers that are compared many at once. Slices are whole registers long.

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::sync::LazyLock;

/// Integers of the widest register.
pub const LANES: usize = 16;

type Smallest = fn(&[u32]) -> (u32, usize);
type CountBelow = fn(&[u32], u32) -> u32;

/// The functions for this CPU.
struct LaneKernels {
    smallest: Smallest,
    count_below: CountBelow,
}

static CHOSEN: LazyLock<LaneKernels> = LazyLock::new(choose);

fn choose() -> LaneKernels {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("popcnt") {
            return LaneKernels {
                smallest: x86::smallest512,
                count_below: x86::count_below512,
            };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            return LaneKernels {
                smallest: x86::smallest256,
                count_below: x86::count_below256,
            };
        }
    }
    LaneKernels {
        smallest: portable::smallest,
        count_below: portable::count_below,
    }
}

/// The smallest integer and the first place where it is; for none `u32::MAX` and 0.
pub fn smallest(keys: &[u32]) -> (u32, usize) {
    (CHOSEN.smallest)(keys)
}

/// How many integers are smaller than `bound`.
pub fn count_below(keys: &[u32], bound: u32) -> u32 {
    (CHOSEN.count_below)(keys, bound)
}

/// The smallest `bound` such that at least `count` integers are not above it; `u32::MAX` if there are fewer
/// integers.
pub fn bound_of(keys: &[u32], count: u32) -> u32 {
    let (mut low, _) = smallest(keys);
    let mut high = u32::MAX;
    while low < high {
        let middle = low + (high - low) / 2;
        if count_below(keys, middle + 1) >= count {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

mod portable {
    pub fn smallest(keys: &[u32]) -> (u32, usize) {
        let least = keys.iter().copied().min().unwrap_or(u32::MAX);
        let at = keys.iter().position(|key| *key == least);
        (least, at.unwrap_or(0))
    }

    pub fn count_below(keys: &[u32], bound: u32) -> u32 {
        keys.iter().map(|key| u32::from(*key < bound)).sum()
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_loadu_si256, _mm256_max_epu32,
        _mm256_min_epu32, _mm256_movemask_ps, _mm256_set1_epi32, _mm256_storeu_si256,
        _mm512_add_epi32, _mm512_cmpeq_epu32_mask, _mm512_cmplt_epu32_mask, _mm512_loadu_si512,
        _mm512_mask_mov_epi32, _mm512_mask_reduce_min_epu32, _mm512_min_epu32, _mm512_or_si512,
        _mm512_reduce_min_epu32, _mm512_set1_epi32, _mm512_setr_epi32, _mm512_setzero_si512,
    };

    pub fn smallest512(keys: &[u32]) -> (u32, usize) {
        // SAFETY: handed out where the CPU has the features.
        unsafe { smallest512_with(keys) }
    }

    pub fn count_below512(keys: &[u32], bound: u32) -> u32 {
        // SAFETY: handed out where the CPU has the features.
        unsafe { count_below512_with(keys, bound) }
    }

    pub fn smallest256(keys: &[u32]) -> (u32, usize) {
        // SAFETY: handed out where the CPU has the features.
        unsafe { smallest256_with(keys) }
    }

    pub fn count_below256(keys: &[u32], bound: u32) -> u32 {
        // SAFETY: handed out where the CPU has the features.
        unsafe { count_below256_with(keys, bound) }
    }

    /// Keeps the block of each lane's smallest beside it, so that no branch depends on where it is.
    #[target_feature(enable = "avx512f,popcnt")]
    fn smallest512_with(keys: &[u32]) -> (u32, usize) {
        let (mut least, mut places) = (_mm512_set1_epi32(-1), _mm512_setzero_si512());
        let mut place = _mm512_setzero_si512();
        for block in keys.as_chunks::<16>().0 {
            // SAFETY: 64 bytes; the load needs no alignment.
            let keys = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
            let less = _mm512_cmplt_epu32_mask(keys, least);
            places = _mm512_mask_mov_epi32(places, less, place);
            least = _mm512_min_epu32(least, keys);
            place = _mm512_add_epi32(place, _mm512_set1_epi32(16));
        }
        let smallest = _mm512_reduce_min_epu32(least);
        let lanes = _mm512_cmpeq_epu32_mask(least, _mm512_set1_epi32(smallest.cast_signed()));
        // Of lanes with the same integer, that of the first block.
        let places = _mm512_or_si512(
            places,
            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        );
        (
            smallest,
            _mm512_mask_reduce_min_epu32(lanes, places) as usize,
        )
    }

    #[target_feature(enable = "avx512f,popcnt")]
    fn count_below512_with(keys: &[u32], bound: u32) -> u32 {
        let bound = _mm512_set1_epi32(bound.cast_signed());
        let mut count = 0;
        for block in keys.as_chunks::<16>().0 {
            // SAFETY: 64 bytes; the load needs no alignment.
            let keys = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
            count += _mm512_cmplt_epu32_mask(keys, bound).count_ones();
        }
        count
    }

    #[target_feature(enable = "avx2,popcnt")]
    fn smallest256_with(keys: &[u32]) -> (u32, usize) {
        let (blocks, _) = keys.as_chunks::<8>();
        // SAFETY: 32 bytes; the load needs no alignment.
        let load = |block: &[u32; 8]| unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
        let mut least = _mm256_set1_epi32(-1);
        for block in blocks {
            least = _mm256_min_epu32(least, load(block));
        }
        let mut lanes = [0_u32; 8];
        // SAFETY: 32 bytes; the store needs no alignment.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), least) };
        let least = lanes.into_iter().fold(u32::MAX, u32::min);
        let all = _mm256_set1_epi32(least.cast_signed());
        for (at, block) in blocks.iter().enumerate() {
            let equal = _mm256_castsi256_ps(_mm256_cmpeq_epi32(load(block), all));
            let equal = _mm256_movemask_ps(equal);
            if equal != 0 {
                return (least, 8 * at + equal.trailing_zeros() as usize);
            }
        }
        (u32::MAX, 0)
    }

    #[target_feature(enable = "avx2,popcnt")]
    fn count_below256_with(keys: &[u32], bound: u32) -> u32 {
        let bound = _mm256_set1_epi32(bound.cast_signed());
        let mut others = 0;
        let (blocks, _) = keys.as_chunks::<8>();
        for block in blocks {
            // SAFETY: 32 bytes; the load needs no alignment.
            let keys = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
            let not_below = _mm256_cmpeq_epi32(_mm256_max_epu32(keys, bound), keys);
            others += _mm256_movemask_ps(_mm256_castsi256_ps(not_below)).count_ones();
        }
        let all = blocks.len() * 8;
        u32::try_from(all).unwrap_or(u32::MAX) - others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn many_at_once_are_as_one_by_one(
            mut keys in prop::collection::vec(0_u32..50, 0..100), bound in 0_u32..60, count in 1_u32..80
        ) {
            let len = keys.len();
            keys.resize(len.next_multiple_of(LANES), u32::MAX);
            let expected = (portable::smallest(&keys), portable::count_below(&keys, bound));
            prop_assert_eq!((smallest(&keys), count_below(&keys, bound)), expected);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                prop_assert_eq!((x86::smallest256(&keys), x86::count_below256(&keys, bound)), expected);
            }
            let mut sorted = keys.clone();
            sorted.sort_unstable();
            let expected = sorted.get(count as usize - 1).copied().unwrap_or(u32::MAX);
            prop_assert_eq!(bound_of(&keys, count), expected);
        }
    }
}
