//! Rows, indexes of them, and checks.

use std::collections::BTreeMap;

use vector_ext::bulk::{Files, Progress, Resources};
use vector_ext::cluster::Draws;
use vector_ext::index::{Error, Tid};
use vector_ext::ivf::{
    Form, ListIndex, ListValue, ListsBuilder, ListsOptions, ListsReport, LongForm, Metric, Probes,
    Tended, build_into,
};
use vector_ext::page::{MemoryStore, PageStore};

/// All lists.
pub const ALL: Probes = Probes::Fixed {
    first: usize::MAX >> 2,
    most: usize::MAX >> 2,
};

/// An index's options, and rows for it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub metric: Metric,
    pub dims: usize,
    pub lists: u32,
    pub form: Option<Form>,
    pub directions: u32,
}

impl Kind {
    pub fn options(&self) -> ListsOptions {
        ListsOptions {
            lists: self.lists,
            form: self.form.map(LongForm::from),
            directions: self.directions,
            ..ListsOptions::default()
        }
    }

    /// Rows around a few places.
    pub fn rows(&self, seed: u64, count: usize) -> Vec<Vec<f32>> {
        let mut draws = Draws(seed);
        let normal = |draws: &mut Draws| (0..4).map(|_| draws.share() - 0.5).sum::<f64>() as f32;
        let whole = self.form == Some(Form::Whole);
        let rows = (0..count).map(|_| {
            let mut centre = Draws(draws.draw() % 7);
            let row = (0..self.dims).map(|_| normal(&mut centre) + 0.5 * normal(&mut draws));
            let round = |x: f32| if whole { (20.0 * x).round() } else { x };
            row.map(round).collect()
        });
        rows.collect()
    }

    pub fn distance(&self, a: &[f32], b: &[f32]) -> f64 {
        let sum = |term: fn(f64, f64) -> f64| -> f64 {
            a.iter()
                .zip(b)
                .map(|(a, b)| term(f64::from(*a), f64::from(*b)))
                .sum()
        };
        let dot = sum(|a, b| a * b);
        match self.metric {
            Metric::L2 => sum(|a, b| (a - b) * (a - b)),
            Metric::InnerProduct => -dot,
            Metric::Cosine => 2.0 - 2.0 * dot / (sum(|a, _| a * a) * sum(|_, b| b * b)).sqrt(),
        }
    }

    pub fn build(&self, rows: &[(u64, Vec<f32>)]) -> MemoryStore {
        self.build_with(rows, &self.options())
    }

    pub fn build_with(&self, rows: &[(u64, Vec<f32>)], options: &ListsOptions) -> MemoryStore {
        let mut builder = ListsBuilder::new(self.dims, self.metric, options, resources(1 << 30));
        for (tid, row) in rows {
            builder.push(row, Tid::at(*tid)).unwrap();
        }
        let store = MemoryStore::new();
        build_into(builder, &store, &Progress::default()).unwrap();
        store
    }
}

/// One thread, and so many bytes of memory.
pub fn resources(budget: usize) -> Resources {
    Resources {
        threads: 1,
        budget,
        files: Files {
            folder: std::env::temp_dir(),
            limit: usize::MAX,
        },
    }
}

/// The `count` nearest rows as an access method gives them: exact distances are asked for until no row that was not
/// asked for can be nearer.
pub fn nearest<'v, S: PageStore>(
    index: &ListIndex<'_, S>,
    query: impl Into<ListValue<'v>>,
    count: usize,
    exact: impl Fn(u64) -> f64,
) -> Vec<u64> {
    let mut scan = index.scan(query, ALL).unwrap().unwrap();
    let mut found: Vec<(f64, u64)> = Vec::new();
    while let Some(row) = scan.next_row().unwrap() {
        let farthest = found.last().map_or(f64::INFINITY, |last| last.0);
        if found.len() == count && f64::from(row.distance - row.doubt) > farthest {
            break;
        }
        let tid = row.tid.place();
        found.push((exact(tid), tid));
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.truncate(count);
    }
    found.into_iter().map(|(_, tid)| tid).collect()
}

/// All rows of an index by a scan of all its lists, in its order.
pub fn all<'v, S: PageStore>(
    index: &ListIndex<'_, S>,
    query: impl Into<ListValue<'v>>,
) -> Vec<u64> {
    let mut scan = index.scan(query, ALL).unwrap().unwrap();
    let rows = std::iter::from_fn(|| scan.next_row().unwrap());
    rows.map(|row| row.tid.place()).collect()
}

/// Nothing is wrong, and the rows are those of the model.
pub fn check<S: PageStore>(index: &ListIndex<'_, S>, rows: usize) -> ListsReport {
    let report = index.check().unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.rows, rows as u64);
    report
}

pub fn vacuum<S: PageStore>(
    index: &ListIndex<'_, S>,
    gone: impl Fn(u64) -> bool,
) -> Result<u64, Error> {
    let vacuumed = index.vacuum(&mut |tid| gone(tid.place()), &mut || Ok(()))?;
    Ok(vacuumed.removed)
}

/// Tends all lists. Values are asked for only where there are no long codes.
pub fn tend<S: PageStore>(
    index: &ListIndex<'_, S>,
    value: impl Fn(u64) -> Option<Vec<f32>>,
) -> Result<Tended, Error> {
    index.tend(u64::MAX, &mut |tid| Ok(value(tid.place())), &mut || Ok(()))
}

/// The values of rows, for an index without long codes.
pub fn value_of(form: Option<Form>, rows: &[(u64, Vec<f32>)]) -> impl Fn(u64) -> Option<Vec<f32>> {
    move |tid| {
        assert!(form.is_none(), "long codes have the values");
        let row = rows.iter().find(|row| row.0 == tid);
        row.map(|row| row.1.clone())
    }
}

/// Every row comes once; distances are within their doubts; the nearest are nearly the right ones in nearly the right
/// order.
pub fn compare<S: PageStore>(
    kind: &Kind,
    index: &ListIndex<'_, S>,
    model: &BTreeMap<u64, Vec<f32>>,
    query: &[f32],
) {
    let mut found = all(index, query);
    found.sort_unstable();
    assert_eq!(found, model.keys().copied().collect::<Vec<_>>());
    let mut truth: Vec<(f64, u64)> = model
        .iter()
        .map(|(tid, row)| (kind.distance(query, row), *tid))
        .collect();
    truth.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some(last) = truth.get(9.min(truth.len().saturating_sub(1))) else {
        return;
    };
    let far = |tid: &u64| kind.distance(query, &model[tid]);
    let spread = truth[truth.len() - 1].0 - truth[0].0;
    let hits = nearest(index, query, 10, |tid| far(&tid))
        .iter()
        .filter(|tid| far(tid) <= last.0 + 0.02 * spread)
        .count();
    let wanted = 10.min(truth.len());
    assert!(hits * 10 >= wanted * 8, "{hits} of {wanted}: {kind:?}");
    let mut scan = index.scan(query, ALL).unwrap().unwrap();
    for _ in 0..20 {
        let Some(row) = scan.next_row().unwrap() else {
            break;
        };
        let off = (f64::from(row.distance) - far(&row.tid.place())).abs();
        // Without long codes the doubt is 2.5 standard errors.
        let sure = if kind.form.is_some() { 1.0 } else { 2.0 };
        let rounding = 1e-4 * far(&row.tid.place()).abs().max(1e-3);
        assert!(
            off <= sure * f64::from(row.doubt) + rounding,
            "{off} {row:?} {kind:?}"
        );
    }
}
