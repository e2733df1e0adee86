//! Filter: which rows a scan may give, by where they are in the table.

use std::sync::Arc;

use crate::index::{Error, Tid, filled};
use crate::quantize::mixed;

/// Bits of a word of the bitmap.
const WORD_BITS: u64 = 64;

/// A bitmap has so many bytes for each row at most: a hash table, whose rows are read at random, has as many.
const BYTES_A_ROW: u64 = 16;

/// A bitmap that fits the nearer caches is used in any case.
const SMALL_BYTES: u64 = 1 << 15;

/// Which rows a scan may give.
#[derive(Clone)]
pub(in crate::ivf) enum RowFilter {
    Every,
    Among(Arc<TidSet>),
    Without(Arc<TidSet>),
}

impl RowFilter {
    /// Which of up to 32 rows may be given: bit `i` for row `i`.
    #[inline]
    pub fn wanted(&self, tids: &[[u8; 6]]) -> u32 {
        let all = u32::MAX >> (32 - tids.len().clamp(1, 32));
        match self {
            Self::Every => all,
            Self::Among(rows) => rows.members(tids),
            Self::Without(rows) => all & !rows.members(tids),
        }
    }
}

/// Rows of a table, in which one is found in a few nanoseconds.
///
/// Where they lie densely enough it is a bitmap, with as many bits for a block as the largest offset needs, rounded up
/// to a power of two; elsewhere a hash table with linear probing, half of it empty at least.
#[derive(Clone, Debug)]
pub struct TidSet {
    rows: usize,
    places: TidPlaces,
}

#[derive(Clone, Debug)]
enum TidPlaces {
    Bitmap {
        /// The first block of a row.
        first: u32,
        /// Bits of a block, as a power of two.
        shift: u32,
        words: Vec<u64>,
    },
    Hashed {
        /// Places, one more each, so that none is zero, in slots of which there are a power of two.
        slots: Vec<u64>,
    },
}

impl TidSet {
    /// A set of these rows, in any order; one that is given twice counts twice in [`len`](Self::len).
    ///
    /// # Errors
    /// Where there is no memory for it.
    pub fn new(tids: &[Tid]) -> Result<Self, Error> {
        let first = tids.iter().map(|tid| tid.block()).min().unwrap_or(0);
        let last = tids.iter().map(|tid| tid.block()).max().unwrap_or(0);
        let offset = tids.iter().map(|tid| tid.offset()).max().unwrap_or(0);
        let shift = u32::from(offset).next_power_of_two().max(2).ilog2();
        // An offset that is a power of two needs one bit more.
        let shift = shift + (u32::from(offset) >> shift);
        let words = (u64::from(last - first + 1) << shift).div_ceil(WORD_BITS);
        let most = (tids.len() as u64 * BYTES_A_ROW).max(SMALL_BYTES);
        let mut places = if words * 8 <= most {
            TidPlaces::Bitmap {
                first,
                shift,
                words: filled(0, usize::try_from(words).unwrap_or(usize::MAX))?,
            }
        } else {
            TidPlaces::Hashed {
                slots: filled(0, (2 * tids.len()).next_power_of_two())?,
            }
        };
        for tid in tids {
            places.add(*tid);
        }
        Ok(Self {
            rows: tids.len(),
            places,
        })
    }

    /// Rows that were given.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether a row is among them.
    #[must_use]
    pub fn contains(&self, tid: Tid) -> bool {
        self.members(&[tid.0]) != 0
    }

    /// Which of up to 32 rows are among them: bit `i` for row `i`.
    #[inline]
    fn members(&self, tids: &[[u8; 6]]) -> u32 {
        match &self.places {
            TidPlaces::Bitmap {
                first,
                shift,
                words,
            } => bits_of(tids, |tid| {
                let bit = bit_of(*first, *shift, tid);
                let word = usize::try_from(bit / WORD_BITS)
                    .ok()
                    .and_then(|at| words.get(at));
                word.copied().unwrap_or(0) >> (bit % WORD_BITS) & 1 != 0
            }),
            TidPlaces::Hashed { slots } => bits_of(tids, |tid| {
                let slot = slot_of(slots, tid).and_then(|slot| slots.get(slot));
                slot.is_some_and(|found| *found != 0)
            }),
        }
    }
}

/// Bit `i` says what `has` says of row `i`.
#[inline]
fn bits_of(tids: &[[u8; 6]], has: impl Fn(Tid) -> bool) -> u32 {
    let tids = tids.iter().zip(0..u32::BITS);
    tids.fold(0, |bits, (tid, at)| bits | u32::from(has(Tid(*tid))) << at)
}

impl TidPlaces {
    fn add(&mut self, tid: Tid) {
        match self {
            Self::Bitmap {
                first,
                shift,
                words,
            } => {
                let bit = bit_of(*first, *shift, tid);
                let word = usize::try_from(bit / WORD_BITS).ok();
                if let Some(word) = word.and_then(|at| words.get_mut(at)) {
                    *word |= 1 << (bit % WORD_BITS);
                }
            }
            Self::Hashed { slots } => {
                if let Some(slot) = slot_of(slots, tid)
                    && let Some(slot) = slots.get_mut(slot)
                {
                    *slot = tid.place() + 1;
                }
            }
        }
    }
}

/// The bit of a row; beyond all others where its offset is larger than all, or its block before the first.
#[inline]
fn bit_of(first: u32, shift: u32, tid: Tid) -> u64 {
    let halves = tid.0.as_chunks::<2>().0;
    let half = |at: usize| {
        halves
            .get(at)
            .map_or(0, |half| u16::from_ne_bytes(*half).into())
    };
    let (block, offset): (u32, u32) = (half(0) << 16 | half(1), half(2));
    if offset >> shift != 0 {
        return u64::MAX;
    }
    u64::from(block.wrapping_sub(first)) << shift | u64::from(offset)
}

/// The slot that has a row, or the empty one where it would be. None where there are no slots.
#[inline]
fn slot_of(slots: &[u64], tid: Tid) -> Option<usize> {
    let mask = slots.len().checked_sub(1)?;
    let wanted = tid.place() + 1;
    let start = usize::try_from(mixed(wanted) & mask as u64).unwrap_or(0);
    (0..slots.len())
        .map(|step| (start + step) & mask)
        .find(|slot| {
            slots
                .get(*slot)
                .is_none_or(|found| *found == 0 || *found == wanted)
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_set_has_what_was_put_into_it(
            far in prop::collection::vec((0_u32..4_000_000_000, 1_u16..300), 0..40),
            near in prop::collection::vec((70_u32..90, 1_u16..70), 0..200),
            asked in prop::collection::vec((60_u32..100, 0_u16..200), 100)
        ) {
            for (given, others) in [(&near, &far), (&far, &near)] {
                let tid = |(block, offset): &(u32, u16)| Tid::new(*block, *offset);
                let tids: Vec<Tid> = given.iter().map(tid).collect();
                let set = TidSet::new(&tids).unwrap();
                let model: HashSet<Tid> = tids.iter().copied().collect();
                prop_assert_eq!(set.len(), tids.len());
                for tid in given.iter().chain(others).chain(&asked).map(tid) {
                    prop_assert_eq!(set.contains(tid), model.contains(&tid), "{:?}", tid);
                }
            }
        }

        #[test]
        fn rows_are_wanted_as_one_by_one(
            given in prop::collection::vec(0_u16..64, 0..30), asked in prop::collection::vec(0_u16..64, 1..=32)
        ) {
            let tids: Vec<Tid> = given.iter().map(|offset| Tid::new(3, *offset)).collect();
            let set = Arc::new(TidSet::new(&tids).unwrap());
            let bytes: Vec<[u8; 6]> = asked.iter().map(|offset| Tid::new(3, *offset).0).collect();
            let has = |at: usize| given.contains(&asked[at]);
            let (among, without) = (RowFilter::Among(Arc::clone(&set)), RowFilter::Without(set));
            for at in 0..asked.len() {
                prop_assert_eq!(among.wanted(&bytes) >> at & 1 != 0, has(at));
                prop_assert_eq!(without.wanted(&bytes) >> at & 1 != 0, !has(at));
                prop_assert_eq!(RowFilter::Every.wanted(&bytes) >> at & 1, 1);
            }
            let beyond = |bits: u32| u64::from(bits) >> asked.len();
            prop_assert_eq!(beyond(without.wanted(&bytes)) | beyond(RowFilter::Every.wanted(&bytes)), 0);
        }
    }

    #[test]
    fn rows_that_are_far_apart_are_hashed() {
        let tids: Vec<Tid> = (0..40).map(|at| Tid::new(at * 100_000_000, 200)).collect();
        let set = TidSet::new(&tids).unwrap();
        assert!(matches!(set.places, TidPlaces::Hashed { .. }));
        assert!(matches!(
            TidSet::new(&tids[..1]).unwrap().places,
            TidPlaces::Bitmap { .. }
        ));
    }
}
