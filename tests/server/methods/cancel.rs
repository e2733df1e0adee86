//! Statements that are cancelled end, their sessions go on, and nothing is left behind. How soon they end is measured
//! by `make bench-index`, and what a build does after it is told by `tests/graph/builds.rs`.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use postgres::error::SqlState;

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::{Cluster, wait};
use crate::support::vectors::{BY_INDEX, Clusters, Random, assert_right, make_table};

of_each_method! {
    a_cancelled_build_ends_at_once_and_leaves_no_file,
    a_build_whose_session_is_terminated_or_timed_out_leaves_nothing,
    cancelled_inserts_vacuums_and_searches_leave_a_right_index,
}

const DIMS: usize = 128;
const BUILD: &str = "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)";

/// A session, and another that cancels its statements.
pub struct Sessions {
    client: Client,
    process: i32,
    canceller: Client,
}

impl Sessions {
    pub fn new(cluster: &Cluster, mut client: Client) -> Result<Self> {
        Ok(Self {
            process: client.query_one("SELECT pg_backend_pid()", &[])?.get(0),
            canceller: cluster.connect()?,
            client,
        })
    }

    /// The session whose statements are cancelled.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// Runs a statement and cancels it after a while; says whether it was cancelled.
fn cancel_after(sessions: &mut Sessions, statement: &str, delay: Duration) -> Result<bool> {
    let Sessions {
        client,
        process,
        canceller,
    } = sessions;
    thread::scope(|scope| {
        let canceller = scope.spawn(move || {
            thread::sleep(delay);
            canceller.execute("SELECT pg_cancel_backend($1)", &[process])
        });
        let outcome = client.batch_execute(statement);
        canceller
            .join()
            .map_err(|_| "the canceller has panicked")??;
        if outcome.is_ok() {
            // A cancellation that comes too late may stop what comes next.
            let _ = client.batch_execute("SELECT pg_sleep(0.01)");
        }
        match &outcome {
            Ok(()) => Ok(false),
            Err(error) => {
                assert_eq!(
                    error.code(),
                    Some(&SqlState::QUERY_CANCELED),
                    "{statement}: {error}"
                );
                Ok(true)
            }
        }
    })
}

/// Files of relations in the database, and temporary ones.
fn files(cluster: &Cluster) -> Result<Vec<String>> {
    let database =
        cluster.text("SELECT oid FROM pg_database WHERE datname = current_database()")?;
    let base = cluster.data().join("base");
    let mut names = Vec::new();
    let mut list = |folder: &Path| -> Result<()> {
        if !folder.exists() {
            return Ok(());
        }
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            // A file without bytes is one that the next checkpoint removes.
            if entry.metadata()?.len() > 0 {
                names.push(entry.path().display().to_string());
            }
        }
        Ok(())
    };
    list(&base.join(database))?;
    list(&base.join("pgsql_tmp"))?;
    names.sort();
    Ok(names)
}

fn prepare(cluster: &Cluster, rows: usize) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        DIMS,
        &Clusters::new(31, DIMS, 10).vectors(rows),
    )?;
    Ok(client)
}

/// Cancels a statement at `rounds` moments spread over the time it takes.
pub fn cancel_often(
    sessions: &mut Sessions,
    statement: &str,
    undo: &str,
    rounds: u64,
) -> Result<u32> {
    let begin = Instant::now();
    sessions.client.batch_execute(statement)?;
    let whole = u64::try_from(begin.elapsed().as_millis())?.max(10);
    if !undo.is_empty() {
        sessions.client.batch_execute(undo)?;
    }
    let (mut random, mut cancelled) = (Random(rounds), 0);
    for _ in 0..rounds {
        let delay = Duration::from_millis(random.below(whole));
        let hit = cancel_after(sessions, statement, delay)?;
        cancelled += u32::from(hit);
        if !hit && !undo.is_empty() {
            sessions.client.batch_execute(undo)?;
        }
        sessions.client.batch_execute("SELECT 1")?;
    }
    println!("{statement}: {cancelled} of {rounds} cancelled, {whole} ms");
    Ok(cancelled)
}

fn a_cancelled_build_ends_at_once_and_leaves_no_file(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let client = prepare(&cluster, 4_000)?;
    let mut sessions = Sessions::new(&cluster, client)?;
    let build = method.sql(BUILD);
    for memory in ["64MB", "1MB"] {
        sessions
            .client
            .batch_execute(&format!("SET maintenance_work_mem = '{memory}'"))?;
        sessions.client.batch_execute("CHECKPOINT")?;
        let before = files(&cluster)?;
        let cancelled = cancel_often(&mut sessions, &build, "DROP INDEX items_v", 6)?;
        assert!(cancelled > 0, "no build was cancelled");
        // Statistics and catalogues may have grown; no relation may have come.
        wait("files of cancelled builds stay", || {
            sessions.client.batch_execute("CHECKPOINT")?;
            let after = files(&cluster)?;
            let fresh: Vec<&String> = after
                .iter()
                .filter(|name| !before.contains(*name))
                .collect();
            let forks = ["_fsm", "_vm", "_init", "pg_internal.init"];
            Ok(fresh
                .iter()
                .all(|name| forks.iter().any(|fork| name.ends_with(fork))))
        })?;
    }
    Ok(())
}

fn a_build_whose_session_is_terminated_or_timed_out_leaves_nothing(
    method: TestedMethod,
) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 4_000)?;
    let build = method.sql(BUILD);
    // The first one of a session takes longer.
    client.batch_execute(&build)?;
    client.batch_execute("DROP INDEX items_v")?;
    let begin = Instant::now();
    client.batch_execute(&build)?;
    let half = begin.elapsed() / 2;
    client.batch_execute("DROP INDEX items_v")?;
    client.batch_execute(&format!(
        "SET statement_timeout = {}",
        half.as_millis().max(1)
    ))?;
    let error = client
        .batch_execute(&build)
        .err()
        .ok_or("the build was not timed out")?;
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error}");
    client.batch_execute("RESET statement_timeout; SELECT 1")?;

    let mut other = cluster.connect()?;
    let process: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let killer = thread::spawn(move || {
        thread::sleep(half);
        other.execute("SELECT pg_terminate_backend($1)", &[&process])
    });
    assert!(client.batch_execute(&build).is_err());
    killer.join().map_err(|_| "the killer has panicked")??;
    wait("the terminated session stays", || {
        let alive = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}");
        Ok(cluster.text(&alive)? == "0")
    })?;
    assert_eq!(cluster.text("SELECT to_regclass('items_v') IS NULL")?, "t");
    assert!(!cluster.log().contains("PANIC"), "{}", cluster.log());
    Ok(())
}

fn cancelled_inserts_vacuums_and_searches_leave_a_right_index(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let client = prepare(&cluster, 1_500)?;
    let mut sessions = Sessions::new(&cluster, client)?;
    sessions.client.batch_execute(&method.sql(
        "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         CREATE SEQUENCE ids START 100000; CREATE TABLE pool AS SELECT v FROM items",
    ))?;
    let insert = "INSERT INTO items SELECT nextval('ids'), v + v FROM pool LIMIT 300";
    cancel_often(&mut sessions, insert, "", 6)?;
    assert_right(
        &mut sessions.client,
        "items_v",
        &Clusters::new(32, DIMS, 10).vectors(2),
    )?;

    let kill = "DELETE FROM items WHERE random() < 0.2;
        INSERT INTO items SELECT nextval('ids'), v + v + v FROM pool LIMIT 300";
    sessions.client.batch_execute(kill)?;
    cancel_often(&mut sessions, "VACUUM (INDEX_CLEANUP ON) items", kill, 8)?;
    assert_right(
        &mut sessions.client,
        "items_v",
        &Clusters::new(32, DIMS, 10).vectors(2),
    )?;

    sessions.client.batch_execute(BY_INDEX)?;
    let search = "SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (SELECT v FROM pool LIMIT 1) LIMIT 5000) s";
    cancel_often(&mut sessions, search, "", 6)?;
    sessions
        .client
        .batch_execute("RESET ALL; SET statement_timeout = 1")?;
    for _ in 0..20 {
        let _ = sessions.client.batch_execute(search);
    }
    sessions.client.batch_execute("RESET ALL")?;
    assert_right(
        &mut sessions.client,
        "items_v",
        &Clusters::new(32, DIMS, 10).vectors(2),
    )
}
