//! Scans that go on until nothing is left.

use std::collections::BTreeSet;

use vector_ext::hnsw::{Continue, Index, Metric};

use crate::support::{Random, build, options, vacuum};

#[test]
fn a_scan_that_goes_on_gives_every_row_once() {
    let mut random = Random(31);
    let mut rows: Vec<(u64, Vec<f32>)> = (0..900).map(|i| (i, random.vector(10, 20))).collect();
    let equal = rows[5].1.clone();
    rows.extend((900..950).map(|i| (i, equal.clone())));
    let store = build(Metric::L2, &rows, &options(4));
    let index = Index::open(&store, &options(4)).unwrap();
    vacuum(&index, |tid| tid % 7 == 0);
    let expected: BTreeSet<u64> = (0..950).filter(|tid| tid % 7 > 0).collect();
    let query = random.vector(10, 20);
    let mut scan = index.scan(&query, 20, Continue::Relaxed).unwrap().unwrap();
    let mut found = Vec::new();
    while let Some(row) = scan.next_row().unwrap() {
        found.push(u64::from(row.tid));
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<u64>>(), expected);
    assert!(scan.walks() > 10);
    assert!(scan.next_row().unwrap().is_none());
}

#[test]
fn a_strict_scan_never_goes_back() {
    let mut random = Random(37);
    let rows: Vec<(u64, Vec<f32>)> = (0..600).map(|i| (i, random.vector(12, 20))).collect();
    let store = build(Metric::Cosine, &rows, &options(4));
    let index = Index::open(&store, &options(4)).unwrap();
    let query = random.vector(12, 20);
    let mut scan = index.scan(&query, 10, Continue::Strict).unwrap().unwrap();
    let (mut last, mut given) = (f32::NEG_INFINITY, BTreeSet::new());
    while let Some(row) = scan.next_row().unwrap() {
        assert!(row.distance >= last);
        assert!(given.insert(row.tid));
        last = row.distance;
    }
    assert!(given.len() > 500, "{}", given.len());
}

#[test]
fn a_scan_that_ends_ends_after_one_walk() {
    let mut random = Random(41);
    let rows: Vec<(u64, Vec<f32>)> = (0..600).map(|i| (i, random.vector(12, 20))).collect();
    let store = build(Metric::L2, &rows, &options(4));
    let index = Index::open(&store, &options(4)).unwrap();
    let mut scan = index
        .scan(&random.vector(12, 20), 25, Continue::Never)
        .unwrap()
        .unwrap();
    let mut given = 0;
    while scan.next_row().unwrap().is_some() {
        given += 1;
    }
    assert!((25..60).contains(&given), "{given}");
    assert_eq!(scan.walks(), 1);
    assert!(scan.nodes_read() < 80, "{}", scan.nodes_read());
}
