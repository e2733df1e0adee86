//! Rows of all kinds, and scans that begin again, stop, or are held open.

use postgres::{Client, SimpleQueryMessage};

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    BY_INDEX, Clusters, assert_right, assert_sound, copy_rows, make_table, plan,
};

of_each_method! {
    null_and_zero_are_where_they_belong,
    scans_that_begin_again_take_no_more_memory,
    cursors_see_their_rows_whatever_happens_meanwhile,
}

fn prepare(cluster: &Cluster, method: TestedMethod, rows: usize) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        24,
        &Clusters::new(81, 24, 10).vectors(rows),
    )?;
    client
        .batch_execute(&method.sql("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)"))?;
    Ok(client)
}

fn right(client: &mut Client) -> Result<()> {
    assert_right(client, "items_v", &Clusters::new(82, 24, 10).vectors(2))
}

/// Rows of a query as text.
fn rows(client: &mut Client, query: &str) -> Result<Vec<String>> {
    let messages = client.simple_query(query)?;
    Ok(messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
            SimpleQueryMessage::CommandComplete(_) | SimpleQueryMessage::RowDescription(_) | _ => {
                None
            }
        })
        .collect())
}

/// From nowhere all rows of an index are as far.
fn nowhere(client: &mut Client) -> Result<()> {
    for (query, wanted) in [
        (
            "SELECT id FROM few ORDER BY v <-> (SELECT v FROM few WHERE id = 2) LIMIT 9",
            5,
        ),
        ("SELECT id FROM few ORDER BY v <=> '[0,0,0]' LIMIT 9", 3),
        (
            "SELECT id FROM few ORDER BY v <=> (SELECT v FROM few WHERE id = 6) LIMIT 9",
            3,
        ),
    ] {
        assert_eq!(rows(client, query)?.len(), wanted, "{query}");
    }
    for index in ["few_l2", "few_cos"] {
        assert_sound(client, index)?;
    }
    Ok(())
}

fn null_and_zero_are_where_they_belong(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, method, 0)?;
    client.batch_execute(&method.sql(
        "CREATE TABLE few (id int, v vector(3));
         INSERT INTO few VALUES (1, '[1,0,0]'), (2, NULL), (3, '[0,0,0]'), (4, '[0,1,0]');
         CREATE INDEX few_l2 ON few USING hnsw (v vector_l2_ops);
         CREATE INDEX few_cos ON few USING hnsw (v vector_cosine_ops);
         INSERT INTO few VALUES (5, '[2,0,0]'), (6, NULL), (7, '[0,0,0]')",
    ))?;
    client.batch_execute(BY_INDEX)?;
    for (query, wanted) in [
        (
            "SELECT id FROM few ORDER BY v <-> '[0,0,0.1]', id",
            vec!["3", "7", "1", "4", "5", "2", "6"],
        ),
        (
            "SELECT id FROM few ORDER BY v <=> '[1,0.1,0]' LIMIT 9",
            vec!["1", "5", "4"],
        ),
    ] {
        let found = rows(&mut client, query)?;
        if query.contains("LIMIT") {
            assert!(plan(&mut client, query, &[])?.contains("few_cos"));
            assert_eq!(found.len(), wanted.len(), "{found:?}");
            assert_eq!(found.last().map(String::as_str), wanted.last().copied());
        }
    }
    let near = "SELECT id FROM few ORDER BY v <-> '[0,0,0]' LIMIT 9";
    assert!(plan(&mut client, near, &[])?.contains("few_l2"));
    let mut found = rows(&mut client, near)?;
    found[..2].sort();
    found[2..4].sort();
    assert_eq!(found, ["3", "7", "1", "4", "5"]);

    nowhere(&mut client)?;
    let error = client
        .simple_query("SELECT id FROM few ORDER BY v <-> '[1,2]' LIMIT 1")
        .err();
    let error = error.ok_or("a query of two dimensions was answered")?;
    let message = error.as_db_error().map(|e| e.message().to_owned());
    let wanted = format!("different vector dimensions {}", method.two_and_three);
    assert_eq!(message, Some(wanted));
    client.batch_execute(
        "UPDATE few SET v = NULL WHERE id = 1; UPDATE few SET v = '[9,9,9]' WHERE id = 2",
    )?;
    client.batch_execute("VACUUM few")?;
    assert_sound(&mut client, "few_l2")
}

/// Memory of the session's process, in kB.
fn resident(client: &mut Client) -> Result<u64> {
    let process: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next());
    Ok(kilobytes
        .ok_or("no RssAnon in the status of a process")?
        .parse()?)
}

fn scans_that_begin_again_take_no_more_memory(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, method, 2_000)?;
    client.batch_execute(BY_INDEX)?;
    let lateral = |outer: i32| {
        format!(
            "SELECT count(*) FROM generate_series(1, {outer}) o, LATERAL (SELECT id FROM items
              ORDER BY v <-> (SELECT v FROM items WHERE id = 1 + o % 2000) LIMIT 5) n"
        )
    };
    let mut count = |outer| -> Result<u64> {
        let found: i64 = client.query_one(&lateral(outer), &[])?.get(0);
        assert_eq!(found, i64::from(outer) * 5);
        resident(&mut client)
    };
    let (once, ten_times) = (count(1_000)?, count(10_000)?);
    println!("{once} kB after 1,000 rescans, {ten_times} kB after 10,000");
    assert!(ten_times < once + 1_000, "{once} kB, {ten_times} kB");

    // Statements, errors and abandoned scans.
    let mut before = 0;
    for round in 0..3_000 {
        let limit = 1 + round % 50;
        let near = format!(
            "SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = {limit}) LIMIT {limit}"
        );
        client.simple_query(&near)?;
        if round % 3 == 0 {
            let fails = format!("SELECT 1 / (id - id) FROM ({near}) s");
            assert!(client.simple_query(&fails).is_err());
        }
        if round == 500 {
            before = resident(&mut client)?;
        }
    }
    let after = resident(&mut client)?;
    assert!(after < before + 1_000, "{before} kB, {after} kB");
    Ok(())
}

fn cursors_see_their_rows_whatever_happens_meanwhile(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, method, 1_200)?;
    let mut other = cluster.connect()?;
    let near = "SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 1)";
    client.batch_execute(BY_INDEX)?;
    let wanted = rows(&mut client, &format!("{near} LIMIT 2000"))?;
    client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {near}"))?;
    let mut found = rows(&mut client, "FETCH 3 FROM c")?;
    // From here on the graph is another; the rows and nearly their order stay.
    for round in 0..9 {
        other.batch_execute(&format!("DELETE FROM items WHERE id % 10 = {round}"))?;
        other.batch_execute("VACUUM items")?;
        copy_rows(
            &mut other,
            10_000 + 300 * round,
            &Clusters::new(83, 24, 10).vectors(120),
        )?;
        client.batch_execute("SAVEPOINT s")?;
        found.extend(rows(&mut client, "FETCH 100 FROM c")?);
        client.batch_execute(if round % 2 == 0 {
            "ROLLBACK TO s"
        } else {
            "RELEASE s"
        })?;
    }
    found.extend(rows(&mut client, "FETCH ALL FROM c")?);
    client.batch_execute("COMMIT")?;
    assert_eq!(found[..30], wanted[..30]);
    let sorted = |rows: &[String]| {
        let mut rows = rows.to_vec();
        rows.sort();
        rows
    };
    assert_eq!(sorted(&found), sorted(&wanted));
    assert_eq!(found.len(), 1_200);
    client.batch_execute("VACUUM items")?;
    right(&mut client)?;

    client.batch_execute(BY_INDEX)?;
    let wanted = rows(&mut client, &format!("{near} LIMIT 400"))?;
    client.batch_execute(&format!(
        "BEGIN; DECLARE h CURSOR WITH HOLD FOR {near} LIMIT 400; FETCH 10 FROM h"
    ))?;
    client.batch_execute("COMMIT")?;
    other.batch_execute("DELETE FROM items WHERE id % 2 = 1")?;
    other.batch_execute("VACUUM items")?;
    assert_eq!(rows(&mut client, "FETCH 1000 FROM h")?, wanted[10..]);
    client.batch_execute(&format!(
        "CLOSE h; BEGIN; DECLARE s SCROLL CURSOR FOR {near}; MOVE 20 FROM s"
    ))?;
    let forth = rows(&mut client, "FETCH 1 FROM s")?;
    client.batch_execute("MOVE 5 FROM s; MOVE BACKWARD 5 FROM s")?;
    assert_eq!(rows(&mut client, "FETCH RELATIVE 0 FROM s")?, forth);
    client.batch_execute("ROLLBACK")?;
    Ok(())
}
