//! Building the index.

use std::time::Instant;

use serde::Serialize;

use super::side::{INDEX, Side};
use super::support::Result;
use super::watch::{Peak, watch};
use super::{Arguments, Bench};

/// How an index was built, and what it takes.
#[derive(Serialize)]
pub struct Built {
    /// Of `CREATE INDEX`.
    pub seconds: f64,
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

/// Builds on one side, then on the other.
pub fn build(sides: &mut [Side; 2], bench: &Bench) -> Result<[Built; 2]> {
    let one = |side: &mut Side| -> Result<Built> {
        bench.bar.set_message(format!("build, {}", side.name));
        let built = build_one(side, bench)?;
        bench.bar.inc(1);
        Ok(built)
    };
    let [ours, theirs] = sides;
    Ok([one(ours)?, one(theirs)?])
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
        peak,
        cores: peak.cpu_seconds / seconds,
        bytes,
        bytes_per_row: bytes as f64 / bench.data.built as f64,
        wal_bytes,
    })
}
