//! What builds take.

use std::fs;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, assert_sound, by_index, make_table};

const DIMS: usize = 16;
const ROWS: usize = 100_000;

/// A number of kilobytes that the system knows of a process.
fn status(process: i32, field: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().nth(1));
    Ok(kilobytes
        .ok_or("no such line in the status of a process")?
        .parse()?)
}

/// The most memory that the session's process has taken for itself since it was asked last, in kB. Pages that it
/// shares with others do not count.
fn peak(process: i32, body: impl FnOnce() -> Result<()>) -> Result<u64> {
    let (done, stopped) = std::sync::mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let mut most = 0;
        let pause = std::time::Duration::from_millis(2);
        while stopped
            .recv_timeout(pause)
            .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            most = most.max(status(process, "RssAnon").unwrap_or(0));
        }
        most
    });
    let result = body();
    drop(done);
    let most = watcher.join().map_err(|_| "the watcher has panicked")?;
    result.map(|()| most)
}

#[test]
fn builds_in_many_lists_stay_near_their_budget() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        DIMS,
        &Clusters::new(261, DIMS, 50).vectors(ROWS),
    )?;
    for (memory, kilobytes) in [("1MB", 1_024), ("64MB", 65_536)] {
        let mut client = cluster.connect()?;
        let process: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        client.batch_execute(&format!(
            "LOAD 'vector_ext'; SET maintenance_work_mem = '{memory}'; DROP INDEX IF EXISTS items_v"
        ))?;
        let before = status(process, "RssAnon")?;
        let most = peak(process, || {
            Ok(client.batch_execute(
                "CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops) WITH (lists = 4000)",
            )?)
        })?;
        let taken = most.saturating_sub(before);
        println!("{memory}: {taken} kB");
        // Beside the budget there are what threads have, the list of each row, and the centres.
        assert!(taken < kilobytes + 24_000, "{memory}: {taken} kB");
        assert_sound(&mut client, "items_v")?;
        let query = Clusters::new(261, DIMS, 50).vector();
        assert_eq!(by_index(&mut client, "<->", &query, 1)?[0].0, 1);
    }
    Ok(())
}
