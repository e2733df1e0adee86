//! Building the index.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::side::{INDEX, Side};
use super::stats::Spread;
use super::support::Result;
use super::watch::{Peak, watch};
use super::{Arguments, Bench};

/// How an index was built, and what it takes.
#[derive(Serialize)]
pub struct Built {
    /// Of `CREATE INDEX`.
    pub seconds: f64,
    /// Of all builds.
    pub spread: Spread,
    /// What its processes used.
    pub peak: Peak,
    /// CPU seconds a second.
    pub cores: f64,
    /// Of the index.
    pub bytes: i64,
    /// Of the index.
    pub bytes_per_row: f64,
    /// Written by the build.
    pub wal_bytes: i64,
    /// Milliseconds until a build had ended that was cancelled on its way; the longest of all.
    pub cancel_milliseconds: f64,
}

/// The statement that builds.
pub fn statement(arguments: &Arguments) -> String {
    format!(
        "CREATE INDEX {INDEX} ON items USING hnsw (embedding vector_cosine_ops) \
         WITH (m = {}, ef_construction = {})",
        arguments.m, arguments.ef_construction
    )
}

/// How often each side builds.
pub const TIMES: usize = 3;

/// Builds by turns; what counts is each side's build of median seconds.
pub fn build(sides: &mut [Side; 2], bench: &Bench) -> Result<[Built; 2]> {
    let mut built = [Vec::new(), Vec::new()];
    for time in 0..TIMES {
        // Every second time begins with the other.
        for turn in 0..2 {
            let at = (time + turn) % 2;
            let side = &mut sides[at];
            bench.bar.set_message(format!("build, {}", side.name));
            let drop = format!("DROP INDEX IF EXISTS {INDEX}");
            side.client.batch_execute(&drop)?;
            // The first time nobody knows how long a build takes.
            let half = built[at]
                .last()
                .map_or(0.2, |last: &Built| last.seconds / 2.0);
            let cancelled = cancel(side, bench, Duration::from_secs_f64(half))?;
            side.client.batch_execute(&drop)?;
            let mut one = build_one(side, bench)?;
            one.cancel_milliseconds = cancelled;
            built[at].push(one);
            bench.bar.inc(1);
        }
    }
    Ok(built.map(median))
}

fn median(mut builds: Vec<Built>) -> Built {
    builds.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let seconds: Vec<f64> = builds.iter().map(|built| built.seconds).collect();
    let spread = Spread::of(&seconds);
    let cancelled = builds.iter().map(|built| built.cancel_milliseconds);
    let cancel_milliseconds = cancelled.fold(0.0, f64::max);
    let middle = builds.swap_remove(builds.len() / 2);
    Built {
        spread,
        cancel_milliseconds,
        ..middle
    }
}

/// Cancels a build after a while: milliseconds until it has ended, 0 where it was done before.
fn cancel(side: &mut Side, bench: &Bench, after: Duration) -> Result<f64> {
    let mut canceller = side.cluster.connect()?;
    let process: i32 = side.number("SELECT pg_backend_pid()::bigint")?.try_into()?;
    scope(|threads| {
        let asking = threads.spawn(move || -> Result<Instant> {
            sleep(after);
            let asked = Instant::now();
            canceller.execute("SELECT pg_cancel_backend($1)", &[&process])?;
            Ok(asked)
        });
        let outcome = side.client.batch_execute(&statement(&bench.arguments));
        let ended = Instant::now();
        let asked = asking.join().map_err(|_| "the canceller failed")??;
        let took = ended.saturating_duration_since(asked);
        Ok(outcome.err().map_or(0.0, |_| took.as_secs_f64() * 1e3))
    })
}

fn build_one(side: &mut Side, bench: &Bench) -> Result<Built> {
    side.client.batch_execute("CHECKPOINT")?;
    let mut watcher = side.cluster.connect()?;
    let leader = side.client.query_one("SELECT pg_backend_pid()", &[])?;
    let wal = side.wal()?;
    let (seconds, peak) = watch(&mut watcher, leader.get(0), || {
        let start = Instant::now();
        side.client.batch_execute(&statement(&bench.arguments))?;
        Ok(start.elapsed().as_secs_f64())
    })?;
    let wal_bytes = side.wal()? - wal;
    let bytes = side.number(&format!("SELECT pg_relation_size('{INDEX}')"))?;
    side.client.batch_execute("CHECKPOINT")?;
    Ok(Built {
        seconds,
        spread: Spread::of(&[seconds]),
        peak,
        cores: peak.cpu_seconds / seconds,
        bytes,
        bytes_per_row: bytes as f64 / bench.data.built as f64,
        wal_bytes,
        cancel_milliseconds: 0.0,
    })
}
