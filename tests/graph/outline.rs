//! Rows whose places are known, ranked by an outline, beside exact distances.

use std::collections::BTreeSet;
use std::rc::Rc;

use vector_ext::hnsw::{Grown, Index, Metric, Outline};
use vector_ext::index::{Error, Tid};
use vector_ext::page::PageStore;

use crate::huge;
use crate::kinds::{Coded, Kind, Taxi, Whole};
use crate::support::{Random, build, options, resources, vacuum};

/// Reads a whole index, `step` nodes at a time.
fn outline<S: PageStore, K: Kind>(index: &Index<'_, S, K::Space>, step: u64) -> Rc<Outline> {
    let mut growing = index.begin_outline().unwrap();
    loop {
        let growth = index.grow_outline(growing, step, &mut || Ok(())).unwrap();
        match growth.grown {
            Grown::Growing(more) => growing = more,
            Grown::Whole(outline) => return Rc::new(outline),
        }
    }
}

/// The order of rows by an outline, and those that are not in it.
fn rank<S: PageStore, K: Kind>(
    index: &Index<'_, S, K::Space>,
    outline: &Rc<Outline>,
    query: &K::Row,
    rows: impl IntoIterator<Item = u64>,
) -> (Vec<u64>, Vec<u64>, u64) {
    let tids: Vec<Tid> = rows.into_iter().map(Tid::at).collect();
    let ranked = index.rank(outline, K::value(query), &tids).unwrap();
    let mut ranked = ranked.unwrap();
    let (mut order, mut first) = (Vec::new(), 0);
    while let Some(row) = ranked.ranking.next_row().unwrap() {
        order.push(row.tid.place());
        if order.len() == 10 {
            first = ranked.ranking.reads();
        }
    }
    let unknown = ranked.unknown.into_iter().map(Tid::place).collect();
    (order, unknown, first)
}

/// All rows come, once, and the first are the nearest; few others are read for them.
fn assert_ranks<K: Kind>(kind: &K, count: u64) {
    let rows = kind.rows(5, count);
    let store = kind.build(&rows, resources(1));
    let index = kind.open(&store).unwrap();
    let outline = outline::<_, K>(&index, 100);
    assert_eq!(outline.rows() as u64, count);
    let queries = kind.rows(6, 20);
    let (mut hits, mut reads) = (0, 0);
    for (at, query) in &queries {
        let listed: BTreeSet<u64> = (0..count).filter(|id| id % 3 == at % 3).collect();
        let (order, unknown, first) =
            rank::<_, K>(&index, &outline, query, listed.iter().copied().rev());
        assert_eq!(unknown, []);
        assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), listed);
        assert_eq!(order.len(), listed.len());
        let mut truth: Vec<u64> = listed.into_iter().collect();
        let distance = |id: &u64| kind.distance(query, &rows[*id as usize].1);
        truth.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        hits += truth[..10]
            .iter()
            .filter(|id| order[..10].contains(id))
            .count();
        reads += first;
    }
    assert!(hits >= 198, "{kind:?}: {hits} of 200");
    assert!(reads < 20 * count / 6, "{kind:?}: {reads} nodes read");
}

#[test]
fn the_nearest_come_first() {
    for (metric, dims) in [
        (Metric::L2, 48),
        (Metric::Cosine, 48),
        (Metric::InnerProduct, 48),
        (Metric::L2, 3),
        (Metric::Cosine, 400),
        (Metric::InnerProduct, 130),
    ] {
        let m = 8;
        assert_ranks(&Coded { metric, dims, m }, 900);
    }
    let (metric, dims, m) = (Metric::L2, 48, 8);
    assert_ranks(&Whole(Coded { metric, dims, m }), 900);
}

/// Who wants rows up to a distance gets them all, and few nodes of others are read for them.
fn assert_limits<K: Kind>(kind: &K, count: u64) {
    let rows = kind.rows(5, count);
    let store = kind.build(&rows, resources(1));
    let index = kind.open(&store).unwrap();
    let outline = outline::<_, K>(&index, 100);
    let tids: Vec<Tid> = (0..count).map(Tid::at).collect();
    let (mut given, mut read) = (0, 0);
    for (_, query) in kind.rows(7, 20) {
        let ranked = || {
            index
                .rank(&outline, K::value(&query), &tids)
                .unwrap()
                .unwrap()
                .ranking
        };
        let mut ranking = ranked();
        let mut all = Vec::new();
        while let Some(row) = ranking.next_row().unwrap() {
            all.push(row);
        }
        all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let limit = f32::midpoint(all[29].distance, all[30].distance);
        let mut ranking = ranked();
        ranking.limit_distance(limit);
        let mut found = BTreeSet::new();
        while let Some(row) = ranking.next_row().unwrap() {
            assert!(found.insert(row.tid), "{kind:?}: twice");
        }
        assert!(
            all[..30].iter().all(|row| found.contains(&row.tid)),
            "{kind:?}"
        );
        given += found.len();
        read += ranking.reads();
    }
    assert!(
        read < 20 * count / 2,
        "{kind:?}: {given} rows, {read} nodes read"
    );
}

#[test]
fn no_row_within_a_threshold_is_left_out() {
    let m = 8;
    for (metric, dims) in [
        (Metric::L2, 48),
        (Metric::Cosine, 48),
        (Metric::InnerProduct, 48),
        (Metric::L2, 3),
        (Metric::Cosine, 400),
    ] {
        assert_limits(&Coded { metric, dims, m }, 900);
    }
}

#[test]
fn an_outline_is_the_same_whatever_the_portions() {
    let (metric, dims, m) = (Metric::L2, 20, 8);
    let kind = Coded { metric, dims, m };
    let rows = kind.rows(7, 300);
    let store = kind.build(&rows, resources(1));
    let index = kind.open(&store).unwrap();
    let query = &rows[0].1;
    let all = |step| {
        let outline = outline::<_, Coded>(&index, step);
        rank::<_, Coded>(&index, &outline, query, 0..300)
    };
    let whole = all(u64::MAX);
    for step in [1, 7, 100] {
        assert_eq!(all(step), whole);
    }
}

#[test]
fn who_ends_it_early_can_begin_again() {
    let rows = Coded {
        metric: Metric::L2,
        dims: 8,
        m: 8,
    }
    .rows(8, 100);
    let store = build(Metric::L2, &rows, &options(8));
    let index = Index::open(&store, &options(8)).unwrap();
    let mut left = 5;
    let mut poll = || {
        left -= 1;
        if left == 0 {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    };
    let growing = index.begin_outline().unwrap();
    assert!(index.grow_outline(growing, u64::MAX, &mut poll).is_err());
    assert_eq!(outline::<_, Coded>(&index, 9).rows(), 100);
}

/// A row that came later is unknown; equal rows are ranked each.
#[test]
fn rows_that_came_later_are_unknown() {
    let (metric, dims, m) = (Metric::L2, 12, 8);
    let kind = Coded { metric, dims, m };
    let mut rows = kind.rows(9, 200);
    for id in 200..260 {
        rows.push((id, rows[7].1.clone()));
    }
    let store = kind.build(&rows, resources(1));
    let index = kind.open(&store).unwrap();
    let outline = outline::<_, Coded>(&index, 50);
    for (id, row) in kind.rows(10, 40) {
        index.insert(&row, Tid::at(1_000 + id)).unwrap();
    }
    assert!(index.is_current(&outline).unwrap());
    let query = &rows[7].1;
    let (order, unknown, _) =
        rank::<_, Coded>(&index, &outline, query, (0..260).chain(1_000..1_040));
    assert_eq!(unknown, (1_000..1_040).collect::<Vec<_>>());
    assert_eq!(order.len(), 260);
    let first: BTreeSet<u64> = order[..61].iter().copied().collect();
    assert_eq!(first, (200..260).chain([7]).collect());
}

/// After a vacuum a place may be another row's, which lies elsewhere: as near as the query itself, here.
#[test]
fn a_vacuum_ends_an_outline_before_places_are_given_anew() {
    let (metric, dims, m) = (Metric::L2, 12, 8);
    let kind = Coded { metric, dims, m };
    let rows = kind.rows(11, 150);
    let store = kind.build(&rows, resources(1));
    let index = kind.open(&store).unwrap();
    let before = outline::<_, Coded>(&index, 50);
    let growing = index.begin_outline().unwrap();
    let growth = index.grow_outline(growing, 30, &mut || Ok(())).unwrap();
    let Grown::Growing(growing) = growth.grown else {
        panic!("that is too soon");
    };
    // Nothing that it removes; still others may have been removed by one that was cut short.
    assert_eq!(vacuum(&index, |_| false), 0);
    assert!(!index.is_current(&before).unwrap());
    assert_eq!(vacuum(&index, |id| id % 5 == 0), 30);
    let query = Random(3).vector(dims, 9);
    index.insert(&query, Tid::at(10)).unwrap();
    // What had begun before begins again.
    let growth = index.grow_outline(growing, u64::MAX, &mut || Ok(()));
    let Grown::Whole(after) = growth.unwrap().grown else {
        panic!("there is more to read");
    };
    assert!(index.is_current(&after).unwrap());
    let (order, unknown, _) = rank::<_, Coded>(&index, &Rc::new(after), &query, 0..150);
    assert_eq!((order[0], order.len(), unknown.len()), (10, 121, 29));
}

/// Of values without codes there is none.
#[test]
fn values_without_codes_have_no_outline() {
    let (form, dims, m) = (vector_ext::hnsw::Form::F16, 10, 8);
    let kind = Taxi { form, dims, m };
    let store = kind.build(&kind.rows(1, 20), resources(1));
    let index = kind.open(&store).unwrap();
    assert_eq!(index.outline_bytes().unwrap(), None);
    let outline = outline::<_, Taxi>(&index, 9);
    assert!(index.rank(&outline, &[1.0; 10], &[]).unwrap().is_none());
}

/// Where squares overflow, nothing is known before a node is read, and no row is lost.
#[test]
fn huge_values_are_ranked_and_none_is_lost() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let rows = huge::rows(130, 160);
        let store = build(metric, &rows, &options(8));
        let index = Index::open(&store, &options(8)).unwrap();
        let outline = outline::<_, Coded>(&index, 40);
        for (_, query) in rows.iter().step_by(13) {
            let (order, unknown, _) = rank::<_, Coded>(&index, &outline, query, 0..160);
            assert_eq!(unknown, []);
            assert_eq!(order.into_iter().collect::<BTreeSet<_>>().len(), 160);
        }
    }
}
