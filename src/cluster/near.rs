//! Nearest centre of a vector, by squared Euclidean distance.
//!
//! `|x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - <x, c>)`: the first term is the same for all centres, so one inner product is
//! computed for each, and those of many vectors with many centres together.

use crate::distance::{inner_products, prefetch_at};

use super::Vectors;

/// Vectors that are compared with the same centres before the next ones are: so many stay in the nearer caches.
const VECTORS_AT_ONCE: usize = 48;

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
        let halves = elements.chunks_exact(dims.max(1)).map(half);
        let halves = halves.collect();
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

    /// Their elements, one centre behind the other.
    pub(super) fn into_elements(self) -> Vec<f32> {
        self.elements
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

    /// The scores of some centres for each of some vectors, one vector after the other, into `scores`. One that is not
    /// a number is infinite.
    fn score_each(
        &self,
        vectors: &[&[f32]],
        among: &(impl Iterator<Item = usize> + Clone),
        scores: &mut Vec<f32>,
    ) {
        let all = self.vectors();
        let centres: Vec<&[f32]> = among.clone().map(|centre| all.get(centre)).collect();
        scores.clear();
        scores.resize(vectors.len() * centres.len(), f32::INFINITY);
        inner_products(vectors, &centres, scores);
        let halves = || among.clone().filter_map(|centre| self.halves.get(centre));
        for scores in scores.chunks_mut(centres.len().max(1)) {
            for (score, half) in scores.iter_mut().zip(halves()) {
                let own = half - *score;
                *score = if own.is_nan() { f32::INFINITY } else { own };
            }
        }
    }

    /// The nearest of some centres to each of some vectors, into `see` with the vector's place; none where there are
    /// none. Of equally near ones it is the first. `scores` is room to work in.
    pub(super) fn nearest_to_each<'v>(
        &self,
        vectors: impl IntoIterator<Item = &'v [f32]>,
        among: &(impl Iterator<Item = usize> + Clone),
        scores: &mut Vec<f32>,
        mut see: impl FnMut(usize, Nearest),
    ) {
        self.each_scored(vectors, among, scores, |at, scores| {
            if let Some(nearest) = nearest_of(scores, among.clone()) {
                see(at, nearest);
            }
        });
    }

    /// The nearest of all; None where there are none.
    #[must_use]
    pub fn nearest(&self, vector: &[f32]) -> Option<Nearest> {
        let mut found = None;
        let see = |_, nearest| found = Some(nearest);
        self.nearest_to_each([vector], &(0..self.len()), &mut Vec::new(), see);
        found
    }

    /// The `count` nearest of some centres to each of some vectors, nearest first, into `see` with the vector's place.
    pub(super) fn nearest_many<'v>(
        &self,
        vectors: impl IntoIterator<Item = &'v [f32]>,
        among: &(impl Iterator<Item = usize> + Clone),
        count: usize,
        mut see: impl FnMut(usize, &[Nearest]),
    ) {
        let order = |a: &Nearest, b: &Nearest| a.score.total_cmp(&b.score);
        let mut found = Vec::new();
        self.each_scored(vectors, among, &mut Vec::new(), |at, scores| {
            found.clear();
            found.extend(with_scores(scores, among.clone()));
            if count < found.len() {
                found.select_nth_unstable_by(count, order);
                found.truncate(count);
            }
            found.sort_unstable_by(order);
            see(at, &found);
        });
    }

    /// The scores of some centres for each of some vectors, into `see` with the vector's place; nothing where there are
    /// no centres.
    fn each_scored<'v>(
        &self,
        vectors: impl IntoIterator<Item = &'v [f32]>,
        among: &(impl Iterator<Item = usize> + Clone),
        scores: &mut Vec<f32>,
        mut see: impl FnMut(usize, &[f32]),
    ) {
        let count = among.clone().count();
        let mut vectors = vectors.into_iter();
        // The next ones are on their way from memory while these are compared.
        let mut next = || -> Vec<&[f32]> {
            let some = vectors.by_ref().take(VECTORS_AT_ONCE);
            let prefetched = some.inspect(|vector| {
                prefetch_at(vector.as_ptr().cast(), size_of_val(*vector));
            });
            prefetched.collect()
        };
        let (mut at, mut some) = (0, next());
        while count > 0 && !some.is_empty() {
            let following = next();
            self.score_each(&some, among, scores);
            for scores in scores.chunks_exact(count) {
                see(at, scores);
                at += 1;
            }
            some = following;
        }
    }
}

/// Half of the squared length of a vector, by the sum that its product with another one has: so it is at distance zero
/// from itself.
pub(super) fn half(vector: &[f32]) -> f32 {
    let mut squared = [0.0];
    inner_products(&[vector], &[vector], &mut squared);
    squared[0] / 2.0
}

/// Some centres with their scores.
fn with_scores(
    scores: &[f32],
    among: impl Iterator<Item = usize>,
) -> impl Iterator<Item = Nearest> {
    scores.iter().zip(among).map(|(score, centre)| Nearest {
        centre: u32::try_from(centre).unwrap_or(u32::MAX),
        score: *score,
    })
}

/// The least of the scores of some centres.
fn nearest_of(scores: &[f32], among: impl Iterator<Item = usize>) -> Option<Nearest> {
    let closer = |best: Nearest, next: Nearest| if next.score < best.score { next } else { best };
    with_scores(scores, among).reduce(closer)
}
