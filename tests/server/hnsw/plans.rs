//! What the planner chooses.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, make_table, plan};

/// A query's plan begins, below LIMIT, with what is wanted.
fn assert_plan(client: &mut Client, query: &str, wanted: &str) -> Result<()> {
    let plan = plan(client, query, &[])?;
    assert!(plan.contains(wanted), "{query}: not {wanted}\n{plan}");
    Ok(())
}

const HNSW: &str = "Index Scan using items_v";

/// Queries that an index serves, and others that it does not.
fn assert_shapes(client: &mut Client, rows: usize, served: bool) -> Result<()> {
    let near = "(SELECT v FROM items WHERE id = 5)";
    let wanted = if served { HNSW } else { "Sort" };
    let half = format!("id <= {}", rows / 2);
    // Half of few and small rows are sorted as fast as the index finds them.
    let filtered = if rows < 3_000 { "" } else { HNSW };
    for (query, wanted) in [
        (
            format!("SELECT id FROM items ORDER BY v <-> {near} LIMIT 10"),
            wanted,
        ),
        (
            format!("SELECT id FROM items WHERE {half} ORDER BY v <-> {near} LIMIT 10"),
            filtered,
        ),
        (
            format!("SELECT id, v <-> {near} FROM items ORDER BY 2 LIMIT 10"),
            wanted,
        ),
        (
            format!("SELECT id FROM items ORDER BY {near} <-> v LIMIT 10"),
            wanted,
        ),
        (
            format!("SELECT id FROM items ORDER BY v <-> {near} OFFSET 5 LIMIT 5"),
            wanted,
        ),
        (
            format!("SELECT id FROM items ORDER BY v <-> {near} DESC LIMIT 10"),
            "Sort",
        ),
        (
            format!("SELECT id FROM items ORDER BY v <=> {near} LIMIT 10"),
            "Sort",
        ),
        (
            format!("SELECT id FROM items ORDER BY v <#> {near} LIMIT 10"),
            "Sort",
        ),
        (
            format!("SELECT id FROM items ORDER BY v <-> {near}"),
            "Sort",
        ),
        (
            format!("SELECT id FROM items WHERE v <-> {near} < 1 LIMIT 10"),
            "Seq Scan on items",
        ),
        ("SELECT v FROM items LIMIT 10".into(), "Seq Scan on items"),
        ("SELECT count(v) FROM items".into(), "Seq Scan on items"),
    ] {
        assert_plan(client, &query, wanted)?;
    }
    Ok(())
}

fn table(client: &mut Client, dims: usize, rows: usize) -> Result<()> {
    make_table(client, "", dims, &Clusters::new(61, dims, 12).vectors(rows))?;
    client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    client.batch_execute("VACUUM ANALYZE items")?;
    Ok(())
}

#[test]
fn the_index_is_taken_where_it_pays() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    for (dims, rows, served) in [
        (3, 20, false),
        (3, 100, false),
        (384, 20, false),
        (384, 100, false),
        (3, 1_500, true),
        (384, 1_200, true),
        (3, 10_000, true),
        (384, 3_000, true),
    ] {
        println!("{rows} rows of {dims} dimensions");
        table(&mut client, dims, rows)?;
        assert_shapes(&mut client, rows, served)?;
    }
    Ok(())
}

#[test]
fn a_selective_btree_is_preferred_and_an_unselective_filter_is_not_feared() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    table(&mut client, 32, 20_000)?;
    client.batch_execute(
        "ALTER TABLE items ADD k int, ADD half bool;
         UPDATE items SET k = id / 50, half = id % 2 = 0;
         CREATE INDEX items_k ON items (k)",
    )?;
    client.batch_execute("VACUUM FULL ANALYZE items")?;
    let near = "'[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]'";
    let query = |filter: &str| {
        format!("SELECT id FROM items WHERE {filter} ORDER BY v <-> {near} LIMIT 10")
    };
    assert_plan(&mut client, &query("k = 7"), "items_k")?;
    assert_plan(&mut client, &query("half"), HNSW)?;
    assert_plan(&mut client, &query("k < 350"), HNSW)?;
    assert_plan(&mut client, &query("id = 77"), "items_pkey")?;

    // A prepared statement is planned for any query, and stays so.
    client.batch_execute(
        "SET plan_cache_mode = force_generic_plan;
         PREPARE near (vector) AS SELECT id FROM items ORDER BY v <-> $1 LIMIT 10;
         PREPARE several (vector, int) AS SELECT id FROM items ORDER BY v <-> $1 LIMIT $2",
    )?;
    assert_plan(&mut client, &format!("EXECUTE near ({near})"), HNSW)?;
    assert_plan(&mut client, &format!("EXECUTE several ({near}, 5)"), HNSW)?;
    let rows = client.simple_query(&format!("EXECUTE near ({near})"))?;
    assert_eq!(
        rows.iter()
            .filter(|m| matches!(m, postgres::SimpleQueryMessage::Row(_)))
            .count(),
        10
    );
    Ok(())
}

#[test]
fn partitions_are_merged_in_order() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    table(&mut client, 16, 6_000)?;
    client.batch_execute(
        "CREATE TABLE parted (id int, v vector(16)) PARTITION BY RANGE (id);
         CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (2500);
         CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (2500) TO (10000);
         INSERT INTO parted SELECT id, v FROM items;
         CREATE INDEX parted_v ON parted USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 32);
         ANALYZE parted",
    )?;
    let query = |filter: &str| {
        format!(
            "SELECT id FROM parted WHERE {filter} ORDER BY v <-> (SELECT v FROM items WHERE id = 9) LIMIT 10"
        )
    };
    let whole = plan(&mut client, &query("true"), &[])?;
    assert!(whole.contains("Merge Append"), "{whole}");
    assert_eq!(
        whole.matches("Index Scan using part_").count(),
        2,
        "{whole}"
    );
    let pruned = plan(&mut client, &query("id < 2000"), &[])?;
    assert!(
        !pruned.contains("Merge Append") && pruned.contains("part_1_v_idx"),
        "{pruned}"
    );

    let ids = |client: &mut Client, query: &str| -> Result<Vec<i32>> {
        Ok(client
            .query(query, &[])?
            .iter()
            .map(|row| row.get(0))
            .collect())
    };
    let found = ids(&mut client, &query("true"))?;
    client.batch_execute("SET enable_indexscan = off")?;
    assert_eq!(found, ids(&mut client, &query("true"))?);
    client.batch_execute("RESET enable_indexscan")?;

    // Detached and attached again, the partition keeps its index.
    client.batch_execute(
        "ALTER TABLE parted DETACH PARTITION part_2;
         CREATE TABLE part_3 (id int, v vector(16));
         INSERT INTO part_3 SELECT id + 10000, v FROM items WHERE id <= 1500;
         CREATE INDEX part_3_v ON part_3 USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 32);
         ALTER TABLE parted ATTACH PARTITION part_2 FOR VALUES FROM (2500) TO (10000);
         ALTER TABLE parted ATTACH PARTITION part_3 FOR VALUES FROM (10000) TO (20000);
         ANALYZE part_3",
    )?;
    let children = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'parted_v'::regclass";
    assert_eq!(client.query_one(children, &[])?.get::<_, i64>(0), 3);
    let whole = plan(&mut client, &query("true"), &[])?;
    assert_eq!(
        whole.matches("Index Scan using part_").count(),
        3,
        "{whole}"
    );
    Ok(())
}

#[test]
fn parallel_plans_work_beside_the_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    table(&mut client, 16, 8_000)?;
    let near = "SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 3) LIMIT 50";
    let ids = |client: &mut Client| -> Result<Vec<i32>> {
        let rows = client.query(near, &[])?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    client.batch_execute("SET hnsw.ef_search = 77")?;
    let alone = ids(&mut client)?;
    // A worker searches, with the settings of its leader.
    let force = if cluster.installation().major() < 16 {
        "SET force_parallel_mode = on"
    } else {
        "SET debug_parallel_query = on"
    };
    client.batch_execute(force)?;
    let forced = "SELECT id FROM items ORDER BY v <-> '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]' LIMIT 50";
    let plan_of = plan(&mut client, forced, &[])?;
    assert!(
        plan_of.contains("Gather") && plan_of.contains(HNSW),
        "{plan_of}"
    );
    assert_eq!(client.query(forced, &[])?.len(), 50);
    assert_eq!(ids(&mut client)?, alone);
    client.batch_execute(
        "RESET ALL; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
         SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2",
    )?;
    let joined = format!("SELECT count(*) FROM ({near}) b JOIN items c ON c.id % 100 = b.id % 100");
    let rows: i64 = client.query_one(&joined, &[])?.get(0);
    assert_eq!(rows, 50 * 80);
    let average = "SELECT avg(v) <-> (SELECT v FROM items WHERE id = 1) < 1e9 FROM items";
    assert!(plan(&mut client, average, &[])?.contains("Parallel Seq Scan"));
    assert!(client.query_one(average, &[])?.get::<_, bool>(0));
    Ok(())
}

#[test]
fn two_distances_in_order_by_are_answered() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    table(&mut client, 3, 3_000)?;
    let near = "SELECT id FROM items ORDER BY v <-> '[1,1,1]', v <-> '[0,0,0]', id LIMIT 10";
    let two = "SELECT id FROM items ORDER BY v <-> '[1,1,1]', v <-> '[0,0,0]' LIMIT 10";
    let ties = "SELECT id FROM items ORDER BY v <-> '[1,1,1]', id LIMIT 10";
    let mut answers = Vec::new();
    for query in [near, two, ties] {
        let rows = client.query(query, &[])?;
        answers.push(rows.iter().map(|row| row.get(0)).collect::<Vec<i32>>());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    Ok(())
}
