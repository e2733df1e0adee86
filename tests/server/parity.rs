//! The contract: every statement of `tests/pg_regress/sql` gives, on genuine pgvector, the same rows
//! or the same error, to the letter. `extension.sql`, `hnsw_extension.sql`, `ivfflat_extension.sql` and
//! `int8vec.sql` are what we add, `errors.sql` is for our own errors; they are left out.
//!
//! Runs where the installation has pgvector beside vector_ext, and says so where it has not.

use std::fs;

use postgres::{Client, SimpleQueryMessage};

use crate::support::cluster::Cluster;
use crate::support::{Result, project};

/// Rows as text, or the error with all its parts.
fn outcome(client: &mut Client, statement: &str) -> Result<Vec<String>> {
    let messages = match client.simple_query(statement) {
        Ok(messages) => messages,
        Err(error) => {
            let Some(error) = error.as_db_error() else {
                return Err(error.into());
            };
            let parts = [
                Some(error.code().code()),
                Some(error.message()),
                error.detail(),
                error.hint(),
            ];
            return Ok(parts.map(|part| part.unwrap_or("-").to_owned()).to_vec());
        }
    };
    let mut rows = Vec::new();
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            let fields = (0..row.len()).map(|i| row.get(i).unwrap_or("NULL"));
            rows.push(fields.collect::<Vec<_>>().join("|"));
        }
    }
    Ok(rows)
}

/// The statements of a file: each ends with a semicolon at the end of a line.
fn statements(file: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(project("tests/pg_regress/sql").join(file))?;
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect();
    let statements = code.join("\n");
    Ok(statements
        .split(";\n")
        .map(|s| s.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect())
}

fn database(cluster: &Cluster, extension: &str) -> Result<Client> {
    cluster.run("createdb", &[extension])?;
    let mut client = cluster.connect_to(extension)?;
    client.batch_execute(&format!("CREATE EXTENSION {extension}"))?;
    Ok(client)
}

/// Connections to a database with vector_ext and to one with genuine pgvector, and pgvector's version;
/// says so and gives none where the installation has no pgvector.
pub fn side_by_side(cluster: &Cluster) -> Result<Option<([Client; 2], String)>> {
    let version = "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'";
    let version = cluster.text(version)?;
    if version.is_empty() {
        println!(
            "skipped: no pgvector beside {}",
            cluster.installation().version()
        );
        return Ok(None);
    }
    let both = [
        database(cluster, "vector_ext")?,
        database(cluster, "vector")?,
    ];
    Ok(Some((both, version)))
}

#[test]
fn every_statement_answers_as_pgvector_does() -> Result<()> {
    let cluster = Cluster::start()?;
    let Some(([mut ours, mut theirs], version)) = side_by_side(&cluster)? else {
        return Ok(());
    };
    let mut compared = 0;
    for file in [
        "vector_type.sql",
        "vector_functions.sql",
        "vector_cast.sql",
        "vector_search.sql",
        "halfvec_type.sql",
        "halfvec_functions.sql",
        "halfvec_cast.sql",
        "halfvec_search.sql",
        "hnsw_vector.sql",
        "hnsw_halfvec.sql",
        "ivfflat_vector.sql",
        "ivfflat_halfvec.sql",
        "ivfflat_bit.sql",
        "sparsevec_type.sql",
        "sparsevec_functions.sql",
        "sparsevec_cast.sql",
        "sparsevec_search.sql",
        "hnsw_sparsevec.sql",
        "bit.sql",
    ] {
        for statement in statements(file)? {
            let (found, wanted) = (
                outcome(&mut ours, &statement)?,
                outcome(&mut theirs, &statement)?,
            );
            assert_eq!(found, wanted, "{file}: {statement}");
            compared += 1;
        }
    }
    assert!(compared > 200, "only {compared} statements");
    println!("{compared} statements answer as pgvector {version} does");
    Ok(())
}
