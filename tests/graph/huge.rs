//! Values whose distances overflow among others: found, linked, checked, removed.

use vector_ext::bulk::Progress;
use vector_ext::hnsw::{Builder, Form, Index, Metric, Options, SparseMetric, build_into};
use vector_ext::index::{Continue, Tid};
use vector_ext::page::{HEADER_BYTES, MemoryStore, PageStore};

use crate::classes::{Class, DenseClass, SparseClass};
use crate::kinds::{Coded, Kind};
use crate::support::{Random, check, options, resources, vacuum};

/// Sizes of elements. Squares overflow from 2e19 on, sums of elements from a tenth of the last on.
const SIZES: [f32; 7] = [1.0, 1e-40, 1e17, 1e19, 1e25, 1e30, 3.4e38];

/// Half of the rows are of common size.
pub fn rows(dims: usize, count: u64) -> Vec<(u64, Vec<f32>)> {
    let mut random = Random(dims as u64);
    let mut row = |tid: u64| {
        let size = SIZES[if tid.is_multiple_of(2) {
            0
        } else {
            random.below(7)
        }];
        let mut element = || random.normal().clamp(-1.0, 1.0) * size;
        (0..dims).map(|_| element()).collect()
    };
    (0..count).map(|tid| (tid, row(tid))).collect()
}

/// Built of the first half, the others inserted.
fn index_of(metric: Metric, form: Form, rows: &[(u64, Vec<f32>)]) -> (MemoryStore, Options) {
    let options = Options {
        form: Some(form),
        ..options(8)
    };
    let (built, inserted) = rows.split_at(rows.len() / 2);
    let mut builder = Builder::dense(rows[0].1.len(), metric, &options, resources(1));
    for (tid, row) in built {
        builder.push(row, Tid::at(*tid)).unwrap();
    }
    let store = MemoryStore::new();
    build_into(builder, &store, &Progress::default()).unwrap();
    let index = Index::open(&store, &options).unwrap();
    for (tid, row) in inserted {
        index.insert(row, Tid::at(*tid)).unwrap();
    }
    (store, options)
}

const FORMS: [Form; 3] = [Form::F32, Form::F16, Form::Int8];

#[test]
fn an_index_of_huge_values_is_sound_and_loses_no_row() {
    for dims in [3, 130, 400] {
        let rows = rows(dims, 160);
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            for form in FORMS {
                let (store, options) = index_of(metric, form, &rows);
                let index = Index::open(&store, &options).unwrap();
                check(&index, 160);
                assert_eq!(vacuum(&index, |tid| tid % 3 == 0), 54);
                check(&index, 106);
                for (_, query) in rows.iter().step_by(13) {
                    let mut scan = index.scan(query, 20, Continue::Strict).unwrap().unwrap();
                    let mut found = 0;
                    while scan.next_row().unwrap().is_some() {
                        found += 1;
                    }
                    assert_eq!(found, 106, "{dims} {metric:?} {form:?}");
                }
            }
        }
    }
}

/// Whatever is nearer than float32 can tell apart from farther comes first, but for what a strict scan
/// finds late.
#[test]
fn rows_whose_distance_overflows_come_last() {
    let metric = Metric::L2;
    for dims in [3, 130, 400] {
        let kind = Coded { metric, dims, m: 8 };
        let rows = rows(dims, 160);
        let (store, options) = index_of(metric, Form::F32, &rows);
        let index = Index::open(&store, &options).unwrap();
        for go_on in [Continue::Strict, Continue::Relaxed] {
            for (tid, query) in &rows {
                let near = rows.iter().map(|(_, row)| kind.distance(query, row));
                let near = near.filter(|distance| distance.is_finite()).count();
                let mut scan = index.scan(query, 20, go_on).unwrap().unwrap();
                let found = std::iter::from_fn(|| scan.next_row().unwrap());
                let found: Vec<f32> = found.map(|row| row.distance).collect();
                let overflow = found.iter().position(|distance| *distance >= f32::MAX);
                let (first, last) = found.split_at(overflow.unwrap_or(found.len()));
                let farthest = first.iter().copied().fold(0.0, f32::max);
                let late = last.iter().filter(|distance| **distance < f32::MAX);
                let late: Vec<&f32> = late.collect();
                let excused = |distance: &&f32| go_on == Continue::Strict && **distance <= farthest;
                let of = format!("{dims} {go_on:?} {tid}: {first:?} {late:?}");
                assert!(late.iter().all(excused), "{of}");
                assert_eq!(first.len() + late.len(), near, "{of}");
            }
        }
    }
}

/// A copy with other bytes from byte `at` of the content of a block on.
fn changed(store: &MemoryStore, block: u32, at: usize, bytes: &[u8]) -> MemoryStore {
    let copy = MemoryStore::new();
    for (number, page) in (0..).zip(store.pages().unwrap()) {
        let mut page = *page;
        if number == block {
            page[HEADER_BYTES + at..][..bytes.len()].copy_from_slice(bytes);
        }
        copy.push(&page).unwrap();
    }
    copy
}

#[test]
fn a_wrong_code_of_a_huge_value_is_seen() {
    let (table, lanes) = (24, 32);
    let mut rows = rows(16, 160);
    rows.retain(|(_, row)| row.iter().any(|x| x.abs() > 1e24));
    for metric in [Metric::L2, Metric::InnerProduct] {
        let (store, options) = index_of(metric, Form::F32, &rows);
        assert!(store.blocks().unwrap() > 5);
        for block in 2..6 {
            let (bases, slopes) = (table + 6 * lanes, table + 10 * lanes);
            // All lanes of the first node: codes, bases, slopes.
            for (at, bytes) in [
                (table + 12 * lanes, vec![0x5A; 1_000]),
                (bases, 7e37_f32.to_ne_bytes().repeat(lanes)),
                (slopes, 0xC2C8_u16.to_ne_bytes().repeat(lanes)),
            ] {
                let wrong = changed(&store, block, at, &bytes);
                let report = Index::open(&wrong, &options).unwrap().check().unwrap();
                let mut problems = report.problems.iter();
                let seen = problems.any(|line| line.contains("another code"));
                assert!(seen, "{metric:?} {block} {at}: {report:?}");
            }
        }
    }
}

/// Questions that see the longest rows before them: those are the nearest under inner product.
fn longest_come_first<C: Class>(class: &C) {
    let turn = |i: f32| vec![i.sin() + 1.5, i.cos() + 1.5, (2.0 * i).sin() + 1.5];
    let ordinary: Vec<Vec<f32>> = (0..1_500_u16).map(|i| turn(i.into())).collect();
    let question = class.row(&[0.5, 0.25, 0.75]);
    let options = class.options(16, 64);
    let one = |power: i32| vec![10_f32.powi(power); 3];
    let alone = (1..=37).step_by(4).map(|power| vec![one(power)]);
    for long in alone.chain([(1..=37).map(one).collect()]) {
        let rows = [ordinary.clone(), long.clone()].concat();
        let mut builder = class.builder(3, &options);
        let rows: Vec<C::Row> = rows.iter().map(|row| class.row(row)).collect();
        for (tid, row) in (0_u64..).zip(&rows) {
            builder.push(C::value(row), Tid::at(tid)).unwrap();
        }
        let store = MemoryStore::new();
        build_into(builder, &store, &Progress::default()).unwrap();
        let index = class.open(&store, &options);
        let ef = index.widened_ef(40).unwrap();
        let scan = index.scan(C::value(&question), ef, Continue::Never);
        let mut scan = scan.unwrap().unwrap();
        let limit = long.len().min(10);
        let found = std::iter::from_fn(|| scan.next_row().unwrap()).take(limit);
        let mut found: Vec<u64> = found.map(|row| row.tid.place()).collect();
        found.sort_unstable();
        let wanted: Vec<u64> = (1_500..)
            .take(long.len())
            .skip(long.len() - limit)
            .collect();
        assert_eq!(found, wanted, "{}: {:?}", class.name(), long.last());
    }
}

#[test]
fn the_longest_rows_are_found_by_inner_product_however_long_they_are() {
    longest_come_first(&DenseClass(Metric::InnerProduct, None));
    longest_come_first(&DenseClass(Metric::InnerProduct, Some(Form::F32)));
    longest_come_first(&SparseClass(SparseMetric::InnerProduct, 3));
}
