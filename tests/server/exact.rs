//! Exact search finds exactly the nearest rows, alone and in parallel.

use pgvector::Vector;
use postgres::Client;
use postgres::types::ToSql;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::passages::{self, Question};

fn ids(client: &mut Client, query: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<i64>> {
    Ok(client
        .query(query, parameters)?
        .iter()
        .map(|row| row.get(0))
        .collect())
}

fn check_truth(client: &mut Client, questions: &[Question]) -> Result<()> {
    for question in questions {
        // All vectors have length 1, so that three metrics agree on the order.
        for operator in ["<=>", "<->", "<#>"] {
            let query =
                format!("SELECT id FROM passages ORDER BY embedding {operator} $1 LIMIT 10");
            let mut found = ids(client, &query, &[&question.embedding])?;
            let mut truth = question.truth.clone();
            found.sort_unstable();
            truth.sort_unstable();
            assert_eq!(found, truth, "{} by {operator}", question.text);
        }
    }
    Ok(())
}

fn plan(client: &mut Client, query: &str, embedding: &Vector) -> Result<String> {
    let rows = client.query(&format!("EXPLAIN (COSTS OFF) {query}"), &[embedding])?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, String>(0) + "\n")
        .collect())
}

#[test]
fn recall_is_one_by_each_metric_and_kernel_and_in_parallel() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    assert_eq!(passages::load(&mut client, |_, _| ())?, 5_000);
    let questions = passages::questions()?;
    assert_eq!(questions.len(), 10);
    check_truth(&mut client, &questions)?;
    client.batch_execute("SET vector_ext.kernels = plain")?;
    check_truth(&mut client, &questions)?;

    client.batch_execute(
        "RESET vector_ext.kernels; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
         SET min_parallel_table_scan_size = 0",
    )?;
    let query = "SELECT id FROM passages ORDER BY embedding <=> $1::vector LIMIT 10";
    let plan = plan(&mut client, query, &questions[0].embedding)?;
    assert!(plan.contains("Parallel Seq Scan"), "{plan}");
    check_truth(&mut client, &questions)
}

#[test]
fn filters_limit_the_rows_and_never_the_recall() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    passages::load(&mut client, |_, _| ())?;
    for question in passages::questions()? {
        let all = ids(
            &mut client,
            "SELECT id FROM passages ORDER BY embedding <=> $1, id",
            &[&question.embedding],
        )?;
        let kept = ids(
            &mut client,
            "SELECT id FROM passages WHERE corpus = 'wordnet'",
            &[],
        )?;
        let oracle: Vec<i64> = all
            .into_iter()
            .filter(|id| kept.contains(id))
            .take(20)
            .collect();
        let found = ids(
            &mut client,
            "SELECT id FROM passages WHERE corpus = 'wordnet'
              ORDER BY embedding <=> $1, id LIMIT 20",
            &[&question.embedding],
        )?;
        assert_eq!(found, oracle, "{}", question.text);
    }
    Ok(())
}

#[test]
fn aggregates_agree_in_parallel_and_alone() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE items (v vector(3));
         INSERT INTO items SELECT ARRAY[i % 7, i % 11, -i % 13]::vector
           FROM generate_series(1, 100000) i;
         INSERT INTO items SELECT NULL FROM generate_series(1, 100);
         ANALYZE items",
    )?;
    let query = "SELECT avg(v)::text, sum(v)::text FROM items";
    client.batch_execute("SET max_parallel_workers_per_gather = 0")?;
    let alone = client.query_one(query, &[])?;
    client.batch_execute(
        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0;
         SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0",
    )?;
    let lines = client.query(&format!("EXPLAIN (COSTS OFF) {query}"), &[])?;
    let plan: String = lines
        .iter()
        .map(|row| row.get::<_, String>(0) + "\n")
        .collect();
    assert!(plan.contains("Partial Aggregate"), "{plan}");
    let parallel = client.query_one(query, &[])?;
    for column in 0..2 {
        assert_eq!(
            alone.get::<_, String>(column),
            parallel.get::<_, String>(column)
        );
    }
    Ok(())
}
