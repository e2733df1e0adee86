//! A standby answers as its primary does after every change, and takes its place.

use pgvector::Vector;
use postgres::Client;
use postgres::error::SqlState;

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    Clusters, assert_right, assert_sound, by_index, copy_rows, ids, make_table,
};

of_each_method! {
    a_standby_gives_the_answers_of_its_primary_after_each_step,
    a_standby_answers_while_its_primary_inserts_and_vacuums,
}

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

fn a_standby_gives_the_answers_of_its_primary_after_each_step(method: TestedMethod) -> Result<()> {
    let primary = Cluster::suspicious()?;
    let mut client = primary.client()?;
    let mut clusters = Clusters::new(11, 32, 8);
    make_table(&mut client, "", 32, &clusters.vectors(600))?;
    client.batch_execute(&method.sql(
        "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         CREATE UNLOGGED TABLE fleeting (id int, v vector(32));
         INSERT INTO fleeting SELECT id, v FROM items;
         CREATE INDEX fleeting_v ON fleeting USING hnsw (v vector_l2_ops)",
    ))?;
    let standby = primary.standby()?;
    let mut reader = standby.connect()?;
    client.batch_execute(&format!(
        "CREATE INDEX items_w ON items USING {} (v vector_cosine_ops) WITH ({})",
        method.name, method.other
    ))?;
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

fn a_standby_answers_while_its_primary_inserts_and_vacuums(method: TestedMethod) -> Result<()> {
    let primary = Cluster::suspicious()?;
    let mut client = primary.client()?;
    let mut clusters = Clusters::new(12, 32, 8);
    make_table(&mut client, "", 32, &clusters.vectors(500))?;
    client
        .batch_execute(&method.sql("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)"))?;
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
