//! vector_ext under pgvector's name: `make install-shim`, then `CREATE EXTENSION vector` as migrations
//! and dumps write it.

use std::sync::Arc;

use postgres::Client;
use postgres::error::SqlState;

use crate::support::Result;
use crate::support::cluster::{Cluster, succeed};
use crate::support::installation::Installation;

fn cluster() -> Result<Cluster> {
    let installation = Installation::from_env()?.with_shim()?;
    Cluster::with_settings(Arc::new(installation), &["fsync = off"])
}

fn database(cluster: &Cluster, name: &str) -> Result<Client> {
    cluster.run("createdb", &[name])?;
    cluster.connect_to(name)
}

/// SQLSTATE, message and hint of what must fail.
fn failure(client: &mut Client, statement: &str) -> Result<(SqlState, String, String)> {
    let Err(error) = client.batch_execute(statement) else {
        return Err(format!("should fail: {statement}").into());
    };
    let error = error.as_db_error().ok_or("lost the session")?;
    let hint = error.hint().unwrap_or_default().to_owned();
    Ok((error.code().clone(), error.message().to_owned(), hint))
}

/// The extensions whose names begin with `vector`: name, version, schema and number of members.
const EXTENSIONS: &str = "SELECT string_agg(concat_ws(' ', e.extname, e.extversion, e.extnamespace::regnamespace,
        (SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid = e.oid AND deptype = 'e')),
        '; ' ORDER BY e.extname) FROM pg_extension e WHERE e.extname ~ '^vector'";

/// Every member of an extension.
const MEMBERS: &str = "SELECT string_agg(pg_describe_object(classid, objid, 0), E'\n' ORDER BY pg_describe_object(classid, objid, 0))
        FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
         AND refobjid = (SELECT oid FROM pg_extension WHERE extname ~ '^vector')";

fn one(client: &mut Client, query: &str) -> Result<String> {
    Ok(client.query_one(query, &[])?.get(0))
}

/// A table with an index, and what must still be true of it.
const TABLE: &str = "CREATE TABLE items (id int PRIMARY KEY, v vector(2));
    INSERT INTO items SELECT i, ARRAY[i, i % 7]::vector FROM generate_series(1, 50) i;
    CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
    CREATE INDEX items_l ON items USING ivfflat (v) WITH (lists = 3)";

fn assert_answers(client: &mut Client) -> Result<()> {
    client.batch_execute("SET enable_seqscan = off; SET enable_sort = off")?;
    let nearest = "SELECT string_agg(id::text, ' ') FROM
        (SELECT id FROM items ORDER BY v <-> '[20,6]' LIMIT 3) s";
    let problems = "SELECT count(*)::text FROM unnest('{items_v,items_l}'::regclass[]) i, vector_index_check(i)";
    assert_eq!(one(client, problems)?, "0");
    // By the index that the planner likes better, and by the other.
    assert_eq!(one(client, nearest)?, "20 19 18");
    client.batch_execute("BEGIN; DROP INDEX items_v")?;
    assert_eq!(one(client, nearest)?, "20 19 18");
    client.batch_execute("ROLLBACK; BEGIN; DROP INDEX items_l")?;
    assert_eq!(one(client, nearest)?, "20 19 18");
    client.batch_execute("ROLLBACK")?;
    Ok(())
}

#[test]
fn migrations_create_the_extension_as_they_do_pgvectors() -> Result<()> {
    let cluster = cluster()?;
    for (i, (statement, expected)) in [
        ("CREATE EXTENSION vector", "vector 0.8.7 public"),
        (
            "CREATE EXTENSION IF NOT EXISTS vector",
            "vector 0.8.7 public",
        ),
        ("CREATE EXTENSION vector CASCADE", "vector 0.8.7 public"),
        (
            "CREATE EXTENSION IF NOT EXISTS \"vector\" WITH SCHEMA extensions CASCADE",
            "vector 0.8.7 extensions",
        ),
        (
            "CREATE EXTENSION vector VERSION '0.8.0'",
            "vector 0.8.0 public",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = database(&cluster, &format!("d{i}"))?;
        client.batch_execute("CREATE SCHEMA extensions")?;
        client.batch_execute(statement)?;
        let found = one(&mut client, EXTENSIONS)?;
        assert!(
            found.starts_with(&format!("{expected} ")),
            "{statement}: {found}"
        );
        client.batch_execute("SET search_path = public, extensions")?;
        client.batch_execute(TABLE)?;
        assert_answers(&mut client)?;
        // Nothing to do, whatever says so.
        client.batch_execute(
            "CREATE EXTENSION IF NOT EXISTS vector;
             ALTER EXTENSION vector UPDATE;
             ALTER EXTENSION vector UPDATE TO '0.8.7';
             COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';
             ALTER EXTENSION vector SET SCHEMA public",
        )?;
        let found = one(&mut client, EXTENSIONS)?;
        assert!(
            found.starts_with("vector 0.8.7 public "),
            "{statement}: {found}"
        );
        assert_answers(&mut client)?;
        client.batch_execute("DROP EXTENSION vector CASCADE")?;
    }
    Ok(())
}

#[test]
fn both_names_make_the_same_objects() -> Result<()> {
    let cluster = cluster()?;
    let mut named = database(&cluster, "named")?;
    named.batch_execute("CREATE EXTENSION vector")?;
    let mut plain = database(&cluster, "plain")?;
    plain.batch_execute("CREATE EXTENSION vector_ext")?;
    let members = one(&mut named, MEMBERS)?;
    assert!(members.lines().count() > 200, "{members}");
    assert_eq!(members, one(&mut plain, MEMBERS)?);
    Ok(())
}

/// The second name would otherwise give two extensions that no dump restores.
#[test]
fn a_database_with_vector_ext_takes_the_name_and_keeps_its_objects() -> Result<()> {
    let cluster = cluster()?;
    let mut client = database(&cluster, "taken")?;
    client.batch_execute("CREATE EXTENSION vector_ext")?;
    client.batch_execute(TABLE)?;
    let before = (one(&mut client, MEMBERS)?, one(&mut client, EXTENSIONS)?);
    client.batch_execute("CREATE EXTENSION IF NOT EXISTS vector")?;
    assert_eq!(one(&mut client, MEMBERS)?, before.0);
    assert_eq!(
        one(&mut client, EXTENSIONS)?,
        before.1.replace(
            concat!("vector_ext ", env!("CARGO_PKG_VERSION")),
            "vector 0.8.7"
        )
    );
    assert_answers(&mut client)?;
    // The dump knows one name.
    let path = cluster.socket().join("taken.sql").display().to_string();
    cluster.run("pg_dump", &["-f", &path, "taken"])?;
    cluster.run("createdb", &["again"])?;
    cluster.run(
        "psql",
        &["-X", "-v", "ON_ERROR_STOP=1", "-f", &path, "again"],
    )?;
    assert_answers(&mut cluster.connect_to("again")?)
}

#[test]
fn names_and_schemas_that_cannot_be_are_refused_with_a_hint() -> Result<()> {
    let cluster = cluster()?;
    let mut client = database(&cluster, "schemas")?;
    client
        .batch_execute("CREATE SCHEMA elsewhere; CREATE EXTENSION vector_ext SCHEMA elsewhere")?;
    let (code, message, hint) = failure(&mut client, "CREATE EXTENSION vector")?;
    assert_eq!(code, SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    assert_eq!(
        message,
        "extension \"vector_ext\" is in schema \"elsewhere\", not in \"public\""
    );
    assert!(
        hint.starts_with("CREATE EXTENSION vector SCHEMA elsewhere"),
        "{hint}"
    );
    client.batch_execute("CREATE EXTENSION vector SCHEMA elsewhere")?;

    let (code, message, _) = failure(&mut client, "CREATE EXTENSION vector_ext")?;
    assert_eq!(code, SqlState::DUPLICATE_OBJECT);
    assert_eq!(
        message,
        "extension \"vector\" of this database has the access method \"hnsw\" already"
    );
    Ok(())
}

#[test]
fn installing_leaves_genuine_pgvector_alone_and_uninstalling_leaves_nothing() -> Result<()> {
    let installation = Installation::from_env()?;
    let files = installation.extension_files("vector")?;
    if files.iter().any(|file| file == "vector.control") {
        let output = installation.shim("install").output()?;
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr)?;
        assert!(
            said.contains("genuine pgvector is installed here"),
            "{said}"
        );
        succeed(&mut installation.shim("uninstall"))?;
        assert_eq!(installation.extension_files("vector")?, files);
    }
    let installation = installation.with_shim()?;
    assert!(installation.extension_files("vector.")? == ["vector.control"]);
    succeed(&mut installation.shim("install"))?;
    succeed(&mut installation.shim("uninstall"))?;
    for prefix in ["vector--", "vector."] {
        assert!(installation.extension_files(prefix)?.is_empty(), "{prefix}");
    }
    assert_eq!(
        installation.extension_files("vector_")?,
        [
            "vector_ext--0.1.0--0.2.0.sql",
            concat!("vector_ext--", env!("CARGO_PKG_VERSION"), ".sql"),
            "vector_ext.control"
        ]
    );
    Ok(())
}
