//! Dumps of pgvector's databases restore here, and ours there, as they are.

use std::fs;

use super::{Servers, assert_same, connect, fill, servers};
use crate::support::Result;
use crate::support::cluster::Cluster;

/// The formats of dumps.
#[derive(Clone, Copy, Debug)]
enum Format {
    Plain,
    Custom,
}

/// A plain dump of a database as text, without the random words that newer versions put around it.
fn dumped(cluster: &Cluster, database: &str) -> Result<String> {
    let output = cluster.run("pg_dump", &[database])?;
    let text = String::from_utf8(output.stdout)?;
    let is_random =
        |line: &&str| line.starts_with("\\restrict") || line.starts_with("\\unrestrict");
    Ok(text
        .lines()
        .filter(|line| !is_random(line))
        .collect::<Vec<_>>()
        .join("\n"))
}

/// Dumps a database of one cluster and restores it in another, into a new one; no error is passed over.
fn carry(from: (&Cluster, &str), to: (&Cluster, &str), format: Format) -> Result<()> {
    let (source, target) = (from.0, to.0);
    let path = source.socket().join("carried").display().to_string();
    target.run("createdb", &[to.1])?;
    match format {
        Format::Plain => {
            source.run("pg_dump", &["-f", &path, from.1])?;
            target.run("psql", &["-X", "-v", "ON_ERROR_STOP=1", "-f", &path, to.1])?;
        }
        Format::Custom => {
            source.run("pg_dump", &["-Fc", "-f", &path, from.1])?;
            target.run("pg_restore", &["--exit-on-error", "-d", to.1, &path])?;
        }
    }
    Ok(())
}

fn there_and_back(servers: &Servers, schema: &str, format: Format) -> Result<()> {
    let Servers { theirs, ours } = servers;
    fill(theirs, schema)?;
    let source = dumped(theirs, "source")?;
    assert!(source.contains(&format!(
        "CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA {schema};"
    )));
    let mut left = connect(theirs, "source", schema)?;

    carry((theirs, "source"), (ours, "moved"), format)?;
    assert_eq!(dumped(ours, "moved")?, source, "{format:?}");
    assert_same(&mut left, &mut connect(ours, "moved", schema)?)?;
    let broken = "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                    JOIN pg_am a ON a.oid = c.relam, vector_index_check(i.indexrelid)
                   WHERE a.amname = 'hnsw' AND c.relkind = 'i'";
    let path = format!("SET search_path = {schema}; {broken}");
    assert!(ours.text_in("moved", &path)?.ends_with('0'));

    carry((ours, "moved"), (ours, "again"), format)?;
    assert_eq!(dumped(ours, "again")?, source, "{format:?}");
    carry((ours, "moved"), (theirs, "back"), format)?;
    assert_eq!(dumped(theirs, "back")?, source, "{format:?}");
    assert_same(&mut left, &mut connect(theirs, "back", schema)?)
}

#[test]
fn a_plain_dump_of_pgvector_restores_and_goes_back() -> Result<()> {
    let Some(servers) = servers(&[])? else {
        return Ok(());
    };
    there_and_back(&servers, "public", Format::Plain)
}

#[test]
fn a_custom_dump_with_the_extension_in_a_schema_of_its_own_restores_and_goes_back() -> Result<()> {
    let Some(servers) = servers(&[])? else {
        return Ok(());
    };
    there_and_back(&servers, "extensions", Format::Custom)
}

/// `ivfflat` is not there yet. A restore goes on past its indexes; all else arrives.
#[test]
fn a_restore_goes_on_past_an_ivfflat_index() -> Result<()> {
    let Some(Servers { theirs, ours }) = servers(&[])? else {
        return Ok(());
    };
    theirs.run("createdb", &["lists"])?;
    theirs.connect_to("lists")?.batch_execute(
        "CREATE EXTENSION vector;
         CREATE TABLE items (id int PRIMARY KEY, v vector(2));
         INSERT INTO items SELECT i, ARRAY[i, 1]::vector FROM generate_series(1, 100) i;
         CREATE INDEX items_lists ON items USING ivfflat (v vector_l2_ops) WITH (lists = 4);
         CREATE INDEX items_graph ON items USING hnsw (v vector_l2_ops)",
    )?;
    let path = theirs.socket().join("lists").display().to_string();
    theirs.run("pg_dump", &["-Fc", "-f", &path, "lists"])?;
    ours.run("createdb", &["lists"])?;
    let mut restore = ours.command("pg_restore");
    let output = restore.args(["-d", "lists", &path]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("access method \"ivfflat\" does not exist"),
        "{said}"
    );
    assert!(said.contains("errors ignored on restore: 1"), "{said}");
    let found = ours.text_in(
        "lists",
        "SELECT count(*) || ' ' || (SELECT string_agg(indexname, ' ' ORDER BY indexname)
           FROM pg_indexes WHERE tablename = 'items') FROM items",
    )?;
    assert_eq!(found, "100 items_graph items_pkey");

    // The way to hnsw of `docs/pgvector.md`: the dump's list of contents without the index, and another in its place.
    let contents = ours.run("pg_restore", &["-l", &path])?;
    let contents = String::from_utf8(contents.stdout)?;
    let kept: Vec<&str> = contents
        .lines()
        .filter(|line| !line.contains(" INDEX public items_lists "))
        .collect();
    let list = ours.socket().join("list");
    fs::write(&list, kept.join("\n"))?;
    ours.run("createdb", &["graphs"])?;
    let list = list.display().to_string();
    ours.run(
        "pg_restore",
        &["--exit-on-error", "-L", &list, "-d", "graphs", &path],
    )?;
    ours.text_in(
        "graphs",
        "CREATE INDEX items_lists ON items USING hnsw (v vector_l2_ops)",
    )?;
    Ok(())
}
