//! Bits, sparse vectors and L1: all that other files test, for links without codes.

use std::collections::{BTreeMap, BTreeSet};

use vector_ext::hnsw::{
    BitMetric, Form, Manhattan, Measure, Metric, SparseMetric, SparseVectors, Values,
};
use vector_ext::index::{Continue, Error, Tid};
use vector_ext::page::{MemoryStore, PAGE_BYTES};

use crate::format::{damage, fixture};
use crate::kinds::{Bitwise, Coded, DIMS, Kind, Scattered, SparseRow, Taxi};
use crate::support::{Model, Random, as_written, check, first, resources, vacuum};
use crate::{crash, model};

fn bits(metric: BitMetric, bits: usize) -> Bitwise {
    let m = 16;
    Bitwise { metric, bits, m }
}

fn sparse(metric: SparseMetric, elements: usize) -> Scattered {
    let m = 16;
    Scattered {
        metric,
        elements,
        m,
    }
}

fn taxi(form: Form, dims: usize) -> Taxi {
    let m = 16;
    Taxi { form, dims, m }
}

#[test]
fn bits_keep_their_rows_and_their_recall() {
    for seed in 0..2 {
        model::run(&bits(BitMetric::Hamming, 203), seed, 0.97);
        model::run(&bits(BitMetric::Jaccard, 96), seed, 0.97);
    }
}

#[test]
fn few_links_keep_their_rows() {
    let bits = bits(BitMetric::Hamming, 100);
    model::run(&Bitwise { m: 4, ..bits }, 3, 0.8);
    let sparse = sparse(SparseMetric::L1, 120);
    model::run(&Scattered { m: 6, ..sparse }, 4, 0.8);
}

#[test]
fn bits_of_several_pages_keep_their_rows_and_their_recall() {
    model::run(&bits(BitMetric::Hamming, 64_000), 2, 0.97);
}

#[test]
fn short_sparse_vectors_keep_their_rows_and_their_recall() {
    for seed in 0..2 {
        model::run(&sparse(SparseMetric::L2, 40), seed, 0.9);
        model::run(&sparse(SparseMetric::Cosine, 40), seed, 0.97);
    }
}

#[test]
fn long_sparse_vectors_keep_their_rows_and_their_recall() {
    for seed in 0..2 {
        model::run(&sparse(SparseMetric::InnerProduct, 300), seed, 0.9);
        model::run(&sparse(SparseMetric::L1, 300), seed, 0.97);
    }
}

#[test]
fn l1_keeps_its_rows_and_its_recall() {
    for seed in 0..2 {
        model::run(&taxi(Form::F16, 24), seed, 0.97);
        model::run(&taxi(Form::F32, 31), seed, 0.97);
    }
}

#[test]
fn an_insert_of_long_values_that_is_cut_loses_no_other_row() {
    crash::inserts(&sparse(SparseMetric::L2, 260));
}

#[test]
fn a_vacuum_of_long_values_that_is_cut_is_done_by_the_next() {
    crash::vacuums(&sparse(SparseMetric::L2, 200), |tid| tid % 4 == 1);
}

#[test]
fn the_first_long_value_that_is_cut_leaves_an_empty_index() {
    crash::first_row(&sparse(SparseMetric::Cosine, 900));
}

/// Built by one thread twice and past its budget once: the same pages, and good ones.
fn builds<K: Kind + Clone>(kind: &K, floor: f64) {
    let mut rows = kind.rows(71, 700);
    let equal = rows[5].1.clone();
    rows.extend((900..910).map(|tid| (tid, equal.clone())));
    let store = kind.build(&rows, resources(1));
    let mut small = resources(1);
    small.budget = 1 << 16;
    assert_eq!(
        store.pages().unwrap(),
        kind.build(&rows, small).pages().unwrap()
    );
    let index = kind.open(&store).unwrap();
    let report = check(&index, rows.len());
    assert_eq!(report.orphans, 0);
    assert!(report.unreachable <= 7, "{kind:?} {report:?}");
    let model = Model {
        kind: kind.clone(),
        rows: rows.iter().cloned().collect(),
    };
    let queries = kind.rows(73, 20);
    let recall = queries
        .iter()
        .map(|(_, query)| model.recall(&index, query, (10, 40)));
    let recall = recall.sum::<f64>() / queries.len() as f64;
    assert!(recall >= floor, "{kind:?}: recall {recall}");
}

#[test]
fn rows_and_a_seed_give_one_index() {
    builds(&bits(BitMetric::Hamming, 128), 0.97);
    builds(&bits(BitMetric::Jaccard, 129), 0.97);
    builds(&sparse(SparseMetric::Cosine, 30), 0.97);
    builds(&sparse(SparseMetric::L2, 200), 0.97);
    builds(&taxi(Form::F16, 20), 0.97);
    builds(&taxi(Form::F32, 21), 0.97);
}

/// A scan that goes on gives every row once, and if it is strict, in order but for those found late.
fn streams<K: Kind>(kind: &K) {
    let mut rows = kind.rows(79, 500);
    let equal = rows[5].1.clone();
    rows.extend((500..520).map(|tid| (tid, equal.clone())));
    let store = kind.build(&rows, resources(1));
    let index = kind.open(&store).unwrap();
    vacuum(&index, |tid| tid % 7 == 0);
    let query = kind.row(&mut Random(83));
    for go_on in [Continue::Strict, Continue::Relaxed] {
        let mut scan = index.scan(K::value(&query), 20, go_on).unwrap().unwrap();
        let (mut last, mut found, mut back) = (f32::NEG_INFINITY, BTreeSet::new(), 0);
        while let Some(row) = scan.next_row().unwrap() {
            assert!(found.insert(row.tid.place()), "{kind:?}: {row:?} twice");
            back += usize::from(row.distance < last);
            last = row.distance;
        }
        assert!(go_on == Continue::Relaxed || back <= 1, "{kind:?}: {back}");
        let expected: BTreeSet<u64> = (0..520).filter(|tid| tid % 7 > 0).collect();
        assert_eq!(found, expected, "{kind:?}");
        assert!(scan.bytes() > 9 * found.len());
    }
}

#[test]
fn a_scan_that_goes_on_gives_every_row_once() {
    streams(&bits(BitMetric::Hamming, 200));
    streams(&sparse(SparseMetric::L2, 150));
    streams(&taxi(Form::F16, 16));
}

/// Each node is read once to be measured and once to be visited, however many link to it.
#[test]
fn no_neighbour_is_measured_twice() {
    let kind = bits(BitMetric::Hamming, 256);
    let rows = kind.rows(89, 1_000);
    let store = kind.build(&rows, resources(1));
    let index = kind.open(&store).unwrap();
    let query = kind.row(&mut Random(97));
    let mut scan = index.scan(&query, 2_000, Continue::Never).unwrap().unwrap();
    let mut given = 0;
    while scan.next_row().unwrap().is_some() {
        given += 1;
    }
    assert!(given > 950, "{given}");
    let nodes: u64 = index.check().unwrap().nodes.iter().sum();
    assert!(scan.nodes_read() <= 2 * nodes, "{}", scan.nodes_read());
}

#[test]
fn zero_has_no_angle_but_a_place_elsewhere() {
    let (zero, one) = (
        SparseRow::new(DIMS, &BTreeMap::new()),
        SparseRow::new(DIMS, &BTreeMap::from([(7, 2.0)])),
    );
    for (metric, rows) in [
        (SparseMetric::L2, 2),
        (SparseMetric::InnerProduct, 2),
        (SparseMetric::L1, 2),
        (SparseMetric::Cosine, 1),
    ] {
        let kind = sparse(metric, 10);
        let store = kind.build(&[(1, zero.clone()), (2, one.clone())], resources(1));
        let index = kind.open(&store).unwrap();
        check(&index, rows);
        let inserted = index.insert(Scattered::value(&zero), Tid::at(3)).unwrap();
        assert_eq!(inserted.is_some(), rows == 2);
        assert_eq!(first(&index, Scattered::value(&one), 1, 10), [2]);
    }
    let kind = bits(BitMetric::Jaccard, 9);
    let store = kind.build(&[(1, vec![0, 0]), (2, vec![0xFF, 0x80])], resources(1));
    let index = kind.open(&store).unwrap();
    let mut scan = index.scan(&[0, 0], 10, Continue::Never).unwrap().unwrap();
    while let Some(row) = scan.next_row().unwrap() {
        assert!((row.distance - 1.0).abs() <= 0.0);
    }
}

/// What went wrong, in words.
fn said<T>(result: Result<T, Error>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn values_of_another_size_are_errors() {
    let kind = bits(BitMetric::Hamming, 12);
    let store = kind.build(&[(1, vec![1, 0x10])], resources(1));
    let index = kind.open(&store).unwrap();
    let twice = "expected 16 dimensions, not 24";
    assert_eq!(said(index.scan(&[1, 2, 3], 10, Continue::Never)), twice);
    assert_eq!(said(index.insert(&[1, 2, 3], Tid::at(7))), twice);
    check(&index, 1);
    let manhattan = Manhattan::new(3, Form::F32);
    assert_eq!(
        said(manhattan.verify(&[1.0; 4])),
        "expected 3 dimensions, not 4"
    );
    let sparse = SparseVectors::new(SparseMetric::L1, 5);
    let other = SparseRow::new(6, &BTreeMap::from([(1, 1.0)]));
    let other = Scattered::value(&other);
    assert_eq!(said(sparse.verify(other)), "expected 5 dimensions, not 6");
}

#[test]
fn an_index_is_opened_as_what_it_is() {
    let store = MemoryStore::new();
    bits(BitMetric::Hamming, 64).create(&store);
    let is_other =
        |result: Option<Error>| matches!(result, Some(Error::OtherSpace { kind: 1, .. }));
    assert!(is_other(sparse(SparseMetric::L2, 1).open(&store).err()));
    assert!(is_other(taxi(Form::F32, 16).open(&store).err()));
    let metric = Metric::L2;
    let coded = Coded {
        metric,
        dims: 16,
        m: 8,
    };
    assert!(is_other(coded.open(&store).err()));
    let index = bits(BitMetric::Jaccard, 7).open(&store).unwrap();
    assert_eq!(index.space().measure().tag(), [1, 0, 0]);
    assert_eq!(index.space().measure().dims(), 64);
    let store = MemoryStore::new();
    coded.create(&store);
    let result = bits(BitMetric::Hamming, 128).open(&store).err();
    assert!(matches!(result, Some(Error::OtherSpace { kind: 0, .. })));
}

#[test]
fn the_longest_values_are_kept() {
    let random = &mut Random(101);
    let row = |random: &mut Random| {
        let elements = (0..16_000).map(|i| (i * 60_000 + 7, random.normal() + 3.0));
        SparseRow::new(DIMS, &elements.collect())
    };
    let rows: Vec<(u64, SparseRow)> = (0..4).map(|tid| (tid, row(random))).collect();
    let kind = sparse(SparseMetric::L2, 1);
    let store = kind.build(&rows[..2], resources(1));
    let index = kind.open(&store).unwrap();
    for (tid, row) in &rows[2..] {
        let inserted = index.insert(Scattered::value(row), Tid::at(*tid)).unwrap();
        assert!(inserted.is_some());
    }
    for (tid, row) in &rows {
        let mut scan = index
            .scan(Scattered::value(row), 10, Continue::Never)
            .unwrap()
            .unwrap();
        let nearest = scan.next_row().unwrap().unwrap();
        assert_eq!((nearest.tid.place(), nearest.distance), (*tid, 0.0));
    }
    // The same value once more is a row more of its node.
    let before = check(&index, 4);
    index
        .insert(Scattered::value(&rows[2].1), Tid::at(9))
        .unwrap();
    assert_eq!(check(&index, 5).rests, before.rests);
    assert!(before.rests > 4 * 150, "{before:?}");
    vacuum(&index, |_| true);
    let report = check(&index, 0);
    assert_eq!((report.rests, report.orphans, report.dead), (0, 0, 0));
}

fn kept() -> Vec<(u64, SparseRow)> {
    let mut rows = sparse(SparseMetric::Cosine, 150).rows(103, 30);
    let equal = rows[2].1.clone();
    rows.extend((100..106).map(|tid| (tid, equal.clone())));
    rows
}

/// As for dense vectors: the pages that an older build wrote are read, answered from and changed.
#[test]
fn formats_are_read() {
    for name in ["1-sparse", "2-sparse"] {
        format_is_read(name);
    }
}

fn format_is_read(name: &str) {
    let (kind, rows) = (sparse(SparseMetric::Cosine, 150), kept());
    let store = fixture(name, || kind.build(&rows, resources(1)));
    let index = kind.open(&store).unwrap();
    assert!(check(&index, rows.len()).rests > 10);
    for (tid, row) in rows.iter().skip(3).step_by(7).take(4) {
        let tid = as_written(*tid);
        assert!(first(&index, Scattered::value(row), 1, 20).contains(&tid));
    }
    let first = Scattered::value(&rows[0].1);
    index.insert(first, Tid::at(500)).unwrap();
    assert_eq!(vacuum(&index, |tid| tid == as_written(1)), 1);
    check(&index, rows.len());
}

/// Whatever a byte becomes, the answer is rows or an error, never a panic.
fn damages<K: Kind>(kind: &K, rows: &[(u64, K::Row)]) {
    let pages = kind.build(rows, resources(1)).pages().unwrap();
    let use_all = |store: &MemoryStore| -> Result<(), Error> {
        let index = kind.open(store)?;
        let query = K::value(&rows[0].1);
        if let Ok(Some(mut scan)) = index.scan(query, 20, Continue::Relaxed) {
            for _ in 0..100 {
                scan.next_row()?;
            }
        }
        index.insert(K::value(&rows[1].1), Tid::at(900))?;
        index.insert(K::value(&kind.row(&mut Random(107))), Tid::at(901))?;
        index.check()?;
        index.vacuum(&mut |tid| tid.place().is_multiple_of(2), &mut || Ok(()))?;
        Ok(())
    };
    damage(&pages, 500, use_all);
}

#[test]
fn bytes_that_make_no_sense_are_errors() {
    damages(&sparse(SparseMetric::Cosine, 150), &kept());
    let bits = bits(BitMetric::Jaccard, 100);
    damages(&bits, &bits.rows(109, 50));
    let taxi = taxi(Form::F16, 30);
    damages(&taxi, &taxi.rows(109, 50));
}

#[test]
fn a_value_whose_rest_is_not_there_is_corrupt_and_seen() {
    let (kind, rows) = (sparse(SparseMetric::L2, 300), kept());
    let pages = kind.build(&rows, resources(1)).pages().unwrap();
    let store = MemoryStore::new();
    for page in pages {
        let mut page = *page;
        for at in (24..PAGE_BYTES - 16).step_by(4) {
            // Slots of rests get another owner.
            let slot = (at - 24) % (24 + 192 + 520) == 0;
            if slot && page[at] == 0xA5 {
                page[at + 4] ^= 1;
            }
        }
        store.push(&page).unwrap();
    }
    let index = kind.open(&store).unwrap();
    let report = index.check().unwrap();
    assert!(
        report
            .problems
            .iter()
            .any(|line| line.contains("not whole"))
    );
    let long = rows.iter().find(|(_, row)| row.indices.len() > 64).unwrap();
    let mut scan = index
        .scan(Scattered::value(&long.1), 50, Continue::Never)
        .unwrap()
        .unwrap();
    assert!(matches!(scan.next_row(), Err(Error::Page(_))));
}
