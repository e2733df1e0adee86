//! Random inserts, deletes, vacuums and searches beside exact search.

use vector_ext::hnsw::{Index, Metric};
use vector_ext::page::MemoryStore;

use crate::support::{Model, Random, build, check, options, vacuum};

/// Steps of all kinds in random order; recall over all searches is at least `floor`.
fn run(metric: Metric, dims: usize, m: u16, seed: u64, floor: f64) {
    let mut random = Random(seed);
    let mut model = Model {
        metric: Some(metric),
        ..Model::default()
    };
    let start: Vec<(u64, Vec<f32>)> = (0..200).map(|id| (id, random.vector(dims, 9))).collect();
    let store = if seed.is_multiple_of(2) {
        model.rows.extend(start.clone());
        build(metric, &start, &options(m))
    } else {
        let store = MemoryStore::new();
        Index::create(&store, dims, metric, &options(m)).unwrap();
        store
    };
    let index = Index::open(&store, &options(m)).unwrap();
    let (mut next, mut recall, mut searches) = (1_000_u64, 0.0, 0);
    for _ in 0..60 {
        match random.below(4) {
            0 | 1 => {
                for _ in 0..random.below(20) {
                    let vector = match model.rows.values().next() {
                        Some(old) if random.below(5) == 0 => old.clone(),
                        _ => random.vector(dims, 9),
                    };
                    assert!(index.insert(&vector, next.into()).unwrap().is_some());
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
                let query = random.vector(dims, 9);
                recall += model.recall(&index, &query, (10, 40));
                searches += 1;
            }
        }
        check(&index, model.rows.len());
    }
    let recall = recall / f64::from(searches.max(1));
    assert!(
        recall >= floor,
        "{metric:?} {dims} {m} {seed}: recall {recall}"
    );
}

#[test]
fn l2_keeps_its_rows_and_its_recall() {
    for seed in 0..6 {
        run(Metric::L2, 24, 8, seed, 0.97);
    }
}

#[test]
fn cosine_keeps_its_rows_and_its_recall() {
    for seed in 10..14 {
        run(Metric::Cosine, 33, 4, seed, 0.95);
    }
}

#[test]
fn inner_product_keeps_its_rows_and_its_recall() {
    for seed in 20..24 {
        run(Metric::InnerProduct, 17, 12, seed, 0.95);
    }
}

#[test]
fn a_node_of_several_pages_keeps_its_rows_and_its_recall() {
    for seed in 30..32 {
        run(Metric::L2, 300, 100, seed, 0.97);
    }
}

#[test]
fn few_links_keep_their_rows() {
    for seed in 40..42 {
        run(Metric::L2, 5, 2, seed, 0.95);
    }
}
