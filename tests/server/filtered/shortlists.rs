//! Rows that other indexes shortlist, where a search would cost more.

use postgres::Client;

use super::{DIMS, NODE, checked, exact_beside, ids, prepare, sorted};
use crate::support::Result;
use crate::support::cluster::Cluster;

/// As [`prepare`], with b-trees to filter by. `far` numbers the rows from the one that is farthest from the
/// question `(SELECT v FROM one)`, so that `far < 400` keeps what a search from there meets last.
pub fn prepare_shortlists(cluster: &Cluster) -> Result<Client> {
    let mut client = prepare(cluster)?;
    client.batch_execute(
        "CREATE TABLE one AS SELECT v FROM items WHERE id = 17;
         ALTER TABLE items ADD far int;
         UPDATE items SET far = ranked.far FROM (
             SELECT id, row_number() OVER (ORDER BY v <-> (SELECT v FROM one) DESC) - 1 AS far FROM items
         ) ranked WHERE ranked.id = items.id;
         CREATE INDEX items_a ON items (a);
         CREATE INDEX items_far ON items (far);",
    )?;
    client.batch_execute("VACUUM ANALYZE items")?;
    client.batch_execute(SEARCH)?;
    Ok(client)
}

/// Has the planner take the index of vectors, and bitmaps of others.
const SEARCH: &str = "RESET ALL; SET enable_seqscan = off; SET enable_sort = off";

/// What runs of a query show, times left out: nodes are timed, as they are by default.
pub fn analyzed(client: &mut Client, query: &str) -> Result<String> {
    let sql = format!("EXPLAIN (ANALYZE, COSTS OFF, SUMMARY OFF) {query}");
    let rows = client.query(&sql, &[])?;
    let lines: Vec<String> = rows.iter().map(|row| untimed(row.get(0))).collect();
    Ok(lines.join("\n"))
}

/// A line of a plan without its times.
fn untimed(line: &str) -> String {
    let Some((before, after)) = line.split_once("(actual time=") else {
        return line.to_owned();
    };
    let counts = after.split_once(' ').map_or("", |(_, counts)| counts);
    format!("{before}(actual {counts}")
}

/// Whether the node has a bitmap beneath it that was made; None where it has none.
fn shortlisted(client: &mut Client, query: &str) -> Result<Option<bool>> {
    let plan = analyzed(client, query)?;
    assert_eq!(plan.matches(NODE).count(), 1, "{query}\n{plan}");
    let bitmap = plan.lines().find(|line| line.contains("Bitmap"));
    Ok(bitmap.map(|line| !line.contains("never executed")))
}

pub fn exact(client: &mut Client, query: &str) -> Result<Vec<i32>> {
    exact_beside(client, query, SEARCH)
}

pub fn query(filter: &str) -> String {
    format!("SELECT id FROM items WHERE {filter} ORDER BY v <-> (SELECT v FROM one) LIMIT 10")
}

#[test]
fn what_passes_far_from_the_question_is_shortlisted() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    for order in ["strict_order", "relaxed_order"] {
        for filter in [
            "far < 400",
            "far < 250",
            "far < 400 AND a < 2000",
            "far BETWEEN 20 AND 380",
        ] {
            let query = query(filter);
            let truth = exact(&mut client, &query)?;
            client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
            assert_eq!(shortlisted(&mut client, &query)?, Some(true), "{filter}");
            assert_eq!(ids(&mut client, &query)?, truth, "{filter}");
        }
    }
    Ok(())
}

/// Few rows are listed at once; of many no bitmap is planned; in between the search comes first.
#[test]
fn a_shortlist_is_made_where_it_costs_less() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let wanted = [
        ("a < 40", Some(true)),
        ("a < 200", Some(true)),
        ("a < 480", Some(false)),
        ("a < 2000", None),
        ("a < 480 OR far < 3900", None),
        ("word = 'w7'", None),
    ];
    for (filter, wanted) in wanted {
        let query = query(filter);
        assert_eq!(shortlisted(&mut client, &query)?, wanted, "{filter}");
        assert_eq!(ids(&mut client, &query)?.len(), 10);
    }
    // Who wants every row wants the shortlist.
    let all = query("a < 480").replace("LIMIT 10", "LIMIT 480");
    assert_eq!(shortlisted(&mut client, &all)?, Some(true));
    client.batch_execute("SET enable_bitmapscan = off")?;
    assert_eq!(shortlisted(&mut client, &query("a < 40"))?, None);
    Ok(())
}

/// Values out of line cost more to fetch.
#[test]
fn shortlists_of_values_out_of_line_are_made_later() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    client.batch_execute(
        "CREATE TABLE wide AS SELECT id, a, (v || v || v || v || v || v || v || v || v || v || v || v || v || v || v || v
             || v || v || v || v || v || v || v || v)::vector(576) AS v FROM items;
         CREATE INDEX ON wide (a); CREATE INDEX ON wide USING hnsw (v vector_l2_ops)",
    )?;
    client.batch_execute("VACUUM ANALYZE wide")?;
    let query =
        "SELECT id FROM wide WHERE a < 200 ORDER BY v <-> (SELECT v FROM wide LIMIT 1) LIMIT 10";
    assert_eq!(shortlisted(&mut client, query)?, Some(false));
    assert_eq!(
        shortlisted(&mut client, &query.replace("200", "20"))?,
        Some(true)
    );
    Ok(())
}

#[test]
fn a_scan_that_ends_by_itself_shortlists_nothing() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    client.batch_execute("SET hnsw.iterative_scan = off")?;
    assert_eq!(shortlisted(&mut client, &query("far < 40"))?, Some(false));
    assert!(ids(&mut client, &query("far < 40"))?.is_empty());
    Ok(())
}

/// The search gives some before it stops; the shortlist may not give those again, nor lose one.
#[test]
fn every_row_comes_once_though_the_search_had_begun() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    for (filter, rows) in [
        ("a < 480", 480),
        ("far < 480", 480),
        ("far BETWEEN 3300 AND 3779", 480),
    ] {
        for order in ["strict_order", "relaxed_order"] {
            client.batch_execute(&format!("SET hnsw.iterative_scan = {order}"))?;
            let mut transaction = client.transaction()?;
            let all = query(filter).replace("LIMIT 10", "");
            transaction.batch_execute(&format!("DECLARE c CURSOR FOR {all}"))?;
            let mut found = Vec::new();
            loop {
                let portion = ids(&mut transaction, "FETCH 7 FROM c")?;
                if portion.is_empty() {
                    break;
                }
                found.extend(portion);
            }
            transaction.rollback()?;
            assert_eq!(found.len(), rows, "{filter}, {order}");
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), rows, "{filter}, {order}");
        }
    }
    Ok(())
}

/// An index on a part of the table has no other rows than those, and nobody asks for its condition again.
#[test]
fn an_index_of_a_part_of_the_table_gives_no_other_rows() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    client.batch_execute(
        "DROP INDEX items_v; CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops) WHERE part",
    )?;
    let query = query("part AND a < 400");
    let truth = exact(&mut client, &query)?;
    assert_eq!(shortlisted(&mut client, &query)?, None);
    assert_eq!(ids(&mut client, &query)?, truth);
    Ok(())
}

#[test]
fn rows_that_were_changed_are_shortlisted_as_they_are() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    client.batch_execute(
        "ALTER TABLE items ADD note text, SET (fillfactor = 50);
         UPDATE items SET note = 'hot' WHERE a % 3 = 0;
         UPDATE items SET note = 'hot again' WHERE a % 6 = 0;
         UPDATE items SET a = a + 10000 WHERE a BETWEEN 10 AND 19;
         UPDATE items SET v = (SELECT v FROM one) WHERE a IN (5, 6);
         DELETE FROM items WHERE a BETWEEN 20 AND 25;
         INSERT INTO items (id, v, a) SELECT 20000 + id, v, 30 FROM items WHERE id IN (18, 19);
         INSERT INTO items (id, v, a) VALUES (30000, NULL, 31)",
    )?;
    for query in [
        query("a < 40"),
        query("a < 40 AND note LIKE 'hot%'"),
        query("a BETWEEN 10 AND 40"),
    ] {
        let truth = exact(&mut client, &query)?;
        assert_eq!(shortlisted(&mut client, &query)?, Some(true));
        assert_eq!(ids(&mut client, &query)?, truth, "{query}");
    }
    // A row without a vector has no place in the index.
    let all = query("a < 40").replace("LIMIT 10", "LIMIT 100");
    let truth = exact(&mut client, &all)?;
    let (found, truth) = (ids(&mut client, &all)?, truth[..truth.len() - 1].to_vec());
    // Two are equal.
    assert_eq!(sorted(found), sorted(truth));
    Ok(())
}

/// A zero vector has no direction, and none from a zero vector: an index scan gives no row without a distance,
/// whichever way it takes.
#[test]
fn vectors_without_direction_never_come_from_an_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    client.batch_execute(&format!(
        "UPDATE items SET v = array_fill(0, ARRAY[{DIMS}])::vector WHERE a IN (3, 4);
         UPDATE items SET v = array_fill(3e38, ARRAY[{DIMS}])::vector WHERE a = 5;
         UPDATE items SET v = NULL WHERE a = 6;
         DROP INDEX items_v; CREATE INDEX items_v ON items USING hnsw (v vector_cosine_ops)"
    ))?;
    let query = query("a < 40").replace("<->", "<=>");
    let truth = exact(&mut client, &query)?;
    assert_eq!(shortlisted(&mut client, &query)?, Some(true));
    assert_eq!(ids(&mut client, &query)?, truth);
    let all = query.replace("LIMIT 10", "LIMIT 100");
    let (found, truth) = (ids(&mut client, &all)?, exact(&mut client, &all)?);
    assert_eq!((found.len(), truth.len()), (37, 40));
    // The last has a direction, though its length overflows.
    assert_eq!(found[..36], truth[..36]);
    // As far from every row: by the search alone, in any order, of the rows that are in the index.
    let zero = format!(
        "SELECT id FROM items WHERE a < 40 ORDER BY v <=> array_fill(0, ARRAY[{DIMS}])::vector LIMIT 100"
    );
    assert_eq!(shortlisted(&mut client, &zero)?, Some(false));
    assert_eq!(ids(&mut client, &zero)?.len(), 37);
    Ok(())
}

/// The same rows whether the search goes alone, rows are listed, or a session has learned to rank them.
#[test]
fn each_way_gives_as_many_rows_where_some_have_no_distance() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE zeros (id serial, a int, v vector(8));
         INSERT INTO zeros (a, v) SELECT i % 20, CASE WHEN i % 15 = 0 THEN array_fill(0, ARRAY[8])::vector
             WHEN i % 40 = 1 THEN NULL ELSE (SELECT array_agg(sin(i * j))::vector FROM generate_series(1, 8) j) END
             FROM generate_series(1, 2000) i;
         CREATE INDEX zeros_v ON zeros USING hnsw (v vector_cosine_ops); CREATE INDEX zeros_a ON zeros (a)",
    )?;
    client.batch_execute("VACUUM ANALYZE zeros")?;
    let wanted: i64 = client
        .query_one(
            "SELECT count(*) FROM zeros WHERE a < 5 AND vector_norm(v) > 0",
            &[],
        )?
        .get(0);
    let query = "SELECT id FROM zeros WHERE a < 5 ORDER BY v <=> '[1,2,3,4,5,6,7,8]'";
    for settings in [
        SEARCH,
        "SET enable_bitmapscan = off",
        "SET hnsw.filtered_scan = off",
        "SET enable_bitmapscan = on",
        SEARCH,
    ] {
        client.batch_execute(settings)?;
        for _ in 0..20 {
            // A LIMIT beyond the rows that have a vector takes another plan.
            for limit in [100, 1_900] {
                let found = ids(&mut client, &format!("{query} LIMIT {limit}"))?;
                let wanted = wanted.min(limit);
                assert_eq!(
                    i64::try_from(found.len())?,
                    wanted,
                    "{settings}, LIMIT {limit}"
                );
            }
        }
    }
    Ok(())
}

/// Each row of the outer table, and each run of a prepared statement, makes its bitmap anew.
#[test]
fn shortlists_are_made_again_for_other_values() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    let joined = "SELECT n.id FROM (SELECT * FROM questions ORDER BY id LIMIT 5) q, LATERAL
        (SELECT id FROM items WHERE a < 40 ORDER BY v <-> q.v LIMIT 4) n ORDER BY q.id";
    let truth = exact(&mut client, joined)?;
    assert_eq!(truth.len(), 20);
    assert_eq!(shortlisted(&mut client, joined)?, Some(true));
    assert_eq!(ids(&mut client, joined)?, truth);
    client.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let sql = "SELECT id FROM items WHERE far BETWEEN $1 AND $2 ORDER BY v <-> (SELECT v FROM one) LIMIT 10";
    let prepared = client.prepare(sql)?;
    for low in [0, 100, 900] {
        let rows = client.query(&prepared, &[&low, &(low + 90)])?;
        let found: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        let filter = format!("far BETWEEN {low} AND {}", low + 90);
        assert_eq!(found, exact(&mut client, &query(&filter))?);
    }
    Ok(())
}

/// Rows of a shortlist take half of `work_mem` at most.
#[test]
fn a_shortlist_that_outgrows_its_memory_is_left_to_the_search() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare_shortlists(&cluster)?;
    client.batch_execute(
        "DROP INDEX items_v;
         INSERT INTO items (id, v, far) SELECT 10000 * i + id, v, -1 FROM items, generate_series(1, 4) i;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         SET hnsw.ef_search = 200",
    )?;
    client.batch_execute("VACUUM ANALYZE items")?;
    let query = query("far BETWEEN 0 AND 2399");
    let truth = exact(&mut client, &query)?;
    for (memory, is_shortlisted) in [("4MB", true), ("64kB", false)] {
        client.batch_execute(&format!("SET work_mem = '{memory}'"))?;
        let plan = analyzed(&mut client, &query)?;
        assert!(
            plan.contains("Bitmap") && !plan.contains("never executed"),
            "{plan}"
        );
        let checked = checked(&plan)?;
        assert_eq!(checked < 4_000, is_shortlisted, "{memory}: {checked}");
        assert_eq!(ids(&mut client, &query)?, truth, "{memory}");
    }
    Ok(())
}
