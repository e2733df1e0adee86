//! Searches: what they find, and what that costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vector_ext::distance::simd::kernels;
use vector_ext::index::Tid;
use vector_ext::ivf::{ListIndex, ListsScan, Probes, TidSet};
use vector_ext::page::MemoryStore;

use crate::support::Result;
use crate::{Arguments, Set};

/// Nearest rows asked for, where nothing else is said.
const K: usize = 10;

/// Sums over all questions.
#[derive(Default)]
struct Sums {
    questions: usize,
    hits: u64,
    lists: u64,
    estimated: u64,
    measured: u64,
    pages: u64,
    fetched: u64,
}

/// How all questions are asked.
struct Asked {
    name: String,
    /// Nearest rows asked for.
    rows: usize,
    probes: Probes,
    /// Rows that are looked among; all where there is no set.
    among: Option<Arc<TidSet>>,
}

impl Asked {
    fn all(arguments: &Arguments, set: &Set) -> Result<Vec<Self>> {
        let fixed = |first, most| Probes::Fixed { first, most };
        let mut all: Vec<Self> = arguments
            .probes
            .iter()
            .map(|probes| Self {
                name: format!("{probes} lists"),
                rows: K,
                probes: fixed(*probes, *probes),
                among: None,
            })
            .collect();
        for recall in &arguments.recalls {
            all.extend([1, K, 100].map(|rows| Self {
                name: format!("recall {recall} of {rows} rows"),
                rows,
                probes: Probes::Chosen {
                    recall: *recall,
                    wanted: Some(rows),
                    most: usize::MAX,
                },
                among: None,
            }));
        }
        for count in &arguments.among {
            let every = (set.base.rows().len() / (*count).max(1)).max(1);
            let tids: Vec<Tid> = (0..).map(Tid::at).step_by(every).take(*count).collect();
            all.push(Self {
                name: format!("64 lists, among {count} rows"),
                rows: K,
                probes: fixed(64, usize::MAX),
                among: Some(Arc::new(TidSet::new(&tids)?)),
            });
        }
        Ok(all)
    }
}

/// A question, and its nearest rows.
type Question<'s> = (&'s [f32], Vec<u64>);

/// All questions. Where only some rows are looked among, their nearest are found by measuring each.
fn questions<'s>(set: &'s Set, asked: &Asked) -> Vec<Question<'s>> {
    let all = set.queries.rows().zip(set.truth.rows());
    all.map(|(query, truth)| {
        let Some(among) = &asked.among else {
            let truth = truth.iter().take(asked.rows);
            return (
                query,
                truth.map(|row| u64::from(row.unsigned_abs())).collect(),
            );
        };
        let rows = set.rows().filter(|(tid, _)| among.contains(*tid));
        let far = |row: &[f32]| (kernels().l2_squared)(query, row);
        let mut rows: Vec<(f32, u64)> = rows.map(|(tid, row)| (far(row), tid.place())).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let nearest = rows.into_iter().take(asked.rows);
        (query, nearest.map(|(_, place)| place).collect())
    })
    .collect()
}

/// The table of all searches that were asked for.
pub fn print(set: &Set, arguments: &Arguments, index: &ListIndex<'_, MemoryStore>) -> Result<()> {
    println!(
        "| search | recall | lists | rows scored | by long codes | fetched | pages | us |\n|---|---|---|---|---|---|---|---|"
    );
    for asked in Asked::all(arguments, set)? {
        let questions = questions(set, &asked);
        let (mut sums, mut fastest) = (Sums::default(), Duration::MAX);
        for _ in 0..arguments.rounds.max(1) {
            let began = Instant::now();
            sums = Sums::default();
            for (query, truth) in &questions {
                let scan = match &asked.among {
                    None => index.scan(*query, asked.probes)?,
                    Some(rows) => index.scan_among(*query, Arc::clone(rows), asked.probes)?,
                };
                if let Some(mut scan) = scan {
                    search(set, &mut scan, (query, truth), &mut sums)?;
                }
            }
            fastest = fastest.min(began.elapsed());
        }
        let each = |sum: u64| sum as f64 / sums.questions.max(1) as f64;
        println!(
            "| {} | {:.4} | {:.0} | {:.0} | {:.1} | {:.1} | {:.0} | {:.0} |",
            asked.name,
            each(sums.hits) / asked.rows as f64,
            each(sums.lists),
            each(sums.estimated),
            each(sums.measured),
            each(sums.fetched),
            each(sums.pages),
            fastest.as_secs_f64() * 1e6 / sums.questions.max(1) as f64
        );
    }
    Ok(())
}

/// Takes rows until no other can be among the nearest, and measures them as the access method would: by their values.
fn search(
    set: &Set,
    scan: &mut ListsScan<'_, '_, MemoryStore>,
    (query, truth): (&[f32], &[u64]),
    sums: &mut Sums,
) -> Result<()> {
    let rows = truth.len();
    let mut nearest: Vec<(f32, u64)> = Vec::with_capacity(rows + 1);
    while let Some(row) = scan.next_row()? {
        let farthest = nearest.get(rows - 1).map_or(f32::INFINITY, |row| row.0);
        if row.distance - row.doubt > farthest {
            break;
        }
        sums.fetched += 1;
        let place = row.tid.place();
        let value = set.base.rows().nth(usize::try_from(place)?);
        let distance = (kernels().l2_squared)(query, value.ok_or("a row that is not there")?);
        let at = nearest.partition_point(|(nearer, _)| *nearer <= distance);
        nearest.insert(at, (distance, place));
        nearest.truncate(rows);
    }
    let found = nearest.iter().filter(|(_, place)| truth.contains(place));
    sums.hits += found.count() as u64;
    let cost = scan.cost();
    sums.questions += 1;
    sums.lists += cost.lists;
    sums.estimated += cost.estimated;
    sums.measured += cost.measured;
    sums.pages += cost.pages;
    Ok(())
}
