//! What relies on the order of rows has them sorted; under a LIMIT alone no row is missing.

use postgres::Client;

use super::ids;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{BY_INDEX, plan};

const ROWS: i32 = 4_000;
const Q: &str = "(SELECT v FROM items WHERE id = 17)";

/// A graph in which a search finds rows late: of few links, walked with few candidates. Each vector is there twice.
fn prepare(cluster: &Cluster) -> Result<Client> {
    let mut client = super::prepare(cluster)?;
    client.batch_execute(&format!(
        "DELETE FROM items WHERE id > {half};
         INSERT INTO items (id, v, a, word) SELECT id + {half}, v, a + {half}, word FROM items;
         DROP INDEX items_v; CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 8);
         {BY_INDEX}; SET hnsw.ef_search = 1",
        half = ROWS / 2
    ))?;
    client.batch_execute("VACUUM ANALYZE items")?;
    Ok(client)
}

/// Distances that a query gives, in its order.
fn distances(client: &mut Client, query: &str) -> Result<Vec<f64>> {
    let rows = client.query(query, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Rows that come after a farther one.
fn late(distances: &[f64]) -> usize {
    let mut farthest = f64::NEG_INFINITY;
    let late = distances.iter().filter(|distance| {
        farthest = farthest.max(**distance);
        **distance < farthest
    });
    late.count()
}

#[test]
fn under_a_limit_alone_every_row_comes() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for filter in ["", "WHERE a % 2 = 0"] {
        let count = format!("SELECT count(*)::int FROM items {filter}");
        let rows = ids(&mut client, &count)?[0];
        let mut out_of_order = 0;
        for question in [17, 400, 800, 1200, 1600] {
            let q = Q.replace("17", &question.to_string());
            let query =
                format!("SELECT v <-> {q} FROM items {filter} ORDER BY v <-> {q} LIMIT 10000");
            let shown = plan(&mut client, &query, &[])?;
            assert!(
                shown.contains("items_v") && !shown.contains("Sort"),
                "{shown}"
            );
            let found = distances(&mut client, &query)?;
            assert_eq!(i32::try_from(found.len())?, rows, "{filter}");
            out_of_order += late(&found);
        }
        // Otherwise the tests below show nothing.
        assert!(out_of_order > 0, "{filter}");
    }
    Ok(())
}

#[test]
fn window_functions_see_sorted_rows() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for filter in ["", "WHERE a % 2 = 0", "WHERE random() < 2"] {
        let inner = format!("SELECT v <-> {Q} AS d FROM items {filter} ORDER BY v <-> {Q}");
        let lag = format!(
            "SELECT count(*)::int FROM (SELECT d, lag(d) OVER () AS l FROM ({inner}) s) s WHERE d < l"
        );
        let shown = plan(&mut client, &lag, &[])?;
        assert!(shown.contains("VectorSearch)"), "{filter}\n{shown}");
        assert_eq!(ids(&mut client, &lag)?, [0], "{filter}");
        // As many rows come before as are nearer.
        let rank = format!(
            "SELECT v <-> {Q}, rank() OVER (ORDER BY v <-> {Q}) FROM items {filter} ORDER BY v <-> {Q} LIMIT 3000"
        );
        let shown = plan(&mut client, &rank, &[])?;
        assert!(
            !shown.contains("Sort ") && !shown.contains("Sort\n"),
            "{filter}\n{shown}"
        );
        let rows = client.query(&rank, &[])?;
        let ranked: Vec<(f64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert!(ranked.len() > 500, "{}", ranked.len());
        for (distance, rank) in &ranked {
            let nearer = ranked.iter().filter(|(other, _)| other < distance).count();
            assert_eq!(i64::try_from(nearer)? + 1, *rank, "{filter}");
        }
    }
    Ok(())
}

#[test]
fn equal_rows_are_neighbours_where_they_are_told_apart() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let distinct = format!(
        "SELECT DISTINCT ON (v <-> {Q}) v <-> {Q} FROM items ORDER BY v <-> {Q} LIMIT 3000"
    );
    let grouped = format!(
        "SELECT d FROM (SELECT v <-> {Q} AS d FROM items ORDER BY v <-> {Q} LIMIT 10000) s GROUP BY d"
    );
    client.batch_execute("SET enable_hashagg = off")?;
    for query in [distinct, grouped] {
        let shown = plan(&mut client, &query, &[])?;
        assert!(shown.contains("SortedVectorSearch"), "{shown}");
        let found = distances(&mut client, &query)?;
        assert_eq!(late(&found), 0, "{query}");
        assert!(found.len() > 500, "{}", found.len());
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{query}");
    }
    for rows in [1, 15, 301] {
        let ties = format!(
            "SELECT v <-> {Q} FROM items ORDER BY v <-> {Q} FETCH FIRST {rows} ROWS WITH TIES"
        );
        let shown = plan(&mut client, &ties, &[])?;
        assert!(shown.contains("SortedVectorSearch"), "{shown}");
        let found = distances(&mut client, &ties)?;
        assert_eq!((late(&found), found.len()), (0, rows + 1));
    }
    Ok(())
}

/// Only plans that may see the order have it.
#[test]
fn rows_are_sorted_where_something_relies_on_it() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(&format!(
        "CREATE TABLE known AS SELECT v <-> {Q} AS d FROM items; ANALYZE known;
         SET enable_hashjoin = off; SET enable_nestloop = off"
    ))?;
    // Earlier versions sort for each aggregate.
    let version = "SELECT current_setting('server_version_num')::int";
    let aggregates = ids(&mut client, version)?[0] >= 160_000;
    let near = format!("SELECT id, v <-> {Q} AS d FROM items ORDER BY v <-> {Q} LIMIT 10");
    for (query, sorted) in [
        (near.clone(), false),
        (format!("{near} OFFSET 2"), false),
        (near.replace("LIMIT 10", ""), false),
        (format!("SELECT count(*) FROM ({near}) s"), false),
        (
            format!("SELECT id % 2, count(*) FROM ({near}) s GROUP BY 1"),
            false,
        ),
        (format!("SELECT * FROM ({near}) s ORDER BY d"), false),
        (format!("SELECT * FROM ({near}) s ORDER BY id"), false),
        (
            format!("SELECT rank() OVER (ORDER BY d) FROM ({near}) s"),
            true,
        ),
        (
            format!("SELECT d, count(*) FROM ({near}) s GROUP BY d"),
            true,
        ),
        (format!("SELECT DISTINCT d FROM ({near}) s"), true),
        (
            format!("SELECT array_agg(id ORDER BY d) FROM ({near}) s"),
            aggregates,
        ),
        (
            format!("SELECT * FROM ({near}) s JOIN known USING (d)"),
            true,
        ),
        (
            format!("SELECT * FROM ({near}) s LEFT JOIN known ON known.d = s.d"),
            true,
        ),
        (
            format!(
                "SELECT id FROM items JOIN known ON known.d = v <-> {Q} ORDER BY v <-> {Q} LIMIT 10"
            ),
            true,
        ),
    ] {
        let shown = plan(&mut client, &query, &[])?;
        assert!(shown.contains("items_v"), "{query}\n{shown}");
        assert_eq!(
            shown.contains("SortedVectorSearch"),
            sorted,
            "{query}\n{shown}"
        );
    }
    Ok(())
}

/// Parts of a table are merged, and searched each by its own index.
#[test]
fn partitions_are_merged_in_order() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "CREATE TABLE parts (id int, v vector(24)) PARTITION BY HASH (id);
         CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO parts SELECT id, v FROM items;
         CREATE INDEX ON parts USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 8); ANALYZE parts",
    )?;
    let all = format!("SELECT v <-> {Q} FROM parts ORDER BY v <-> {Q} LIMIT 10000");
    let found = distances(&mut client, &all)?;
    assert_eq!(i32::try_from(found.len())?, ROWS);
    let ranked =
        format!("SELECT v <-> {Q}, rank() OVER (ORDER BY v <-> {Q}) FROM parts LIMIT 2000");
    let shown = plan(&mut client, &ranked, &[])?;
    assert_eq!(shown.matches("SortedVectorSearch").count(), 2, "{shown}");
    assert_eq!(late(&distances(&mut client, &ranked)?), 0);
    Ok(())
}
