//! Shortlists that several indexes make together.

use postgres::Client;

use super::ranks::learn;
use super::shortlists::{analyzed, exact, prepare_shortlists, query};
use super::{NODE, assert_node, checked, ids, sorted};
use crate::support::Result;
use crate::support::cluster::Cluster;

/// As [`prepare_shortlists`], with indexes of other kinds: those of `tags` and `parity` know bitmaps only, and
/// that of `parity` only pages.
fn prepare(cluster: &Cluster) -> Result<Client> {
    let mut client = prepare_shortlists(cluster)?;
    client.batch_execute(
        "ALTER TABLE items ADD parity int;
         UPDATE items SET parity = id / 1000;
         CREATE INDEX ON items USING gin (tags);
         CREATE INDEX ON items USING hash (word);
         CREATE INDEX ON items USING brin (parity) WITH (pages_per_range = 1);
         ALTER TABLE items SET (fillfactor = 10)",
    )?;
    // The planner brings indexes together where that saves many pages.
    client.batch_execute("VACUUM FULL items")?;
    client.batch_execute("VACUUM ANALYZE items")?;
    Ok(client)
}

/// Rows that both `far` and `a` bound: what the planner expects of them has nothing to do with what they are.
const UNKNOWN: &str = "SELECT id FROM items WHERE far BETWEEN $1 AND $2 AND a BETWEEN $3 AND $4
    ORDER BY v <-> (SELECT v FROM one) LIMIT 10";

/// The plan of that for these bounds, run.
fn analyzed_unknown(client: &mut Client, bounds: [i32; 4]) -> Result<(String, Vec<i32>)> {
    client.batch_execute(&format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE unknown (int, int, int, int) AS {UNKNOWN}"
    ))?;
    let [a, b, c, d] = bounds;
    let execute = format!("EXECUTE unknown ({a}, {b}, {c}, {d})");
    let result = (analyzed(client, &execute)?, ids(client, &execute)?);
    client.batch_execute("DEALLOCATE unknown; RESET plan_cache_mode")?;
    Ok(result)
}

/// The lines of nodes beneath that of several lists.
fn scans(plan: &str) -> Vec<&str> {
    let lines = plan.lines().map(str::trim);
    lines
        .filter(|line| line.contains("Bitmap Index Scan"))
        .collect()
}

#[test]
fn what_several_indexes_list_is_what_they_have_in_common() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for learned in [false, true] {
        for order in ["strict_order", "relaxed_order"] {
            for (filter, node) in [
                ("far < 700 AND a < 800", "BitmapAnd"),
                ("far < 700 AND a < 800 AND word > 'w2'", "BitmapAnd"),
                ("far < 300 OR a < 40", "BitmapOr"),
                ("far < 300 OR far < 200 OR a < 40", "BitmapOr"),
                (
                    "(far < 400 OR a < 100) AND (a < 900 OR far > 3900)",
                    "BitmapAnd",
                ),
                ("far < 900 AND tags @> '{3}'", "BitmapAnd"),
                ("far < 100 OR word = 'w7'", "BitmapOr"),
                ("far < 300 OR tags @> '{3, 4}'", "BitmapOr"),
                ("far < 200 OR parity = 2 AND far < 500", "BitmapOr"),
                ("far < 600 AND far > 3000 AND a < 600", "Bitmap"),
            ] {
                let query = query(filter);
                let truth = exact(&mut client, &query)?;
                client.batch_execute(&format!(
                    "SET hnsw.iterative_scan = {order}; SET hnsw.ef_search = 400"
                ))?;
                let plan = analyzed(&mut client, &query)?;
                assert!(plan.contains(node), "{filter}\n{plan}");
                // Of rows that are ranked one in some hundred comes late.
                let found = ids(&mut client, &query)?;
                assert_eq!(sorted(found), sorted(truth), "{filter}, {order}, {learned}");
            }
        }
        learn(&mut client)?;
    }
    Ok(())
}

#[test]
fn every_row_of_several_lists_comes_once() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for _ in 0..2 {
        for filter in [
            "far < 700 AND a < 800",
            "far < 300 OR a < 150",
            "far < 300 OR a < 150 OR tags @> '{3, 4}'",
        ] {
            let all = query(filter).replace("LIMIT 10", "LIMIT 2000");
            let (found, truth) = (ids(&mut client, &all)?, exact(&mut client, &all)?);
            assert_eq!(sorted(found), sorted(truth), "{filter}");
        }
        learn(&mut client)?;
    }
    Ok(())
}

#[test]
fn explain_says_what_each_index_has_listed() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let plan = analyzed(&mut client, &query("far < 700 AND a < 800"))?;
    let common: i64 = client
        .query_one(
            "SELECT count(*) FROM items WHERE far < 700 AND a < 800",
            &[],
        )?
        .get(0);
    for shown in [
        format!("BitmapAnd (actual rows={common}"),
        "items_far (actual rows=700".to_owned(),
        "items_a (actual rows=800".to_owned(),
    ] {
        assert!(plan.contains(&shown), "{shown}\n{plan}");
    }
    assert!(i64::from(checked(&plan)?) < 2 * common, "{plan}");
    Ok(())
}

/// Few rows are asked about sooner than another index is read.
#[test]
fn an_index_that_would_drop_few_rows_is_not_read() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    // Such bounds are taken to keep one row in 200: forty times fewer than that are none.
    for (bounds, read) in [([-2, -1, 0, 3999], 1), ([0, 800, 0, 800], 2)] {
        let (plan, found) = analyzed_unknown(&mut client, bounds)?;
        let executed = scans(&plan)
            .iter()
            .filter(|line| !line.contains("never executed"))
            .count();
        assert_eq!(executed, read, "{plan}");
        let [a, b, c, d] = bounds;
        let filter = format!("far BETWEEN {a} AND {b} AND a BETWEEN {c} AND {d}");
        assert_eq!(found, exact(&mut client, &query(&filter))?);
    }
    Ok(())
}

/// Parameters change above the node that brings lists together.
#[test]
fn lists_of_several_indexes_are_made_again_for_other_values() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for (filter, node) in [
        (
            "far BETWEEN q.id AND q.id + 600 AND a BETWEEN q.id AND q.id + 700",
            "BitmapAnd",
        ),
        (
            "(far BETWEEN q.id AND q.id + 60 OR a BETWEEN q.id AND q.id + 70)",
            "BitmapOr",
        ),
    ] {
        let joined = format!(
            "SELECT n.id FROM (SELECT * FROM questions ORDER BY id LIMIT 6) q, LATERAL
             (SELECT id FROM items WHERE {filter} ORDER BY v <-> q.v LIMIT 4) n"
        );
        let truth = exact(&mut client, &joined)?;
        assert_eq!(truth.len(), 24);
        let plan = analyzed(&mut client, &joined)?;
        assert!(plan.contains(node) && plan.contains(NODE), "{plan}");
        let found = ids(&mut client, &joined)?;
        assert_eq!(sorted(found), sorted(truth), "{filter}");
    }
    Ok(())
}

/// What one index has too much of, another may know enough of.
#[test]
fn a_list_that_outgrows_its_memory_is_left_out() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "DROP INDEX items_v;
         INSERT INTO items (id, v, a, far) SELECT 10000 * i + id, v, -1, 4000 + id FROM items, generate_series(1, 4) i;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)",
    )?;
    client.batch_execute("VACUUM ANALYZE items")?;
    for (bounds, filter) in [
        ([0, 9000, 0, 300], "a BETWEEN 0 AND 300"),
        ([0, 300, -1, 9000], "far BETWEEN 0 AND 300"),
    ] {
        client.batch_execute("SET work_mem = '64kB'")?;
        let (plan, found) = analyzed_unknown(&mut client, bounds)?;
        assert!(checked(&plan)? < 400, "{plan}");
        assert_eq!(found, exact(&mut client, &query(filter))?, "{plan}");
    }
    Ok(())
}

/// The planner's own way would make a bitmap and sort what it fetches.
#[test]
fn lists_of_several_indexes_are_preferred_to_a_bitmap_and_a_sort() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute("RESET ALL")?;
    let both = query("far < 300 AND a < 300");
    let one = query("far < 20");
    let all = both.replace("LIMIT 10", "");
    let joined = both.replace("FROM items WHERE", "FROM items JOIN small USING (a) WHERE");
    for (setting, query, wanted) in [
        ("hnsw.ef_search = 40", &both, 1),
        ("hnsw.iterative_scan = relaxed_order", &both, 1),
        // Exact, and as fast.
        ("hnsw.ef_search = 40", &one, 0),
        ("hnsw.ef_search = 40", &all, 0),
        ("enable_nestloop = off", &joined, 0),
        // Such scans list nothing.
        ("hnsw.iterative_scan = off", &both, 0),
        ("hnsw.filtered_scan = off", &both, 0),
        ("enable_bitmapscan = off", &both, 0),
    ] {
        client.batch_execute(&format!("SET {setting}"))?;
        assert_node(&mut client, query, wanted)?;
        let found = ids(&mut client, query)?;
        let truth = exact(&mut client, query)?;
        client.batch_execute("RESET ALL")?;
        assert_eq!(sorted(found), sorted(truth), "{setting}: {query}");
    }
    Ok(())
}

/// A plan that was chosen for its lists makes them, though a search would end by itself by now.
#[test]
fn a_plan_made_for_lists_lists_where_searches_end_by_themselves() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let both = query("far < 300 AND a < 300");
    let truth = exact(&mut client, &both)?;
    client.batch_execute("RESET ALL; SET plan_cache_mode = force_generic_plan")?;
    client.batch_execute(&format!("PREPARE lists AS {both}"))?;
    for settings in ["RESET hnsw.iterative_scan", "SET hnsw.iterative_scan = off"] {
        client.batch_execute(settings)?;
        let plan = analyzed(&mut client, "EXECUTE lists")?;
        assert!(plan.contains(NODE), "{plan}");
        let found = ids(&mut client, "EXECUTE lists")?;
        assert_eq!(sorted(found), sorted(truth.clone()), "{settings}\n{plan}");
    }
    Ok(())
}
