//! Pages of an index that are not what they should be: each answer is right, or an error that says what
//! to do.

use std::fs;
use std::path::PathBuf;

use postgres::Client;
use postgres::error::SqlState;
use vector_ext::hnsw::{Index, Options};
use vector_ext::page::{Bytes, MemoryStore, PAGE_BYTES};

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, make_table};

/// An index whose file is written behind the server's back.
struct Damaged<'c> {
    cluster: &'c Cluster,
    client: Client,
    /// As the server has written them.
    pages: Vec<Bytes>,
    /// Where the index is: it is read anew when it moves to the other tablespace.
    elsewhere: bool,
}

impl<'c> Damaged<'c> {
    /// An index of `rows` vectors.
    fn new(cluster: &'c Cluster, dims: usize, rows: usize) -> Result<Self> {
        let mut client = cluster.client()?;
        make_table(
            &mut client,
            "",
            dims,
            &Clusters::new(131, dims, 5).vectors(rows),
        )?;
        for statement in [
            "SET allow_in_place_tablespaces = on",
            // From PostgreSQL 18 on clusters have checksums, which a page of zeros passes and others do not.
            "SET ignore_checksum_failure = on",
            "CREATE TABLESPACE elsewhere LOCATION ''",
            "SET enable_seqscan = off",
            "CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)",
            "CHECKPOINT",
        ] {
            client.batch_execute(statement)?;
        }
        let mut damaged = Self {
            cluster,
            client,
            pages: Vec::new(),
            elsewhere: false,
        };
        let bytes = fs::read(damaged.file()?)?;
        damaged.pages = bytes.as_chunks().0.to_vec();
        Ok(damaged)
    }

    fn file(&mut self) -> Result<PathBuf> {
        let row = self
            .client
            .query_one("SELECT pg_relation_filepath('items_v')", &[])?;
        Ok(self.cluster.data().join(row.get::<_, String>(0)))
    }

    /// Gives the server an index of these pages.
    fn write(&mut self, pages: &[Bytes]) -> Result<()> {
        fs::write(self.file()?, pages.concat())?;
        self.elsewhere = !self.elsewhere;
        let place = if self.elsewhere {
            "elsewhere"
        } else {
            "pg_default"
        };
        let moved = format!("ALTER INDEX items_v SET TABLESPACE {place}");
        Ok(self.client.batch_execute(&moved)?)
    }

    /// What a query answers, or its error.
    fn ask(&mut self, query: &str) -> Result<std::result::Result<Vec<i32>, (SqlState, String)>> {
        match self.client.query(query, &[]) {
            Ok(rows) => Ok(Ok(rows.iter().map(|row| row.get(0)).collect())),
            Err(error) => {
                let error = error.as_db_error().ok_or("lost the session")?;
                let hint = error.hint().unwrap_or_default();
                Ok(Err((error.code().clone(), hint.to_owned())))
            }
        }
    }
}

const NEAREST: &str =
    "SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 1) LIMIT 10";
const ALL: &str =
    "SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 1) LIMIT 100000";
const CHECK: &str = "SELECT 1 FROM vector_index_check('items_v')";

/// What is done to a page: zeros, another in its place, or the two have changed places.
fn variants(pages: &[Bytes], block: usize) -> [Vec<Bytes>; 3] {
    let other = (block + 1) % pages.len();
    let mut variants = [pages.to_vec(), pages.to_vec(), pages.to_vec()];
    variants[0][block] = [0; PAGE_BYTES];
    variants[1][block] = pages[other];
    variants[2].swap(block, other);
    variants
}

fn every_page(dims: usize, rows: usize) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut index = Damaged::new(&cluster, dims, rows)?;
    let right = index.ask(NEAREST)?;
    assert_eq!(right.as_ref().map(Vec::len), Ok(10));
    assert_eq!(index.ask(ALL)?.map(|found| found.len()), Ok(rows));
    assert_eq!(index.ask(CHECK)?, Ok(Vec::new()));
    let pages = index.pages.clone();
    let hint = "REINDEX the index.".to_owned();
    let corrupted = (SqlState::INDEX_CORRUPTED, hint);
    for block in 0..pages.len() {
        for (what, damaged) in variants(&pages, block).iter().enumerate() {
            index.write(damaged)?;
            let found = index.ask(NEAREST)?;
            let error = found == Err(corrupted.clone());
            assert!(error || found == right, "{what} {block}: {found:?}");
            for query in [ALL, CHECK] {
                let found = index.ask(query)?;
                assert_eq!(found, Err(corrupted.clone()), "{what} {block}: {query}");
            }
        }
    }
    index.write(&pages)?;
    assert_eq!(index.ask(CHECK)?, Ok(Vec::new()));
    assert_eq!(index.ask(NEAREST)?, right);
    Ok(())
}

#[test]
fn a_page_of_zeros_or_of_another_block_gives_no_wrong_answer() -> Result<()> {
    every_page(384, 60)
}

#[test]
fn nor_does_a_page_of_a_node_of_several() -> Result<()> {
    every_page(6_000, 12)
}

/// Nodes without a link to them were counted, and nobody was told.
#[test]
fn rows_that_no_link_leads_to_are_reported() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut index = Damaged::new(&cluster, 16, 50)?;
    let store = MemoryStore::new();
    for page in &index.pages {
        store.push(page)?;
    }
    let slot = Index::open(&store, &Options::default())?.shape().bytes();
    let mut pages = index.pages.clone();
    for page in &mut pages[2..] {
        for at in (24..PAGE_BYTES - 16 - slot).step_by(slot) {
            // Numbers of neighbours stand behind 24 bytes of a live node.
            if page[at] == 0xA1 {
                page[at + 24..][..128].fill(0xFF);
            }
        }
    }
    index.write(&pages)?;
    let check = "SELECT * FROM vector_index_check('items_v')";
    let problems = index.client.query(check, &[])?;
    let first: String = problems.first().ok_or("nothing is reported")?.get(0);
    assert!(
        first.starts_with("rows that no link leads to: 49; "),
        "{first}"
    );
    index.client.batch_execute("REINDEX INDEX items_v")?;
    assert!(index.client.query(check, &[])?.is_empty());
    Ok(())
}
