//! The rows of a build: values as they will be stored, sketches to build with, and tids.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

use super::super::error::Error;
use super::super::node::Tid;
use super::super::space::{Sketch, Space};
use super::region::{Memory, Region};

/// Rows of a chunk of memory; chunks never move.
const CHUNK_ROWS: usize = 16_384;

/// Bytes of a row besides values, sketch and links: its tid, its place in the table of equal
/// values, and what the last pass needs.
pub const ROW_OVERHEAD: usize = 8 + 32 + 8;

/// Records of one size, by number.
struct Records {
    bytes: usize,
    chunks: Vec<Region>,
    len: usize,
}

impl Records {
    fn new(bytes: usize) -> Self {
        Self {
            bytes: bytes.next_multiple_of(4),
            chunks: Vec::new(),
            len: 0,
        }
    }

    fn push(&mut self, memory: &mut Memory) -> Result<&mut [u8], Error> {
        let (chunk, at) = (self.len / CHUNK_ROWS, self.len % CHUNK_ROWS * self.bytes);
        if chunk == self.chunks.len() {
            self.chunks.push(memory.allocate(self.bytes * CHUNK_ROWS)?);
        }
        self.len += 1;
        let chunk = self.chunks.last_mut().map(Region::bytes_mut);
        Ok(chunk
            .and_then(|chunk| chunk.get_mut(at..at + self.bytes))
            .unwrap_or_default())
    }

    fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    #[inline]
    fn get(&self, row: usize) -> &[u8] {
        let at = row % CHUNK_ROWS * self.bytes;
        let chunk = self.chunks.get(row / CHUNK_ROWS).map(Region::bytes);
        chunk
            .and_then(|chunk| chunk.get(at..at + self.bytes))
            .unwrap_or_default()
    }
}

/// Distinct values with their rows.
pub struct Rows {
    /// Scale, then the stored form.
    own: Records,
    /// Two numbers, then the sketch.
    sketches: Records,
    tids: Vec<Tid>,
    /// Further rows of a value.
    equal: HashMap<u32, Vec<Tid>>,
    /// The first value with a hash.
    known: HashMap<u64, u32, BuildHasherDefault<DefaultHasher>>,
    pushed: u64,
}

fn float(bytes: &[u8], at: usize) -> f32 {
    let found = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    found.map_or(0.0, |bytes| f32::from_ne_bytes(*bytes))
}

impl Rows {
    /// No rows of values whose stored form and sketch have so many bytes.
    pub fn new(own: usize, sketch: usize) -> Self {
        Self {
            own: Records::new(4 + own),
            sketches: Records::new(8 + sketch),
            tids: Vec::new(),
            equal: HashMap::new(),
            known: HashMap::default(),
            pushed: 0,
        }
    }

    /// Adds a row; one whose value is there already joins it.
    pub fn push<V: Space>(
        &mut self,
        space: &V,
        point: &V::Point,
        tid: Tid,
        memory: &mut Memory,
    ) -> Result<bool, Error> {
        let value = u32::try_from(self.tids.len()).map_err(|_| Error::Full)?;
        let record = self.own.push(memory)?;
        let (scale, own) = record.split_at_mut(4);
        scale.copy_from_slice(&space.store(point, own).to_ne_bytes());
        let mut hasher = DefaultHasher::new();
        record.hash(&mut hasher);
        self.pushed += 1;
        let first = *self.known.entry(hasher.finish()).or_insert(value);
        if first != value && self.own.get(first as usize) == self.own.get(value as usize) {
            self.own.pop();
            self.equal.entry(first).or_default().push(tid);
            return Ok(false);
        }
        let (numbers, sketch) = self.sketches.push(memory)?.split_at_mut(8);
        let [first, second] = space.sketch(point, sketch).map(f32::to_ne_bytes);
        numbers[..4].copy_from_slice(&first);
        numbers[4..].copy_from_slice(&second);
        self.tids.push(tid);
        Ok(true)
    }

    /// Distinct values.
    pub fn len(&self) -> usize {
        self.tids.len()
    }

    /// Rows.
    pub fn rows(&self) -> u64 {
        self.pushed
    }

    /// The stored form of a value and its scale.
    pub fn own(&self, value: usize) -> (&[u8], f32) {
        let record = self.own.get(value);
        (record.get(4..).unwrap_or_default(), float(record, 0))
    }

    /// The sketch of a value.
    #[inline]
    pub fn sketch(&self, value: u32) -> Sketch<'_> {
        let record = self.sketches.get(value as usize);
        Sketch {
            bytes: record.get(8..).unwrap_or_default(),
            numbers: [float(record, 0), float(record, 4)],
        }
    }

    /// The bytes that [`sketch`](Self::sketch) will read.
    #[inline]
    pub fn sketch_record(&self, value: u32) -> &[u8] {
        self.sketches.get(value as usize)
    }

    /// Values that have more than `count` rows, in order.
    pub fn values_with_more(&self, count: usize) -> Vec<u32> {
        let more = self.equal.iter().filter(|(_, tids)| tids.len() + 1 > count);
        let mut values: Vec<u32> = more.map(|(value, _)| *value).collect();
        values.sort_unstable();
        values
    }

    /// All rows of a value.
    pub fn tids(&self, value: u32) -> Vec<Tid> {
        let first = self.tids.get(value as usize).copied();
        let more = self.equal.get(&value).into_iter().flatten().copied();
        first.into_iter().chain(more).collect()
    }
}
