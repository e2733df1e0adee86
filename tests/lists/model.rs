//! Random inserts and vacuums beside a model.

use std::collections::BTreeMap;

use vector_ext::cluster::Draws;
use vector_ext::index::Tid;
use vector_ext::ivf::{Form, ListIndex, Metric};

use crate::support::{Kind, check, compare, tend, vacuum};

fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for (dims, lists, form, directions) in [
            (24, 5, Some(Form::Int8), 0),
            (400, 1, Some(Form::F16), 0),
            (30, 12, None, 0),
            (40, 3, None, 0),
            (12, 3, Some(Form::Whole), 0),
            (40, 5, Some(Form::Int8), 16),
            (30, 3, None, 16),
            (400, 2, None, 100),
        ] {
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

#[test]
fn lists_hold_what_the_model_holds() {
    for (seed, kind) in (1..).zip(kinds()) {
        let mut draws = Draws(seed);
        let rows: Vec<(u64, Vec<f32>)> = (0..).zip(kind.rows(seed, 700)).collect();
        let store = kind.build(&rows[..400]);
        let index = ListIndex::open(&store).unwrap();
        let mut model: BTreeMap<u64, Vec<f32>> = rows[..400].iter().cloned().collect();
        check(&index, model.len());
        let mut next = 10_000;
        for round in 0..6 {
            for _ in 0..150 {
                let row = &rows[draws.below(rows.len())].1;
                assert!(index.insert(row, Tid::at(next)).unwrap());
                model.insert(next, row.clone());
                next += 1;
            }
            check(&index, model.len());
            compare(&kind, &index, &model, &rows[draws.below(700)].1);
            let (modulus, rest) = (2 + draws.below(9) as u64, draws.below(2) as u64);
            let gone = |tid: u64| tid % modulus == rest && round % 2 == 0;
            // The table does not show some rows that are in the index.
            let value = |tid: u64| model.get(&tid).filter(|_| tid % 11 != 3).cloned();
            tend(&index, value).unwrap();
            check(&index, model.len());
            let removed = vacuum(&index, gone).unwrap();
            let before = model.len();
            model.retain(|tid, _| !gone(*tid));
            assert_eq!(removed, (before - model.len()) as u64);
            check(&index, model.len());
            compare(&kind, &index, &model, &rows[draws.below(700)].1);
        }
        vacuum(&index, |_| true).unwrap();
        vacuum(&index, |_| true).unwrap();
        let report = check(&index, 0);
        assert_eq!((report.dead, report.unused), (0, 0), "{kind:?}");
        assert!(index.insert(&rows[0].1, Tid::at(5)).unwrap());
        check(&index, 1);
    }
}

#[test]
fn pages_of_removed_rows_are_used_again() {
    let kind = Kind {
        metric: Metric::L2,
        dims: 20,
        lists: 4,
        form: Some(Form::Int8),
        directions: 0,
    };
    let rows: Vec<(u64, Vec<f32>)> = (0..).zip(kind.rows(3, 2_000)).collect();
    let store = kind.build(&rows);
    let index = ListIndex::open(&store).unwrap();
    let mut largest = 0;
    for round in 1..8_u64 {
        vacuum(&index, |tid| tid < round * 10_000).unwrap();
        vacuum(&index, |_| false).unwrap();
        for (at, (_, row)) in (round * 10_000..).zip(&rows) {
            index.insert(row, Tid::at(at)).unwrap();
        }
        check(&index, rows.len());
        if round == 2 {
            largest = store.len();
        }
    }
    assert!(store.len() <= largest + 2, "{} {largest}", store.len());
}

#[test]
fn an_empty_index_takes_rows() {
    for form in [None, Some(Form::Int8)] {
        let kind = Kind {
            metric: Metric::Cosine,
            dims: 8,
            lists: 0,
            form,
            directions: 0,
        };
        let store = kind.build(&[]);
        let index = ListIndex::open(&store).unwrap();
        check(&index, 0);
        assert!(crate::support::all(&index, &[1.0; 8]).is_empty());
        assert!(!index.insert(&[0.0; 8], Tid::at(1)).unwrap());
        let rows: BTreeMap<u64, Vec<f32>> = (0..).zip(kind.rows(9, 500)).collect();
        for (tid, row) in &rows {
            assert!(index.insert(row, Tid::at(*tid)).unwrap());
        }
        check(&index, 500);
        compare(&kind, &index, &rows, &rows[&3]);
        assert!(index.insert(&[1.0; 9], Tid::at(1)).is_err());
        assert!(
            index
                .scan(&[0.0; 8], crate::support::ALL)
                .unwrap()
                .is_none()
        );
    }
}
