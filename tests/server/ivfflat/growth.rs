//! An index that was made on an empty table: its one list is split as rows come.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    BY_INDEX, Clusters, assert_right, assert_sound, copy_rows, ids, make_table, nearest, plan,
};

const DIMS: usize = 24;

fn prepare(cluster: &Cluster, rows: usize) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(&mut client, "", DIMS, &[])?;
    client.batch_execute("CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops)")?;
    copy_rows(&mut client, 1, &Clusters::new(221, DIMS, 12).vectors(rows))?;
    Ok(client)
}

fn right(client: &mut Client) -> Result<()> {
    assert_right(client, "items_v", &Clusters::new(222, DIMS, 12).vectors(2))
}

/// Lists that a search of everything reads: all.
fn lists(cluster: &Cluster) -> Result<i64> {
    let mut client = cluster.client()?;
    client.batch_execute(&format!("{BY_INDEX}; SET ivfflat.probes = 32768"))?;
    let query = Clusters::new(223, DIMS, 12).vector();
    nearest(&mut client, "<->", &query, ("true", 1))?;
    Ok(client
        .query_one("SELECT last_nodes FROM vector_index_scans", &[])?
        .get(0))
}

fn listed(client: &mut Client) -> Result<i64> {
    let sql = "SELECT lists FROM vector_index_info('items_v')";
    Ok(client.query_one(sql, &[])?.get(0))
}

fn pages(client: &mut Client) -> Result<i64> {
    let sql = "SELECT pg_relation_size('items_v') / 8192";
    Ok(client.query_one(sql, &[])?.get(0))
}

fn split(client: &mut Client) -> Result<i64> {
    let sql = "SELECT split FROM vector_index_tend('items_v')";
    Ok(client.query_one(sql, &[])?.get(0))
}

#[test]
fn an_index_on_an_empty_table_gets_its_lists_by_vacuums() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 5_000)?;
    assert_eq!(lists(&cluster)?, 1);
    right(&mut client)?;
    client.batch_execute("VACUUM items")?;
    let some = lists(&cluster)?;
    assert!(some > 1, "{some}");
    right(&mut client)?;
    // Nothing is left to do.
    assert_eq!((split(&mut client)?, lists(&cluster)?), (0, some));

    for round in 1..=3 {
        let rows = Clusters::new(221 + round, DIMS, 12).vectors(3_000);
        copy_rows(&mut client, 10_000 * i32::try_from(round)?, &rows)?;
        client.batch_execute(
            "UPDATE items SET v = v WHERE id % 11 = 3; DELETE FROM items WHERE id % 13 = 5",
        )?;
        right(&mut client)?;
        client.batch_execute("VACUUM items")?;
        right(&mut client)?;
    }
    assert!(lists(&cluster)? > some, "{} lists", lists(&cluster)?);
    client.batch_execute("REINDEX INDEX items_v")?;
    right(&mut client)?;
    client.batch_execute("TRUNCATE items")?;
    assert_eq!(lists(&cluster)?, 1);
    right(&mut client)
}

#[test]
fn lists_of_an_index_are_split_when_somebody_asks() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 5_000)?;
    let before = ids(&nearest(
        &mut client,
        "<->",
        &Clusters::new(222, DIMS, 12).vector(),
        ("true", 10),
    )?);
    assert_eq!(before.len(), 10);
    assert!(split(&mut client)? > 0);
    assert!(lists(&cluster)? > 1);
    right(&mut client)?;
    // In a transaction that is rolled back lists stay as they are split: no row has changed.
    copy_rows(
        &mut client,
        10_000,
        &Clusters::new(224, DIMS, 12).vectors(6_000),
    )?;
    client
        .batch_execute("BEGIN; INSERT INTO items SELECT id + 50000, v FROM items WHERE id < 500")?;
    split(&mut client)?;
    client.batch_execute("ROLLBACK")?;
    right(&mut client)?;
    client.batch_execute("VACUUM items")?;
    right(&mut client)
}

/// Old pages of lists are used again, though no row is ever deleted.
#[test]
fn an_index_of_a_table_that_only_grows_stays_about_as_large_as_one_that_is_built() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 0)?;
    for round in 0..12 {
        let rows = Clusters::new(230, DIMS, 12).vectors(1_000);
        copy_rows(&mut client, 1 + 1_000 * round, &rows)?;
        client.batch_execute("VACUUM items")?;
    }
    assert_sound(&mut client, "items_v")?;
    let grown = pages(&mut client)?;
    client.batch_execute("REINDEX INDEX items_v")?;
    let built = pages(&mut client)?;
    println!("{grown} pages, {built} when built");
    assert!(grown < 2 * built, "{grown} pages, {built} when built");
    Ok(())
}

/// An index that was asked for so many lists has no more of them.
#[test]
fn lists_that_were_asked_for_are_as_many() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 4_000)?;
    client.batch_execute("DROP INDEX items_v; CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops) WITH (lists = 30)")?;
    assert_eq!(lists(&cluster)?, 30);
    copy_rows(
        &mut client,
        10_000,
        &Clusters::new(225, DIMS, 12).vectors(4_000),
    )?;
    client.batch_execute("VACUUM items")?;
    let now = lists(&cluster)?;
    assert!((30..=31).contains(&now), "{now}");
    right(&mut client)
}

/// Without long codes lists are split by the values in the table. They were not read, and lists stayed as they were.
#[test]
fn lists_of_one_bit_are_split_by_the_values_in_the_table() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 0)?;
    for (class, rows) in [
        ("v vector_l2_ops", 5_000),
        ("(v::halfvec(24)) halfvec_cosine_ops", 9_000),
    ] {
        client.batch_execute(&format!(
            "TRUNCATE items; DROP INDEX items_v; CREATE INDEX items_v ON items USING ivfflat ({class}) WITH (bits = 1)"
        ))?;
        copy_rows(&mut client, 1, &Clusters::new(226, DIMS, 12).vectors(rows))?;
        let split_by_vacuum = {
            client.batch_execute("VACUUM items")?;
            listed(&mut client)? > 1
        };
        let is_column = class.starts_with('v');
        // A vacuum computes no expression: that is for whoever owns the table.
        assert_eq!(split_by_vacuum, is_column, "{class}");
        assert_eq!(split(&mut client)? > 0, !is_column, "{class}");
        assert!(listed(&mut client)? > 10, "{class}");
        assert_sound(&mut client, "items_v")?;
        if is_column {
            right(&mut client)?;
        }
    }
    Ok(())
}

/// A vacuum's snapshot keeps no other vacuum from removing values that are stored outside of their rows, so it does not
/// read them.
#[test]
fn lists_of_one_bit_with_values_out_of_line_are_split_when_somebody_asks() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(&mut client, "", 1_000, &[])?;
    client.batch_execute(
        "ALTER TABLE items ALTER v SET STORAGE EXTERNAL;
         CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops) WITH (bits = 1)",
    )?;
    let rows = Clusters::new(227, 1_000, 12).vectors(4_500);
    copy_rows(&mut client, 1, &rows)?;
    client.batch_execute("VACUUM items")?;
    assert_eq!(listed(&mut client)?, 1);
    assert!(split(&mut client)? > 0);
    let lists = listed(&mut client)?;
    assert!(lists > 10, "{lists}");
    // Rows that only an older snapshot sees have no value for who tends, and stay where they are.
    let mut older = cluster.client()?;
    let all = "SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 2) LIMIT 9999) AS s";
    older.batch_execute(&format!(
        "{BY_INDEX}; SET ivfflat.probes = 32768; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM items LIMIT 1"
    ))?;
    client.batch_execute("DELETE FROM items WHERE id % 3 = 1")?;
    copy_rows(&mut client, 10_000, &rows[..3_000])?;
    assert!(split(&mut client)? > 0);
    let shown = plan(&mut older, all, &[])?;
    assert!(shown.contains("Index Scan using items_v"), "{shown}");
    assert_eq!(older.query_one(all, &[])?.get::<_, i64>(0), 4_500);
    older.batch_execute("ROLLBACK")?;
    assert_right(&mut client, "items_v", &rows[..2])?;
    client.batch_execute("VACUUM items")?;
    assert_right(&mut client, "items_v", &rows[..2])
}
