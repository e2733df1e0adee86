//! Passes over all centres, after they were found in two levels.
//!
//! The first pass compares each vector with the centres of the nearest cells. Centres move by little after it, so the
//! later ones compare it with those near to its last centre: a tenth as many where there are thousands.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::bulk::Crew;
use crate::index::{Error, collected};

use super::lloyd::MeanOf;
use super::members::Members;
use super::train::assign;
use super::{CentreTree, Centres, Nearest, Vectors};

/// Passes.
const LAST_PASSES: usize = 3;

/// Centres near the one that a vector had before which it is compared with in the later passes.
const NEIGHBOURS: usize = 64;

/// A centre with less than one in so many of the mean number of vectors moves into the largest cell, where that has as
/// many times more than the mean.
const UNBALANCED: usize = 4;

/// Lloyd's iterations with all centres; a centre that has nearly nothing moves to where there is too much.
pub(super) fn last_passes(
    vectors: Vectors<'_>,
    all: &[u32],
    upper: &Centres,
    mut lower: Centres,
    crew: &mut Crew<'_>,
) -> Result<Centres, Error> {
    let mut members = Members::default();
    for pass in 0..LAST_PASSES {
        let tree = CentreTree::new(upper.clone(), lower.clone());
        let of = if pass == 0 {
            assign(vectors, all, &tree, crew)?
        } else {
            assign_near(vectors, &members, &tree, crew)?
        };
        members = Members::new(of.iter().copied(), lower.len())?;
        let mut elements = lower.into_elements();
        move_centres(vectors, &members, &mut elements, crew)?;
        move_small_ones(vectors, &members, &mut elements);
        lower = Centres::new(vectors.dims, elements);
    }
    Ok(lower)
}

/// Moves each centre to the mean of its members, which are added up in their order by one thread.
fn move_centres(
    vectors: Vectors<'_>,
    members: &Members,
    elements: &mut [f32],
    crew: &mut Crew<'_>,
) -> Result<(), Error> {
    let centres: Vec<(usize, Mutex<&mut [f32]>)> = collected(
        elements
            .chunks_mut(vectors.dims)
            .map(Mutex::new)
            .enumerate(),
    )?;
    crew.each(
        crew.pool.current_num_threads(),
        &centres,
        || Ok(MeanOf::new(vectors.dims)),
        |mean, (number, centre)| {
            for member in members.of(*number).unwrap_or_default() {
                mean.add(vectors.get(*member as usize));
            }
            mean.take(&mut centre.lock().unwrap_or_else(PoisonError::into_inner));
        },
    )
}

/// Moves centres that have nearly nothing to a vector of those that have too much.
fn move_small_ones(vectors: Vectors<'_>, members: &Members, elements: &mut [f32]) {
    let (dims, size) = (vectors.dims, |cell: &usize| {
        members.of(*cell).map_or(0, <[u32]>::len)
    });
    let mut large: Vec<usize> = (0..members.centres()).collect();
    large.sort_unstable_by_key(|cell| std::cmp::Reverse(size(cell)));
    let mean = members.vectors().len() / large.len().max(1);
    let small = (0..large.len()).filter(|cell| size(cell) * UNBALANCED < mean);
    let crowded = large.iter().filter(|cell| size(cell) > mean * UNBALANCED);
    for (small, crowded) in small.zip(crowded) {
        // Any of its vectors that is not its centre.
        if let Some(member) = members.of(*crowded).and_then(<[u32]>::first) {
            elements[small * dims..(small + 1) * dims]
                .copy_from_slice(vectors.get(*member as usize));
        }
    }
}

/// The nearest centre of each vector, among those that are near to the one that it had before.
fn assign_near(
    vectors: Vectors<'_>,
    before: &Members,
    tree: &CentreTree,
    crew: &mut Crew<'_>,
) -> Result<Vec<u32>, Error> {
    let of: Vec<AtomicU32> = collected(before.vectors().iter().map(|_| AtomicU32::new(0)))?;
    let centres: Vec<usize> = (0..before.centres()).collect();
    crew.each(
        crew.pool.current_num_threads(),
        &centres,
        || Ok((Vec::new(), Vec::new())),
        |(near, scores), centre| {
            let members = before.of(*centre).unwrap_or_default();
            if members.is_empty() {
                return;
            }
            tree.near(tree.centres().get(*centre), NEIGHBOURS, near);
            let rows = members.iter().map(|member| vectors.get(*member as usize));
            let among = near.iter().copied();
            let see = |at: usize, nearest: Nearest| {
                if let Some(of) = of.get(members[at] as usize) {
                    of.store(nearest.centre, Relaxed);
                }
            };
            tree.lower().nearest_to_each(rows, &among, scores, see);
        },
    )?;
    Ok(collected(of.into_iter().map(AtomicU32::into_inner))?)
}
