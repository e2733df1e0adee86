//! What a session pays to learn where rows are in an index, and how it gives that back.

use postgres::Client;
use serde_json::Value;

use super::checked;
use super::ranks::learn;
use super::shortlists::{analyzed, prepare_shortlists, query};
use crate::support::Result;
use crate::support::cluster::Cluster;

/// A number that EXPLAIN says of the node; 0 where it says none.
fn property(plan: &Value, name: &str) -> f64 {
    let plans = plan["Plans"].as_array().into_iter().flatten();
    let beneath = plans.map(|plan| property(plan, name));
    plan[name].as_f64().unwrap_or_else(|| beneath.sum())
}

/// What a run of a query shows.
fn run(client: &mut Client, query: &str) -> Result<Value> {
    let sql = format!("EXPLAIN (ANALYZE, FORMAT JSON) {query}");
    let mut all: Value = client.query_one(&sql, &[])?.get(0);
    Ok(all[0]["Plan"].take())
}

/// Whether the index ranks what another has listed; otherwise each of 400 rows is fetched.
fn is_learned(client: &mut Client) -> Result<bool> {
    Ok(checked(&analyzed(client, &query("far < 400"))?)? < 200)
}

#[test]
fn a_query_pays_at_most_a_tenth_for_learning() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let query = query("far < 400");
    let (mut shares, mut nodes) = (Vec::new(), 0.0);
    for _ in 0..300 {
        let plan = run(&mut client, &query)?;
        let fetched = property(&plan, "Rows Checked");
        let learned = property(&plan, "Nodes Learned");
        if fetched < 200.0 {
            break;
        }
        // To fetch a row and measure it takes as long as reading two nodes, and that is nearly all of this query.
        assert!(learned > 0.0 && learned <= 0.25 * fetched, "{plan}");
        nodes += learned;
        shares.push(property(&plan, "Outline Learned"));
    }
    assert!(is_learned(&mut client)?, "{shares:?}");
    assert!(shares.is_sorted(), "{shares:?}");
    assert!(shares.first() < Some(&10.0), "{shares:?}");
    assert!(shares.last() >= Some(&100.0), "{shares:?}");
    assert!(nodes >= 4_000.0, "{nodes}");
    let plan = run(&mut client, &query)?;
    assert!(property(&plan, "Nodes Learned") < 1.0, "{plan}");
    Ok(())
}

/// A cursor asks for rows again and again, and a join starts the search anew.
#[test]
fn cursors_and_joins_learn_as_well() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let all = query("far < 400").replace("LIMIT 10", "LIMIT 400");
    for _ in 0..300 {
        if is_learned(&mut client)? {
            break;
        }
        let mut transaction = client.transaction()?;
        transaction.batch_execute(&format!("DECLARE c NO SCROLL CURSOR FOR {all}"))?;
        let mut ids = Vec::new();
        for _ in 0..41 {
            let rows = transaction.query("FETCH 10 FROM c", &[])?;
            ids.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 400);
        transaction.commit()?;
    }
    assert!(is_learned(&mut client)?);
    client.batch_execute("DISCARD PLANS")?;
    let join = "SELECT x.id FROM generate_series(1, 11) n, LATERAL (
                    SELECT id FROM items WHERE far < 400 AND id <> n ORDER BY v <-> (SELECT v FROM one) LIMIT 10) x";
    let plan = run(&mut client, join)?;
    assert!(property(&plan, "Nodes Learned") > 500.0, "{plan}");
    Ok(())
}

#[test]
fn a_session_gives_back_what_it_has_learned() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    learn(&mut client)?;
    // Pools that keep their connections for the same clients say this.
    client.batch_execute("RESET ALL; SET enable_seqscan = off; SET enable_sort = off")?;
    assert!(is_learned(&mut client)?);
    for discard in [
        "DISCARD ALL",
        "DISCARD PLANS",
        // It is gone although there is room again before the next search.
        "SET hnsw.outline_mem = 0",
        "SET hnsw.outline_mem = '10kB'",
        "SET LOCAL hnsw.outline_mem = 0",
    ] {
        learn(&mut client)?;
        if discard.contains("LOCAL") {
            client.batch_execute(&format!("BEGIN; {discard}; COMMIT"))?;
        } else {
            client.batch_execute(discard)?;
        }
        client.batch_execute("RESET ALL; SET enable_seqscan = off; SET enable_sort = off")?;
        assert!(!is_learned(&mut client)?, "{discard}");
    }
    learn(&mut client)?;
    for kept in [
        "DISCARD SEQUENCES",
        "DISCARD TEMP",
        "SET hnsw.outline_mem = '1GB'",
    ] {
        client.batch_execute(kept)?;
        assert!(is_learned(&mut client)?, "{kept}");
    }
    Ok(())
}
