//! Dumps of pgvector's databases restore here, and ours there, as they are.

use super::{Servers, assert_same, connect, fill, servers};
use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::assert_sound;

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

/// Lists of pgvector are built anew by a restore, with as many of them, and go back.
#[test]
fn a_dump_with_ivfflat_indexes_restores_whole_and_goes_back() -> Result<()> {
    let Some(Servers { theirs, ours }) = servers(&[])? else {
        return Ok(());
    };
    theirs.run("createdb", &["lists"])?;
    theirs.connect_to("lists")?.batch_execute(
        "CREATE EXTENSION vector;
         CREATE TABLE items (id int PRIMARY KEY, v vector(2), h halfvec(3), b bit(4));
         INSERT INTO items SELECT i, ARRAY[i, 1]::vector, ARRAY[i, 2, 1]::vector::halfvec, i::bit(4)
           FROM generate_series(1, 500) i;
         CREATE INDEX items_lists ON items USING ivfflat (v vector_l2_ops) WITH (lists = 4);
         CREATE INDEX items_ip ON items USING ivfflat (v vector_ip_ops) WHERE id < 100;
         CREATE INDEX items_default ON items USING ivfflat (v);
         CREATE INDEX items_half ON items USING ivfflat (h halfvec_cosine_ops) WITH (lists = 7);
         CREATE INDEX items_bits ON items USING ivfflat (b bit_hamming_ops);
         CREATE INDEX items_graph ON items USING hnsw (v vector_l2_ops)",
    )?;
    let source = dumped(&theirs, "lists")?;
    for format in [Format::Plain, Format::Custom] {
        let to = format!("{format:?}").to_lowercase();
        carry((&theirs, "lists"), (&ours, &to), format)?;
        assert_eq!(dumped(&ours, &to)?, source, "{format:?}");
        let mut moved = ours.connect_to(&to)?;
        for index in ["items_lists", "items_ip", "items_default", "items_half"] {
            assert_sound(&mut moved, index)?;
        }
        moved.batch_execute("SET enable_seqscan = off; SET enable_sort = off")?;
        for (order, wanted) in [
            ("v <-> '[77,1]'", 77),
            ("v <#> '[1,0]'", 500),
            ("h <=> '[1,2,1]'", 1),
        ] {
            let query = format!("SELECT id FROM items ORDER BY {order} LIMIT 1");
            assert_eq!(
                moved.query_one(&query, &[])?.get::<_, i32>(0),
                wanted,
                "{order}"
            );
        }
        carry((&ours, &to), (&theirs, &to), format)?;
        assert_eq!(dumped(&theirs, &to)?, source, "{format:?}");
    }
    Ok(())
}
