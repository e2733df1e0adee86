//! Equal rows: chains of chunks under churn, under readers, and cut after every commit.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use vector_ext::hnsw::{BitMetric, Index, Space};
use vector_ext::index::{Error, Tid};
use vector_ext::page::{MemoryStore, PageStore};

use crate::crash::cut;
use crate::interrupted::Interrupted;
use crate::kinds::{Bitwise, Kind};
use crate::support::{Random, check, first, resources, vacuum};

/// Nodes so small that a chunk has room for few tids.
const SMALL: Bitwise = Bitwise {
    metric: BitMetric::Hamming,
    bits: 12,
    m: 2,
};

type Rows = Vec<(u64, Vec<u8>)>;

/// Tids that a chunk has room for: 12 bytes are its header, and each takes six.
fn room<S: PageStore, V: Space>(index: &Index<'_, S, V>) -> usize {
    (index.shape().bytes() - 12) / 6
}

/// One of three values.
fn value(tid: u64) -> Vec<u8> {
    vec![(0xFF_u32 << (tid % 3)) as u8, 0]
}

fn equal(tids: std::ops::Range<u64>) -> Rows {
    tids.map(|tid| (tid, value(3))).collect()
}

fn all_rows<S: PageStore, V: Space>(index: &Index<'_, S, V>) -> BTreeSet<u64> {
    let mut listing = index.list();
    let next = || listing.next_row().unwrap();
    std::iter::from_fn(next).map(Tid::place).collect()
}

/// No two chunks that follow each other in one of `chains` would fit one.
fn assert_short<S: PageStore, V: Space>(index: &Index<'_, S, V>, rows: usize, chains: usize) {
    let report = check(index, rows);
    assert_eq!((report.dead, report.orphans), (0, 0));
    let most = 2 * rows / (room(index) + 1) + chains;
    let chunks = usize::try_from(report.chunks).unwrap();
    assert!(chunks <= most, "{chunks} chunks for {rows} rows");
}

#[test]
fn rows_of_few_values_come_and_go_in_room_for_them() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let store = MemoryStore::new();
        let index = SMALL.create(&store);
        let (mut rows, mut next) = (BTreeSet::new(), 0);
        for _ in 0..40 {
            for _ in 0..random.below(150) {
                index.insert(&value(next), Tid::at(next)).unwrap();
                rows.insert(next);
                next += 1;
            }
            let share = [2, 10, 40, 1][random.below(4)];
            let gone: BTreeSet<u64> = match random.below(3) {
                // Whole chunks are emptied.
                0 => rows.iter().copied().take(rows.len() / share).collect(),
                1 => rows.iter().copied().skip(rows.len() / share).collect(),
                _ => {
                    let drawn = rows.iter().filter(|_| random.below(share) == 0);
                    drawn.copied().collect()
                }
            };
            let removed = vacuum(&index, |tid| gone.contains(&tid));
            assert_eq!(removed, gone.len() as u64);
            rows.retain(|tid| !gone.contains(tid));
            assert_short(&index, rows.len(), 3);
            assert_eq!(all_rows(&index), rows);
            assert_eq!(first(&index, &value(0), 10_000, 20).len(), rows.len());
        }
    }
}

#[test]
fn steady_churn_of_equal_rows_takes_no_more_slots() {
    let store = SMALL.build(&equal(0..1_000), resources(1));
    let index = SMALL.open(&store).unwrap();
    let (mut random, mut next) = (Random(7), 1_000);
    let mut rows: BTreeSet<u64> = (0..1_000).collect();
    let mut pages = 0;
    for round in 0..60 {
        let gone: BTreeSet<u64> = rows
            .iter()
            .copied()
            .filter(|_| random.below(10) == 0)
            .collect();
        vacuum(&index, |tid| gone.contains(&tid));
        rows.retain(|tid| !gone.contains(tid));
        for _ in 0..gone.len() {
            index.insert(&value(3), Tid::at(next)).unwrap();
            rows.insert(next);
            next += 1;
        }
        check(&index, 1_000);
        if round == 1 {
            pages = store.blocks().unwrap();
        }
    }
    let last = store.blocks().unwrap();
    assert!(last <= pages + 1, "{pages} pages, {last} pages");
}

/// Rows that fill five chunks, the last of them in part, and the two of the node.
fn five_chunks() -> (MemoryStore, u64) {
    let store = SMALL.build(&equal(0..1), resources(1));
    let index = SMALL.open(&store).unwrap();
    let rows = 2 + 4 * room(&index) as u64 + 5;
    for (tid, value) in equal(1..rows) {
        index.insert(&value, Tid::at(tid)).unwrap();
    }
    for (tid, value) in [(rows, value(1)), (rows + 1, value(2))] {
        index.insert(&value, Tid::at(tid)).unwrap();
    }
    assert_eq!(check(&index, rows as usize + 2).chunks, 5);
    (store, rows + 2)
}

/// Cuts a vacuum of the rows of five chunks after each commit.
fn vacuums(gone: impl Fn(u64) -> bool + Copy) {
    let (store, rows) = five_chunks();
    let left: BTreeSet<u64> = (0..rows).filter(|tid| !gone(*tid)).collect();
    let work = |index: &Index<'_, vector_ext::page::CrashStore, _>| -> Result<(), Error> {
        let vacuumed = index.vacuum(&mut |tid| gone(tid.place()), &mut || Ok(()));
        vacuumed.map(|_| ())
    };
    cut(&SMALL, &store, work, |pages, done| {
        let index = SMALL.open(pages).unwrap();
        assert_eq!(index.check().unwrap().problems, Vec::<String>::new());
        // Each row that is left is there, once, before the next vacuum as after it.
        assert!(all_rows(&index).is_superset(&left));
        let mut found = first(&index, &value(3), 10_000, 20);
        found.sort_unstable();
        found.windows(2).for_each(|two| assert!(two[0] < two[1]));
        index.insert(&value(3), Tid::at(5_000)).unwrap();
        if !done {
            vacuum(&index, |tid| tid < rows && gone(tid));
        }
        assert_short(&index, left.len() + 1, 3);
        vacuum(&index, |tid| tid == 5_000);
        assert_short(&index, left.len(), 3);
        assert_eq!(all_rows(&index), left);
        vacuum(&index, |_| true);
        assert_short(&index, 0, 0);
    });
}

#[test]
fn a_vacuum_of_a_chain_that_is_cut_is_done_by_the_next() {
    vacuums(|tid| (30..70).contains(&tid));
    vacuums(|tid| tid < 50);
    vacuums(|tid| tid >= 50);
    vacuums(|tid| tid > 1);
    vacuums(|tid| tid % 30 > 0);
    vacuums(|tid| tid % 2 == 0);
    vacuums(|tid| tid != 77);
    vacuums(|_| true);
}

#[test]
fn a_vacuum_of_a_node_with_rows_in_chunks_alone_is_done_by_the_next() {
    let (store, rows) = five_chunks();
    let index = SMALL.open(&store).unwrap();
    // The node's own two rows, and all but one in chunks.
    vacuum(&index, |tid| tid < 2);
    for kept in [vec![], vec![60], vec![40, 90], vec![3, 60, 100]] {
        let left: BTreeSet<u64> = kept.iter().copied().chain(rows - 2..rows).collect();
        let gone = |tid: &u64| !left.contains(tid);
        cut(
            &SMALL,
            &store,
            |index| {
                let vacuumed = index.vacuum(&mut |tid| gone(&tid.place()), &mut || Ok(()));
                vacuumed.map(|_| ())
            },
            |pages, _| {
                let index = SMALL.open(pages).unwrap();
                assert_eq!(index.check().unwrap().problems, Vec::<String>::new());
                vacuum(&index, |tid| gone(&tid));
                assert_short(&index, left.len(), 3);
                assert_eq!(all_rows(&index), left);
            },
        );
    }
}

#[test]
fn inserts_of_equal_rows_that_are_cut_lose_no_other() {
    let (store, rows) = five_chunks();
    let work = |index: &Index<'_, vector_ext::page::CrashStore, _>| -> Result<(), Error> {
        for tid in 1_000..1_000 + 2 * room(index) as u64 {
            index.insert(Bitwise::value(&value(3)), Tid::at(tid))?;
        }
        Ok(())
    };
    cut(&SMALL, &store, work, |pages, _| {
        let index = SMALL.open(pages).unwrap();
        assert_eq!(index.check().unwrap().problems, Vec::<String>::new());
        assert!(all_rows(&index).is_superset(&(0..rows).collect()));
        vacuum(&index, |tid| tid >= 1_000);
        assert_short(&index, rows as usize, 3);
    });
}

/// Chunks are merged, freed, and given out again to the same node under readers, who never miss a
/// row that is there all the time.
#[test]
fn readers_of_a_chain_miss_no_row_while_it_shrinks_and_grows() {
    let store = MemoryStore::new();
    let index = SMALL.create(&store);
    let stays = |tid: u64| tid.is_multiple_of(23);
    for (tid, value) in equal(0..1_500) {
        index.insert(&value, Tid::at(tid)).unwrap();
    }
    let stay: BTreeSet<u64> = (0..1_500).filter(|tid| stays(*tid)).collect();
    let (done, inserted) = (AtomicBool::new(false), AtomicU64::new(1_499));
    thread::scope(|scope| {
        for _ in 0..3 {
            let (index, done, stay) = (&index, &done, &stay);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let found = all_rows(index);
                    assert!(found.is_superset(stay), "{:?}", stay.difference(&found));
                }
            });
        }
        for round in 0..30 {
            let writer = scope.spawn(|| {
                for _ in 0..300 {
                    let tid = inserted.load(Ordering::SeqCst) + 1;
                    index.insert(&value(3), Tid::at(tid)).unwrap();
                    inserted.store(tid, Ordering::SeqCst);
                }
            });
            let last = inserted.load(Ordering::SeqCst);
            vacuum(&index, |tid| {
                tid <= last && !(tid < 1_500 && stays(tid)) && (round % 3 == 0 || tid % 5 > 0)
            });
            writer.join().unwrap();
        }
        let last = inserted.load(Ordering::SeqCst);
        vacuum(&index, |tid| tid <= last && !(tid < 1_500 && stays(tid)));
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(all_rows(&index), stay);
    assert_short(&index, stay.len(), 1);
}

/// Lists all rows while `work` is done before each page in turn; `stays` are never missed.
fn interrupt_readers(
    start: impl Fn() -> MemoryStore,
    work: impl Fn(&MemoryStore) + Sync,
    stays: &BTreeSet<u64>,
) {
    for reads in 0.. {
        let store = start();
        let pages = Interrupted::reading(&store, reads, || work(&store));
        let found = all_rows(&SMALL.open(&pages).unwrap());
        assert!(found.is_superset(stays), "missed before page {reads}");
        if !pages.happened() {
            assert!(reads > 5);
            return;
        }
    }
}

/// A node's last chunk goes into the node, and its slot to the node's next chunk, while a reader
/// stands between the two.
#[test]
fn rows_that_move_from_a_chunk_to_their_node_are_not_missed() {
    let start = || {
        let store = MemoryStore::new();
        let index = SMALL.create(&store);
        for (tid, value) in equal(0..3) {
            index.insert(&value, Tid::at(tid)).unwrap();
        }
        store
    };
    let work = |store: &MemoryStore| {
        let index = SMALL.open(store).unwrap();
        vacuum(&index, |tid| tid != 2);
        for (tid, value) in equal(10..12) {
            index.insert(&value, Tid::at(tid)).unwrap();
        }
        assert_eq!(check(&index, 3).chunks, 1);
    };
    interrupt_readers(start, work, &[2].into());
}

/// Inserts equal rows until one needs a chunk, and stops that one before the chunk is chained.
fn stop_between_chunk_and_chain(store: &MemoryStore, tids: &mut std::ops::RangeFrom<u64>) {
    loop {
        let part = Interrupted::writing(store, 1);
        let index = SMALL.open(&part).unwrap();
        let tid = tids.next().unwrap();
        if index
            .insert(Bitwise::value(&value(3)), Tid::at(tid))
            .is_err()
        {
            return;
        }
    }
}

/// The same between chunks: what is freed in the middle is the first of the chain by the time that the
/// reader comes to it, with others behind it, or not chained yet.
#[test]
fn rows_that_move_between_chunks_are_not_missed() {
    let stays = |tid: u64| tid.is_multiple_of(9);
    let (_, rows) = five_chunks();
    let all = (0..rows).filter(|tid| stays(*tid)).collect();
    for chained in 0..4 {
        for stopped in 0..3 {
            let work = |store: &MemoryStore| {
                let index = SMALL.open(store).unwrap();
                vacuum(&index, |tid| !stays(tid));
                for tid in 1_000..1_000 + chained * room(&index) as u64 {
                    index.insert(&value(3), Tid::at(tid)).unwrap();
                }
                let mut tids = 5_000..;
                (0..stopped).for_each(|_| stop_between_chunk_and_chain(store, &mut tids));
            };
            interrupt_readers(|| five_chunks().0, work, &all);
        }
    }
}
