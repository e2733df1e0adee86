//! Tid: where a row of a table is.

use std::cmp::Ordering;

/// A heap tuple's block and offset, six bytes as Postgres stores them: the block's upper half, its lower
/// half, the offset, each in native byte order (`itemptr.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tid(pub [u8; 6]);

/// As the table has its rows.
impl Ord for Tid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Tid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Tid {
    /// The tuple of a block with this offset, which counts from 1.
    #[must_use]
    pub fn new(block: u32, offset: u16) -> Self {
        Self::at(u64::from(block) << 16 | u64::from(offset))
    }

    /// The block.
    #[expect(clippy::cast_possible_truncation, reason = "the upper 32 of 48 bits")]
    #[must_use]
    pub fn block(self) -> u32 {
        (self.place() >> 16) as u32
    }

    /// The offset in the block, which counts from 1.
    #[must_use]
    pub fn offset(self) -> u16 {
        let [.., first, second] = self.0;
        u16::from_ne_bytes([first, second])
    }

    /// Block and offset as a number that sorts as the table does.
    #[must_use]
    pub fn place(self) -> u64 {
        let parts = self.0.as_chunks::<2>().0.iter();
        parts.fold(0, |place, part| {
            place << 16 | u64::from(u16::from_ne_bytes(*part))
        })
    }

    /// The tuple at a [place](Self::place).
    #[must_use]
    pub fn at(place: u64) -> Self {
        let mut bytes = [0; 6];
        for (part, shift) in bytes.as_chunks_mut::<2>().0.iter_mut().zip([32, 16, 0]) {
            #[expect(clippy::cast_possible_truncation, reason = "16 bits of it")]
            let bits = (place >> shift) as u16;
            *part = bits.to_ne_bytes();
        }
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_and_offset_are_what_they_were_and_sort_as_the_table_does() {
        let tid = Tid::new(0x1234_5678, 0x9ABC);
        assert_eq!((tid.block(), tid.offset()), (0x1234_5678, 0x9ABC));
        assert_eq!(tid.place(), 0x1234_5678_9ABC);
        assert_eq!(Tid::at(tid.place()), tid);
        assert!(Tid::new(1, 2) < Tid::new(1, 3) && Tid::new(1, u16::MAX) < Tid::new(2, 0));
    }
}
