//! Numbers at the ends of float32: distances that overflow, underflow, are equal, or are no numbers.

use std::collections::HashMap;

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::EXACT;

/// 2,000 rows between 0 and 1, and seven that are not.
const ROWS: &str = "
    CREATE FUNCTION drawn(i int, j int) RETURNS real LANGUAGE sql IMMUTABLE AS
        $$ SELECT ((hashint4(i * 1009 + j) & 65535) / 65536.0)::real $$;
    CREATE TABLE items (id int, v vector(4), part int);
    INSERT INTO items SELECT i, ARRAY[drawn(i, 1), drawn(i, 2), drawn(i, 3), drawn(i, 4)]::vector, i % 4
      FROM generate_series(1, 2000) i;
    INSERT INTO items VALUES (10001, '[3e38,3e38,3e38,3e38]', 1), (10002, '[-3e38,0,0,0]', 1), (10003, '[0,0,0,0]', 1),
        (10004, '[1e-45,0,0,0]', 1), (10005, '[-0,-0,-0,-0]', 1), (10006, '[1e19,1e19,1e19,1e19]', 1),
        (10007, '[1e-30,1e-30,0,0]', 1);
    ANALYZE items";

const QUESTIONS: [&str; 6] = [
    "[0.5,0.5,0.5,0.5]",
    "[3e38,0,0,0]",
    "[-3e38,-3e38,-3e38,-3e38]",
    "[0,0,0,0]",
    "[1e-45,0,0,0]",
    "[1e19,1e19,1e19,1e19]",
];

fn prepare(client: &mut Client, indexes: &[(&str, &str)]) -> Result<()> {
    client.batch_execute(ROWS)?;
    for (name, class) in indexes {
        client.batch_execute(&format!(
            "CREATE INDEX {name} ON items USING hnsw (v {class})"
        ))?;
    }
    Ok(())
}

/// Distances that a query gives, how often each: rows of equal ones may stand for one another.
fn distances(client: &mut Client, query: &str) -> Result<HashMap<String, usize>> {
    let mut counts = HashMap::new();
    for row in client.query(query, &[])? {
        *counts.entry(row.get::<_, String>(0)).or_default() += 1;
    }
    Ok(counts)
}

fn by_index(client: &mut Client) -> Result<()> {
    client.batch_execute(
        "RESET ALL; SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; SET hnsw.ef_search = 200",
    )?;
    Ok(())
}

#[test]
fn rows_at_the_ends_of_float32_are_found_as_by_exact_search() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    prepare(
        &mut client,
        &[
            ("l2", "vector_l2_ops"),
            ("ip", "vector_ip_ops"),
            ("l1", "vector_l1_ops"),
        ],
    )?;
    for operator in ["<->", "<#>", "<+>"] {
        for question in QUESTIONS {
            for (filter, limit) in [
                ("true", 20),
                ("true", 5_000),
                ("part = 1", 20),
                ("part = 1", 5_000),
            ] {
                // Which rows come first under an inner product where some are longer than others by many
                // orders is a matter of recall.
                if operator == "<#>" && limit < 5_000 {
                    continue;
                }
                let query = format!(
                    "SELECT (v {operator} '{question}')::text FROM items WHERE {filter}
                      ORDER BY v {operator} '{question}' LIMIT {limit}"
                );
                by_index(&mut client)?;
                let found = distances(&mut client, &query)?;
                client.batch_execute(&format!("RESET ALL; {EXACT}"))?;
                let wanted = distances(&mut client, &query)?;
                let (rows, all): (usize, usize) = (found.values().sum(), wanted.values().sum());
                assert_eq!(rows, all, "{query}");
                let both: usize = wanted
                    .iter()
                    .map(|(distance, count)| {
                        (*count).min(found.get(distance).copied().unwrap_or(0))
                    })
                    .sum();
                assert!(both * 20 >= all * 19, "{both} of {all}: {query}");
            }
        }
    }
    Ok(())
}

#[test]
fn filters_on_infinite_distances_and_on_none_are_as_postgres_compares() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    prepare(
        &mut client,
        &[("l2", "vector_l2_ops"), ("cosine", "vector_cosine_ops")],
    )?;
    by_index(&mut client)?;
    let mut count = |query: String| -> Result<i64> {
        Ok(client
            .query_one(&format!("SELECT count(*) FROM ({query}) s"), &[])?
            .get(0))
    };
    let infinite = "v <-> '[3e38,3e38,3e38,3e38]' = 'Infinity' AND part = 1";
    let all = count(format!("SELECT id FROM items WHERE {infinite}"))?;
    let near = "ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 5000";
    assert!(all > 0);
    assert_eq!(
        count(format!("SELECT id FROM items WHERE {infinite} {near}"))?,
        all
    );
    // Two rows have no direction, and so no place.
    let near = "ORDER BY v <=> '[1,1,1,1]' LIMIT 5000";
    assert_eq!(count(format!("SELECT id FROM items {near}"))?, 2_005);
    let below = "v <=> '[1,1,1,1]' < 'NaN'";
    let all = count(format!("SELECT id FROM items WHERE {below}"))?;
    assert_eq!(
        count(format!("SELECT id FROM items WHERE {below} {near}"))?,
        all
    );
    let nowhere = "SELECT id FROM items WHERE part = 1 ORDER BY v <=> '[0,0,0,0]' LIMIT 10";
    assert_eq!(count(nowhere.to_owned())?, 10);
    Ok(())
}
