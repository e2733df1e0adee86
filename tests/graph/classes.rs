//! Operator classes as the graph knows them: how a generated vector becomes a value, and the distance by
//! its definition.

use vector_ext::bulk::{Files, Resources};
use vector_ext::hnsw::{
    BitMetric, Bits, Builder, Dense, Form, Index, Manhattan, Metric, Options, Plain, Space,
    SparseMetric, SparseVectors, ValueOf,
};
use vector_ext::page::MemoryStore;
use vector_ext::vector::{Sparse, SparseVector};

/// A kind of value and a metric.
pub trait Class {
    type Space: Space;
    type Row;

    fn name(&self) -> String;
    fn row(&self, vector: &[f32]) -> Self::Row;
    fn value(row: &Self::Row) -> ValueOf<'_, Self::Space>;
    /// Smaller is nearer. Not a number where the index leaves the row out.
    fn distance(&self, a: &Self::Row, b: &Self::Row) -> f64;
    fn builder(&self, dims: usize, options: &Options) -> Builder<Self::Space>;
    fn open<'s>(
        &self,
        store: &'s MemoryStore,
        options: &Options,
    ) -> Index<'s, MemoryStore, Self::Space>;
    fn options(&self, m: u16, ef_construction: u16) -> Options {
        Options {
            m,
            ef_construction,
            ..Options::default()
        }
    }
}

fn resources() -> Resources {
    Resources {
        threads: 1,
        budget: 1 << 30,
        files: Files {
            folder: std::env::temp_dir(),
            limit: usize::MAX,
        },
    }
}

fn sum(a: &[f32], b: &[f32], term: fn(f64, f64) -> f64) -> f64 {
    let both = a.iter().zip(b);
    both.map(|(a, b)| term(f64::from(*a), f64::from(*b))).sum()
}

fn cosine_distance(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| sum(a, b, |a, b| a * b);
    1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Dense vectors in a form of storage, `vector` and `halfvec` alike.
pub struct DenseClass(pub Metric, pub Option<Form>);

impl Class for DenseClass {
    type Space = Dense;
    type Row = Vec<f32>;

    fn name(&self) -> String {
        format!("dense {:?} {:?}", self.0, self.1)
    }

    fn row(&self, vector: &[f32]) -> Vec<f32> {
        match self.1 {
            Some(Form::Whole) => vector
                .iter()
                .map(|x| (12.0 * x).round().clamp(-128.0, 127.0))
                .collect(),
            _ => vector.to_vec(),
        }
    }

    fn value(row: &Vec<f32>) -> &[f32] {
        row
    }

    fn distance(&self, a: &Vec<f32>, b: &Vec<f32>) -> f64 {
        match self.0 {
            Metric::L2 => sum(a, b, |a, b| (a - b) * (a - b)),
            Metric::InnerProduct => -sum(a, b, |a, b| a * b),
            Metric::Cosine => cosine_distance(a, b),
        }
    }

    fn builder(&self, dims: usize, options: &Options) -> Builder<Dense> {
        Builder::dense(dims, self.0, options, resources())
    }

    fn open<'s>(&self, store: &'s MemoryStore, options: &Options) -> Index<'s, MemoryStore, Dense> {
        Index::open(store, options).unwrap()
    }

    fn options(&self, m: u16, ef_construction: u16) -> Options {
        Options {
            m,
            ef_construction,
            form: self.1,
            ..Options::default()
        }
    }
}

/// Dense vectors under L1.
pub struct ManhattanClass;

impl Class for ManhattanClass {
    type Space = Plain<Manhattan>;
    type Row = Vec<f32>;

    fn name(&self) -> String {
        "dense L1".into()
    }

    fn row(&self, vector: &[f32]) -> Vec<f32> {
        vector.to_vec()
    }

    fn value(row: &Vec<f32>) -> &[f32] {
        row
    }

    fn distance(&self, a: &Vec<f32>, b: &Vec<f32>) -> f64 {
        sum(a, b, |a, b| (a - b).abs())
    }

    fn builder(&self, dims: usize, options: &Options) -> Builder<Self::Space> {
        Builder::plain(Manhattan::new(dims, Form::F32), options, resources())
    }

    fn open<'s>(
        &self,
        store: &'s MemoryStore,
        options: &Options,
    ) -> Index<'s, MemoryStore, Self::Space> {
        Index::open_plain(store, options).unwrap()
    }
}

/// The signs of a vector.
pub struct BitClass(pub BitMetric);

impl Class for BitClass {
    type Space = Plain<Bits>;
    type Row = Vec<u8>;

    fn name(&self) -> String {
        format!("bit {:?}", self.0)
    }

    fn row(&self, vector: &[f32]) -> Vec<u8> {
        let byte = |part: &[f32]| {
            let bits = part.iter().zip((0..8).rev());
            bits.fold(0, |byte, (x, bit)| byte | u8::from(*x > 0.0) << bit)
        };
        vector.chunks(8).map(byte).collect()
    }

    fn value(row: &Vec<u8>) -> &[u8] {
        row
    }

    fn distance(&self, a: &Vec<u8>, b: &Vec<u8>) -> f64 {
        let count = |join: fn(u8, u8) -> u8| -> f64 {
            let joined = a.iter().zip(b).map(|(a, b)| join(*a, *b).count_ones());
            f64::from(joined.sum::<u32>())
        };
        match self.0 {
            BitMetric::Hamming => count(|a, b| a ^ b),
            BitMetric::Jaccard if count(|a, b| a & b) == 0.0 => 1.0,
            BitMetric::Jaccard => 1.0 - count(|a, b| a & b) / count(|a, b| a | b),
        }
    }

    fn builder(&self, dims: usize, options: &Options) -> Builder<Self::Space> {
        Builder::plain(Bits::new(self.0, dims), options, resources())
    }

    fn open<'s>(
        &self,
        store: &'s MemoryStore,
        options: &Options,
    ) -> Index<'s, MemoryStore, Self::Space> {
        Index::open_plain(store, options).unwrap()
    }
}

/// The elements of a vector that are not small.
pub struct SparseClass(pub SparseMetric, pub u32);

impl Class for SparseClass {
    type Space = Plain<SparseVectors>;
    type Row = (SparseVector, Vec<f32>);

    fn name(&self) -> String {
        format!("sparse {:?}", self.0)
    }

    fn row(&self, vector: &[f32]) -> Self::Row {
        let largest = vector.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        let keep = |x: &f32| if x.abs() < 0.1 * largest { 0.0 } else { *x };
        let kept: Vec<f32> = vector.iter().map(keep).collect();
        (SparseVector::from_dense(&kept).unwrap(), kept)
    }

    fn value((sparse, _): &Self::Row) -> Sparse<'_> {
        sparse.as_sparse()
    }

    fn distance(&self, (_, a): &Self::Row, (_, b): &Self::Row) -> f64 {
        match self.0 {
            SparseMetric::L2 => sum(a, b, |a, b| (a - b) * (a - b)),
            SparseMetric::InnerProduct => -sum(a, b, |a, b| a * b),
            SparseMetric::Cosine => cosine_distance(a, b),
            SparseMetric::L1 => sum(a, b, |a, b| (a - b).abs()),
        }
    }

    fn builder(&self, _: usize, options: &Options) -> Builder<Self::Space> {
        Builder::plain(SparseVectors::new(self.0, self.1), options, resources())
    }

    fn open<'s>(
        &self,
        store: &'s MemoryStore,
        options: &Options,
    ) -> Index<'s, MemoryStore, Self::Space> {
        Index::open_plain(store, options).unwrap()
    }
}
