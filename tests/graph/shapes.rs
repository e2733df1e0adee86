//! Data that is not normalised: rows near the middle of all others, lengths that differ, one row that is far
//! longer, duplicates. Every row must be within reach, and found by its own value, in every operator class.

use vector_ext::bulk::Progress;
use vector_ext::hnsw::{BitMetric, Form, Index, Metric, SparseMetric, build_into};
use vector_ext::index::{Continue, Tid};
use vector_ext::page::MemoryStore;

use crate::classes::{BitClass, Class, DenseClass, ManhattanClass, SparseClass};
use crate::datasets::{DataSet, Lie, SHAPES};

const DIMS: usize = 32;
const ROWS: usize = 400;
const QUESTIONS: usize = 16;
/// One row in so many is looked for by its own value.
const STEP: usize = 3;

/// What an index is put through before it is searched.
#[derive(Clone, Copy, Debug, PartialEq)]
enum History {
    Built,
    Inserted,
    /// Three rows in four are deleted and vacuumed.
    Thinned,
    /// A tenth of the rows is deleted, vacuumed and inserted again, ten times.
    Churned,
}

/// An index of a data set, and its rows as values.
struct Case<'c, C: Class> {
    class: &'c C,
    shape: Lie,
    rows: Vec<C::Row>,
    questions: Vec<C::Row>,
    store: MemoryStore,
}

impl<'c, C: Class> Case<'c, C> {
    fn new(class: &'c C, shape: Lie, m: u16, history: History) -> Self {
        let set = DataSet::new(shape, DIMS, ROWS, QUESTIONS);
        let values = |vectors: &[Vec<f32>]| vectors.iter().map(|v| class.row(v)).collect();
        let case = Self {
            class,
            shape,
            rows: values(&set.rows),
            questions: values(&set.questions),
            store: MemoryStore::new(),
        };
        case.fill(m, history);
        case
    }

    fn fill(&self, m: u16, history: History) {
        let options = self.class.options(m, 64);
        let mut builder = self.class.builder(DIMS, &options);
        if history != History::Inserted {
            for (row, tid) in self.rows.iter().zip(0_u64..) {
                builder.push(C::value(row), Tid::at(tid)).unwrap();
            }
        }
        build_into(builder, &self.store, &Progress::default()).unwrap();
        let index = self.class.open(&self.store, &options);
        let insert = |of: &dyn Fn(u64) -> bool| {
            for (row, tid) in self.rows.iter().zip(0_u64..).filter(|(_, tid)| of(*tid)) {
                index.insert(C::value(row), Tid::at(tid)).unwrap();
            }
        };
        let vacuum = |of: &dyn Fn(u64) -> bool| {
            index
                .vacuum(&mut |tid| of(tid.place()), &mut || Ok(()))
                .unwrap();
        };
        match history {
            History::Built => {}
            History::Inserted => insert(&|_| true),
            History::Thinned => vacuum(&|tid| tid % 4 > 0),
            History::Churned => {
                for round in 0..10 {
                    let of = |tid: u64| tid * 7_919 % 10 == round;
                    vacuum(&of);
                    insert(&of);
                }
            }
        }
    }

    fn search(
        &self,
        index: &Index<'_, MemoryStore, C::Space>,
        question: &C::Row,
        (k, ef): (usize, usize),
    ) -> Vec<f64> {
        let ef = index.widened_ef(ef).unwrap();
        let Some(mut scan) = index.scan(C::value(question), ef, Continue::Never).unwrap() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        while found.len() < k
            && let Some(row) = scan.next_row().unwrap()
        {
            let row = usize::try_from(row.tid.place()).unwrap();
            found.push(self.class.distance(question, &self.rows[row]));
        }
        found
    }

    /// The share of the ten nearest rows that searches find; of those for which `kept` holds.
    fn recall(
        &self,
        index: &Index<'_, MemoryStore, C::Space>,
        ef: usize,
        kept: fn(usize) -> bool,
    ) -> f64 {
        let (mut hits, mut all) = (0, 0);
        for question in &self.questions {
            let rows = self.rows.iter().enumerate().filter(|(at, _)| kept(*at));
            let distances = rows.map(|(_, row)| self.class.distance(question, row));
            let mut distances: Vec<f64> = distances.filter(|far| !far.is_nan()).collect();
            distances.sort_by(f64::total_cmp);
            distances.truncate(10);
            let Some(farthest) = distances.last() else {
                continue;
            };
            let bound = farthest + 1e-4 * farthest.abs() + 1e-6;
            let found = self.search(index, question, (distances.len(), ef));
            hits += found.iter().filter(|far| **far <= bound).count();
            all += distances.len();
        }
        f64::from(hits as u32) / f64::from(all.max(1) as u32)
    }

    /// Rows that are not found by their own values. Under inner product others may be nearer.
    fn lost(&self, index: &Index<'_, MemoryStore, C::Space>, kept: fn(usize) -> bool) -> usize {
        let rows = self.rows.iter().enumerate().filter(|(at, _)| kept(*at));
        let is_lost = |(_, row): &(usize, &C::Row)| {
            let own = self.class.distance(row, row);
            let found = self.search(index, row, (1, 200));
            !own.is_nan()
                && found
                    .first()
                    .is_none_or(|far| *far > own + 1e-4 * own.abs() + 1e-6)
        };
        rows.step_by(STEP).filter(is_lost).count()
    }
}

/// What must hold of a class on data of every shape.
fn holds_its_rows<C: Class>(class: &C, m: u16, history: History, floors: [f64; 2]) {
    let kept = if history == History::Thinned {
        |at: usize| at.is_multiple_of(4)
    } else {
        |_| true
    };
    for shape in SHAPES {
        let case = Case::new(class, shape, m, history);
        let index = class.open(&case.store, &class.options(m, 64));
        let report = index.check().unwrap();
        let name = format!("{} {:?} {history:?}", class.name(), case.shape);
        assert_eq!(report.problems, Vec::<String>::new(), "{name}");
        assert_eq!(report.unreachable, 0, "{name}");
        let lost = case.lost(&index, kept);
        let recalls = [40, 200].map(|ef| case.recall(&index, ef, kept));
        // Among lengths that differ the short are nearest to all, and few link to the long.
        let few = [ROWS / 100 / STEP, ROWS / 30 / STEP][usize::from(history == History::Churned)];
        assert!(
            lost <= few,
            "{name}: {lost} rows are not found by their own values"
        );
        assert!(
            recalls[0] >= floors[0] && recalls[1] >= floors[1],
            "{name}: recall {recalls:.3?}"
        );
    }
}

const HISTORIES: [History; 4] = [
    History::Built,
    History::Inserted,
    History::Thinned,
    History::Churned,
];

macro_rules! classes {
    ($($name:ident: $class:expr, $floors:expr;)+) => {
        $(
            #[test]
            fn $name() {
                for history in HISTORIES {
                    holds_its_rows(&$class, 16, history, $floors);
                }
            }
        )+
    };
}

classes! {
    vectors_under_l2: DenseClass(Metric::L2, None), [0.95, 0.99];
    vectors_under_inner_product: DenseClass(Metric::InnerProduct, None), [0.95, 0.99];
    vectors_under_cosine: DenseClass(Metric::Cosine, None), [0.95, 0.99];
    vectors_under_l1: ManhattanClass, [0.95, 0.99];
    whole_numbers_under_l2: DenseClass(Metric::L2, Some(Form::Whole)), [0.95, 0.99];
    whole_numbers_under_inner_product: DenseClass(Metric::InnerProduct, Some(Form::Whole)), [0.95, 0.99];
    whole_numbers_under_cosine: DenseClass(Metric::Cosine, Some(Form::Whole)), [0.95, 0.99];
    bits_under_hamming: BitClass(BitMetric::Hamming), [0.95, 0.99];
    bits_under_jaccard: BitClass(BitMetric::Jaccard), [0.95, 0.99];
    sparse_vectors_under_l2: SparseClass(SparseMetric::L2, 32), [0.95, 0.99];
    sparse_vectors_under_inner_product: SparseClass(SparseMetric::InnerProduct, 32), [0.95, 0.99];
    sparse_vectors_under_cosine: SparseClass(SparseMetric::Cosine, 32), [0.95, 0.99];
    sparse_vectors_under_l1: SparseClass(SparseMetric::L1, 32), [0.95, 0.99];
}

/// The fewest links there can be: what is given up must still leave a way.
#[test]
fn few_links_reach_every_row() {
    for history in HISTORIES {
        holds_its_rows(&BitClass(BitMetric::Hamming), 4, history, [0.8, 0.95]);
        holds_its_rows(&DenseClass(Metric::L2, None), 4, history, [0.9, 0.95]);
    }
}

/// Estimates went by `|q - u|`: what was found depended on the length that a question came with.
#[test]
fn the_length_of_a_question_changes_no_answer_under_inner_product() {
    let class = DenseClass(Metric::InnerProduct, None);
    for shape in [Lie::Lengths(0.8), Lie::LongRow, Lie::Uniform] {
        let mut case = Case::new(&class, shape, 16, History::Built);
        let index = class.open(&case.store, &class.options(16, 64));
        let recall = case.recall(&index, 20, |_| true);
        assert!(recall >= 0.95, "{shape:?}: {recall}");
        for length in [1e-6, 1e3] {
            let questions = case.questions.iter();
            let scaled = questions.map(|question| question.iter().map(|x| x * length).collect());
            case.questions = scaled.collect();
            let other = case.recall(&index, 20, |_| true);
            assert!(
                (other - recall).abs() <= 0.01,
                "{shape:?}: {recall} and {other}"
            );
        }
    }
}
