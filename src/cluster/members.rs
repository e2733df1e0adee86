//! Vectors by the centre that each belongs to.

use crate::index::{Error, collected, filled};

/// Vectors by their centre.
#[derive(Default)]
pub struct Members {
    vectors: Vec<u32>,
    starts: Vec<u32>,
}

impl Members {
    /// Vectors, of which `of` gives the centres, for so many centres. One whose centre is not among these is left out.
    ///
    /// # Errors
    /// Where there is no memory.
    pub fn new(of: impl Iterator<Item = u32> + Clone, centres: usize) -> Result<Self, Error> {
        let mut starts: Vec<u32> = filled(0, centres + 1)?;
        for centre in of.clone() {
            if let Some(size) = starts.get_mut(centre as usize + 1) {
                *size += 1;
            }
        }
        for centre in 1..starts.len() {
            starts[centre] += starts[centre - 1];
        }
        let mut next: Vec<u32> = collected(starts.iter().copied())?;
        let all = starts.last().map_or(0, |end| *end as usize);
        let mut vectors: Vec<u32> = filled(0, all)?;
        for (vector, centre) in (0..).zip(of) {
            if let Some(next) = next.get_mut(centre as usize)
                && let Some(place) = vectors.get_mut(*next as usize)
            {
                *place = vector;
                *next += 1;
            }
        }
        Ok(Self { vectors, starts })
    }

    /// Numbers of all vectors, those of each centre together in ascending order.
    #[must_use]
    pub fn vectors(&self) -> &[u32] {
        &self.vectors
    }

    /// Where those of each centre begin, and the end of the last.
    #[must_use]
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Those of a centre; None where there are not so many.
    #[must_use]
    pub fn of(&self, centre: usize) -> Option<&[u32]> {
        let (start, end) = (self.starts.get(centre)?, self.starts.get(centre + 1)?);
        self.vectors.get(*start as usize..*end as usize)
    }

    /// How many centres have members, or could.
    #[must_use]
    pub fn centres(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
}
