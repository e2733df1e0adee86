//! Columns whose type is made of another: domains, fields of composites, generated columns.

use postgres::Client;

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::assert_sound;

of_each_method! {
    a_domain_has_the_dimensions_of_its_base_type,
    a_field_of_a_composite_and_a_generated_column_are_indexed,
    rows_that_a_default_has_given_a_value_are_found,
}

/// A table of 500 rows, its column of this type.
fn prepare(client: &mut Client, kind: &str) -> Result<()> {
    client.batch_execute(&format!(
        "CREATE TABLE items (id int, v {kind}, part int);
         INSERT INTO items SELECT i, ARRAY[i, i % 7, 1]::vector(3)::{kind}, i % 4 FROM generate_series(1, 500) i;
         ANALYZE items; SET enable_seqscan = off; SET enable_sort = off"
    ))?;
    Ok(())
}

fn a_domain_has_the_dimensions_of_its_base_type(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE DOMAIN embedding AS vector(3) CHECK (vector_norm(VALUE) < 1000);
         CREATE DOMAIN of_that AS embedding; CREATE DOMAIN of_any AS vector",
    )?;
    prepare(&mut client, "of_that")?;
    client
        .batch_execute(&method.sql("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)"))?;
    client.batch_execute("INSERT INTO items VALUES (1000, '[900,1,1]', 3)")?;
    assert_sound(&mut client, "items_v")?;
    for filter in ["", "WHERE part = 3"] {
        let query = format!("SELECT id FROM items {filter} ORDER BY v <-> '[901,1,1]' LIMIT 1");
        let plan = client.query(&format!("EXPLAIN {query}"), &[])?;
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains("items_v")), "{plan:?}");
        assert_eq!(client.query_one(&query, &[])?.get::<_, i32>(0), 1_000);
    }
    client.batch_execute("SET ivfflat.iterative_scan = relaxed_order")?;
    let recall = "SELECT max(recall) FROM vector_index_recall('items_v', 20, 5)";
    assert!(client.query_one(recall, &[])?.get::<_, f64>(0) > 0.9);
    // Without dimensions a domain is no better than its base type.
    client.batch_execute("ALTER TABLE items ADD w of_any")?;
    let error = client
        .batch_execute(&method.sql("CREATE INDEX ON items USING hnsw (w vector_l2_ops)"))
        .err();
    let code = error.and_then(|error| error.code().map(|code| code.code().to_owned()));
    assert_eq!(code.as_deref(), Some("22023"));
    Ok(())
}

fn a_field_of_a_composite_and_a_generated_column_are_indexed(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    prepare(&mut client, "vector(3)")?;
    client.batch_execute(&method.sql(
        "CREATE TYPE pair AS (name text, e vector(3));
         ALTER TABLE items ADD p pair, ADD h halfvec(3) GENERATED ALWAYS AS (v::halfvec(3)) STORED;
         UPDATE items SET p = ROW('n' || id, v)::pair;
         CREATE INDEX items_e ON items USING hnsw (((p).e) vector_l2_ops);
         CREATE INDEX items_h ON items USING hnsw (h halfvec_l2_ops);
         UPDATE items SET v = '[9999,1,1]' WHERE id = 9",
    ))?;
    for (order, wanted) in [("(p).e <-> '[321,6,1]'", 321), ("h <-> '[9999,1,1]'", 9)] {
        let query = format!(
            "SELECT id FROM items WHERE part = {} ORDER BY {order} LIMIT 1",
            wanted % 4
        );
        assert_eq!(
            client.query_one(&query, &[])?.get::<_, i32>(0),
            wanted,
            "{order}"
        );
    }
    assert_sound(&mut client, "items_e")?;
    assert_sound(&mut client, "items_h")
}

/// Rows that were there before a column with a default was added have no value of it in their pages.
fn rows_that_a_default_has_given_a_value_are_found(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(&method.sql("CREATE TABLE items (id int, junk int); INSERT INTO items SELECT i, i FROM generate_series(1, 500) i;
         ALTER TABLE items ADD v vector(3) DEFAULT '[1,2,3]', ADD k int DEFAULT 7, DROP COLUMN junk;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         INSERT INTO items (id, v) SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1001, 1200) i;
         ALTER TABLE items ADD k2 int DEFAULT 3; ANALYZE items; SET enable_seqscan = off; SET enable_sort = off"))?;
    assert_sound(&mut client, "items_v")?;
    for (filter, wanted) in [
        ("", 700),
        ("WHERE k = 7 AND k2 = 3", 700),
        ("WHERE k = 7 AND id <= 500", 500),
    ] {
        let query = format!(
            "SELECT count(*) FROM (SELECT id FROM items {filter} ORDER BY v <-> '[1100,1,2]' LIMIT 5000) s"
        );
        assert_eq!(
            client.query_one(&query, &[])?.get::<_, i64>(0),
            wanted,
            "{filter}"
        );
    }
    Ok(())
}
