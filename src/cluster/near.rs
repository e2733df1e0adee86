//! Nearest centre of a vector, by squared Euclidean distance.
//!
//! `|x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - <x, c>)`: the first term is the same for all centres, so one inner product is
//! computed for each.

use crate::distance::simd::kernels;

use super::Vectors;

/// A centre, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// Its number.
    pub centre: u32,
    /// Half its squared length less the inner product with the vector: half the squared distance, less half the
    /// vector's own squared length.
    pub score: f32,
}

/// Centres that vectors are compared with.
#[derive(Clone, Debug, Default)]
pub struct Centres {
    dims: usize,
    elements: Vec<f32>,
    /// Half of the squared length of each.
    halves: Vec<f32>,
}

impl Centres {
    /// Centres of `dims` elements, one behind the other.
    #[must_use]
    pub fn new(dims: usize, elements: Vec<f32>) -> Self {
        let dot = kernels().inner_product;
        let halves = elements.chunks_exact(dims.max(1));
        let halves = halves.map(|centre| dot(centre, centre) / 2.0).collect();
        Self {
            dims: dims.max(1),
            elements,
            halves,
        }
    }

    /// All of them.
    #[must_use]
    pub fn vectors(&self) -> Vectors<'_> {
        Vectors {
            dims: self.dims,
            elements: &self.elements,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.halves.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.halves.is_empty()
    }

    /// The score of a centre for a vector; infinite where there is none of that number, and where it is not a number.
    #[must_use]
    pub fn score(&self, vector: &[f32], centre: usize) -> f32 {
        let half = self.halves.get(centre).copied().unwrap_or(f32::INFINITY);
        let score = half - (kernels().inner_product)(vector, self.vectors().get(centre));
        if score.is_nan() { f32::INFINITY } else { score }
    }

    /// The nearest of some centres; None where there are none.
    #[must_use]
    pub fn nearest_of(
        &self,
        vector: &[f32],
        among: impl IntoIterator<Item = usize>,
    ) -> Option<Nearest> {
        let scored = among.into_iter().map(|centre| Nearest {
            centre: u32::try_from(centre).unwrap_or(u32::MAX),
            score: self.score(vector, centre),
        });
        scored.reduce(|best, next| if next.score < best.score { next } else { best })
    }

    /// The nearest of all; None where there are none.
    #[must_use]
    pub fn nearest(&self, vector: &[f32]) -> Option<Nearest> {
        self.nearest_of(vector, 0..self.len())
    }

    /// The `count` nearest, nearest first, into `found`.
    pub fn nearest_many(&self, vector: &[f32], count: usize, found: &mut Vec<Nearest>) {
        found.clear();
        found.extend((0..self.len()).map(|centre| Nearest {
            centre: u32::try_from(centre).unwrap_or(u32::MAX),
            score: self.score(vector, centre),
        }));
        let order = |a: &Nearest, b: &Nearest| a.score.total_cmp(&b.score);
        if count < found.len() {
            found.select_nth_unstable_by(count, order);
            found.truncate(count);
        }
        found.sort_unstable_by(order);
    }
}
