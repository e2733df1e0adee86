//! Moving from genuine pgvector to vector_ext under the same name, and back: dumps, binary COPY,
//! logical replication. `docs/pgvector.md` tells users how.
//!
//! Runs where the installation has pgvector beside vector_ext, and says so where it has not.

mod dump;
mod live;

use std::sync::Arc;

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::installation::Installation;
use crate::support::vectors::plan;

/// A cluster with genuine pgvector, and one with vector_ext under its name.
struct Servers {
    theirs: Cluster,
    ours: Cluster,
}

/// Both servers, or none where the installation has no pgvector.
fn servers(settings: &[&str]) -> Result<Option<Servers>> {
    let installation = Installation::from_env()?;
    if installation.extension_files("vector.control")?.is_empty() {
        println!("skipped: no pgvector beside {}", installation.version());
        return Ok(None);
    }
    let settings = [&["fsync = off"], settings].concat();
    let shim = Installation::from_env()?.with_shim()?;
    Ok(Some(Servers {
        theirs: Cluster::with_settings(Arc::new(installation), &settings)?,
        ours: Cluster::with_settings(Arc::new(shim), &settings)?,
    }))
}

/// The database `source` of a cluster, with all that users may have in it.
fn fill(cluster: &Cluster, schema: &str) -> Result<()> {
    cluster.run("createdb", &["source"])?;
    let mut client = cluster.connect_to("source")?;
    client.batch_execute(&format!(
        "CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION vector WITH SCHEMA {schema}"
    ))?;
    let objects = include_str!("source.sql").replace("EXTENSIONS", schema);
    client.batch_execute(&objects)?;
    Ok(())
}

/// What must be the same on both sides, as one text each.
const CONTENT: [&str; 6] = [
    "SELECT string_agg(i::text, E'\n' ORDER BY id) FROM items i",
    "SELECT string_agg(concat_ws(' ', id, vector_send(v), halfvec_send(h), sparsevec_send(s), vector_send(free)), E'\n'
                       ORDER BY id) FROM items",
    "SELECT string_agg(l::text, E'\n' ORDER BY at) FROM log l",
    "SELECT string_agg(concat_ws(' ', id, distance), E'\n' ORDER BY distance, id) FROM close",
    "SELECT string_agg(m::text, E'\n' ORDER BY kind) FROM middle m",
    "SELECT concat_ws(' ', nearest('[20,1,1]'), nearest('[299,0,0]'), far('[1,2,3]'), far('[99,2,3]'))",
];

/// Columns of `items`, operators and questions, and the index that answers.
const SEARCHES: [(&str, &str, &str, &str); 18] = [
    ("v", "<->", "'[17,0.5,-1]'", "items_v_l2"),
    ("v", "<#>", "'[17,0.5,-1]'", "items_v_ip"),
    ("v", "<=>", "'[17,0.5,-1]'", "items_v_cosine"),
    ("v", "<+>", "'[17,0.5,-1]'", "items_v_l1"),
    ("h", "<->", "'[0.3,0.1,2]'", "items_h_l2"),
    ("h", "<#>", "'[0.3,0.1,2]'", "items_h_ip"),
    ("h", "<=>", "'[0.3,0.1,2]'", "items_h_cosine"),
    ("h", "<+>", "'[0.3,0.1,2]'", "items_h_l1"),
    ("s", "<->", "'{7:3,407:-9}/1000'", "items_s_l2"),
    ("s", "<#>", "'{7:3,407:-9}/1000'", "items_s_ip"),
    ("s", "<=>", "'{7:3,407:-9}/1000'", "items_s_cosine"),
    ("s", "<+>", "'{7:3,407:-9}/1000'", "items_s_l1"),
    ("b", "<~>", "B'000000011110111011110000'", "items_b_hamming"),
    ("b", "<%>", "B'000000011110111011110000'", "items_b_jaccard"),
    ("(v::halfvec(3))", "<->", "'[17,0.5,-1]'", "items_as_half"),
    (
        "(binary_quantize(v)::bit(3))",
        "<~>",
        "B'101'",
        "items_bits",
    ),
    (
        "(subvector(v, 1, 2)::vector(2))",
        "<->",
        "'[17,0]'",
        "items_part",
    ),
    ("v", "<->", "'[17,0.5,-1]'", "items_odd"),
];

/// The distances of the nearest rows, through the index or by reading all.
fn nearest(client: &mut Client, search: (&str, &str, &str, &str), exact: bool) -> Result<Vec<f64>> {
    let (column, operator, question, index) = search;
    let filter = if index == "items_odd" {
        "kind = 'odd'"
    } else {
        "true"
    };
    let query = format!(
        "SELECT {column} {operator} {question} FROM items WHERE {filter}
          ORDER BY {column} {operator} {question} LIMIT 10"
    );
    client.batch_execute(&format!(
        "SET enable_seqscan = {exact}; SET enable_indexscan = {}; SET enable_sort = {exact}; SET hnsw.ef_search = 400",
        !exact
    ))?;
    let plan = plan(client, &query, &[])?;
    if exact {
        assert!(!plan.contains("Index Scan"), "{query}\n{plan}");
    } else {
        let other = if index == "items_v_l2" {
            "items_odd"
        } else {
            index
        };
        let uses = |index| plan.contains(&format!("Index Scan using {index} "));
        assert!(uses(index) || uses(other), "{query}\n{plan}");
    }
    let rows = client.query(&query, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn connect(cluster: &Cluster, database: &str, schema: &str) -> Result<Client> {
    let mut client = cluster.connect_to(database)?;
    client.batch_execute(&format!("SET search_path = app, {schema}"))?;
    Ok(client)
}

/// That two databases hold the same rows and answer the same, by reading all and through each index.
fn assert_same(left: &mut Client, right: &mut Client) -> Result<()> {
    for query in CONTENT {
        let found: Option<String> = right.query_one(query, &[])?.get(0);
        let wanted: Option<String> = left.query_one(query, &[])?.get(0);
        assert!(wanted.as_ref().is_some_and(|text| text.len() > 5));
        assert_eq!(found, wanted, "{query}");
    }
    for search in SEARCHES {
        let truth = nearest(left, search, true)?;
        assert_eq!(truth.len(), 10, "{search:?}");
        for client in [&mut *left, &mut *right] {
            let found = nearest(client, search, true)?;
            assert!(same(&found, &truth), "{search:?}: {found:?}, not {truth:?}");
            let found = nearest(client, search, false)?;
            // How much pgvector's index finds, and in which order, is its own affair.
            let right = if is_ours(client)? {
                same(&found, &truth)
            } else {
                found.len() > 5
            };
            assert!(right, "{search:?} by index: {found:?}, not {truth:?}");
        }
    }
    Ok(())
}

/// Whether two lists of distances are equal but for rounding.
fn same(found: &[f64], wanted: &[f64]) -> bool {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
    found.len() == wanted.len() && found.iter().zip(wanted).all(close)
}

fn is_ours(client: &mut Client) -> Result<bool> {
    let query = "SELECT to_regproc('vector_index_info') IS NOT NULL";
    Ok(client.query_one(query, &[])?.get(0))
}
