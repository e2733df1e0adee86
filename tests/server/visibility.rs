//! Transactions see their own versions of a row.

use pgvector::Vector;
use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;

fn vector(client: &mut Client) -> Result<Vec<f32>> {
    let row = client.query_one("SELECT v FROM items WHERE id = 1", &[])?;
    Ok(row.get::<_, Vector>(0).to_vec())
}

fn nearest(client: &mut Client) -> Result<i32> {
    let query = Vector::from(vec![9.0, 9.0]);
    let row = client.query_one("SELECT id FROM items ORDER BY v <-> $1 LIMIT 1", &[&query])?;
    Ok(row.get(0))
}

#[test]
fn two_versions_of_a_row_are_seen_each_by_its_own_transaction() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut writer = cluster.client()?;
    let mut reader = cluster.connect()?;
    writer.batch_execute(
        "CREATE TABLE items (id int PRIMARY KEY, v vector(2));
         INSERT INTO items VALUES (1, '[1,1]'), (2, '[5,5]')",
    )?;
    reader.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
    assert_eq!(nearest(&mut reader)?, 2);

    writer.batch_execute("BEGIN; UPDATE items SET v = '[9,9]' WHERE id = 1")?;
    assert_eq!(
        (nearest(&mut writer)?, vector(&mut writer)?),
        (1, vec![9.0, 9.0])
    );
    assert_eq!(
        (nearest(&mut reader)?, vector(&mut reader)?),
        (2, vec![1.0, 1.0])
    );

    writer.batch_execute("COMMIT")?;
    assert_eq!(
        (nearest(&mut reader)?, vector(&mut reader)?),
        (2, vec![1.0, 1.0])
    );
    reader.batch_execute("COMMIT")?;
    assert_eq!(
        (nearest(&mut reader)?, vector(&mut reader)?),
        (1, vec![9.0, 9.0])
    );

    writer.batch_execute("BEGIN; DELETE FROM items WHERE id = 1; SAVEPOINT s")?;
    writer.batch_execute("INSERT INTO items VALUES (1, '[0,0]'); ROLLBACK TO s")?;
    assert_eq!(nearest(&mut writer)?, 2);
    writer.batch_execute("ROLLBACK")?;
    assert_eq!(nearest(&mut writer)?, 1);
    Ok(())
}
