//! Scans that go on until nothing is left.

use std::collections::BTreeSet;

use vector_ext::hnsw::{Index, Metric};
use vector_ext::index::{Continue, Tid};

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
        found.push(row.tid.place());
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<u64>>(), expected);
    assert!(scan.walks() > 10);
    assert!(scan.next_row().unwrap().is_none());
}

#[test]
fn a_strict_scan_goes_back_only_at_the_end() {
    let mut random = Random(37);
    let rows: Vec<(u64, Vec<f32>)> = (0..600).map(|i| (i, random.vector(12, 20))).collect();
    let store = build(Metric::Cosine, &rows, &options(4));
    let index = Index::open(&store, &options(4)).unwrap();
    let query = random.vector(12, 20);
    let mut scan = index.scan(&query, 10, Continue::Strict).unwrap().unwrap();
    let (mut last, mut given) = (f32::NEG_INFINITY, BTreeSet::new());
    let mut back = Vec::new();
    while let Some(row) = scan.next_row().unwrap() {
        if row.distance < last {
            back.push(given.len());
        }
        assert!(given.insert(row.tid));
        last = row.distance;
    }
    assert_eq!(given.len(), 600);
    assert!(
        back.len() <= 1 && back.iter().all(|at| *at > 400),
        "{back:?}"
    );
}

#[test]
fn a_scan_within_little_memory_gives_every_row_in_order() {
    let mut random = Random(43);
    let rows: Vec<(u64, Vec<f32>)> = (0..6_000).map(|i| (i, random.vector(6, 20))).collect();
    let store = build(Metric::L2, &rows, &options(4));
    let index = Index::open(&store, &options(4)).unwrap();
    let query = random.vector(6, 20);
    for go_on in [Continue::Strict, Continue::Relaxed] {
        let mut scan = index.scan(&query, 10, go_on).unwrap().unwrap();
        scan.limit_memory(0);
        let (mut given, mut last, mut back) = (BTreeSet::new(), f32::NEG_INFINITY, 0);
        while let Some(row) = scan.next_row().unwrap() {
            back += usize::from(row.distance < last);
            last = row.distance;
            assert!(given.insert(row.tid));
            assert!(scan.bytes() < 300_000, "{}", scan.bytes());
        }
        assert_eq!(given.len(), 6_000);
        assert!(back <= 1, "{back}");
        // Of 6,000 nodes a thousand at a time.
        assert!(scan.nodes_read() > 30_000, "{}", scan.nodes_read());
    }
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

#[test]
fn a_row_that_was_killed_is_left_out_where_that_is_asked_for() {
    let mut random = Random(47);
    let mut rows: Vec<(u64, Vec<f32>)> = (0..300).map(|i| (i, random.vector(12, 20))).collect();
    rows.push((300, rows[3].1.clone()));
    let store = build(Metric::L2, &rows, &options(4));
    let index = Index::open(&store, &options(4)).unwrap();
    let found = |skip: bool| {
        let mut scan = index
            .scan(&rows[3].1, 40, Continue::Relaxed)
            .unwrap()
            .unwrap();
        if skip {
            scan.skip_killed();
        }
        let rows = std::iter::from_fn(|| scan.next_row().unwrap());
        rows.map(|row| (row.tid.place(), row.node))
            .collect::<Vec<_>>()
    };
    let all = found(true);
    assert_eq!(all.len(), 301);
    let (tid, node) = all[0];
    assert!(!index.kill(node, Tid::at(tid), || false).unwrap());
    assert!(
        !index.kill(node, Tid::at(299), || true).unwrap(),
        "of another node"
    );
    assert_eq!(found(true).len(), 301);
    assert!(index.kill(node, Tid::at(tid), || true).unwrap());
    assert!(!index.kill(node, Tid::at(tid), || true).unwrap(), "twice");
    assert_eq!(found(false), all);
    let left: Vec<u64> = found(true).into_iter().map(|(tid, _)| tid).collect();
    assert_eq!(
        left,
        all[1..].iter().map(|(tid, _)| *tid).collect::<Vec<_>>()
    );
    let listed = |skip: bool| {
        let mut list = index.list();
        if skip {
            list.skip_killed();
        }
        std::iter::from_fn(|| list.next_row().unwrap()).count()
    };
    assert_eq!((listed(true), listed(false)), (300, 301));
    // The other row of the node stays, and vacuum removes the one that was killed.
    vacuum(&index, |gone| gone == tid);
    assert_eq!(found(false).len(), 300);
    assert_eq!(index.check().unwrap().problems, [""; 0]);
}
