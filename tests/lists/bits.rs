//! Values of bits under Hamming distance, beside a model.

use std::collections::BTreeMap;

use vector_ext::bulk::Progress;
use vector_ext::cluster::Draws;
use vector_ext::index::{Error, Tid};
use vector_ext::ivf::{
    ListIndex, ListsBuilder, ListsOptions, LongForm, Metric, Probes, build_into,
};
use vector_ext::page::MemoryStore;

use crate::support::{ALL, all, check, nearest, resources, tend, vacuum};

/// Bits around a few places, padded with zeros.
fn rows(bits: usize, seed: u64, count: usize) -> Vec<(u64, Vec<u8>)> {
    let mut draws = Draws(seed);
    let row = |draws: &mut Draws| {
        let mut centre = Draws(draws.draw() % 7);
        let mut row: Vec<u8> = (0..bits.div_ceil(8))
            .map(|_| centre.draw() as u8 ^ (draws.draw() & draws.draw() & draws.draw()) as u8)
            .collect();
        if let (Some(last), used @ 1..) = (row.last_mut(), bits % 8) {
            *last &= 0xFF << (8 - used);
        }
        row
    };
    (0..count as u64)
        .map(|tid| (tid, row(&mut draws)))
        .collect()
}

fn hamming(a: &[u8], b: &[u8]) -> f64 {
    let bits = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones());
    f64::from(bits.sum::<u32>())
}

fn built(
    bits: usize,
    options: &ListsOptions,
    budget: usize,
    rows: &[(u64, Vec<u8>)],
) -> MemoryStore {
    let mut builder = ListsBuilder::of_bits(bits, options, resources(budget));
    for (tid, row) in rows {
        assert!(builder.push(row.as_slice(), Tid::at(*tid)).unwrap());
    }
    let store = MemoryStore::new();
    build_into(builder, &store, &Progress::default()).unwrap();
    store
}

/// Every row comes once, its distance is exact where the index has the bits, and the nearest are found.
fn compare(store: &MemoryStore, model: &BTreeMap<u64, Vec<u8>>, query: &[u8], is_exact: bool) {
    let index = ListIndex::open(store).unwrap();
    let mut found = all(&index, query);
    found.sort_unstable();
    assert!(
        found.iter().eq(model.keys()),
        "{} of {}",
        found.len(),
        model.len()
    );
    let far = |tid: u64| hamming(query, &model[&tid]);
    if is_exact {
        let mut scan = index.scan(query, ALL).unwrap().unwrap();
        for _ in 0..20.min(model.len()) {
            let row = scan.next_row().unwrap().unwrap();
            assert!(
                (f64::from(row.distance) - far(row.tid.place())).abs() <= 0.0,
                "{row:?}"
            );
            assert!(row.doubt <= 0.0, "{row:?}");
        }
    }
    let mut truth: Vec<f64> = model.keys().map(|tid| far(*tid)).collect();
    truth.sort_by(f64::total_cmp);
    let wanted = 10.min(truth.len());
    let found = nearest(&index, query, wanted, far);
    let hits = found
        .iter()
        .filter(|tid| far(**tid) <= truth[wanted - 1])
        .count();
    assert!(hits * 10 >= wanted * 9, "{hits} of {wanted}");
}

#[test]
fn lists_of_bits_hold_what_the_model_holds() {
    for (bits, count) in [(1, 400), (7, 700), (64, 700), (1_000, 700), (64_000, 40)] {
        for form in [None, LongForm::of_bits(8)] {
            let options = ListsOptions {
                lists: 4,
                form,
                ..ListsOptions::default()
            };
            let rows = rows(bits, 5, count);
            let half = count / 2;
            let store = built(bits, &options, 1 << 28, &rows[..half]);
            let index = ListIndex::open(&store).unwrap();
            check(&index, half);
            let mut model: BTreeMap<u64, Vec<u8>> = rows[..half].iter().cloned().collect();
            for (tid, row) in &rows[half..] {
                assert!(index.insert(row.as_slice(), Tid::at(*tid)).unwrap());
                model.insert(*tid, row.clone());
            }
            check(&index, count);
            compare(&store, &model, &rows[3].1, form.is_some());
            tend(&index, |_| None).unwrap();
            check(&index, count);
            compare(&store, &model, &rows[count - 1].1, form.is_some());
            let removed = vacuum(&index, |tid| tid % 3 == 0).unwrap();
            model.retain(|tid, _| tid % 3 != 0);
            assert_eq!(removed, (count - model.len()) as u64, "{bits}");
            check(&index, model.len());
            compare(&store, &model, &rows[3].1, form.is_some());
        }
    }
}

#[test]
fn an_empty_index_of_bits_gets_lists() {
    let rows = rows(256, 9, 1_200);
    let options = ListsOptions {
        lists: 6,
        ..ListsOptions::default()
    };
    let store = built(256, &options, 1 << 28, &[]);
    let index = ListIndex::open(&store).unwrap();
    for (tid, row) in &rows {
        assert!(index.insert(row.as_slice(), Tid::at(*tid)).unwrap());
    }
    assert!(tend(&index, |_| None).unwrap().split > 0);
    assert!(check(&index, rows.len()).lists.len() > 2);
    let model: BTreeMap<u64, Vec<u8>> = rows.iter().cloned().collect();
    compare(&store, &model, &rows[17].1, true);
    // The nearest list has the row itself.
    let one = Probes::Fixed { first: 1, most: 1 };
    for (tid, row) in rows.iter().step_by(100) {
        let mut scan = index.scan(row.as_slice(), one).unwrap().unwrap();
        let found = scan.next_row().unwrap().unwrap();
        assert!(found.distance <= 0.0, "{tid} {found:?}");
    }
}

#[test]
fn a_small_memory_gives_fewer_lists() {
    let rows = rows(32_000, 3, 60);
    let options = ListsOptions {
        lists: 30,
        ..ListsOptions::default()
    };
    let count = |budget: usize| {
        let store = built(32_000, &options, budget, &rows);
        let index = ListIndex::open(&store).unwrap();
        let model: BTreeMap<u64, Vec<u8>> = rows.iter().cloned().collect();
        compare(&store, &model, &rows[1].1, true);
        check(&index, rows.len()).lists.len()
    };
    let (few, many) = (count(8 << 20), count(1 << 28));
    assert!(few <= 8 && many > few, "{few} {many}");
}

#[test]
fn values_of_another_kind_or_size_are_refused() {
    let options = ListsOptions::default();
    let store = built(12, &options, 1 << 24, &[]);
    let index = ListIndex::open(&store).unwrap();
    let other = index.insert(&[1.0; 12], Tid::at(1));
    assert!(matches!(other, Err(Error::OtherSpace { .. })), "{other:?}");
    let long = index.insert([0_u8; 3].as_slice(), Tid::at(1));
    assert!(matches!(long, Err(Error::Dimensions { .. })), "{long:?}");
    let mut dense = ListsBuilder::new(12, Metric::L2, &options, resources(1 << 24));
    let bits = dense.push([0_u8; 2].as_slice(), Tid::at(1));
    assert!(matches!(bits, Err(Error::OtherSpace { .. })), "{bits:?}");
}
