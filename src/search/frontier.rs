//! Frontier: all candidates that were not visited, for a walk that goes on as long as rows are asked for.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, TryReserveError};

use super::walk::Offers;
use super::{Key, MAX_OFFER};

/// A chunk has so many numbers, as a power of two: 2 kB.
const CHUNK_BITS: u32 = 14;

/// Words of a chunk.
const CHUNK_WORDS: usize = (1 << CHUNK_BITS) / 64;

/// A set of node numbers, a bit each, in chunks that are made when a number falls into them. A damaged page may
/// link to any number, and one bit array up to it could take 512 MB.
#[derive(Debug, Default)]
pub struct Numbers(Vec<Option<Box<[u64; CHUNK_WORDS]>>>);

/// Where a number is.
struct NumberBit {
    chunk: usize,
    /// In the chunk.
    word: usize,
    /// The bit of it, alone.
    bit: u64,
}

fn bit_of(number: u32) -> NumberBit {
    let word = number as usize / 64;
    NumberBit {
        chunk: word / CHUNK_WORDS,
        word: word % CHUNK_WORDS,
        bit: 1 << (number % 64),
    }
}

impl Numbers {
    /// Adds a number. False where it was there already.
    #[inline]
    pub fn insert(&mut self, number: u32) -> bool {
        let NumberBit { chunk, word, bit } = bit_of(number);
        if chunk >= self.0.len() {
            self.0.resize_with(chunk + 1, || None);
        }
        let words = self.0[chunk].get_or_insert_with(|| Box::new([0; CHUNK_WORDS]));
        let fresh = words[word] & bit == 0;
        words[word] |= bit;
        fresh
    }

    /// Removes a number.
    pub fn remove(&mut self, number: u32) {
        let NumberBit { chunk, word, bit } = bit_of(number);
        if let Some(Some(words)) = self.0.get_mut(chunk) {
            words[word] &= !bit;
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let mut words = self.0.iter().flatten().flat_map(|words| words.iter());
        words.all(|word| *word == 0)
    }

    /// The numbers in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let chunks = (0_u32..).zip(&self.0);
        let chunks = chunks.filter_map(|(chunk, words)| Some((chunk, words.as_deref()?)));
        let words = chunks.flat_map(|(chunk, words)| {
            let words = (0_u32..).zip(words);
            words.map(move |(at, word)| (chunk << CHUNK_BITS | at << 6, word))
        });
        words.flat_map(|(first, word)| {
            let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| first | bit)
        })
    }

    /// Whether a number is there.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        let NumberBit { chunk, word, bit } = bit_of(number);
        let words = self.0.get(chunk).and_then(Option::as_ref);
        words.is_some_and(|words| words[word] & bit != 0)
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn bytes(&self) -> usize {
        8 * self.0.capacity() + 8 * CHUNK_WORDS * self.0.iter().flatten().count()
    }
}

/// Candidates that are sorted at a time, at least.
const LEAST_SORTED: usize = 256;

/// Candidates by distance; each number is taken once, with the first distance that it is offered
/// with.
///
/// Most candidates are never visited, so most are never sorted. `sorted` has the nearest ones; candidates that
/// came since and are as near lie in a heap; the others lie in no order.
#[derive(Debug, Default)]
pub struct Frontier {
    /// The nearest one last.
    sorted: Vec<Key>,
    fresh: BinaryHeap<Reverse<Key>>,
    rest: Vec<Key>,
    /// What is not nearer belongs to the rest.
    cut: Option<Key>,
    /// What was taken, visited or not.
    taken: Numbers,
}

impl Frontier {
    /// Counts a number as visited.
    pub fn exclude(&mut self, number: u32) {
        self.taken.insert(number);
    }

    /// Takes the nearest candidate to visit it.
    pub fn next_unvisited(&mut self) -> Option<u32> {
        let key = if self.is_fresh_next() {
            self.fresh.pop().map(|Reverse(key)| key)
        } else {
            self.sorted.pop()
        };
        if self.sorted.is_empty() && self.fresh.is_empty() {
            self.sort_some();
        }
        key.map(Key::number)
    }

    fn is_fresh_next(&self) -> bool {
        let sorted = self.sorted.last();
        let fresh = self.fresh.peek();
        fresh.is_some_and(|Reverse(fresh)| sorted.is_none_or(|sorted| fresh < sorted))
    }

    /// How many candidates are sorted at a time.
    fn portion(&self) -> usize {
        (self.rest.len() / 16).max(LEAST_SORTED)
    }

    /// Sorts the nearest of the rest.
    fn sort_some(&mut self) {
        let some = self.portion();
        if some < self.rest.len() {
            let (_, cut, _) = self.rest.select_nth_unstable(some);
            self.cut = Some(*cut);
            self.sorted.extend(self.rest.drain(..some));
        } else {
            self.cut = None;
            self.sorted.append(&mut self.rest);
        }
        self.sorted.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// The distance of the nearest candidate, infinite where there is none.
    #[must_use]
    pub fn nearest(&self) -> f32 {
        let sorted = self.sorted.last().copied();
        let fresh = self.fresh.peek().map(|Reverse(key)| *key);
        let nearest = sorted.into_iter().chain(fresh).min();
        nearest.map_or(f32::INFINITY, Key::distance)
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let keys = self.sorted.capacity() + self.fresh.capacity() + self.rest.capacity();
        keys * size_of::<Key>() + self.taken.bytes()
    }

    /// The numbers that were visited or excluded.
    #[must_use]
    pub fn into_visited(self) -> Numbers {
        let mut visited = self.taken;
        let fresh = self.fresh.into_iter().map(|Reverse(key)| key);
        for key in fresh.chain(self.sorted).chain(self.rest) {
            visited.remove(key.number());
        }
        visited
    }
}

impl Offers for Frontier {
    fn make_room(&mut self, offers: usize) -> Result<(), TryReserveError> {
        // What is fresh or sorted goes to the rest, and some of it is sorted then.
        self.fresh.try_reserve(offers)?;
        let sorted = self.fresh.len() + self.sorted.len();
        self.rest.try_reserve(sorted + offers)?;
        self.sorted.try_reserve(self.portion())
    }

    fn bound(&self) -> f32 {
        f32::INFINITY
    }

    fn offer(&mut self, numbers: &[u32], distances: &[f32], _near: u32) {
        debug_assert!(numbers.len() <= MAX_OFFER);
        for (number, distance) in numbers.iter().zip(distances) {
            if distance.is_finite() && self.taken.insert(*number) {
                let key = Key::new(*distance, *number);
                match self.cut {
                    Some(cut) if key >= cut => self.rest.push(key),
                    Some(_) | None => self.fresh.push(Reverse(key)),
                }
            }
        }
        if self.fresh.len() > 4 * self.portion() {
            let fresh = std::mem::take(&mut self.fresh).into_iter();
            self.rest.extend(fresh.map(|Reverse(key)| key));
            self.rest.append(&mut self.sorted);
            self.sort_some();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_candidate_comes_once_and_nearest_first() {
        let mut frontier = Frontier::default();
        frontier.exclude(7);
        frontier.offer(&[7, 3, 500, 3], &[0.1, 3.0, 0.5, 0.2], 0);
        frontier.offer(&[4, 5], &[f32::INFINITY, f32::NAN], 0);
        assert_eq!(frontier.nearest().to_bits(), 0.5_f32.to_bits());
        assert_eq!(frontier.next_unvisited(), Some(500));
        assert_eq!(
            (frontier.nearest(), frontier.next_unvisited()),
            (3.0, Some(3))
        );
        assert_eq!(
            (frontier.nearest(), frontier.next_unvisited()),
            (f32::INFINITY, None)
        );
        frontier.offer(&[8], &[1.0], 0);
        let visited = frontier.into_visited();
        assert!(
            [7, 3, 500]
                .into_iter()
                .all(|number| visited.contains(number))
        );
        assert!(!visited.contains(8) && !visited.contains(4));
    }

    proptest! {
        /// Many more than are sorted at a time, offered while others are visited.
        #[test]
        fn the_nearest_comes_next_however_many_there_are(
            rounds in prop::collection::vec(prop::collection::vec((0_u32..9_000, 0_u16..999), 32), 1..400)
        ) {
            let mut frontier = Frontier::default();
            let mut model = BTreeSet::new();
            let mut taken = HashSet::new();
            for offers in &rounds {
                let (numbers, distances): (Vec<u32>, Vec<f32>) =
                    offers.iter().map(|&(number, d)| (number, f32::from(d))).unzip();
                frontier.offer(&numbers, &distances, 0);
                let both = numbers.iter().zip(&distances);
                model.extend(both.filter(|(n, _)| taken.insert(**n)).map(|(n, d)| Key::new(*d, *n)));
                for _ in 0..3 {
                    let next = model.pop_first();
                    let nearest = next.map_or(f32::INFINITY, Key::distance);
                    prop_assert_eq!(frontier.nearest().to_bits(), nearest.to_bits());
                    prop_assert_eq!(frontier.next_unvisited(), next.map(Key::number));
                }
            }
            let visited = frontier.into_visited();
            prop_assert!(model.iter().all(|key| !visited.contains(key.number())));
        }
    }

    #[test]
    fn numbers_are_a_set() {
        let mut numbers = Numbers::default();
        assert!(numbers.insert(1_000_000) && numbers.insert(0));
        assert!(!numbers.insert(1_000_000));
        assert!(numbers.contains(0) && !numbers.contains(1) && !numbers.contains(u32::MAX));
        assert!(numbers.insert(63) && numbers.insert(64));
        assert_eq!(numbers.iter().collect::<Vec<u32>>(), [0, 63, 64, 1_000_000]);
        numbers
            .iter()
            .collect::<Vec<u32>>()
            .into_iter()
            .for_each(|number| numbers.remove(number));
        assert!(numbers.is_empty());
    }

    /// It made room for every number below: 512 MB.
    #[test]
    fn a_number_that_no_node_has_takes_little_memory() {
        let mut numbers = Numbers::default();
        assert!(numbers.insert(u32::MAX) && numbers.insert(5));
        assert!(!numbers.insert(u32::MAX) && numbers.contains(u32::MAX));
        assert!(numbers.bytes() < 3 << 20);
        assert_eq!(numbers.iter().collect::<Vec<u32>>(), [5, u32::MAX]);
    }
}
