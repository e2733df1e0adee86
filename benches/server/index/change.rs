//! Inserting into the built index, deleting from it, vacuum.

use std::ops::Range;
use std::thread::scope;
use std::time::Instant;

use postgres::Client;
use serde::Serialize;

use super::data::Data;
use super::search::ask_all;
use super::side::{Buffers, Side, take_turns};
use super::stats::Spread;
use super::support::Result;
use super::{Arguments, Bench};

/// Clients that insert at the same time.
pub const CLIENTS: usize = 4;
/// Rows of a transaction.
pub const TRANSACTION: usize = 100;
/// Rows whose buffers are counted.
const EXPLAINED: usize = 100;
/// One row in so many is deleted.
pub const SHARE: usize = 10;
/// Values of `hnsw.ef_search` at which recall is taken before and after: the default, and more.
const CHECKED: [u32; 2] = [40, 160];

/// Passes over the questions at each of them.
const PASSES: usize = 3;

/// Rows that are inserted in the whole run.
pub fn rows_needed(arguments: &Arguments) -> usize {
    EXPLAINED + 2 * arguments.rounds * arguments.inserts
}

/// What inserting gave.
#[derive(Default, Serialize)]
pub struct Inserted {
    /// Rows a second of one client, round by round.
    pub one_client: Vec<f64>,
    /// Rows a second of all clients together, round by round.
    pub four_clients: Vec<f64>,
    /// Bytes of WAL for each row of the one client, round by round.
    pub wal_bytes: Vec<f64>,
    /// Shared buffers that inserting a row touches.
    pub buffers: Buffers,
}

/// Rounds of inserting, the sides taking turns.
pub fn insert(sides: &mut [Side; 2], bench: &Bench) -> Result<[Inserted; 2]> {
    let mut inserted = [Inserted::default(), Inserted::default()];
    for side in sides.iter_mut() {
        side.set_full_page_writes(false)?;
    }
    let counted = bench.data.built..bench.data.built + EXPLAINED;
    take_turns(sides, 0, &bench.bar, |which, side| {
        bench
            .bar
            .set_message(format!("buffers of an insert, {}", side.name));
        let rows: Result<Vec<_>> = counted
            .clone()
            .map(|id| Ok((i64::try_from(id)?, &bench.data.rows[id])))
            .collect();
        inserted[which].buffers = side.insert_buffers(&rows?)?;
        Ok(())
    })?;
    let mut rows = counted;
    for clients in [1, CLIENTS] {
        for round in 0..bench.arguments.rounds {
            rows = rows.end..rows.end + bench.arguments.inserts;
            take_turns(sides, round, &bench.bar, |which, side| {
                let message = format!("insert, clients: {clients}, {}", side.name);
                bench.bar.set_message(message);
                let (rate, wal) = insert_round(side, &bench.data, rows.clone(), clients)?;
                let inserted = &mut inserted[which];
                if clients == 1 {
                    inserted.one_client.push(rate);
                    inserted.wal_bytes.push(wal);
                } else {
                    inserted.four_clients.push(rate);
                }
                Ok(())
            })?;
        }
    }
    for side in sides {
        side.set_full_page_writes(true)?;
    }
    Ok(inserted)
}

/// Rows a second, and bytes of WAL for each.
fn insert_round(
    side: &mut Side,
    data: &Data,
    rows: Range<usize>,
    clients: usize,
) -> Result<(f64, f64)> {
    let mut sessions = Vec::new();
    for _ in 0..clients {
        let mut session = side.cluster.connect()?;
        // A session's first use of the extension loads its library.
        session.batch_execute("SELECT '[1]'::vector")?;
        sessions.push(session);
    }
    let (wal, count) = (side.wal()?, rows.len());
    let each = count.div_ceil(clients);
    let start = Instant::now();
    scope(|threads| {
        let mut working = Vec::new();
        for (number, session) in sessions.iter_mut().enumerate() {
            let from = rows.start + number * each;
            let part = from.min(rows.end)..(from + each).min(rows.end);
            working.push(threads.spawn(|| insert_rows(session, data, part)));
        }
        for working in working {
            working.join().map_err(|_| "a client failed")??;
        }
        Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let wal = side.wal()? - wal;
    Ok((count as f64 / seconds, wal as f64 / count as f64))
}

fn insert_rows(session: &mut Client, data: &Data, rows: Range<usize>) -> Result<()> {
    let insert = session.prepare("INSERT INTO items VALUES ($1, 0, $2)")?;
    let ids: Vec<usize> = rows.collect();
    for ids in ids.chunks(TRANSACTION) {
        let mut transaction = session.transaction()?;
        for id in ids {
            transaction.execute(&insert, &[&i64::try_from(*id)?, &data.rows[*id]])?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// A value of `hnsw.ef_search` before rows were deleted and after vacuum.
#[derive(Serialize)]
pub struct Checked {
    /// The value.
    pub ef: u32,
    /// Recall before.
    pub recall_before: f64,
    /// Recall after, among the rows that are left.
    pub recall_after: f64,
    /// Queries a second before.
    pub rate_before: f64,
    /// Queries a second after.
    pub rate_after: f64,
}

/// What deleting gave.
#[derive(Serialize)]
pub struct Deleted {
    /// Rows deleted.
    pub rows: u64,
    /// Of `DELETE`, which leaves the index alone.
    pub delete_seconds: f64,
    /// Of `VACUUM`.
    pub vacuum_seconds: f64,
    /// Written by `VACUUM`, with full-page images.
    pub wal_bytes: i64,
    /// Before and after.
    pub checked: Vec<Checked>,
}

/// Deletes one row in [`SHARE`] and vacuums, on one side, then on the other.
pub fn delete(sides: &mut [Side; 2], bench: &Bench) -> Result<[Deleted; 2]> {
    let one = |side: &mut Side| -> Result<Deleted> {
        bench
            .bar
            .set_message(format!("delete and vacuum, {}", side.name));
        let deleted = delete_one(side, bench)?;
        bench.bar.inc(1);
        Ok(deleted)
    };
    let [ours, theirs] = sides;
    Ok([one(ours)?, one(theirs)?])
}

fn delete_one(side: &mut Side, bench: &Bench) -> Result<Deleted> {
    let before = check(side, bench, |_| true)?;
    let delete = format!("DELETE FROM items WHERE id % {SHARE} = 0");
    let start = Instant::now();
    let rows = side.client.execute(&delete, &[])?;
    let delete_seconds = start.elapsed().as_secs_f64();
    side.client.batch_execute("CHECKPOINT")?;
    let wal = side.wal()?;
    let start = Instant::now();
    side.client.batch_execute("VACUUM items")?;
    let vacuum_seconds = start.elapsed().as_secs_f64();
    let wal_bytes = side.wal()? - wal;
    let after = check(side, bench, |id| id % SHARE != 0)?;
    let pairs = CHECKED.into_iter().zip(before.into_iter().zip(after));
    let checked = pairs.map(|(ef, (before, after))| Checked {
        ef,
        recall_before: before.0,
        recall_after: after.0,
        rate_before: before.1,
        rate_after: after.1,
    });
    Ok(Deleted {
        rows,
        delete_seconds,
        vacuum_seconds,
        wal_bytes,
        checked: checked.collect(),
    })
}

/// Recall and rate at each of [`CHECKED`], while the rows of `here` are in the table.
fn check(side: &mut Side, bench: &Bench, here: impl Fn(usize) -> bool) -> Result<Vec<(f64, f64)>> {
    let answers = bench.truth.answers(here)?;
    let mut checked = Vec::new();
    for ef in CHECKED {
        side.set_ef(ef)?;
        let (mut found, mut rates) = (0.0, Vec::new());
        for _ in 0..bench.arguments.rounds.min(PASSES) {
            let (recall, timed) = ask_all(side, bench, &answers)?;
            found = recall;
            rates.push(timed.rate);
        }
        checked.push((found, Spread::of(&rates).middle));
    }
    Ok(checked)
}

impl Inserted {
    /// Rows a second of one client, and of four.
    pub fn rates(&self) -> [Spread; 2] {
        [Spread::of(&self.one_client), Spread::of(&self.four_clients)]
    }
}
