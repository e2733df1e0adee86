//! What else an index must do: made and rebuilt while others write, moved, emptied, dropped, restored.

use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    BY_INDEX, Clusters, assert_right, assert_sound, copy_rows, make_table, plan,
};

of_each_method! {
    concurrent_builds_and_rebuilds_miss_no_row_that_is_written_meanwhile,
    partial_and_expression_indexes_answer_their_queries,
    unlogged_and_temporary_tables_have_indexes_too,
    emptied_altered_and_moved_tables_keep_a_right_index,
    dump_and_restore_keep_indexes_and_their_options,
}

fn prepare(cluster: &Cluster, kind: &str, rows: usize) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        kind,
        24,
        &Clusters::new(71, 24, 10).vectors(rows),
    )?;
    Ok(client)
}

fn right(client: &mut Client, index: &str) -> Result<()> {
    assert_right(client, index, &Clusters::new(72, 24, 10).vectors(2))
}

fn count(client: &mut Client, query: &str) -> Result<i64> {
    Ok(client.query_one(query, &[])?.get(0))
}

fn concurrent_builds_and_rebuilds_miss_no_row_that_is_written_meanwhile(
    method: TestedMethod,
) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, "", 1_500)?;
    let end = Instant::now() + Duration::from_secs(6);
    thread::scope(|scope| -> Result<()> {
        let write = |writer: i32| -> Result<()> {
            let mut session = cluster.connect()?;
            let mut vectors = Clusters::new(73, 24, 10);
            let mut id = 10_000 * writer;
            while Instant::now() < end {
                id += 1;
                session.execute(
                    "INSERT INTO items VALUES ($1, $2)",
                    &[&id, &vectors.vector()],
                )?;
                session.execute("UPDATE items SET v = v + v WHERE id = $1 - 7", &[&id])?;
                session.execute("DELETE FROM items WHERE id = $1 - 30", &[&id])?;
                thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        };
        let writers = [1, 2].map(|writer| scope.spawn(move || write(writer)));
        let mut rounds = 0;
        while Instant::now() < end {
            client
                .batch_execute(&method.sql(
                    "CREATE INDEX CONCURRENTLY items_v ON items USING hnsw (v vector_l2_ops)",
                ))?;
            assert_sound(&mut client, "items_v")?;
            client.batch_execute("REINDEX INDEX CONCURRENTLY items_v")?;
            assert_sound(&mut client, "items_v")?;
            client.batch_execute("REINDEX TABLE items")?;
            assert_sound(&mut client, "items_v")?;
            if Instant::now() < end {
                client.batch_execute("DROP INDEX CONCURRENTLY items_v")?;
            }
            rounds += 1;
        }
        for writer in writers {
            writer.join().map_err(|_| "a writer has panicked")??;
        }
        println!("{rounds} rounds");
        Ok(())
    })?;
    right(&mut client, "items_v")
}

fn partial_and_expression_indexes_answer_their_queries(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, "", 1_500)?;
    client.batch_execute(&method.sql("CREATE TABLE loose (id int, k int, embedding vector);
         INSERT INTO loose SELECT id, id % 3, CASE WHEN id % 3 = 0 THEN subvector(v, 1, 3) ELSE v END
           FROM items;
         CREATE INDEX loose_3 ON loose USING hnsw ((embedding::vector(3)) vector_l2_ops) WHERE k = 0;
         CREATE INDEX items_sub ON items USING hnsw ((subvector(v, 1, 3)::vector(3)) vector_l2_ops)"))?;
    client.batch_execute(BY_INDEX)?;
    // Every list is read.
    client.batch_execute("SET ivfflat.probes = 32768")?;
    for (index, exact, query) in [
        (
            "loose_3",
            "SELECT id FROM loose WHERE k = 0 ORDER BY embedding <-> '[1,0,0]' LIMIT 20",
            "SELECT id FROM loose WHERE k = 0 ORDER BY embedding::vector(3) <-> '[1,0,0]' LIMIT 20",
        ),
        (
            "items_sub",
            "SELECT id FROM items ORDER BY subvector(v, 1, 3) <-> '[0,1,0]' LIMIT 20",
            "SELECT id FROM items ORDER BY subvector(v, 1, 3)::vector(3) <-> '[0,1,0]' LIMIT 20",
        ),
    ] {
        client.batch_execute("INSERT INTO loose SELECT id + 9000, k, embedding + embedding FROM loose WHERE id < 200")?;
        let plan = plan(&mut client, query, &[])?;
        assert!(plan.contains(index), "{plan}");
        let mut ids = |query: &str| -> Result<Vec<i32>> {
            Ok(client
                .query(query, &[])?
                .iter()
                .map(|row| row.get(0))
                .collect())
        };
        assert_eq!(ids(query)?, ids(exact)?, "{index}");
        assert_sound(&mut client, index)?;
    }
    client
        .batch_execute("DELETE FROM loose WHERE id % 2 = 0; UPDATE loose SET k = 0 WHERE k = 0")?;
    client.batch_execute("VACUUM loose")?;
    assert_sound(&mut client, "loose_3")
}

fn unlogged_and_temporary_tables_have_indexes_too(method: TestedMethod) -> Result<()> {
    let mut cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, "UNLOGGED", 600)?;
    client.batch_execute(&method.sql(
        "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         CREATE TABLE kept AS SELECT id, v FROM items",
    ))?;
    copy_rows(&mut client, 5_000, &Clusters::new(74, 24, 10).vectors(100))?;
    right(&mut client, "items_v")?;
    for stop in [true, false] {
        if stop {
            cluster.stop()?;
        } else {
            cluster.kill_9()?;
        }
        cluster.resume()?;
        client = cluster.connect()?;
        let rows = count(&mut client, "SELECT count(*) FROM items")?;
        assert_eq!(rows, if stop { 700 } else { 0 });
        right(&mut client, "items_v")?;
    }
    client.batch_execute("INSERT INTO items SELECT id, v FROM kept")?;
    right(&mut client, "items_v")?;
    client.batch_execute("ALTER TABLE items SET LOGGED")?;
    cluster.kill_9()?;
    cluster.resume()?;
    client = cluster.connect()?;
    assert_eq!(count(&mut client, "SELECT count(*) FROM items")?, 600);
    right(&mut client, "items_v")?;

    client.batch_execute("ALTER TABLE items RENAME TO lasting")?;
    client.batch_execute(
        "ALTER INDEX items_v RENAME TO lasting_v; ALTER INDEX items_pkey RENAME TO lasting_pkey",
    )?;
    client.batch_execute("SET temp_buffers = '800kB'")?;
    for end in ["PRESERVE", "DELETE"] {
        client.batch_execute(&method.sql(&format!(
            "DROP TABLE IF EXISTS pg_temp.items;
             CREATE TEMP TABLE items (id int PRIMARY KEY, v vector(24)) ON COMMIT {end} ROWS;
             CREATE INDEX items_t ON items USING hnsw (v vector_l2_ops)"
        )))?;
        for round in 0..3 {
            client.batch_execute("BEGIN")?;
            client.batch_execute(&format!(
                "INSERT INTO items SELECT id + {round} * 1000, v FROM kept"
            ))?;
            let near = "SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (SELECT v FROM kept LIMIT 1) LIMIT 300) s";
            assert_eq!(count(&mut client, near)?, 300);
            client.batch_execute("DELETE FROM items WHERE id % 3 = 0")?;
            client.batch_execute("COMMIT")?;
            right(&mut client, "items_t")?;
        }
        client.batch_execute("VACUUM items")?;
        right(&mut client, "items_t")?;
    }
    Ok(())
}

fn emptied_altered_and_moved_tables_keep_a_right_index(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, "", 0)?;
    client
        .batch_execute(&method.sql("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)"))?;
    right(&mut client, "items_v")?;
    let rows = Clusters::new(75, 24, 10).vectors(500);
    copy_rows(&mut client, 1, &rows)?;
    right(&mut client, "items_v")?;
    client.batch_execute("CREATE TABLE kept AS SELECT id, v FROM items")?;

    client.batch_execute(
        "BEGIN; TRUNCATE items; INSERT INTO items SELECT id, v FROM kept WHERE id < 50; ROLLBACK",
    )?;
    right(&mut client, "items_v")?;
    client.batch_execute("TRUNCATE items")?;
    right(&mut client, "items_v")?;
    client.batch_execute("INSERT INTO items SELECT id, v FROM kept WHERE id <= 300")?;
    right(&mut client, "items_v")?;
    client.batch_execute(&method.sql(
        "BEGIN;
         DROP TABLE items;
         CREATE TABLE items (id int PRIMARY KEY, v vector(24));
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         INSERT INTO items SELECT id, v FROM kept;
         TRUNCATE items;
         INSERT INTO items SELECT id, v FROM kept WHERE id <= 200;
         SAVEPOINT s;
         TRUNCATE items;
         INSERT INTO items SELECT id, v FROM kept WHERE id > 400;
         ROLLBACK TO s;
         INSERT INTO items SELECT id, v FROM kept WHERE id BETWEEN 201 AND 250;
         COMMIT",
    ))?;
    assert_eq!(count(&mut client, "SELECT count(*) FROM items")?, 250);
    right(&mut client, "items_v")?;

    let error = client
        .batch_execute("ALTER TABLE items ALTER v TYPE vector(23)")
        .err();
    assert!(error.is_some_and(|e| e.to_string().contains("db error")));
    client.batch_execute("ALTER TABLE items ALTER v TYPE vector(48) USING v || v")?;
    client.batch_execute(
        "ALTER TABLE items ALTER v TYPE vector(24) USING subvector(v, 25, 24)::vector(24)",
    )?;
    right(&mut client, "items_v")?;
    client.batch_execute("CLUSTER items USING items_pkey")?;
    client.batch_execute("VACUUM FULL items")?;
    right(&mut client, "items_v")?;

    // Tablespaces in place are made for tests.
    client.batch_execute("SET allow_in_place_tablespaces = on")?;
    client.batch_execute("CREATE TABLESPACE other LOCATION ''")?;
    client.batch_execute("ALTER INDEX items_v SET TABLESPACE other")?;
    right(&mut client, "items_v")?;
    client.batch_execute("REINDEX (TABLESPACE pg_default) INDEX items_v")?;
    client.batch_execute("SET temp_tablespaces = other; SET maintenance_work_mem = '1MB'")?;
    client.batch_execute(&format!(
        "ALTER INDEX items_v SET ({}); REINDEX INDEX items_v",
        method.other
    ))?;
    right(&mut client, "items_v")?;
    client.batch_execute("DROP TABLE items")?;
    client.batch_execute("DROP TABLESPACE other")?;
    Ok(())
}

fn dump_and_restore_keep_indexes_and_their_options(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, "", 400)?;
    client.batch_execute(&format!(
        "CREATE INDEX items_v ON items USING {name} (v vector_l2_ops) WITH ({other});
         CREATE INDEX items_c ON items USING {name} (v vector_cosine_ops) WHERE id % 2 = 0",
        name = method.name,
        other = method.other
    ))?;
    let definitions =
        "SELECT string_agg(pg_get_indexdef(indexrelid), E'\n' ORDER BY indexrelid::regclass::text)
        FROM pg_index WHERE indrelid = 'items'::regclass";
    let before = cluster.text(definitions)?;
    assert!(before.contains("WITH ("), "{before}");
    let file = cluster.socket().join("dump").display().to_string();
    cluster.run("pg_dump", &["-Fc", "-f", &file, "postgres"])?;
    cluster.run("createdb", &["restored"])?;
    cluster.run(
        "pg_restore",
        &["--exit-on-error", "-j2", "-d", "restored", &file],
    )?;
    assert_eq!(cluster.text_in("restored", definitions)?, before);
    let mut restored = cluster.connect_to("restored")?;
    right(&mut restored, "items_v")?;
    assert_sound(&mut restored, "items_c")
}
