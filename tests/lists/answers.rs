//! What scans give that are told more than how many lists to read: a limit, some rows, little memory, a recall.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use vector_ext::cluster::Draws;
use vector_ext::index::Tid;
use vector_ext::ivf::{Form, ListIndex, ListsRow, ListsScan, Metric, Probes, TidSet};
use vector_ext::page::{MemoryStore, PageStore};

use crate::support::{ALL, Kind, tend, vacuum};

/// One list at a time.
const ONE: Probes = Probes::Fixed {
    first: 1,
    most: usize::MAX,
};

/// An index, and the rows that are in it.
struct Filled {
    store: MemoryStore,
    model: BTreeMap<u64, Vec<f32>>,
}

/// An index that was built with some rows; others came, lists were split, rows removed, and others came.
fn filled(kind: Kind, seed: u64) -> Filled {
    let built: Vec<(u64, Vec<f32>)> = (0..).zip(kind.rows(seed, 500)).collect();
    let store = kind.build(&built);
    let index = ListIndex::open(&store).unwrap();
    let mut model: BTreeMap<u64, Vec<f32>> = built.into_iter().collect();
    let round = |x: f32| {
        if kind.form == Some(Form::Whole) {
            x.round()
        } else {
            x
        }
    };
    let mut insert = |first: u64, count: usize, factor: f32| {
        for (tid, row) in (first..).zip(kind.rows(seed + first, count)) {
            // Some of them are farther from all centres than those before.
            let row: Vec<f32> = row.iter().map(|x| round(x * factor)).collect();
            if index.insert(&row, Tid::at(tid)).unwrap() {
                model.insert(tid, row);
            }
        }
    };
    insert(1_000, 700, 1.05);
    tend(&index, |_| None).unwrap();
    insert(2_000, 8, 3.0);
    let gone = |tid: u64| tid.is_multiple_of(3);
    vacuum(&index, gone).unwrap();
    insert(3_001, 1, 1.0);
    model.retain(|tid, _| !gone(*tid));
    Filled { store, model }
}

fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for (form, directions) in [
            (Some(Form::Int8), 0),
            (None, 0),
            (Some(Form::Whole), 0),
            (Some(Form::Int8), 16),
            (None, 16),
        ] {
            let (dims, lists) = (20, 9);
            kinds.push(Kind {
                metric,
                dims,
                lists,
                form,
                directions,
            });
        }
    }
    kinds
}

fn rows<S: PageStore>(scan: &mut ListsScan<'_, '_, S>) -> Vec<ListsRow> {
    std::iter::from_fn(|| scan.next_row().unwrap()).collect()
}

/// Their places, each of which must be there once.
fn places(rows: &[ListsRow]) -> Vec<u64> {
    let mut places: Vec<u64> = rows.iter().map(|row| row.tid.place()).collect();
    places.sort_unstable();
    let given = places.len();
    places.dedup();
    assert_eq!(given, places.len());
    places
}

#[test]
fn every_row_within_a_limit_comes() {
    for (seed, kind) in (1..).zip(kinds()) {
        let filled = filled(kind, seed);
        let index = ListIndex::open(&filled.store).unwrap();
        let lists = index.check().unwrap().lists.len() as u64;
        let (skipped, given) = (Cell::new(0), Cell::new(0));
        let config = ProptestConfig::with_cases(60);
        proptest!(config, |(of in 0_usize..400, noise in 0.0_f32..1.5, within in 0_usize..900, probes in 1_usize..5)| {
            let mut draws = Draws(of as u64);
            let near = filled.model.values().nth(of).unwrap();
            let query: Vec<f32> = near.iter().map(|x| x + noise * (draws.share() as f32 - 0.5)).collect();
            prop_assume!(query.iter().any(|x| *x != 0.0));
            let far = |tid: &u64| kind.distance(&query, &filled.model[tid]);
            let mut sorted: Vec<f64> = filled.model.keys().map(far).collect();
            sorted.sort_by(f64::total_cmp);
            // Between two rows, so that rounding decides nothing.
            let at = within.pow(2) * (sorted.len() - 2) / (900 * 900);
            let limit = f64::midpoint(sorted[at], sorted[at + 1]);
            let mut scan = index.scan(&query, Probes::Fixed { first: probes, most: probes }).unwrap().unwrap();
            scan.limit_distance(limit as f32);
            let found = rows(&mut scan);
            let surplus = found.iter().filter(|row| f64::from(row.distance - row.doubt) > limit + 1e-5 * limit.abs() + 1e-6);
            prop_assert_eq!(surplus.count(), 0);
            let found = places(&found);
            let missed = filled.model.keys().filter(|tid| {
                far(tid) < limit - 1e-5 * limit.abs() - 1e-6 && found.binary_search(tid).is_err()
            });
            prop_assert_eq!(missed.collect::<Vec<_>>(), Vec::<&u64>::new(), "{:?} {}", kind, limit);
            skipped.set(skipped.get() + lists - scan.cost().lists);
            given.set(given.get() + found.len());
        });
        assert!(
            skipped.get() > 0 && given.get() > 0,
            "{kind:?}: {skipped:?} {given:?}"
        );
    }
}

#[test]
fn no_other_rows_come_than_those_asked_for() {
    for (seed, kind) in (1..).zip(kinds()) {
        let filled = filled(kind, seed);
        let index = ListIndex::open(&filled.store).unwrap();
        let mut draws = Draws(seed);
        for share in [0.0, 0.005, 0.1, 0.6, 1.0] {
            let all = filled.model.keys().copied();
            let chosen: Vec<u64> = all.clone().filter(|_| draws.share() < share).collect();
            let others: Vec<u64> = all
                .filter(|tid| chosen.binary_search(tid).is_err())
                .collect();
            // Some that are in no index.
            let tids = chosen.iter().copied().chain([700_000, 900_000]);
            let set = Arc::new(TidSet::new(&tids.map(Tid::at).collect::<Vec<_>>()).unwrap());
            let query = &filled.model.values().nth(draws.below(500)).unwrap().clone();
            for probes in [ALL, ONE] {
                let mut among = index
                    .scan_among(query, Arc::clone(&set), probes)
                    .unwrap()
                    .unwrap();
                assert_eq!(places(&rows(&mut among)), chosen, "{kind:?}");
                let mut without = index
                    .scan_without(query, Arc::clone(&set), probes)
                    .unwrap()
                    .unwrap();
                assert_eq!(places(&rows(&mut without)), others, "{kind:?}");
                let all = filled.model.len() as u64;
                assert!(among.cost().estimated <= all + 32 * 40);
                assert!(share > 0.01 || among.cost().estimated < all / 2);
            }
        }
    }
}

#[test]
fn a_scan_with_little_memory_gives_the_same_rows() {
    for (seed, kind) in (1..).zip(kinds()) {
        let mut filled = filled(kind, seed);
        let index = ListIndex::open(&filled.store).unwrap();
        let alike = filled.model.values().next().unwrap().clone();
        for tid in 10_000..10_800 {
            index.insert(&alike, Tid::at(tid)).unwrap();
            filled.model.insert(tid, alike.clone());
        }
        let query = &filled.model.values().nth(17).unwrap().clone();
        for limit in [None, Some(20.0)] {
            let given = |bytes: Option<usize>| {
                let mut scan = index.scan(query, ALL).unwrap().unwrap();
                if let Some(bytes) = bytes {
                    scan.limit_memory(bytes);
                }
                if let Some(limit) = limit {
                    scan.limit_distance(limit);
                }
                let rows = rows(&mut scan);
                let mut places = places(&rows);
                let distances: Vec<u32> = rows.iter().map(|row| row.distance.to_bits()).collect();
                let first = places.len().min(100);
                places.truncate(first);
                (rows.len(), distances, places, scan.cost().estimated)
            };
            let (plenty, little) = (given(None), given(Some(16_384)));
            assert_eq!((plenty.0, &plenty.1), (little.0, &little.1), "{kind:?}");
            assert_eq!(plenty.2, little.2);
            assert!(limit.is_some() || plenty.0 == filled.model.len());
            assert!(limit.is_some() || little.3 > plenty.3, "{kind:?}");
        }
    }
}

#[test]
fn chosen_lists_find_what_is_asked_for() {
    for metric in [Metric::L2, Metric::Cosine] {
        let kind = Kind {
            metric,
            dims: 12,
            lists: 60,
            form: Some(Form::Int8),
            directions: 0,
        };
        let all = kind.rows(4, 6_400);
        let (queries, all) = all.split_at(400);
        let rows: Vec<(u64, Vec<f32>)> = (0..).zip(all.iter().cloned()).collect();
        let store = kind.build(&rows);
        let index = ListIndex::open(&store).unwrap();
        let found = |probes: Probes, query: &[f32], k: usize| -> Vec<u64> {
            let mut scan = index.scan(query, probes).unwrap().unwrap();
            let rows = std::iter::from_fn(|| scan.next_row().unwrap());
            rows.take(k).map(|row| row.tid.place()).collect()
        };
        for k in [1, 10, 60] {
            let truth: Vec<Vec<u64>> = queries.iter().map(|query| found(ALL, query, k)).collect();
            // Of one row of each of some hundred queries, a recall is known less well.
            let off = if k == 1 { 0.1 } else { 0.04 };
            for recall in [0.8, 0.95, 0.99] {
                let probes = Probes::Chosen {
                    recall,
                    wanted: Some(k),
                    most: 0,
                };
                let reached = |probes: Probes| {
                    let mut hits = 0;
                    for (query, truth) in queries.iter().zip(&truth) {
                        let found = found(probes, query, k);
                        hits += truth.iter().filter(|tid| found.contains(tid)).count();
                    }
                    hits as f32 / (k * queries.len()) as f32
                };
                let recalled = reached(probes);
                assert!(recalled > recall - off, "{k}: {recalled}, not {recall}");
                let mut scan = index.scan(&queries[0], probes).unwrap().unwrap();
                scan.next_row().unwrap();
                // One list fewer does not suffice, or not by far.
                let first = usize::try_from(scan.cost().lists).unwrap() - 1;
                let fewer = reached(Probes::Fixed { first, most: first });
                assert!(
                    fewer < recall + off,
                    "{k}, {first} lists: {fewer}, not {recall}"
                );
            }
        }
    }
}
