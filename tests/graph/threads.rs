//! Many writers and readers at once, and a vacuum between them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vector_ext::hnsw::{Index, Metric};
use vector_ext::page::MemoryStore;

use crate::support::{Random, build, check, first, options, vacuum};

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
                        index.insert(&vector, (writer * 10_000 + i).into()).unwrap();
                    }
                })
            })
            .collect();
        for reader in 0..2 {
            let (index, done, rows) = (&index, &done, &rows);
            scope.spawn(move || {
                let mut random = Random(100 + reader);
                while !done.load(Ordering::Relaxed) {
                    let (tid, row) = &rows[150 + random.below(150)];
                    assert!(first(index, row, 3, 40).contains(tid));
                }
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
                        index.insert(&vector, (writer * 100 + i).into()).unwrap();
                    }
                });
            }
        });
        check(&index, 20);
        assert_eq!(first(&index, &[0.0; 4], 100, 40).len(), 20);
    }
}
