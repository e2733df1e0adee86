//! Rows on their way without a dump: binary COPY, and logical replication.

use super::{Servers, assert_same, connect, fill, servers};
use crate::support::Result;
use crate::support::cluster::{Cluster, wait};

/// Columns whose bytes are the same everywhere.
const COLUMNS: &str = "id, kind, v, h, s, b, free, unit";

/// And those that bring along the numbers of their types, which differ between databases.
const NUMBERED: &str = "many, pair";

/// The objects of `source` on another server, without its rows.
fn copy_schema(from: &Cluster, to: &Cluster, database: &str) -> Result<()> {
    let path = from.socket().join("schema").display().to_string();
    from.run("pg_dump", &["-s", "-f", &path, "source"])?;
    to.run("createdb", &[database])?;
    to.run(
        "psql",
        &["-X", "-v", "ON_ERROR_STOP=1", "-f", &path, database],
    )?;
    Ok(())
}

#[test]
fn binary_copy_carries_rows_both_ways() -> Result<()> {
    let Some(Servers { theirs, ours }) = servers(&[])? else {
        return Ok(());
    };
    fill(&theirs, "public")?;
    copy_schema(&theirs, &ours, "there")?;
    copy_schema(&theirs, &theirs, "back")?;
    let path = ours.socket().join("rows").display().to_string();
    let copy = |cluster: &Cluster, database: &str, columns: &str, direction: &str| {
        let statement = format!("COPY app.items ({columns}) {direction} '{path}' (FORMAT binary)");
        cluster.connect_to(database)?.batch_execute(&statement)?;
        Result::Ok(std::fs::read(&path)?)
    };
    let all = format!("{COLUMNS}, {NUMBERED}");
    copy(&theirs, "source", &all, "TO")?;
    copy(&ours, "there", &all, "FROM")?;
    // The file is the last writer's; the servers run as one user.
    copy(&ours, "there", &all, "TO")?;
    copy(&theirs, "back", &all, "FROM")?;
    let sent = copy(&theirs, "source", COLUMNS, "TO")?;
    let rows =
        format!("SELECT string_agg(concat_ws(' ', {all}), E'\n' ORDER BY id) FROM app.items");
    let source = theirs.text_in("source", &rows)?;
    assert_eq!(source.lines().count(), 302);
    for (cluster, database) in [(&ours, "there"), (&theirs, "back")] {
        assert!(
            copy(cluster, database, COLUMNS, "TO")? == sent,
            "{database}: the bytes differ"
        );
        assert!(
            cluster.text_in(database, &rows)? == source,
            "{database}: the rows differ"
        );
    }
    Ok(())
}

#[test]
fn logical_replication_carries_rows_and_changes() -> Result<()> {
    let Some(Servers { theirs, ours }) = servers(&["wal_level = logical"])? else {
        return Ok(());
    };
    fill(&theirs, "public")?;
    copy_schema(&theirs, &ours, "target")?;
    let mut publisher = connect(&theirs, "source", "public")?;
    let mut subscriber = connect(&ours, "target", "public")?;
    publisher.batch_execute("CREATE PUBLICATION moving FOR ALL TABLES")?;
    subscriber.batch_execute(&format!(
        "CREATE SUBSCRIPTION moving CONNECTION 'host={} dbname=source user=postgres' PUBLICATION moving",
        theirs.socket().display()
    ))?;
    let ready = "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel";
    wait("the tables are not copied", || {
        Ok(ours.text_in("target", ready)? == "t")
    })?;
    publisher.batch_execute(
        "INSERT INTO items (id, v, h, s) VALUES (2000, '[5,5,5]', '[1,2,3]', '{1:1}/1000');
         UPDATE items SET v = v + '[0,1,0]', many = many || '[7,7]'::vector WHERE id % 3 = 0;
         DELETE FROM items WHERE id % 10 = 7;
         INSERT INTO log VALUES ('2026-02-27', '[1,2,3]')",
    )?;
    let written = theirs.text("SELECT pg_current_wal_lsn()")?;
    let confirmed = format!(
        "SELECT confirmed_flush_lsn >= '{written}' FROM pg_replication_slots WHERE slot_name = 'moving'"
    );
    wait("the subscriber does not catch up", || {
        Ok(theirs.text(&confirmed)? == "t")
    })?;
    subscriber.batch_execute("DROP SUBSCRIPTION moving")?;
    // A materialized view is made of the rows that have come.
    subscriber.batch_execute("REFRESH MATERIALIZED VIEW middle")?;
    publisher.batch_execute("REFRESH MATERIALIZED VIEW middle")?;
    assert_same(&mut publisher, &mut subscriber)
}
