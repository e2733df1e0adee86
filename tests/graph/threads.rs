//! Many writers and readers at once, and a vacuum between them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use vector_ext::hnsw::{Index, Metric, SparseMetric};
use vector_ext::index::{Continue, Tid};
use vector_ext::page::MemoryStore;

use crate::kinds::{Kind, Scattered};
use crate::support::{Random, build, check, first, options, resources, vacuum};

#[test]
fn writers_readers_and_a_vacuum_share_an_index() {
    let mut random = Random(43);
    let rows: Vec<(u64, Vec<f32>)> = (0..300).map(|i| (i, random.vector(16, 8))).collect();
    let store = build(Metric::L2, &rows, &options(8));
    let index = Index::open(&store, &options(8)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (1..=4_u64)
            .map(|writer| {
                let index = &index;
                scope.spawn(move || {
                    let mut random = Random(writer);
                    for i in 0..150 {
                        let vector = match i % 10 {
                            // A value that all writers add, so that its chunks are fought for.
                            0..3 => vec![1.5; 16],
                            _ => random.vector(16, 8),
                        };
                        index.insert(&vector, Tid::at(writer * 10_000 + i)).unwrap();
                    }
                })
            })
            .collect();
        for reader in 0..2 {
            let (index, done, rows) = (&index, &done, &rows);
            scope.spawn(move || {
                let mut random = Random(100 + reader);
                let (mut searches, mut missed) = (0, 0);
                while !done.load(Ordering::Relaxed) {
                    let (tid, row) = &rows[150 + random.below(150)];
                    searches += 1;
                    missed += u32::from(!first(index, row, 3, 40).contains(tid));
                }
                // While links are being replaced a row may be out of reach for a moment.
                assert!(20 * missed <= searches + 20, "{missed} of {searches}");
            });
        }
        // The first half of the old rows goes, a third at a time.
        for third in 0..3 {
            vacuum(&index, |tid| tid < 150 && tid % 3 == third);
        }
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let report = check(&index, 150 + 4 * 150);
    assert_eq!((report.dead, report.orphans), (0, 0));
}

/// Long values come and go under readers: a slot of one may become that of another at any time.
#[test]
fn readers_find_long_values_while_others_come_and_go() {
    let kind = Scattered {
        metric: SparseMetric::L2,
        elements: 260,
        m: 16,
    };
    let rows = kind.rows(113, 120);
    let store = kind.build(&rows, resources(1));
    let index = kind.open(&store).unwrap();
    let (done, inserted) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for reader in 0..2 {
            let (index, done, rows) = (&index, &done, &rows);
            scope.spawn(move || {
                let mut random = Random(100 + reader);
                while !done.load(Ordering::Relaxed) {
                    let query = Scattered::value(&rows[random.below(120)].1);
                    let mut scan = index.scan(query, 20, Continue::Relaxed).unwrap().unwrap();
                    let mut found = BTreeSet::new();
                    while let Some(row) = scan.next_row().unwrap() {
                        found.insert(row.tid.place());
                    }
                    assert!((0..60).all(|tid| found.contains(&tid)));
                }
            });
        }
        let writer = scope.spawn(|| {
            for round in 1..=4 {
                for (tid, row) in kind.rows(round, 25) {
                    let tid = 1_000 * round + tid;
                    index.insert(Scattered::value(&row), Tid::at(tid)).unwrap();
                    inserted.store(tid, Ordering::SeqCst);
                }
            }
        });
        // All goes but the rows that the readers look for, as soon as it is there.
        while !writer.is_finished() {
            let last = inserted.load(Ordering::SeqCst);
            vacuum(&index, |tid| (60..=last).contains(&tid));
        }
        writer.join().unwrap();
        vacuum(&index, |tid| tid >= 60);
        done.store(true, Ordering::Relaxed);
    });
    let report = check(&index, 60);
    assert_eq!((report.dead, report.orphans), (0, 0));
}

/// Slots of a row that was not the first after all are left to vacuum.
#[test]
fn the_first_long_values_may_come_at_once() {
    let kind = Scattered {
        metric: SparseMetric::L1,
        elements: 200,
        m: 4,
    };
    for round in 0..20 {
        let store = MemoryStore::new();
        let index = kind.create(&store);
        thread::scope(|scope| {
            for writer in 0..4_u64 {
                let (index, kind) = (&index, &kind);
                scope.spawn(move || {
                    for (tid, row) in kind.rows(round * 10 + writer, 3) {
                        let tid = Tid::at(writer * 100 + tid);
                        index.insert(Scattered::value(&row), tid).unwrap();
                    }
                });
            }
        });
        check(&index, 12);
        vacuum(&index, |_| false);
        assert_eq!(check(&index, 12).orphans, 0);
    }
}

#[test]
fn the_first_rows_may_come_at_once() {
    for round in 0..20 {
        let store = MemoryStore::new();
        let index = Index::create(&store, 4, Metric::L2, &options(4)).unwrap();
        thread::scope(|scope| {
            for writer in 0..4_u64 {
                let index = &index;
                scope.spawn(move || {
                    let mut random = Random(round * 10 + writer);
                    for i in 0..5 {
                        let vector = random.vector(4, 3);
                        index.insert(&vector, Tid::at(writer * 100 + i)).unwrap();
                    }
                });
            }
        });
        check(&index, 20);
        assert_eq!(first(&index, &[0.0; 4], 100, 40).len(), 20);
    }
}

#[test]
fn a_chunk_that_a_vacuum_frees_may_hold_rows_of_another_node_before_it_ends() {
    // Two values with chunks; the rows of the one that the vacuum comes to first go, and its chunks.
    let value = |tid: u64| vec![if tid.is_multiple_of(2) { 0.25 } else { 0.75 }; 8];
    let rows: Vec<(u64, Vec<f32>)> = (0..2_000).map(|tid| (tid, value(tid))).collect();
    let store = build(Metric::L2, &rows, &options(16));
    let index = Index::open(&store, &options(16)).unwrap();
    let (mut asked, mut first) = (0, 0);
    let mut gone = |tid: Tid| {
        let tid = tid.place();
        asked += 1;
        if asked == 1 {
            first = tid % 2;
        }
        // The last rows of a node are asked about when its chunks are gone.
        if asked == 1_000 {
            for row in (10_000..12_000).filter(|row| row & 1 != first) {
                index.insert(&value(row), Tid::at(row)).unwrap();
            }
        }
        tid % 2 == first
    };
    index.vacuum(&mut gone, &mut || Ok(())).unwrap();
    check(&index, 2_000);
    assert_eq!(vacuum(&index, |tid| tid < 10_000), 1_000);
    check(&index, 1_000);
}
