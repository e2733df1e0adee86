//! Who may tend an index, and where.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, assert_right, assert_sound, copy_rows, make_table};

fn prepare(cluster: &Cluster) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(&mut client, "", 8, &[])?;
    client.batch_execute("CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops)")?;
    copy_rows(&mut client, 1, &Clusters::new(251, 8, 8).vectors(5_000))?;
    Ok(client)
}

const TEND: &str = "SELECT split FROM vector_index_tend('items_v')";

/// SQLSTATE, message, detail and hint of what must fail.
fn failure(client: &mut Client, statement: &str) -> Result<[String; 4]> {
    let error = client.simple_query(statement).err();
    let error = error.ok_or_else(|| format!("{statement}: no error"))?;
    let error = error.as_db_error().ok_or("no error of the server")?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let (code, message) = (error.code().code().to_owned(), error.message().to_owned());
    Ok([code, message, text(error.detail()), text(error.hint())])
}

fn split(client: &mut Client) -> Result<i64> {
    Ok(client.query_one(TEND, &[])?.get(0))
}

#[test]
fn an_index_is_tended_by_who_may_vacuum_its_table() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "CREATE ROLE other; GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON items TO other;
         CREATE ROLE owner; GRANT ALL ON SCHEMA public TO owner; SET ROLE other",
    )?;
    let [code, message, detail, _] = failure(&mut client, TEND)?;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("42501", "permission denied for table items")
    );
    assert!(detail.contains("own the table"), "{detail}");
    client.batch_execute("RESET ROLE; ALTER TABLE items OWNER TO owner; SET ROLE owner")?;
    assert!(split(&mut client)? > 0);
    client.batch_execute("RESET ROLE")?;
    let version = "SELECT current_setting('server_version_num')::int";
    if client.query_one(version, &[])?.get::<_, i32>(0) >= 170_000 {
        client.batch_execute("GRANT MAINTAIN ON items TO other; SET ROLE other")?;
        assert_eq!(split(&mut client)?, 0);
        client.batch_execute("RESET ROLE")?;
    }
    assert_right(&mut client, "items_v", &Clusters::new(252, 8, 8).vectors(1))
}

/// It changes no row, as VACUUM does not.
#[test]
fn an_index_is_tended_in_a_transaction_that_only_reads_and_not_in_recovery() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    let standby = cluster.standby()?;
    let mut reader = standby.connect()?;
    let told = [
        "55000",
        "recovery is in progress",
        "",
        "An index is kept in shape on the primary.",
    ];
    assert_eq!(failure(&mut reader, TEND)?, told);
    client.batch_execute("BEGIN READ ONLY")?;
    assert!(split(&mut client)? > 0);
    client.batch_execute("COMMIT")?;
    cluster.wait_for(&standby)?;
    assert_sound(&mut reader, "items_v")?;
    assert_eq!(failure(&mut reader, TEND)?, told);
    standby.promote()?;
    assert_eq!(split(&mut standby.connect()?)?, 0);
    Ok(())
}

#[test]
fn what_needs_no_tending_is_left_alone_and_what_is_no_index_refused() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = prepare(&cluster)?;
    client.batch_execute(
        "CREATE INDEX items_h ON items USING hnsw (v vector_l2_ops); CREATE VIEW seen AS SELECT 1;
         CREATE TABLE parted (id int, v vector(3)) PARTITION BY HASH (id);
         CREATE INDEX parted_v ON parted USING ivfflat (v vector_l2_ops);
         CREATE TEMP TABLE own (v vector(3)); CREATE INDEX own_v ON own USING ivfflat (v vector_l2_ops)",
    )?;
    let graph = client.query_one("SELECT * FROM vector_index_tend('items_h')", &[])?;
    assert_eq!((0..3).map(|at| graph.get::<_, i64>(at)).sum::<i64>(), 0);
    for other in ["items", "items_pkey", "seen", "pg_class"] {
        let found = failure(
            &mut client,
            &format!("SELECT * FROM vector_index_tend('{other}')"),
        )?;
        assert_eq!(found[0], "42809", "{other}: {found:?}");
    }
    let parent = failure(&mut client, "SELECT * FROM vector_index_tend('parted_v')")?;
    assert_eq!(parent[0], "42809", "{parent:?}");
    client.batch_execute(
        "SELECT * FROM vector_index_tend('own_v'); SELECT * FROM vector_index_tend(NULL)",
    )?;
    let own: u32 = client
        .query_one("SELECT 'own_v'::regclass::oid", &[])?
        .get(0);
    // Its pages are in the memory of the session that has it.
    let found = failure(
        &mut cluster.connect()?,
        &format!("SELECT * FROM vector_index_tend({own})"),
    )?;
    assert_eq!(found[0], "0A000", "{found:?}");
    Ok(())
}
