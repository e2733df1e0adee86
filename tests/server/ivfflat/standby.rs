//! A scan on a standby that stays open while its primary splits lists, frees their pages and gives them away. The
//! primary does not know of the scan, so its pages may go: then the scan ends with SQLSTATE 40001 before they do, and
//! gives no wrong row.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    BY_INDEX, Clusters, assert_sound, assert_whole, copy_rows, literal, make_table,
};

const DIMS: usize = 128;

/// An index that was made on an empty table, and its rows.
fn prepare(cluster: &Cluster, rows: usize) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(&mut client, "", DIMS, &[])?;
    client.batch_execute("CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops)")?;
    copy_rows(&mut client, 1, &Clusters::new(271, DIMS, 12).vectors(rows))?;
    Ok(client)
}

/// Rows that make lists too long. What a vacuum will say of their pages is no news to a scan that begins after them:
/// the log would end an older one.
fn lengthen(client: &mut Client, round: i32) -> Result<()> {
    client.batch_execute("VACUUM items")?;
    let rows = Clusters::new(272, DIMS, 12).vectors(3_000);
    copy_rows(client, 100_000 + 20_000 * round, &rows)
}

/// Lists are split, and their old pages freed and given to other lists.
fn give_pages_away(client: &mut Client, round: i32) -> Result<()> {
    client.batch_execute("SELECT vector_index_tend('items_v')")?;
    // A transaction that comes later than the split, and leaves rows for a vacuum that nobody has seen.
    client.batch_execute(
        "BEGIN; INSERT INTO items SELECT 900000 + id, v FROM items WHERE id < 20; ROLLBACK",
    )?;
    client.batch_execute("VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) items")?;
    let free = "SELECT free FROM vector_index_info('items_v')";
    let free: i64 = client.query_one(free, &[])?.get(0);
    assert!(free > 0, "no page was freed: nothing could go wrong");
    let rows = Clusters::new(274, DIMS, 12).vectors(2_000);
    copy_rows(client, 110_000 + 20_000 * round, &rows)
}

type Fetched = Vec<(i32, f64)>;

/// In the place of a SQLSTATE: the session was ended before it was asked.
const CLOSED: &str = "closed";

/// What a cursor gives, or the SQLSTATE that it ends with. Errors that end the session too count as others do.
fn fetch(client: &mut Client, count: &str) -> std::result::Result<Fetched, String> {
    match client.query(&format!("FETCH {count} FROM c"), &[]) {
        Ok(rows) => Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect()),
        Err(error) => {
            let code = error.code().map(|code| code.code().to_owned());
            Err(code.unwrap_or_else(|| CLOSED.to_owned()))
        }
    }
}

#[test]
fn a_scan_on_a_standby_whose_pages_go_gives_right_rows_or_an_error() -> Result<()> {
    let primary = Cluster::suspicious()?;
    let mut client = prepare(&primary, 3_000)?;
    let standby = primary.standby()?;
    let mut reader = standby.connect()?;
    reader.batch_execute("ALTER SYSTEM SET max_standby_streaming_delay = '200ms'")?;
    reader.batch_execute("SELECT pg_reload_conf()")?;
    let question = Clusters::new(273, DIMS, 12).vector();
    let query = literal(&question);
    let near = format!("SELECT id, v <-> {query} FROM items ORDER BY v <-> {query}");
    let (mut whole, mut ended) = (0, Vec::new());
    for (round, probes) in (0..).zip([1, 4, 32_768, 32_768]) {
        lengthen(&mut client, round)?;
        primary.wait_for(&standby)?;
        reader.batch_execute(&format!(
            "{BY_INDEX}; SET ivfflat.probes = {probes}; BEGIN ISOLATION LEVEL REPEATABLE READ; DECLARE c CURSOR FOR {near}"
        ))?;
        let wanted = fetch(&mut reader, "ALL")
            .map_err(|code| format!("{code} of a scan that met nobody"))?;
        reader.batch_execute(&format!("CLOSE c; DECLARE c CURSOR FOR {near}"))?;
        let mut found = fetch(&mut reader, "3").map_err(|code| format!("{code} of a new scan"))?;
        give_pages_away(&mut client, round)?;
        primary.wait_for(&standby)?;
        for count in ["1"; 40].into_iter().chain(["100", "ALL"]) {
            match fetch(&mut reader, count) {
                Ok(rows) => found.extend(rows),
                Err(code) => {
                    assert!(["40001", CLOSED].contains(&code.as_str()), "{code}");
                    ended.push(code);
                    break;
                }
            }
        }
        // A session that waits for its next statement is ended with its scan.
        reader = standby.connect()?;
        // Each row has come as it would have, whether the scan has ended or not.
        let same = found
            .iter()
            .zip(&wanted)
            .take_while(|(a, b)| a == b)
            .count();
        assert_eq!(
            same,
            found.len(),
            "{probes} probes: {:?}, not {:?}",
            found.get(same),
            wanted.get(same)
        );
        println!("{probes} probes: {} rows of {}", found.len(), wanted.len());
        whole += usize::from(found.len() == wanted.len());
        assert_sound(&mut reader, "items_v")?;
        assert_whole(&mut reader, "<->", &question)?;
    }
    println!("{whole} scans were whole, others ended with {ended:?}");
    assert!(!ended.is_empty(), "no scan met the reuse of a page");
    assert!(standby.log().contains("conflict with recovery"));
    Ok(())
}

/// What lists do, one after the other; `{n}` is the round.
const STEPS: [&str; 12] = [
    "INSERT INTO items SELECT 1000000 * {n} + id, v FROM items WHERE id % 7 = 1",
    "VACUUM items",
    "INSERT INTO items SELECT 1000000 * {n} + id, v FROM items WHERE id < 1000000",
    "SELECT vector_index_tend('items_v')",
    "BEGIN; INSERT INTO items SELECT 1000000 * {n} + id, v FROM items WHERE id < 500; ROLLBACK",
    "DELETE FROM items WHERE id % 5 = 2",
    "VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) items",
    "UPDATE items SET v = v WHERE id % 3 = 0",
    // Of most lists hardly a row is left: they are merged.
    "DELETE FROM items WHERE id % 40 <> 3",
    "VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) items",
    "REINDEX INDEX items_v",
    "SELECT vector_index_tend('items_v')",
];

#[test]
fn a_standby_answers_as_its_primary_after_each_step() -> Result<()> {
    let primary = Cluster::suspicious()?;
    let mut client = prepare(&primary, 6_000)?;
    let standby = primary.standby()?;
    let mut reader = standby.connect()?;
    let question = Clusters::new(275, DIMS, 12).vector();
    let query = literal(&question);
    let near = format!("SELECT id, v <-> {query} FROM items ORDER BY v <-> {query} LIMIT 100");
    let mut lists = Vec::new();
    for (round, step) in (1..).zip(STEPS) {
        client.batch_execute(&step.replace("{n}", &round.to_string()))?;
        primary.wait_for(&standby)?;
        let mut answers = Vec::new();
        for client in [&mut client, &mut reader] {
            // Few lists: where rows are differs as soon as lists do.
            client.batch_execute(&format!(
                "{BY_INDEX}; SET ivfflat.probes = 2; SET ivfflat.iterative_scan = off"
            ))?;
            answers.push(fetch_all(client, &near)?);
        }
        assert!(!answers[0].is_empty(), "{step}");
        assert_eq!(answers[0], answers[1], "{step}");
        assert_sound(&mut reader, "items_v")?;
        assert_whole(&mut reader, "<->", &question)?;
        let count = "SELECT lists FROM vector_index_info('items_v')";
        lists.push(reader.query_one(count, &[])?.get::<_, i64>(0));
    }
    println!("{lists:?} lists");
    assert!(
        lists[1] > lists[0] && lists[3] > lists[1] && lists[9] < lists[8],
        "{lists:?} lists"
    );
    Ok(())
}

fn fetch_all(client: &mut Client, query: &str) -> Result<Fetched> {
    let rows = client.query(query, &[])?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
