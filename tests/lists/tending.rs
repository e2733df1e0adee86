//! What splits and merges make of lists: rows lie with the nearest centre, lanes are used again, budgets are kept.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use vector_ext::cluster::Draws;
use vector_ext::index::{Error, Tid};
use vector_ext::ivf::{Form, ListIndex, ListsCensus, Metric, Probes, Tended};
use vector_ext::page::{MemoryStore, PageError, PageStore};

use crate::support::{Kind, all, check, compare, tend, vacuum};

fn kind(form: Option<Form>, lists: u32) -> Kind {
    Kind {
        metric: Metric::L2,
        dims: 24,
        lists,
        form,
        directions: 0,
    }
}

fn never(_: u64) -> Option<Vec<f32>> {
    unreachable!("long codes have the values")
}

fn census<S: PageStore>(index: &ListIndex<'_, S>) -> ListsCensus {
    index.census(&mut || Ok(())).unwrap()
}

/// Rows spread evenly, which have borders everywhere.
fn even(dims: usize, count: usize) -> Vec<Vec<f32>> {
    let mut draws = Draws(8);
    let mut row = || (0..dims).map(|_| draws.share() as f32).collect();
    (0..count).map(|_| row()).collect()
}

/// How many rows are in the list whose centre is nearest to them.
fn at_home<S: PageStore>(index: &ListIndex<'_, S>, rows: &[Vec<f32>]) -> usize {
    let probes = Probes::Fixed { first: 1, most: 1 };
    let found = (0..).zip(rows).filter(|(tid, row)| {
        let mut scan = index.scan(*row, probes).unwrap().unwrap();
        let mut near = std::iter::from_fn(|| scan.next_row().unwrap());
        near.any(|near| near.tid.place() == *tid)
    });
    found.count()
}

#[test]
fn rows_of_lists_that_grew_are_where_their_nearest_centre_is() {
    for form in [Some(Form::F16), None] {
        for metric in [Metric::L2, Metric::InnerProduct] {
            let kind = Kind {
                metric,
                dims: 4,
                ..kind(form, 12)
            };
            let rows = even(4, 4_000);
            let store = kind.build(&[]);
            let index = ListIndex::open(&store).unwrap();
            for (tid, row) in (0..).zip(&rows) {
                index.insert(row, Tid::at(tid)).unwrap();
                if tid % 250 == 249 {
                    tend(&index, |tid| rows.get(tid as usize).cloned()).unwrap();
                    vacuum(&index, |_| false).unwrap();
                }
            }
            let lists = check(&index, rows.len()).lists;
            assert!(lists.len() >= 8, "{lists:?}");
            // Inner products read the list with the largest product first, which is another one.
            if metric == Metric::L2 {
                let home = at_home(&index, &rows);
                assert!(home > rows.len() / 200 * 197, "{home} {form:?}");
            }
        }
    }
}

#[test]
fn a_budget_is_kept_and_what_is_left_is_done_later() {
    let kind = kind(Some(Form::Int8), 80);
    let rows = kind.rows(4, 10_000);
    let store = kind.build(&[]);
    let index = ListIndex::open(&store).unwrap();
    for (tid, row) in (0..).zip(&rows) {
        index.insert(row, Tid::at(tid)).unwrap();
    }
    let mut rounds = 0;
    loop {
        let tended = index.tend(1, &mut |_| Ok(None), &mut || Ok(())).unwrap();
        check(&index, rows.len());
        assert!(tended.split + tended.merged <= 1, "{tended:?}");
        assert!(tended.written <= rows.len() as u64, "{tended:?}");
        vacuum(&index, |_| false).unwrap();
        if !tended.more {
            break;
        }
        assert!(tended.written > 0);
        rounds += 1;
    }
    assert!(rounds > 2, "{rounds}");
    let nothing = tend(&index, never).unwrap();
    assert_eq!((nothing.split, nothing.written), (0, 0));
}

#[test]
fn an_end_at_any_moment_loses_no_row() {
    let kind = kind(Some(Form::Int8), 6);
    let rows = kind.rows(4, 1_500);
    for polls in (0..).step_by(173) {
        let store = kind.build(&[]);
        let index = ListIndex::open(&store).unwrap();
        for (tid, row) in (0..).zip(&rows) {
            index.insert(row, Tid::at(tid)).unwrap();
        }
        let left = Cell::<u64>::new(polls);
        let poll = &mut || {
            let one_less = left.get().checked_sub(1).ok_or(Error::Cancelled)?;
            left.set(one_less);
            Ok(())
        };
        let tended = index.tend(u64::MAX, &mut |_| Ok(None), poll);
        check(&index, rows.len());
        for (tid, row) in (5_000..).zip(&rows[..200]) {
            index.insert(row, Tid::at(tid)).unwrap();
        }
        tend(&index, never).unwrap();
        vacuum(&index, |tid| tid >= 5_000).unwrap();
        vacuum(&index, |_| false).unwrap();
        let report = check(&index, rows.len());
        assert_eq!(report.unused, 0);
        if tended.is_ok() {
            assert!(polls > 1_000, "{polls}");
            return;
        }
    }
}

#[test]
fn rows_that_the_table_does_not_show_stay_where_they_are_found() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let kind = Kind {
            metric,
            dims: 64,
            ..kind(None, 30)
        };
        let rows: BTreeMap<u64, Vec<f32>> = (0..).zip(kind.rows(4, 3_000)).collect();
        let store = kind.build(&[]);
        let index = ListIndex::open(&store).unwrap();
        for (tid, row) in &rows {
            index.insert(row, Tid::at(*tid)).unwrap();
        }
        assert_eq!(tend(&index, |_| None).unwrap().split, 0);
        let shown = |tid: u64| rows.get(&tid).filter(|_| !tid.is_multiple_of(3)).cloned();
        let tended = tend(&index, shown).unwrap();
        assert!(tended.split > 0 && check(&index, rows.len()).lists.len() > 4);
        for at in [0, 3, 4, 5] {
            compare(&kind, &index, &rows, &rows[&at]);
        }
        // They are in the list that they were in, and leave it when the table shows them.
        let before = check(&index, rows.len()).lists;
        assert!(before.contains(&1_000), "{before:?}");
        let again = tend(&index, |tid| rows.get(&tid).cloned()).unwrap();
        assert!(again.split >= 1, "{again:?}");
        let after = check(&index, rows.len()).lists;
        assert!(after.iter().all(|list| *list < 1_000), "{after:?}");
        compare(&kind, &index, &rows, &rows[&3]);
    }
}

#[test]
fn a_value_of_another_size_is_an_error() {
    let kind = kind(None, 8);
    let store = kind.build(&[]);
    let index = ListIndex::open(&store).unwrap();
    for (tid, row) in (0..).zip(kind.rows(4, 2_000)) {
        index.insert(&row, Tid::at(tid)).unwrap();
    }
    let error = tend(&index, |_| Some(vec![1.0; 3])).unwrap_err();
    assert!(matches!(error, Error::Dimensions { .. }), "{error}");
    check(&index, 2_000);
}

/// Rows that come and go from place to place, so that lists are split and merged all the time.
fn wander<S: PageStore>(index: &ListIndex<'_, S>, kind: &Kind, rounds: Range<u64>) {
    for round in rounds {
        let place = f32::from((round % 5) as u8);
        for (tid, row) in (round * 10_000..).zip(kind.rows(round, 2_000)) {
            let row: Vec<f32> = row.iter().map(|x| x + 5.0 * place).collect();
            index.insert(&row, Tid::at(tid)).unwrap();
        }
        vacuum(index, |tid| tid + 20_000 < (round + 1) * 10_000).unwrap();
        tend(index, never).unwrap();
        vacuum(index, |_| false).unwrap();
    }
}

#[test]
fn lanes_and_pages_of_lists_that_are_gone_are_used_again() {
    let kind = kind(Some(Form::Int8), 40);
    let store = kind.build(&[]);
    let index = ListIndex::open(&store).unwrap();
    wander(&index, &kind, 0..10);
    let before = (census(&index), store.len());
    wander(&index, &kind, 10..40);
    let after = (census(&index), store.len());
    check(&index, 4_000);
    assert!(
        after.0.directory <= before.0.directory + 1,
        "{after:?} {before:?}"
    );
    assert!(after.1 <= before.1 * 5 / 4, "{after:?} {before:?}");
    assert!(after.0.lists <= 40, "{after:?}");
}

/// Pages whose scans are never gone.
struct Watched(MemoryStore, AtomicBool);

impl PageStore for Watched {
    type Guard<'a> = <MemoryStore as PageStore>::Guard<'a>;
    type Change<'a> = <MemoryStore as PageStore>::Change<'a>;
    type Writer<'a> = <MemoryStore as PageStore>::Writer<'a>;

    fn blocks(&self) -> Result<u32, PageError> {
        self.0.blocks()
    }

    fn read(&self, block: u32) -> Result<Self::Guard<'_>, PageError> {
        self.0.read(block)
    }

    fn prefetch(&self, _: u32, _: Range<usize>) {}

    fn change(&self) -> Self::Change<'_> {
        self.0.change()
    }

    fn writer(&self) -> Self::Writer<'_> {
        self.0.writer()
    }

    fn wait_for_writers(&self) {
        self.0.wait_for_writers();
    }

    fn is_past(&self, _: u64) -> bool {
        !self.1.load(Ordering::SeqCst)
    }
}

#[test]
fn a_scan_reads_the_lists_of_its_beginning_however_often_they_change() {
    let kind = kind(Some(Form::Int8), 40);
    let store = Watched(kind.build(&[]), AtomicBool::new(false));
    let index = ListIndex::open(&store).unwrap();
    wander(&index, &kind, 0..3);
    let rows = kind.rows(2, 2_000);
    let wanted = all(&index, &rows[0]);
    let mut scan = index
        .scan(&rows[0], Probes::Fixed { first: 1, most: 60 })
        .unwrap()
        .unwrap();
    let first = scan.next_row().unwrap().unwrap().tid.place();
    store.1.store(true, Ordering::SeqCst);
    // The same rows are deleted for nobody, and lists go on being split and merged.
    for round in 3..8_u64 {
        let place = f32::from((round % 5) as u8);
        for (tid, row) in (round * 10_000..).zip(kind.rows(round, 1_500)) {
            let row: Vec<f32> = row.iter().map(|x| x + 5.0 * place).collect();
            index.insert(&row, Tid::at(tid)).unwrap();
        }
        tend(&index, never).unwrap();
        assert_eq!(vacuum(&index, |_| false).unwrap(), 0);
    }
    let mut found: Vec<u64> = std::iter::from_fn(|| scan.next_row().unwrap())
        .map(|row| row.tid.place())
        .chain([first])
        .collect();
    found.sort_unstable();
    let given = found.len();
    found.dedup();
    assert_eq!(given, found.len());
    let missing = wanted
        .iter()
        .filter(|tid| found.binary_search(tid).is_err());
    assert_eq!(missing.count(), 0);
    drop(scan);
    store.1.store(false, Ordering::SeqCst);
    vacuum(&index, |_| false).unwrap();
    let report = index.check().unwrap();
    assert_eq!((report.problems, report.unused), (Vec::new(), 0));
}

#[test]
fn lists_that_have_lost_their_rows_are_merged() {
    let kind = kind(Some(Form::Int8), 0);
    let rows: Vec<(u64, Vec<f32>)> = (0..).zip(kind.rows(4, 6_000)).collect();
    let store = kind.build(&rows);
    let index = ListIndex::open(&store).unwrap();
    let before = census(&index);
    assert_eq!(before.rows, 6_000);
    assert!((140..=154).contains(&before.lists), "{before:?}");
    vacuum(&index, |tid| tid % 50 != 0).unwrap();
    let tended = tend(&index, never).unwrap();
    let after = census(&index);
    assert!(
        after.lists < 12 && tended.merged == before.lists - after.lists,
        "{after:?}"
    );
    let left: BTreeMap<u64, Vec<f32>> = rows.into_iter().filter(|(tid, _)| tid % 50 == 0).collect();
    check(&index, left.len());
    compare(&kind, &index, &left, &left[&50]);
}

/// Each vacuum wrote nine lists anew for every short one whose rows have no values that can be read, and moved no row.
#[test]
fn short_lists_without_values_are_left_alone() {
    let kind = kind(None, 0);
    let rows: Vec<(u64, Vec<f32>)> = (0..).zip(kind.rows(4, 6_000)).collect();
    let store = kind.build(&rows);
    let index = ListIndex::open(&store).unwrap();
    vacuum(&index, |tid| tid % 50 != 0).unwrap();
    // Lists without any row end.
    for _ in 0..2 {
        assert_eq!(tend(&index, |_| None).unwrap().written, 0);
    }
    let before = (store.logged().bytes, census(&index).lists);
    assert_eq!(tend(&index, |_| None).unwrap(), Tended::default());
    assert_eq!((store.logged().bytes, census(&index).lists), before);
    let value = |tid: u64| Some(rows[usize::try_from(tid).unwrap()].1.clone());
    let tended = tend(&index, value).unwrap();
    assert!(tended.merged > 20, "{tended:?}");
    check(&index, 120);
}

#[test]
fn a_vacuum_without_dead_rows_writes_nothing() {
    let kind = kind(Some(Form::Int8), 9);
    let rows: Vec<(u64, Vec<f32>)> = (0..).zip(kind.rows(4, 1_000)).collect();
    let store = kind.build(&rows);
    let index = ListIndex::open(&store).unwrap();
    let before = store.logged();
    let mut polls = 0;
    let poll = &mut || {
        polls += 1;
        Ok(())
    };
    index.vacuum(&mut |_| false, poll).unwrap();
    assert!(store.logged() == before && polls >= 9, "{polls}");
    // With dead rows it is asked for each row that is written anew.
    let mut polls = 0;
    let poll = &mut || {
        polls += 1;
        Ok(())
    };
    index.vacuum(&mut |tid| tid.place() % 2 == 0, poll).unwrap();
    assert!(polls > 500, "{polls}");
}

#[test]
fn the_census_counts_lists_and_tells_drift() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for (form, directions) in [(Some(Form::Int8), 0), (None, 0), (Some(Form::Int8), 16)] {
            let kind = Kind {
                metric,
                directions,
                ..kind(form, 20)
            };
            let rows: Vec<(u64, Vec<f32>)> = (0..).zip(kind.rows(4, 3_000)).collect();
            let store = kind.build(&rows);
            let index = ListIndex::open(&store).unwrap();
            let census = |removed: u64| {
                let census = census(&index);
                let report = check(&index, 3_000 - removed as usize);
                let mut sizes = report.lists;
                sizes.sort_unstable();
                assert_eq!((census.least, census.largest), (sizes[0], sizes[19]));
                assert_eq!((census.lists, census.median), (20, sizes[10]));
                assert_eq!((census.dead, census.rows), (report.dead, report.rows));
                assert_eq!((census.built, census.left), (3_000, 0));
                census
            };
            let before = census(0);
            let drift = before.drift.unwrap();
            assert!((0.97..1.03).contains(&drift), "{drift} {kind:?}");
            assert!(before.trained >= 64 * 20 && before.trained <= 3_000);
            let removed = vacuum(&index, |tid| tid % 7 == 0).unwrap();
            assert_eq!(census(removed).dead, removed);
            for (tid, row) in (0..3_000).step_by(7).zip(&rows) {
                let row: Vec<f32> = row
                    .1
                    .iter()
                    .zip(1_u16..)
                    .map(|(x, i)| x + f32::from(i % 2))
                    .collect();
                index.insert(&row, Tid::at(tid)).unwrap();
            }
            let drift = census(0).drift.unwrap();
            assert!(drift > 1.03, "{drift} {kind:?}");
        }
    }
    let empty = kind(None, 0).build(&[]);
    let index = ListIndex::open(&empty).unwrap();
    let census = census(&index);
    assert_eq!((census.lists, census.rows, census.drift), (1, 0, None));
}
