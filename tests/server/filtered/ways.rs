//! The ways rows are asked for.

use postgres::Client;

use super::{DIMS, NODE, TAKE_INDEX, assert_node, ids, prepare, sorted};
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, EXACT, plan};

#[test]
fn prepared_statements_take_each_time_their_values() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let queries = Clusters::new(72, DIMS, 12).vectors(12);
    for mode in ["auto", "force_generic_plan", "force_custom_plan"] {
        client.batch_execute(&format!("SET plan_cache_mode = {mode}"))?;
        let statement = client.prepare(
            "SELECT id, a FROM items WHERE a < $2 AND word <> $3 ORDER BY v <-> $1 LIMIT 5",
        )?;
        let checked = client.prepare(
            "SELECT id, a FROM items WHERE a < $2 AND word <> $3 ORDER BY (v <-> $1) + 0 LIMIT 5",
        )?;
        for (query, bound) in queries.iter().zip([4_000, 300, 2, 2_000, 0, 9].repeat(2)) {
            let found = client.query(&statement, &[query, &bound, &"w1"])?;
            let truth = client.query(&checked, &[query, &bound, &"w1"])?;
            let pairs = |rows: &[postgres::Row]| -> Vec<(i32, i32)> {
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            };
            assert_eq!(pairs(&found), pairs(&truth), "{mode}, a < {bound}");
        }
    }
    Ok(())
}

/// Each row of the outer table searches anew, with its own question and its own filter.
#[test]
fn lateral_joins_search_anew_for_each_row() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute("SET hnsw.ef_search = 200")?;
    for filter in [
        "i.a < 1500",
        "i.a % 30 = q.id % 30",
        "i.a >= q.id AND i.word <> 'w9'",
    ] {
        let query = format!(
            "SELECT n.id FROM questions q, LATERAL (SELECT i.id, i.v <-> q.v AS d FROM items i
                 WHERE {filter} ORDER BY i.v <-> q.v LIMIT 4) n ORDER BY q.id, n.d"
        );
        client.batch_execute("SET enable_sort = on")?;
        assert_node(&mut client, &query, 1)?;
        let found = ids(&mut client, &query)?;
        client.batch_execute(EXACT)?;
        let truth = ids(&mut client, &query)?;
        client.batch_execute(&format!("RESET enable_indexscan; {TAKE_INDEX}"))?;
        assert_eq!(found.len(), truth.len());
        let same = found.iter().zip(&truth).filter(|(f, t)| f == t).count();
        assert!(
            same * 100 >= truth.len() * 95,
            "{filter}: {same} of {}",
            truth.len()
        );
    }
    // As a value, with a search that is not the first of its kind.
    let scalar = "SELECT (SELECT i.id FROM items i WHERE i.a <> q.id ORDER BY i.v <-> q.v LIMIT 1) FROM questions q ORDER BY q.id";
    client.batch_execute("SET enable_sort = on")?;
    assert_node(&mut client, scalar, 1)?;
    let found = ids(&mut client, scalar)?;
    assert_eq!(
        found,
        ids(&mut client, "SELECT id FROM questions ORDER BY id")?
    );
    Ok(())
}

#[test]
fn common_table_expressions_and_joins_above_a_search_work() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let search = "SELECT id, a FROM items WHERE a < 2000 ORDER BY v <-> (SELECT v FROM questions LIMIT 1) LIMIT 20";
    let near = ids(&mut client, search)?;
    for query in [
        format!("WITH near AS MATERIALIZED ({search}) SELECT id FROM near"),
        format!("WITH near AS NOT MATERIALIZED ({search}) SELECT id FROM near"),
        format!("SELECT n.id FROM ({search}) n LEFT JOIN small s ON s.a = n.a"),
        format!("SELECT id FROM ({search}) n WHERE n.a >= 0"),
    ] {
        assert_node(&mut client, &query, 1)?;
        let found = ids(&mut client, &query)?;
        assert_eq!(sorted(found), sorted(near.clone()), "{query}");
    }
    // Twice in one query, with the same filter and another.
    let twice = format!("SELECT x.id FROM ({search}) x JOIN ({search}) y USING (id)");
    assert_node(&mut client, &twice, 2)?;
    assert_eq!(ids(&mut client, &twice)?.len(), 20);
    Ok(())
}

#[test]
fn cursors_go_forward_and_keep_their_place() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let search =
        "SELECT id FROM items WHERE a % 4 = 0 ORDER BY v <-> (SELECT v FROM questions LIMIT 1)";
    let whole = ids(&mut client, &format!("{search} LIMIT 60"))?;
    for kind in [
        "NO SCROLL CURSOR",
        "SCROLL CURSOR",
        "NO SCROLL CURSOR WITH HOLD",
    ] {
        client.batch_execute(&format!("BEGIN; DECLARE c {kind} FOR {search} LIMIT 60"))?;
        let mut found = ids(&mut client, "FETCH 7 FROM c")?;
        if kind.ends_with("HOLD") {
            client.batch_execute("COMMIT; BEGIN")?;
        }
        found.extend(ids(&mut client, "FETCH 20 FROM c")?);
        if kind == "SCROLL CURSOR" {
            assert_eq!(ids(&mut client, "FETCH BACKWARD 1 FROM c")?, whole[25..26]);
            assert_eq!(ids(&mut client, "FETCH ABSOLUTE 3 FROM c")?, whole[2..3]);
            assert_eq!(ids(&mut client, "FETCH ABSOLUTE 27 FROM c")?, whole[26..27]);
        }
        found.extend(ids(&mut client, "FETCH ALL FROM c")?);
        assert_eq!(found, whole, "{kind}");
        client.batch_execute("CLOSE c; COMMIT")?;
    }
    Ok(())
}

#[test]
fn the_current_row_of_a_cursor_can_be_changed() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let search = "SELECT id FROM items WHERE a % 4 = 0 ORDER BY v <-> (SELECT v FROM questions LIMIT 1) LIMIT 5";
    for lock in ["", "FOR UPDATE"] {
        client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {search} {lock}"))?;
        ids(&mut client, "FETCH 2 FROM c")?;
        let third = ids(&mut client, "FETCH 1 FROM c")?;
        let changed = client.query(
            "UPDATE items SET word = 'it' WHERE CURRENT OF c RETURNING id",
            &[],
        )?;
        assert_eq!(
            changed.iter().map(|row| row.get(0)).collect::<Vec<i32>>(),
            third
        );
        assert_eq!(ids(&mut client, "FETCH ALL FROM c")?.len(), 2);
        client.batch_execute("ROLLBACK")?;
    }
    Ok(())
}

#[test]
fn partitions_are_each_filtered_and_merged() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "CREATE TABLE parted (word text, id int, a int, v vector(24)) PARTITION BY RANGE (id);
         CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (1500);
         CREATE TABLE part_2 (a int, gone int, v vector(24), word text, id int);
         ALTER TABLE part_2 DROP gone;
         ALTER TABLE parted ATTACH PARTITION part_2 FOR VALUES FROM (1500) TO (10000);
         INSERT INTO parted SELECT word, id, a, v FROM items;
         CREATE INDEX parted_v ON parted USING hnsw (v vector_l2_ops);
         CREATE TABLE heir (extra text) INHERITS (small);
         ANALYZE parted",
    )?;
    for columns in [
        "id",
        "*",
        "word || 'x', v <-> (SELECT v FROM questions LIMIT 1)",
        "parted",
        "tableoid",
    ] {
        let query = format!(
            "SELECT q::text FROM (SELECT {columns} FROM parted WHERE a < 1000
                 ORDER BY v <-> (SELECT v FROM questions LIMIT 1) LIMIT 20) q"
        );
        let shown = plan(&mut client, &query, &[])?;
        assert_eq!(shown.matches(NODE).count(), 2, "{shown}");
        assert!(shown.contains("Merge Append"), "{shown}");
        let texts = |client: &mut Client| -> Result<Vec<String>> {
            let rows = client.query(&query, &[])?;
            Ok(rows.iter().map(|row| row.get(0)).collect())
        };
        let found = texts(&mut client)?;
        client.batch_execute(EXACT)?;
        assert_eq!(found, texts(&mut client)?, "{columns}");
        client.batch_execute(&format!("RESET enable_indexscan; {TAKE_INDEX}"))?;
    }
    Ok(())
}

#[test]
fn parallel_workers_run_the_node() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let query = format!(
        "SELECT id FROM items WHERE a % 4 = 0 AND word <> 'w3' ORDER BY v <-> '[{}]' LIMIT 30",
        vec!["0.5"; DIMS].join(",")
    );
    let alone = ids(&mut client, &query)?;
    let force = if cluster.installation().major() < 16 {
        "SET force_parallel_mode = on"
    } else {
        "SET debug_parallel_query = on"
    };
    client.batch_execute(force)?;
    let shown = plan(&mut client, &query, &[])?;
    assert!(shown.contains("Gather") && shown.contains(NODE), "{shown}");
    assert_eq!(ids(&mut client, &query)?, alone);
    let text = client.query(&format!("EXPLAIN (ANALYZE, COSTS OFF) {query}"), &[])?;
    let lines: Vec<String> = text.iter().map(|row| row.get(0)).collect();
    assert!(
        !lines.iter().any(|line| line.contains("Rows Checked: 0")),
        "{lines:#?}"
    );
    Ok(())
}
