//! Codes of fewer directions than dimensions: bounds by them hold, and what cannot be learned is random.

use vector_ext::bulk::Progress;
use vector_ext::cluster::Draws;
use vector_ext::index::{Error, Tid};
use vector_ext::ivf::{Form, ListIndex, ListsBuilder, Metric, build_into};
use vector_ext::page::{self, Change, MemoryStore, PageError, PageStore};

use crate::support::{ALL, Kind, resources};

const DIMS: usize = 160;

/// Rows around some places, whose coordinate `i` varies by `1 / (1 + i / 12)` around them.
fn rows(seed: u64, count: usize) -> Vec<Vec<f32>> {
    let mut draws = Draws(seed);
    let normal = |draws: &mut Draws| (0..4).map(|_| draws.share() - 0.5).sum::<f64>() as f32;
    let rows = (0..count).map(|_| {
        let mut centre = Draws(draws.draw() % 20);
        let of = |i: usize| 1.0 / (1.0 + i as f32 / 12.0);
        (0..DIMS)
            .map(|i| of(i) * (normal(&mut centre) + normal(&mut draws)) + 0.1)
            .collect()
    });
    rows.collect()
}

fn kind(metric: Metric, form: Option<Form>, directions: u32) -> Kind {
    Kind {
        metric,
        dims: DIMS,
        lists: 24,
        form,
        directions,
    }
}

/// The share of the ten nearest rows that come before bounds end a scan of all lists, and how many rows come.
fn recall(kind: &Kind, store: &MemoryStore, rows: &[Vec<f32>], queries: &[Vec<f32>]) -> [f64; 2] {
    let index = ListIndex::open(store).unwrap();
    let (mut found, mut given) = (0, 0);
    for query in queries {
        let far = |row: &Vec<f32>| kind.distance(query, row);
        let mut truth: Vec<f64> = rows.iter().map(far).collect();
        truth.sort_unstable_by(f64::total_cmp);
        let (mut scan, mut nearest) = (index.scan(query, ALL).unwrap().unwrap(), Vec::new());
        while let Some(row) = scan.next_row().unwrap() {
            let tenth = nearest.get(9).copied().unwrap_or(f64::INFINITY);
            if f64::from(row.distance - row.doubt) > tenth {
                break;
            }
            given += 1;
            nearest.push(far(&rows[usize::try_from(row.tid.place()).unwrap()]));
            nearest.sort_unstable_by(f64::total_cmp);
        }
        let right = nearest.iter().take(10);
        found += right.filter(|far| **far <= truth[9] + 1e-9).count();
    }
    let queries = queries.len() as f64;
    [found as f64 / 10.0 / queries, f64::from(given) / queries]
}

#[test]
fn bounds_by_few_directions_lose_no_more_rows_than_others() {
    let rows = rows(1, 4_000);
    let numbered: Vec<(u64, Vec<f32>)> = (0..).zip(rows.iter().cloned()).collect();
    let mut draws = Draws(9);
    // Near a row, nearly at one, and as rows are.
    let mut queries = self::rows(2, 60);
    for (row, noise) in (0..)
        .step_by(67)
        .zip([0.02, 0.3].into_iter().cycle())
        .take(60)
    {
        let near = |x: &f32| x + noise * (draws.share() as f32 - 0.5);
        queries.push(numbered[row].1.iter().map(near).collect());
    }
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let mut fetched = Vec::new();
        for directions in [0, 96, 48, 20] {
            let kind = kind(metric, None, directions);
            let store = kind.build(&numbered);
            let expected = (directions > 0).then(|| directions.next_multiple_of(16) as usize);
            let index = ListIndex::open(&store).unwrap();
            assert_eq!(index.principal_directions(), expected);
            let [recall, given] = recall(&kind, &store, &rows, &queries);
            assert!(recall >= 0.99, "{metric:?} {directions}: {recall}");
            fetched.push(given);
        }
        // Fewer directions tell less, but still most of what there is to tell.
        assert!(fetched.is_sorted(), "{metric:?} {fetched:?}");
        assert!(fetched[3] < 1_500.0, "{metric:?} {fetched:?}");
    }
}

#[test]
fn directions_are_random_where_rows_or_memory_are_few() {
    let rows = rows(3, 2_000);
    for (count, budget, expected) in [
        (0, 1 << 30, None),
        (90, 1 << 30, None),
        (2_000, 1 << 30, Some(48)),
        // Half of it holds 81 rows, with the directions 96 more.
        (2_000, 177 * 2 * 4 * DIMS, None),
    ] {
        let kind = kind(Metric::L2, Some(Form::Int8), 48);
        let mut builder = ListsBuilder::new(DIMS, Metric::L2, &kind.options(), resources(budget));
        for (tid, row) in (0..).zip(&rows[..count]) {
            builder.push(row, Tid::at(tid)).unwrap();
        }
        let store = MemoryStore::new();
        build_into(builder, &store, &Progress::default()).unwrap();
        let index = ListIndex::open(&store).unwrap();
        assert_eq!(index.principal_directions(), expected, "{count} {budget}");
        for (tid, row) in (5_000..).zip(&rows[..200]) {
            index.insert(row, Tid::at(tid)).unwrap();
        }
        crate::support::check(&index, count + 200);
        let found = crate::support::all(&index, &rows[7]);
        assert_eq!(found.len(), count + 200);
        assert!(found[..2].contains(&5_007), "{:?}", &found[..2]);
    }
}

#[test]
fn directions_that_are_no_numbers_are_an_error() {
    let kind = kind(Metric::Cosine, Some(Form::Int8), 32);
    let numbered: Vec<(u64, Vec<f32>)> = (0..).zip(rows(4, 500)).collect();
    let store = kind.build(&numbered);
    // The mean has one page.
    let mut change = store.change();
    let content = page::content_mut(change.page(2).unwrap());
    content[100..102].copy_from_slice(&[0xFF; 2]);
    change.commit().unwrap();
    let opened = ListIndex::open(&store).map(|_| ());
    assert!(
        matches!(
            opened,
            Err(Error::Page(PageError::Corrupt { block: 2, .. }))
        ),
        "{opened:?}"
    );
}
