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
    // What fails does not leave the index.
    assert_eq!(
        scan["Rows Removed by Filter"].as_i64().unwrap_or(0),
        0,
        "{scan}"
    );

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

    // All rows are checked where none passes.
    let nothing = format!("SELECT id FROM items WHERE a < 0 {NEAR}");
    let plan = explained(&mut client, "ANALYZE", &nothing)?;
    let (ours, _) = node(&plan[0]["Plan"]).ok_or("no node")?;
    assert_eq!(ours["Rows Checked"].as_i64(), Some(4_000));
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
