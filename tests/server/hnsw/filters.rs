//! Filters and LIMIT: as many rows come as there are, up to LIMIT.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    BY_INDEX, Clusters, EXACT, first_disorder, make_table, nearest, recall, share,
};

const ROWS: i32 = 6_000;

fn prepare(cluster: &Cluster) -> Result<Client> {
    let mut client = cluster.client()?;
    let rows = Clusters::new(51, 48, 12).vectors(usize::try_from(ROWS)?);
    make_table(&mut client, "", 48, &rows)?;
    client.batch_execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    Ok(client)
}

#[test]
fn filters_never_leave_limit_unfilled() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(BY_INDEX)?;
    let mut vectors = Clusters::new(52, 48, 12);
    for every in [2, 10, 100, 1_000, ROWS, ROWS + 1] {
        let filter = format!("id % {every} = 0");
        let wanted = i64::from((ROWS / every).min(10));
        for query in vectors.vectors(5) {
            let found = nearest(&mut client, "<->", &query, (&filter, 10))?;
            assert_eq!(i64::try_from(found.len())?, wanted, "{filter}");
            let ordered = every > 100 || first_disorder(&found).is_none();
            assert!(ordered, "{filter}: {found:?}");
        }
    }
    Ok(())
}

fn recall_of_filter(client: &mut Client, every: i32) -> Result<f64> {
    let filter = format!("id % {every} = 0");
    let (mut sum, queries) = (0.0, Clusters::new(55, 48, 12).vectors(20));
    for query in &queries {
        client.batch_execute(BY_INDEX)?;
        let found = nearest(client, "<->", query, (&filter, 10))?;
        client.batch_execute(EXACT)?;
        sum += recall(&found, &nearest(client, "<->", query, (&filter, 10))?);
    }
    Ok(sum * share(1, queries.len()))
}

/// Rows were once given before nearer ones were found: 0.9, 0.7 and 0.6 in strict order.
#[test]
fn filters_leave_recall_as_it_is() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for (order, floor) in [("strict_order", 0.92), ("relaxed_order", 0.95)] {
        client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
        for every in [2, 10, 100] {
            let recall = recall_of_filter(&mut client, every)?;
            assert!(
                recall >= floor,
                "{order}, one row in {every}: recall {recall:.3}"
            );
        }
    }
    Ok(())
}

#[test]
fn little_memory_changes_how_rows_are_found_and_not_how_many() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(&format!("{BY_INDEX}; SET work_mem = '64kB'"))?;
    let mut vectors = Clusters::new(53, 48, 12);
    for order in ["strict_order", "relaxed_order"] {
        client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
        for every in [2, 500, 3_000] {
            let filter = format!("id % {every} = 1");
            let found = nearest(&mut client, "<->", &vectors.vector(), (&filter, 10))?;
            assert_eq!(
                found.len(),
                usize::try_from((ROWS / every).min(10))?,
                "{order}: {filter}"
            );
        }
        let all = nearest(&mut client, "<->", &vectors.vector(), ("true", 10_000))?;
        assert_eq!(all.len(), usize::try_from(ROWS)?, "{order}");
    }
    Ok(())
}

#[test]
fn settings_bound_how_far_a_scan_goes() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(BY_INDEX)?;
    let query = Clusters::new(54, 48, 12).vector();
    let mut count = |settings: &str, filter: &str, limit: i64| -> Result<usize> {
        client.batch_execute(settings)?;
        Ok(nearest(&mut client, "<->", &query, (filter, limit))?.len())
    };
    for ef in [10, 40, 200] {
        let settings = format!("SET hnsw.iterative_scan = off; SET hnsw.ef_search = {ef}");
        let rows = count(&settings, "true", 5_000)?;
        // In small tables there are up to three times as many candidates.
        assert!(
            (ef..3 * (ef + 8)).contains(&rows),
            "off, ef_search {ef}: {rows} rows"
        );
    }
    let rows = count("SET hnsw.ef_search = 40", "id % 1000 = 0", 10)?;
    assert!(rows < 6, "off: {rows}");
    let settings = "SET hnsw.iterative_scan = strict_order; SET hnsw.max_scan_tuples = 300";
    let rows = count(settings, "true", 5_000)?;
    assert!((40..1_000).contains(&rows), "max_scan_tuples: {rows}");
    let rows = count(
        "SET hnsw.iterative_scan = relaxed_order",
        "id % 1000 = 0",
        10,
    )?;
    assert!(rows < 6, "max_scan_tuples: {rows}");
    let rows = count("RESET hnsw.max_scan_tuples", "id % 1000 = 0", 10)?;
    assert_eq!(rows, 6);
    Ok(())
}

/// Rows that were visited, and held back for nearer ones, were thrown away: 6,020 rows came of 20,000.
#[test]
fn a_limit_of_tuples_throws_away_no_row_that_was_visited() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    let rows = Clusters::new(56, 3, 40).vectors(12_000);
    make_table(&mut client, "", 3, &rows)?;
    client.batch_execute(&format!(
        "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops); {BY_INDEX};
         SET hnsw.max_scan_tuples = 4000"
    ))?;
    let query = Clusters::new(57, 3, 40).vector();
    for order in ["strict_order", "relaxed_order"] {
        client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
        let found = nearest(&mut client, "<->", &query, ("true", 12_000))?;
        // All but some nodes above the ground.
        assert!(
            (3_900..=4_100).contains(&found.len()),
            "{order}: {}",
            found.len()
        );
        // Of the nearest that there are, nearly all are among them.
        let few = nearest(&mut client, "<->", &query, ("id % 40 = 0", 200))?;
        assert!((80..=120).contains(&few.len()), "{order}: {}", few.len());
    }
    // Enough for all rows.
    client.batch_execute("SET hnsw.max_scan_tuples = 20000")?;
    let found = nearest(&mut client, "<->", &query, ("true", 12_000))?;
    assert_eq!(found.len(), 12_000);
    Ok(())
}

#[test]
fn settings_made_before_the_library_is_loaded_count() -> Result<()> {
    let cluster = Cluster::quick()?;
    drop(prepare(&cluster)?);
    let mut client = cluster.connect()?;
    client.batch_execute("SET hnsw.iterative_scan = off; SET hnsw.ef_search = 3")?;
    client.batch_execute(BY_INDEX)?;
    let query = "SELECT count(*) FROM (SELECT id FROM items
        ORDER BY v <-> (SELECT v FROM items WHERE id = 1) LIMIT 1000) s";
    let rows: i64 = client.query_one(query, &[])?.get(0);
    assert!(rows < 30, "{rows}");
    Ok(())
}
