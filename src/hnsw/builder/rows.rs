//! Rows of a build: values as they will be stored, sketches to build with, and tids.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

use crate::bulk::{Lines, Memory, PLACE_BYTES, Records};
use crate::index::{Error, Fallible, Tid, collected};

use crate::hnsw::nodes::meta::Lengths;
use crate::hnsw::spaces::space::{PointOf, Space};
use crate::values::{Sketch, Sketches, Values};

/// Bytes of a row besides its value, sketch and links: the tid, the place in the table of equal values, the
/// place in the order of linking, and what the last pass needs.
pub const ROW_OVERHEAD: usize = 8 + 32 + 12 + 8;

/// Scale, then the stored form, of each value.
enum StoredValues {
    /// With the bytes of a stored form.
    Even(Records, usize),
    Any(Lines),
}

impl StoredValues {
    fn push(&mut self, bytes: usize, memory: &mut Memory) -> Result<&mut [u8], Error> {
        match self {
            Self::Even(records, _) => records.push(memory),
            Self::Any(lines) => lines.push(4 + bytes, memory),
        }
    }

    fn pop(&mut self) {
        match self {
            Self::Even(records, _) => records.pop(),
            Self::Any(lines) => lines.pop(),
        }
    }

    #[inline]
    fn get(&self, value: usize) -> &[u8] {
        match self {
            Self::Even(records, bytes) => {
                let record = records.get(value);
                record.get(..4 + bytes).unwrap_or_default()
            }
            Self::Any(lines) => lines.get(value),
        }
    }
}

/// Distinct values with their rows.
pub struct BuildRows {
    own: StoredValues,
    /// Two numbers, then the sketch; None where the stored form serves.
    sketches: Option<Records>,
    tids: Vec<Tid>,
    /// Further rows of a value.
    equal: HashMap<u32, Vec<Tid>>,
    /// The first value with a hash.
    known: HashMap<u64, u32, BuildHasherDefault<DefaultHasher>>,
    pushed: u64,
    lengths: Lengths,
}

fn float(bytes: &[u8], at: usize) -> f32 {
    let found = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    found.map_or(0.0, |bytes| f32::from_ne_bytes(*bytes))
}

impl BuildRows {
    /// No rows. Stored forms have `own` bytes, unless they vary.
    pub fn new<V: Space>(space: &V, own: usize) -> Self {
        let sketch = space.values().sketch_bytes();
        Self {
            own: if space.values().varies() {
                StoredValues::Any(Lines::default())
            } else {
                StoredValues::Even(Records::new(4 + own), own)
            },
            sketches: sketch.map(|sketch| Records::new(8 + sketch)),
            tids: Vec::new(),
            equal: HashMap::new(),
            known: HashMap::default(),
            pushed: 0,
            lengths: Lengths::default(),
        }
    }

    /// Adds a row; one whose value is there already joins it.
    pub fn push<V: Space>(
        &mut self,
        space: &V,
        point: &PointOf<V>,
        tid: Tid,
        memory: &mut Memory,
    ) -> Result<bool, Error> {
        let value = u32::try_from(self.tids.len()).map_err(|_| Error::Full)?;
        self.tids.try_reserve(1)?;
        self.known.try_reserve(1)?;
        self.equal.try_reserve(1)?;
        let bytes = space.values().stored_bytes(point);
        let record = self.own.push(bytes, memory)?;
        let (scale, own) = record.split_at_mut(4);
        let own = own.get_mut(..bytes).unwrap_or_default();
        scale.copy_from_slice(&space.values().store(point, own).to_ne_bytes());
        let mut hasher = DefaultHasher::new();
        record.hash(&mut hasher);
        self.pushed += 1;
        if let Some(length) = space.length(point) {
            self.lengths.take(length);
        }
        let first = *self.known.entry(hasher.finish()).or_insert(value);
        if first != value && self.own.get(first as usize) == self.own.get(value as usize) {
            self.own.pop();
            self.equal.entry(first).or_default().try_push(tid)?;
            return Ok(false);
        }
        if let Some(sketches) = &mut self.sketches {
            let (numbers, sketch) = sketches.push(memory)?.split_at_mut(8);
            let [first, second] = space.values().sketch(point, sketch).map(f32::to_ne_bytes);
            numbers[..4].copy_from_slice(&first);
            numbers[4..].copy_from_slice(&second);
        }
        if matches!(self.own, StoredValues::Any(_)) {
            memory.account(PLACE_BYTES);
        }
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

    /// How long they are, where that matters.
    pub fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// The stored form of a value and its scale.
    pub fn own(&self, value: usize) -> (&[u8], f32) {
        let record = self.own.get(value);
        (record.get(4..).unwrap_or_default(), float(record, 0))
    }

    /// The sketch of a value.
    #[inline]
    pub fn sketch(&self, value: u32) -> Sketch<'_> {
        let Some(sketches) = &self.sketches else {
            let (bytes, scale) = self.own(value as usize);
            let numbers = [scale, 0.0];
            return Sketch { bytes, numbers };
        };
        let record = sketches.get(value as usize);
        Sketch {
            bytes: record.get(8..).unwrap_or_default(),
            numbers: [float(record, 0), float(record, 4)],
        }
    }

    /// The bytes that [`sketch`](Self::sketch) will read.
    #[inline]
    pub fn sketch_record(&self, value: u32) -> &[u8] {
        match &self.sketches {
            Some(sketches) => sketches.get(value as usize),
            None => self.own.get(value as usize),
        }
    }

    /// Values that have more than `count` rows, in order.
    pub fn values_with_more(&self, count: usize) -> Result<Vec<u32>, Error> {
        let more = self.equal.iter().filter(|(_, tids)| tids.len() + 1 > count);
        let mut values: Vec<u32> = collected(more.map(|(value, _)| *value))?;
        values.sort_unstable();
        Ok(values)
    }

    /// All rows of a value.
    pub fn tids(&self, value: u32) -> impl Iterator<Item = Tid> {
        let first = self.tids.get(value as usize).copied();
        let more = self.equal.get(&value).into_iter().flatten().copied();
        first.into_iter().chain(more)
    }
}
