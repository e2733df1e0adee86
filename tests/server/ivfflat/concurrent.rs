//! Writers, vacuums, `vector_index_tend` and searches at once; cursors over lists that are split and pages that go.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, GenericClient, IsolationLevel};

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    BY_INDEX, Clusters, Random, assert_right, copy_rows, literal, make_table,
};

const DIMS: usize = 16;
const SECONDS: u64 = 8;

fn prepare(cluster: &Cluster, rows: usize) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(&mut client, "", DIMS, &[])?;
    client.batch_execute("CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops)")?;
    copy_rows(&mut client, 1, &Clusters::new(291, DIMS, 12).vectors(rows))?;
    Ok(client)
}

/// What workers share: when they end, and ids that nobody has.
struct Shared<'c> {
    cluster: &'c Cluster,
    end: Instant,
    ids: AtomicI32,
}

impl Shared<'_> {
    /// Runs a step again and again until the time is over, and counts.
    fn repeat(&self, mut step: impl FnMut(&mut Client, u64) -> Result<()>) -> Result<u64> {
        let mut client = self.cluster.connect()?;
        client.batch_execute("LOAD 'vector_ext'")?;
        let mut rounds = 0;
        while Instant::now() < self.end {
            step(&mut client, rounds)?;
            rounds += 1;
        }
        Ok(rounds)
    }

    fn insert(&self, seed: u64) -> Result<u64> {
        let (mut vectors, mut random) = (Clusters::new(seed, DIMS, 12), Random(seed));
        self.repeat(|client, _| {
            let count = i32::try_from(1 + random.below(12))?;
            let first = self.ids.fetch_add(count, Ordering::Relaxed);
            let mut transaction = client.transaction()?;
            for id in first..first + count {
                transaction.execute(
                    "INSERT INTO items VALUES ($1, $2)",
                    &[&id, &vectors.vector()],
                )?;
            }
            if random.below(8) == 0 {
                return Ok(transaction.rollback()?);
            }
            Ok(transaction.commit()?)
        })
    }

    fn delete(&self) -> Result<u64> {
        self.repeat(|client, round| {
            client.batch_execute(
                "DELETE FROM items WHERE id % 97 = (random() * 96)::int AND random() < 0.7",
            )?;
            if round % 5 == 4 {
                client.batch_execute(
                    "UPDATE items SET v = v + v WHERE id % 101 = (random() * 100)::int",
                )?;
            }
            thread::sleep(Duration::from_millis(20));
            Ok(())
        })
    }

    fn keep(&self, statement: &str, pause: u64) -> Result<u64> {
        self.repeat(|client, _| {
            client.batch_execute(statement)?;
            thread::sleep(Duration::from_millis(pause));
            Ok(())
        })
    }

    /// A search of all lists finds each row that its snapshot sees, once.
    fn search(&self, seed: u64) -> Result<u64> {
        let mut vectors = Clusters::new(seed, DIMS, 12);
        self.repeat(|client, round| {
            let probes = if round % 2 == seed % 2 { 32_768 } else { 3 };
            let query = literal(&vectors.vector());
            let near = format!("SELECT id FROM items ORDER BY v <-> {query} LIMIT 1000000");
            let mut transaction = client.build_transaction();
            transaction = transaction.isolation_level(IsolationLevel::RepeatableRead);
            let mut transaction = transaction.start()?;
            let all = ids(&mut transaction, "SELECT id FROM items")?;
            transaction.batch_execute(&format!(
                "SET LOCAL ivfflat.probes = {probes}; {}",
                BY_INDEX.replace("SET ", "SET LOCAL ")
            ))?;
            let found = ids(&mut transaction, &near)?;
            transaction.commit()?;
            assert_same(&found, &all);
            Ok(())
        })
    }
}

fn ids(client: &mut impl GenericClient, query: &str) -> Result<Vec<i32>> {
    Ok(client
        .query(query, &[])?
        .iter()
        .map(|row| row.get(0))
        .collect())
}

fn assert_same(found: &[i32], wanted: &[i32]) {
    let (found_once, wanted): (BTreeSet<_>, BTreeSet<_>) =
        (found.iter().collect(), wanted.iter().collect());
    assert_eq!(found_once.len(), found.len(), "a row came twice");
    let missing: Vec<_> = wanted.difference(&found_once).take(9).collect();
    let more: Vec<_> = found_once.difference(&wanted).take(9).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "missing {missing:?}, too many {more:?}"
    );
}

#[test]
fn searches_miss_no_row_while_others_write_and_vacuum_and_tend() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 3_000)?;
    let shared = Shared {
        cluster: &cluster,
        end: Instant::now() + Duration::from_secs(SECONDS),
        ids: AtomicI32::new(100_000),
    };
    let shared = &shared;
    let counts = thread::scope(|scope| -> Result<Vec<u64>> {
        let mut workers = Vec::new();
        workers.extend((0..4).map(|seed| scope.spawn(move || shared.insert(300 + seed))));
        workers.push(scope.spawn(|| shared.delete()));
        workers.push(scope.spawn(|| shared.keep("VACUUM (INDEX_CLEANUP ON) items", 30)));
        let tend = "SELECT vector_index_tend('items_v')";
        workers.extend([10, 15].map(|pause| scope.spawn(move || shared.keep(tend, pause))));
        workers.extend((0..2).map(|seed| scope.spawn(move || shared.search(310 + seed))));
        let done = workers.into_iter().map(thread::ScopedJoinHandle::join);
        done.map(|result| result.map_err(|_| "a worker has panicked")?)
            .collect()
    })?;
    println!(
        "inserts {:?}, deletes {}, vacuums {}, tends {:?}, searches {:?}",
        &counts[..4],
        counts[4],
        counts[5],
        &counts[6..8],
        &counts[8..]
    );
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert_right(
        &mut client,
        "items_v",
        &Clusters::new(292, DIMS, 12).vectors(2),
    )?;
    client.batch_execute("VACUUM items")?;
    assert_right(
        &mut client,
        "items_v",
        &Clusters::new(292, DIMS, 12).vectors(2),
    )
}

/// An insert that took a page which the vacuum had seen among the free ones made it fail: "something else leads here".
#[test]
fn a_vacuum_goes_on_while_inserts_take_free_pages() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 6_000)?;
    for rest in 0..2 {
        client.batch_execute("VACUUM items")?;
        client.batch_execute(&format!("DELETE FROM items WHERE id % 50 = {rest}"))?;
    }
    let vacuum = thread::spawn({
        let mut session = cluster.connect()?;
        move || {
            session.batch_execute("SET vacuum_cost_delay = 20; SET vacuum_cost_limit = 10")?;
            session.batch_execute("VACUUM (INDEX_CLEANUP ON) items")
        }
    });
    let mut vectors = Clusters::new(296, DIMS, 12);
    let mut first = 100_000;
    while !vacuum.is_finished() {
        copy_rows(&mut client, first, &vectors.vectors(100))?;
        first += 100;
        thread::sleep(Duration::from_millis(20));
    }
    vacuum.join().map_err(|_| "the vacuum has panicked")??;
    assert_right(&mut client, "items_v", &vectors.vectors(1))
}

/// Pages that scans may read are kept for them, and given away when they have ended.
#[test]
fn a_cursor_reads_its_lists_while_they_are_split_and_their_pages_vacuumed() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster, 6_000)?;
    let query = literal(&Clusters::new(293, DIMS, 12).vector());
    let near = format!("SELECT id FROM items ORDER BY v <-> {query}");
    let free = "SELECT free FROM vector_index_info('items_v')";
    for (round, probes) in (0..).zip([1, 32_768, 3]) {
        let mut reader = cluster.connect()?;
        reader.batch_execute(&format!(
            "LOAD 'vector_ext'; {BY_INDEX}; SET ivfflat.probes = {probes}"
        ))?;
        let wanted = ids(&mut reader, &format!("{near} LIMIT 1000000"))?;
        reader.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {near}"))?;
        let mut found = ids(&mut reader, "FETCH 3 FROM c")?;
        for step in 0..4 {
            client.batch_execute("SELECT vector_index_tend('items_v')")?;
            for _ in 0..2 {
                client.batch_execute("BEGIN; INSERT INTO items SELECT 900000 + id, v FROM items WHERE id < 20; ROLLBACK")?;
                client.batch_execute("VACUUM (INDEX_CLEANUP ON) items")?;
            }
            let rows = Clusters::new(294, DIMS, 12).vectors(1_000);
            copy_rows(&mut client, 100_000 + 10_000 * round + 1_000 * step, &rows)?;
            found.extend(ids(&mut reader, "FETCH 100 FROM c")?);
        }
        found.extend(ids(&mut reader, "FETCH ALL FROM c")?);
        reader.batch_execute("COMMIT")?;
        assert_same(&found, &wanted);
        assert_eq!(found[..500], wanted[..500], "{probes} probes");
        // No scan needs the old pages any more.
        client.batch_execute("DELETE FROM items WHERE id = 100000 + (random() * 500)::int")?;
        client.batch_execute(
            "BEGIN; INSERT INTO items SELECT 900000 + id, v FROM items WHERE id < 20; ROLLBACK",
        )?;
        client.batch_execute("VACUUM (INDEX_CLEANUP ON) items")?;
        let pages: i64 = client.query_one(free, &[])?.get(0);
        assert!(
            pages > 0,
            "no page was freed: nothing could have gone wrong"
        );
    }
    assert_right(
        &mut client,
        "items_v",
        &Clusters::new(295, DIMS, 12).vectors(2),
    )
}
