//! Savepoints, isolation, HOT, and what a snapshot may see.

use postgres::error::SqlState;
use postgres::{Client, SimpleQueryMessage};

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{BY_INDEX, Clusters, assert_right, copy_rows, make_table};

of_each_method! {
    rows_that_are_rolled_back_are_seen_by_nobody_and_vacuumed,
    hot_and_other_updates_and_copy_keep_a_right_index,
    read_committed_sees_each_commit_and_repeatable_read_none,
    one_of_two_serializable_transactions_fails_where_each_has_read_what_the_other_writes,
}

fn prepare(cluster: &Cluster, method: TestedMethod) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(&mut client, "", 24, &Clusters::new(91, 24, 10).vectors(800))?;
    client
        .batch_execute(&method.sql("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)"))?;
    Ok(client)
}

fn right(client: &mut Client) -> Result<()> {
    client.batch_execute("RESET ALL")?;
    assert_right(client, "items_v", &Clusters::new(92, 24, 10).vectors(2))
}

const NEAR: &str = "SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 1) LIMIT 1";

fn nearest(client: &mut Client) -> Result<i32> {
    Ok(client.query_one(NEAR, &[])?.get(0))
}

fn rows_that_are_rolled_back_are_seen_by_nobody_and_vacuumed(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, method)?;
    client.batch_execute(BY_INDEX)?;
    client.batch_execute(
        "BEGIN; SAVEPOINT a;
         INSERT INTO items SELECT id + 10000, v FROM items; ROLLBACK TO a;
         INSERT INTO items SELECT id + 20000, v + v FROM items WHERE id < 100; SAVEPOINT b;
         UPDATE items SET v = v + v WHERE id % 2 = 0; ROLLBACK TO b; COMMIT",
    )?;
    right(&mut client)?;
    client.batch_execute("VACUUM items")?;
    right(&mut client)?;
    let dead: i64 = client
        .query_one("SELECT dead FROM vector_index_info('items_v')", &[])?
        .get(0);
    let rows: i64 = client
        .query_one("SELECT rows FROM vector_index_info('items_v')", &[])?
        .get(0);
    assert_eq!((rows, dead), (899, 0));
    // An exception in a function is a savepoint too.
    client.batch_execute(
        "DO $$ BEGIN
           FOR i IN 1..50 LOOP
             BEGIN
               INSERT INTO items SELECT 30000 + i, v FROM items WHERE id = i;
               IF i % 2 = 0 THEN RAISE division_by_zero; END IF;
             EXCEPTION WHEN division_by_zero THEN NULL;
             END;
           END LOOP;
         END $$",
    )?;
    right(&mut client)
}

fn hot_and_other_updates_and_copy_keep_a_right_index(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, method)?;
    client.batch_execute(
        "ALTER TABLE items ADD n int DEFAULT 0; ALTER TABLE items SET (fillfactor = 50)",
    )?;
    client.batch_execute("VACUUM FULL items")?;
    for _ in 0..5 {
        client.batch_execute("UPDATE items SET n = n + 1")?;
        right(&mut client)?;
        client.batch_execute("UPDATE items SET v = v + v WHERE id % 7 = n % 7")?;
        right(&mut client)?;
        client.batch_execute("VACUUM items")?;
    }
    let hot = "SELECT pg_stat_get_tuples_hot_updated('items'::regclass) > 0 OR pg_stat_get_xact_tuples_hot_updated('items'::regclass) >= 0";
    assert!(client.query_one(hot, &[])?.get::<_, bool>(0));
    client.batch_execute("ALTER TABLE items DROP n")?;
    copy_rows(&mut client, 5_000, &Clusters::new(93, 24, 10).vectors(300))?;
    client.batch_execute("UPDATE items SET id = -id WHERE id % 3 = 0; INSERT INTO items SELECT id + 70000, v FROM items WHERE id > 0 ON CONFLICT DO NOTHING; VACUUM items")
        .or_else(|_| client.batch_execute("VACUUM items"))?;
    right(&mut client)
}

fn read_committed_sees_each_commit_and_repeatable_read_none(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut writer = prepare(&cluster, method)?;
    let mut reader = cluster.connect()?;
    reader.batch_execute(BY_INDEX)?;
    for (level, seen) in [("READ COMMITTED", true), ("REPEATABLE READ", false)] {
        reader.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}"))?;
        assert_eq!(nearest(&mut reader)?, 1);
        writer.batch_execute("UPDATE items SET id = 999999 WHERE id = 1; INSERT INTO items SELECT 1, v + v FROM items WHERE id = 2")?;
        writer.batch_execute("VACUUM items")?;
        let query = "SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id IN (1, 999999) ORDER BY id DESC LIMIT 1) LIMIT 1";
        let found: i32 = reader.query_one(query, &[])?.get(0);
        assert_eq!(found, if seen { 999_999 } else { 1 }, "{level}");
        reader.batch_execute("COMMIT")?;
        writer.batch_execute(
            "DELETE FROM items WHERE id = 1; UPDATE items SET id = 1 WHERE id = 999999",
        )?;
    }
    // A row that is locked and changed by another is looked at again.
    writer.batch_execute("BEGIN; UPDATE items SET v = v + v WHERE id = 5")?;
    let near = "SELECT id FROM items WHERE id IN (5, 6) ORDER BY v <-> (SELECT v FROM items WHERE id = 5) LIMIT 1 FOR UPDATE SKIP LOCKED";
    let rows = reader.simple_query(near)?;
    let found = rows
        .iter()
        .filter(|m| matches!(m, SimpleQueryMessage::Row(_)))
        .count();
    assert!(found <= 1);
    writer.batch_execute("COMMIT")?;
    right(&mut writer)
}

fn one_of_two_serializable_transactions_fails_where_each_has_read_what_the_other_writes(
    method: TestedMethod,
) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut one = prepare(&cluster, method)?;
    let mut two = cluster.connect()?;
    for client in [&mut one, &mut two] {
        client.batch_execute(BY_INDEX)?;
        client.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE")?;
    }
    let near = "SELECT id FROM items ORDER BY v <-> '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]' LIMIT 5";
    let mut failed = 0;
    for client in [&mut one, &mut two] {
        client.batch_execute(near)?;
    }
    for (id, client) in [(7_001, &mut one), (7_002, &mut two)] {
        let insert = format!("INSERT INTO items VALUES ({id}, array_fill(1, ARRAY[24])::vector)");
        if let Err(error) = client.batch_execute(&insert) {
            assert_eq!(
                error.code(),
                Some(&SqlState::T_R_SERIALIZATION_FAILURE),
                "{error}"
            );
            failed += 1;
        }
    }
    for client in [&mut one, &mut two] {
        if let Err(error) = client.batch_execute("COMMIT") {
            assert_eq!(
                error.code(),
                Some(&SqlState::T_R_SERIALIZATION_FAILURE),
                "{error}"
            );
            failed += 1;
        }
    }
    assert_eq!(failed, 1);
    Ok(())
}
