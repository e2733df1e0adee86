//! Graph of a build: links in memory, distances by sketch, many threads.
//!
//! Lists are read without locks: each link is one atomic number, and a list that is being changed is
//! still a list of neighbours. Writers of a list hold its lock. Nobody holds two.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::distance::{prefetch, prefetch_at};
use crate::index::{Error, filled};
use crate::quantize::nearer;
use crate::search::{Beam, Graph, Key, MAX_OFFER, Offers, walk};

use super::rows::BuildRows;
use crate::hnsw::change::link::{Demand, LinkLanes};
use crate::hnsw::change::select::Degree;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::Space;
use crate::values::{Sketch, Sketches};

const LIST_LOCKS: usize = 4_096;

/// Sketches that are prefetched while one is looked at: memory answers no more requests at once.
const SKETCHES_AHEAD: usize = 4;

/// Links that are being made.
pub struct Links<'b, V> {
    pub space: &'b V,
    pub rows: &'b BuildRows,
    pub lists: LinkLists<'b>,
    /// The highest value, where searches begin.
    pub entry: Mutex<Option<SearchStart>>,
    locks: Vec<Mutex<()>>,
}

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

/// Room for the links of all values.
#[derive(Clone, Copy)]
pub struct LinkLists<'b> {
    /// The level of each value.
    pub levels: &'b [u8],
    /// The first list above the ground of each value that has one.
    pub above: &'b [u32],
    /// Numbers, and distances, of a list.
    pub lanes: usize,
    /// The most links of a list on the ground, and above.
    pub degrees: [usize; 2],
    /// Neighbours plus one, so that zero is none.
    pub numbers: &'b [AtomicU32],
    /// Distances, as bits.
    pub distances: &'b [AtomicU32],
}

/// A link of a value to another one.
#[derive(Clone, Copy)]
pub struct BuildLink {
    pub value: u32,
    pub distance: f32,
}

/// Where a search of the graph begins.
#[derive(Clone, Copy)]
pub struct SearchStart {
    pub value: u32,
    pub level: u8,
}

impl From<Key> for BuildLink {
    fn from(found: Key) -> Self {
        Self {
            value: found.number(),
            distance: found.distance(),
        }
    }
}

impl<'b, V: Space> Links<'b, V> {
    /// No links yet.
    pub fn new(space: &'b V, rows: &'b BuildRows, lists: LinkLists<'b>) -> Self {
        Self {
            space,
            rows,
            lists,
            entry: Mutex::new(None),
            locks: (0..LIST_LOCKS).map(|_| Mutex::new(())).collect(),
        }
    }

    /// The level of a value.
    pub fn level(&self, value: u32) -> u8 {
        self.lists.levels.get(value as usize).copied().unwrap_or(0)
    }

    /// Where the list of a value on a level starts.
    #[inline]
    fn at(&self, value: u32, level: u8) -> usize {
        let list = match level {
            0 => value as usize,
            level => {
                self.lists
                    .above
                    .get(value as usize)
                    .map_or(0, |above| *above as usize)
                    + usize::from(level)
                    - 1
            }
        };
        list * self.lists.lanes
    }

    #[inline]
    fn list(&self, value: u32, level: u8) -> &[AtomicU32] {
        let at = self.at(value, level);
        self.lists
            .numbers
            .get(at..at + self.lists.lanes)
            .unwrap_or_default()
    }

    /// The lanes of a value on a level: neighbours with their distances.
    pub fn lanes(&self, value: u32, level: u8) -> Vec<Option<BuildLink>> {
        let at = self.at(value, level);
        let distances = self
            .lists
            .distances
            .get(at..at + self.lists.lanes)
            .unwrap_or_default();
        let both = self.list(value, level).iter().zip(distances);
        both.map(|(number, distance)| {
            Some(BuildLink {
                value: number.load(Relaxed).checked_sub(1)?,
                distance: f32::from_bits(distance.load(Relaxed)),
            })
        })
        .collect()
    }

    /// Neighbours of a value on a level with their distances.
    pub fn neighbours(&self, value: u32, level: u8) -> Vec<BuildLink> {
        self.lanes(value, level).into_iter().flatten().collect()
    }

    /// Fills a lane, or empties it.
    pub fn set(&self, value: u32, level: u8, lane: usize, link: Option<BuildLink>) {
        let at = self.at(value, level) + lane;
        if let (Some(number), Some(distance)) =
            (self.lists.numbers.get(at), self.lists.distances.get(at))
        {
            let (to, far) = link.map_or((0, 0.0), |link| (link.value + 1, link.distance));
            distance.store(far.to_bits(), Relaxed);
            number.store(to, Relaxed);
        }
    }

    fn lock(&self, value: u32) -> Option<MutexGuard<'_, ()>> {
        let lock = self.locks.get(value as usize % LIST_LOCKS);
        lock.map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far two values are, by their sketches.
    pub fn distance(&self, a: u32, b: u32) -> f32 {
        let (a, b) = (self.rows.sketch(a), self.rows.sketch(b));
        self.space.values().sketch_distance(a, b)
    }

    /// Malkov and Yashunin, 2018, algorithm 1.
    pub fn insert(&self, value: u32, scratch: &mut Scratch) {
        let level = self.level(value);
        let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(highest) = *entry else {
            *entry = Some(SearchStart { value, level });
            return;
        };
        // Who raises the top holds the entry until it is linked.
        let raising = (level > highest.level).then_some(entry);
        let mut start = self.nearest_above(value, highest, level, scratch);
        let mut kept = Vec::new();
        for level in (0..=level.min(highest.level)).rev() {
            let from = SearchStart {
                value: start,
                level,
            };
            self.search(value, from, scratch.ef, scratch);
            start = scratch.nearest.first().map_or(start, |key| key.number());
            kept.push(self.select(&scratch.nearest, self.lists.degrees[usize::from(level > 0)]));
        }
        // From the ground up: who comes down onto a value finds its links.
        for (level, kept) in (0..).zip(kept.into_iter().rev()) {
            self.link(value, level, kept);
        }
        if let Some(mut entry) = raising {
            *entry = Some(SearchStart { value, level });
        }
    }

    /// The same for a value that is on no higher level, with a search that begins at `start`.
    pub fn insert_on_ground(&self, value: u32, start: u32, scratch: &mut Scratch) {
        let from = SearchStart {
            value: start,
            level: 0,
        };
        self.search(value, from, scratch.ef, scratch);
        let kept = self.select(&scratch.nearest, self.lists.degrees[0]);
        self.link(value, 0, kept);
    }

    /// Where the search on the ground for a value begins.
    pub fn descend(&self, value: u32, scratch: &mut Scratch) -> Option<u32> {
        let entry = *self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        entry.map(|entry| self.nearest_above(value, entry, 0, scratch))
    }

    /// Walks down from `entry` to the level above `level`.
    fn nearest_above(
        &self,
        value: u32,
        entry: SearchStart,
        level: u8,
        scratch: &mut Scratch,
    ) -> u32 {
        let mut start = entry.value;
        for above in (level + 1..=entry.level).rev() {
            let from = SearchStart {
                value: start,
                level: above,
            };
            self.search(value, from, 1, scratch);
            start = scratch.nearest.first().map_or(start, |key| key.number());
        }
        start
    }

    /// Gives a value its neighbours on a level, then them the value.
    fn link(&self, value: u32, level: u8, kept: Vec<BuildLink>) {
        {
            let _lock = self.lock(value);
            for (lane, link) in kept.iter().enumerate() {
                self.set(value, level, lane, Some(*link));
            }
        }
        for (nearest, link) in kept.into_iter().enumerate() {
            let distance = link.distance;
            let back = BuildLink { value, distance };
            let demand = if nearest == 0 {
                Demand::Always
            } else {
                Demand::IfBetter
            };
            self.link_back(link.value, level, back, demand);
        }
    }

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

    fn select(&self, nearest: &[Key], max: usize) -> Vec<BuildLink> {
        let leads = |near: usize, other: usize| {
            let (near, other) = (nearest[near], nearest[other]);
            self.distance(near.number(), other.number()) <= other.distance()
        };
        let kept = Degree::of(max).choose(nearest.len(), leads).into_iter();
        kept.map(|at| nearest[at].into()).collect()
    }

    /// Makes `link` a neighbour of `value`, as far as that one keeps it.
    pub fn link_back(&self, value: u32, level: u8, link: BuildLink, demand: Demand) {
        let _lock = self.lock(value);
        let list = self.list(value, level);
        let numbers = list
            .iter()
            .map(|number| number.load(Relaxed).wrapping_sub(1));
        let numbers: Vec<u32> = numbers.collect();
        debug_assert_eq!(NONE, 0_u32.wrapping_sub(1));
        if numbers.contains(&link.value) {
            return;
        }
        let at = self.at(value, level);
        let distances = self
            .lists
            .distances
            .get(at..at + self.lists.lanes)
            .unwrap_or_default();
        let distances: Vec<f32> = distances
            .iter()
            .map(|distance| f32::from_bits(distance.load(Relaxed)))
            .collect();
        let lanes = LinkLanes {
            numbers: &numbers,
            distances: &distances,
        };
        if let Some(lane) = lanes.free(self.lists.degrees[usize::from(level > 0)]) {
            self.set(value, level, lane, Some(link));
            return;
        }
        let to = |lane: usize| {
            let number = numbers.get(lane);
            number.map_or(f32::INFINITY, |number| self.distance(link.value, *number))
        };
        let own: Vec<u32> = self
            .list(link.value, level)
            .iter()
            .map(|n| n.load(Relaxed).wrapping_sub(1))
            .collect();
        let linked = |number: u32| own.contains(&number);
        if let Some(placement) = lanes.displace(link.distance, demand, to, linked) {
            self.set(value, level, placement.lane, Some(link));
            for lane in placement.empty {
                self.set(value, level, lane, None);
            }
        }
    }
}
