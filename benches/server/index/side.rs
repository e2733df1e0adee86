//! One extension on a cluster of its own.

use std::sync::Arc;
use std::thread::available_parallelism;

use indicatif::ProgressBar;
use pgvector::Vector;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};
use postgres::{Client, Statement};
use serde::Serialize;
use serde_json::Value;

use super::data::Data;
use super::support::Result;
use super::support::cluster::{Cluster, wait};
use super::support::installation::Installation;
use super::support::passages::vector_type;
use super::{Arguments, K};

/// The index, by name.
pub const INDEX: &str = "items_embedding";

/// Lines of `postgresql.conf`, the same on both sides.
pub fn settings(arguments: &Arguments) -> Result<Vec<String>> {
    let cores = available_parallelism()?.get();
    Ok(vec![
        format!("shared_buffers = '{}'", arguments.shared_buffers),
        format!(
            "maintenance_work_mem = '{}'",
            arguments.maintenance_work_mem
        ),
        format!("max_parallel_maintenance_workers = {}", cores - 1),
        format!("max_parallel_workers = {cores}"),
        "min_parallel_table_scan_size = 0".into(),
        "max_parallel_workers_per_gather = 0".into(),
        "synchronous_commit = off".into(),
        "max_wal_size = '32GB'".into(),
        "checkpoint_timeout = '1h'".into(),
        "enable_seqscan = off".into(),
        "autovacuum = off".into(),
        "jit = off".into(),
    ])
}

/// Shared buffers touched by a statement, on average.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Buffers {
    /// Found in shared buffers.
    pub hit: f64,
    /// Not found there.
    pub read: f64,
    /// Changed, that were clean before.
    pub dirtied: f64,
}

impl Buffers {
    /// Found or read.
    pub fn touched(&self) -> f64 {
        self.hit + self.read
    }
}

/// One extension on a cluster of its own.
pub struct Side {
    /// What people call it.
    pub name: &'static str,
    /// As `pg_extension` has it.
    pub version: String,
    /// The session of the one client.
    pub client: Client,
    /// The server.
    pub cluster: Cluster,
    search: String,
}

impl Side {
    /// A cluster with the extension.
    pub fn start(
        installation: &Arc<Installation>,
        name: &'static str,
        extension: &str,
        arguments: &Arguments,
    ) -> Result<Self> {
        let settings = settings(arguments)?;
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let cluster = Cluster::with_settings(Arc::clone(installation), &settings)?;
        let mut client = cluster.connect()?;
        client
            .batch_execute(&format!("CREATE EXTENSION {extension}"))
            .map_err(|e| format!("no extension {extension} here; use PG_CONFIG of a wheel: {e}"))?;
        let version = client.query_one(
            "SELECT extversion FROM pg_extension WHERE extname = $1",
            &[&extension],
        )?;
        let methods = client.query("SELECT 1 FROM pg_am WHERE amname = 'hnsw'", &[])?;
        if methods.is_empty() {
            return Err(format!("{extension} has no access method hnsw").into());
        }
        Ok(Self {
            name,
            version: version.get(0),
            client,
            cluster,
            search: format!("SELECT id FROM items ORDER BY embedding <=> $1 LIMIT {K}"),
        })
    }

    /// Makes and fills the table, and brings it into shared buffers.
    pub fn load(&mut self, data: &Data) -> Result<()> {
        let create = format!(
            "CREATE TABLE items (id bigint NOT NULL, n integer NOT NULL, \
             embedding vector({}) NOT NULL)",
            data.dims()
        );
        self.client.batch_execute(&create)?;
        let types = [Type::INT8, Type::INT4, vector_type(&mut self.client)?];
        let sink = self
            .client
            .copy_in("COPY items FROM STDIN (FORMAT BINARY)")?;
        let mut writer = BinaryCopyInWriter::new(sink, &types);
        for (id, row) in (0_i64..).zip(&data.rows[..data.built]) {
            writer.write(&[&id, &0_i32, row])?;
        }
        writer.finish()?;
        // One by one: VACUUM cannot share a transaction.
        for statement in [
            "ALTER TABLE items ADD PRIMARY KEY (id)",
            "VACUUM ANALYZE items",
            "SELECT sum(vector_dims(embedding)) FROM items",
        ] {
            self.client.batch_execute(statement)?;
        }
        Ok(())
    }

    /// The search, prepared.
    pub fn search(&mut self) -> Result<Statement> {
        Ok(self.client.prepare(&self.search)?)
    }

    /// Sets how many candidates a search keeps.
    pub fn set_ef(&mut self, ef: u32) -> Result<()> {
        let set = format!("SET hnsw.ef_search = {ef}");
        Ok(self.client.batch_execute(&set)?)
    }

    /// A value that a query without parameters returns.
    pub fn number(&mut self, query: &str) -> Result<i64> {
        Ok(self.client.query_one(query, &[])?.try_get(0)?)
    }

    /// Bytes of WAL written since the cluster was made.
    pub fn wal(&mut self) -> Result<i64> {
        self.number("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
    }

    /// Buffers that a search touches, on average over the questions.
    pub fn search_buffers(&mut self, questions: &[Vector]) -> Result<Buffers> {
        let mut sum = Buffers::default();
        let search = self.explained(&self.search.clone())?;
        for question in questions {
            let plan = self.explain(&search, &[question])?;
            if !plan.to_string().contains(INDEX) {
                return Err(format!("{}: a search does not use the index", self.name).into());
            }
            sum.add(&plan, questions.len());
        }
        Ok(sum)
    }

    /// Buffers that inserting a row touches, on average over the rows.
    pub fn insert_buffers(&mut self, rows: &[(i64, &Vector)]) -> Result<Buffers> {
        let mut sum = Buffers::default();
        let insert = self.explained("INSERT INTO items VALUES ($1, 0, $2)")?;
        for (id, row) in rows {
            let plan = self.explain(&insert, &[id, row])?;
            sum.add(&plan, rows.len());
        }
        Ok(sum)
    }

    fn explained(&mut self, query: &str) -> Result<Statement> {
        let explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)";
        Ok(self.client.prepare(&format!("{explain} {query}"))?)
    }

    fn explain(&mut self, query: &Statement, values: &[&(dyn ToSql + Sync)]) -> Result<Value> {
        let mut plan: Value = self.client.query_one(query, values)?.try_get(0)?;
        Ok(plan[0]["Plan"].take())
    }

    /// Switches full-page images of WAL off or on, and waits until they are.
    pub fn set_full_page_writes(&mut self, on: bool) -> Result<()> {
        self.client
            .batch_execute(&format!("ALTER SYSTEM SET full_page_writes = {on}"))?;
        self.client.batch_execute("SELECT pg_reload_conf()")?;
        wait("full_page_writes does not change", || {
            self.client.batch_execute("CHECKPOINT")?;
            let query = "SELECT full_page_writes FROM pg_control_checkpoint()";
            Ok(self.client.query_one(query, &[])?.get::<_, bool>(0) == on)
        })
    }
}

impl Buffers {
    fn add(&mut self, plan: &Value, of: usize) {
        let blocks = |what: &str| {
            let blocks = plan[format!("Shared {what} Blocks")].as_f64();
            blocks.unwrap_or(0.0) / of as f64
        };
        self.hit += blocks("Hit");
        self.read += blocks("Read");
        self.dirtied += blocks("Dirtied");
    }
}

/// Does `work` on each side in turn, the other side first in every second round.
pub fn take_turns(
    sides: &mut [Side; 2],
    round: usize,
    bar: &ProgressBar,
    mut work: impl FnMut(usize, &mut Side) -> Result<()>,
) -> Result<()> {
    for turn in 0..2 {
        let which = (round + turn) % 2;
        work(which, &mut sides[which])?;
        bar.inc(1);
    }
    Ok(())
}
