//! Graph of a build: links in memory, distances by sketch, many threads.
//!
//! Lists are read without locks: each link is one atomic number, and a list that is being changed is
//! still a list of neighbours. Writers of a list hold its lock. Nobody holds two.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::search::Key;

use super::rows::BuildRows;
use super::walk::Scratch;
use crate::hnsw::change::link::{Demand, LinkLanes};
use crate::hnsw::change::select::Degree;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::Space;
use crate::values::Sketches;

const LIST_LOCKS: usize = 4_096;

/// Links that are being made.
pub struct Links<'b, V> {
    pub space: &'b V,
    pub rows: &'b BuildRows,
    pub lists: LinkLists<'b>,
    /// The highest value, where searches begin.
    pub entry: Mutex<Option<SearchStart>>,
    locks: Vec<Mutex<()>>,
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
    /// The value at which it begins.
    pub value: u32,
    /// The level on which it begins.
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

    /// The list of a value on a level: neighbours plus one, so that zero is none.
    #[inline]
    pub fn list(&self, value: u32, level: u8) -> &[AtomicU32] {
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
            self.search(value, from, scratch.ef(), scratch);
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

    /// Inserts a value that is on the ground alone, by a search that begins at `start`.
    pub fn insert_on_ground(&self, value: u32, start: u32, scratch: &mut Scratch) {
        let from = SearchStart {
            value: start,
            level: 0,
        };
        self.search(value, from, scratch.ef(), scratch);
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
