//! Schedule of a build: in which order values are linked.
//!
//! Values of higher levels come first: they are drawn at random, and the graph of them leads
//! everywhere. Then the others, along a tour through that graph: those that begin their search at
//! the same value come one after the other, so that the sketches and links that one has read are
//! still in the core's cache for the next. That takes a fifth off the time of a build, and the graph
//! is as good as one of values in random order.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use rayon::slice::ParallelSliceMut;

use crate::bulk::{Crew, Steps};
use crate::index::{Error, Fallible, collected, with_room};

use super::graph::Links;
use super::walk::Scratch;
use crate::hnsw::spaces::space::Space;

/// The number of values that one thread links before others join in: a thread that has searched may wait for a
/// core, and a small graph is a different one by then.
const LINKED_ALONE: usize = 1_000;

/// A value of the tour, behind the others of its stop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TourVisit {
    /// The stop where its search begins, by its position.
    stop: u32,
    value: u32,
}

impl<V: Space> Links<'_, V> {
    /// Links all values with a beam of `ef`, until it is cancelled.
    pub fn insert_all(&self, ef: usize, crew: &mut Crew<'_>) -> Result<(), Error> {
        let linked = &crew.progress.linked;
        let scratch = || Scratch::new(self.rows.len(), ef);
        let upper = self.upper()?;
        crew.each_but_first(LINKED_ALONE, &upper, scratch, |scratch, value| {
            self.insert(*value, scratch);
            linked.fetch_add(1, Relaxed);
        })?;
        let stops = self.stops(&upper, &mut Steps::new(crew.sink))?;
        let tour = self.tour(&stops, crew)?;
        let alone = LINKED_ALONE.saturating_sub(upper.len());
        crew.each_but_first(alone, &tour, scratch, |scratch, visit| {
            if let Some(start) = stops.get(visit.stop as usize) {
                self.insert_on_ground(visit.value, *start, scratch);
            }
            linked.fetch_add(1, Relaxed);
        })
    }

    /// Values of higher levels; the first value where there are none.
    fn upper(&self) -> Result<Vec<u32>, Error> {
        let values = (0_u32..).zip(self.lists.levels);
        let upper = values.filter(|(_, level)| **level > 0);
        let mut upper: Vec<u32> = collected(upper.map(|(value, _)| value))?;
        if upper.is_empty() && !self.lists.levels.is_empty() {
            upper.push(0);
        }
        Ok(upper)
    }

    /// Values of higher levels along their links: the nearest that was not there yet comes next.
    fn stops(&self, upper: &[u32], steps: &mut Steps<'_>) -> Result<Vec<u32>, Error> {
        let (mut order, mut seen) = (with_room(upper.len())?, HashSet::new());
        let mut stack: Vec<u32> = collected(upper.iter().rev().copied())?;
        while let Some(value) = stack.pop() {
            seen.try_reserve(1)?;
            if !seen.insert(value) {
                continue;
            }
            steps.step()?;
            order.try_push(value)?;
            if self.level(value) > 0 {
                let mut near = self.neighbours(value, 1);
                near.sort_by(|a, b| b.distance.total_cmp(&a.distance));
                stack.try_extend(near.into_iter().map(|near| near.value))?;
            }
        }
        Ok(order)
    }

    /// All other values, in order.
    fn tour(&self, stops: &[u32], crew: &mut Crew<'_>) -> Result<Vec<TourVisit>, Error> {
        let mut place = HashMap::new();
        place.try_reserve(stops.len())?;
        place.extend(stops.iter().copied().zip(0_u32..));
        let values = (0_u32..).zip(self.lists.levels).map(|(value, _)| value);
        let others: Vec<u32> = collected(values.filter(|value| !place.contains_key(value)))?;
        let tour = Mutex::new(with_room(others.len())?);
        let locked = || tour.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = crew.pool.current_num_threads();
        let scratch = || Scratch::new(self.rows.len(), 1);
        crew.each(threads, &others, scratch, |scratch, value| {
            let stop = self.descend(*value, scratch);
            let stop = stop.and_then(|stop| place.get(&stop));
            locked().push(TourVisit {
                stop: stop.copied().unwrap_or(0),
                value: *value,
            });
        })?;
        crew.work(1, || locked().par_sort_unstable())?;
        Ok(tour.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
