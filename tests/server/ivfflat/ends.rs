//! kill -9 and cancels in the middle of `vector_index_tend` and of vacuums that split lists.

use crate::methods::IVFFLAT;
use crate::methods::cancel::{Sessions, cancel_often};
use crate::methods::crash::{Round, kill_during};
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, assert_right, make_table};

/// An index that was made on an empty table, and has one list of 6,000 rows.
const ONE_LIST: &str = "DROP INDEX items_v; TRUNCATE items;
    CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops);
    INSERT INTO items SELECT nextval('ids'), p.v + q.v FROM pool p, pool q WHERE q.id <= 4";

#[test]
fn kill_9_during_tending_leaves_every_row_within_reach() -> Result<()> {
    let round = Round {
        before: ONE_LIST,
        work: "SELECT vector_index_tend('items_v');
         INSERT INTO items SELECT nextval('ids'), p.v + q.v FROM pool p, pool q WHERE q.id = 1 + (random() * 1400)::int",
        after: "VACUUM items",
    };
    kill_during(IVFFLAT, 281, &round)
}

#[test]
fn kill_9_during_vacuums_that_write_lists_anew_leaves_every_row_within_reach() -> Result<()> {
    let round = Round {
        before: ONE_LIST,
        work: "VACUUM items; DELETE FROM items WHERE random() < 0.4;
         INSERT INTO items SELECT nextval('ids'), p.v + q.v FROM pool p, pool q WHERE q.id = 1 + (random() * 1400)::int",
        after: "VACUUM items",
    };
    kill_during(IVFFLAT, 282, &round)
}

#[test]
fn cancelled_tending_leaves_a_right_index() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        64,
        &Clusters::new(283, 64, 10).vectors(1_500),
    )?;
    client.batch_execute(
        "CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops);
         CREATE TABLE pool AS SELECT id, v FROM items; CREATE SEQUENCE ids START 100000",
    )?;
    client.batch_execute(ONE_LIST)?;
    let mut sessions = Sessions::new(&cluster, client)?;
    for statement in ["SELECT vector_index_tend('items_v')", "VACUUM items"] {
        let cancelled = cancel_often(&mut sessions, statement, ONE_LIST, 6)?;
        assert!(cancelled > 0, "{statement}: never cancelled");
        let queries = Clusters::new(283, 64, 10).vectors(1);
        assert_right(sessions.client(), "items_v", &queries)?;
        sessions.client().batch_execute("VACUUM items")?;
        assert_right(sessions.client(), "items_v", &queries)?;
    }
    Ok(())
}
