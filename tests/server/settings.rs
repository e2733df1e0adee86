//! Settings that are made before the library is loaded, for databases, roles and functions.

use postgres::{Client, Config, NoTls};

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, assert_right, make_table};

fn one(client: &mut Client, query: &str) -> Result<String> {
    Ok(client.query_one(query, &[])?.get(0))
}

fn session_of(cluster: &Cluster, role: &str) -> Result<Client> {
    let mut config = Config::new();
    config.host_path(cluster.socket()).dbname("postgres");
    Ok(config.user(role).connect(NoTls)?)
}

/// The SQLSTATE that a statement ends with; None where it does not fail.
fn code(client: &mut Client, statement: &str) -> Option<String> {
    let error = client.batch_execute(statement).err()?;
    error.code().map(|code| code.code().to_owned())
}

const EF: &str = "SELECT current_setting('hnsw.ef_search')";
const LOADED: &str = "SELECT vector_dims('[1,2]'::vector)::text";

#[test]
fn a_databases_settings_count_from_the_first_search_on() -> Result<()> {
    let cluster = Cluster::quick()?;
    cluster.client()?.batch_execute(
        "ALTER DATABASE postgres SET hnsw.ef_search = 123;
         ALTER DATABASE postgres SET hnsw.iterative_scan = relaxed_order;
         ALTER DATABASE postgres SET ivfflat.probes = 10",
    )?;
    let mut client = cluster.connect()?;
    assert_eq!(one(&mut client, EF)?, "123");
    assert_eq!(one(&mut client, LOADED)?, "2");
    assert_eq!(one(&mut client, EF)?, "123");
    let order = "SELECT current_setting('hnsw.iterative_scan')";
    assert_eq!(one(&mut client, order)?, "relaxed_order");
    // Clients set it without asking.
    assert_eq!(code(&mut client, "SET ivfflat.probes = 20"), None);
    assert_eq!(
        code(
            &mut client,
            "SET LOCAL ivfflat.iterative_scan = relaxed_order"
        ),
        None
    );
    // A name that nobody knows is a mistake.
    assert_eq!(
        code(&mut client, "SET hnsw.ef_serach = 20").as_deref(),
        Some("42602")
    );
    for wrong in [
        "hnsw.ef_search = 0",
        "hnsw.ef_search = 1001",
        "hnsw.iterative_scan = on",
    ] {
        assert_eq!(
            code(&mut client, &format!("SET {wrong}")).as_deref(),
            Some("22023"),
            "{wrong}"
        );
    }
    // One out of range, which only a session without the library takes, keeps nobody out.
    let mut client = cluster.connect()?;
    client.batch_execute("ALTER DATABASE postgres SET hnsw.ef_search = 5000")?;
    let mut client = cluster.connect()?;
    assert_eq!(one(&mut client, LOADED)?, "2");
    assert_eq!(one(&mut client, EF)?, "40");
    Ok(())
}

/// Postgres takes what it does not know yet only from those who may set such a parameter, so
/// `docs/operations.md` names three ways.
#[test]
fn a_plain_roles_function_has_a_setting_by_each_of_the_documented_ways() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE ROLE plain LOGIN; GRANT CREATE ON SCHEMA public TO plain; SET hnsw.ef_search = 50",
    )?;
    let define =
        "CREATE OR REPLACE FUNCTION wide() RETURNS text LANGUAGE sql SET hnsw.ef_search = 77 AS
        $$ SELECT current_setting('hnsw.ef_search') $$";
    let mut plain = session_of(&cluster, "plain")?;
    assert_eq!(code(&mut plain, define).as_deref(), Some("42501"));
    assert_eq!(one(&mut plain, LOADED)?, "2");
    assert_eq!(code(&mut plain, define), None);
    client.batch_execute("GRANT SET ON PARAMETER hnsw.ef_search TO plain")?;
    assert_eq!(code(&mut session_of(&cluster, "plain")?, define), None);
    client.batch_execute(
        "REVOKE SET ON PARAMETER hnsw.ef_search FROM plain;
         ALTER ROLE plain SET session_preload_libraries = 'vector_ext'",
    )?;
    assert_eq!(code(&mut session_of(&cluster, "plain")?, define), None);
    // It counts within the function alone.
    assert_eq!(
        one(
            &mut client,
            "SELECT wide() || ' ' || current_setting('hnsw.ef_search')"
        )?,
        "77 50"
    );
    Ok(())
}

/// The server loads the library once, and sessions inherit it: settings are known, and indexes are built by threads,
/// searched, and vacuumed.
#[test]
fn the_server_may_load_the_library_for_all_sessions() -> Result<()> {
    let cluster = Cluster::quick_with(&["shared_preload_libraries = 'vector_ext'"])?;
    let mut client = cluster.connect()?;
    assert_eq!(one(&mut client, "SHOW hnsw.ef_search")?, "40");
    assert_eq!(
        code(&mut client, "SET hnsw.ef_search = 0").as_deref(),
        Some("22023")
    );
    client.batch_execute("CREATE EXTENSION vector_ext")?;
    make_table(&mut client, "", 16, &Clusters::new(9, 16, 8).vectors(3_000))?;
    client.batch_execute(
        "SET max_parallel_maintenance_workers = 2; CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         DELETE FROM items WHERE id % 9 = 0",
    )?;
    client.batch_execute("VACUUM items")?;
    let questions = Clusters::new(10, 16, 8).vectors(5);
    assert_right(&mut cluster.connect()?, "items_v", &questions)
}
