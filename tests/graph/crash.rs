//! Every operation cut after every commit: the index is reopened, checked, and goes on.

use vector_ext::hnsw::{Error, Index, Metric};
use vector_ext::page::{CrashStore, MemoryStore, PageError};

use crate::support::{Model, Random, build, check, first, options, vacuum};

/// A copy of a store that crashes after `limit` commits.
fn copy(store: &MemoryStore, limit: u64) -> CrashStore {
    let pages = MemoryStore::new();
    for page in store.pages().unwrap() {
        pages.push(&page).unwrap();
    }
    CrashStore::new(pages, limit)
}

/// Runs `operation` on copies that crash after 0, 1, 2 ... commits until it is done before that;
/// `after` looks at what each crash has left.
fn cut(
    store: &MemoryStore,
    m: u16,
    operation: impl Fn(&Index<'_, CrashStore, vector_ext::hnsw::Dense>) -> Result<(), Error>,
    after: impl Fn(&MemoryStore, bool),
) -> u64 {
    for limit in 0.. {
        let crashing = copy(store, limit);
        let index = Index::open(&crashing, &options(m)).unwrap();
        let result = operation(&index);
        let done = result.is_ok();
        assert!(done || matches!(result, Err(Error::Page(PageError::Crashed))));
        assert_eq!(done, !crashing.crashed());
        after(&crashing.into_pages(), done);
        if done {
            return limit;
        }
    }
    0
}

fn rows(dims: usize, count: u64) -> Vec<(u64, Vec<f32>)> {
    let mut random = Random(3);
    (0..count).map(|id| (id, random.vector(dims, 5))).collect()
}

/// Rows that were there before are found, whatever else has happened.
fn all_found(index: &Index<'_, MemoryStore, vector_ext::hnsw::Dense>, rows: &[(u64, Vec<f32>)]) {
    for (tid, row) in rows {
        assert!(first(index, row, 5, 60).contains(tid), "row {tid} is lost");
    }
}

fn inserts(dims: usize, m: u16) {
    let rows = rows(dims, 60);
    let store = build(Metric::L2, &rows, &options(m));
    let mut random = Random(99);
    let new: Vec<Vec<f32>> = (0..3).map(|_| random.vector(dims, 5)).collect();
    let commits = cut(
        &store,
        m,
        |index| {
            for (tid, row) in (1_000_u64..).zip(&new) {
                index.insert(row, tid.into())?;
            }
            // A row whose value is there already, until it needs chunks.
            for tid in 2_000_u64..2_004 {
                index.insert(&rows[7].1, tid.into())?;
            }
            Ok(())
        },
        |pages, done| {
            let index = Index::open(pages, &options(m)).unwrap();
            let report = index.check().unwrap();
            assert_eq!(report.problems, Vec::<String>::new());
            all_found(&index, &rows);
            // The rows of the transaction that was cut are dead, and vacuum takes what is left.
            if !done {
                vacuum(&index, |tid| tid >= 1_000);
            }
            let left = rows.len() + if done { 7 } else { 0 };
            let report = check(&index, left);
            assert_eq!((report.orphans, report.dead), (0, 0));
            for (tid, row) in (3_000_u64..).zip(&new) {
                index.insert(row, tid.into()).unwrap();
            }
            check(&index, left + 3);
            all_found(&index, &rows);
        },
    );
    assert!(commits > 15, "{commits}");
}

#[test]
fn an_insert_that_is_cut_loses_no_other_row() {
    inserts(12, 4);
}

#[test]
fn an_insert_of_several_pages_that_is_cut_loses_no_other_row() {
    inserts(5_000, 4);
}

fn vacuums(dims: usize, m: u16, gone: impl Fn(u64) -> bool + Copy) {
    let mut rows = rows(dims, 60);
    // A value with many rows, some of them in chunks.
    let equal = rows[3].1.clone();
    rows.extend((100..140).map(|tid| (tid, equal.clone())));
    let store = build(Metric::L2, &rows, &options(m));
    let left: Vec<(u64, Vec<f32>)> = rows
        .iter()
        .filter(|(tid, _)| !gone(*tid))
        .cloned()
        .collect();
    let model = Model {
        rows: left.iter().cloned().collect(),
        ..Model::default()
    };
    cut(
        &store,
        m,
        |index| {
            index
                .vacuum(&mut |tid| gone(tid.into()), &mut || Ok(()))
                .map(|_| ())
        },
        |pages, done| {
            let index = Index::open(pages, &options(m)).unwrap();
            assert_eq!(index.check().unwrap().problems, Vec::<String>::new());
            if !done {
                vacuum(&index, gone);
            }
            let report = check(&index, left.len());
            assert_eq!((report.orphans, report.dead), (0, 0));
            for (_, row) in left.iter().step_by(9) {
                assert!(model.recall(&index, row, (5, 60)) >= 0.8);
            }
            index.insert(&rows[0].1, 5_000_u64.into()).unwrap();
            check(&index, left.len() + 1);
        },
    );
}

#[test]
fn a_vacuum_that_is_cut_is_done_by_the_next() {
    vacuums(12, 4, |tid| tid % 3 == 0);
}

#[test]
fn a_vacuum_of_all_rows_that_is_cut_is_done_by_the_next() {
    vacuums(6, 4, |_| true);
}

#[test]
fn a_vacuum_of_several_pages_that_is_cut_is_done_by_the_next() {
    vacuums(3_000, 20, |tid| tid % 4 == 1);
}

#[test]
fn the_first_row_that_is_cut_leaves_an_empty_index() {
    let store = MemoryStore::new();
    Index::create(&store, 4, Metric::L2, &options(4)).unwrap();
    cut(
        &store,
        4,
        |index| {
            index
                .insert(&[1.0, 2.0, 3.0, 4.0], 1_u64.into())
                .map(|_| ())
        },
        |pages, done| {
            let index = Index::open(pages, &options(4)).unwrap();
            if !done {
                vacuum(&index, |_| true);
            }
            check(&index, usize::from(done));
            index.insert(&[4.0, 3.0, 2.0, 1.0], 2_u64.into()).unwrap();
            check(&index, usize::from(done) + 1);
            assert_eq!(first(&index, &[4.0, 3.0, 2.0, 1.0], 1, 4), [2]);
        },
    );
}
