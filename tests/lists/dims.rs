//! All lists read, the nearest rows are found, whatever the dimensions and however far rows are from their mean: what
//! is estimated from few bits, or by a table whose steps are large, has bounds that say so.

use vector_ext::cluster::Draws;
use vector_ext::ivf::{Form, ListIndex, Metric};

use crate::support::{ALL, Kind};

/// The share of the ten nearest rows that a scan of all lists gives before its bounds end it.
fn recall(kind: &Kind, rows: &[Vec<f32>], queries: &[Vec<f32>]) -> f64 {
    let numbered: Vec<(u64, Vec<f32>)> = (0..).zip(rows.iter().cloned()).collect();
    let store = kind.build(&numbered);
    let index = ListIndex::open(&store).unwrap();
    let mut found = 0;
    for query in queries {
        let mut truth: Vec<f64> = rows.iter().map(|row| kind.distance(row, query)).collect();
        truth.sort_unstable_by(f64::total_cmp);
        let (mut scan, mut nearest) = (index.scan(query, ALL).unwrap().unwrap(), Vec::new());
        while let Some(row) = scan.next_row().unwrap() {
            let tenth = nearest.get(9).copied().unwrap_or(f64::INFINITY);
            if f64::from(row.distance - row.doubt) > tenth {
                break;
            }
            let place = usize::try_from(row.tid.place()).unwrap();
            nearest.push(kind.distance(&rows[place], query));
            nearest.sort_unstable_by(f64::total_cmp);
        }
        let farthest = truth[9] + 1e-9;
        found += nearest
            .iter()
            .take_while(|far| **far <= farthest)
            .count()
            .min(10);
    }
    found as f64 / (10 * queries.len()) as f64
}

fn uniform(draws: &mut Draws, dims: usize) -> Vec<f32> {
    (0..dims).map(|_| draws.share() as f32 - 0.5).collect()
}

#[test]
fn the_nearest_are_found_whatever_the_dimensions() {
    for dims in [1, 2, 3, 8, 16, 32, 100] {
        for form in [Some(Form::Int8), None] {
            let kind = Kind {
                metric: Metric::L2,
                dims,
                lists: 70,
                form,
                directions: 0,
            };
            let mut draws = Draws(dims as u64);
            let rows: Vec<Vec<f32>> = (0..5_000).map(|_| uniform(&mut draws, dims)).collect();
            let queries: Vec<Vec<f32>> = (0..50).map(|_| uniform(&mut draws, dims)).collect();
            let recall = recall(&kind, &rows, &queries);
            assert!(recall >= 0.995, "{dims} {form:?}: {recall}");
        }
    }
}

#[test]
fn the_nearest_are_found_however_far_they_are_from_the_mean() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        for apart in [1.0, 30.0, 1_000.0] {
            let kind = Kind {
                metric,
                dims: 96,
                lists: 20,
                form: Some(Form::F32),
                directions: 0,
            };
            let mut draws = Draws(5);
            let mut rows: Vec<Vec<f32>> = Vec::new();
            for _ in 0..20 {
                let centre = uniform(&mut draws, 96);
                for _ in 0..100 {
                    let row = uniform(&mut draws, 96);
                    let moved = centre.iter().zip(row).map(|(c, x)| apart * c + x);
                    rows.push(moved.collect());
                }
            }
            let queries: Vec<Vec<f32>> = rows.iter().step_by(53).cloned().collect();
            let recall = recall(&kind, &rows, &queries);
            assert!(recall >= 0.999, "{metric:?} {apart}: {recall}");
        }
    }
}

#[test]
fn a_row_that_overflows_hides_no_other() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        for (lists, directions) in [(1, 0), (4, 0), (4, 2)] {
            let kind = Kind {
                metric,
                dims: 3,
                lists,
                form: Some(Form::Int8),
                directions,
            };
            let row = |i: u64| vec![i as f32, (i % 7) as f32, (i % 5) as f32];
            for long in [1e19_f32, 1e30, 3e38, -3e38] {
                let mut rows: Vec<(u64, Vec<f32>)> = (0..60).map(|i| (i, row(i))).collect();
                rows.push((60, vec![long, 0.0, 0.0]));
                let store = kind.build(&rows);
                let index = ListIndex::open(&store).unwrap();
                let mut found = crate::support::all(&index, &[1.0, 2.0, 3.0]);
                found.sort_unstable();
                assert_eq!(
                    found,
                    (0..61).collect::<Vec<_>>(),
                    "{metric:?} {lists} {long}"
                );
            }
        }
    }
}
