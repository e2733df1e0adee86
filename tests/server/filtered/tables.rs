//! Searches that read the table once they have cost as much: their filters run against the question, and no other index
//! knows what passes.

use std::collections::HashSet;

use postgres::Client;

use super::shortlists::{analyzed, query};
use super::{TAKE_INDEX, exact_beside, ids, prepare, sorted};
use crate::support::Result;
use crate::support::cluster::Cluster;

/// As [`prepare`]. `far` numbers the rows from the one that is farthest from the question `(SELECT v FROM one)`; no
/// index has it.
fn prepare_far(cluster: &Cluster) -> Result<Client> {
    let mut client = prepare(cluster)?;
    client.batch_execute(
        "CREATE TABLE one AS SELECT v FROM items WHERE id = 17;
         ALTER TABLE items ADD far int;
         UPDATE items SET far = ranked.far FROM (
             SELECT id, row_number() OVER (ORDER BY v <-> (SELECT v FROM one) DESC) - 1 AS far FROM items
         ) ranked WHERE ranked.id = items.id",
    )?;
    client.batch_execute("VACUUM FULL ANALYZE items")?;
    client.batch_execute(TAKE_INDEX)?;
    Ok(client)
}

fn exact(client: &mut Client, query: &str) -> Result<Vec<i32>> {
    exact_beside(client, query, &format!("RESET ALL; {TAKE_INDEX}"))
}

/// A number that EXPLAIN shows of the node.
fn shown(plan: &str, label: &str) -> Result<u64> {
    Ok(super::shown(plan, label).unwrap_or("0").parse()?)
}

#[test]
fn a_search_that_comes_by_nearly_all_rows_reads_the_table() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_far(&cluster)?;
    for filter in [
        "far < 400",
        "far < 12",
        "far % 2 = 0 AND far < 90",
        "far < 0",
    ] {
        let query = query(filter);
        let truth = exact(&mut client, &query)?;
        for order in ["strict_order", "relaxed_order"] {
            client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
            assert_eq!(ids(&mut client, &query)?, truth, "{order}, {filter}");
            let plan = analyzed(&mut client, &query)?;
            assert_eq!(shown(&plan, "Searches Read")?, 1, "{plan}");
            // Of 4,000 nodes.
            assert!(shown(&plan, "Nodes Visited")? < 1_200, "{plan}");
        }
        client.batch_execute("RESET hnsw.iterative_scan")?;
    }
    // What ends by itself, or at a limit of its own, does not.
    for setting in ["hnsw.iterative_scan = off", "hnsw.max_scan_tuples = 3000"] {
        client.batch_execute(&format!("SET {setting}"))?;
        let plan = analyzed(&mut client, &query("far < 400"))?;
        assert_eq!(shown(&plan, "Searches Read")?, 0, "{setting}\n{plan}");
        client.batch_execute(&format!("RESET ALL; {TAKE_INDEX}"))?;
    }
    Ok(())
}

/// Rows that the search has given do not come again, in whatever place a change has left them; nor do rows that are
/// gone.
#[test]
fn a_row_comes_once_whichever_way_it_is_found() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_far(&cluster)?;
    // New versions on the same pages, whose places indexes do not have.
    client.batch_execute(
        "CREATE TABLE loose (id int, v vector(24), far int) WITH (fillfactor = 40);
         INSERT INTO loose SELECT id, v, far FROM items;
         CREATE INDEX loose_v ON loose USING hnsw (v vector_l2_ops);
         UPDATE loose SET far = far + 1 WHERE id % 3 > 0;
         DELETE FROM loose WHERE id % 10 = 7; ANALYZE loose",
    )?;
    for order in ["strict_order", "relaxed_order"] {
        for filter in ["far >= 0", "far < 3000", "far > 1000 OR far < 30"] {
            let query = format!(
                "SELECT id FROM loose WHERE {filter} ORDER BY v <-> (SELECT v FROM one) LIMIT 10000"
            );
            let truth = exact(&mut client, &query)?;
            client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
            let plan = analyzed(&mut client, &query)?;
            assert_eq!(shown(&plan, "Searches Read")?, 1, "{plan}");
            let found = ids(&mut client, &query)?;
            let different: HashSet<i32> = found.iter().copied().collect();
            assert_eq!(different.len(), found.len(), "{order}, {filter}");
            assert_eq!(sorted(found), sorted(truth), "{order}, {filter}");
        }
    }
    Ok(())
}

/// More rows pass than memory holds: the table is read again for those that are farther.
#[test]
fn a_table_is_read_again_where_what_passes_does_not_fit() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_far(&cluster)?;
    client.batch_execute(
        "INSERT INTO items (id, v, far) SELECT id + 10000 * i, v, far FROM items, generate_series(1, 3) i;
         ANALYZE items",
    )?;
    let query =
        "SELECT id FROM items WHERE far >= 0 ORDER BY v <-> (SELECT v FROM one) LIMIT 20000";
    let truth = exact(&mut client, query)?;
    client.batch_execute("SET work_mem = '64kB'")?;
    let found = ids(&mut client, query)?;
    assert_eq!((found.len(), truth.len()), (16_000, 16_000));
    assert_eq!(sorted(found), sorted(truth));
    Ok(())
}

#[test]
fn an_index_on_a_part_gives_rows_of_that_part_only() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_far(&cluster)?;
    client.batch_execute(
        "DROP INDEX items_v;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops) WHERE a % 2 = 0",
    )?;
    let query = query("a % 2 = 0 AND far < 400");
    let truth = exact(&mut client, &query)?;
    assert_eq!(ids(&mut client, &query)?, truth);
    let plan = analyzed(&mut client, &query)?;
    assert_eq!(shown(&plan, "Searches Read")?, 1, "{plan}");
    Ok(())
}

/// An index on an expression, rows without a distance, and a filter that raises an error.
#[test]
fn a_table_that_is_read_has_the_rows_of_the_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_far(&cluster)?;
    client.batch_execute(
        "UPDATE items SET v = NULL WHERE far % 40 = 1;
         UPDATE items SET v = array_fill(0, ARRAY[24])::vector WHERE far % 40 = 2;
         DROP INDEX items_v;
         CREATE INDEX items_v ON items USING hnsw ((v::halfvec(24)) halfvec_cosine_ops)",
    )?;
    let query = "SELECT id FROM items WHERE far < 400
        ORDER BY v::halfvec(24) <=> (SELECT v::halfvec(24) FROM one) LIMIT 1000";
    let truth = exact(
        &mut client,
        &query.replace("WHERE", "WHERE v <> array_fill(0, ARRAY[24])::vector AND"),
    )?;
    assert_eq!(truth.len(), 380);
    assert_eq!(sorted(ids(&mut client, query)?), sorted(truth));
    let plan = analyzed(&mut client, query)?;
    assert_eq!(shown(&plan, "Searches Read")?, 1, "{plan}");

    let failing = query.replace("far < 400", "far < 400 AND 1 / (far - 5) >= 0");
    let Err(error) = client.query(&failing, &[]) else {
        return Err("no error".into());
    };
    let code = error.code().map(postgres::error::SqlState::code);
    assert_eq!(code, Some("22012"), "{error}");
    assert_eq!(ids(&mut client, "SELECT 1")?, [1]);
    Ok(())
}

/// Where the rows that come first in the table were the nearest, memory was never found full, and all others were lost.
#[test]
fn a_table_in_the_order_of_distances_gives_all_of_its_rows() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE line (id int, f bool, v vector(2));
         INSERT INTO line SELECT i, true, ARRAY[i / 3, 1]::vector FROM generate_series(1, 12000) i;
         CREATE INDEX line_v ON line USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16);
         ANALYZE line; SET work_mem = '64kB'; SET enable_seqscan = off; SET enable_sort = off",
    )?;
    for order in ["ASC", "DESC"] {
        client.batch_execute(&format!(
            "CREATE TABLE again AS SELECT * FROM line ORDER BY id {order};
             CREATE INDEX again_v ON again USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16); ANALYZE again"
        ))?;
        let query = "SELECT id FROM again WHERE f ORDER BY v <-> '[0,0]' LIMIT 11000";
        let plan = analyzed(&mut client, query)?;
        assert_eq!(shown(&plan, "Searches Read")?, 1, "{plan}");
        let found: HashSet<i32> = ids(&mut client, query)?.into_iter().collect();
        assert_eq!(found.len(), 11_000, "{order}");
        client.batch_execute("DROP TABLE again")?;
    }
    Ok(())
}
