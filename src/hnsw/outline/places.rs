//! Where rows are in the table: numbers that are sorted, and found by about where they must be.

use std::collections::TryReserveError;

use crate::distance::prefetch_at;

use super::super::fallible::with_room;
use super::Row;

/// Rows in the order of their places ([`Tid::place`](crate::hnsw::Tid::place)), cut where blocks begin, into about as many
/// parts as there are rows.
#[derive(Default)]
pub(super) struct Places {
    /// Together, so that who finds a place has its row.
    sorted: Vec<(u64, Row)>,
    /// The first place of each part; then their number.
    starts: Vec<u32>,
    /// Parts are of so many blocks, as a power of two.
    shift: u32,
}

/// Bits of a place below its block.
const OFFSET: u32 = 16;

impl Places {
    /// Takes rows by place, which are sorted, different, and less than 2^32.
    ///
    /// # Errors
    /// Where there is no memory to find them by.
    pub fn new(rows: Vec<(u64, Row)>) -> Result<Self, TryReserveError> {
        let last = rows.last().map_or(0, |(place, _)| place >> OFFSET);
        let most = 2 * rows.len() as u64;
        let mut shift = 0;
        while last >> shift > most {
            shift += 1;
        }
        let parts = usize::try_from((last >> shift) + 2).unwrap_or(usize::MAX);
        let mut starts = with_room(parts)?;
        for (at, (place, _)) in (0..).zip(&rows) {
            let part = usize::try_from(place >> OFFSET >> shift).unwrap_or(usize::MAX);
            if starts.len() <= part {
                starts.resize(part + 1, at);
            }
        }
        starts.push(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        Ok(Self {
            sorted: rows,
            starts,
            shift,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The place of a number, and its row.
    pub fn get(&self, at: usize) -> Option<(u64, Row)> {
        self.sorted.get(at).copied()
    }

    /// The number of the first place of a part, and that of the next part.
    #[inline]
    fn part(&self, place: u64) -> Option<&[u32]> {
        let part = usize::try_from(place >> OFFSET >> self.shift).ok()?;
        self.starts.get(part..part + 2)
    }

    /// Where a place is among those of its part if all rows of its block are there: they are numbered from 1 on.
    #[inline]
    fn guess(place: u64) -> usize {
        ((place & ((1 << OFFSET) - 1)) as usize).wrapping_sub(1)
    }

    /// Asks for what says where a place is.
    #[inline]
    pub fn prefetch_part(&self, place: u64) {
        if let Some(part) = self.part(place) {
            prefetch_at(part.as_ptr().cast(), size_of_val(part));
        }
    }

    /// Asks for where a place is likely to be, of which the above was asked for.
    #[inline]
    pub fn prefetch_guess(&self, place: u64) {
        if let Some([start, _]) = self.part(place)
            && let at = (*start as usize).wrapping_add(Self::guess(place))
            && let Some(row) = self.sorted.get(at)
        {
            prefetch_at(std::ptr::from_ref(row).cast(), size_of_val(row));
        }
    }

    /// The number of a place, and its row.
    #[inline]
    pub fn find(&self, place: u64) -> Option<(usize, Row)> {
        let [start, end] = self.part(place)? else {
            return None;
        };
        let start = *start as usize;
        let rows = self.sorted.get(start..*end as usize)?;
        let guess = Self::guess(place);
        if let Some((found, row)) = rows.get(guess)
            && *found == place
        {
            return Some((start + guess, *row));
        }
        let at = rows
            .binary_search_by_key(&place, |(place, _)| *place)
            .ok()?;
        Some((start + at, rows.get(at)?.1))
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
            let numbered = sorted.iter().zip(0..).map(|(place, node)| (*place, Row { node, code: node }));
            let places = Places::new(numbered.collect()).unwrap();
            prop_assert!(places.starts.len() <= 4 * sorted.len() + 4);
            for (at, place) in sorted.iter().enumerate() {
                let found = places.find(*place).map(|(found, row)| (found, row.node as usize));
                prop_assert_eq!(found, Some((at, at)));
                places.prefetch_part(*place);
                places.prefetch_guess(*place);
            }
            for other in others {
                prop_assert_eq!(places.find(place(other)).is_some(), rows.contains(&other));
            }
        }
    }
}
