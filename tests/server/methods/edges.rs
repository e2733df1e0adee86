//! Numbers at the ends of float32: distances that overflow, underflow, are equal, or are no numbers.

use std::collections::HashMap;

use postgres::Client;

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{BY_INDEX, EXACT, assert_sound, plan};

of_each_method! {
    rows_at_the_ends_of_float32_are_found_as_by_exact_search,
    filters_on_infinite_distances_and_on_none_are_as_postgres_compares,
    values_at_the_edges_of_float_lose_no_row,
    values_at_the_edges_of_float_come_in_order,
    values_at_the_edges_of_float_are_no_problem,
}

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

fn prepare(client: &mut Client, method: TestedMethod, indexes: &[(&str, &str)]) -> Result<()> {
    client.batch_execute(ROWS)?;
    for (name, class) in indexes {
        client.batch_execute(&format!(
            "CREATE INDEX {name} ON items USING {} (v {class})",
            method.name
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
        "RESET ALL; SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; SET hnsw.ef_search = 200;
         SET ivfflat.probes = 32768; SET ivfflat.iterative_scan = relaxed_order",
    )?;
    Ok(())
}

fn rows_at_the_ends_of_float32_are_found_as_by_exact_search(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    let indexes = method.classes.iter().map(|(_, class)| (*class, *class));
    prepare(&mut client, method, &indexes.collect::<Vec<_>>())?;
    for (operator, _) in method.classes {
        for question in QUESTIONS {
            for (filter, limit) in [
                ("true", 20),
                ("true", 5_000),
                ("part = 1", 20),
                ("part = 1", 5_000),
            ] {
                // Which rows come first under an inner product where some are longer than others by many
                // orders is a matter of recall.
                if *operator == "<#>" && limit < 5_000 {
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

fn filters_on_infinite_distances_and_on_none_are_as_postgres_compares(
    method: TestedMethod,
) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    prepare(
        &mut client,
        method,
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

/// Rows of a query as text.
fn rows(client: &mut Client, query: &str) -> Result<Vec<String>> {
    let query = format!("SELECT x::text FROM ({query}) AS s (x)");
    let rows = client.query(&query, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Values whose distances overflow, or are lost in rounding, among others.
const EDGES: &str = "INSERT INTO items SELECT row_number() OVER (), v::vector(3)
      FROM unnest(ARRAY['[1e30,0,0]', '[-1e30,1e30,0]', '[3e38,3e38,3e38]', '[-3e38,3e38,3e38]',
          '[1e-40,0,0]', '[1e-30,1e-30,0]', '[1,1,1]', '[70000,1,1]', '[1e20,1,1]', '[1e-20,1e20,0]'
      ]) v, generate_series(1, 3);
    INSERT INTO items SELECT 100 + i, ARRAY[i, i % 7, i % 5]::vector FROM generate_series(1, 60) i";

/// Calls `check` with an index of such values for each way to make one, and its name.
fn at_the_edges(
    method: TestedMethod,
    check: impl Fn(&mut Client, &str, &str) -> Result<()>,
) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    for (operator, class) in method.classes {
        for form in method.forms {
            let create = format!(
                "CREATE INDEX items_v ON items USING {} (v {class}) WITH ({form})",
                method.name
            );
            for steps in [[EDGES, &create], [&create, EDGES]] {
                client.batch_execute(
                    "DROP TABLE IF EXISTS items; CREATE TABLE items (id int, v vector(3))",
                )?;
                client.batch_execute(&steps.join(";"))?;
                let built = if steps[0] == EDGES {
                    "built"
                } else {
                    "inserted"
                };
                check(&mut client, operator, &format!("{class}, {form}, {built}"))?;
            }
        }
    }
    Ok(())
}

fn values_at_the_edges_of_float_lose_no_row(method: TestedMethod) -> Result<()> {
    at_the_edges(method, |client, operator, name| {
        client.batch_execute(BY_INDEX)?;
        for query in ["[1,2,3]", "[1e30,0,0]", "[3e38,-3e38,3e38]", "[0,0,0]"] {
            let all = format!("SELECT id FROM items ORDER BY v {operator} '{query}' LIMIT 1000");
            assert_eq!(rows(client, &all)?.len(), 90, "{name}: {query}");
        }
        Ok(())
    })
}

/// What float32 cannot tell apart comes last. (Where such rows came first, one by one, a walk may find
/// the others late.)
fn values_at_the_edges_of_float_come_in_order(method: TestedMethod) -> Result<()> {
    at_the_edges(method, |client, operator, name| {
        if operator == "<#>" || !name.contains("built") {
            return Ok(());
        }
        for query in ["[1,2,3]", "[1e30,0,0]", "[3e38,3e38,3e38]", "[1e20,2,3]"] {
            let distances = format!(
                "SELECT v {operator} '{query}' FROM items ORDER BY v {operator} '{query}' LIMIT 20"
            );
            client.batch_execute(EXACT)?;
            let exact = rows(client, &distances)?;
            client.batch_execute("RESET ALL")?;
            client.batch_execute(BY_INDEX)?;
            assert!(plan(client, &distances, &[])?.contains("items_v"));
            assert_eq!(rows(client, &distances)?, exact, "{name}: {query}");
        }
        Ok(())
    })
}

fn values_at_the_edges_of_float_are_no_problem(method: TestedMethod) -> Result<()> {
    at_the_edges(method, |client, _, name| {
        println!("{name}");
        assert_sound(client, "items_v")
    })
}
