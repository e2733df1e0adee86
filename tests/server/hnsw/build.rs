//! Builds: memory, progress, threads.

use std::sync::{Arc, Mutex};
use std::thread;

use postgres::{Client, Config, NoTls};

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, assert_right, make_table};

/// A session, and the messages below an error that it hears.
fn listening(cluster: &Cluster) -> Result<(Client, Arc<Mutex<Vec<String>>>)> {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&notices);
    drop(cluster.client()?);
    let client = Config::new()
        .host_path(cluster.socket())
        .user("postgres")
        .dbname("postgres")
        .notice_callback(move |notice| {
            if let Ok(mut notices) = heard.lock() {
                notices.push(notice.message().to_owned());
            }
        })
        .connect(NoTls)?;
    Ok((client, notices))
}

/// Postgres itself says "serially" of each build, for it knows of workers only.
#[test]
fn a_build_says_how_many_threads_it_has() -> Result<()> {
    let cluster = Cluster::quick()?;
    let (mut client, notices) = listening(&cluster)?;
    client.batch_execute(
        "CREATE TABLE items (v vector(3)); INSERT INTO items VALUES ('[1,2,3]');
         SET client_min_messages = debug1; SET max_parallel_maintenance_workers = 3;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)",
    )?;
    let said = notices.lock().map_err(|_| "a notice has panicked")?.clone();
    let told = "building graph of index \"items_v\" with 4 threads";
    assert!(said.iter().any(|notice| notice == told), "{said:?}");
    Ok(())
}

#[test]
fn a_build_past_its_memory_says_so_and_goes_on_in_files() -> Result<()> {
    let cluster = Cluster::quick()?;
    let (mut client, notices) = listening(&cluster)?;
    make_table(
        &mut client,
        "",
        384,
        &Clusters::new(111, 384, 10).vectors(3_000),
    )?;
    client.batch_execute("SET maintenance_work_mem = '1MB'; CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    let said = notices.lock().map_err(|_| "a notice has panicked")?.clone();
    assert!(
        said.iter().any(|notice| notice
            .starts_with("hnsw graph no longer fits into maintenance_work_mem after ")),
        "{said:?}"
    );
    assert_eq!(
        said.iter()
            .filter(|notice| notice.contains("no longer fits"))
            .count(),
        1
    );
    let queries = Clusters::new(111, 384, 10).vectors(2);
    assert_right(&mut client, "items_v", &queries)?;
    // With as much as the index says that it needs, it says nothing.
    let needed: i64 = client
        .query_one(
            "SELECT build_memory / 1024 + 1 FROM vector_index_info('items_v')",
            &[],
        )?
        .get(0);
    client.batch_execute(&format!("SET maintenance_work_mem = {needed}"))?;
    notices.lock().map_err(|_| "a notice has panicked")?.clear();
    client.batch_execute("REINDEX INDEX items_v")?;
    let said = notices.lock().map_err(|_| "a notice has panicked")?.clone();
    assert!(said.is_empty(), "{needed} kB: {said:?}");
    assert_right(&mut client, "items_v", &queries)
}

#[test]
fn a_build_shows_its_progress() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        256,
        &Clusters::new(112, 256, 10).vectors(6_000),
    )?;
    let build = thread::spawn(move || {
        client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops) WITH (ef_construction = 300)")
    });
    let mut watcher = cluster.connect()?;
    let (mut phases, mut done, mut total) = (Vec::<String>::new(), Vec::<i64>::new(), 0_i64);
    while !build.is_finished() {
        let seen = watcher.query(
            "SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index",
            &[],
        )?;
        for row in seen {
            let phase: String = row.get(0);
            if phases.last() != Some(&phase) {
                phases.push(phase);
            }
            done.push(row.get(1));
            total = total.max(row.get(2));
        }
    }
    build.join().map_err(|_| "the build has panicked")??;
    println!("{phases:?}, {} of {total}", done.last().unwrap_or(&0));
    assert!(
        phases.contains(&"building index: building graph".to_owned()),
        "{phases:?}"
    );
    assert!(done.is_sorted() && total == 6_000, "{done:?} of {total}");
    Ok(())
}

#[test]
fn any_number_of_threads_builds_a_right_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        32,
        &Clusters::new(113, 32, 10).vectors(1_200),
    )?;
    for workers in [0, 1, 7] {
        client.batch_execute(&format!(
            "SET max_parallel_maintenance_workers = {workers}; DROP INDEX IF EXISTS items_v;
             CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)"
        ))?;
        assert_right(
            &mut client,
            "items_v",
            &Clusters::new(114, 32, 10).vectors(2),
        )?;
        // The index may not depend on threads that are gone.
        client.batch_execute("SET vector_ext.kernels = plain")?;
        assert_right(
            &mut client,
            "items_v",
            &Clusters::new(114, 32, 10).vectors(1),
        )?;
        client.batch_execute("RESET vector_ext.kernels")?;
    }
    Ok(())
}

/// Threads of a session's process.
fn threads(process: i32) -> Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{process}/task"))?.count())
}

#[test]
fn a_build_takes_as_many_threads_as_its_table_asks_for() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        128,
        &Clusters::new(115, 128, 10).vectors(3_000),
    )?;
    client.batch_execute("SET max_parallel_maintenance_workers = 2")?;
    let process: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let alone = threads(process)?;
    for (asked, wanted) in [
        ("RESET (parallel_workers)", 3),
        ("SET (parallel_workers = 0)", 1),
        ("SET (parallel_workers = 1)", 2),
        ("SET (parallel_workers = 9)", 3),
        // Options, but not this one.
        ("RESET (parallel_workers), SET (fillfactor = 90)", 3),
    ] {
        client.batch_execute(&format!(
            "DROP INDEX IF EXISTS items_v; ALTER TABLE items {asked}"
        ))?;
        let most = thread::scope(|scope| -> Result<usize> {
            let build = scope.spawn(|| {
                client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")
            });
            let mut most = 0;
            while !build.is_finished() {
                most = most.max(threads(process)?);
            }
            build.join().map_err(|_| "the build has panicked")??;
            Ok(most)
        })?;
        assert_eq!(most - alone, wanted, "{asked}");
    }
    Ok(())
}

#[test]
fn a_build_takes_no_larger_temporary_files_than_it_may() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        384,
        &Clusters::new(116, 384, 10).vectors(3_000),
    )?;
    let create = "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)";
    client.batch_execute("SET maintenance_work_mem = '1MB'")?;
    // While rows are loaded, and when all are.
    for limit in [0, 1_024, 3_072] {
        client.batch_execute(&format!("SET temp_file_limit = {limit}"))?;
        let error = client.batch_execute(create).err();
        let error = error.ok_or("a build went past temp_file_limit")?;
        let error = error.as_db_error().ok_or("no error of the server")?;
        assert_eq!(error.code().code(), "53400");
        assert_eq!(
            error.message(),
            format!("temporary file size exceeds \"temp_file_limit\" ({limit}kB)")
        );
        assert!(error.hint().is_some());
    }
    let queries = Clusters::new(116, 384, 10).vectors(1);
    for settings in [
        "SET temp_file_limit = '100MB'",
        "SET temp_file_limit = -1",
        "SET temp_file_limit = 0; SET maintenance_work_mem = '64MB'",
    ] {
        client.batch_execute(&format!("{settings}; DROP INDEX IF EXISTS items_v"))?;
        client.batch_execute(create)?;
        assert_right(&mut client, "items_v", &queries)?;
    }
    Ok(())
}
