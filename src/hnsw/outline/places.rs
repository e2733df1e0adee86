//! Where rows are in the table: numbers that are sorted, and found by about where they must be.

/// Sorted places ([`Tid::place`](crate::hnsw::Tid::place)), cut where blocks begin, into about as many
/// parts as there are rows.
#[derive(Default)]
pub(super) struct Places {
    sorted: Vec<u64>,
    /// The first place of each part; then their number.
    starts: Vec<u32>,
    /// Parts are of so many blocks, as a power of two.
    shift: u32,
}

/// Bits of a place below its block.
const OFFSET: u32 = 16;

impl Places {
    /// Takes places, which are sorted and less than 2^32.
    pub fn new(places: Vec<u64>) -> Self {
        let last = places.last().map_or(0, |place| place >> OFFSET);
        let most = 2 * places.len() as u64;
        let mut shift = 0;
        while last >> shift > most {
            shift += 1;
        }
        let mut starts = Vec::new();
        for (at, place) in (0..).zip(&places) {
            let part = usize::try_from(place >> OFFSET >> shift).unwrap_or(usize::MAX);
            if starts.len() <= part {
                starts.resize(part + 1, at);
            }
        }
        starts.push(u32::try_from(places.len()).unwrap_or(u32::MAX));
        Self {
            sorted: places,
            starts,
            shift,
        }
    }

    /// The place of a number.
    pub fn get(&self, at: usize) -> Option<u64> {
        self.sorted.get(at).copied()
    }

    /// The number of a place.
    #[inline]
    pub fn find(&self, place: u64) -> Option<usize> {
        let part = usize::try_from(place >> OFFSET >> self.shift).ok()?;
        let start = *self.starts.get(part)? as usize;
        let end = *self.starts.get(part + 1)? as usize;
        let places = self.sorted.get(start..end)?;
        // Rows of a block that are all there are numbered from 1 on.
        let guess = ((place & ((1 << OFFSET) - 1)) as usize).wrapping_sub(1);
        if self.shift == 0 && places.get(guess) == Some(&place) {
            return Some(start + guess);
        }
        let found = places.binary_search(&place);
        found.ok().map(|at| start + at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_there_is_found(
            rows in prop::collection::btree_set((0_u64..500, 1_u64..20), 0..300),
            apart in 0_u32..20,
            others in prop::collection::vec((0_u64..600, 0_u64..22), 50),
        ) {
            let place = |(block, offset): (u64, u64)| block << apart << OFFSET | offset;
            let sorted: Vec<u64> = rows.iter().copied().map(place).collect();
            let places = Places::new(sorted.clone());
            prop_assert!(places.starts.len() <= 4 * sorted.len() + 4);
            for (at, place) in sorted.iter().enumerate() {
                prop_assert_eq!(places.find(*place), Some(at));
            }
            for other in others {
                prop_assert_eq!(places.find(place(other)).is_some(), rows.contains(&other));
            }
        }
    }
}
