//! A standby answers as its primary does after every change, and takes its place.

use pgvector::Vector;
use postgres::Client;
use postgres::error::SqlState;

use crate::support::Result;
use crate::support::cluster::{Cluster, wait};
use crate::support::vectors::{
    Clusters, assert_right, assert_sound, assert_whole, by_index, copy_rows, ids, make_table,
};

fn assert_equal(
    (primary, standby): (&mut Client, &mut Client),
    queries: &[Vector],
    step: &str,
) -> Result<()> {
    for (operator, limit) in [("<->", 30), ("<=>", 30), ("<->", 200), ("<->", 2_000)] {
        for query in queries {
            let mut wanted = ids(&by_index(primary, operator, query, limit)?);
            let mut found = ids(&by_index(standby, operator, query, limit)?);
            if limit > 1_000 {
                // What was found too late comes at the end, in any order.
                wanted.sort_unstable();
                found.sort_unstable();
            }
            assert_eq!(found, wanted, "{step}: {operator}");
        }
    }
    for index in ["items_v", "items_w"] {
        assert_sound(standby, index)?;
    }
    Ok(())
}

#[test]
fn a_standby_gives_the_answers_of_its_primary_after_each_step() -> Result<()> {
    let primary = Cluster::suspicious()?;
    let mut client = primary.client()?;
    let mut clusters = Clusters::new(11, 32, 8);
    make_table(&mut client, "", 32, &clusters.vectors(600))?;
    client.batch_execute(
        "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         CREATE UNLOGGED TABLE fleeting (id int, v vector(32));
         INSERT INTO fleeting SELECT id, v FROM items;
         CREATE INDEX fleeting_v ON fleeting USING hnsw (v vector_l2_ops)",
    )?;
    let standby = primary.standby()?;
    let mut reader = standby.connect()?;
    client.batch_execute(
        "CREATE INDEX items_w ON items USING hnsw (v vector_cosine_ops) WITH (storage = int8)",
    )?;
    let queries = clusters.vectors(4);
    for round in 0..5 {
        let rows = clusters.vectors(120);
        copy_rows(&mut client, 1_000 + 200 * round, &rows)?;
        let delete = format!("DELETE FROM items WHERE id % 9 = {round}");
        for step in [
            "SELECT",
            &delete,
            "VACUUM items",
            "UPDATE items SET v = v + v WHERE id % 17 = 3",
        ] {
            client.batch_execute(step)?;
            primary.wait_for(&standby)?;
            assert_equal((&mut client, &mut reader), &queries, step)?;
        }
    }
    client.batch_execute("REINDEX INDEX items_v")?;
    primary.wait_for(&standby)?;
    assert_equal((&mut client, &mut reader), &queries, "REINDEX")?;
    take_over(&standby, &mut clusters)
}

/// After promotion the standby takes changes; unlogged tables are there and empty.
fn take_over(standby: &Cluster, clusters: &mut Clusters) -> Result<()> {
    standby.promote()?;
    let mut client = standby.connect()?;
    copy_rows(&mut client, 5_000, &clusters.vectors(200))?;
    client.batch_execute("DELETE FROM items WHERE id % 3 = 1")?;
    client.batch_execute("VACUUM items")?;
    assert_right(&mut client, "items_v", &clusters.vectors(3))?;
    assert_sound(&mut client, "items_w")?;
    client.batch_execute("INSERT INTO fleeting SELECT id, v FROM items")?;
    assert_sound(&mut client, "fleeting_v")?;
    let counts = "SELECT (SELECT count(*) FROM fleeting) = (SELECT count(*) FROM items)";
    assert!(client.query_one(counts, &[])?.get::<_, bool>(0));
    Ok(())
}

#[test]
fn a_standby_answers_while_its_primary_inserts_and_vacuums() -> Result<()> {
    let primary = Cluster::suspicious()?;
    let mut client = primary.client()?;
    let mut clusters = Clusters::new(12, 32, 8);
    make_table(&mut client, "", 32, &clusters.vectors(500))?;
    client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    let standby = primary.standby()?;
    let mut reader = standby.connect()?;
    let query = clusters.vector();
    for round in 0..60 {
        copy_rows(&mut client, 10_000 + 20 * round, &clusters.vectors(20))?;
        if round % 10 == 0 {
            client.batch_execute("DELETE FROM items WHERE random() < 0.1")?;
            client.batch_execute("VACUUM items")?;
        }
        match by_index(&mut reader, "<->", &query, 25) {
            Ok(answer) => assert_eq!(answer.len(), 25),
            Err(error) => {
                let conflict = error
                    .downcast_ref::<postgres::Error>()
                    .and_then(|e| e.code());
                assert_eq!(
                    conflict,
                    Some(&SqlState::T_R_SERIALIZATION_FAILURE),
                    "{error}"
                );
            }
        }
    }
    Ok(())
}

/// A row of several pages is in the log as several changes, and the first makes room for it in a file that gets longer
/// only by the others.
#[test]
fn a_standby_or_its_successor_that_stops_within_an_insert_has_a_right_index() -> Result<()> {
    let primary = Cluster::suspicious()?;
    let mut client = primary.client()?;
    client.batch_execute(
        "CREATE TABLE items (id serial, v vector(5000));
         INSERT INTO items (v) SELECT array_fill(n, ARRAY[5000])::vector FROM generate_series(1, 9) n;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)",
    )?;
    let backup = primary.backup()?;
    client.batch_execute("CHECKPOINT")?;
    let place = "SELECT pg_current_wal_insert_lsn()::text";
    let begin = primary.text(place)?;
    client.batch_execute("INSERT INTO items (v) SELECT array_fill(10, ARRAY[5000])::vector")?;
    let bytes = primary.text(&format!("SELECT pg_current_wal_insert_lsn() - '{begin}'"))?;
    let query = Vector::from(vec![3.0; 5_000]);
    let end: usize = bytes.parse()?;
    // The value itself comes first, into the table.
    let (mut at, mut step) = (4 * 5_000, STEP);
    let mut sizes: Vec<String> = Vec::new();
    while at < end {
        let lsn = primary.text(&format!("SELECT '{begin}'::pg_lsn + {at}"))?;
        let standby = backup.stopped_at(&lsn)?;
        let nodes = standby.text("SELECT count(*) FROM vector_index_info('items_v')")?;
        assert_eq!(nodes, "1", "at {at}");
        let mut reader = standby.connect()?;
        // The links to a row come last.
        let problems = "SELECT problem FROM vector_index_check('items_v') WHERE problem !~ '^rows that no link leads to: 1;'";
        assert_eq!(reader.query(problems, &[])?.len(), 0, "at {at}");
        assert_whole(&mut reader, "<->", &query)?;
        let size = standby.text("SELECT pg_relation_size('items_v')")?;
        let grew = sizes.last().is_some_and(|last| *last != size);
        if grew && step == STEP {
            // The file has grown since the last stop: what lies between is looked at closely.
            at -= STEP - FINE;
            step = FINE;
            continue;
        }
        sizes.push(size);
        reader.batch_execute("SELECT pg_wal_replay_resume()")?;
        wait("the standby does not take over", || {
            Ok(standby.text("SELECT pg_is_in_recovery()")? == "f")
        })?;
        reader.batch_execute("VACUUM items")?;
        reader.batch_execute("INSERT INTO items (v) SELECT array_fill(11, ARRAY[5000])::vector")?;
        assert_sound(&mut reader, "items_v")?;
        assert_whole(&mut reader, "<->", &query)?;
        let mut lengths = sizes.clone();
        lengths.dedup();
        // The file has its length by then; what is left are links to the row.
        if lengths.len() > 2 && sizes[sizes.len() - 2] == sizes[sizes.len() - 1] {
            return Ok(());
        }
        at += step;
    }
    Err(format!("no standby has stopped within the insert: {sizes:?}").into())
}

/// Bytes of the log between two places where standbys stop, and where the file grows.
const STEP: usize = 2_000;
const FINE: usize = 250;
