//! Kinds of values under their measures, with distances by their definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use vector_ext::bulk::{Progress, Resources};
use vector_ext::hnsw::{
    BitMetric, Bits, Builder, Dense, Form, Index, Manhattan, Metric, Options, Plain, Space,
    SparseMetric, SparseVectors, ValueOf, build_into,
};
use vector_ext::index::{Error, Tid};
use vector_ext::page::{MemoryStore, PageStore};
use vector_ext::vector::Sparse;

use crate::support::{Random, options};

/// A kind of value under a measure, for tests that go over all of them.
pub trait Kind: Debug {
    type Space: Space;
    type Row: Clone + PartialEq + Debug;

    fn row(&self, random: &mut Random) -> Self::Row;
    fn value(row: &Self::Row) -> ValueOf<'_, Self::Space>;
    /// The distance by its definition.
    fn distance(&self, a: &Self::Row, b: &Self::Row) -> f32;
    fn builder(&self, resources: Resources) -> Builder<Self::Space>;
    fn create<'s, S: PageStore>(&self, store: &'s S) -> Index<'s, S, Self::Space>;
    fn open<'s, S: PageStore>(&self, store: &'s S) -> Result<Index<'s, S, Self::Space>, Error>;

    fn rows(&self, seed: u64, count: u64) -> Vec<(u64, Self::Row)> {
        let mut random = Random(seed);
        (0..count).map(|id| (id, self.row(&mut random))).collect()
    }

    /// Builds an index of rows in memory.
    fn build(&self, rows: &[(u64, Self::Row)], resources: Resources) -> MemoryStore {
        let mut builder = self.builder(resources);
        for (tid, row) in rows {
            builder.push(Self::value(row), Tid::at(*tid)).unwrap();
        }
        let store = MemoryStore::new();
        build_into(builder, &store, &Progress::default()).unwrap();
        store
    }
}

/// Dense vectors with codes.
#[derive(Clone, Copy, Debug)]
pub struct Coded {
    pub metric: Metric,
    pub dims: usize,
    pub m: u16,
}

impl Kind for Coded {
    type Space = Dense;
    type Row = Vec<f32>;

    fn row(&self, random: &mut Random) -> Vec<f32> {
        random.vector(self.dims, 9)
    }

    fn value(row: &Vec<f32>) -> &[f32] {
        row
    }

    fn distance(&self, a: &Vec<f32>, b: &Vec<f32>) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        match self.metric {
            Metric::InnerProduct => -dot(a, b),
            Metric::Cosine => 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
            Metric::L2 => a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum(),
        }
    }

    fn builder(&self, resources: Resources) -> Builder<Dense> {
        Builder::dense(self.dims, self.metric, &options(self.m), resources)
    }

    fn create<'s, S: PageStore>(&self, store: &'s S) -> Index<'s, S, Dense> {
        Index::create(store, self.dims, self.metric, &options(self.m)).unwrap()
    }

    fn open<'s, S: PageStore>(&self, store: &'s S) -> Result<Index<'s, S, Dense>, Error> {
        Index::open(store, &options(self.m))
    }
}

/// Dense vectors of whole numbers, stored as int8.
#[derive(Clone, Copy, Debug)]
pub struct Whole(pub Coded);

impl Whole {
    fn options(&self) -> Options {
        Options {
            form: Some(Form::Whole),
            ..options(self.0.m)
        }
    }
}

impl Kind for Whole {
    type Space = Dense;
    type Row = Vec<f32>;

    fn row(&self, random: &mut Random) -> Vec<f32> {
        let row = self.0.row(random).into_iter();
        row.map(|x| (12.0 * x).round().clamp(-128.0, 127.0))
            .collect()
    }

    fn value(row: &Vec<f32>) -> &[f32] {
        row
    }

    fn distance(&self, a: &Vec<f32>, b: &Vec<f32>) -> f32 {
        self.0.distance(a, b)
    }

    fn builder(&self, resources: Resources) -> Builder<Dense> {
        Builder::dense(self.0.dims, self.0.metric, &self.options(), resources)
    }

    fn create<'s, S: PageStore>(&self, store: &'s S) -> Index<'s, S, Dense> {
        Index::create(store, self.0.dims, self.0.metric, &self.options()).unwrap()
    }

    fn open<'s, S: PageStore>(&self, store: &'s S) -> Result<Index<'s, S, Dense>, Error> {
        Index::open(store, &self.options())
    }
}

/// Rows of bits that differ from one of a few in an eighth of their places.
#[derive(Clone, Copy, Debug)]
pub struct Bitwise {
    pub metric: BitMetric,
    pub bits: usize,
    pub m: u16,
}

impl Kind for Bitwise {
    type Space = Plain<Bits>;
    type Row = Vec<u8>;

    fn row(&self, random: &mut Random) -> Vec<u8> {
        let mut centre = Random(2_000 + random.next() % 9);
        let noise = |random: &mut Random| random.next() & random.next() & random.next();
        let byte = |_| (centre.next() ^ noise(random)) as u8;
        let mut row: Vec<u8> = (0..self.bits.div_ceil(8)).map(byte).collect();
        let pad = row.len() * 8 - self.bits;
        if let Some(last) = row.last_mut() {
            *last &= 0xFF << pad;
        }
        row
    }

    fn value(row: &Vec<u8>) -> &[u8] {
        row
    }

    fn distance(&self, a: &Vec<u8>, b: &Vec<u8>) -> f32 {
        let count = |join: fn(u8, u8) -> u8| -> f32 {
            let joined = a.iter().zip(b).map(|(a, b)| join(*a, *b).count_ones());
            joined.sum::<u32>() as f32
        };
        match self.metric {
            BitMetric::Hamming => count(|a, b| a ^ b),
            BitMetric::Jaccard if count(|a, b| a & b) == 0.0 => 1.0,
            BitMetric::Jaccard => 1.0 - count(|a, b| a & b) / count(|a, b| a | b),
        }
    }

    fn builder(&self, resources: Resources) -> Builder<Plain<Bits>> {
        Builder::plain(
            Bits::new(self.metric, self.bits),
            &options(self.m),
            resources,
        )
    }

    fn create<'s, S: PageStore>(&self, store: &'s S) -> Index<'s, S, Plain<Bits>> {
        let bits = Bits::new(self.metric, self.bits);
        Index::create_plain(store, bits, &options(self.m)).unwrap()
    }

    fn open<'s, S: PageStore>(&self, store: &'s S) -> Result<Index<'s, S, Plain<Bits>>, Error> {
        Index::open_plain(store, &options(self.m))
    }
}

/// A sparse vector as tests keep it.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRow {
    pub dims: u32,
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

impl SparseRow {
    pub fn new(dims: u32, elements: &BTreeMap<u32, f32>) -> Self {
        let indices = elements.keys().copied().collect();
        let values = elements.values().copied().collect();
        Self {
            dims,
            indices,
            values,
        }
    }

    fn at(&self, index: u32) -> f32 {
        let place = self.indices.binary_search(&index);
        place.map_or(0.0, |place| self.values[place])
    }
}

/// Sparse vectors that share most of their elements with one of a few.
#[derive(Clone, Copy, Debug)]
pub struct Scattered {
    pub metric: SparseMetric,
    /// Elements that some have and none exceeds.
    pub elements: usize,
    pub m: u16,
}

pub const DIMS: u32 = 1_000_000_000;

impl Kind for Scattered {
    type Space = Plain<SparseVectors>;
    type Row = SparseRow;

    fn row(&self, random: &mut Random) -> SparseRow {
        let mut centre = Random(3_000 + random.next() % 9);
        let count = self.elements / 4 + centre.below(self.elements * 3 / 4);
        let mut elements = BTreeMap::new();
        for _ in 0..count {
            // Some words are in every text.
            let words = [40, u64::from(DIMS)][usize::from(centre.below(3) > 0)];
            let (index, value) = (centre.next() % words, 1.0 + centre.normal().abs());
            let value = value + 0.3 * random.normal();
            if random.below(4) > 0 && value != 0.0 {
                elements.insert(index as u32, value);
            }
        }
        SparseRow::new(DIMS, &elements)
    }

    fn value(row: &SparseRow) -> Sparse<'_> {
        Sparse {
            dims: row.dims,
            indices: &row.indices,
            values: &row.values,
        }
    }

    fn distance(&self, a: &SparseRow, b: &SparseRow) -> f32 {
        let indices: BTreeSet<u32> = a.indices.iter().chain(&b.indices).copied().collect();
        let sum = |term: fn(f32, f32) -> f32| -> f32 {
            indices.iter().map(|i| term(a.at(*i), b.at(*i))).sum()
        };
        match self.metric {
            SparseMetric::L2 => sum(|a, b| (a - b) * (a - b)),
            SparseMetric::InnerProduct => -sum(|a, b| a * b),
            SparseMetric::Cosine => {
                1.0 - sum(|a, b| a * b) / (sum(|a, _| a * a) * sum(|_, b| b * b)).sqrt()
            }
            SparseMetric::L1 => sum(|a, b| (a - b).abs()),
        }
    }

    fn builder(&self, resources: Resources) -> Builder<Self::Space> {
        let vectors = SparseVectors::new(self.metric, DIMS);
        Builder::plain(vectors, &options(self.m), resources)
    }

    fn create<'s, S: PageStore>(&self, store: &'s S) -> Index<'s, S, Self::Space> {
        let vectors = SparseVectors::new(self.metric, DIMS);
        Index::create_plain(store, vectors, &options(self.m)).unwrap()
    }

    fn open<'s, S: PageStore>(&self, store: &'s S) -> Result<Index<'s, S, Self::Space>, Error> {
        Index::open_plain(store, &options(self.m))
    }
}

/// Dense vectors under L1.
#[derive(Clone, Copy, Debug)]
pub struct Taxi {
    pub form: Form,
    pub dims: usize,
    pub m: u16,
}

impl Kind for Taxi {
    type Space = Plain<Manhattan>;
    type Row = Vec<f32>;

    fn row(&self, random: &mut Random) -> Vec<f32> {
        random.vector(self.dims, 9)
    }

    fn value(row: &Vec<f32>) -> &[f32] {
        row
    }

    fn distance(&self, a: &Vec<f32>, b: &Vec<f32>) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
    }

    fn builder(&self, resources: Resources) -> Builder<Self::Space> {
        Builder::plain(
            Manhattan::new(self.dims, self.form),
            &options(self.m),
            resources,
        )
    }

    fn create<'s, S: PageStore>(&self, store: &'s S) -> Index<'s, S, Self::Space> {
        let manhattan = Manhattan::new(self.dims, self.form);
        Index::create_plain(store, manhattan, &options(self.m)).unwrap()
    }

    fn open<'s, S: PageStore>(&self, store: &'s S) -> Result<Index<'s, S, Self::Space>, Error> {
        Index::open_plain(store, &options(self.m))
    }
}
