//! Which plans have the node, and what EXPLAIN says of it.

use postgres::Client;
use serde_json::Value;

use super::{NODE, TAKE_INDEX, assert_node, ids, prepare};
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::plan;

const NEAR: &str = "ORDER BY v <-> (SELECT v FROM questions LIMIT 1) LIMIT 10";

#[test]
fn only_filtered_searches_have_the_node() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for (filter, wanted) in [
        ("WHERE a < 1000", 1),
        ("WHERE a < 1000 AND word > 'w2'", 1),
        ("WHERE lower(word) = 'w2'", 1),
        ("", 0),
        ("WHERE true", 0),
        ("WHERE false", 0),
        ("WHERE random() < 0.5", 0),
        ("WHERE a < 1000 AND random() < 0.5", 0),
        ("WHERE current_setting('work_mem') <> ''", 0),
        ("WHERE a < 1000 AND current_setting('work_mem') <> ''", 1),
    ] {
        assert_node(
            &mut client,
            &format!("SELECT id FROM items {filter} {NEAR}"),
            wanted,
        )?;
    }
    for query in [
        "SELECT id FROM items WHERE a < 1000",
        "SELECT id FROM items WHERE a < 1000 ORDER BY id",
        "SELECT id FROM items WHERE a < 1000 ORDER BY v <-> '[1]', v <-> '[2]' LIMIT 10",
        "UPDATE items SET a = a WHERE a < 1000",
        "DELETE FROM items WHERE a < 1000",
    ] {
        assert_node(&mut client, query, 0)?;
    }
    client.batch_execute("SET hnsw.filtered_scan = off")?;
    let query = format!("SELECT id FROM items WHERE a < 1000 {NEAR}");
    assert_node(&mut client, &query, 0)?;
    let found = ids(&mut client, &query)?;
    client.batch_execute("RESET hnsw.filtered_scan")?;
    assert_eq!(ids(&mut client, &query)?, found);
    Ok(())
}

#[test]
fn what_other_settings_forbid_stays_forbidden() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let query = format!("SELECT id FROM items WHERE a < 1000 {NEAR}");
    client.batch_execute("RESET ALL; SET enable_indexscan = off")?;
    assert_node(&mut client, &query, 0)?;
    // A selective b-tree with a sort is cheaper than a search.
    client.batch_execute("RESET ALL; CREATE INDEX items_a ON items (a)")?;
    let plan = plan(
        &mut client,
        &format!("SELECT id FROM items WHERE a = 7 {NEAR}"),
        &[],
    )?;
    assert!(plan.contains("items_a") && !plan.contains(NODE), "{plan}");
    Ok(())
}

/// The node of a plan in JSON, and the one beneath it.
fn node(plan: &Value) -> Option<(&Value, &Value)> {
    if plan["Custom Plan Provider"] == "FilteredVectorSearch" {
        return Some((plan, &plan["Plans"][0]));
    }
    plan["Plans"].as_array()?.iter().find_map(node)
}

fn explained(client: &mut Client, options: &str, query: &str) -> Result<Value> {
    let row = client.query_one(&format!("EXPLAIN ({options}, FORMAT JSON) {query}"), &[])?;
    Ok(row.get(0))
}

#[test]
fn explain_counts_the_rows_that_were_checked() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let query = format!("SELECT id FROM items WHERE a % 4 = 0 {NEAR}");
    let plan = explained(&mut client, "COSTS ON", &query)?;
    let (ours, scan) = node(&plan[0]["Plan"]).ok_or("no node")?;
    assert_eq!(ours["Rows Checked"], Value::Null);
    assert_eq!(scan["Node Type"], "Index Scan");
    assert_eq!(scan["Index Name"], "items_v");
    assert!(
        scan["Filter"]
            .as_str()
            .is_some_and(|filter| filter.contains("% 4")),
        "{scan}"
    );
    assert!(
        scan["Order By"]
            .as_str()
            .is_some_and(|order| order.contains("<->")),
        "{scan}"
    );

    let plan = explained(&mut client, "ANALYZE, TIMING OFF", &query)?;
    let (ours, scan) = node(&plan[0]["Plan"]).ok_or("no node")?;
    let checked = ours["Rows Checked"].as_i64().ok_or("not counted")?;
    assert!((10..4_000).contains(&checked), "{checked}");
    assert_eq!(ours["Actual Rows"].as_f64(), Some(10.0));
    // What fails is shown where the filter is.
    let removed = scan["Rows Removed by Filter"].as_i64();
    assert_eq!(removed, Some(checked - 10), "{scan}");

    let text = client.query(
        &format!("EXPLAIN (ANALYZE, VERBOSE, COSTS OFF) {query}"),
        &[],
    )?;
    let lines: Vec<String> = text.iter().map(|row| row.get(0)).collect();
    let wanted = format!("Rows Checked: {checked}");
    assert!(
        lines.iter().any(|line| line.contains(&wanted)),
        "{lines:#?}"
    );

    // All rows are checked where none passes, those that the search has come by before it read the table once more.
    let nothing = format!("SELECT id FROM items WHERE a < 0 {NEAR}");
    let plan = explained(&mut client, "ANALYZE", &nothing)?;
    let (ours, _) = node(&plan[0]["Plan"]).ok_or("no node")?;
    let checked = ours["Rows Checked"].as_i64().ok_or("not counted")?;
    assert_eq!(ours["Searches Read"].as_i64(), Some(1), "{ours}");
    assert!((4_000..4_400).contains(&checked), "{checked}");
    client.batch_execute("SET hnsw.max_scan_tuples = 100000")?;
    let plan = explained(&mut client, "ANALYZE", &nothing)?;
    let (ours, _) = node(&plan[0]["Plan"]).ok_or("no node")?;
    assert_eq!(ours["Rows Checked"].as_i64(), Some(4_000));
    Ok(())
}

/// Counts of the node, and how many searches went which way.
fn counts(plan: &Value) -> Result<[i64; 7]> {
    let (ours, _) = node(&plan[0]["Plan"]).ok_or("no node")?;
    let names = [
        "Searches Walked",
        "Searches Listed",
        "Searches Ranked",
        "Nodes Visited",
        "Pages Read",
        "Restarts",
        "Values Measured",
    ];
    let mut counts = [0; 7];
    for (count, name) in counts.iter_mut().zip(names) {
        *count = ours[name].as_i64().ok_or(format!("no {name}: {ours}"))?;
    }
    Ok(counts)
}

#[test]
fn explain_says_which_way_a_search_went_and_what_it_has_cost() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = super::shortlists::prepare_shortlists(&cluster)?;
    let walked = super::shortlists::query("a % 4 = 0");
    let [walks, 0, 0, nodes, pages, ..] = counts(&explained(&mut client, "ANALYZE", &walked)?)?
    else {
        return Err("it did not walk".into());
    };
    assert!(
        walks == 1 && nodes >= 40 && pages > 0,
        "{walks} {nodes} {pages}"
    );
    // The view of scans says the same.
    ids(&mut client, &walked)?;
    let last = client.query_one("SELECT last_nodes, last_pages FROM vector_index_scans", &[])?;
    assert_eq!(
        (last.get::<_, i64>(0), last.get::<_, i64>(1)),
        (nodes, pages)
    );

    let listed = super::shortlists::query("far < 400");
    let [0, 1, 0, _, _, _, measured] = counts(&explained(&mut client, "ANALYZE", &listed)?)? else {
        return Err("it did not list".into());
    };
    assert!(measured >= 400, "{measured}");
    super::ranks::learn(&mut client)?;
    let [0, 0, 1, ..] = counts(&explained(&mut client, "ANALYZE", &listed)?)? else {
        return Err("it did not rank".into());
    };
    // One search a row of the outer table.
    let joined = format!("SELECT n.id FROM generate_series(1, 3) q, LATERAL ({listed} OFFSET q) n");
    let [0, 0, 3, ..] = counts(&explained(&mut client, "ANALYZE", &joined)?)? else {
        return Err("it did not rank three times".into());
    };
    let text = super::shortlists::analyzed(&mut client, &listed)?;
    assert!(
        text.contains("Searches Ranked: 1") && !text.contains("Searches Walked"),
        "{text}"
    );
    Ok(())
}

/// What programs that read plans look for.
#[test]
fn explain_in_json_names_children_and_direction_as_of_any_node() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = super::shortlists::prepare_shortlists(&cluster)?;
    let plan = explained(
        &mut client,
        "ANALYZE, VERBOSE",
        &super::shortlists::query("far < 400"),
    )?;
    let (ours, scan) = node(&plan[0]["Plan"]).ok_or("no node")?;
    assert_eq!(scan["Parent Relationship"], "Outer", "{ours}");
    assert_eq!(scan["Scan Direction"], "Forward", "{ours}");
    let bitmap = &ours["Plans"][1];
    assert_eq!(bitmap["Node Type"], "Bitmap Index Scan", "{ours}");
    assert_eq!(bitmap["Parent Relationship"], "Inner", "{ours}");
    Ok(())
}

/// They are in the table alone.
#[test]
fn rows_without_a_vector_are_not_searched_for_in_an_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute("UPDATE items SET v = NULL WHERE id % 100 = 0; ANALYZE items")?;
    for (filter, wanted) in [
        ("v IS NULL", 10),
        ("v IS NULL AND a < 2000 AND few < 5", 4),
        ("v IS NULL AND v IS NOT NULL", 0),
        ("v IS NOT NULL", 10),
    ] {
        let query = format!("SELECT id FROM items WHERE {filter} {NEAR}");
        let found = ids(&mut client, &query)?;
        let truth = format!("SELECT id FROM items WHERE {filter} LIMIT 10");
        assert!(found.len() <= wanted || filter == "v IS NULL", "{filter}");
        assert_eq!(found.len(), ids(&mut client, &truth)?.len(), "{filter}");
    }
    client.batch_execute("RESET ALL; SET enable_indexscan = off")?;
    ids(
        &mut client,
        &format!("SELECT id FROM items WHERE v IS NULL {NEAR}"),
    )?;
    Ok(())
}

/// Volatile functions are evaluated once a row that is asked for, in sub-selects too.
#[test]
fn volatile_functions_of_sub_selects_are_not_evaluated_by_a_search() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "CREATE SEQUENCE calls;
         CREATE FUNCTION seen(int) RETURNS bool VOLATILE LANGUAGE plpgsql AS
         $$ BEGIN PERFORM nextval('calls'); RETURN true; END $$;
         SET jit = off",
    )?;
    for (filter, wanted) in [
        ("(SELECT seen(items.a))", 0),
        ("(SELECT b FROM (SELECT seen(items.a) AS b OFFSET 0) s)", 0),
        (
            "(WITH s AS MATERIALIZED (SELECT seen(items.a) AS b) SELECT b FROM s)",
            0,
        ),
        (
            "(SELECT max(s.a) > 0 FROM small s WHERE (SELECT seen(items.a)))",
            0,
        ),
        (
            "(SELECT max(s.a) > 0 FROM small s WHERE (SELECT seen(s.a + items.a) OR s.a > 1))",
            0,
        ),
        (
            "(EXISTS (SELECT 1 FROM small s WHERE s.a = items.a AND seen(s.a)) OR items.a < 9999)",
            0,
        ),
        (
            "items.a + 0 NOT IN (SELECT -1 - s.a FROM small s WHERE seen(s.a))",
            0,
        ),
        (
            "(SELECT max(s.a) > 0 FROM small s WHERE s.a >= items.a % 10)",
            1,
        ),
        (
            "(EXISTS (SELECT 1 FROM small s WHERE s.a = items.a) OR items.a < 9999)",
            1,
        ),
    ] {
        let query = format!("SELECT id FROM items WHERE {filter} {NEAR}");
        assert_node(&mut client, &query, wanted)?;
        assert_eq!(ids(&mut client, &query)?.len(), 10, "{filter}");
    }
    client.batch_execute("SELECT setval('calls', 1, false)")?;
    ids(
        &mut client,
        &format!("SELECT id FROM items WHERE (SELECT seen(items.a)) {NEAR}"),
    )?;
    let calls: i64 = client.query_one("SELECT nextval('calls') - 1", &[])?.get(0);
    assert_eq!(calls, 10);
    Ok(())
}

/// What is known once for the query is checked once, above the search.
#[test]
fn clauses_without_columns_are_checked_once() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    client.batch_execute(&format!(
        "PREPARE gated (int, int) AS SELECT a FROM items WHERE $1 > 0 AND a < $2 {NEAR}"
    ))?;
    let shown = plan(&mut client, "EXECUTE gated (1, 500)", &[])?;
    assert_eq!(shown.matches("One-Time Filter").count(), 1, "{shown}");
    assert!(shown.contains(NODE), "{shown}");
    let count = |client: &mut Client, arguments: &str| -> Result<usize> {
        let messages = client.simple_query(&format!("EXECUTE gated ({arguments})"))?;
        let is_row = |m: &&postgres::SimpleQueryMessage| {
            matches!(m, postgres::SimpleQueryMessage::Row(row)
                if row.get(0).and_then(|a| a.parse().ok()).is_some_and(|a: i32| a < 500))
        };
        Ok(messages.iter().filter(is_row).count())
    };
    assert_eq!(count(&mut client, "1, 500")?, 10);
    assert_eq!(count(&mut client, "0, 500")?, 0);
    assert_eq!(count(&mut client, "1, 4")?, 4);
    assert_eq!(count(&mut client, "NULL, 500")?, 0);
    client.batch_execute(&format!("RESET ALL; {TAKE_INDEX}"))?;
    Ok(())
}
