//! Answers beside exact search.

use pgvector::Vector;
use postgres::Client;

use super::{DIMS, NODE, TAKE_INDEX, assert_node, ids, prepare};
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    Answer, Clusters, EXACT, first_disorder, nearest, plan, recall, share,
};

const FILTERS: [&str; 16] = [
    "a < 3000",
    "a < 400",
    "a < 40",
    "a < 4",
    "a < 0",
    "a % 10 = 3 AND word <> 'w3'",
    "word IN ('w1', 'w2', 'w30')",
    "word LIKE '%7'",
    "tags @> ARRAY[3]",
    "part",
    "NOT part AND a < 2000",
    "few IS NOT NULL",
    "few > 20 OR a < 100",
    "a = ANY (SELECT a FROM small)",
    "a NOT IN (SELECT a FROM small) AND a < 1000",
    "(SELECT count(*) FROM small s WHERE s.a < items.a) < 50",
];

fn both(client: &mut Client, query: &Vector, filter: &str) -> Result<(Answer, Answer)> {
    client.batch_execute(TAKE_INDEX)?;
    let found = nearest(client, "<->", query, (filter, 10))?;
    client.batch_execute(EXACT)?;
    let truth = nearest(client, "<->", query, (filter, 10))?;
    client.batch_execute("RESET enable_indexscan")?;
    Ok((found, truth))
}

#[test]
fn filters_of_all_kinds_give_the_nearest_rows_and_never_fewer() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute("SET hnsw.ef_search = 100")?;
    let queries = Clusters::new(71, DIMS, 12).vectors(8);
    for filter in FILTERS {
        let sql = format!("SELECT id FROM items WHERE {filter} ORDER BY v <-> $1 LIMIT 10");
        client.batch_execute(TAKE_INDEX)?;
        let shown = plan(&mut client, &sql, &[&queries[0]])?;
        let mut sum = 0.0;
        for query in &queries {
            let (found, truth) = both(&mut client, query, filter)?;
            assert_eq!(found.len(), truth.len(), "{filter}\n{shown}");
            sum += recall(&found, &truth);
            if truth.len() == 10 {
                assert_eq!(first_disorder(&found), None, "{filter}: {found:?}");
            }
        }
        // A semi-join has no filter, and a selective one may be joined from the other side.
        assert!(
            shown.contains(NODE) || filter.contains("ANY (SELECT"),
            "{shown}"
        );
        let recall = sum * share(1, queries.len());
        assert!(recall >= 0.95, "{filter}: recall {recall:.3}\n{shown}");
    }
    Ok(())
}

#[test]
fn every_order_gives_all_rows_that_pass() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for order in ["strict_order", "relaxed_order"] {
        client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
        let query = "SELECT id FROM items WHERE a % 3 = 1 ORDER BY v <-> (SELECT v FROM questions LIMIT 1) LIMIT 100000";
        assert_node(&mut client, query, 1)?;
        let mut found = ids(&mut client, query)?;
        let given = found.len();
        found.sort_unstable();
        found.dedup();
        assert_eq!((found.len(), given), (1_333, 1_333), "{order}");
    }
    Ok(())
}

#[test]
fn a_query_that_is_null_or_without_direction_gives_rows_that_pass() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute("CREATE INDEX items_c ON items USING hnsw (v vector_cosine_ops)")?;
    let zero = format!("'[{}]'", vec!["0"; DIMS].join(","));
    for order in [
        "v <-> NULL::vector".to_owned(),
        "v <=> NULL::vector".to_owned(),
        format!("v <=> {zero}"),
        format!("v <-> {zero}"),
    ] {
        let query = format!("SELECT a FROM items WHERE a < 20 ORDER BY {order} LIMIT 30");
        let mut found = ids(&mut client, &query)?;
        found.sort_unstable();
        assert_eq!(found, (0..20).collect::<Vec<_>>(), "{order}");
    }
    Ok(())
}

/// Columns come as the table has them, or computed: by the scan, by the node above it, or by both.
#[test]
fn columns_of_all_kinds_come_out_right() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let filter = "WHERE a % 5 = 2 AND tags @> ARRAY[3]";
    let order = "ORDER BY v <-> (SELECT v FROM questions LIMIT 1) LIMIT 10";
    for columns in [
        "*",
        "id",
        "items",
        "items.*, items",
        "word, v",
        "word || '!', v <-> (SELECT v FROM questions LIMIT 1)",
        "ctid, tableoid, xmin, id",
        "1",
        "'x'::text, NULL::int, a + 1, (SELECT count(*) FROM small s WHERE s.a < items.a)",
        "row(a, word), generate_series(1, 2)",
        "(tags)[1], coalesce(few, -1), count(*) OVER ()",
    ] {
        let inner = format!("SELECT {columns} FROM items {filter} {order}");
        let query = format!("SELECT q::text FROM ({inner}) q");
        assert_node(&mut client, &query, 1)?;
        let texts = |client: &mut Client| -> Result<Vec<String>> {
            let rows = client.query(&query, &[])?;
            Ok(rows.iter().map(|row| row.get(0)).collect())
        };
        let by_node = texts(&mut client)?;
        client.batch_execute(EXACT)?;
        let exact = texts(&mut client)?;
        client.batch_execute("RESET enable_indexscan")?;
        client.batch_execute(TAKE_INDEX)?;
        assert!(by_node.len() >= 10, "{columns}");
        assert_eq!(by_node, exact, "{columns}");
    }
    Ok(())
}

#[test]
fn partial_indexes_and_expressions_are_filtered() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let near = "(SELECT v FROM questions LIMIT 1)";
    client.batch_execute(
        "DROP INDEX items_v; CREATE INDEX items_part ON items USING hnsw (v vector_l2_ops) WHERE part",
    )?;
    let by_predicate = format!("SELECT id FROM items WHERE part ORDER BY v <-> {near} LIMIT 10");
    assert_node(&mut client, &by_predicate, 0)?;
    let both =
        format!("SELECT id FROM items WHERE part AND a < 2000 ORDER BY v <-> {near} LIMIT 10");
    assert_node(&mut client, &both, 1)?;
    let found = ids(&mut client, &both)?;
    client.batch_execute(EXACT)?;
    assert_eq!(found, ids(&mut client, &both)?);

    client.batch_execute("RESET ALL; DROP INDEX items_part")?;
    client.batch_execute(TAKE_INDEX)?;
    client.batch_execute(
        "CREATE INDEX items_half ON items USING hnsw ((v::halfvec(24)) halfvec_l2_ops)",
    )?;
    let cast = format!(
        "SELECT id FROM items WHERE a < 2000 ORDER BY v::halfvec(24) <-> {near}::halfvec(24) LIMIT 10"
    );
    assert_node(&mut client, &cast, 1)?;
    let found = ids(&mut client, &cast)?;
    client.batch_execute(EXACT)?;
    assert_eq!(found, ids(&mut client, &cast)?);
    Ok(())
}
