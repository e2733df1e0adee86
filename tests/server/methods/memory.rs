//! Where the system has no memory, a statement ends with an error, and its session and the server go on.

use std::fs;

use postgres::Client;
use postgres::error::SqlState;

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, make_table};

of_each_method! {
    checks_searches_and_vacuums_without_memory_are_errors,
    builds_without_memory_are_errors,
}

const ROWS: usize = 4_000;
const DIMS: usize = 64;

/// Megabytes that a process may take beyond what it has.
const MORE: [u64; 12] = [0, 1, 2, 4, 6, 9, 13, 18, 24, 32, 48, 400];

/// The process of a session.
struct Limited<'c> {
    cluster: &'c Cluster,
    client: Client,
    process: i32,
    ended: u32,
    refused: u32,
}

impl<'c> Limited<'c> {
    fn new(cluster: &'c Cluster) -> Result<Self> {
        let mut client = cluster.connect()?;
        let process = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        Ok(Self {
            cluster,
            client,
            process,
            ended: 0,
            refused: 0,
        })
    }

    /// Bytes of address space that it has.
    fn size(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process))?;
        let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
        let size = size.and_then(|size| size.split_whitespace().next());
        Ok(1024 * size.ok_or("no VmSize")?.parse::<u64>()?)
    }

    fn limit(&self, bytes: &str) -> Result<()> {
        let process = self.process.to_string();
        let limit = format!("--as={bytes}:");
        // As the server's user: root may not do it everywhere.
        let arguments = ["--pid", &process, &limit];
        let result = self.cluster.run("/usr/bin/prlimit", &arguments);
        result.map_err(|error| format!("{error}\n{}", self.cluster.log()))?;
        Ok(())
    }

    /// Runs a statement with so much more memory. It ends well, or for want of memory.
    fn run(&mut self, statement: &str, more: u64) -> Result<bool> {
        self.limit(&(self.size()? + (more << 20)).to_string())?;
        let result = self.client.batch_execute(statement);
        self.limit("unlimited")?;
        if let Err(error) = result {
            let lost = || format!("lost the session\n{}", self.cluster.log());
            let error = error.as_db_error().ok_or_else(lost)?;
            let allowed = [
                SqlState::OUT_OF_MEMORY,
                SqlState::INSUFFICIENT_RESOURCES,
                SqlState::DISK_FULL,
            ];
            assert!(
                allowed.contains(error.code()),
                "{statement}, {more} MB: {error:?}"
            );
            self.refused += 1;
            return Ok(false);
        }
        self.ended += 1;
        Ok(true)
    }
}

/// Runs a statement in a new session for each limit, `before` and `after` without one.
fn at_every_limit(cluster: &Cluster, before: &str, statement: &str, after: &str) -> Result<()> {
    let mut counts = (0, 0);
    for more in MORE {
        let mut session = Limited::new(cluster)?;
        session
            .client
            .batch_execute("SET enable_seqscan = off; SET enable_sort = off; LOAD 'vector_ext'")?;
        session.client.batch_execute(before)?;
        let done = session.run(statement, more)?;
        // The same session goes on, and does without the limit what it could not do.
        if !done {
            session.client.batch_execute(statement)?;
        }
        session.client.batch_execute(after)?;
        let process: i32 = session
            .client
            .query_one("SELECT pg_backend_pid()", &[])?
            .get(0);
        assert_eq!(process, session.process);
        counts.0 += session.ended;
        counts.1 += session.refused;
    }
    assert!(counts.0 > 0, "{statement}: never done");
    let log = cluster.log();
    for word in ["PANIC:", "terminated by signal", "panicked at"] {
        assert!(!log.contains(word), "{statement}: {word} in {log}");
    }
    Ok(())
}

fn cluster() -> Result<Cluster> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    let vectors = Clusters::new(171, DIMS, 20).vectors(ROWS);
    make_table(&mut client, "", DIMS, &vectors)?;
    client.batch_execute("ALTER TABLE items SET (parallel_workers = 2)")?;
    Ok(cluster)
}

const INDEX: &str = "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)";

/// They ended the server, with all sessions.
fn checks_searches_and_vacuums_without_memory_are_errors(method: TestedMethod) -> Result<()> {
    let cluster = cluster()?;
    let index = method.sql(INDEX);
    cluster.connect()?.batch_execute(&index)?;
    let check = "SELECT count(*) FROM vector_index_check('items_v')";
    at_every_limit(&cluster, "", check, "")?;
    let all = "SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 1) LIMIT 100000) x";
    at_every_limit(&cluster, "", all, "")?;
    let churn = "UPDATE items SET id = id WHERE id % 7 = 0";
    at_every_limit(&cluster, churn, "VACUUM items", "")?;
    let insert = "INSERT INTO items SELECT id + 100000, v FROM items WHERE id % 50 = 0";
    at_every_limit(&cluster, "", insert, "DELETE FROM items WHERE id > 100000")
}

/// A build by threads, one by the session alone, and one that spills.
fn builds_without_memory_are_errors(method: TestedMethod) -> Result<()> {
    let cluster = cluster()?;
    for setting in [
        "SET max_parallel_maintenance_workers = 2",
        "SET max_parallel_maintenance_workers = 0",
        "SET maintenance_work_mem = '1MB'",
    ] {
        at_every_limit(&cluster, setting, &method.sql(INDEX), "DROP INDEX items_v")?;
    }
    Ok(())
}
