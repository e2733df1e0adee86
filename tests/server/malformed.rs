//! The corpora of `fuzz/`, and what a few thousand changes make of them, sent to a server: each is a
//! value or an error of input, and the session that sent it goes on.

use std::fs;
use std::path::Path;

use postgres::Client;
use postgres::error::SqlState;

use crate::input::copy_binary;
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::Random;

const TYPES: [&str; 4] = ["vector", "halfvec", "int8vec", "sparsevec"];

/// How often each input is changed.
const CHANGES: u64 = 40;

/// One byte more, less, or another, or another bit of one.
fn change(random: &mut Random, data: &[u8]) -> Result<Vec<u8>> {
    let mut changed = data.to_vec();
    let at = usize::try_from(random.below(data.len() as u64))?;
    let [byte, ..] = random.bits().to_le_bytes();
    match (random.below(4), changed.get_mut(at)) {
        (0, Some(place)) => *place = byte,
        (1, Some(place)) => *place ^= 1 << (byte % 8),
        (2, Some(_)) => {
            changed.remove(at);
        }
        _ => changed.insert(at, byte),
    }
    Ok(changed)
}

/// The inputs of a corpus, each as it is and changed.
fn inputs(corpus: &str) -> Result<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(corpus);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let (mut all, mut random) = (Vec::new(), Random(17));
    for path in paths {
        let data = fs::read(path)?;
        for _ in 0..CHANGES {
            // Two at most, or hardly any would be a value.
            let changed = change(&mut random, &data)?;
            let twice = change(&mut random, &changed)?;
            all.extend([changed, twice]);
        }
        all.push(data);
    }
    Ok(all)
}

/// A fault of the value, its size or the message: never an internal error.
fn is_of_input(code: &SqlState) -> bool {
    ["22", "54", "08"]
        .iter()
        .any(|class| code.code().starts_with(class))
}

fn backend(client: &mut Client) -> Result<i32> {
    Ok(client.query_one("SELECT pg_backend_pid()", &[])?.get(0))
}

/// Sends all inputs of a corpus; says how many became values and how many errors.
fn send_all(
    client: &mut Client,
    corpus: &str,
    mut send: impl FnMut(&mut Client, &[u8]) -> Result<Option<SqlState>>,
) -> Result<()> {
    let (before, mut taken, mut refused) = (backend(client)?, 0, 0);
    for input in inputs(corpus)? {
        match send(client, &input).map_err(|error| format!("{error} at {input:?}"))? {
            None => taken += 1,
            Some(code) => {
                assert!(is_of_input(&code), "{code:?} of {input:?}");
                refused += 1;
            }
        }
    }
    assert!(
        taken > 10 && refused > 10,
        "{corpus}: {taken} taken, {refused} refused"
    );
    assert_eq!(backend(client)?, before);
    Ok(())
}

/// No server process came to another end than its client's.
fn no_crash(cluster: &Cluster) {
    let log = cluster.log();
    for word in ["PANIC:", "terminated by signal", "panicked at"] {
        assert!(!log.contains(word), "{word} in {log}");
    }
}

#[test]
fn no_message_ends_a_session() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    for kind in TYPES {
        client.batch_execute(&format!("CREATE TABLE items (v {kind})"))?;
        send_all(&mut client, &format!("{kind}_wire"), |client, input| {
            Ok(copy_binary(client, input)?.map(|(code, _)| code))
        })?;
        // What was taken is whole: it reads back from what is written of it.
        let other = client.query(
            &format!("SELECT FROM items WHERE v::text::{kind} <> v"),
            &[],
        )?;
        assert!(other.is_empty(), "{kind}");
        client.batch_execute("DROP TABLE items")?;
    }
    no_crash(&cluster);
    Ok(())
}

#[test]
fn no_literal_ends_a_session() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    for kind in TYPES {
        let query = client.prepare(&format!("SELECT $1::text::{kind}::text"))?;
        send_all(&mut client, &format!("{kind}_text"), |client, input| {
            // What is no text is refused before it comes here.
            let literal = String::from_utf8_lossy(input).replace('\0', "");
            match client.query_one(&query, &[&literal]) {
                Ok(_) => Ok(None),
                Err(error) => {
                    let error = error.as_db_error().ok_or("lost the session")?;
                    Ok(Some(error.code().clone()))
                }
            }
        })?;
    }
    no_crash(&cluster);
    Ok(())
}
