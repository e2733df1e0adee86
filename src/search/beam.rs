//! The nearest candidates so far, and which of them were visited.

use std::collections::HashSet;

use super::Key;

/// The `width` nearest candidates that were offered, in order of distance.
///
/// A candidate's distance may be an estimate, and another one each time it is offered: the first
/// that is near enough counts.
#[derive(Debug, Default)]
pub struct Beam {
    keys: Vec<Key>,
    width: usize,
    /// No candidate before this one is unvisited.
    cursor: usize,
    /// Numbers that were taken, whether they are still here or not.
    known: Known,
    /// The distance of the last one where there is no room for more.
    bound: f32,
    /// What was offered, kept only where the walk may go on later.
    spare: Option<Spare>,
}

/// What did not fit, or may have been driven out since. Holds repetitions.
#[derive(Debug, Default)]
struct Spare {
    keys: Vec<Key>,
    /// As they were offered, many at once.
    numbers: Vec<u32>,
    distances: Vec<f32>,
}

impl Spare {
    fn clear(&mut self) {
        self.keys.clear();
        self.numbers.clear();
        self.distances.clear();
    }

    /// Everything, nearest first, but nothing twice and nothing that is in `visited`.
    fn take(&mut self, visited: &HashSet<u32>) -> Vec<Key> {
        let mut keys = std::mem::take(&mut self.keys);
        let offered = self.distances.drain(..).zip(self.numbers.drain(..));
        let finite = offered.filter(|(distance, _)| distance.is_finite());
        keys.extend(finite.map(|(distance, number)| Key::new(distance, number)));
        keys.sort_unstable();
        let mut nearest = HashSet::new();
        keys.retain(|key| !visited.contains(&key.number()) && nearest.insert(key.number()));
        keys
    }

    fn bytes(&self) -> usize {
        self.keys.capacity() * size_of::<Key>()
            + self.numbers.capacity() * size_of::<u32>()
            + self.distances.capacity() * size_of::<f32>()
    }
}

/// A set of numbers that is cheap to ask and to empty: open addressing, at most half full.
#[derive(Debug, Default)]
struct Known {
    slots: Vec<u32>,
    len: usize,
}

impl Known {
    const FREE: u32 = u32::MAX;

    fn clear(&mut self) {
        self.slots.fill(Self::FREE);
        self.len = 0;
    }

    /// False where it was there already.
    fn insert(&mut self, number: u32) -> bool {
        if 2 * self.len >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = number.wrapping_mul(0x9E37_79B1).rotate_left(16) as usize & mask;
        while self.slots[at] != Self::FREE {
            if self.slots[at] == number {
                return false;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = number;
        self.len += 1;
        true
    }

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
        Self {
            width: width.max(1),
            bound: f32::INFINITY,
            ..Self::default()
        }
    }

    /// An empty beam that keeps what does not fit for [`widen`](Self::widen).
    #[must_use]
    pub fn resumable(width: usize) -> Self {
        Self {
            spare: Some(Spare::default()),
            ..Self::new(width)
        }
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self, width: usize) {
        self.keys.clear();
        self.width = width.max(1);
        self.bound = f32::INFINITY;
        self.cursor = 0;
        self.known.clear();
        if let Some(spare) = &mut self.spare {
            spare.clear();
        }
    }

    /// How many candidates it may hold.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// A candidate must be nearer than this to be taken.
    #[must_use]
    pub fn bound(&self) -> f32 {
        self.bound
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let spare = self.spare.as_ref().map_or(0, Spare::bytes);
        self.keys.capacity() * size_of::<Key>() + self.known.slots.capacity() * 4 + spare
    }

    /// Offers a candidate. Not-a-number and infinity are never taken.
    pub fn push(&mut self, distance: f32, number: u32) {
        if distance < self.bound {
            self.insert(distance, number);
        } else if let Some(spare) = &mut self.spare
            && distance.is_finite()
        {
            spare.keys.push(Key::new(distance, number));
        }
    }

    /// Offers up to 32 candidates. The caller has compared: bit `i` of `near` says that candidate
    /// `i` is nearer than [`bound`](Self::bound) was.
    pub fn offer(&mut self, numbers: &[u32], distances: &[f32], mut near: u32) {
        if let Some(spare) = &mut self.spare {
            spare.numbers.extend_from_slice(numbers);
            spare.distances.extend_from_slice(distances);
        }
        while near != 0 {
            let lane = near.trailing_zeros() as usize;
            near &= near - 1;
            if let (Some(number), Some(distance)) = (numbers.get(lane), distances.get(lane))
                && *distance < self.bound
            {
                self.insert(*distance, *number);
            }
        }
    }

    fn insert(&mut self, distance: f32, number: u32) {
        if !self.known.insert(number) {
            return;
        }
        let key = Key::new(distance, number);
        let at = self.keys.partition_point(|k| *k < key);
        if self.keys.len() == self.width
            && let Some(last) = self.keys.pop()
            && let Some(spare) = &mut self.spare
            && !last.visited()
        {
            spare.keys.push(last);
        }
        self.keys.insert(at, key);
        self.cursor = self.cursor.min(at);
        if self.keys.len() == self.width {
            self.bound = self.keys.last().map_or(f32::INFINITY, |key| key.distance());
        }
    }

    /// Number and distance of the candidates, nearest first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f32)> {
        self.keys.iter().map(|key| (key.number(), key.distance()))
    }

    /// Marks the nearest unvisited candidate as visited and gives its number.
    pub fn next_unvisited(&mut self) -> Option<u32> {
        while let Some(key) = self.keys.get_mut(self.cursor) {
            self.cursor += 1;
            if !key.visited() {
                key.visit();
                return Some(key.number());
            }
        }
        None
    }

    /// The candidate that comes next if nothing nearer is offered.
    #[must_use]
    pub fn peek(&self) -> Option<u32> {
        let rest = self.keys.get(self.cursor..)?;
        rest.iter()
            .find(|key| !key.visited())
            .map(|key| key.number())
    }

    /// Makes room for `more` candidates and takes the nearest of what did not fit before, but
    /// nothing that is in `visited`. False where nothing was left to take.
    pub fn widen(&mut self, more: usize, visited: &HashSet<u32>) -> bool {
        let Some(spare) = &mut self.spare else {
            return false;
        };
        let mut all = spare.take(visited);
        // What is still here unvisited stays; what was driven out may come back.
        self.known.clear();
        for key in &self.keys {
            self.known.insert(key.number());
        }
        for number in visited {
            self.known.insert(*number);
        }
        self.width += more;
        self.bound = f32::INFINITY;
        let taken = all.len().min(self.width.saturating_sub(self.keys.len()));
        spare.keys = all.split_off(taken);
        for key in all {
            self.push(key.distance(), key.number());
        }
        self.peek().is_some()
    }
}

#[cfg(test)]
mod tests {
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
            let mut held: Vec<u32> = beam.keys.iter().map(|key| key.number()).collect();
            let nearest: Vec<u32> = offered.iter().take(width).map(|key| key.number()).collect();
            prop_assert_eq!(&held, &nearest);
            // Walked to its end and widened, it gives every candidate exactly once.
            loop {
                while let Some(number) = beam.next_unvisited() {
                    prop_assert!(visited.insert(number), "{} twice", number);
                }
                if !beam.widen(width, &visited) {
                    break;
                }
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
        assert!(!beam.widen(4, &HashSet::new()));
    }
}
