//! Scans that end before all rows were given: their nodes are used up, or they have come past the distance up to which
//! rows are wanted.

use std::collections::BTreeSet;

use vector_ext::hnsw::{Index, Metric, Row, Scan, Space};
use vector_ext::index::Continue;

use crate::support::{Random, build, options};

const DIMS: usize = 8;
const ROWS: u64 = 4_000;

fn rows(random: &mut Random) -> Vec<(u64, Vec<f32>)> {
    (0..ROWS).map(|i| (i, random.vector(DIMS, 60))).collect()
}

fn all<S: vector_ext::page::PageStore, V: Space>(scan: &mut Scan<'_, '_, S, V>) -> Vec<Row> {
    std::iter::from_fn(|| scan.next_row().unwrap()).collect()
}

fn tids(rows: &[Row]) -> BTreeSet<u64> {
    rows.iter().map(|row| row.tid.place()).collect()
}

#[test]
fn a_scan_that_has_used_up_its_nodes_gives_what_it_has_found() {
    let mut random = Random(51);
    let store = build(Metric::L2, &rows(&mut random), &options(8));
    let index = Index::open(&store, &options(8)).unwrap();
    let query = random.vector(DIMS, 60);
    for go_on in [Continue::Strict, Continue::Relaxed] {
        for budget in [1, 500, 2_000] {
            let mut scan = index.scan(&query, 40, go_on).unwrap().unwrap();
            scan.limit_nodes(budget);
            let given = all(&mut scan);
            let read = scan.nodes_read() as usize;
            assert_eq!(tids(&given).len(), given.len());
            // All but the nodes above the ground.
            assert!(given.len() + 12 >= read, "{} of {read}", given.len());
            assert!(read <= budget.max(70) as usize, "{read} of {budget}");
            let back = given
                .windows(2)
                .filter(|two| two[1].distance < two[0].distance)
                .count();
            assert!(go_on == Continue::Relaxed || back <= 1, "{back}");
        }
        let mut scan = index.scan(&query, 40, go_on).unwrap().unwrap();
        scan.limit_nodes(2 * ROWS);
        assert_eq!(all(&mut scan).len(), ROWS as usize);
    }
}

/// Memory runs out first, so that it reads the slots in order, until it has used up its nodes.
#[test]
fn a_sweep_ends_with_its_nodes_as_well() {
    let mut random = Random(53);
    let store = build(Metric::L2, &rows(&mut random), &options(8));
    let index = Index::open(&store, &options(8)).unwrap();
    let query = random.vector(DIMS, 60);
    for go_on in [Continue::Strict, Continue::Relaxed] {
        let mut scan = index.scan(&query, 40, go_on).unwrap().unwrap();
        scan.limit_memory(0);
        scan.limit_nodes(3_000);
        let given = all(&mut scan);
        assert!(scan.nodes_read() <= 3_000, "{}", scan.nodes_read());
        assert_eq!(tids(&given).len(), given.len());
        assert!(given.len() > 1_000, "{}", given.len());
    }
}

/// A scan with a limit gives what one without would give before the first row beyond, reads little more, and leaves
/// out no row that is as near.
#[test]
fn a_scan_ends_when_it_has_come_past_the_distance_that_is_wanted() {
    let mut random = Random(57);
    let rows = rows(&mut random);
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let store = build(metric, &rows, &options(8));
        let index = Index::open(&store, &options(8)).unwrap();
        for go_on in [Continue::Strict, Continue::Relaxed, Continue::Never] {
            for wanted in [0, 1, 5, 60, 700] {
                let query = random.vector(DIMS, 60);
                let mut free = index.scan(&query, 40, go_on).unwrap().unwrap();
                let first: Vec<Row> = std::iter::from_fn(|| free.next_row().unwrap())
                    .take(wanted + 1)
                    .collect();
                let spent = free.nodes_read();
                let Some(farthest) = first.get(wanted) else {
                    assert!(go_on == Continue::Never && wanted > 40);
                    continue;
                };
                let limit = (farthest.distance - farthest.doubt).next_down();
                let before = first
                    .iter()
                    .take_while(|row| row.distance - row.doubt <= limit);
                let before: Vec<Row> = before.copied().collect();

                let mut scan = index.scan(&query, 40, go_on).unwrap().unwrap();
                scan.limit_distance(limit);
                let given = all(&mut scan);
                assert!(given.iter().all(|row| row.distance - row.doubt <= limit));
                assert!(tids(&given).is_superset(&tids(&before)));
                let most = 2 * spent + 100;
                assert!(scan.nodes_read() < most, "{} of {most}", scan.nodes_read());
                assert!(!scan.is_ready() && scan.next_row().unwrap().is_none());
            }
        }
    }
}

#[test]
fn a_scan_for_which_nothing_is_near_enough_ends_with_its_first_walk() {
    let mut random = Random(59);
    let store = build(Metric::L2, &rows(&mut random), &options(8));
    let index = Index::open(&store, &options(8)).unwrap();
    for limit in [-1.0, f32::NEG_INFINITY, 0.0] {
        let mut scan = index
            .scan(&random.vector(DIMS, 61), 40, Continue::Strict)
            .unwrap()
            .unwrap();
        scan.limit_distance(limit);
        assert_eq!(all(&mut scan).len(), 0);
        assert_eq!(scan.walks(), 1);
    }
}
