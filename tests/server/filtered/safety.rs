//! Errors, cancels, who may see what, and rows that change meanwhile.

use std::thread;

use postgres::error::SqlState;

use super::{TAKE_INDEX, assert_node, ids, prepare};
use crate::support::Result;
use crate::support::cluster::{Cluster, wait};
use crate::support::vectors::assert_sound;

const NEAR: &str = "ORDER BY v <-> (SELECT v FROM questions LIMIT 1) LIMIT 10";

#[test]
fn an_error_of_a_filter_is_an_ordinary_one() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let good = format!("SELECT id FROM items WHERE a > 100 {NEAR}");
    let wanted = ids(&mut client, &good)?;
    client.batch_execute(
        "CREATE FUNCTION fails(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN IF $1 % 100 = 7 THEN RAISE EXCEPTION 'no' USING ERRCODE = 'XX123'; END IF; RETURN false; END $$",
    )?;
    for (filter, code) in [
        ("1 / a < 0", "22012"),
        ("fails(a)", "XX123"),
        ("(word || 'x')::int > 0", "22P02"),
    ] {
        let query = format!("SELECT id FROM items WHERE {filter} {NEAR}");
        assert_node(&mut client, &query, 1)?;
        for _ in 0..3 {
            let error = client.query(&query, &[]).err().ok_or("no error")?;
            assert_eq!(
                error.code().map(SqlState::code),
                Some(code),
                "{filter}: {error}"
            );
            assert_eq!(ids(&mut client, &good)?, wanted);
        }
        // Within a transaction, back to a savepoint; a cursor of before goes on.
        client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {good}; SAVEPOINT s"))?;
        assert_eq!(ids(&mut client, "FETCH 2 FROM c")?, wanted[..2]);
        assert!(client.query(&query, &[]).is_err());
        client.batch_execute("ROLLBACK TO s")?;
        assert_eq!(ids(&mut client, "FETCH ALL FROM c")?, wanted[2..]);
        client.batch_execute("COMMIT")?;
    }
    assert_sound(&mut client, "items_v")
}

/// What an error says beside its message comes through as well.
#[test]
fn an_error_of_a_filter_keeps_all_that_it_says() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "CREATE FUNCTION fails(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'XX123', DETAIL = 'a detail', HINT = 'a hint',
             SCHEMA = 'a schema', TABLE = 'a table', COLUMN = 'a column', CONSTRAINT = 'a constraint'; END $$",
    )?;
    let query = format!("SELECT id FROM items WHERE fails(a) {NEAR}");
    let mut said = Vec::new();
    for setting in ["on", "off"] {
        client.batch_execute(&format!("SET hnsw.filtered_scan = {setting}"))?;
        assert_node(&mut client, &query, usize::from(setting == "on"))?;
        let error = client.query(&query, &[]).err().ok_or("no error")?;
        let error = error.as_db_error().ok_or("no error of the server")?;
        assert!(
            error
                .where_()
                .is_some_and(|place| place.contains("fails(integer) line 1"))
        );
        assert_eq!(error.constraint(), Some("a constraint"));
        said.push(format!("{error:?}"));
    }
    assert_eq!(said[0], said[1]);
    Ok(())
}

/// So does one of the expression that an index is on, which a search computes where it measures rows.
#[test]
fn an_error_of_an_indexed_expression_keeps_all_that_it_says() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "CREATE FUNCTION near(vector) RETURNS vector(24) IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN IF current_setting('test.fails', true) = 'on' THEN
                RAISE EXCEPTION 'no' USING ERRCODE = 'XX123', CONSTRAINT = 'a constraint'; END IF; RETURN $1; END $$;
         DROP INDEX items_v; CREATE INDEX items_near ON items USING hnsw ((near(v)::vector(24)) vector_l2_ops);
         CREATE INDEX items_a ON items (a); ANALYZE items; SET enable_bitmapscan = on; SET test.fails = on",
    )?;
    let query = "SELECT id FROM items WHERE a < 40 ORDER BY near(v)::vector(24) <-> (SELECT v FROM questions LIMIT 1) LIMIT 10";
    assert_node(&mut client, query, 1)?;
    let error = client.query(query, &[]).err().ok_or("no error")?;
    assert_eq!(error.code().map(SqlState::code), Some("XX123"), "{error}");
    let error = error.as_db_error().ok_or("no error of the server")?;
    assert_eq!(error.constraint(), Some("a constraint"));
    let place = error.where_().ok_or("no context")?;
    assert!(place.contains("near(vector) line"), "{place}");
    client.batch_execute("SET test.fails = off")?;
    assert_eq!(ids(&mut client, query)?.len(), 10);
    Ok(())
}

/// A filter that searches the same index, with a filter of its own, for each row; and fails in there.
#[test]
fn a_filter_may_search_the_index_that_evaluates_it() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let search = |inner: &str| {
        format!(
            "SELECT a FROM items WHERE a % 50 > 0 AND a % 3 = 1 AND
                 (SELECT i.a FROM items i WHERE {inner} ORDER BY i.v <-> items.v LIMIT 1) = items.a {NEAR}"
        )
    };
    let nearest = search("i.a % 2 = 1");
    assert_node(&mut client, &nearest, 2)?;
    let found = ids(&mut client, &nearest)?;
    // What is odd is nearest to itself.
    let odd = format!("SELECT a FROM items WHERE a % 50 > 0 AND a % 3 = 1 AND a % 2 = 1 {NEAR}");
    assert_eq!(found, ids(&mut client, &odd)?);
    // Each counts the pages that it has read itself.
    let pages = |client: &mut postgres::Client, query: &str| -> Result<String> {
        let plan = super::shortlists::analyzed(client, query)?;
        let line = plan.lines().find(|line| line.contains("Pages Read"));
        Ok(line.ok_or("no pages")?.trim().to_owned())
    };
    let flat = pages(&mut client, &odd)?;
    assert_eq!(pages(&mut client, &nearest)?, flat);
    let failing = search("1 / (i.a - items.a) = 0");
    assert_node(&mut client, &failing, 2)?;
    for _ in 0..3 {
        let error = client.query(&failing, &[]).err().ok_or("no error")?;
        assert_eq!(error.code(), Some(&SqlState::DIVISION_BY_ZERO), "{error}");
        assert_eq!(ids(&mut client, &nearest)?, found);
    }
    // Caught where it is raised, it does not end the search.
    client.batch_execute(
        "CREATE FUNCTION tries(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN RETURN 1 / ($1 % 2) > 0; EXCEPTION WHEN division_by_zero THEN RETURN false; END $$",
    )?;
    let tried = format!("SELECT a FROM items WHERE tries(a) {NEAR}");
    assert_node(&mut client, &tried, 1)?;
    let odd = format!("SELECT a FROM items WHERE a % 2 = 1 {NEAR}");
    assert_eq!(ids(&mut client, &tried)?, ids(&mut client, &odd)?);
    Ok(())
}

#[test]
fn a_filter_that_takes_long_is_cancelled() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "CREATE SEQUENCE seen;
         CREATE FUNCTION slow(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN PERFORM nextval('seen'), pg_sleep(0.005); RETURN $1 < 0; END $$;
         CREATE FUNCTION never(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 < 0'",
    )?;
    let query = format!("SELECT id FROM items WHERE slow(a) {NEAR}");
    assert_node(&mut client, &query, 1)?;
    client.batch_execute("SET statement_timeout = 200")?;
    let error = client
        .query(&query, &[])
        .err()
        .ok_or("it was not cancelled")?;
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error}");
    // Each row takes five of the 200 milliseconds at least.
    let seen: i64 = client.query_one("SELECT last_value FROM seen", &[])?.get(0);
    assert!((1..=60).contains(&seen), "{seen} rows were filtered");
    client.batch_execute("SET statement_timeout = 1")?;
    for _ in 0..20 {
        let _ = client.query(&format!("SELECT id FROM items WHERE never(a) {NEAR}"), &[]);
    }
    client.batch_execute("RESET statement_timeout")?;
    assert_eq!(
        ids(
            &mut client,
            &format!("SELECT id FROM items WHERE a > 100 {NEAR}")
        )?
        .len(),
        10
    );
    Ok(())
}

/// A function that tells what it was shown is not shown what a policy or a barrier hides.
#[test]
fn hidden_rows_are_shown_to_no_filter() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "CREATE TABLE secrets AS SELECT * FROM items; ALTER TABLE secrets ADD PRIMARY KEY (id);
         CREATE INDEX secrets_v ON secrets USING hnsw (v vector_l2_ops); ANALYZE secrets;
         CREATE ROLE reader LOGIN; GRANT SELECT ON secrets, questions TO reader;
         GRANT CREATE ON SCHEMA public TO reader;
         ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON secrets USING (a % 2 = 0);
         CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM items WHERE a % 2 = 0;
         CREATE VIEW near WITH (security_barrier) AS SELECT * FROM items WHERE a % 2 = 0
             ORDER BY v <-> (SELECT v FROM questions LIMIT 1);
         GRANT SELECT ON barrier, near TO reader;
         SET ROLE reader;
         CREATE FUNCTION leaks(int) RETURNS bool COST 0.0001 LANGUAGE plpgsql STABLE AS
         $$ BEGIN IF $1 % 2 <> 0 THEN RAISE EXCEPTION 'leaked %', $1; END IF; RETURN $1 % 5 = 0; END $$",
    )?;
    // An order above a barrier is sorted; one within it is searched by, and filtered above it.
    for (from, wanted) in [("secrets", 1), ("barrier", 0), ("near", 1)] {
        let query = format!("SELECT a FROM {from} WHERE leaks(a) {NEAR}");
        assert_node(&mut client, &query, wanted)?;
        let found = ids(&mut client, &query)?;
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|a| a % 10 == 0), "{from}: {found:?}");
        let all = ids(
            &mut client,
            &format!("SELECT a FROM {from} WHERE leaks(a) {NEAR}0000"),
        )?;
        assert_eq!(all.len(), 400, "{from}");
    }
    client.batch_execute("RESET ROLE")?;
    // Whom the policy does not bind is leaked to.
    let query = format!("SELECT a FROM secrets WHERE leaks(a) {NEAR}0000");
    let error = client.query(&query, &[]).err().ok_or("nothing leaks")?;
    let message = error.as_db_error().map(|error| error.message().to_owned());
    assert!(message.unwrap_or_default().starts_with("leaked"), "{error}");
    Ok(())
}

/// A row that another transaction has changed while it was waited for is checked as it is then.
#[test]
fn locked_rows_are_checked_again_once_they_have_changed() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let (search, wanted) = {
        let search = format!("SELECT id FROM items WHERE a % 4 = 0 {NEAR}");
        let wanted = ids(&mut client, &search)?;
        (search, wanted)
    };
    for (change, stays) in [
        ("a = a + 1", false),
        ("word = 'other'", true),
        ("v = v + v", true),
    ] {
        let mut writer = cluster.connect()?;
        writer.batch_execute(&format!(
            "BEGIN; UPDATE items SET {change} WHERE id = {}",
            wanted[3]
        ))?;
        let process: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        let skipped = ids(&mut writer, "SELECT 1")?;
        assert_eq!(skipped, [1]);
        let found = thread::scope(|scope| -> Result<Vec<i32>> {
            let waiting = scope.spawn(|| ids(&mut client, &format!("{search} FOR UPDATE")));
            let asleep = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = {process} AND wait_event_type = 'Lock'"
            );
            wait("nobody waits for the row", || {
                Ok(cluster.text(&asleep)? == "1")
            })?;
            writer.batch_execute("COMMIT")?;
            waiting.join().map_err(|_| "the reader has panicked")?
        })?;
        assert_eq!(found.contains(&wanted[3]), stays, "{change}: {found:?}");
        let others = wanted.iter().filter(|id| **id != wanted[3]);
        assert!(
            others.clone().all(|id| found.contains(id)),
            "{change}: {found:?}"
        );
        writer.batch_execute(&format!(
            "UPDATE items i SET a = (id * 1237) % 4000, v = coalesce(
                 (SELECT q.v FROM questions q WHERE q.id = i.id), i.v) WHERE id = {}",
            wanted[3]
        ))?;
        client.batch_execute("VACUUM items")?;
        client.batch_execute(TAKE_INDEX)?;
        if change.starts_with('v') {
            break;
        }
        assert_eq!(ids(&mut client, &search)?, wanted);
    }
    Ok(())
}

#[test]
fn rows_that_others_have_locked_are_skipped() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let search = format!("SELECT id FROM items WHERE a % 4 = 0 {NEAR}");
    let wanted = ids(&mut client, &search)?;
    let mut other = cluster.connect()?;
    other.batch_execute(&format!(
        "BEGIN; SELECT 1 FROM items WHERE id IN ({}, {}) FOR UPDATE",
        wanted[0], wanted[4]
    ))?;
    let found = ids(&mut client, &format!("{search} FOR UPDATE SKIP LOCKED"))?;
    assert_eq!(found.len(), 10);
    assert!(
        !found.contains(&wanted[0]) && !found.contains(&wanted[4]),
        "{found:?}"
    );
    assert_eq!(found[..3], wanted[1..4]);
    Ok(())
}

/// Rows that a transaction has made, changed or deleted count for its own searches, and for no other's.
#[test]
fn each_transaction_filters_its_own_rows() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let mut other = cluster.connect()?;
    other.batch_execute(TAKE_INDEX)?;
    let search = format!("SELECT a FROM items WHERE a >= 100000 {NEAR}");
    client.batch_execute(
        "BEGIN; UPDATE items SET a = a + 100000 WHERE a < 3; DELETE FROM items WHERE a = 100001;
         INSERT INTO items (id, v, a) SELECT 10000 + a, v, 200000 FROM items WHERE a = 5",
    )?;
    let mut found = ids(&mut client, &search)?;
    found.sort_unstable();
    assert_eq!(found, [100_000, 100_002, 200_000]);
    assert!(ids(&mut other, &search)?.is_empty());
    client.batch_execute("COMMIT")?;
    assert_eq!(ids(&mut other, &search)?.len(), 3);
    Ok(())
}
