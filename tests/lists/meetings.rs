//! Splits, vacuums, inserts and scans that meet at every page: one is interrupted before its n-th read or change, the
//! other happens as a whole, and the first goes on.

use std::cell::Cell;

use vector_ext::index::Tid;
use vector_ext::ivf::{Form, ListIndex, Metric};
use vector_ext::page::{MemoryStore, PageStore};

use crate::interrupted::Interrupted;
use crate::support::{ALL, Kind, all, check, tend, vacuum};

const THERE: u64 = 560;

/// Rows of a list that is merged.
const FEW: u64 = 9;

fn kind() -> Kind {
    Kind {
        metric: Metric::L2,
        dims: 10,
        lists: 6,
        form: Some(Form::Int8),
        directions: 0,
    }
}

/// An index with one long list, of which one split makes as many as it should have.
fn grown(rows: &[Vec<f32>]) -> MemoryStore {
    let lists = 4;
    let store = Kind { lists, ..kind() }.build(&[]);
    let index = ListIndex::open(&store).unwrap();
    for (tid, row) in (0..THERE).zip(rows) {
        index.insert(row, Tid::at(tid)).unwrap();
    }
    store
}

/// Rows of an index that has a list for each, which are those from 600 on.
const ALONE: u64 = 120;

/// An index whose directory has two pages, with one long list. It has fewer lists than were asked for, so that this one
/// may be split.
fn wide(rows: &[Vec<f32>]) -> MemoryStore {
    let alone = kind().rows(9, usize::try_from(ALONE).unwrap());
    let there: Vec<(u64, Vec<f32>)> = (600..).zip(alone).collect();
    let lists = 130;
    let store = Kind { lists, ..kind() }.build(&there);
    let index = ListIndex::open(&store).unwrap();
    for (tid, row) in (0..THERE).zip(rows) {
        index.insert(&far(row), Tid::at(tid)).unwrap();
    }
    assert!(index.check().unwrap().lists.len() > 96);
    store
}

/// Near a place that no other row is near.
fn far(row: &[f32]) -> Vec<f32> {
    row.iter().map(|x| 9.0 + 0.3 * x).collect()
}

/// An index with a list of so few rows that it is merged, which are those from 560 on.
fn uneven(rows: &[Vec<f32>]) -> MemoryStore {
    let mut there: Vec<(u64, Vec<f32>)> = (0..THERE).zip(rows.iter().cloned()).collect();
    there.extend((THERE..THERE + FEW).zip(rows.iter().map(|row| far(row))));
    kind().build(&there)
}

/// The same with no row in that list.
fn emptied(rows: &[Vec<f32>]) -> MemoryStore {
    let store = uneven(rows);
    let index = ListIndex::open(&store).unwrap();
    vacuum(&index, |tid| tid >= THERE).unwrap();
    assert_eq!(check(&index, 560).lists.iter().min(), Some(&0));
    store
}

fn copy(store: &MemoryStore) -> MemoryStore {
    let copy = MemoryStore::new();
    for page in store.pages().unwrap() {
        copy.push(&page).unwrap();
    }
    copy
}

fn insert(pages: &impl PageStore, rows: &[Vec<f32>], count: u64) {
    let index = ListIndex::open(pages).unwrap();
    for (tid, row) in (1_000..1_000 + count).zip(rows.iter().rev()) {
        assert!(index.insert(row, Tid::at(tid)).unwrap());
    }
}

/// Inserts rows where those of the list are that is merged, and others.
fn insert_far(pages: &impl PageStore, rows: &[Vec<f32>], count: u64) {
    let index = ListIndex::open(pages).unwrap();
    for (tid, row) in (1_000..1_000 + count).zip(rows.iter().rev()) {
        let row = if tid % 2 == 0 { far(row) } else { row.clone() };
        assert!(index.insert(&row, Tid::at(tid)).unwrap());
    }
}

/// Every row of these is there once.
fn look(store: &MemoryStore, rows: &[Vec<f32>], mut wanted: Vec<u64>) {
    let index = ListIndex::open(store).unwrap();
    check(&index, wanted.len());
    let mut found = all(&index, &rows[7]);
    found.sort_unstable();
    wanted.sort_unstable();
    assert!(found == wanted, "{} of {}", found.len(), wanted.len());
}

/// Lets `first` be interrupted by `second` at every page, until it ends before that.
fn everywhere(
    template: &MemoryStore,
    first: impl Fn(&Interrupted<'_>),
    second: impl Fn(&MemoryStore) + Sync,
    after: impl Fn(&MemoryStore, bool),
) {
    for stop in 0.. {
        let store = copy(template);
        let pages = Interrupted::reading(&store, stop, || second(&store));
        first(&pages);
        let happened = pages.happened();
        drop(pages);
        after(&store, happened);
        if !happened {
            assert!(stop > 5, "{stop}");
            return;
        }
    }
}

fn with_new(count: u64) -> Vec<u64> {
    (0..THERE).chain(1_000..1_000 + count).collect()
}

#[test]
fn rows_that_come_during_a_split_are_in_its_parts() {
    let rows = kind().rows(21, 700);
    everywhere(
        &grown(&rows),
        |pages| {
            let index = ListIndex::open(pages).unwrap();
            assert!(tend(&index, |_| None).unwrap().split > 0);
        },
        |store| insert(store, &rows, 140),
        |store, came| look(store, &rows, with_new(if came { 140 } else { 0 })),
    );
}

#[test]
fn rows_that_come_during_a_vacuum_stay() {
    let rows = kind().rows(21, 700);
    let gone = |tid: u64| tid < THERE && tid % 4 < 3;
    everywhere(
        &grown(&rows),
        |pages| {
            let index = ListIndex::open(pages).unwrap();
            assert_eq!(vacuum(&index, gone).unwrap(), THERE / 4 * 3);
        },
        |store| insert(store, &rows, 140),
        |store, came| {
            let all = with_new(if came { 140 } else { 0 });
            look(
                store,
                &rows,
                all.into_iter().filter(|tid| !gone(*tid)).collect(),
            );
        },
    );
}

#[test]
fn an_insert_finds_the_parts_of_a_list_that_is_split_meanwhile() {
    let rows = kind().rows(21, 700);
    everywhere(
        &grown(&rows),
        |pages| insert(pages, &rows, 1),
        |store| {
            let index = ListIndex::open(store).unwrap();
            assert!(tend(&index, |_| None).unwrap().split > 0);
        },
        |store, _| look(store, &rows, with_new(1)),
    );
}

#[test]
fn a_scan_gives_every_row_once_though_lists_are_split() {
    let rows = kind().rows(21, 700);
    let templates = [
        (grown(&rows), THERE),
        (wide(&rows), THERE + ALONE),
        (uneven(&rows), THERE + FEW),
        (emptied(&rows), THERE),
    ];
    for (template, count) in templates {
        everywhere(
            &template,
            |pages| {
                let index = ListIndex::open(pages).unwrap();
                let mut scan = index.scan(&rows[3], ALL).unwrap().unwrap();
                let mut found: Vec<u64> = std::iter::from_fn(|| scan.next_row().unwrap())
                    .map(|row| row.tid.place())
                    .collect();
                found.sort_unstable();
                let given = found.len();
                found.dedup();
                assert_eq!((given, found.len() as u64), (found.len(), count));
            },
            |store| {
                let index = ListIndex::open(store).unwrap();
                let tended = tend(&index, |_| None).unwrap();
                let lists = index.check().unwrap().lists;
                assert!(tended.split + tended.merged > 0, "{count} {lists:?}");
            },
            |store, _| {
                let index = ListIndex::open(store).unwrap();
                check(&index, usize::try_from(count).unwrap());
            },
        );
    }
}

#[test]
fn rows_that_come_during_a_merge_are_in_the_other_lists() {
    let rows = kind().rows(21, 700);
    for (template, there) in [(uneven(&rows), THERE + FEW), (emptied(&rows), THERE)] {
        for count in [2, 140] {
            let merged = Cell::new(0);
            everywhere(
                &template,
                |pages| {
                    let index = ListIndex::open(pages).unwrap();
                    merged.set(tend(&index, |_| None).unwrap().merged);
                },
                |store| insert_far(store, &rows, count),
                |store, came| {
                    let new = 1_000..1_000 + if came { count } else { 0 };
                    look(store, &rows, (0..there).chain(new).collect());
                    assert!(came || merged.get() == 1, "{}", merged.get());
                },
            );
        }
    }
}

#[test]
fn an_insert_finds_another_list_where_its_own_is_merged_meanwhile() {
    let rows = kind().rows(21, 700);
    for (template, there) in [(uneven(&rows), THERE + FEW), (emptied(&rows), THERE)] {
        everywhere(
            &template,
            |pages| insert_far(pages, &rows, 1),
            |store| {
                let index = ListIndex::open(store).unwrap();
                tend(&index, |_| None).unwrap();
            },
            |store, _| look(store, &rows, (0..there).chain([1_000]).collect()),
        );
    }
}
