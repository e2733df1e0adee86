//! Many equal rows.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, assert_sound, by_index, make_table};

fn prepare(cluster: &Cluster, rows: usize) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        24,
        &Clusters::new(81, 24, 10).vectors(rows),
    )?;
    client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    Ok(client)
}

/// Pages of the index that were read until now.
fn pages_read(client: &mut Client) -> Result<i64> {
    client.batch_execute("SELECT pg_stat_force_next_flush()")?;
    let query = "SELECT idx_blks_read + idx_blks_hit FROM pg_statio_user_indexes WHERE indexrelname = 'items_v'";
    Ok(client.query_one(query, &[])?.get(0))
}

#[test]
fn many_equal_rows_cost_no_more_pages_than_they_lie_on() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 0)?;
    client.batch_execute(
        "DROP TABLE items; CREATE TABLE items (id int PRIMARY KEY, v vector(24));
         INSERT INTO items SELECT i, array_fill(1, ARRAY[24])::vector FROM generate_series(1, 100000) i;
         INSERT INTO items SELECT i, array_fill(i, ARRAY[24])::vector FROM generate_series(100001, 100100) i",
    )?;
    client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    let query = pgvector::Vector::from(vec![1.0; 24]);
    let built = pages_read(&mut client)?;
    for limit in [10, 1_000] {
        let found = by_index(&mut client, "<->", &query, limit)?;
        assert_eq!(i64::try_from(found.len())?, limit);
        assert!(found.iter().all(|(_, distance)| *distance == 0.0));
    }
    assert_eq!(
        by_index(&mut client, "<->", &query, 200_000)?.len(),
        100_100
    );
    let found = pages_read(&mut client)?;
    client.batch_execute(
        "INSERT INTO items SELECT i, array_fill(1, ARRAY[24])::vector FROM generate_series(200000, 202000) i;
         DELETE FROM items WHERE id % 3 = 0",
    )?;
    let inserted = pages_read(&mut client)?;
    client.batch_execute("VACUUM items")?;
    let (found, inserted) = (found - built, inserted - found);
    println!("{found} pages are read by three searches, {inserted} by 2,001 inserts");
    assert!(found < 5_000, "{found}");
    assert!(inserted < 6 * 2_001, "{inserted}");
    assert_sound(&mut client, "items_v")?;
    let seen: i64 = client.query_one("SELECT count(*) FROM items", &[])?.get(0);
    assert_eq!(
        i64::try_from(by_index(&mut client, "<->", &query, 200_000)?.len())?,
        seen
    );
    Ok(())
}
