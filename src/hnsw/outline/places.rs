//! Places of rows in the table: sorted numbers, looked up by about where they must be.

use std::collections::TryReserveError;

use crate::distance::prefetch_at;
use crate::index::filled;

use super::PlacedRow;

/// Rows in the order of their places ([`Tid::place`](crate::index::Tid::place)), cut where blocks begin, into about as
/// many parts as there are rows.
#[derive(Default)]
pub(super) struct Places {
    /// Together, so that who finds a place has its row.
    sorted: Vec<PlacedRow>,
    parts: Parts,
}

/// Where parts begin, noted from the last row to the first.
#[derive(Default)]
pub(super) struct Parts {
    /// For each part, the number of its first place, or of a later place if the part is empty; at the end the
    /// number of places.
    starts: Vec<u32>,
    /// Parts are of so many blocks, as a power of two.
    shift: u32,
    /// Those from here on are noted.
    noted: usize,
}

impl Parts {
    /// Parts of so many rows, up to the last place.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn new(rows: usize, last: u64) -> Result<Self, TryReserveError> {
        let (block, most) = (last >> OFFSET_BITS, 2 * rows as u64);
        let mut shift = 0;
        while block >> shift > most {
            shift += 1;
        }
        let mut parts = Self {
            starts: Vec::new(),
            shift,
            noted: 0,
        };
        let count = if rows == 0 { 0 } else { parts.of(last) + 1 };
        parts.starts = filled(0, count + 1)?;
        parts.noted = count;
        if let Some(end) = parts.starts.last_mut() {
            *end = u32::try_from(rows).unwrap_or(u32::MAX);
        }
        Ok(parts)
    }

    /// The part of a place.
    #[inline]
    fn of(&self, place: u64) -> usize {
        usize::try_from(place >> OFFSET_BITS >> self.shift).unwrap_or(usize::MAX)
    }

    /// Notes the place of a number, which is before all that were noted.
    pub fn note(&mut self, place: u64, number: usize) {
        let part = self.of(place);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        // Parts between have no place: they begin where the next does.
        let between = self.starts.get_mut(part + 1..self.noted);
        between.unwrap_or_default().fill(number.saturating_add(1));
        if let Some(start) = self.starts.get_mut(part) {
            *start = number;
        }
        self.noted = part;
    }

    /// The number of the first place of a place's part, and that of the next part.
    #[inline]
    fn get(&self, place: u64) -> Option<&[u32]> {
        let part = self.of(place);
        self.starts.get(part..part.checked_add(2)?)
    }
}

/// Bits of a place below its block.
const OFFSET_BITS: u32 = 16;

impl Places {
    /// Rows by place, whose parts are noted.
    pub fn new(sorted: Vec<PlacedRow>, parts: Parts) -> Self {
        Self { sorted, parts }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The row of a number.
    pub fn get(&self, at: usize) -> Option<PlacedRow> {
        self.sorted.get(at).copied()
    }

    /// The position of a place in its part, if all rows of its block are there: they are numbered from 1.
    #[inline]
    fn guess(place: u64) -> usize {
        ((place & ((1 << OFFSET_BITS) - 1)) as usize).wrapping_sub(1)
    }

    /// Asks for what says where a place is.
    #[inline]
    pub fn prefetch_part(&self, place: u64) {
        if let Some(part) = self.parts.get(place) {
            prefetch_at(part.as_ptr().cast(), size_of_val(part));
        }
    }

    /// Asks for where a place is likely to be, of which the above was asked for.
    #[inline]
    pub fn prefetch_guess(&self, place: u64) {
        if let Some([start, _]) = self.parts.get(place)
            && let at = (*start as usize).wrapping_add(Self::guess(place))
            && let Some(row) = self.sorted.get(at)
        {
            prefetch_at(std::ptr::from_ref(row).cast(), size_of_val(row));
        }
    }

    /// The number of a place, and its row.
    #[inline]
    pub fn find(&self, place: u64) -> Option<(usize, PlacedRow)> {
        let [start, end] = self.parts.get(place)? else {
            return None;
        };
        let start = *start as usize;
        let rows = self.sorted.get(start..*end as usize)?;
        let guess = Self::guess(place);
        if let Some(row) = rows.get(guess)
            && row.place == place
        {
            return Some((start + guess, *row));
        }
        let at = rows.binary_search_by_key(&place, |row| row.place).ok()?;
        Some((start + at, *rows.get(at)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hnsw::outline::sorting::Sorting;

    proptest! {
        #[test]
        fn what_is_there_is_found(
            rows in prop::collection::btree_set((0_u64..500, 1_u64..20), 0..300),
            apart in 0_u32..20,
            others in prop::collection::vec((0_u64..600, 0_u64..22), 50),
            steps in 1_usize..50,
        ) {
            let place = |(block, offset): (u64, u64)| block << apart << OFFSET_BITS | offset;
            let sorted: Vec<u64> = rows.iter().copied().map(place).collect();
            let numbered = sorted.iter().zip(0..).map(|(place, node)| PlacedRow { place: *place, node, code: node });
            let numbered: Vec<_> = numbered.collect();
            let mut shuffled = numbered.clone();
            shuffled.sort_unstable_by_key(|row| row.place.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(row.node));
            let mut sorting = Sorting::new(shuffled).unwrap();
            prop_assert!(sorting.steps_left() <= 2 * numbered.len());
            while sorting.steps_left() > 0 {
                sorting.go_on(steps).unwrap();
            }
            let places = sorting.finish().unwrap();
            let row = |row: &PlacedRow| (row.place, row.node);
            prop_assert_eq!(places.sorted.iter().map(row).collect::<Vec<_>>(), numbered.iter().map(row).collect::<Vec<_>>());
            prop_assert!(places.parts.starts.len() <= 4 * sorted.len() + 4);
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
