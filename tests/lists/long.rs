//! Long codes of two to seven bits an element, beside a model.

use std::collections::BTreeMap;

use vector_ext::index::Tid;
use vector_ext::ivf::{ListIndex, ListsOptions, LongForm, Metric};
use vector_ext::page::PageStore;

use crate::support::{ALL, Kind, check, nearest, tend, vacuum};

/// The share of distances that are within their doubts, and of the nearest ten that are found.
struct Shares {
    certain: f64,
    found: f64,
}

fn shares<S: PageStore>(
    kind: &Kind,
    index: &ListIndex<'_, S>,
    model: &BTreeMap<u64, Vec<f32>>,
    queries: &[&Vec<f32>],
) -> Shares {
    let (mut certain, mut rows, mut hits) = (0_u32, 0_u32, 0_u32);
    let mut wanted = 0_u32;
    for query in queries {
        let exact = |tid: u64| kind.distance(query, &model[&tid]);
        let mut scan = index.scan(*query, ALL).unwrap().unwrap();
        let mut tids = Vec::new();
        while let Some(row) = scan.next_row().unwrap() {
            let off = (f64::from(row.distance) - exact(row.tid.place())).abs();
            certain += u32::from(off <= f64::from(row.doubt));
            rows += 1;
            tids.push(row.tid.place());
        }
        tids.sort_unstable();
        assert!(
            tids.iter().eq(model.keys()),
            "{} of {}",
            tids.len(),
            model.len()
        );
        let mut truth: Vec<(f64, u64)> = model.keys().map(|tid| (exact(*tid), *tid)).collect();
        truth.sort_by(|a, b| a.0.total_cmp(&b.0));
        let found = nearest(index, *query, 10, exact);
        let right = truth[..10].iter().map(|row| found.contains(&row.1));
        hits += right.map(u32::from).sum::<u32>();
        wanted += 10;
    }
    Shares {
        certain: f64::from(certain) / f64::from(rows),
        found: f64::from(hits) / f64::from(wanted),
    }
}

#[test]
fn distances_are_within_their_doubts_and_the_nearest_are_found() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for dims in [3, 24, 400] {
            for bits in 2..=7 {
                let kind = Kind {
                    metric,
                    dims,
                    lists: 5,
                    form: None,
                    directions: 0,
                };
                let options = ListsOptions {
                    form: LongForm::of_bits(bits),
                    ..kind.options()
                };
                // Far from the origin, where a code of the vector itself would tell little.
                let away = |row: &Vec<f32>| row.iter().map(|x| x + 2.0).collect();
                let rows = kind.rows(7, 600);
                let rows: Vec<(u64, Vec<f32>)> = (0..).zip(rows.iter().map(away)).collect();
                let store = kind.build_with(&rows[..500], &options);
                let index = ListIndex::open(&store).unwrap();
                for (tid, row) in &rows[500..] {
                    assert!(index.insert(row, Tid::at(*tid)).unwrap());
                }
                check(&index, 600);
                let model: BTreeMap<u64, Vec<f32>> = rows.iter().cloned().collect();
                let queries: Vec<&Vec<f32>> = rows.iter().step_by(60).map(|row| &row.1).collect();
                let Shares { certain, found } = shares(&kind, &index, &model, &queries);
                let what = format!("{metric:?} {dims} dimensions, {bits} bits");
                assert!(certain >= 0.999, "{what}: {certain}");
                assert!(found >= 0.97, "{what}: {found}");
            }
        }
    }
}

#[test]
fn lists_are_split_by_what_packed_codes_tell() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for (dims, bits) in [(24, 2), (24, 5), (400, 2), (400, 4)] {
            let kind = Kind {
                metric,
                dims,
                lists: 12,
                form: None,
                directions: 0,
            };
            let options = ListsOptions {
                form: LongForm::of_bits(bits),
                ..kind.options()
            };
            let store = kind.build_with(&[], &options);
            let index = ListIndex::open(&store).unwrap();
            let rows: Vec<(u64, Vec<f32>)> = (0..).zip(kind.rows(8, 1_500)).collect();
            for (tid, row) in &rows {
                assert!(index.insert(row, Tid::at(*tid)).unwrap());
                if tid % 500 == 499 {
                    tend(&index, |_| None).unwrap();
                    vacuum(&index, |_| false).unwrap();
                }
            }
            assert!(check(&index, rows.len()).lists.len() > 2);
            let model: BTreeMap<u64, Vec<f32>> = rows.iter().cloned().collect();
            let queries: Vec<&Vec<f32>> = rows.iter().step_by(150).map(|row| &row.1).collect();
            let Shares { certain, found } = shares(&kind, &index, &model, &queries);
            let what = format!("{metric:?} {dims} dimensions, {bits} bits");
            assert!(certain >= 0.999, "{what}: {certain}");
            assert!(found >= 0.95, "{what}: {found}");
        }
    }
}
