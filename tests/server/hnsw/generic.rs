//! What the planner chooses before it knows parameters, and where rows have no vector.

use postgres::{Client, SimpleQueryMessage};

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, literal, make_table, plan};

const DIMS: usize = 16;

/// A table that is small for an index, and filters beside it.
fn prepare(cluster: &Cluster) -> Result<Client> {
    let mut client = cluster.client()?;
    let rows = Clusters::new(81, DIMS, 12).vectors(8_000);
    make_table(&mut client, "", DIMS, &rows)?;
    client.batch_execute(
        "ALTER TABLE items ADD kind int, ADD size int;
         UPDATE items SET kind = id % 5, size = id % 1000;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         CREATE INDEX items_kind ON items (kind); CREATE INDEX items_size ON items (size)",
    )?;
    client.batch_execute("VACUUM ANALYZE items")?;
    Ok(client)
}

const STATEMENTS: [(&str, &str); 5] = [
    (
        "(vector, int)",
        "SELECT id FROM items ORDER BY v <-> $1 LIMIT $2",
    ),
    (
        "(vector, int, float)",
        "SELECT id FROM items WHERE v <-> $1 < 1 - $3 ORDER BY v <-> $1 LIMIT $2",
    ),
    (
        "(vector, int, float)",
        "SELECT id FROM items WHERE v <-> $1 BETWEEN 0 AND $3 ORDER BY v <-> $1 LIMIT $2",
    ),
    (
        "(vector, int, int)",
        "SELECT id FROM items WHERE kind = $3 ORDER BY v <-> $1 LIMIT $2",
    ),
    (
        "(vector, int, int)",
        "SELECT id FROM items WHERE kind = $3 AND size > $3 ORDER BY v <-> $1 LIMIT $2",
    ),
];

/// A LIMIT that is not known was taken for a tenth of the rows, and those were sorted.
#[test]
fn a_generic_plan_takes_the_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let question = literal(&Clusters::new(82, DIMS, 12).vector());
    for ef in [40, 400] {
        client.batch_execute(&format!("SET hnsw.ef_search = {ef}"))?;
        for (types, statement) in STATEMENTS {
            client.batch_execute(&format!("PREPARE p {types} AS {statement}"))?;
            let mut plan_of = |mode: &str| -> Result<String> {
                client.batch_execute(&format!("SET plan_cache_mode = {mode}"))?;
                plan(&mut client, &execute(types, &question), &[])
            };
            let (generic, custom) = (
                plan_of("force_generic_plan")?,
                plan_of("force_custom_plan")?,
            );
            let takes = |plan: &str| plan.contains("Index Scan using items_v");
            // Of 1,600 rows and a walk of 400 visits, either may be the cheaper; both plans are of one mind.
            assert!(ef == 400 || takes(&generic), "{statement}\n{generic}");
            assert_eq!(
                takes(&generic),
                takes(&custom),
                "{ef}, {statement}\n{generic}\n{custom}"
            );
            client.batch_execute("DEALLOCATE p")?;
        }
    }
    Ok(())
}

/// Runs `p` for ten rows.
fn execute(types: &str, question: &str) -> String {
    let rest = ", 0".repeat(types.matches(',').count() - 1);
    format!("EXECUTE p ({question}, 10{rest})")
}

/// Planning is a tenth of a fast query, and was done again each time.
#[test]
fn statements_that_are_executed_often_are_planned_no_more() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    // Of the last, a generic plan expects fewer rows than pass with these values, and costs more.
    for (types, statement) in &STATEMENTS[..4] {
        client.batch_execute(&format!("PREPARE p {types} AS {statement}"))?;
        for question in Clusters::new(83, DIMS, 12).vectors(12) {
            client.batch_execute(&execute(types, &literal(&question)))?;
        }
        let plans =
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'p'";
        let plans = client.query_one(plans, &[])?;
        let (generic, custom): (i64, i64) = (plans.get(0), plans.get(1));
        assert_eq!((generic, custom), (7, 5), "{statement}");
        client.batch_execute("DEALLOCATE p")?;
    }
    Ok(())
}

/// Rows without a vector are not in the index, and a plan for any LIMIT was taken for ten of them.
#[test]
fn a_generic_plan_loses_no_row_without_a_vector() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute("UPDATE items SET v = NULL WHERE id % 10 = 0")?;
    client.batch_execute("VACUUM ANALYZE items")?;
    client.batch_execute(
        "PREPARE p (vector, bigint) AS
         SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> $1 LIMIT $2) x",
    )?;
    let question = literal(&Clusters::new(85, DIMS, 12).vector());
    for limit in [8_000, 5, 5, 5, 5, 5, 5, 5, 8_000] {
        let execute = format!("EXECUTE p ({question}, {limit})");
        let rows: i64 = match client.simple_query(&execute)?.get(1) {
            Some(SimpleQueryMessage::Row(row)) => row.get(0).unwrap_or("").parse()?,
            _ => return Err("no row".into()),
        };
        assert_eq!(rows, limit);
    }
    Ok(())
}

/// What reads all rows of a query is not taken for few of them.
#[test]
fn a_limit_above_what_needs_all_rows_says_nothing_of_the_scan() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    for statement in [
        "SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> $1) s LIMIT $2",
        "SELECT kind, min(v <-> $1) FROM items GROUP BY kind ORDER BY 2 LIMIT $2",
        "SELECT a.id FROM items a JOIN items b USING (size) ORDER BY a.v <-> $1 LIMIT $2",
    ] {
        client.batch_execute(&format!("PREPARE p (vector, int) AS {statement}"))?;
        let question = literal(&Clusters::new(84, DIMS, 12).vector());
        let found = plan(&mut client, &format!("EXECUTE p ({question}, 10)"), &[])?;
        let shows = found.contains("items_v");
        // A join may be driven by the order; what groups or sorts all rows may not.
        assert!(!shows || statement.contains("JOIN"), "{statement}\n{found}");
        client.batch_execute("DEALLOCATE p")?;
    }
    Ok(())
}

/// The index has no rows without a vector: `WHERE v IS NULL` gave none of them.
#[test]
fn rows_without_a_vector_are_not_looked_for_in_the_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "UPDATE items SET v = NULL WHERE id % 10 = 0; ANALYZE items;
         CREATE TABLE few AS SELECT id, CASE WHEN id % 200 = 1 THEN v END::vector(16) AS v, kind FROM items;
         CREATE INDEX few_v ON few USING hnsw (v vector_l2_ops); ANALYZE few;
         CREATE INDEX items_half ON items USING hnsw ((v::halfvec(16)) halfvec_l2_ops); ANALYZE items",
    )?;
    let question = "(SELECT v FROM items WHERE id = 3)";
    let cases = [
        ("items", "v", "v IS NULL", 10),
        ("items", "v", "kind = 0 AND v IS NULL", 300),
        ("items", "v::halfvec(16)", "v::halfvec(16) IS NULL", 10),
        ("items", "v", "true", 7_600),
        ("few", "v", "true", 100),
        ("few", "v", "true", 8_000),
    ];
    for forced in [false, true] {
        if forced {
            client.batch_execute("SET enable_seqscan = off; SET enable_sort = off")?;
        }
        for (table, value, filter, limit) in cases {
            let target = if value == "v" {
                question.into()
            } else {
                format!("{question}::halfvec(16)")
            };
            let query = format!(
                "SELECT id FROM {table} WHERE {filter} ORDER BY {value} <-> {target} LIMIT {limit}"
            );
            assert_eq!(client.query(&query, &[])?.len(), limit, "{query}");
        }
    }
    // Where there are as many with a vector, the index is taken.
    client.batch_execute("RESET ALL")?;
    let query = format!("SELECT id FROM items ORDER BY v <-> {question} LIMIT 10");
    let found = plan(&mut client, &query, &[])?;
    assert!(found.contains("items_v"), "{found}");
    Ok(())
}
