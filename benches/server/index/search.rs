//! Rates, latencies, recall and buffers by `hnsw.ef_search`.

use std::collections::HashSet;
use std::time::Instant;

use super::side::{Buffers, Side, take_turns};
use super::stats::{Latency, Pair};
use super::support::Result;
use super::{Bench, K};

/// The values of `hnsw.ef_search`; pgvector takes no more than 1,000.
pub const LADDER: [u32; 14] = [
    10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 1000,
];
/// Questions whose buffers are counted.
const EXPLAINED: usize = 100;
/// Queries after a change of settings that do not count.
const WARMING: usize = 20;

/// One value of `hnsw.ef_search`, over all rounds.
pub struct Point {
    /// The value.
    pub ef: u32,
    /// The share of the true nearest that were found.
    pub recall: f64,
    /// Queries a second, round by round.
    pub rates: Vec<f64>,
    /// Seconds of each query, all rounds.
    pub latencies: Vec<f64>,
    /// Shared buffers that a search touches.
    pub buffers: Buffers,
}

impl Point {
    /// Of all rounds' queries.
    pub fn latency(&self) -> Latency {
        Latency::of(self.latencies.clone())
    }
}

/// All that one side's searches gave.
#[derive(Default)]
pub struct Sweep {
    /// Queries a second of `SELECT 1`, round by round.
    pub select_one: Vec<f64>,
    /// Queries a second by primary key, round by round.
    pub primary_key: Vec<f64>,
    /// By rising `hnsw.ef_search`.
    pub points: Vec<Point>,
}

impl Sweep {
    /// What a round measured.
    pub fn pairs(&self, round: usize) -> Vec<Pair> {
        let pair = |point: &Point| {
            let (recall, rate) = (point.recall, *point.rates.get(round)?);
            Some(Pair { recall, rate })
        };
        self.points.iter().filter_map(pair).collect()
    }
}

/// Queries one after the other.
pub struct Timed {
    /// Queries a second.
    pub rate: f64,
    latencies: Vec<f64>,
}

/// Asks until all of `count` questions had their turn and `seconds` have passed.
fn drive(count: usize, seconds: f64, mut ask: impl FnMut(usize) -> Result<()>) -> Result<Timed> {
    for number in 0..WARMING.min(count) {
        ask(number)?;
    }
    let mut latencies = Vec::with_capacity(count);
    let start = Instant::now();
    let mut last = start;
    while latencies.len() < count || last.duration_since(start).as_secs_f64() < seconds {
        ask(latencies.len() % count)?;
        let now = Instant::now();
        latencies.push(now.duration_since(last).as_secs_f64());
        last = now;
    }
    Ok(Timed {
        rate: latencies.len() as f64 / last.duration_since(start).as_secs_f64(),
        latencies,
    })
}

/// Every question at the current settings, with the recall of the answers.
pub fn ask_all(side: &mut Side, bench: &Bench, answers: &[HashSet<i64>]) -> Result<(f64, Timed)> {
    let search = side.search()?;
    let questions = &bench.data.questions;
    let mut found: Vec<Vec<i64>> = vec![Vec::with_capacity(K); questions.len()];
    let timed = drive(questions.len(), bench.arguments.seconds, |number| {
        let rows = side.client.query(&search, &[&questions[number]])?;
        found[number].clear();
        found[number].extend(rows.iter().map(|row| row.get::<_, i64>(0)));
        Ok(())
    })?;
    let pairs = found.iter().zip(answers);
    let hits = pairs.map(|(found, answers)| found.iter().filter(|id| answers.contains(id)).count());
    let recall = hits.sum::<usize>() as f64 / (questions.len() * K) as f64;
    Ok((recall, timed))
}

/// Rounds over all values of `hnsw.ef_search`, the sides taking turns at each.
pub fn sweep(sides: &mut [Side; 2], bench: &Bench) -> Result<[Sweep; 2]> {
    let answers = bench.truth.answers(|id| id < bench.data.built)?;
    warm(sides, bench, &answers)?;
    let mut sweeps = [Sweep::default(), Sweep::default()];
    for round in 0..bench.arguments.rounds {
        let of = format!("round {} of {}", round + 1, bench.arguments.rounds);
        take_turns(sides, round, &bench.bar, |which, side| {
            bench.bar.set_message(format!("bare queries, {of}"));
            bare(side, bench, &mut sweeps[which])
        })?;
        for ef in LADDER {
            take_turns(sides, round, &bench.bar, |which, side| {
                let message = format!("search, {of}, ef_search = {ef}, {}", side.name);
                bench.bar.set_message(message);
                step(side, bench, &answers, (&mut sweeps[which], ef))
            })?;
        }
    }
    take_turns(sides, 0, &bench.bar, |which, side| {
        bench.bar.set_message(format!("buffers, {}", side.name));
        let questions = &bench.data.questions;
        for point in &mut sweeps[which].points {
            side.set_ef(point.ef)?;
            point.buffers = side.search_buffers(&questions[..questions.len().min(EXPLAINED)])?;
        }
        Ok(())
    })?;
    Ok(sweeps)
}

/// Brings the index into shared buffers: every question once, with many candidates.
fn warm(sides: &mut [Side; 2], bench: &Bench, answers: &[HashSet<i64>]) -> Result<()> {
    for side in sides {
        bench.bar.set_message(format!("warm up, {}", side.name));
        let set = format!(
            "SET hnsw.iterative_scan = {}",
            bench.arguments.iterative_scan
        );
        side.client.batch_execute(&set)?;
        side.set_ef(LADDER[LADDER.len() - 1])?;
        ask_all(side, bench, answers)?;
    }
    Ok(())
}

/// One measurement, unless this side's sweep was over before.
fn step(
    side: &mut Side,
    bench: &Bench,
    answers: &[HashSet<i64>],
    (sweep, ef): (&mut Sweep, u32),
) -> Result<()> {
    let place = sweep.points.iter().position(|point| point.ef == ef);
    let over = |point: &Point| point.recall >= bench.arguments.stop;
    if place.is_none() && sweep.points.last().is_some_and(over) {
        return Ok(());
    }
    side.set_ef(ef)?;
    let (recall, timed) = ask_all(side, bench, answers)?;
    match place {
        Some(place) => {
            let point = &mut sweep.points[place];
            point.rates.push(timed.rate);
            point.latencies.extend(timed.latencies);
        }
        None => sweep.points.push(Point {
            ef,
            recall,
            rates: vec![timed.rate],
            latencies: timed.latencies,
            buffers: Buffers::default(),
        }),
    }
    Ok(())
}

/// What any query costs: a constant, and a row by its key.
fn bare(side: &mut Side, bench: &Bench, sweep: &mut Sweep) -> Result<()> {
    let (rows, count) = (bench.data.built, bench.data.questions.len());
    let seconds = bench.arguments.seconds;
    let constant = side.client.prepare("SELECT 1")?;
    let timed = drive(count, seconds, |_| {
        side.client.query(&constant, &[])?;
        Ok(())
    })?;
    sweep.select_one.push(timed.rate);
    let by_key = side.client.prepare("SELECT n FROM items WHERE id = $1")?;
    let timed = drive(count, seconds, |number| {
        let id = i64::try_from(number * 7919 % rows)?;
        side.client.query(&by_key, &[&id])?;
        Ok(())
    })?;
    sweep.primary_key.push(timed.rate);
    Ok(())
}
