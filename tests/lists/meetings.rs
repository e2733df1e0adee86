//! Splits, vacuums, inserts and scans that meet at every page: one is interrupted before its n-th read or change, the
//! other happens as a whole, and the first goes on.

use vector_ext::index::Tid;
use vector_ext::ivf::{Form, ListIndex, Metric};
use vector_ext::page::{MemoryStore, PageStore};

use crate::interrupted::Interrupted;
use crate::support::{ALL, Kind, all, check, vacuum};

const THERE: u64 = 560;

fn kind() -> Kind {
    Kind {
        metric: Metric::L2,
        dims: 10,
        lists: 6,
        form: Some(Form::Int8),
    }
}

/// An index with one long list.
fn grown(rows: &[Vec<f32>]) -> MemoryStore {
    let store = kind().build(&[]);
    let index = ListIndex::open(&store).unwrap();
    for (tid, row) in (0..THERE).zip(rows) {
        index.insert(row, Tid::at(tid)).unwrap();
    }
    store
}

/// An index whose directory has two pages, with one long list.
fn wide(rows: &[Vec<f32>]) -> MemoryStore {
    let there: Vec<(u64, Vec<f32>)> = (600..900).zip(kind().rows(9, 300)).collect();
    let lists = 130;
    let store = Kind { lists, ..kind() }.build(&there);
    let index = ListIndex::open(&store).unwrap();
    for (tid, row) in (0..THERE).zip(rows) {
        let near: Vec<f32> = row.iter().map(|x| 9.0 + 0.01 * x).collect();
        index.insert(&near, Tid::at(tid)).unwrap();
    }
    assert!(index.check().unwrap().lists.len() > 96);
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
            assert!(index.tend(&mut || Ok(())).unwrap() > 0);
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
            assert!(index.tend(&mut || Ok(())).unwrap() > 0);
        },
        |store, _| look(store, &rows, with_new(1)),
    );
}

#[test]
fn a_scan_gives_every_row_once_though_lists_are_split() {
    let rows = kind().rows(21, 700);
    for (template, count) in [(grown(&rows), THERE), (wide(&rows), THERE + 300)] {
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
                assert!(index.tend(&mut || Ok(())).unwrap() > 0);
            },
            |store, _| {
                let index = ListIndex::open(store).unwrap();
                check(&index, usize::try_from(count).unwrap());
            },
        );
    }
}
