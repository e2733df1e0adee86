//! Builds: memory, progress, threads.

use std::sync::{Arc, Mutex};
use std::thread;

use postgres::{Config, NoTls};

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, assert_right, make_table};

#[test]
fn a_build_past_its_memory_says_so_and_goes_on_in_files() -> Result<()> {
    let cluster = Cluster::quick()?;
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&notices);
    drop(cluster.client()?);
    let mut client = Config::new()
        .host_path(cluster.socket())
        .user("postgres")
        .dbname("postgres")
        .notice_callback(move |notice| {
            if let Ok(mut notices) = heard.lock() {
                notices.push(notice.message().to_owned());
            }
        })
        .connect(NoTls)?;
    make_table(
        &mut client,
        "",
        384,
        &Clusters::new(111, 384, 10).vectors(3_000),
    )?;
    client.batch_execute("SET maintenance_work_mem = '1MB'; CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    let said = notices.lock().map_err(|_| "a notice has panicked")?.clone();
    assert!(
        said.iter()
            .any(|notice| notice
                .starts_with("graph no longer fits into maintenance_work_mem after ")),
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
