//! Building the index.

use std::time::Instant;

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
            built[at].push(build_one(side, bench)?);
            bench.bar.inc(1);
        }
    }
    Ok(built.map(median))
}

fn median(mut builds: Vec<Built>) -> Built {
    builds.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let seconds: Vec<f64> = builds.iter().map(|built| built.seconds).collect();
    let spread = Spread::of(&seconds);
    let middle = builds.swap_remove(builds.len() / 2);
    Built { spread, ..middle }
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
    })
}
