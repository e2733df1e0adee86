//! How lists of other indexes are read: timed, counted, and with nothing held afterwards.

use postgres::Client;
use postgres::error::SqlState;

use super::shortlists::{analyzed, exact, prepare_shortlists, query};
use super::{NODE, ids, sorted};
use crate::support::Result;
use crate::support::cluster::Cluster;

/// Each outer row makes its list anew, while the nodes of lists are timed.
const LATERAL: &str = "SELECT n.id FROM generate_series(1, 4) q, LATERAL
    (SELECT id FROM items WHERE a BETWEEN q AND q + 20 ORDER BY v <-> (SELECT v FROM one) LIMIT 4) n";

#[test]
fn filtered_lateral_joins_are_analyzed_with_timing() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let plan = analyzed(&mut client, LATERAL)?;
    assert!(plan.contains(NODE), "{plan}");
    assert!(plan.contains("items_a (actual rows=21"), "{plan}");
    assert_eq!(ids(&mut client, LATERAL)?.len(), 16);
    Ok(())
}

/// Whoever watches a server for slow queries must not make them fail.
#[test]
fn auto_explain_with_timing_leaves_filtered_lateral_joins_alone() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let wanted = ids(&mut client, LATERAL)?;
    if let Err(error) = client.batch_execute("LOAD 'auto_explain'") {
        // The servers from a wheel come without it; Debian's has it.
        assert_eq!(error.code(), Some(&SqlState::UNDEFINED_FILE), "{error}");
        return Ok(());
    }
    client.batch_execute(
        "SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on;
         SET auto_explain.log_timing = on; SET auto_explain.log_nested_statements = on",
    )?;
    assert_eq!(ids(&mut client, LATERAL)?, wanted);
    assert!(cluster.log().contains("FilteredVectorSearch"));
    Ok(())
}

/// Rows that pass lie far from the question, and are more than a list may have: so one is begun, and left.
const TOO_MANY: &str = "SELECT id FROM many WHERE kind = 7 ORDER BY v <-> '[0,0,0]' LIMIT 10";

/// A list that is not finished holds no page of its index, so an open cursor stands in no vacuum's way.
#[test]
fn an_open_cursor_does_not_block_vacuum_of_the_indexes_it_has_listed() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    for (persistence, method) in [
        ("UNLOGGED", "btree"),
        ("", "btree"),
        ("UNLOGGED", "hash"),
        ("", "hash"),
    ] {
        client.batch_execute(&format!(
            "DROP TABLE IF EXISTS many;
             CREATE {persistence} TABLE many (id int, kind int, v vector(3));
             INSERT INTO many SELECT i, CASE WHEN i % 5 = 0 THEN 7 ELSE -i END,
                 ARRAY[sin(i) + CASE WHEN i % 5 = 0 THEN 100 ELSE 0 END, cos(i), i / 12000.0]::vector
                 FROM generate_series(1, 12000) i;
             CREATE INDEX many_kind ON many USING {method} (kind);
             CREATE INDEX many_v ON many USING hnsw (v vector_l2_ops)",
        ))?;
        client.batch_execute("VACUUM ANALYZE many")?;
        client.batch_execute(
            "DELETE FROM many WHERE id % 40 = 1; SET work_mem = '64kB'; SET hnsw.outline_mem = 0",
        )?;
        let plan = analyzed(&mut client, TOO_MANY)?;
        let list = plan.lines().find(|line| line.contains("many_kind"));
        assert!(
            list.is_some_and(|line| !line.contains("never executed")),
            "{plan}"
        );
        client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {TOO_MANY}"))?;
        assert_eq!(ids(&mut client, "FETCH 1 FROM c")?.len(), 1);
        let mut other = cluster.connect()?;
        other.batch_execute("SET statement_timeout = '60s'")?;
        other.batch_execute("VACUUM many")?;
        assert_eq!(ids(&mut client, "FETCH ALL FROM c")?.len(), 9);
        client.batch_execute("COMMIT; RESET work_mem")?;
    }
    Ok(())
}

/// Entries that an index has been asked for, as its statistics have it.
fn entries_read(client: &mut Client, index: &str) -> Result<i64> {
    client.batch_execute("SELECT pg_stat_force_next_flush()")?;
    let sql = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = $1";
    Ok(client.query_one(sql, &[&index])?.get(0))
}

#[test]
fn what_lists_have_read_is_counted_by_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let before = entries_read(&mut client, "items_far")?;
    let listed = query("far < 300");
    assert_eq!(ids(&mut client, &listed)?.len(), 10);
    assert_eq!(entries_read(&mut client, "items_far")? - before, 300);
    Ok(())
}

/// Who switches index scans off to have exact answers has no search, whatever other indexes could list.
#[test]
fn lists_are_not_preferred_where_index_scans_are_off() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    client.batch_execute("ALTER TABLE items SET (fillfactor = 10)")?;
    client.batch_execute("VACUUM FULL items")?;
    client.batch_execute("VACUUM ANALYZE items")?;
    let both = query("far < 300 AND a < 300");
    for (settings, wanted) in [
        ("RESET ALL", true),
        ("RESET ALL; SET enable_indexscan = off", false),
    ] {
        client.batch_execute(settings)?;
        let plan = analyzed(&mut client, &both)?;
        assert_eq!(plan.contains(NODE), wanted, "{plan}");
        assert!(plan.contains("BitmapAnd"), "{plan}");
        let found = ids(&mut client, &both)?;
        assert_eq!(sorted(found), sorted(exact(&mut client, &both)?));
    }
    Ok(())
}
