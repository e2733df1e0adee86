//! An index that is changed for long stays as large and as good as it was.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    Clusters, assert_right, assert_sound, by_index, copy_rows, exactly, make_table, recall, share,
};

fn size(client: &mut Client) -> Result<i64> {
    Ok(client
        .query_one("SELECT pg_relation_size('items_v')", &[])?
        .get(0))
}

fn mean_recall(client: &mut Client, queries: &[pgvector::Vector]) -> Result<f64> {
    let mut sum = 0.0;
    for query in queries {
        sum += recall(
            &by_index(client, "<->", query, 10)?,
            &exactly(client, "<->", query, 10)?,
        );
    }
    Ok(sum * share(1, queries.len()))
}

#[test]
fn steady_churn_neither_grows_an_index_nor_spoils_it() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    let mut vectors = Clusters::new(101, 48, 10);
    let queries = vectors.vectors(20);
    make_table(&mut client, "", 48, &vectors.vectors(2_000))?;
    client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    let before = mean_recall(&mut client, &queries)?;
    let mut first = 0;
    for round in 0..8 {
        client.batch_execute(&format!(
            "DELETE FROM items WHERE (id * 7919) % 10 = {round}"
        ))?;
        client.batch_execute("VACUUM items")?;
        let gone: i64 = client
            .query_one("SELECT 2000 - count(*) FROM items", &[])?
            .get(0);
        copy_rows(
            &mut client,
            10_000 * (round + 1),
            &vectors.vectors(usize::try_from(gone)?),
        )?;
        if round == 0 {
            first = size(&mut client)?;
        }
    }
    let last = size(&mut client)?;
    assert!(last * 100 <= first * 105, "{first} bytes, {last} bytes");
    let after = mean_recall(&mut client, &queries)?;
    println!("{first} bytes, {last} bytes; recall {before:.3}, {after:.3}");
    assert!(after >= before - 0.05, "recall {before}, {after}");
    assert_right(&mut client, "items_v", &queries[..2])
}

#[test]
fn churn_of_equal_rows_does_not_grow_an_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(&mut client, "", 3, &[])?;
    client.batch_execute(
        "INSERT INTO items SELECT i, ARRAY[i % 3, 1, 1]::vector FROM generate_series(1, 20000) i;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops); CREATE SEQUENCE ids START 100000",
    )?;
    let mut first = 0;
    for round in 0..12 {
        client.batch_execute("DELETE FROM items WHERE random() < 0.1")?;
        client.batch_execute("VACUUM items")?;
        client.batch_execute(
            "INSERT INTO items SELECT nextval('ids'), ARRAY[i % 3, 1, 1]::vector
               FROM generate_series(1, 20000 - (SELECT count(*)::int FROM items)) i",
        )?;
        if round == 1 {
            first = size(&mut client)?;
        }
    }
    assert_sound(&mut client, "items_v")?;
    let last = size(&mut client)?;
    assert!(last * 10 <= first * 13, "{first} bytes, {last} bytes");
    Ok(())
}

#[test]
fn a_row_that_is_updated_again_and_again_takes_no_more_room() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(&mut client, "", 16, &Clusters::new(102, 16, 5).vectors(300))?;
    client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    let mut first = 0;
    for round in 0..20 {
        for _ in 0..10 {
            client.batch_execute("UPDATE items SET v = v")?;
        }
        client.batch_execute("VACUUM items")?;
        if round == 2 {
            first = size(&mut client)?;
        }
    }
    let last = size(&mut client)?;
    assert!(last <= first + first / 20, "{first} bytes, {last} bytes");
    assert_sound(&mut client, "items_v")
}

#[test]
fn analyze_and_vacuum_without_dead_rows_change_nothing() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(&mut client, "", 16, &Clusters::new(103, 16, 5).vectors(500))?;
    client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    client.batch_execute("VACUUM (ANALYZE, FREEZE) items")?;
    let path: String = client
        .query_one("SELECT pg_relation_filepath('items_v')", &[])?
        .get(0);
    let path = cluster.data().join(path);
    client.batch_execute("CHECKPOINT")?;
    let before = std::fs::read(&path)?;
    for statement in [
        "ANALYZE items",
        "VACUUM items",
        "VACUUM (INDEX_CLEANUP ON) items",
    ] {
        client.batch_execute(statement)?;
        client.batch_execute("CHECKPOINT")?;
        assert!(std::fs::read(&path)? == before, "{statement}");
    }
    Ok(())
}
