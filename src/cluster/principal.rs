//! Principal directions: those few in which vectors vary most around zero, by subspace iteration (Golub and Van Loan,
//! Matrix Computations, 8.2.4).
//!
//! With vectors `r` and directions `V`, a round replaces `V` by `sum (V r) r^T`, made orthonormal again. So no matrix
//! of dimensions by dimensions is held, and a round takes two products for each vector and direction.

#![allow(
    unsafe_code,
    reason = "calling a function compiled for a CPU feature that was tested for"
)]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::bulk::Crew;
use crate::distance::simd::kernels;
use crate::distance::wide::widened;
use crate::index::{Error, filled};
use crate::quantize::Rotation;

use super::{Draws, Vectors};

/// Rounds. Directions that are not found by then vary by nearly as little as others do, and which of them are taken
/// matters little.
const ROUNDS: usize = 5;

/// Directions that one thread takes at once: with their sums they stay in the nearer caches while all vectors pass.
const AT_ONCE: usize = 16;

/// Vectors between two looks at whether the work was cancelled.
const VECTORS_AT_ONCE: usize = 256;

/// A direction of which less than this share is left, once the parts along those before it are gone, is noise.
const NOISE: f32 = 1e-5;

/// How often a direction is drawn anew where nothing is left of it.
const ATTEMPTS: usize = 8;

/// So many orthonormal directions, at most as many as dimensions, in which vectors vary most around zero, each of as
/// many elements as a vector. They are mixed at random among themselves, so that each tells as much as any other. Where
/// vectors vary in fewer directions the others are random. The same vectors and seed give the same directions, whatever
/// the number of threads. None where sums overflow.
///
/// Memory is taken for twice the directions.
///
/// # Errors
/// Where there is no memory, those of the crew's sink, and [`Error::Cancelled`].
pub fn principal_directions(
    vectors: Vectors<'_>,
    count: usize,
    seed: u64,
    crew: &mut Crew<'_>,
) -> Result<Option<Vec<f32>>, Error> {
    let dims = vectors.dims;
    let count = count.min(dims);
    let mut draws = Draws(seed);
    let mut directions = filled(0.0, dims * count)?;
    for direction in directions.chunks_exact_mut(dims) {
        draw(direction, &mut draws);
    }
    orthonormalize(&mut directions, dims, &mut draws, crew)?;
    for _ in 0..ROUNDS {
        directions = multiplied(vectors, &directions, crew)?;
        if !directions.iter().all(|x| x.is_finite()) {
            return Ok(None);
        }
        orthonormalize(&mut directions, dims, &mut draws, crew)?;
    }
    mix(&mut directions, dims, seed);
    let is_finite = directions.iter().all(|x| x.is_finite());
    Ok(is_finite.then_some(directions))
}

/// Fills a direction at random.
fn draw(direction: &mut [f32], draws: &mut Draws) {
    for x in direction {
        #[expect(clippy::cast_possible_truncation, reason = "a number from -2 to 2")]
        let normal = ((0..4).map(|_| draws.share()).sum::<f64>() - 2.0) as f32;
        *x = normal;
    }
}

/// `sum (V r) r^T`. Each direction's sum is taken by one thread in the order of the vectors.
fn multiplied(
    vectors: Vectors<'_>,
    directions: &[f32],
    crew: &mut Crew<'_>,
) -> Result<Vec<f32>, Error> {
    let elements = AT_ONCE * vectors.dims;
    let mut products = filled(0.0, directions.len())?;
    let parts: Vec<_> = directions
        .chunks(elements)
        .zip(products.chunks_mut(elements).map(Mutex::new))
        .collect();
    let (next, threads, cancel) = (
        AtomicUsize::new(0),
        crew.pool.current_num_threads(),
        &crew.progress.cancel,
    );
    crew.work(threads, || {
        while let Some((directions, products)) = parts.get(next.fetch_add(1, Relaxed)) {
            let mut products = products.lock().unwrap_or_else(PoisonError::into_inner);
            for start in (0..vectors.len()).step_by(VECTORS_AT_ONCE) {
                if cancel.load(Relaxed) {
                    return;
                }
                for at in start..(start + VECTORS_AT_ONCE).min(vectors.len()) {
                    add_products(vectors.get(at), directions, &mut products);
                }
            }
        }
    })?;
    drop(parts);
    Ok(products)
}

/// Adds `<v, r> r` to the sum of each direction `v`.
fn add_products(vector: &[f32], directions: &[f32], sums: &mut [f32]) {
    let dot = kernels().inner_product;
    let directions = directions.chunks_exact(vector.len());
    for (direction, sum) in directions.zip(sums.chunks_exact_mut(vector.len())) {
        add_scaled(sum, dot(direction, vector), vector);
    }
}

widened!(
    /// Adds `factor * vector` to a sum.
    fn add_scaled(sum: &mut [f32], factor: f32, vector: &[f32]) = add_scaled_plainly
);

#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn add_scaled_plainly(sum: &mut [f32], factor: f32, vector: &[f32]) {
    for (sum, x) in sum.iter_mut().zip(vector) {
        *sum += factor * x;
    }
}

/// Makes directions orthonormal, each by those before it (Gram and Schmidt). What is left of one has its parts along
/// the others taken out twice, for once leaves rounding errors where little is left.
fn orthonormalize(
    directions: &mut [f32],
    dims: usize,
    draws: &mut Draws,
    crew: &mut Crew<'_>,
) -> Result<(), Error> {
    let dot = kernels().inner_product;
    for at in 0..directions.len() / dims {
        crew.sink.poll()?;
        let (before, after) = directions.split_at_mut(at * dims);
        let direction = &mut after[..dims];
        for _ in 0..ATTEMPTS {
            let length = dot(direction, direction).sqrt();
            for other in before.chunks_exact(dims) {
                add_scaled(direction, -dot(direction, other), other);
            }
            let left = dot(direction, direction).sqrt();
            if left > NOISE * length && (1.0 / left).is_finite() {
                scale(direction, 1.0 / left);
                for other in before.chunks_exact(dims) {
                    add_scaled(direction, -dot(direction, other), other);
                }
                let length = dot(direction, direction).sqrt();
                scale(direction, 1.0 / length);
                break;
            }
            draw(direction, draws);
        }
    }
    Ok(())
}

fn scale(direction: &mut [f32], factor: f32) {
    for x in direction {
        *x *= factor;
    }
}

/// Rotates the coordinates along directions at random, so that each has as much of the variance as any other.
fn mix(directions: &mut [f32], dims: usize, seed: u64) {
    let count = directions.len() / dims;
    let rotation = Rotation::new(count, seed);
    let mut column = vec![0.0; count];
    for at in 0..dims {
        let along = directions.iter().skip(at).step_by(dims);
        column.iter_mut().zip(along).for_each(|(x, y)| *x = *y);
        rotation.apply(&mut column);
        let along = directions.iter_mut().skip(at).step_by(dims);
        along.zip(&column).for_each(|(x, y)| *x = *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::{Progress, Pushed, pool};
    use crate::page::MemoryStore;

    fn directions(vectors: &[f32], dims: usize, count: usize, threads: usize) -> Vec<f32> {
        let (pool, store, progress) = (
            pool(threads).unwrap(),
            MemoryStore::new(),
            Progress::default(),
        );
        let vectors = Vectors {
            dims,
            elements: vectors,
        };
        let mut crew = Crew {
            pool: &pool,
            progress: &progress,
            sink: &mut Pushed(&store),
        };
        let found = principal_directions(vectors, count, 7, &mut crew);
        found.unwrap().unwrap()
    }

    /// Vectors whose coordinate `i` has a standard deviation of about `1 / (1 + i)`.
    fn vectors(count: usize, dims: u16) -> Vec<f32> {
        let mut draws = Draws(3);
        let mut all = vec![0.0; count * usize::from(dims)];
        draw(&mut all, &mut draws);
        for (x, i) in all.iter_mut().zip((0..dims).cycle()) {
            *x /= 1.0 + f32::from(i);
        }
        all
    }

    fn assert_orthonormal(directions: &[f32], dims: usize) {
        let dot = kernels().inner_product;
        for (i, a) in directions.chunks_exact(dims).enumerate() {
            for (j, b) in directions.chunks_exact(dims).enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((dot(a, b) - expected).abs() < 1e-5, "{i} {j}");
            }
        }
    }

    #[test]
    fn the_directions_of_most_variance_are_found() {
        let (dims, count) = (50, 12);
        let found = directions(&vectors(500, 50), dims, count, 1);
        assert_orthonormal(&found, dims);
        // The share of each axis in them: nearly all of those with most variance, nearly none of the last.
        let share = |axis: usize| -> f32 {
            let along = found.iter().skip(axis).step_by(dims);
            along.map(|x| x * x).sum()
        };
        assert!((0..8).all(|axis| share(axis) > 0.9));
        assert!((25..dims).all(|axis| share(axis) < 0.05));
        // Mixed, each direction has a part of the first axis.
        let largest = found
            .iter()
            .step_by(dims)
            .fold(0.0_f32, |a, x| a.max(x.abs()));
        assert!(largest < 0.8, "{largest}");
    }

    #[test]
    fn any_number_of_threads_finds_the_same() {
        let vectors = vectors(300, 40);
        assert_eq!(
            directions(&vectors, 40, 33, 1),
            directions(&vectors, 40, 33, 3)
        );
    }

    #[test]
    fn vectors_of_few_directions_have_random_ones_beside() {
        for vectors in [vec![0.0; 24 * 30], [vec![1.0; 24], vec![-2.0; 24]].concat()] {
            for count in [5, 24] {
                let found = directions(&vectors, 24, count, 1);
                assert_eq!(found.len(), 24 * count);
                assert_orthonormal(&found, 24);
            }
        }
    }
}
