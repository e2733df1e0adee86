//! Rows that an index gives and its table does not have.

use std::fs;

use crate::support::Result;
use crate::support::cluster::Cluster;

/// The six bytes of a tuple's place, as indexes hold them.
fn place(block: u32, offset: u16) -> Result<Vec<u8>> {
    let halves = [
        u16::try_from(block >> 16)?,
        u16::try_from(block & 0xFFFF)?,
        offset,
    ];
    Ok(halves.iter().flat_map(|half| half.to_ne_bytes()).collect())
}

#[test]
fn a_row_beyond_the_end_of_the_table_names_the_index_and_its_cure() -> Result<()> {
    let mut cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE items (id int, v vector(3), pad text); ALTER TABLE items ALTER pad SET STORAGE plain;
         INSERT INTO items SELECT i, ARRAY[i, 1, 2]::vector, repeat('x', 2500) FROM generate_series(1, 999) i;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops); CHECKPOINT",
    )?;
    let row = client.query_one("SELECT ctid::text FROM items WHERE id = 980", &[])?;
    let ctid: String = row.get(0);
    let (block, offset) = ctid
        .trim_matches(['(', ')'])
        .split_once(',')
        .ok_or("no ctid")?;
    let file: String = client
        .query_one("SELECT pg_relation_filepath('items_v')", &[])?
        .get(0);
    drop(client);
    cluster.stop()?;
    let file = cluster.data().join(file);
    let mut bytes = fs::read(&file)?;
    let (old, new) = (
        place(block.parse()?, offset.parse()?)?,
        place(16_777_237, 1)?,
    );
    let found: Vec<usize> = (0..bytes.len() - 6)
        .filter(|at| bytes[*at..*at + 6] == old)
        .collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at..at + 6].copy_from_slice(&new);
    }
    fs::write(&file, bytes)?;
    cluster.resume()?;
    let mut client = cluster.connect()?;
    // From PostgreSQL 18 on, clusters have checksums.
    client.batch_execute("SET ignore_checksum_failure = on; SET enable_seqscan = off")?;
    for filter in ["", "WHERE id > 3"] {
        let query = format!("SELECT id FROM items {filter} ORDER BY v <-> '[980,1,2]' LIMIT 5");
        let error = client
            .simple_query(&query)
            .err()
            .ok_or("the row is there")?;
        let error = error.as_db_error().ok_or("no error of the server")?;
        assert_eq!(error.code().code(), "XX002", "{error}");
        assert_eq!(error.message(), "index \"items_v\" is corrupted");
        assert_eq!(
            error.detail(),
            Some("It has a row in block 16777237 of a table of 333 blocks.")
        );
        assert_eq!(error.hint(), Some("REINDEX the index."));
    }
    client.batch_execute("REINDEX INDEX items_v")?;
    let near = "SELECT id FROM items ORDER BY v <-> '[980,1,2]' LIMIT 1";
    assert_eq!(client.query_one(near, &[])?.get::<_, i32>(0), 980);
    Ok(())
}
