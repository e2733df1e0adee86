//! Four writers, two readers and a vacuum at once, for `VECTOR_EXT_STRESS_SECONDS` (20).

use std::thread;
use std::time::{Duration, Instant};

use pgvector::Vector;
use postgres::{Client, GenericClient};

use crate::methods::TestedMethod;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    BY_INDEX, Clusters, Random, assert_right, first_disorder, make_table, nearest,
};

of_each_method! {
    writers_readers_and_vacuums_at_once_leave_a_right_index,
}

const DIMS: usize = 32;

fn seconds() -> u64 {
    let set = std::env::var("VECTOR_EXT_STRESS_SECONDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// One change, of ids that only this writer has.
fn change(
    client: &mut Client,
    (writer, next): (i32, &mut i32),
    random: &mut Random,
    v: &Vector,
) -> Result<u64> {
    let fresh = writer * 1_000_000 + *next;
    let own = writer * 1_000_000 + i32::try_from(random.below(u64::try_from(*next)? + 1))?;
    let changed = match random.below(10) {
        0..=4 => {
            *next += 1;
            client.execute("INSERT INTO items VALUES ($1, $2)", &[&fresh, v])?
        }
        5..=6 => client.execute("UPDATE items SET v = $2 WHERE id = $1", &[&own, v])?,
        7 => {
            // Rows of the table that was there before belong to all.
            let id = i32::try_from(random.below(1_000))?;
            client.execute("UPDATE items SET v = v WHERE id = $1", &[&id])?
        }
        8 => {
            *next += 1;
            let mut transaction = client.transaction()?;
            transaction.execute("INSERT INTO items VALUES ($1, $2)", &[&fresh, v])?;
            transaction.rollback()?;
            0
        }
        _ => client.execute("DELETE FROM items WHERE id = $1", &[&own])?,
    };
    Ok(changed)
}

fn write(cluster: &Cluster, writer: i32, end: Instant) -> Result<u64> {
    let mut client = cluster.connect()?;
    let seed = u64::from(writer.unsigned_abs());
    let mut vectors = Clusters::new(21, DIMS, 12);
    let mut random = Random(seed);
    for _ in 0..37 * writer {
        vectors.vector();
    }
    let (mut next, mut changes) = (0, 0);
    while Instant::now() < end {
        changes += change(
            &mut client,
            (writer, &mut next),
            &mut random,
            &vectors.vector(),
        )?;
    }
    Ok(changes)
}

/// A query's rows are as many as asked for, in order, and all seen by its snapshot.
fn read(cluster: &Cluster, seed: u64, end: Instant) -> Result<u64> {
    let mut client = cluster.connect()?;
    client.batch_execute(BY_INDEX)?;
    let mut vectors = Clusters::new(21, DIMS, 12);
    let mut queries = 0;
    while Instant::now() < end {
        let query = vectors.vector();
        let mut transaction = client
            .build_transaction()
            .isolation_level(postgres::IsolationLevel::RepeatableRead)
            .start()?;
        let limit = if queries % 2 == seed % 2 { 10 } else { 100 };
        let found = nearest(&mut transaction, "<->", &query, ("true", limit))?;
        assert_eq!(i64::try_from(found.len())?, limit, "rows of a query");
        assert_eq!(first_disorder(&found), None, "{found:?}");
        assert_visible(&mut transaction, &query, &found)?;
        transaction.commit()?;
        queries += 1;
    }
    Ok(queries)
}

fn assert_visible(
    client: &mut impl GenericClient,
    query: &Vector,
    found: &[(i32, f64)],
) -> Result<()> {
    let ids: Vec<i32> = found.iter().map(|(id, _)| *id).collect();
    let seen = client.query(
        "SELECT id, v <-> $1 FROM items WHERE id = ANY ($2)",
        &[query, &ids],
    )?;
    assert_eq!(seen.len(), found.len(), "rows that are not there, or twice");
    for row in seen {
        let (id, distance): (i32, f64) = (row.get(0), row.get(1));
        assert!(found.contains(&(id, distance)), "{id} has another value");
    }
    Ok(())
}

fn vacuum(cluster: &Cluster, end: Instant) -> Result<u64> {
    let mut client = cluster.connect()?;
    let mut rounds = 0;
    while Instant::now() < end {
        client.batch_execute("VACUUM (INDEX_CLEANUP ON) items")?;
        rounds += 1;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(rounds)
}

fn writers_readers_and_vacuums_at_once_leave_a_right_index(method: TestedMethod) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    let mut vectors = Clusters::new(21, DIMS, 12);
    make_table(&mut client, "", DIMS, &vectors.vectors(1_000))?;
    client
        .batch_execute(&method.sql("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)"))?;
    let end = Instant::now() + Duration::from_secs(seconds());
    let counts = thread::scope(|scope| -> Result<Vec<u64>> {
        let cluster = &cluster;
        let mut workers = vec![scope.spawn(move || vacuum(cluster, end))];
        workers.extend((1..=4).map(|writer| scope.spawn(move || write(cluster, writer, end))));
        workers.extend((0..2).map(|seed| scope.spawn(move || read(cluster, seed, end))));
        let done = workers.into_iter().map(thread::ScopedJoinHandle::join);
        done.map(|result| result.map_err(|_| "a worker has panicked")?)
            .collect()
    })?;
    println!(
        "vacuums {}, changes {:?}, queries {:?}",
        counts[0],
        &counts[1..5],
        &counts[5..]
    );
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert_right(&mut client, "items_v", &vectors.vectors(5))?;
    client.batch_execute("VACUUM items")?;
    assert_right(&mut client, "items_v", &vectors.vectors(5))
}
