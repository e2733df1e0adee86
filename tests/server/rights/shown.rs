//! What everybody may see, and what nobody.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;

fn texts(client: &mut Client, query: &str) -> Result<Vec<String>> {
    Ok(client
        .query(query, &[])?
        .iter()
        .map(|row| row.get(0))
        .collect())
}

/// The guard around calls into Postgres would put a backtrace of the library into DETAIL where
/// `RUST_BACKTRACE` is set.
#[test]
fn errors_show_no_frames_where_the_server_asks_for_backtraces() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE asked (value text); COPY asked FROM PROGRAM 'printenv RUST_BACKTRACE'",
    )?;
    assert_eq!(texts(&mut client, "SELECT value FROM asked")?, ["full"]);
    client.batch_execute(
        "CREATE TABLE items (v vector(3)); INSERT INTO items VALUES ('[1,2,3]'), ('[3,2,1]');
         CREATE FUNCTION fails(vector) RETURNS vector IMMUTABLE LANGUAGE plpgsql AS
           $$ BEGIN IF current_setting('tests.fail', true) = 'on' THEN RAISE 'no'; END IF; RETURN $1; END $$;
         CREATE INDEX items_v ON items USING hnsw ((fails(v)::vector(3)) vector_l2_ops);
         SET tests.fail = on; CREATE ROLE reader",
    )?;
    for (statement, detail) in [
        (
            "CREATE INDEX ON items USING hnsw (v vector_l2_ops) WITH (m = 1)",
            Some("Valid values are between \"2\" and \"100\"."),
        ),
        (
            "CREATE INDEX ON items USING hnsw (v vector_l2_ops) WITH (lists = 100)",
            None,
        ),
        ("SELECT vector_index_check('items_v')", None),
        ("SELECT vector_index_recall('items_v')", None),
        ("REINDEX INDEX items_v", None),
        ("SELECT vector_index_info('items')", None),
        ("SELECT '[1,2'::vector", None),
        (
            "SET ROLE reader; SELECT vector_index_info('items_v')",
            Some("It takes SELECT on the table."),
        ),
    ] {
        let error = client
            .simple_query(statement)
            .err()
            .ok_or(format!("has not failed: {statement}"))?;
        let error = error.as_db_error().ok_or("no error of the server")?;
        assert_eq!(error.detail(), detail, "{statement}: {error}");
        let all = format!("{error:?}");
        assert!(
            !all.contains("/.cargo/") && !all.contains("/src/"),
            "{statement}: {all}"
        );
    }
    Ok(())
}

#[test]
fn every_object_has_a_comment() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    // Array types and row types come with others, and nobody can comment on the rule of a view.
    let without = "SELECT pg_describe_object(d.classid, d.objid, 0)
          FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
         WHERE d.deptype = 'e' AND e.extname = 'vector_ext' AND obj_description(d.objid, d.classid::regclass::name) IS NULL
           AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (
                SELECT FROM pg_type t WHERE t.oid = d.objid AND (t.typrelid <> 0 OR t.typelem <> 0)))";
    assert_eq!(texts(&mut client, without)?, Vec::<String>::new());
    let members = "SELECT count(*)::text FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
            AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vector_ext')";
    assert!(texts(&mut client, members)?[0].parse::<u32>()? > 250);
    Ok(())
}

#[test]
fn everybody_sees_what_searches_of_the_own_session_have_cost() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE items (v vector(3)); INSERT INTO items SELECT ARRAY[i, 1, 2]::vector FROM generate_series(1, 50) i;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops); SET enable_seqscan = off;
         SELECT * FROM items ORDER BY v <-> '[1,2,3]' LIMIT 3; CREATE ROLE reader; GRANT SELECT ON items TO reader",
    )?;
    let scans = "SELECT index::text FROM vector_index_scans";
    client.batch_execute("SET ROLE reader")?;
    assert_eq!(texts(&mut client, scans)?, ["items_v"]);
    let mut other = cluster.client()?;
    assert_eq!(texts(&mut other, scans)?, Vec::<String>::new());
    Ok(())
}

/// Settings that change what a search does or costs are part of its plan's story.
#[test]
fn explain_shows_settings_that_were_changed() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "LOAD 'vector_ext'; SET hnsw.ef_search = 77; SET hnsw.iterative_scan = relaxed_order; SET hnsw.max_scan_tuples = 5000;
         SET hnsw.scan_mem_multiplier = 2; SET hnsw.filtered_scan = off; SET hnsw.outline_mem = '1MB';
         SET hnsw.max_outline_mem = '2MB'; SET vector_ext.kernels = plain",
    )?;
    let plan = texts(&mut client, "EXPLAIN (SETTINGS, COSTS OFF) SELECT 1")?.join("\n");
    let settings = "SELECT name FROM pg_settings WHERE name ~ '^(hnsw|vector_ext)\\.'";
    let settings = texts(&mut client, settings)?;
    assert_eq!(settings.len(), 8);
    for setting in settings {
        assert!(plan.contains(&format!("{setting} = ")), "{setting}: {plan}");
    }
    Ok(())
}

#[test]
fn partitioned_indexes_say_whom_to_ask() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE items (id int, v vector(3)) PARTITION BY HASH (id);
         CREATE TABLE items_0 PARTITION OF items FOR VALUES WITH (MODULUS 1, REMAINDER 0);
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops); CREATE INDEX items_id ON items (id)",
    )?;
    for function in ["info", "check", "recall", "prewarm"] {
        let call = |index| format!("SELECT * FROM vector_index_{function}('{index}')");
        let error = client
            .simple_query(&call("items_v"))
            .err()
            .ok_or("a parent has pages")?;
        let error = error.as_db_error().ok_or("no error of the server")?;
        assert_eq!(error.code().code(), "42809");
        assert_eq!(error.message(), "\"items_v\" is a partitioned index");
        assert_eq!(
            error.hint(),
            Some("Ask the indexes of its partitions: pg_partition_tree lists them.")
        );
        let error = client
            .simple_query(&call("items_id"))
            .err()
            .ok_or("another kind of index")?;
        let message = error.as_db_error().map(|e| e.message().to_owned());
        assert_eq!(
            message.as_deref(),
            Some("\"items_id\" is not an hnsw or ivfflat index")
        );
    }
    let leaves = "SELECT (vector_index_info(relid)).rows::text FROM pg_partition_tree('items_v') WHERE isleaf";
    assert_eq!(texts(&mut client, leaves)?, ["0"]);
    Ok(())
}
