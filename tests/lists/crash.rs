//! Every operation cut after every commit: the index is reopened, checked, and goes on.

use std::ops::RangeInclusive;

use vector_ext::index::{Error, Tid};
use vector_ext::ivf::{Form, ListIndex, Metric};
use vector_ext::page::{CrashStore, MemoryStore, PageError};

use crate::support::{Kind, all, check, tend, vacuum, value_of};

fn copy(store: &MemoryStore, limit: u64) -> CrashStore {
    let pages = MemoryStore::new();
    for page in store.pages().unwrap() {
        pages.push(&page).unwrap();
    }
    CrashStore::new(pages, limit)
}

/// Runs `operation` on copies that crash after 0, 1, 2 ... commits, or every `step`-th number, until it is done before
/// that; `after` looks at what each crash has left.
fn cut(
    store: &MemoryStore,
    step: usize,
    operation: impl Fn(&ListIndex<'_, CrashStore>) -> Result<(), Error>,
    after: impl Fn(&MemoryStore, bool),
) -> u64 {
    for limit in (0..).step_by(step) {
        let crashing = copy(store, limit);
        let index = ListIndex::open(&crashing).unwrap();
        let result = operation(&index);
        let done = result.is_ok();
        assert!(done || matches!(result, Err(Error::Page(PageError::Crashed))));
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

fn kind(form: Option<Form>) -> Kind {
    Kind {
        metric: Metric::L2,
        dims: 16,
        lists: 3,
        form,
        directions: if form.is_none() { 16 } else { 0 },
    }
}

fn numbered(kind: &Kind, count: usize) -> Vec<(u64, Vec<f32>)> {
    (0..).zip(kind.rows(5, count)).collect()
}

#[test]
fn an_insert_that_is_cut_loses_no_other_row() {
    for form in [None, Some(Form::Int8)] {
        let kind = kind(form);
        let rows = numbered(&kind, 300);
        let store = kind.build(&rows);
        let new = kind.rows(77, 160);
        let commits = cut(
            &store,
            1,
            |index| {
                for (tid, row) in (1_000_u64..).zip(&new) {
                    index.insert(row, Tid::at(tid))?;
                }
                Ok(())
            },
            |pages, done| {
                let index = ListIndex::open(pages).unwrap();
                let report = index.check().unwrap();
                assert_eq!(report.problems, Vec::<String>::new());
                assert!(report.rows >= 300 && (done || report.rows < 460));
                vacuum(&index, |tid| tid >= 1_000).unwrap();
                vacuum(&index, |tid| tid >= 1_000).unwrap();
                assert_eq!(check(&index, 300).unused, 0);
                assert_eq!(all(&index, &rows[3].1).len(), 300);
                index.insert(&new[0], Tid::at(5_000)).unwrap();
                check(&index, 301);
            },
        );
        assert!(commits >= 160, "{commits}");
    }
}

#[test]
fn a_vacuum_that_is_cut_is_done_by_the_next() {
    for form in [None, Some(Form::Int8)] {
        let kind = kind(form);
        let rows = numbered(&kind, 500);
        let store = kind.build(&rows);
        let gone = |tid: u64| tid % 5 < 3;
        let left = rows.iter().filter(|(tid, _)| !gone(*tid)).count();
        let commits = cut(
            &store,
            1,
            |index| vacuum(index, gone).map(|_| ()),
            |pages, _| {
                let index = ListIndex::open(pages).unwrap();
                assert_eq!(index.check().unwrap().problems, Vec::<String>::new());
                vacuum(&index, gone).unwrap();
                vacuum(&index, gone).unwrap();
                let report = check(&index, left);
                assert_eq!((report.dead, report.unused), (0, 0));
                assert_eq!(all(&index, &rows[4].1).len(), left);
                index.insert(&rows[0].1, Tid::at(5_000)).unwrap();
                check(&index, left + 1);
            },
        );
        assert!(commits > 10, "{commits}");
    }
}

#[test]
fn a_first_row_that_is_cut_leaves_an_empty_index() {
    let kind = kind(Some(Form::Int8));
    let store = kind.build(&[]);
    let rows = numbered(&kind, 2);
    cut(
        &store,
        1,
        |index| index.insert(&rows[0].1, Tid::at(1)).map(|_| ()),
        |pages, done| {
            let index = ListIndex::open(pages).unwrap();
            check(&index, usize::from(done));
            index.insert(&rows[1].1, Tid::at(2)).unwrap();
            check(&index, usize::from(done) + 1);
        },
    );
}

/// Cuts a tending of an index, tends again, and wants as many lists.
fn tending(
    kind: &Kind,
    rows: &[(u64, Vec<f32>)],
    (store, step): (&MemoryStore, usize),
    lists: RangeInclusive<usize>,
) {
    let value = value_of(kind.form, rows);
    let commits = cut(
        store,
        step,
        |index| tend(index, &value).map(|_| ()),
        |pages, done| {
            let index = ListIndex::open(pages).unwrap();
            let report = check(&index, rows.len());
            assert!(
                !done || lists.contains(&report.lists.len()),
                "{:?}",
                report.lists
            );
            let mut found = all(&index, &rows[4].1);
            found.sort_unstable();
            assert!(found.into_iter().eq(rows.iter().map(|row| row.0)));
            vacuum(&index, |_| false).unwrap();
            assert_eq!(check(&index, rows.len()).unused, 0);
            index
                .insert(&rows[0].1, Tid::at(rows[0].0 + 500_000))
                .unwrap();
            tend(&index, |tid| value(tid % 500_000)).unwrap();
            let report = check(&index, rows.len() + 1);
            assert!(lists.contains(&report.lists.len()), "{:?}", report.lists);
            vacuum(&index, |tid| tid >= 500_000).unwrap();
            vacuum(&index, |_| false).unwrap();
            assert_eq!(check(&index, rows.len()).unused, 0);
        },
    );
    assert!(commits > 5, "{commits}");
}

#[test]
fn a_split_that_is_cut_leaves_the_list_or_its_parts() {
    for (dims, form) in [
        (16, Some(Form::Int8)),
        (16, None),
        (5_000, Some(Form::Int8)),
    ] {
        let kind = Kind {
            dims,
            lists: 5,
            ..kind(form)
        };
        let rows = numbered(&kind, 600);
        let store = kind.build(&[]);
        let index = ListIndex::open(&store).unwrap();
        for (tid, row) in &rows {
            index.insert(row, Tid::at(*tid)).unwrap();
        }
        let step = if dims > 1_000 { 59 } else { 7 };
        tending(&kind, &rows, (&store, step), 3..=5);
    }
}

#[test]
fn a_split_between_others_that_is_cut_loses_no_row_of_these() {
    for form in [None, Some(Form::Int8)] {
        let kind = Kind {
            lists: 6,
            ..kind(form)
        };
        // Three rows make three lists.
        let rows = numbered(&kind, 900);
        let store = kind.build(&rows[..3]);
        let index = ListIndex::open(&store).unwrap();
        for (tid, row) in &rows[3..] {
            index.insert(row, Tid::at(*tid)).unwrap();
        }
        tending(&kind, &rows, (&store, 7), 4..=6);
    }
}

#[test]
fn a_merge_that_is_cut_leaves_the_list_or_its_rows_in_others() {
    for form in [None, Some(Form::Int8)] {
        let kind = Kind {
            lists: 6,
            ..kind(form)
        };
        let mut rows = numbered(&kind, 400);
        for (_, row) in rows.iter_mut().take(5) {
            for x in row {
                *x += 9.0;
            }
        }
        tending(&kind, &rows, (&kind.build(&rows), 1), 5..=5);
    }
}
