//! Shortlists that the index ranks, once a session has paid for learning to.

use postgres::Client;

use super::shortlists::{analyzed, exact, prepare_shortlists, query};
use super::{DIMS, checked, ids, sorted};
use crate::support::Result;
use crate::support::cluster::Cluster;

/// Asks until rows are ranked, not fetched one by one.
pub fn learn(client: &mut Client) -> Result<()> {
    let query = query("far < 400");
    for _ in 0..300 {
        if checked(&analyzed(client, &query)?)? < 200 {
            return Ok(());
        }
    }
    Err("it does not learn".into())
}

/// With these settings the node's plans are taken, and answers are those of an exact search.
fn assert_exact(client: &mut Client, filter: &str) -> Result<()> {
    let query = query(filter);
    let truth = exact(client, &query)?;
    assert_eq!(ids(client, &query)?, truth, "{filter}");
    Ok(())
}

#[test]
fn a_session_learns_to_rank_what_it_has_shortlisted() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let far = query("far < 400");
    assert!(checked(&analyzed(&mut client, &far)?)? >= 400);
    learn(&mut client)?;
    for order in ["strict_order", "relaxed_order"] {
        client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
        for filter in [
            "far < 400",
            "far < 30",
            "far < 800 AND a < 2000",
            "far < 400 AND word = 'w7'",
            "far < 300 OR a < 40",
            "far = ANY ('{1, 5, 5, 9, 300}')",
            "far < 5",
            "far < 0",
        ] {
            assert_exact(&mut client, filter)?;
        }
    }
    // Another session has its own; without memory there is none.
    let mut other = cluster.client()?;
    other.batch_execute("SET enable_seqscan = off; SET enable_sort = off")?;
    assert!(checked(&analyzed(&mut other, &far)?)? >= 400);
    client.batch_execute("SET hnsw.outline_mem = '10kB'")?;
    for _ in 0..20 {
        assert!(checked(&analyzed(&mut client, &far)?)? >= 400);
    }
    client.batch_execute("RESET hnsw.outline_mem")?;
    learn(&mut client)
}

/// However much a user asks for, an administrator's limit counts, and is not the user's to lift.
#[test]
fn an_administrator_limits_what_a_session_keeps() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let far = query("far < 400");
    client.batch_execute(
        "ALTER DATABASE postgres SET hnsw.max_outline_mem = '10kB'; CREATE ROLE plain;
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain",
    )?;
    let mut client = cluster.client()?;
    // Postgres knows who may change a setting once the library has told it.
    client.batch_execute("LOAD 'vector_ext'; SET enable_seqscan = off; SET enable_sort = off")?;
    client.batch_execute("SET ROLE plain; SET hnsw.outline_mem = '10GB'")?;
    let refused = client
        .batch_execute("SET hnsw.max_outline_mem = '10GB'")
        .err();
    let code = refused.and_then(|e| e.code().map(|code| code.code().to_owned()));
    assert_eq!(code.as_deref(), Some("42501"));
    for _ in 0..20 {
        assert!(checked(&analyzed(&mut client, &far)?)? >= 400);
    }
    client.batch_execute("RESET ROLE; SET hnsw.max_outline_mem = '1GB'; SET ROLE plain")?;
    learn(&mut client)
}

/// Distances of rows, in order.
const DISTANCES: &str = "SELECT round((v <-> (SELECT v FROM one))::numeric, 4)::text FROM items WHERE id = ANY ($1) ORDER BY 1";

/// What came, went or changed since is as it is, before and after places are given anew.
#[test]
fn rows_that_change_after_a_session_has_learned_are_as_they_are() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let mut other = cluster.client()?;
    learn(&mut client)?;
    for round in 0..4 {
        for change in [
            format!("DELETE FROM items WHERE far < 400 AND far % 7 = {round}"),
            "VACUUM items".to_owned(),
            // In the places of others, and nearer than all.
            format!(
                "INSERT INTO items (id, v, a, far)
                 SELECT 20000 + {round} * 100 + i, v, 5000, i FROM one, generate_series(1, 20) i"
            ),
            format!("INSERT INTO items (id, v, far) SELECT 40000 + {round}, NULL, 7"),
            format!("UPDATE items SET v = v + v WHERE far BETWEEN 50 AND 60 + {round}"),
            format!("UPDATE items SET word = 'again' WHERE far % 11 = {round}"),
            format!("UPDATE items SET far = far + 400 WHERE far % 13 = {round} AND far < 400"),
        ] {
            other.batch_execute(&change)?;
            for filter in ["far < 400", "far < 400 AND id < 20000", "far < 100"] {
                // Equal rows come in any order.
                let query = query(filter).replace("LIMIT 10", "LIMIT 40");
                let (truth, found) = (exact(&mut client, &query)?, ids(&mut client, &query)?);
                let mut distances = |ids: Vec<i32>| -> Result<Vec<String>> {
                    let rows = other.query(DISTANCES, &[&ids])?;
                    Ok(rows.iter().map(|row| row.get(0)).collect())
                };
                assert_eq!(distances(found)?, distances(truth)?, "{change}: {filter}");
            }
        }
        learn(&mut client)?;
    }
    Ok(())
}

/// The search gives some before it stops; what is ranked may not give those again, nor lose one.
#[test]
fn every_row_comes_once_where_rows_are_ranked() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    learn(&mut client)?;
    client.batch_execute("INSERT INTO items (id, v, a, far) SELECT 30000 + id, v, a, far FROM items WHERE far < 900 AND id % 9 = 0")?;
    for filter in ["far < 900", "a < 900", "far BETWEEN 3000 AND 3900"] {
        for order in ["strict_order", "relaxed_order"] {
            client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
            let all = query(filter).replace("LIMIT 10", "LIMIT 2000");
            let (found, truth) = (ids(&mut client, &all)?, exact(&mut client, &all)?);
            assert_eq!(sorted(found), sorted(truth), "{filter}, {order}");
        }
    }
    Ok(())
}

/// Under each metric, and for values out of line.
#[test]
fn each_metric_ranks() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    for (operator, class) in [("<=>", "cosine"), ("<#>", "ip"), ("<->", "l2")] {
        client.batch_execute(&format!(
            "DROP INDEX IF EXISTS items_v, items_other;
             CREATE INDEX items_other ON items USING hnsw (v vector_{class}_ops);
             UPDATE items SET far = ranked.far FROM (
                 SELECT id, row_number() OVER (ORDER BY v {operator} (SELECT v FROM one) DESC) - 1 AS far FROM items
             ) ranked WHERE ranked.id = items.id"
        ))?;
        client.batch_execute("VACUUM ANALYZE items")?;
        let query = query("far < 400").replace("<->", operator);
        let truth = exact(&mut client, &query)?;
        let mut fewest = u32::MAX;
        for _ in 0..300 {
            fewest = fewest.min(checked(&analyzed(&mut client, &query)?)?);
            assert_eq!(ids(&mut client, &query)?, truth, "{operator}");
            if fewest < 200 {
                break;
            }
        }
        assert_eq!(ids(&mut client, &query)?, truth, "{operator}");
        assert!(fewest < 200, "{operator}: {fewest}");
    }
    client.batch_execute(&format!(
        "CREATE TABLE wide AS SELECT id, far, (SELECT array_agg(x) FROM unnest(array_fill(0, ARRAY[{DIMS}])) zero,
             unnest(v::real[]) x)::vector({}) AS v FROM items;
         CREATE INDEX ON wide (far); CREATE INDEX ON wide USING hnsw (v vector_l2_ops)",
        DIMS * DIMS
    ))?;
    client.batch_execute("VACUUM ANALYZE wide")?;
    let query = "SELECT id FROM wide WHERE far < 400 ORDER BY v <-> (SELECT w.v FROM wide w, one WHERE w.id = 17) LIMIT 10";
    let truth = exact(&mut client, query)?;
    let mut fewest = u32::MAX;
    for _ in 0..300 {
        fewest = fewest.min(checked(&analyzed(&mut client, query)?)?);
        assert_eq!(ids(&mut client, query)?, truth);
        if fewest < 200 {
            break;
        }
    }
    assert_eq!(ids(&mut client, query)?, truth);
    assert!(fewest < 200, "{fewest}");
    Ok(())
}
