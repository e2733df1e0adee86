//! A restart and a kill -9 lose nothing that was committed; a standby has what its primary has.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;

/// Rows, and a digest of all values in binary form.
const DIGEST: &str =
    "SELECT count(*) || ' ' || coalesce(md5(string_agg(vector_send(v)::text, ',' ORDER BY id)), '')
       FROM items";

fn fill(client: &mut Client, from: i32, to: i32) -> Result<()> {
    // 700 dimensions: every other row is TOASTed out of line once the row is wide.
    client.execute(
        "INSERT INTO items
         SELECT id, (SELECT array_agg(sin(id * 1000 + d)) FROM generate_series(1, 700) d)::vector
           FROM generate_series($1::int, $2::int) id",
        &[&from, &to],
    )?;
    Ok(())
}

fn make(cluster: &Cluster) -> Result<Client> {
    let mut client = cluster.client()?;
    client.batch_execute("CREATE TABLE items (id int PRIMARY KEY, v vector(700))")?;
    fill(&mut client, 1, 200)?;
    Ok(client)
}

#[test]
fn a_restart_keeps_every_row() -> Result<()> {
    let mut cluster = Cluster::start()?;
    drop(make(&cluster)?);
    let before = cluster.text(DIGEST)?;
    assert!(before.starts_with("200 "));
    cluster.stop()?;
    cluster.resume()?;
    assert_eq!(cluster.text(DIGEST)?, before);
    Ok(())
}

#[test]
fn kill_9_keeps_what_was_committed_and_only_that() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let mut client = make(&cluster)?;
    for round in 0..3 {
        let from = 1_000 * (round + 1);
        fill(&mut client, from, from + 50)?;
        let committed = cluster.text(DIGEST)?;
        client.batch_execute("BEGIN")?;
        fill(&mut client, from + 500, from + 550)?;
        client.batch_execute("DELETE FROM items WHERE id % 3 = 0")?;
        cluster.kill_9()?;
        assert!(
            client.batch_execute("COMMIT").is_err(),
            "the server was killed"
        );
        cluster.resume()?;
        assert_eq!(cluster.text(DIGEST)?, committed, "round {round}");
        client = cluster.connect()?;
    }
    Ok(())
}

#[test]
fn a_standby_has_the_rows_and_the_answers_of_its_primary() -> Result<()> {
    let primary = Cluster::start()?;
    let mut client = make(&primary)?;
    let standby = primary.standby()?;
    let nearest = "SELECT string_agg(id::text, ',') FROM (SELECT id FROM items
         ORDER BY v <-> (SELECT v FROM items WHERE id = 7) LIMIT 20) s";
    for step in [
        "DELETE FROM items WHERE id % 5 = 0",
        "VACUUM items",
        "UPDATE items SET v = l2_normalize(v) WHERE id % 2 = 0",
        "INSERT INTO items
         SELECT id + 10000, v FROM items WHERE id < 50",
    ] {
        client.batch_execute(step)?;
        primary.wait_for(&standby)?;
        assert_eq!(standby.text(DIGEST)?, primary.text(DIGEST)?, "{step}");
        assert_eq!(standby.text(nearest)?, primary.text(nearest)?, "{step}");
    }
    Ok(())
}
