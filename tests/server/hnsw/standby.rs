//! A standby that stops within an insert.

use pgvector::Vector;

use crate::support::Result;
use crate::support::cluster::{Cluster, wait};
use crate::support::vectors::{assert_sound, assert_whole};

/// A row of several pages is in the log as several changes, and the first makes room for it in a file that gets longer
/// only by the others.
#[test]
fn a_standby_or_its_successor_that_stops_within_an_insert_has_a_right_index() -> Result<()> {
    let primary = Cluster::suspicious()?;
    let mut client = primary.client()?;
    client.batch_execute("CREATE TABLE items (id serial, v vector(5000));
         INSERT INTO items (v) SELECT array_fill(n, ARRAY[5000])::vector FROM generate_series(1, 9) n;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")?;
    let backup = primary.backup()?;
    client.batch_execute("CHECKPOINT")?;
    let place = "SELECT pg_current_wal_insert_lsn()::text";
    let begin = primary.text(place)?;
    client.batch_execute("INSERT INTO items (v) SELECT array_fill(10, ARRAY[5000])::vector")?;
    let bytes = primary.text(&format!("SELECT pg_current_wal_insert_lsn() - '{begin}'"))?;
    let query = Vector::from(vec![3.0; 5_000]);
    let end: usize = bytes.parse()?;
    // The value itself comes first, into the table.
    let (mut at, mut step) = (4 * 5_000, STEP);
    let mut sizes: Vec<String> = Vec::new();
    while at < end {
        let lsn = primary.text(&format!("SELECT '{begin}'::pg_lsn + {at}"))?;
        let standby = backup.stopped_at(&lsn)?;
        let nodes = standby.text("SELECT count(*) FROM vector_index_info('items_v')")?;
        assert_eq!(nodes, "1", "at {at}");
        let mut reader = standby.connect()?;
        // The links to a row come last.
        let problems = "SELECT problem FROM vector_index_check('items_v') WHERE problem !~ '^rows that no link leads to: 1;'";
        assert_eq!(reader.query(problems, &[])?.len(), 0, "at {at}");
        assert_whole(&mut reader, "<->", &query)?;
        let size = standby.text("SELECT pg_relation_size('items_v')")?;
        let grew = sizes.last().is_some_and(|last| *last != size);
        if grew && step == STEP {
            // The file has grown since the last stop: what lies between is looked at closely.
            at -= STEP - FINE;
            step = FINE;
            continue;
        }
        sizes.push(size);
        reader.batch_execute("SELECT pg_wal_replay_resume()")?;
        wait("the standby does not take over", || {
            Ok(standby.text("SELECT pg_is_in_recovery()")? == "f")
        })?;
        reader.batch_execute("VACUUM items")?;
        reader.batch_execute("INSERT INTO items (v) SELECT array_fill(11, ARRAY[5000])::vector")?;
        assert_sound(&mut reader, "items_v")?;
        assert_whole(&mut reader, "<->", &query)?;
        let mut lengths = sizes.clone();
        lengths.dedup();
        // The file has its length by then; what is left are links to the row.
        if lengths.len() > 2 && sizes[sizes.len() - 2] == sizes[sizes.len() - 1] {
            return Ok(());
        }
        at += step;
    }
    Err(format!("no standby has stopped within the insert: {sizes:?}").into())
}

/// Bytes of the log between two places where standbys stop, and where the file grows.
const STEP: usize = 2_000;
const FINE: usize = 250;
