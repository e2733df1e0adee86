//! Every operation cut after every commit: the index is reopened, checked, and goes on.

use vector_ext::hnsw::{Index, Metric};
use vector_ext::index::{Error, Tid};
use vector_ext::page::{CrashStore, MemoryStore, PageError};

use crate::kinds::{Coded, Kind};
use crate::support::{Model, check, first, resources, vacuum};

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
pub fn cut<K: Kind>(
    kind: &K,
    store: &MemoryStore,
    operation: impl Fn(&Index<'_, CrashStore, K::Space>) -> Result<(), Error>,
    after: impl Fn(&MemoryStore, bool),
) -> u64 {
    for limit in 0.. {
        let crashing = copy(store, limit);
        let index = kind.open(&crashing).unwrap();
        let result = operation(&index);
        let done = result.is_ok();
        assert!(done || matches!(result, Err(Error::Page(PageError::Crashed))));
        assert_eq!(done, !crashing.crashed());
        drop(index);
        // Where only the log is left, pages that were appended and not written are not there.
        after(&crashing.logged_pages().unwrap(), done);
        after(&crashing.into_pages(), done);
        if done {
            return limit;
        }
    }
    0
}

fn coded(dims: usize, m: u16) -> Coded {
    let metric = Metric::L2;
    Coded { metric, dims, m }
}

/// Rows that were there before are found, whatever else has happened.
fn all_found<K: Kind>(index: &Index<'_, MemoryStore, K::Space>, rows: &[(u64, K::Row)]) {
    for (tid, row) in rows {
        let found = first(index, K::value(row), 5, 60);
        assert!(found.contains(tid), "row {tid} is lost");
    }
}

pub fn inserts<K: Kind>(kind: &K) {
    let rows = kind.rows(3, 60);
    let store = kind.build(&rows, resources(1));
    let new: Vec<K::Row> = kind.rows(99, 3).into_iter().map(|(_, row)| row).collect();
    let commits = cut(
        kind,
        &store,
        |index| {
            for (tid, row) in (1_000_u64..).zip(&new) {
                index.insert(K::value(row), Tid::at(tid))?;
            }
            // A row whose value is there already, until it needs chunks.
            for tid in 2_000_u64..2_004 {
                index.insert(K::value(&rows[7].1), Tid::at(tid))?;
            }
            Ok(())
        },
        |pages, done| {
            let index = kind.open(pages).unwrap();
            let report = index.check().unwrap();
            assert_eq!(report.problems, Vec::<String>::new());
            // A node comes alive with the first link to it.
            assert_eq!(report.unreachable, 0);
            all_found::<K>(&index, &rows);
            // The rows of the transaction that was cut are dead, and vacuum takes what is left.
            if !done {
                vacuum(&index, |tid| tid >= 1_000);
            }
            let left = rows.len() + if done { 7 } else { 0 };
            let report = check(&index, left);
            assert_eq!((report.orphans, report.dead), (0, 0));
            for (tid, row) in (3_000_u64..).zip(&new) {
                index.insert(K::value(row), Tid::at(tid)).unwrap();
            }
            check(&index, left + 3);
            all_found::<K>(&index, &rows);
        },
    );
    assert!(commits > 15, "{commits}");
}

#[test]
fn an_insert_that_is_cut_loses_no_other_row() {
    inserts(&coded(12, 4));
}

#[test]
fn an_insert_of_several_pages_that_is_cut_loses_no_other_row() {
    inserts(&coded(5_000, 4));
}

pub fn vacuums<K: Kind + Clone>(kind: &K, gone: impl Fn(u64) -> bool + Copy) {
    let mut rows = kind.rows(3, 60);
    // A value with many rows, some of them in chunks.
    let equal = rows[3].1.clone();
    rows.extend((100..140).map(|tid| (tid, equal.clone())));
    let store = kind.build(&rows, resources(1));
    let left: Vec<(u64, K::Row)> = rows
        .iter()
        .filter(|(tid, _)| !gone(*tid))
        .cloned()
        .collect();
    let model = Model {
        kind: kind.clone(),
        rows: left.iter().cloned().collect(),
    };
    cut(
        kind,
        &store,
        |index| {
            index
                .vacuum(&mut |tid| gone(tid.place()), &mut || Ok(()))
                .map(|_| ())
        },
        |pages, done| {
            let index = kind.open(pages).unwrap();
            assert_eq!(index.check().unwrap().problems, Vec::<String>::new());
            if !done {
                vacuum(&index, gone);
            }
            let report = check(&index, left.len());
            assert_eq!((report.orphans, report.dead), (0, 0));
            for (_, row) in left.iter().step_by(9) {
                assert!(model.recall(&index, row, (5, 60)) >= 0.8);
            }
            index.insert(K::value(&rows[0].1), Tid::at(5_000)).unwrap();
            check(&index, left.len() + 1);
        },
    );
}

#[test]
fn a_vacuum_that_is_cut_is_done_by_the_next() {
    vacuums(&coded(12, 4), |tid| tid % 3 == 0);
}

#[test]
fn a_vacuum_of_all_rows_that_is_cut_is_done_by_the_next() {
    vacuums(&coded(6, 4), |_| true);
}

#[test]
fn a_vacuum_of_several_pages_that_is_cut_is_done_by_the_next() {
    vacuums(&coded(3_000, 20), |tid| tid % 4 == 1);
}

pub fn first_row<K: Kind>(kind: &K) {
    let store = MemoryStore::new();
    kind.create(&store);
    let rows = kind.rows(5, 2);
    cut(
        kind,
        &store,
        |index| index.insert(K::value(&rows[0].1), Tid::at(1)).map(|_| ()),
        |pages, done| {
            let index = kind.open(pages).unwrap();
            if !done {
                vacuum(&index, |_| true);
            }
            let report = check(&index, usize::from(done));
            assert_eq!(report.orphans, 0);
            let other = K::value(&rows[1].1);
            index.insert(other, Tid::at(2)).unwrap();
            check(&index, usize::from(done) + 1);
            assert_eq!(first(&index, other, 1, 4), [2]);
        },
    );
}

#[test]
fn the_first_row_that_is_cut_leaves_an_empty_index() {
    first_row(&coded(4, 4));
}
