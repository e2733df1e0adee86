//! Every operator class of every type: recall of rows that were built and of rows that were inserted,
//! order, and what a vacuum leaves.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    Answer, BY_INDEX, Clusters, EXACT, assert_sound, copy_rows, first_disorder, make_table, plan,
    recall, share,
};

const ROWS: usize = 1_500;
const QUERIES: i32 = 20;

/// A column whose values are made of vectors `v` of 64 dimensions.
struct Column {
    /// Its type.
    of: &'static str,
    /// How its values are made.
    value: &'static str,
    /// Its operator classes with their operators, and the least recall of each.
    classes: &'static [(&'static str, &'static str, f64)],
    /// Options of its indexes.
    options: &'static [&'static str],
}

/// The ten rows nearest to a query, and their distances.
fn nearest(client: &mut Client, operator: &str, query: i32, settings: &str) -> Result<Answer> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&settings.replace("SET ", "SET LOCAL "))?;
    let sql = format!(
        "SELECT id, v {operator} (SELECT q FROM queries WHERE n = $1)
           FROM items ORDER BY v {operator} (SELECT q FROM queries WHERE n = $1) LIMIT 10"
    );
    if settings == BY_INDEX {
        let plan = plan(&mut transaction, &sql, &[&query])?;
        assert!(plan.contains("Index Scan using items_v"), "{plan}");
    }
    let rows = transaction.query(&sql, &[&query])?;
    transaction.commit()?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn measure(client: &mut Client, name: &str, operator: &str, floor: f64) -> Result<()> {
    assert_sound(client, "items_v")?;
    let mut sum = 0.0;
    for query in 1..=QUERIES {
        let found = nearest(client, operator, query, BY_INDEX)?;
        assert_eq!(found.len(), 10, "{name}");
        assert_eq!(first_disorder(&found), None, "{name}: {found:?}");
        sum += recall(&found, &nearest(client, operator, query, EXACT)?);
    }
    let recall = sum * share(1, usize::try_from(QUERIES)?);
    println!("{name}: recall {recall:.3}");
    assert!(recall >= floor, "{name}: {recall}");
    Ok(())
}

/// Half of the rows are built and half inserted; then some go.
fn run(column: &Column) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(&mut client, "", 64, &[])?;
    let queries = usize::try_from(QUERIES)?;
    copy_rows(
        &mut client,
        1,
        &Clusters::new(91, 64, 12).vectors(ROWS + queries),
    )?;
    let Column { of, value, .. } = column;
    client.batch_execute(&format!(
        "ALTER TABLE items RENAME TO source;
         CREATE TABLE queries AS SELECT id - {ROWS} AS n, ({value})::{of} AS q FROM source WHERE id > {ROWS}"
    ))?;
    for (class, operator, floor) in column.classes {
        for options in column.options {
            let half = ROWS / 2;
            client.batch_execute(&format!(
                "DROP TABLE IF EXISTS items;
                 CREATE TABLE items (id int, v {of});
                 INSERT INTO items SELECT id, ({value})::{of} FROM source WHERE id <= {half};
                 CREATE INDEX items_v ON items USING hnsw (v {class}) {options};
                 INSERT INTO items SELECT id, ({value})::{of} FROM source WHERE id BETWEEN {half} + 1 AND {ROWS}"
            ))?;
            let name = format!("{class} {options}");
            measure(&mut client, &name, operator, *floor)?;
            client.batch_execute("DELETE FROM items WHERE id % 4 = 0")?;
            client.batch_execute("VACUUM items")?;
            measure(
                &mut client,
                &format!("{name} after vacuum"),
                operator,
                *floor,
            )?;
            client.batch_execute("REINDEX INDEX CONCURRENTLY items_v")?;
            measure(&mut client, &format!("{name} rebuilt"), operator, *floor)?;
        }
    }
    Ok(())
}

#[test]
fn recall_of_halfvec() -> Result<()> {
    run(&Column {
        of: "halfvec(64)",
        value: "v",
        classes: &[
            ("halfvec_l2_ops", "<->", 0.97),
            ("halfvec_ip_ops", "<#>", 0.97),
            ("halfvec_cosine_ops", "<=>", 0.97),
            ("halfvec_l1_ops", "<+>", 0.97),
        ],
        options: &["", "WITH (storage = int8)"],
    })
}

/// An eighth of the range of int8, as embeddings of 64 dimensions have it: distances are tied now and
/// then, as those of whole numbers are.
#[test]
fn recall_of_int8vec() -> Result<()> {
    run(&Column {
        of: "int8vec(64)",
        value: "(SELECT array_agg(x * 12 ORDER BY i) FROM unnest(v::real[]) WITH ORDINALITY AS e (x, i))",
        classes: &[
            ("int8vec_l2_ops", "<->", 0.97),
            ("int8vec_ip_ops", "<#>", 0.97),
            ("int8vec_cosine_ops", "<=>", 0.97),
            ("int8vec_l1_ops", "<+>", 0.97),
        ],
        options: &["", "WITH (storage = f16)"],
    })
}

/// Thresholds leave some ten of 64 elements in a row.
#[test]
fn recall_of_sparsevec() -> Result<()> {
    run(&Column {
        of: "sparsevec(64)",
        value: "(SELECT array_agg(CASE WHEN abs(x) > 1.5 THEN x ELSE 0 END ORDER BY i)
                   FROM unnest(v::real[]) WITH ORDINALITY AS e (x, i))",
        classes: &[
            ("sparsevec_l2_ops", "<->", 0.9),
            ("sparsevec_ip_ops", "<#>", 0.9),
            ("sparsevec_cosine_ops", "<=>", 0.9),
            ("sparsevec_l1_ops", "<+>", 0.9),
        ],
        options: &[""],
    })
}

#[test]
fn recall_of_bit() -> Result<()> {
    run(&Column {
        of: "bit(128)",
        // More than one bit an element, so that distances differ.
        value: "binary_quantize(v || v + array_fill(1, ARRAY[64])::vector)",
        classes: &[
            ("bit_hamming_ops", "<~>", 0.95),
            ("bit_jaccard_ops", "<%>", 0.95),
        ],
        options: &[""],
    })
}

/// Nodes of 64,000 bits, as many as an index takes, each a page.
#[test]
fn rows_of_64000_bits_are_indexed() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE items (id int, v bit(64000));
         CREATE INDEX items_v ON items USING hnsw (v bit_jaccard_ops);
         INSERT INTO items SELECT n, repeat(rpad(lpad('1', n, '0'), 80, '10'), 800)::bit(64000)
           FROM generate_series(1, 60) n",
    )?;
    assert_sound(&mut client, "items_v")?;
    client.batch_execute("REINDEX INDEX items_v")?;
    assert_sound(&mut client, "items_v")?;
    let distances = |client: &mut Client, settings: &str| -> Result<Vec<f64>> {
        client.batch_execute(settings)?;
        let query =
            "SELECT v <%> (SELECT v FROM items WHERE id = 7) FROM items ORDER BY 1 LIMIT 10";
        let rows = client.query(query, &[])?;
        client.batch_execute("RESET ALL")?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    let exact = distances(&mut client, EXACT)?;
    assert_eq!(distances(&mut client, BY_INDEX)?, exact);
    Ok(())
}

/// pgvector refuses more than 1,000 elements that are not zero. Values of all lengths, up to what the
/// type can hold, are built, inserted, found and vacuumed; and a column may have any dimensions.
#[test]
fn sparse_vectors_of_any_length_are_indexed() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    let vectors = "SELECT n AS id, ('{' || string_agg((i * 7 + n % 3) || ':' || (1 + (i * n) % 11), ',') || '}/1000000000')::sparsevec AS v
                     FROM unnest(ARRAY[0, 1, 5, 60, 64, 65, 70, 300, 1000, 1001, 2500, 9000, 16000]) AS lengths (n),
                          generate_series(1, greatest(n, 1)) AS i
                    GROUP BY n";
    client.batch_execute(&format!(
        "CREATE TABLE items (id int, v sparsevec(1000000000));
         INSERT INTO items {vectors};
         CREATE INDEX items_v ON items USING hnsw (v sparsevec_l2_ops);
         INSERT INTO items SELECT id + 100000, l2_normalize(v) FROM items"
    ))?;
    for gone in ["false", "id % 2 = 0", "true"] {
        client.batch_execute(&format!("DELETE FROM items WHERE {gone}"))?;
        client.batch_execute("VACUUM items")?;
        assert_sound(&mut client, "items_v")?;
        let answer = |client: &mut Client, settings: &str| -> Result<(Vec<i32>, Vec<f64>)> {
            client.batch_execute(settings)?;
            let rows = client.query(
                "SELECT id, v <-> '{7:1,14:2,21:3}/1000000000' FROM items
                  ORDER BY v <-> '{7:1,14:2,21:3}/1000000000' LIMIT 100",
                &[],
            )?;
            client.batch_execute("RESET ALL")?;
            // Some are equally far: their ids come in any order.
            let mut ids: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
            ids.sort_unstable();
            Ok((ids, rows.iter().map(|row| row.get(1)).collect()))
        };
        let exact = answer(&mut client, EXACT)?;
        assert_eq!(answer(&mut client, BY_INDEX)?, exact, "{gone}");
    }
    Ok(())
}

/// A billion dimensions do not make a visit dear: the planner takes the index.
#[test]
fn plans_count_what_a_sparse_vector_has() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE items (id int, v sparsevec(1000000000));
         INSERT INTO items SELECT n, ('{' || n || ':1,' || n * 7 || ':2}/1000000000')::sparsevec
           FROM generate_series(1, 5000) n;
         CREATE INDEX items_v ON items USING hnsw (v sparsevec_ip_ops);
         ANALYZE items",
    )?;
    let query = "SELECT id FROM items ORDER BY v <#> '{5:1}/1000000000' LIMIT 10";
    let plan = plan(&mut client, query, &[])?;
    assert!(plan.contains("Index Scan using items_v"), "{plan}");
    Ok(())
}

/// As users of pgvector do to halve an index: it holds a halfvec of each vector.
#[test]
fn an_index_of_a_cast_answers_by_the_cast() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        24,
        &Clusters::new(92, 24, 10).vectors(1_000),
    )?;
    client.batch_execute(
        "CREATE INDEX items_v ON items USING hnsw ((v::halfvec(24)) halfvec_cosine_ops)",
    )?;
    let ids = |client: &mut Client, settings: &str| -> Result<Vec<i32>> {
        client.batch_execute(settings)?;
        let sql = "SELECT id FROM items
                    ORDER BY v::halfvec(24) <=> (SELECT v::halfvec(24) FROM items WHERE id = 7) LIMIT 20";
        if settings == BY_INDEX {
            let plan = plan(client, sql, &[])?;
            assert!(plan.contains("Index Scan using items_v"), "{plan}");
        }
        let rows = client.query(sql, &[])?;
        client.batch_execute("RESET ALL")?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    client.batch_execute("SET hnsw.ef_search = 200")?;
    let found = ids(&mut client, BY_INDEX)?;
    assert_eq!(found, ids(&mut client, EXACT)?);
    assert_eq!(found[0], 7);
    assert_sound(&mut client, "items_v")
}
