//! Random inserts, deletes, vacuums and searches beside exact search.

use std::collections::BTreeMap;

use vector_ext::hnsw::Metric;
use vector_ext::index::Tid;
use vector_ext::page::MemoryStore;

use crate::kinds::{Coded, Kind, Whole};
use crate::support::{Model, Random, check, resources, vacuum};

/// Steps of all kinds in random order; recall over all searches is at least `floor`.
pub fn run<K: Kind + Clone>(kind: &K, seed: u64, floor: f64) {
    let mut random = Random(seed);
    let rows = BTreeMap::new();
    let kind = kind.clone();
    let mut model = Model { kind, rows };
    let store = if seed.is_multiple_of(2) {
        model.rows.extend(model.kind.rows(seed, 200));
        let start: Vec<(u64, K::Row)> = model.rows.clone().into_iter().collect();
        model.kind.build(&start, resources(1))
    } else {
        let store = MemoryStore::new();
        model.kind.create(&store);
        store
    };
    let index = model.kind.open(&store).unwrap();
    let (mut next, mut recall, mut searches) = (1_000_u64, 0.0, 0);
    for _ in 0..60 {
        match random.below(4) {
            0 | 1 => {
                for _ in 0..random.below(20) {
                    let vector = match model.rows.values().next() {
                        Some(old) if random.below(5) == 0 => old.clone(),
                        _ => model.kind.row(&mut random),
                    };
                    assert!(
                        index
                            .insert(K::value(&vector), Tid::at(next))
                            .unwrap()
                            .is_some()
                    );
                    model.rows.insert(next, vector);
                    next += 1;
                }
            }
            2 => {
                let share = [3, 10, 50][random.below(3)];
                let gone: Vec<u64> = model
                    .rows
                    .keys()
                    .copied()
                    .filter(|_| random.below(share) == 0)
                    .collect();
                assert_eq!(vacuum(&index, |tid| gone.contains(&tid)), gone.len() as u64);
                model.rows.retain(|tid, _| !gone.contains(tid));
                let report = check(&index, model.rows.len());
                assert_eq!((report.dead, report.orphans), (0, 0));
            }
            _ => {
                let query = model.kind.row(&mut random);
                recall += model.recall(&index, &query, (10, 40));
                searches += 1;
            }
        }
        check(&index, model.rows.len());
    }
    let recall = recall / f64::from(searches.max(1));
    assert!(recall >= floor, "{:?} {seed}: recall {recall}", model.kind);
}

fn coded(metric: Metric, dims: usize, m: u16) -> Coded {
    Coded { metric, dims, m }
}

#[test]
fn l2_keeps_its_rows_and_its_recall() {
    for seed in 0..6 {
        run(&coded(Metric::L2, 24, 8), seed, 0.97);
    }
}

#[test]
fn cosine_keeps_its_rows_and_its_recall() {
    for seed in 10..14 {
        run(&coded(Metric::Cosine, 33, 4), seed, 0.95);
    }
}

#[test]
fn inner_product_keeps_its_rows_and_its_recall() {
    for seed in 20..24 {
        run(&coded(Metric::InnerProduct, 17, 12), seed, 0.95);
    }
}

#[test]
fn whole_numbers_keep_their_rows_and_their_recall() {
    for (seed, metric) in [
        (50, Metric::L2),
        (51, Metric::Cosine),
        (52, Metric::Cosine),
        (53, Metric::InnerProduct),
    ] {
        run(&Whole(coded(metric, 24, 8)), seed, 0.95);
    }
    run(&Whole(coded(Metric::L2, 400, 8)), 54, 0.95);
}

#[test]
fn a_node_of_several_pages_keeps_its_rows_and_its_recall() {
    for seed in 30..32 {
        run(&coded(Metric::L2, 300, 100), seed, 0.97);
    }
}

#[test]
fn few_links_keep_their_rows() {
    for seed in 40..42 {
        run(&coded(Metric::L2, 5, 2), seed, 0.95);
    }
}
