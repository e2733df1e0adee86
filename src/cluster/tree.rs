//! Tree of centres in two levels, in which the nearest to a vector is found without looking at all.

use super::lloyd::{self, Draws};
use super::{Centres, Nearest, Vectors};

/// Cells of the upper level whose centres a vector is compared with.
const CELLS_COMPARED: usize = 8;

/// Up to so many centres are found, and compared, in one level.
pub(super) const ONE_LEVEL: usize = 64;

/// Bytes of the vectors of a batch, and the most vectors.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_VECTORS: usize = 1_024;

/// The nearest centres of a batch of vectors, and room to find them in.
#[derive(Clone, Debug, Default)]
pub struct NearestBatch {
    /// Of each vector.
    nearest: Vec<Nearest>,
    scores: Vec<f32>,
    /// Places of the vectors that are compared with each cell.
    compared: Vec<Vec<usize>>,
}

impl NearestBatch {
    /// Vectors of so many dimensions that are best compared together.
    #[must_use]
    pub fn vectors(dims: usize) -> usize {
        (BATCH_BYTES / (size_of::<f32>() * dims.max(1))).clamp(16, BATCH_VECTORS)
    }

    /// Notes a centre for a vector, if it is nearer than those that were seen.
    fn see(nearest: &mut [Nearest], at: usize, found: Nearest) {
        if let Some(nearest) = nearest.get_mut(at)
            && found.score < nearest.score
        {
            *nearest = found;
        }
    }
}

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
        let centres = lower.vectors();
        let all = (0..lower.len()).map(|centre| centres.get(centre));
        let cells = 0..upper.len();
        upper.nearest_to_each(all, &cells, &mut Vec::new(), |centre, cell| {
            if let Some(members) = members.get_mut(cell.centre as usize) {
                members.push(centre);
            }
        });
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

    /// As centres that vectors are compared with.
    pub(super) fn lower(&self) -> &Centres {
        &self.lower
    }

    /// The nearest centre of each vector: of all in a tree of one level, else of those in the nearest cells. Centres
    /// are read once for a batch, where one vector after the other would read them from memory each time.
    pub fn nearest_each<'b>(
        &self,
        vectors: Vectors<'_>,
        batch: &'b mut NearestBatch,
    ) -> &'b [Nearest] {
        let farthest = Nearest {
            centre: 0,
            score: f32::INFINITY,
        };
        batch.nearest.clear();
        batch.nearest.resize(vectors.len(), farthest);
        let NearestBatch {
            nearest,
            scores,
            compared,
        } = batch;
        let all = (0..vectors.len()).map(|at| vectors.get(at));
        if self.upper.is_empty() {
            let among = 0..self.lower.len();
            self.lower
                .nearest_to_each(all, &among, scores, |at, found| {
                    NearestBatch::see(nearest, at, found);
                });
            return nearest;
        }
        compared.resize(self.members.len(), Vec::new());
        let cells = 0..self.upper.len();
        let see = |at: usize, cells: &[Nearest]| {
            for cell in cells {
                if let Some(compared) = compared.get_mut(cell.centre as usize) {
                    compared.push(at);
                }
            }
        };
        self.upper.nearest_many(all, &cells, CELLS_COMPARED, see);
        for (compared, members) in compared.iter_mut().zip(&self.members) {
            let near = compared.iter().map(|at| vectors.get(*at));
            let among = members.iter().copied();
            self.lower
                .nearest_to_each(near, &among, scores, |at, found| {
                    NearestBatch::see(nearest, compared[at], found);
                });
            compared.clear();
        }
        nearest
    }

    /// Up to `count` centres near to a vector, the nearest first, into `found`: of all in a tree of one level, else of
    /// those in the nearest cells.
    pub(super) fn near(&self, vector: &[f32], count: usize, found: &mut Vec<usize>) {
        found.clear();
        if self.upper.is_empty() {
            found.extend(0..self.lower.len());
        } else {
            let cells = 0..self.upper.len();
            let see = |_, cells: &[Nearest]| {
                let members = |cell: &Nearest| self.members.get(cell.centre as usize);
                found.extend(cells.iter().filter_map(members).flatten());
            };
            self.upper
                .nearest_many([vector], &cells, CELLS_COMPARED, see);
        }
        let among = std::mem::take(found);
        let see = |_, near: &[Nearest]| found.extend(near.iter().map(|near| near.centre as usize));
        self.lower
            .nearest_many([vector], &among.iter().copied(), count, see);
    }
}

#[cfg(test)]
mod tests {
    use super::super::near::half;
    use super::*;
    use crate::distance::inner_products;

    /// The nearest centre of one vector, one centre after the other.
    fn nearest(tree: &CentreTree, vector: &[f32]) -> Option<Nearest> {
        let mut among: Vec<usize> = (0..tree.lower.len()).collect();
        if !tree.upper.is_empty() {
            among.clear();
            let cells = 0..tree.upper.len();
            let see = |_, cells: &[Nearest]| {
                for cell in cells {
                    among.extend(&tree.members[cell.centre as usize]);
                }
            };
            tree.upper
                .nearest_many([vector], &cells, CELLS_COMPARED, see);
        }
        let scored = among.into_iter().map(|centre| {
            let own = tree.lower.vectors().get(centre);
            let mut product = [0.0];
            inner_products(&[vector], &[own], &mut product);
            Nearest {
                centre: u32::try_from(centre).unwrap(),
                score: half(own) - product[0],
            }
        });
        scored.min_by(|a, b| a.score.total_cmp(&b.score))
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
    fn a_batch_finds_what_one_vector_after_the_other_does() {
        let mut draws = Draws(8);
        let mut points =
            |count: usize| -> Vec<f32> { (0..9 * count).map(|_| draws.share() as f32).collect() };
        let elements = points(300);
        let vectors = Vectors {
            dims: 9,
            elements: &elements,
        };
        for centres in [0, 1, 40, 200] {
            let centres = Centres::new(9, points(centres));
            for tree in [
                CentreTree::flat(centres.clone()),
                CentreTree::over(centres, 3),
            ] {
                let mut batch = NearestBatch::default();
                for _ in 0..2 {
                    let found = tree.nearest_each(vectors, &mut batch);
                    assert_eq!(found.len(), vectors.len());
                    for (at, found) in found.iter().enumerate() {
                        let nearest = nearest(&tree, vectors.get(at));
                        let score = nearest.map_or(f32::INFINITY, |nearest| nearest.score);
                        assert_eq!(found.score.to_bits(), score.to_bits());
                    }
                }
            }
        }
    }
}
