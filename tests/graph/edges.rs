//! No row, one row, equal rows, zero vectors, sorted rows, one dimension, many.

use vector_ext::hnsw::{Builder, Form, Index, Metric, Options};
use vector_ext::index::{Continue, Error, Tid};
use vector_ext::page::MemoryStore;

use crate::support::{Model, Random, build, check, first, options, resources, vacuum};

#[test]
fn no_row_is_found_in_an_empty_index() {
    for store in [build(Metric::L2, &[], &options(16)), {
        let store = MemoryStore::new();
        Index::create(&store, 3, Metric::L2, &options(16)).unwrap();
        store
    }] {
        let index = Index::open(&store, &options(16)).unwrap();
        check(&index, 0);
        assert!(first(&index, &[1.0, 2.0, 3.0], 10, 40).is_empty());
        assert_eq!(vacuum(&index, |_| true), 0);
    }
}

#[test]
fn one_row_is_found_goes_and_comes_again() {
    let store = build(Metric::Cosine, &[(7, vec![1.0, 2.0, 3.0])], &options(16));
    let index = Index::open(&store, &options(16)).unwrap();
    check(&index, 1);
    assert_eq!(first(&index, &[-1.0, 0.0, 0.0], 10, 40), [7]);
    assert_eq!(vacuum(&index, |tid| tid == 7), 1);
    check(&index, 0);
    assert!(first(&index, &[1.0, 2.0, 3.0], 10, 40).is_empty());
    index.insert(&[3.0, 2.0, 1.0], Tid::at(8)).unwrap();
    check(&index, 1);
    assert_eq!(first(&index, &[1.0, 2.0, 3.0], 10, 40), [8]);
}

#[test]
fn a_hundred_thousand_equal_rows_build_answer_and_go() {
    let rows: Vec<(u64, Vec<f32>)> = (0..100_000).map(|tid| (tid, vec![0.25; 8])).collect();
    let store = build(Metric::L2, &rows, &options(16));
    let index = Index::open(&store, &options(16)).unwrap();
    let report = check(&index, rows.len());
    assert_eq!(report.nodes, [1]);
    let found = first(&index, &[0.5; 8], rows.len() + 1, 40);
    assert_eq!(found, (0..100_000).collect::<Vec<u64>>());
    for tid in 100_000_u64..103_000 {
        index.insert(&[0.25; 8], Tid::at(tid)).unwrap();
    }
    check(&index, 103_000);
    assert_eq!(vacuum(&index, |tid| tid % 10 > 0), 92_700);
    check(&index, 10_300);
    assert_eq!(first(&index, &[0.5; 8], 20_000, 40).len(), 10_300);
    assert_eq!(vacuum(&index, |_| true), 10_300);
    let report = check(&index, 0);
    assert_eq!((report.chunks, report.dead, report.orphans), (0, 0, 0));
}

#[test]
fn zero_has_no_angle_but_a_length() {
    let zero = vec![0.0; 5];
    let store = build(
        Metric::Cosine,
        &[(1, zero.clone()), (2, vec![1.0; 5])],
        &options(16),
    );
    let index = Index::open(&store, &options(16)).unwrap();
    check(&index, 1);
    assert!(index.insert(&zero, Tid::at(3)).unwrap().is_none());
    check(&index, 1);
    for metric in [Metric::L2, Metric::InnerProduct] {
        let store = build(
            metric,
            &[(1, zero.clone()), (2, vec![1.0; 5])],
            &options(16),
        );
        let index = Index::open(&store, &options(16)).unwrap();
        check(&index, 2);
        assert!(index.insert(&zero, Tid::at(3)).unwrap().is_some());
        check(&index, 3);
        let mut found = first(&index, &zero, 10, 40);
        found.sort_unstable();
        assert_eq!(found, [1, 2, 3]);
    }
}

/// Rows in an order that misleads a graph: all of one place, then all of the next.
fn adversarial(dims: usize, rows: &[(u64, Vec<f32>)], floor: f64) {
    let model = Model::l2(rows);
    let (head, tail) = rows.split_at(rows.len() / 2);
    let store = build(Metric::L2, head, &options(8));
    let index = Index::open(&store, &options(8)).unwrap();
    for (tid, row) in tail {
        index.insert(row, Tid::at(*tid)).unwrap();
    }
    check(&index, rows.len());
    let mut random = Random(5);
    let queries: Vec<Vec<f32>> = (0..30)
        .map(|_| {
            let (_, near) = &rows[random.below(rows.len())];
            near.iter().map(|x| x + 0.01 * random.normal()).collect()
        })
        .collect();
    let recall: f64 = queries
        .iter()
        .map(|query| model.recall(&index, query, (10, 40)))
        .sum();
    let recall = recall / queries.len() as f64;
    assert!(recall >= floor, "{dims} dimensions: recall {recall}");
}

#[test]
fn sorted_rows_are_found() {
    let rows: Vec<(u64, Vec<f32>)> = (0..1_500_u16)
        .map(|i| (i.into(), vec![f32::from(i), 1.0, -f32::from(i)]))
        .collect();
    adversarial(3, &rows, 0.99);
}

/// 30 clusters of 50 rows, `radius` wide at a distance of 40.
fn clusters(radius: f32) -> Vec<(u64, Vec<f32>)> {
    let mut random = Random(11);
    let mut rows = Vec::new();
    for cluster in 0..30_u64 {
        let centre: Vec<f32> = (0..16).map(|_| 10.0 * random.normal()).collect();
        for i in 0..50 {
            let row = centre
                .iter()
                .map(|x| x + radius / 4.0 * random.normal())
                .collect();
            rows.push((cluster * 50 + i, row));
        }
    }
    rows
}

#[test]
fn clusters_one_after_another_are_found() {
    adversarial(16, &clusters(2.0), 0.9);
}

/// Rows that differ by a two-thousandth of their length: only float32 tells them apart, and only a
/// lookup table of the query's distance from the node at hand.
#[test]
fn tight_clusters_are_found_by_rows_stored_as_they_are() {
    let rows = clusters(0.02);
    let options = Options {
        form: Some(Form::F32),
        ..options(8)
    };
    let store = MemoryStore::new();
    let index = Index::create(&store, 16, Metric::L2, &options).unwrap();
    for (tid, row) in &rows {
        index.insert(row, Tid::at(*tid)).unwrap();
    }
    check(&index, rows.len());
    let model = Model::l2(&rows);
    let mut recall = 0.0;
    for (_, row) in rows.iter().step_by(31) {
        recall += model.recall(&index, row, (10, 20));
    }
    let recall = recall / rows.iter().step_by(31).count() as f64;
    assert!(recall >= 0.9, "recall {recall}");
}

#[test]
fn one_dimension_is_enough() {
    let mut random = Random(17);
    let rows: Vec<(u64, Vec<f32>)> = (0..800).map(|i| (i, vec![random.normal()])).collect();
    adversarial(1, &rows, 0.99);
}

#[test]
fn a_vector_of_another_size_is_an_error_and_leaves_the_index_as_it_is() {
    let store = build(Metric::L2, &[(1, vec![1.0; 5])], &options(4));
    let index = Index::open(&store, &options(4)).unwrap();
    for wrong in [vec![], vec![1.0; 4], vec![1.0; 6]] {
        let expected = |error| matches!(error, Error::Dimensions { expected: 5, .. });
        let scan = index.scan(&wrong, 10, Continue::Never);
        assert!(scan.err().is_some_and(expected));
        let inserted = index.insert(&wrong, Tid::at(2));
        assert!(inserted.err().is_some_and(expected));
        let mut builder = Builder::dense(5, Metric::L2, &options(4), resources(1));
        let pushed = builder.push(&wrong, Tid::at(2));
        assert!(pushed.err().is_some_and(expected));
    }
    check(&index, 1);
}

#[test]
fn sixteen_thousand_dimensions_are_not_too_many() {
    let mut random = Random(19);
    let rows: Vec<(u64, Vec<f32>)> = (0..40).map(|i| (i, random.vector(16_000, 4))).collect();
    adversarial(16_000, &rows, 0.99);
}

#[test]
fn every_form_and_many_sizes_find_their_rows() {
    let mut random = Random(23);
    for dims in [2, 31, 64, 100, 513, 1_536] {
        for form in [Form::F32, Form::F16, Form::Int8] {
            let rows: Vec<(u64, Vec<f32>)> =
                (0..120).map(|i| (i, random.vector(dims, 4))).collect();
            let options = Options {
                form: Some(form),
                ..options(16)
            };
            let store = build(Metric::L2, &rows, &options);
            let index = Index::open(&store, &options).unwrap();
            check(&index, rows.len());
            for (tid, row) in rows.iter().step_by(17) {
                assert_eq!(first(&index, row, 1, 40), [*tid], "{dims} {form:?}");
            }
        }
    }
}
