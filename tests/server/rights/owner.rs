//! Index expressions and predicates are code of the table's owner. Whoever checks or measures an index has it
//! run: it must gain nothing by that, and neither must they.

use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;

/// A table of `mallory`, whose index expression notes as whom it runs and tries to become more.
const TRAP: &str = "
    CREATE ROLE mallory; CREATE ROLE reader; GRANT CREATE ON SCHEMA public TO mallory;
    SET ROLE mallory;
    CREATE TABLE public.seen (what text);
    CREATE FUNCTION public.note() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.seen VALUES (current_user || ' with ' || current_setting('search_path'));
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            ALTER ROLE mallory SUPERUSER;
        END IF;
        BEGIN
            RESET ROLE;
            INSERT INTO public.seen VALUES ('became ' || current_user);
        EXCEPTION WHEN insufficient_privilege THEN
            INSERT INTO public.seen VALUES (SQLERRM);
        END;
    END $$;
    CREATE FUNCTION public.spied(vector) RETURNS vector IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM public.note();
        RETURN $1;
    END $$;
    CREATE FUNCTION public.wanted(vector) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM public.note();
        RETURN true;
    END $$;
    CREATE TABLE public.items (v vector(3));
    INSERT INTO public.items SELECT ARRAY[i, 1, 2]::vector FROM generate_series(1, 5) i;
    CREATE INDEX items_v ON public.items USING hnsw ((public.spied(v)::vector(3)) vector_l2_ops) WHERE public.wanted(v);
    RESET ROLE";

/// What each noted line says where all is well.
const WELL: [&str; 2] = [
    "mallory with pg_catalog, pg_temp",
    "cannot set parameter \"role\" within security-restricted operation",
];

fn one(client: &mut Client, query: &str) -> Result<String> {
    Ok(client.query_one(query, &[])?.get(0))
}

fn state(client: &mut Client) -> Result<String> {
    one(
        client,
        "SELECT concat_ws(', ', current_user, current_setting('search_path'), current_setting('enable_seqscan'),
                current_setting('hnsw.ef_search'))",
    )
}

#[test]
fn a_check_and_a_measurement_run_the_owners_code_as_the_owner() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(TRAP)?;
    client.batch_execute("SET hnsw.ef_search = 77; SET search_path = public, pg_catalog")?;
    let before = state(&mut client)?;
    for call in [
        "vector_index_check('items_v')",
        "vector_index_recall('items_v', 2, 1)",
        "vector_index_info('items_v')",
        "vector_index_prewarm('items_v')",
    ] {
        client.batch_execute("TRUNCATE seen")?;
        client.batch_execute(&format!("SELECT * FROM {call}"))?;
        let seen = client.query("SELECT DISTINCT what FROM seen", &[])?;
        let seen: Vec<String> = seen.iter().map(|row| row.get(0)).collect();
        let runs = call.contains("check") || call.contains("recall");
        assert_eq!(seen.is_empty(), !runs, "{call}");
        assert!(
            seen.iter().all(|what| WELL.contains(&what.as_str())),
            "{call}: {seen:?}"
        );
        let more = "SELECT bool_or(rolsuper)::text FROM pg_roles WHERE rolname = 'mallory'";
        assert_eq!(one(&mut client, more)?, "false", "{call}");
        assert_eq!(state(&mut client)?, before, "{call}");
    }
    Ok(())
}

/// An error of the owner's code leaves the session as it was, in a transaction that goes on as well.
#[test]
fn an_error_of_the_owners_code_gives_the_caller_back() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(TRAP)?;
    client.batch_execute(
        "CREATE OR REPLACE FUNCTION public.spied(vector) RETURNS vector IMMUTABLE LANGUAGE plpgsql AS
           $$ BEGIN RAISE division_by_zero USING MESSAGE = 'no more'; END $$",
    )?;
    client.batch_execute("SET hnsw.ef_search = 77; SET search_path = public, pg_catalog")?;
    let before = state(&mut client)?;
    for call in [
        "vector_index_check('items_v')",
        "vector_index_recall('items_v', 2, 1)",
    ] {
        let error = client.simple_query(&format!("SELECT * FROM {call}")).err();
        let error = error.ok_or(format!("{call} has not failed"))?;
        assert_eq!(
            error.code().map(postgres::error::SqlState::code),
            Some("22012"),
            "{call}: {error}"
        );
        assert_eq!(state(&mut client)?, before, "{call}");
        client.batch_execute(&format!(
            "DO $$ BEGIN PERFORM {call}; RAISE 'not reached';
                EXCEPTION WHEN division_by_zero THEN
                    IF current_user <> 'postgres' THEN RAISE 'still %', current_user; END IF;
                END $$"
        ))?;
        assert_eq!(state(&mut client)?, before, "{call}");
    }
    Ok(())
}

/// Who may read the table may measure, though it takes functions that only the owner may call; a
/// `search_path` of one's own does not reach the owner's code.
#[test]
fn readers_measure_with_the_owners_rights_and_nothing_of_their_own() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    client.batch_execute(TRAP)?;
    client.batch_execute(
        "REVOKE EXECUTE ON FUNCTION public.spied(vector) FROM PUBLIC; CREATE SCHEMA theirs AUTHORIZATION reader",
    )?;
    client.batch_execute("SET ROLE reader; SET search_path = theirs, public, pg_catalog")?;
    let measure = "SELECT * FROM vector_index_recall('items_v', 2, 1)";
    let error = client
        .simple_query(measure)
        .err()
        .ok_or("may not read, yet measures")?;
    let error = error.as_db_error().ok_or("no error of the server")?;
    assert_eq!(error.message(), "permission denied for table items");
    assert_eq!(error.detail(), Some("It takes SELECT on the table."));
    client.batch_execute(
        "RESET ROLE; GRANT SELECT ON items TO reader; TRUNCATE seen; SET ROLE reader",
    )?;
    assert_eq!(client.query(measure, &[])?.len(), 8);
    let error = client
        .simple_query("SELECT vector_index_check('items_v')")
        .err();
    let error = error.ok_or("has writers wait without their rights")?;
    let error = error.as_db_error().ok_or("no error of the server")?;
    let detail = error.detail().unwrap_or_default();
    assert!(
        detail.ends_with("one of UPDATE, DELETE and TRUNCATE."),
        "{detail}"
    );
    client.batch_execute("RESET ROLE")?;
    let seen = client.query("SELECT DISTINCT what FROM seen", &[])?;
    assert!(!seen.is_empty());
    for row in seen {
        let what: String = row.get(0);
        assert!(WELL.contains(&what.as_str()), "{what}");
    }
    Ok(())
}
