//! The same index from the same rows, cancelled builds, spilled ones.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use vector_ext::hnsw::{
    Builder, Dense, Error, Index, Metric, Progress, Resources, Sink, Tid, build_into,
};
use vector_ext::page::{Bytes, MemoryStore};

use crate::support::{Model, Random, build, check, files, first, options, resources};

fn rows(count: u64, dims: usize) -> Vec<(u64, Vec<f32>)> {
    let mut random = Random(47);
    (0..count).map(|id| (id, random.vector(dims, 12))).collect()
}

#[test]
fn one_thread_and_a_seed_give_one_index() {
    let rows = rows(700, 20);
    let dump = |store: &MemoryStore| Index::open(store, &options(8)).unwrap().dump().unwrap();
    let (one, two) = (
        build(Metric::L2, &rows, &options(8)),
        build(Metric::L2, &rows, &options(8)),
    );
    assert_eq!(one.pages().unwrap(), two.pages().unwrap());
    let other = vector_ext::hnsw::Options {
        seed: 5,
        ..options(8)
    };
    let other = build(Metric::L2, &rows, &other);
    assert_ne!(dump(&one), dump(&other));
    assert!(dump(&one).lines().count() > 700);
}

#[test]
fn threads_build_as_well_as_one() {
    let rows = rows(1_500, 24);
    let mut builder = Builder::dense(24, Metric::L2, &options(8), resources(4));
    for (tid, row) in &rows {
        builder.push(row, Tid::from(*tid)).unwrap();
    }
    let (store, progress) = (MemoryStore::new(), Progress::default());
    let built = build_into(builder, &store, &progress).unwrap();
    assert_eq!((built.rows, built.values, built.spilled), (1_500, 1_500, 0));
    assert_eq!(progress.linked.load(Ordering::Relaxed), 1_500);
    let index = Index::open(&store, &options(8)).unwrap();
    let report = check(&index, 1_500);
    assert_eq!(report.unreachable, 0);
    let model = Model::l2(&rows);
    let mut random = Random(53);
    let queries = 40;
    let recall: f64 = (0..queries)
        .map(|_| model.recall(&index, &random.vector(24, 12), (10, 40)))
        .sum();
    assert!(
        recall / f64::from(queries) >= 0.97,
        "{}",
        recall / f64::from(queries)
    );
}

#[test]
fn past_its_budget_a_build_spills_and_gives_the_same_index() {
    let rows = rows(6_000, 32);
    let folder = tempfile::tempdir().unwrap();
    let spilling = Resources {
        threads: 1,
        budget: 1 << 20,
        files: files(folder.path()),
    };
    let mut builder = Builder::dense(32, Metric::L2, &options(4), spilling);
    for (tid, row) in &rows {
        builder.push(row, Tid::from(*tid)).unwrap();
    }
    let store = MemoryStore::new();
    let built = build_into(builder, &store, &Progress::default()).unwrap();
    assert!(built.spilled > 1 << 20, "{built:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let unspilled = build(Metric::L2, &rows, &options(4));
    assert_eq!(store.pages().unwrap(), unspilled.pages().unwrap());
}

#[test]
fn a_folder_that_takes_no_file_is_an_error() {
    let nowhere = Resources {
        threads: 1,
        budget: 0,
        files: files("/nowhere/at/all"),
    };
    let mut builder = Builder::dense(4, Metric::L2, &options(4), nowhere);
    let result = builder.push(&[1.0; 4], Tid::from(1));
    assert!(matches!(result, Err(Error::Spill(_))));
}

/// Notes how long a build goes without polling.
struct Patient {
    last: Instant,
    longest: Duration,
}

impl Sink for Patient {
    fn page(&mut self, _: &Bytes) -> Result<(), Error> {
        Ok(())
    }

    fn poll(&mut self) -> Result<(), Error> {
        self.longest = self.longest.max(self.last.elapsed());
        self.last = Instant::now();
        Ok(())
    }
}

/// A builder that has `rows` rows.
fn filled(rows: u64, dims: usize, m: u16) -> Builder<Dense> {
    let mut builder = Builder::dense(dims, Metric::L2, &options(m), resources(2));
    let mut random = Random(59);
    for tid in 0..rows {
        builder
            .push(&random.vector(dims, 50), Tid::from(tid))
            .unwrap();
    }
    builder
}

/// What takes a tenth of a second at most, in the best of five attempts: the machine may be busy.
fn within_a_tenth_of_a_second(attempt: impl Fn() -> Duration) {
    let promised = Duration::from_millis(100);
    let taken: Vec<Duration> = (0..5)
        .scan(false, |done, _| {
            let taken = (!*done).then(&attempt)?;
            *done = taken < promised;
            Some(taken)
        })
        .collect();
    assert!(taken.iter().any(|taken| *taken < promised), "{taken:?}");
}

/// From the first link to the last page.
#[test]
fn a_build_polls_in_all_its_phases() {
    within_a_tenth_of_a_second(|| {
        let builder = filled(20_000, 8, 4);
        let mut sink = Patient {
            last: Instant::now(),
            longest: Duration::ZERO,
        };
        builder.finish(&Progress::default(), &mut sink).unwrap();
        sink.longest
    });
}

/// Ends a build when it is first polled.
struct Impatient(Instant);

impl Sink for Impatient {
    fn page(&mut self, _: &Bytes) -> Result<(), Error> {
        Ok(())
    }

    fn poll(&mut self) -> Result<(), Error> {
        self.0 = Instant::now();
        Err(Error::Cancelled)
    }
}

#[test]
fn a_build_ends_within_a_tenth_of_a_second() {
    within_a_tenth_of_a_second(|| {
        let builder = filled(6_000, 64, 16);
        let mut sink = Impatient(Instant::now());
        let result = builder.finish(&Progress::default(), &mut sink);
        assert!(matches!(result, Err(Error::Cancelled)));
        sink.0.elapsed()
    });
}

/// A thread that came down onto a value whose own links were not made yet linked to nothing else.
#[test]
fn threads_do_not_meet_on_a_value_without_links() {
    let rows = rows(2_400, 8);
    let mut missed = 0;
    for _ in 0..12 {
        let mut builder = Builder::dense(8, Metric::L2, &options(4), resources(4));
        for (tid, row) in &rows {
            builder.push(row, Tid::from(*tid)).unwrap();
        }
        let store = MemoryStore::new();
        build_into(builder, &store, &Progress::default()).unwrap();
        let index = Index::open(&store, &options(4)).unwrap();
        let own = |(tid, row): &&(u64, Vec<f32>)| first(&index, row, 1, 40) != [*tid];
        missed += rows.iter().filter(own).count();
    }
    // It was 7 to 52 of 28,800; now and then it is one that came beside its neighbour.
    assert!(missed < 6, "{missed}");
}
