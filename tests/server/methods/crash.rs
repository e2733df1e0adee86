//! kill -9 in the middle of what changes an index: what recovery leaves is sound and complete.

use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, Random, assert_right, assert_whole, make_table};

of_each_method! {
    kill_9_during_builds_leaves_an_index_whole_or_not_there,
    kill_9_during_inserts_and_updates_leaves_every_row_within_reach,
    kill_9_during_vacuums_leaves_what_the_next_one_finishes,
}

const ROUNDS: u64 = 4;
const ROWS: usize = 1_500;

/// A table with an index, and a pool of values for more rows.
fn prepare(cluster: &Cluster, method: TestedMethod, seed: u64) -> Result<Client> {
    let mut client = cluster.client()?;
    let rows = Clusters::new(seed, 48, 10).vectors(ROWS);
    make_table(&mut client, "", 48, &rows)?;
    client.batch_execute(&method.sql(
        "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         CREATE TABLE pool AS SELECT id, v FROM items;
         CREATE SEQUENCE ids START 100000",
    ))?;
    Ok(client)
}

/// What is done in each round: `before` once, then `work` again and again until the server is killed, and `after`
/// once it is there again.
pub struct Round {
    pub before: &'static str,
    pub work: &'static str,
    pub after: &'static str,
}

/// Kills the server at moments within `span`, and checks what recovery leaves: every row comes by the index at once,
/// and the index is sound after `after`.
pub fn kill_during(method: TestedMethod, seed: u64, round: &Round) -> Result<()> {
    let Round {
        before,
        work,
        after,
    } = *round;
    let work = method.sql(work);
    let mut cluster = Cluster::suspicious()?;
    let mut client = prepare(&cluster, method, seed)?;
    let begin = Instant::now();
    client.batch_execute(before)?;
    for statement in work.split(';') {
        client.batch_execute(statement)?;
    }
    let span = u64::try_from(begin.elapsed().as_millis())?.clamp(20, 2_000);
    let mut random = Random(seed);
    for round in 0..ROUNDS {
        client.batch_execute(before)?;
        if round % 2 == 0 {
            client.batch_execute("CHECKPOINT")?;
        }
        let mut worker = cluster.connect()?;
        let work = work.clone();
        let works = thread::spawn(move || {
            let mut rounds = 0;
            while work
                .split(';')
                .all(|statement| worker.batch_execute(statement).is_ok())
            {
                rounds += 1;
            }
            rounds
        });
        let moment = random.below(span);
        thread::sleep(Duration::from_millis(moment));
        cluster.kill_9()?;
        let rounds = works.join().map_err(|_| "the worker has panicked")?;
        cluster.resume()?;
        println!("round {round}: killed after {moment} ms and {rounds} rounds of work");
        client = cluster.connect()?;
        let query = Clusters::new(seed, 48, 10).vector();
        assert_whole(&mut client, "<->", &query)?;
        client.batch_execute(after)?;
        assert_right(
            &mut client,
            "items_v",
            &Clusters::new(seed, 48, 10).vectors(3),
        )?;
        let again = "SELECT to_regclass('again') IS NOT NULL";
        if client.query_one(again, &[])?.get(0) {
            client.batch_execute("DROP INDEX items_v; ALTER INDEX again RENAME TO items_v")?;
            assert_right(
                &mut client,
                "items_v",
                &Clusters::new(seed, 48, 10).vectors(1),
            )?;
        }
    }
    Ok(())
}

fn kill_9_during_builds_leaves_an_index_whole_or_not_there(method: TestedMethod) -> Result<()> {
    let round = Round {
        before: "",
        work: "CREATE INDEX again ON items USING hnsw (v vector_l2_ops); DROP INDEX again",
        after: "",
    };
    kill_during(method, 1, &round)
}

fn kill_9_during_inserts_and_updates_leaves_every_row_within_reach(
    method: TestedMethod,
) -> Result<()> {
    let round = Round {
        before: "",
        work: "INSERT INTO items SELECT nextval('ids'), v FROM pool WHERE id = 1 + (random() * 1400)::int;
         INSERT INTO items SELECT nextval('ids'), p.v + q.v FROM pool p, pool q
          WHERE p.id = 1 + (random() * 1400)::int AND q.id < 10;
         UPDATE items SET v = v + v WHERE id = 1 + (random() * 1400)::int",
        after: "",
    };
    kill_during(method, 2, &round)
}

fn kill_9_during_vacuums_leaves_what_the_next_one_finishes(method: TestedMethod) -> Result<()> {
    let round = Round {
        before: "DELETE FROM items WHERE id % 5 = (random() * 4)::int;
         INSERT INTO items SELECT nextval('ids'), v + v FROM pool WHERE id % 7 = (random() * 6)::int",
        work: "VACUUM items; DELETE FROM items WHERE random() < 0.05",
        // A vacuum that was cut after it had taken links to dead nodes away leaves rows that the next one links to.
        after: "VACUUM items",
    };
    kill_during(method, 3, &round)
}
