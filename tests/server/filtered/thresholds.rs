//! Searches that end at a distance: conditions beyond which no row passes.

use postgres::Client;
use postgres::types::ToSql;

use super::shortlists::analyzed;
use super::{DIMS, NODE, ROWS, TAKE_INDEX, assert_node, checked, exact_beside, ids};
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, EXACT, literal};

/// Has the planner take the index, and a search find all that is near.
fn search() -> String {
    format!("RESET ALL; {TAKE_INDEX}; SET hnsw.ef_search = 100")
}

/// As [`super::prepare`], with those settings.
fn prepare(cluster: &Cluster) -> Result<Client> {
    let mut client = super::prepare(cluster)?;
    client.batch_execute(&search())?;
    Ok(client)
}

fn exact(client: &mut Client, query: &str) -> Result<Vec<i32>> {
    exact_beside(client, query, &search())
}

/// A distance between that of the row that is the `nth` from a question, from 1, and the next one's.
fn between(client: &mut Client, distance: &str, nth: i64) -> Result<f64> {
    client.batch_execute(EXACT)?;
    let sql = format!(
        "SELECT {distance} FROM items ORDER BY {distance} OFFSET {} LIMIT 2",
        nth - 1
    );
    let rows = client.query(&sql, &[])?;
    client.batch_execute(&search())?;
    Ok(f64::midpoint(rows[0].get(0), rows[1].get(0)))
}

/// Nodes that the last search of this session has visited.
fn last_nodes(client: &mut Client) -> Result<i64> {
    let sql = "SELECT max(last_nodes) FROM vector_index_scans()";
    Ok(client.query_one(sql, &[])?.get(0))
}

/// Conditions that hold for the distances up to `{r}`, and for no others. `{d}` is the distance.
const FORMS: [&str; 18] = [
    "{d} < {r}",
    "{d} <= {r}",
    "{r} > {d}",
    "{r} >= {d}",
    "NOT {d} > {r}",
    "1 - ({d}) > 1 - {r}",
    "1 - {r} <= 1 - ({d})",
    "({d}) * -1 > -{r}",
    "-1 * ({d}) >= -1 * {r}",
    "-({d}) > -{r}",
    "({d}) - 1 < {r} - 1",
    "2 + ({d}) < 2 + {r}",
    "({d}) / 2 < {r} / 2",
    "1 - ({d}) / 2 > 1 - {r} / 2",
    "{d} BETWEEN 0 AND {r}",
    "l2_distance(v, {q}) < {r}",
    "{q} <-> v < {r}",
    "{d} < {r} AND a % 3 < 2",
];

/// Where fewer rows are near enough than LIMIT asks for, the search visited every node.
#[test]
fn a_search_ends_at_a_threshold_however_it_is_written() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for (query, nth) in Clusters::new(91, DIMS, 12)
        .vectors(3)
        .iter()
        .zip([3, 8, 12])
    {
        let question = literal(query);
        let distance = format!("v <-> {question}");
        let farthest = between(&mut client, &distance, nth)?;
        for form in FORMS {
            let filter = form
                .replace("{d}", &distance)
                .replace("{q}", &question)
                .replace("{r}", &format!("{farthest}::float8"));
            let sql = format!("SELECT id FROM items WHERE {filter} ORDER BY {distance} LIMIT 20");
            let truth = exact(&mut client, &sql)?;
            assert_node(&mut client, &sql, 1)?;
            assert_eq!(ids(&mut client, &sql)?, truth, "{form}, {nth} rows");
            let plan = analyzed(&mut client, &sql)?;
            assert!(checked(&plan)? <= 40, "{form}\n{plan}");
            assert!(last_nodes(&mut client)? < 400, "{form}\n{plan}");
            // A float4 is compared as it is.
            let real = sql.replace("::float8", "::real");
            assert_eq!(
                ids(&mut client, &real)?,
                exact(&mut client, &real)?,
                "{real}"
            );
            assert!(last_nodes(&mut client)? < 400, "{real}");
        }
    }
    Ok(())
}

/// Conditions that look like thresholds, and let farther rows pass.
#[test]
fn what_is_no_threshold_ends_no_search() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let query = Clusters::new(92, DIMS, 12).vector();
    let (question, other) = (
        literal(&query),
        literal(&Clusters::new(93, DIMS, 12).vector()),
    );
    let distance = format!("v <-> {question}");
    let farthest = between(&mut client, &distance, 100)?;
    for filter in [
        format!("{distance} > {farthest}"),
        format!("1 - ({distance}) < 1 - {farthest}"),
        format!("({distance}) * 0 < {farthest}"),
        format!("{distance} < {farthest} OR a % 10 = 0"),
        format!("v <-> {other} < {farthest} + 2"),
        format!("{distance} < {farthest} + a"),
        format!("{distance} < 'NaN'::float8 AND a < 3900"),
        format!("{distance} < 'Infinity'::float8 AND a < 3900"),
    ] {
        let sql = format!("SELECT id FROM items WHERE {filter} ORDER BY {distance} LIMIT 10000");
        let mut truth = exact(&mut client, &sql)?;
        assert_node(&mut client, &sql, 1)?;
        let mut found = ids(&mut client, &sql)?;
        truth.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, truth, "{filter}");
    }
    Ok(())
}

/// A threshold far out gives as many of the rows within as a search without one, whatever the order; and it ends there.
#[test]
fn a_threshold_far_out_loses_no_more_than_a_limit_does() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    for query in Clusters::new(94, DIMS, 12).vectors(4) {
        let distance = format!("v <-> {}", literal(&query));
        for nth in [60, 500] {
            let farthest = between(&mut client, &distance, nth)?;
            let within = format!(
                "SELECT id FROM items WHERE {distance} < {farthest} ORDER BY {distance} LIMIT 4000"
            );
            let free = format!("SELECT id FROM items ORDER BY {distance} LIMIT {nth}");
            let truth = exact(&mut client, &within)?;
            for order in ["strict_order", "relaxed_order"] {
                client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
                let hits = |rows: &[i32]| rows.iter().filter(|row| truth.contains(row)).count();
                let without = hits(&ids(&mut client, &free)?);
                let rows = ids(&mut client, &within)?;
                let nodes = last_nodes(&mut client)?;
                assert!(
                    hits(&rows) >= without,
                    "{order}: {} of {without}",
                    rows.len()
                );
                assert_eq!(hits(&rows), rows.len(), "{order}");
                assert!(
                    hits(&rows) * 100 >= truth.len() * 97,
                    "{order}: {}",
                    rows.len()
                );
                assert!(
                    nodes < 12 * nth + 400,
                    "{order}: {nodes} nodes for {nth} rows"
                );
            }
            client.batch_execute("RESET hnsw.iterative_scan")?;
        }
    }
    Ok(())
}

/// Parameters are known when the search begins, not when it is planned; NULL lets nothing pass.
#[test]
fn a_threshold_may_be_a_parameter() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let queries = Clusters::new(95, DIMS, 12).vectors(4);
    for mode in ["force_generic_plan", "force_custom_plan", "auto"] {
        for (condition, further) in [
            ("v <-> $1 < $2", "true"),
            ("1 - (v <-> $1) > 1 - $2::float8", "true"),
            ("v <-> $1 < $2 AND a <> 7", "a <> 7"),
        ] {
            let sql = format!("SELECT id FROM items WHERE {condition} ORDER BY v <-> $1 LIMIT 20");
            for (query, nth) in queries.iter().zip([1, 6, 11, 4]) {
                let distance = format!("v <-> {}", literal(query));
                let farthest = between(&mut client, &distance, nth)?;
                let truth = exact(
                    &mut client,
                    &format!(
                        "SELECT id FROM items WHERE {distance} < {farthest} AND {further} ORDER BY {distance}"
                    ),
                )?;
                client.batch_execute(&format!("SET plan_cache_mode = {mode}"))?;
                let statement = client.prepare(&sql)?;
                for bound in [Some(farthest), None, Some(0.0), Some(farthest)] {
                    let values: [&(dyn ToSql + Sync); 2] = [query, &bound];
                    let rows = client.query(&statement, &values)?;
                    let found: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
                    let wanted = bound.is_some_and(|bound| bound > 0.0);
                    assert_eq!(
                        found,
                        if wanted { &truth[..] } else { &[] },
                        "{mode} {condition}"
                    );
                    assert!(
                        last_nodes(&mut client)? < 400,
                        "{mode} {condition} {bound:?}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// Each outer row has its own threshold.
#[test]
fn a_threshold_may_come_from_an_outer_row() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let sql = "SELECT n.id FROM (SELECT id, v, (id % 5) * 0.3 AS r FROM questions OFFSET 0) q,
         LATERAL (SELECT i.id, i.v <-> q.v AS d FROM items i
                   WHERE i.v <-> q.v < 0.3 + q.r ORDER BY i.v <-> q.v LIMIT 50) n ORDER BY q.id, n.d";
    let truth = exact(&mut client, sql)?;
    client.batch_execute("SET enable_sort = on")?;
    assert_node(&mut client, sql, 1)?;
    let before = client.query_one("SELECT sum(nodes)::bigint FROM vector_index_scans()", &[])?;
    let found = ids(&mut client, sql)?;
    let after = client.query_one("SELECT sum(nodes)::bigint FROM vector_index_scans()", &[])?;
    let nodes = after.get::<_, i64>(0) - before.get::<_, Option<i64>>(0).unwrap_or(0);
    let same = found.iter().filter(|row| truth.contains(row)).count();
    assert!(same * 100 >= truth.len() * 98, "{same} of {}", truth.len());
    assert_eq!(same, found.len());
    // 31 questions, of 4,000 nodes each where the search does not end.
    assert!(nodes < 31 * 500, "{nodes}");
    Ok(())
}

/// As Supabase's guide has it, and what is made after it.
#[test]
fn match_documents_visits_little_more_than_a_search_without_its_threshold() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(&format!(
        "CREATE INDEX items_cosine ON items USING hnsw (v vector_cosine_ops);
         CREATE FUNCTION match_plpgsql(q vector({DIMS}), threshold float, n int)
             RETURNS TABLE (id int, similarity float) LANGUAGE plpgsql AS $$
         #variable_conflict use_column
         BEGIN RETURN QUERY SELECT id, 1 - (items.v <=> q) AS similarity FROM items
             WHERE 1 - (items.v <=> q) > threshold ORDER BY items.v <=> q LIMIT n; END $$;
         CREATE FUNCTION match_sql(q vector({DIMS}), threshold float, n int)
             RETURNS TABLE (id int, similarity float) LANGUAGE sql STABLE AS $$
         SELECT id, 1 - (items.v <=> q) AS similarity FROM items
             WHERE items.v <=> q < 1 - threshold ORDER BY items.v <=> q LIMIT n $$"
    ))?;
    for query in Clusters::new(96, DIMS, 12).vectors(8) {
        let question = literal(&query);
        let distance = format!("v <=> {question}");
        let farthest = between(&mut client, &distance, 4)?;
        let truth = exact(
            &mut client,
            &format!("SELECT id FROM items WHERE {distance} < {farthest} ORDER BY {distance}"),
        )?;
        ids(
            &mut client,
            &format!("SELECT id FROM items ORDER BY {distance} LIMIT 10"),
        )?;
        let free = last_nodes(&mut client)?;
        for function in ["match_plpgsql", "match_sql"] {
            let sql = format!("SELECT id FROM {function}({question}, 1 - {farthest}, 10)");
            let found = ids(&mut client, &sql)?;
            assert_eq!(found, truth, "{function}");
            let nodes = last_nodes(&mut client)?;
            assert!(
                nodes <= free + free / 4 + 10,
                "{function}: {nodes}, without {free}"
            );
        }
    }
    Ok(())
}

/// Every operator class, and rows that have no distance.
#[test]
fn every_operator_class_ends_at_thresholds() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let question = literal(&Clusters::new(97, DIMS, 12).vector());
    client.batch_execute(
        "UPDATE items SET v = NULL WHERE id % 50 = 0;
         UPDATE items SET v = array_fill(0, ARRAY[24])::vector WHERE id % 50 = 1",
    )?;
    for (kind, class, operator) in [
        ("vector", "vector_l2_ops", "<->"),
        ("vector", "vector_ip_ops", "<#>"),
        ("vector", "vector_cosine_ops", "<=>"),
        ("vector", "vector_l1_ops", "<+>"),
        ("halfvec", "halfvec_cosine_ops", "<=>"),
        ("halfvec", "halfvec_ip_ops", "<#>"),
        ("sparsevec", "sparsevec_l2_ops", "<->"),
        ("sparsevec", "sparsevec_ip_ops", "<#>"),
        ("bit", "bit_hamming_ops", "<~>"),
        ("bit", "bit_jaccard_ops", "<%>"),
    ] {
        let value = |value: &str| match kind {
            "bit" => format!("(binary_quantize({value})::bit({DIMS}))"),
            _ => format!("(({value})::{kind}({DIMS}))"),
        };
        let index = format!(
            "DROP INDEX items_v; CREATE INDEX items_v ON items USING hnsw ({} {class})",
            value("v")
        );
        client.batch_execute(&index)?;
        let distance = format!("{} {operator} {}", value("v"), value(&question));
        let farthest = between(&mut client, &distance, 9)?;
        for condition in [
            format!("{distance} < {farthest}"),
            format!("({distance}) * -1 >= -1 * ({farthest})"),
        ] {
            let sql =
                format!("SELECT id FROM items WHERE {condition} ORDER BY {distance} LIMIT 500");
            // Rows that have no distance are not in the index.
            let measured = format!("WHERE {distance} <> 'NaN' AND");
            let mut truth = exact(&mut client, &sql.replace("WHERE", &measured))?;
            assert_node(&mut client, &sql, 1)?;
            let mut found = ids(&mut client, &sql)?;
            let nodes = last_nodes(&mut client)?;
            // Equal distances come in any order.
            truth.sort_unstable();
            found.sort_unstable();
            let same = found.iter().filter(|row| truth.contains(row)).count();
            assert!(
                same == found.len() && same + 1 >= truth.len(),
                "{class}: {found:?} {truth:?}"
            );
            assert!(nodes < 2_000, "{class}: {nodes}");
        }
    }
    Ok(())
}

/// A condition that EXPLAIN shows as a filter stays one.
#[test]
fn a_plan_shows_its_threshold_as_a_filter() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let question = literal(&Clusters::new(98, DIMS, 12).vector());
    let sql = format!(
        "SELECT id, 1 - (v <-> {question}) FROM items WHERE 1 - (v <-> {question}) > 0.2 ORDER BY v <-> {question} LIMIT 3"
    );
    let plan = analyzed(&mut client, &sql)?;
    assert!(plan.contains(NODE) && plan.contains("Filter: (("), "{plan}");
    // With the node switched off the answer is the same.
    let with = ids(&mut client, &sql.replace("id, 1", "id, 2"))?;
    client.batch_execute("SET hnsw.filtered_scan = off")?;
    assert_eq!(ids(&mut client, &sql.replace("id, 1", "id, 2"))?, with);
    Ok(())
}

/// No direction is as far from every row as from any other: not a number, which is greater than all numbers.
#[test]
fn a_question_without_direction_has_the_rows_of_exact_search() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "DROP INDEX items_v; CREATE INDEX items_v ON items USING hnsw (v vector_cosine_ops)",
    )?;
    let distance = format!("v <=> array_fill(0, ARRAY[{DIMS}])::vector");
    for condition in [
        format!("1 - ({distance}) > 0.7"),
        format!("-({distance}) >= -0.5"),
        format!("{distance} < 0.7"),
        format!("{distance} > 0.7"),
        format!("{distance} < NULL::float8"),
    ] {
        let sql = format!("SELECT id FROM items WHERE {condition} ORDER BY {distance} LIMIT 10");
        let truth = exact(&mut client, &sql)?;
        assert_eq!(ids(&mut client, &sql)?.len(), truth.len(), "{condition}");
    }
    Ok(())
}

/// No row is within a threshold of a question that is NULL, or has no direction: to know that takes no search.
#[test]
fn a_threshold_of_a_question_without_distances_ends_the_search_at_once() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "DROP INDEX items_v; CREATE INDEX items_v ON items USING hnsw (v vector_cosine_ops);
         SET plan_cache_mode = force_generic_plan",
    )?;
    let zero = Some(pgvector::Vector::from(vec![0.0; DIMS]));
    for (question, condition, ends) in [
        (&None, "v <=> $1 < 0.7", true),
        (&None, "1 - (v <=> $1) > 0.3", true),
        (&zero, "v <=> $1 < 0.7", true),
        (&zero, "1 - (v <=> $1) > 0.3", false),
    ] {
        let sql = format!("SELECT id FROM items WHERE {condition} ORDER BY v <=> $1 LIMIT 4000");
        let found = client.query(&sql, &[question])?.len();
        let wanted = if ends { 0 } else { ROWS };
        assert_eq!(found, wanted, "{condition} {question:?}");
        let nodes = last_nodes(&mut client)?;
        assert_eq!(nodes == 0, ends, "{condition} {question:?}: {nodes}");
    }
    Ok(())
}

/// A threshold is computed before a row comes to it, so it must not fail where none does.
#[test]
fn a_threshold_that_cannot_be_computed_fails_no_search_without_rows() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let distance = format!("v <-> {}", literal(&Clusters::new(99, DIMS, 12).vector()));
    for value in ["1 / (SELECT 0::float8)", "ln((SELECT -1::float8))"] {
        let sql = format!(
            "SELECT id FROM items WHERE a < 0 AND {distance} < {value} ORDER BY {distance} LIMIT 5"
        );
        assert_node(&mut client, &sql, 1)?;
        assert_eq!(ids(&mut client, &sql)?, [0; 0], "{value}");
        let Err(error) = client.query(&sql.replace("a < 0 AND", ""), &[]) else {
            return Err("no error".into());
        };
        assert!(error.code().is_some(), "{error}");
    }
    Ok(())
}
