//! Tree of centres in two levels, in which the nearest to a vector is found without looking at all.

use super::lloyd::{self, Draws};
use super::{Centres, Nearest, Vectors};

/// Cells of the upper level whose centres a vector is compared with.
const CELLS_COMPARED: usize = 8;

/// Up to so many centres are found, and compared, in one level.
pub(super) const ONE_LEVEL: usize = 64;

/// Centres by the cell of the upper level that they are in.
#[derive(Clone, Debug)]
pub struct CentreTree {
    /// No centres where there is one level.
    upper: Centres,
    lower: Centres,
    /// Numbers of the lower centres of each cell.
    members: Vec<Vec<usize>>,
}

impl CentreTree {
    /// A tree of one level.
    #[must_use]
    pub fn flat(lower: Centres) -> Self {
        Self {
            upper: Centres::default(),
            lower,
            members: Vec::new(),
        }
    }

    /// A tree with these cells.
    #[must_use]
    pub fn new(upper: Centres, lower: Centres) -> Self {
        let mut members = vec![Vec::new(); upper.len()];
        for centre in 0..lower.len() {
            let cell = upper.nearest(lower.vectors().get(centre));
            if let Some(cell) = cell.and_then(|cell| members.get_mut(cell.centre as usize)) {
                cell.push(centre);
            }
        }
        Self {
            upper,
            lower,
            members,
        }
    }

    /// A tree of centres, whose cells are found by k-means where there are many of them.
    #[must_use]
    pub fn over(lower: Centres, seed: u64) -> Self {
        if lower.len() <= ONE_LEVEL {
            return Self::flat(lower);
        }
        let vectors = lower.vectors();
        let all: Vec<u32> = (0..u32::try_from(lower.len()).unwrap_or(u32::MAX)).collect();
        let cells = lower.len().isqrt();
        let upper = lloyd::centres(vectors, &all, cells, &mut Draws(seed), &|| false);
        let upper = Centres::new(vectors.dims, upper);
        Self::new(upper, lower)
    }

    /// The centres of the lower level.
    #[must_use]
    pub fn centres(&self) -> Vectors<'_> {
        self.lower.vectors()
    }

    /// The nearest centre: of all in a tree of one level, else of those in the nearest cells. `cells` is room to work
    /// in.
    #[must_use]
    pub fn nearest(&self, vector: &[f32], cells: &mut Vec<Nearest>) -> Option<Nearest> {
        if self.upper.is_empty() {
            return self.lower.nearest(vector);
        }
        self.upper.nearest_many(vector, CELLS_COMPARED, cells);
        let near = cells
            .iter()
            .filter_map(|cell| self.members.get(cell.centre as usize));
        self.lower.nearest_of(vector, near.flatten().copied())
    }
}
