//! Walk of a build: towards one value, on one level.

use std::convert::Infallible;
use std::sync::atomic::Ordering::Relaxed;

use crate::distance::{prefetch, prefetch_at};
use crate::index::{Error, filled};
use crate::quantize::nearer;
use crate::search::{Beam, Graph, Key, MAX_OFFER, Offers, walk};

use super::graph::{Links, SearchStart};
use crate::hnsw::spaces::space::Space;
use crate::values::{Sketch, Sketches};

/// Sketches that are prefetched while one is looked at: memory answers no more requests at once.
const SKETCHES_AHEAD: usize = 4;

/// What a thread needs.
pub struct Scratch {
    beam: Beam,
    seen: Vec<u8>,
    epoch: u8,
    fresh: Vec<u32>,
    /// What the last search has found, nearest first.
    pub nearest: Vec<Key>,
    ef: usize,
}

impl Scratch {
    pub fn new(values: usize, ef: usize) -> Result<Self, Error> {
        Ok(Self {
            beam: Beam::new(ef),
            seen: filled(0, values)?,
            epoch: 0,
            fresh: Vec::new(),
            nearest: Vec::new(),
            ef,
        })
    }

    /// Candidates that a search keeps.
    pub fn ef(&self) -> usize {
        self.ef
    }

    fn forget(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.seen.fill(0);
            self.epoch = 1;
        }
    }
}

/// A walk on one level towards one value.
struct Walk<'w, 'b, V> {
    links: &'w Links<'b, V>,
    level: u8,
    target: Sketch<'w>,
    seen: &'w mut [u8],
    epoch: u8,
    fresh: &'w mut Vec<u32>,
}

impl<V: Space> Graph for Walk<'_, '_, V> {
    type Error = Infallible;

    fn visit(&mut self, value: u32, candidates: &mut impl Offers) -> Result<(), Infallible> {
        self.fresh.clear();
        for number in self.links.list(value, self.level) {
            let number = number.load(Relaxed);
            if let Some(neighbour) = number.checked_sub(1)
                && let Some(seen) = self.seen.get_mut(neighbour as usize)
                && *seen != self.epoch
            {
                *seen = self.epoch;
                self.fresh.push(neighbour);
            }
        }
        let record = |at: usize| {
            self.fresh
                .get(at)
                .map(|value| self.links.rows.sketch_record(*value))
        };
        (0..SKETCHES_AHEAD).filter_map(record).for_each(prefetch);
        let mut ahead = SKETCHES_AHEAD;
        for neighbours in self.fresh.chunks(MAX_OFFER) {
            let mut distances = [f32::INFINITY; MAX_OFFER];
            for (distance, neighbour) in distances.iter_mut().zip(neighbours) {
                record(ahead).into_iter().for_each(prefetch);
                ahead += 1;
                let sketch = self.links.rows.sketch(*neighbour);
                *distance = self
                    .links
                    .space
                    .values()
                    .sketch_distance(self.target, sketch);
            }
            let near = nearer(&distances, candidates.bound());
            candidates.offer(neighbours, &distances[..neighbours.len()], near);
        }
        Ok(())
    }

    fn announce(&mut self, value: u32) {
        let list = self.links.list(value, self.level);
        // Its address: reading a number of the list to ask for it would wait for the list.
        prefetch_at(list.as_ptr().cast(), size_of_val(list));
    }
}

impl<V: Space> Links<'_, V> {
    /// Finds what is nearest to a value, from a start on a level.
    pub fn search(&self, value: u32, from: SearchStart, ef: usize, scratch: &mut Scratch) {
        scratch.forget();
        for own in [value, from.value] {
            if let Some(seen) = scratch.seen.get_mut(own as usize) {
                *seen = scratch.epoch;
            }
        }
        scratch.beam.clear(ef);
        scratch
            .beam
            .push(self.distance(value, from.value), from.value);
        let mut step = Walk {
            links: self,
            level: from.level,
            target: self.rows.sketch(value),
            seen: &mut scratch.seen,
            epoch: scratch.epoch,
            fresh: &mut scratch.fresh,
        };
        let Ok(()) = walk(&mut step, &mut scratch.beam);
        scratch.beam.nearest(&mut scratch.nearest);
    }
}
