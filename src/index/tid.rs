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

impl From<u64> for Tid {
    /// [`Tid::at`]
    fn from(place: u64) -> Self {
        Self::at(place)
    }
}

impl From<Tid> for u64 {
    /// [`Tid::place`]
    fn from(tid: Tid) -> Self {
        tid.place()
    }
}
