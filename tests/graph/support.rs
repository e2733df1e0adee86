//! Vectors from a seed, exact search, indexes small enough for debug builds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use vector_ext::bulk::{Files, Progress, Resources};
use vector_ext::hnsw::{Builder, Index, Metric, Options, Report, Space, ValueOf, build_into};
use vector_ext::index::{Continue, Tid};
use vector_ext::page::{MemoryStore, PageStore};

use crate::kinds::{Coded, Kind};

/// Repeatable randomness (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// About normal, from the sum of four uniform numbers.
    pub fn normal(&mut self) -> f32 {
        let uniform = |bits: u64| (bits >> 40) as f32 / (1 << 24) as f32 - 0.5;
        (0..4).map(|_| uniform(self.next())).sum::<f32>() * 1.73
    }

    /// A vector near one of `clusters` centres.
    pub fn vector(&mut self, dims: usize, clusters: u64) -> Vec<f32> {
        let mut centre = Random(1_000 + self.next() % clusters);
        (0..dims)
            .map(|_| centre.normal() + 0.5 * self.normal())
            .collect()
    }
}

/// The rows that an index should have, and exact search over them.
pub struct Model<K: Kind> {
    pub kind: K,
    pub rows: BTreeMap<u64, K::Row>,
}

impl Model<Coded> {
    /// Of dense vectors under L2.
    pub fn l2(rows: &[(u64, Vec<f32>)]) -> Self {
        let (metric, dims, m) = (Metric::L2, 0, 0);
        let kind = Coded { metric, dims, m };
        let rows = rows.iter().cloned().collect();
        Self { kind, rows }
    }
}

impl<K: Kind> Model<K> {
    /// The distance of the k-th nearest row.
    pub fn bound(&self, query: &K::Row, k: usize) -> f32 {
        let mut all: Vec<f32> = self
            .rows
            .values()
            .map(|row| self.kind.distance(query, row))
            .collect();
        all.sort_by(f32::total_cmp);
        all.get(k.min(all.len()).wrapping_sub(1))
            .copied()
            .unwrap_or(f32::INFINITY)
    }

    /// The share of the k nearest that a search finds; every row that it gives must be there.
    pub fn recall<S: PageStore>(
        &self,
        index: &Index<'_, S, K::Space>,
        query: &K::Row,
        (k, ef): (usize, usize),
    ) -> f64 {
        let found = first(index, K::value(query), k, ef);
        if self.rows.is_empty() {
            assert!(found.is_empty());
            return 1.0;
        }
        let bound = self.bound(query, k);
        let slack = 1e-3 * bound.abs().max(1e-3);
        let near = |tid: &&u64| self.kind.distance(query, &self.rows[*tid]) <= bound + slack;
        let hits = found.iter().filter(near).count();
        hits as f64 / k.min(self.rows.len()).max(1) as f64
    }
}

/// The rows that a search gives first.
pub fn first<S: PageStore, V: Space>(
    index: &Index<'_, S, V>,
    query: ValueOf<'_, V>,
    k: usize,
    ef: usize,
) -> Vec<u64> {
    let mut scan = index.scan(query, ef, Continue::Strict).unwrap().unwrap();
    let mut rows = Vec::new();
    while rows.len() < k
        && let Some(row) = scan.next_row().unwrap()
    {
        rows.push(row.tid.place());
    }
    rows
}

/// All invariants hold, and the index has just the rows of the model.
pub fn check<S: PageStore, V: Space>(index: &Index<'_, S, V>, rows: usize) -> Report {
    let report = index.check().unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.rows, rows as u64);
    report
}

pub fn options(m: u16) -> Options {
    Options {
        m,
        ef_construction: 20,
        ..Options::default()
    }
}

pub fn resources(threads: usize) -> Resources {
    Resources {
        threads,
        budget: 1 << 30,
        files: files(std::env::temp_dir()),
    }
}

/// As many files as are needed.
pub fn files(folder: impl Into<PathBuf>) -> Files {
    Files {
        folder: folder.into(),
        limit: usize::MAX,
    }
}

/// Builds an index of dense vectors in memory.
pub fn build(metric: Metric, rows: &[(u64, Vec<f32>)], options: &Options) -> MemoryStore {
    let dims = rows.first().map_or(3, |(_, row)| row.len());
    let mut builder = Builder::dense(dims, metric, options, resources(1));
    for (tid, row) in rows {
        builder.push(row, Tid::at(*tid)).unwrap();
    }
    let store = MemoryStore::new();
    build_into(builder, &store, &Progress::default()).unwrap();
    store
}

/// Removes rows by vacuum.
pub fn vacuum<S: PageStore, V: Space>(index: &Index<'_, S, V>, gone: impl Fn(u64) -> bool) -> u64 {
    let vacuumed = index.vacuum(&mut |tid| gone(tid.place()), &mut || Ok(()));
    vacuumed.unwrap().removed
}

/// The number of the row that was the `nth` when the fixtures were written: tests wrote the bytes of tids in another
/// order then.
pub fn as_written(nth: u64) -> u64 {
    u64::from(u16::try_from(nth).unwrap().swap_bytes())
}
