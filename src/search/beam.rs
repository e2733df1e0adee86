//! Beam: the nearest candidates so far, and which of them were visited.

use std::collections::TryReserveError;

use super::key::{ordered, unordered};
use super::lanes::{LANES, bound_of, count_below, smallest};
use super::{Frontier, Key, Offers};

/// The most candidates that may be offered at once.
pub const MAX_OFFER: usize = 32;

/// The `width` nearest candidates that were offered.
///
/// A candidate's distance may be an estimate, and another one each time it is offered: the first
/// that is near enough counts.
///
/// Candidates lie in no order, with a few more of them than `width`. The nearest is found by looking at all of
/// them, many at once, which costs less than keeping them sorted. When there is no more room, the farthest go.
#[derive(Debug, Default)]
pub struct Beam {
    /// Distances as sortable integers; whole registers, [`NOTHING`] beyond `len`.
    keys: Vec<u32>,
    /// The keys of candidates that were not visited, [`NOTHING`] in the places of the others.
    open: Vec<u32>,
    numbers: Vec<u32>,
    len: usize,
    width: usize,
    /// Candidates that were visited since the beam was empty.
    visited: usize,
    /// Numbers that were taken, whether they are still here or not.
    known: Known,
    /// What is not nearer has no place.
    bound: f32,
    /// What was offered, kept only where the walk may go on later.
    spare: Option<Spare>,
}

/// No candidate: farther than any.
const NOTHING: u32 = u32::MAX;

/// All that was offered, as it was, with repetitions.
#[derive(Debug, Default)]
struct Spare {
    numbers: Vec<u32>,
    distances: Vec<f32>,
}

/// A set of numbers that is cheap to ask and to empty: open addressing, at most half full, and
/// made so large that there is rarely another number where one belongs.
#[derive(Debug, Default)]
struct Known {
    slots: Vec<u32>,
    len: usize,
}

impl Known {
    const FREE: u32 = u32::MAX;

    fn clear(&mut self, expected: usize) {
        self.slots.clear();
        let slots = (16 * expected).next_power_of_two().max(256);
        self.slots.resize(slots, Self::FREE);
        self.len = 0;
    }

    /// False where it was there already.
    #[inline]
    fn insert(&mut self, number: u32) -> bool {
        if 2 * self.len >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = number.wrapping_mul(0x9E37_79B1).rotate_left(16) as usize & mask;
        while self.slots[at] != Self::FREE && self.slots[at] != number {
            at = (at + 1) & mask;
        }
        let fresh = self.slots[at] == Self::FREE;
        self.slots[at] = number;
        self.len += usize::from(fresh);
        fresh
    }

    #[cold]
    fn grow(&mut self) {
        let more = (4 * self.slots.len()).max(256);
        let old = std::mem::replace(&mut self.slots, vec![Self::FREE; more]);
        self.len = 0;
        for number in old.into_iter().filter(|number| *number != Self::FREE) {
            self.insert(number);
        }
    }
}

impl Beam {
    /// An empty beam that forgets what does not fit.
    #[must_use]
    pub fn new(width: usize) -> Self {
        let mut beam = Self::default();
        beam.clear(width);
        beam
    }

    /// An empty beam that keeps all that it is offered for [`frontier`](Self::frontier).
    #[must_use]
    pub fn resumable(width: usize) -> Self {
        // A walk offers some forty times what it visits.
        let offers = 40 * width.clamp(1, 256);
        let spare = Spare {
            numbers: Vec::with_capacity(offers),
            distances: Vec::with_capacity(offers),
        };
        Self {
            spare: Some(spare),
            ..Self::new(width)
        }
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self, width: usize) {
        self.width = width.max(1);
        self.len = 0;
        self.visited = 0;
        self.bound = f32::INFINITY;
        let room = (self.room() + MAX_OFFER).next_multiple_of(LANES);
        for lanes in [&mut self.keys, &mut self.open] {
            lanes.clear();
            lanes.resize(room, NOTHING);
        }
        self.numbers.resize(room, 0);
        self.known.clear(self.width);
        if let Some(spare) = &mut self.spare {
            spare.numbers.clear();
            spare.distances.clear();
        }
    }

    /// Candidates that are here before the farthest go.
    fn room(&self) -> usize {
        self.width + (self.width / 2).clamp(LANES, 256)
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lanes = [&self.keys, &self.open, &self.numbers, &self.known.slots];
        let words: usize = lanes.iter().map(|lanes| lanes.capacity()).sum();
        let spare = self
            .spare
            .as_ref()
            .map_or(0, |spare| spare.numbers.capacity());
        (words + 2 * spare) * size_of::<u32>()
    }

    /// Offers a candidate. Not-a-number and infinity are never taken.
    pub fn push(&mut self, distance: f32, number: u32) {
        self.offer(&[number], &[distance], u32::from(distance < self.bound));
    }

    /// The registers that hold candidates.
    fn used(&self) -> usize {
        self.len.next_multiple_of(LANES)
    }

    /// Lets those go that are more than `width`, the farthest.
    pub fn settle(&mut self) {
        if self.len < self.width {
            return;
        }
        let width = u32::try_from(self.width).unwrap_or(u32::MAX);
        let bound = bound_of(&self.keys[..self.used()], width);
        let mut equal = width - count_below(&self.keys[..self.used()], bound);
        let mut kept = 0;
        let (keys, open) = (&mut self.keys[..self.len], &mut self.open[..self.len]);
        let numbers = &mut self.numbers[..self.len];
        for i in 0..keys.len() {
            let tie = u32::from(keys[i] == bound) & u32::from(equal > 0);
            let keeps = u32::from(keys[i] < bound) | tie;
            equal -= tie;
            (keys[kept], open[kept], numbers[kept]) = (keys[i], open[i], numbers[i]);
            kept += keeps as usize;
        }
        for lanes in [&mut self.keys, &mut self.open] {
            lanes[kept..self.len].fill(NOTHING);
        }
        self.len = kept;
        self.bound = unordered(bound);
    }

    /// The `width` nearest candidates, nearest first.
    pub fn nearest(&self, nearest: &mut Vec<Key>) {
        nearest.clear();
        let both = self.keys.iter().zip(&self.numbers).take(self.len);
        nearest.extend(both.map(|(key, number)| Key::from_ordered(*key, *number)));
        nearest.sort_unstable();
        nearest.truncate(self.width);
    }

    /// Marks the nearest unvisited candidate as visited and gives its number; none where `width`
    /// are nearer.
    pub fn next_unvisited(&mut self) -> Option<u32> {
        let used = self.used();
        let (key, at) = smallest(&self.open[..used]);
        if key == NOTHING {
            return None;
        }
        // All that are nearer were visited: there are as many only at the end.
        if self.visited >= self.width {
            let before = count_below(&self.keys[..used], key) as usize;
            let equal = || self.keys[..at].iter().filter(|k| **k == key).count();
            if before >= self.width || (self.len > self.width && before + equal() >= self.width) {
                return None;
            }
        }
        self.visited += 1;
        self.open[at] = NOTHING;
        Some(self.numbers[at])
    }

    /// The candidates that were offered and are not in `visited`, for a walk that goes on. Empty if the beam is
    /// not [`resumable`](Self::resumable).
    pub fn frontier(&mut self, visited: impl Iterator<Item = u32>) -> Frontier {
        let mut frontier = Frontier::default();
        visited.for_each(|number| frontier.exclude(number));
        let spare = self.spare.take().unwrap_or_default();
        let offers = spare.numbers.chunks(MAX_OFFER);
        for (numbers, distances) in offers.zip(spare.distances.chunks(MAX_OFFER)) {
            frontier.offer(numbers, distances, 0);
        }
        frontier
    }
}

impl Offers for Beam {
    #[inline]
    fn make_room(&mut self, offers: usize) -> Result<(), TryReserveError> {
        if let Some(spare) = &mut self.spare {
            spare.numbers.try_reserve(offers)?;
            spare.distances.try_reserve(offers)?;
        }
        Ok(())
    }

    #[inline]
    fn bound(&self) -> f32 {
        self.bound
    }

    #[inline]
    fn offer(&mut self, numbers: &[u32], distances: &[f32], mut near: u32) {
        if let Some(spare) = &mut self.spare {
            spare.numbers.extend_from_slice(numbers);
            spare.distances.extend_from_slice(distances);
        }
        while near != 0 {
            let lane = near.trailing_zeros() as usize;
            near &= near - 1;
            let (Some(number), Some(distance)) = (numbers.get(lane), distances.get(lane)) else {
                break;
            };
            // Written in any case, so that whether it counts is no branch.
            let key = ordered(*distance);
            (self.keys[self.len], self.open[self.len]) = (key, key);
            self.numbers[self.len] = *number;
            self.len += usize::from(self.known.insert(*number));
        }
        (self.keys[self.len], self.open[self.len]) = (NOTHING, NOTHING);
        if self.len >= self.room() {
            self.settle();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn holds_the_nearest_once_each(
            offers in prop::collection::vec((0_u32..40, 0_u32..60), 0..200), width in 1_usize..20
        ) {
            let distance = |number: u32| f32::from(u16::try_from(number * 7 % 41).unwrap_or(0)) - 9.0;
            let mut beam = Beam::resumable(width);
            let mut visited = HashSet::new();
            for &(number, visit) in &offers {
                beam.push(distance(number), number);
                if visit < 10 {
                    visited.extend(beam.next_unvisited());
                }
            }
            let mut offered: Vec<Key> = offers.iter().map(|&(n, _)| Key::new(distance(n), n)).collect();
            offered.sort_unstable();
            offered.dedup();
            let mut held = Vec::new();
            beam.nearest(&mut held);
            let mut held: Vec<u32> = held.iter().map(|key| key.number()).collect();
            let nearest: Vec<u32> = offered.iter().take(width).map(|key| key.number()).collect();
            prop_assert_eq!(&held, &nearest);
            // Walked to its end and beyond, it gives every candidate exactly once.
            while let Some(number) = beam.next_unvisited() {
                prop_assert!(visited.insert(number), "{} twice", number);
            }
            let mut frontier = beam.frontier(visited.iter().copied());
            while let Some(number) = frontier.next_unvisited() {
                prop_assert!(visited.insert(number), "{} twice", number);
            }
            held = visited.into_iter().collect();
            held.sort_unstable();
            let mut all: Vec<u32> = offered.iter().map(|key| key.number()).collect();
            all.sort_unstable();
            prop_assert_eq!(held, all);
        }
    }

    #[test]
    fn takes_no_infinity_and_no_nan() {
        let mut beam = Beam::resumable(4);
        beam.push(f32::INFINITY, 1);
        beam.push(f32::NAN, 2);
        assert_eq!(beam.next_unvisited(), None);
        assert_eq!(beam.frontier([].into_iter()).next_unvisited(), None);
    }
}
