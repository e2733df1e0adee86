//! Recall after many small changes: rows go, a vacuum comes, others come, again and again, beside an index that is
//! built of the rows that are left.

use vector_ext::hnsw::{Form, Metric, SparseMetric};
use vector_ext::index::Tid;

use crate::kinds::{Coded, Kind, Scattered, Taxi};
use crate::support::{Model, Random, check, resources, vacuum};

const ROWS: u64 = 1_200;
const ROUNDS: u64 = 40;

/// Rows that go in a round, and that come.
const CHANGED: u64 = 60;

/// Recall of the first ten, over questions that are not rows: the mean, and the worst.
fn recall<K: Kind + Clone>(
    model: &Model<K>,
    store: &vector_ext::page::MemoryStore,
    ef: usize,
) -> (f64, f64) {
    let index = model.kind.open(store).unwrap();
    let questions = model.kind.rows(77, 200);
    let each = questions
        .iter()
        .map(|(_, question)| model.recall(&index, question, (10, ef)));
    let each: Vec<f64> = each.collect();
    let worst = each.iter().copied().fold(1.0, f64::min);
    (each.iter().sum::<f64>() / each.len() as f64, worst)
}

/// An index that was changed finds as much as one that is built anew, but for `loss`.
fn assert_kept<K: Kind + Clone>(kind: &K, ef: usize, loss: f64) {
    let rows = kind.rows(41, ROWS);
    let store = kind.build(&rows, resources(1));
    let mut model = Model {
        kind: kind.clone(),
        rows: rows.into_iter().collect(),
    };
    let before = recall(&model, &store, ef);
    let mut random = Random(97);
    for round in 0..ROUNDS {
        let index = kind.open(&store).unwrap();
        let mut gone = std::collections::BTreeSet::new();
        while gone.len() < CHANGED as usize {
            let at = random.below(model.rows.len());
            gone.extend(model.rows.keys().nth(at).copied());
        }
        assert_eq!(vacuum(&index, |id| gone.contains(&id)), CHANGED);
        model.rows.retain(|id, _| !gone.contains(id));
        for at in 0..CHANGED {
            let (id, row) = (ROWS + round * CHANGED + at, kind.row(&mut random));
            index.insert(K::value(&row), Tid::at(id)).unwrap();
            model.rows.insert(id, row);
        }
        check(&index, model.rows.len());
    }
    let after = recall(&model, &store, ef);
    let left: Vec<_> = model
        .rows
        .iter()
        .map(|(id, row)| (*id, row.clone()))
        .collect();
    let anew = recall(&model, &kind.build(&left, resources(1)), ef);
    eprintln!("{kind:?}, ef {ef}: built {before:.3?}, changed {after:.3?}, built anew {anew:.3?}");
    assert!(
        after.0 >= anew.0 - loss,
        "{kind:?}: {after:?}, built anew {anew:?}"
    );
}

#[test]
fn sparse_vectors_keep_their_recall_under_churn() {
    for (elements, ef) in [(40, 20), (40, 40)] {
        let (metric, m) = (SparseMetric::L2, 8);
        let kind = Scattered {
            metric,
            elements,
            m,
        };
        assert_kept(&kind, ef, 0.03);
    }
}

#[test]
fn dense_vectors_keep_their_recall_under_churn() {
    let (metric, dims, m) = (Metric::L2, 48, 8);
    assert_kept(&Coded { metric, dims, m }, 40, 0.04);
    let form = Form::F16;
    assert_kept(&Taxi { form, dims, m }, 40, 0.04);
}
