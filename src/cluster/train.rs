//! Training: k-means in two levels, so that its cost grows with the square root of the number of centres, and a last
//! pass over all of them.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::bulk::Crew;
use crate::index::Error;

use super::lloyd::{Draws, centres};
use super::passes::last_passes;
use super::tree::ONE_LEVEL;
use super::{CentreTree, Centres, NearestBatch, Vectors};

/// Vectors that the upper level learns from, for each of its cells.
const PER_CELL: usize = 256;

/// What is wanted of a training.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// Centres.
    pub centres: usize,
    /// Draws the seeds.
    pub seed: u64,
}

/// Learns centres, at most as many as wanted: fewer where there are not so many different vectors, none where there are
/// no vectors.
///
/// # Errors
/// [`Error::Cancelled`], and those of the crew's sink.
pub fn train(vectors: Vectors<'_>, goal: &Goal, crew: &mut Crew<'_>) -> Result<Centres, Error> {
    let count = u32::try_from(vectors.len()).unwrap_or(u32::MAX);
    let all: Vec<u32> = (0..count).collect();
    let mut draws = Draws(goal.seed);
    if goal.centres <= ONE_LEVEL {
        let found = alone(vectors, &all, goal.centres, draws, crew)?;
        return Ok(Centres::new(vectors.dims, found));
    }
    let cells = goal.centres.isqrt();
    let mut some = all.clone();
    draws.shuffle_first(&mut some, cells * PER_CELL);
    some.truncate(cells * PER_CELL);
    let upper = Centres::new(vectors.dims, alone(vectors, &some, cells, draws, crew)?);
    let lower = within_cells(vectors, &all, &upper, goal, crew)?;
    last_passes(vectors, &all, &upper, lower, crew)
}

/// Centres of one level, by one thread of the crew while the caller polls.
fn alone(
    vectors: Vectors<'_>,
    members: &[u32],
    count: usize,
    draws: Draws,
    crew: &mut Crew<'_>,
) -> Result<Vec<f32>, Error> {
    let found = Mutex::new(Vec::new());
    let cancel = &crew.progress.cancel;
    let ended = || cancel.load(Relaxed);
    crew.work(1, || {
        let centres = centres(vectors, members, count, &mut draws.clone(), &ended);
        *found.lock().unwrap_or_else(PoisonError::into_inner) = centres;
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The nearest centre of each vector, among those of the nearest cells.
pub(super) fn assign(
    vectors: Vectors<'_>,
    all: &[u32],
    tree: &CentreTree,
    crew: &mut Crew<'_>,
) -> Result<Vec<u32>, Error> {
    let of: Vec<AtomicU32> = all.iter().map(|_| AtomicU32::new(u32::MAX)).collect();
    let (threads, cancel) = (crew.pool.current_num_threads(), &crew.progress.cancel);
    let at_once = NearestBatch::vectors(vectors.dims);
    let batches: Vec<_> = vectors
        .elements
        .chunks(at_once * vectors.dims)
        .zip(of.chunks(at_once))
        .collect();
    let next = AtomicU32::new(0);
    crew.work(threads, || {
        let mut batch = NearestBatch::default();
        while let Some((elements, of)) = batches.get(next.fetch_add(1, Relaxed) as usize) {
            if cancel.load(Relaxed) {
                return;
            }
            let dims = vectors.dims;
            let nearest = tree.nearest_each(Vectors { dims, elements }, &mut batch);
            for (of, nearest) in of.iter().zip(nearest) {
                of.store(nearest.centre, Relaxed);
            }
        }
    })?;
    Ok(of.into_iter().map(AtomicU32::into_inner).collect())
}

/// Centres of each cell, as many as is its share of the vectors.
fn within_cells(
    vectors: Vectors<'_>,
    all: &[u32],
    upper: &Centres,
    goal: &Goal,
    crew: &mut Crew<'_>,
) -> Result<Centres, Error> {
    let of = assign(vectors, all, &CentreTree::flat(upper.clone()), crew)?;
    let mut cells: Vec<(usize, Vec<u32>)> =
        (0..upper.len()).map(|cell| (cell, Vec::new())).collect();
    for (member, cell) in all.iter().zip(&of) {
        if let Some((_, members)) = cells.get_mut(*cell as usize) {
            members.push(*member);
        }
    }
    let found: Vec<Mutex<Vec<f32>>> = cells.iter().map(|_| Mutex::default()).collect();
    let (threads, cancel) = (crew.pool.current_num_threads(), &crew.progress.cancel);
    // One run of the crew is many cells, so each cell is an item of its own.
    let next = AtomicU32::new(0);
    crew.work(threads, || {
        while let Some((cell, members)) = cells.get(next.fetch_add(1, Relaxed) as usize) {
            if cancel.load(Relaxed) {
                return;
            }
            let share = (goal.centres * members.len() + all.len() / 2) / all.len().max(1);
            let mut draws = Draws(goal.seed ^ *cell as u64);
            let centres = centres(vectors, members, share.max(1), &mut draws, &|| {
                cancel.load(Relaxed)
            });
            if let Some(found) = found.get(*cell) {
                *found.lock().unwrap_or_else(PoisonError::into_inner) = centres;
            }
        }
    })?;
    let mut elements = Vec::new();
    for found in found {
        elements.extend(found.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
    elements.truncate(goal.centres * vectors.dims);
    Ok(Centres::new(vectors.dims, elements))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::{Progress, Sink, pool};
    use crate::page::Bytes;

    struct Nowhere;

    impl Sink for Nowhere {
        fn page(&mut self, _: &Bytes) -> Result<(), Error> {
            Ok(())
        }
    }

    fn trained(elements: &[f32], dims: usize, centres: usize) -> Centres {
        let pool = pool(2).unwrap();
        let progress = Progress::default();
        let mut crew = Crew {
            pool: &pool,
            progress: &progress,
            sink: &mut Nowhere,
        };
        let goal = Goal { centres, seed: 5 };
        train(Vectors { dims, elements }, &goal, &mut crew).unwrap()
    }

    /// Points around `count` far places.
    fn places(count: usize, each: usize) -> Vec<f32> {
        let mut draws = Draws(3);
        let place = |place: usize, draws: &mut Draws| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                reason = "small numbers"
            )]
            let near = |at: usize, draws: &mut Draws| 100.0 * at as f32 + draws.share() as f32;
            [near(place % 10, draws), near(place / 10, draws)]
        };
        (0..count * each)
            .flat_map(|row| place(row % count, &mut draws))
            .collect()
    }

    #[test]
    fn each_of_far_places_gets_a_centre() {
        for count in [1, 7, 40, 100] {
            let vectors = places(count, 50);
            let centres = trained(&vectors, 2, count);
            assert!(centres.len() <= count);
            let far = vectors.chunks(2).filter(|vector| {
                let nearest = centres.nearest(vector).unwrap();
                let own: f32 = vector.iter().map(|x| x * x).sum();
                2.0 * nearest.score + own > 100.0 * 100.0 / 4.0
            });
            assert!(far.count() * 20 <= count * 50, "{count}");
        }
    }

    #[test]
    fn equal_vectors_get_one_centre_and_none_get_none() {
        assert_eq!(trained(&[3.0; 600], 2, 100).len(), 1);
        assert_eq!(trained(&[], 2, 100).len(), 0);
        assert_eq!(trained(&[1.0, 2.0], 2, 100).len(), 1);
    }

    #[test]
    fn no_number_is_taken_for_a_distance_that_is_none() {
        let centres = trained(&[f32::MAX, -f32::MAX, 1.0, 2.0, f32::MAX, f32::MAX], 2, 3);
        assert!(centres.nearest(&[1.0, 2.0]).is_some());
    }
}
