//! Whoever may create in a schema can make operators and functions whose types match a call better than those
//! of `pg_catalog` do. SQL of the extension, which superusers run, must not call them.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use postgres::Client;

use crate::support::cluster::Cluster;
use crate::support::installation::Installation;
use crate::support::{Result, project};

/// Sources with SQL that runs on people's servers.
fn sources() -> Result<Vec<String>> {
    let mut sources = vec![
        "shim/vector.sql".to_owned(),
        "src/pg/admin/recall.rs".to_owned(),
        "src/pg/admin/statements.rs".to_owned(),
    ];
    for script in fs::read_dir(project("sql"))? {
        sources.push(format!("sql/{}", script?.file_name().to_string_lossy()));
    }
    Ok(sources)
}

/// Words that stand before a parenthesis: functions, and what only looks like one.
fn called() -> Result<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    for source in sources()? {
        let text = fs::read_to_string(project(&source))?;
        for (at, _) in text.match_indices('(') {
            let before = text[..at].chars().rev();
            let word: String = before
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            words.insert(word.chars().rev().collect());
        }
    }
    Ok(words)
}

/// A cluster with a database `hostile`, in whose schema `public` lies what nobody may run. The name
/// `vector` is the shim's.
fn hostile() -> Result<Cluster> {
    let installation = Installation::from_env()?.with_shim()?;
    let cluster = Cluster::with_settings(Arc::new(installation), &["fsync = off"])?;
    cluster.run("createdb", &["hostile"])?;
    let mut client = cluster.connect_to("hostile")?;
    client.batch_execute("CREATE ROLE mallory; GRANT CREATE ON SCHEMA public TO mallory")?;
    let words: Vec<String> = called()?.into_iter().collect();
    let functions = "SELECT array_agg(DISTINCT proname)::text FROM pg_proc
                      WHERE proname::text = ANY ($1) AND pronamespace = 'pg_catalog'::regnamespace";
    let names: String = client.query_one(functions, &[&words])?.get(0);
    assert!(names.contains("format,"), "{names}");
    let script = fs::read_to_string(project("tests/server/rights/hostile.sql"))?;
    let script = script.replace("@SCHEMA@", "public");
    client.batch_execute("SET ROLE mallory")?;
    client.batch_execute(&script.replace("@NAMES@", &format!("'{names}'")))?;
    // They do what they are for.
    client.batch_execute("SET search_path = public")?;
    for captured in ["1::oid = 'pg_class'::regclass", "format('%s', 'a'::name)"] {
        let error = client.batch_execute(&format!("SELECT {captured}")).err();
        let error = error.ok_or(format!("{captured} runs nothing of mallory's"))?;
        assert!(shown(&error).starts_with("captured: "), "{error}");
    }
    Ok(cluster)
}

/// Another such database, and a session of a superuser who has `public` first in the path.
fn another(cluster: &Cluster, name: &str) -> Result<Client> {
    cluster.run("createdb", &["-T", "hostile", name])?;
    let mut client = cluster.connect_to(name)?;
    client
        .batch_execute("SET search_path = public, pg_catalog; SET client_min_messages = error")?;
    Ok(client)
}

fn shown(error: &postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

/// A statement that must fail with a message of its own.
fn fails_with(client: &mut Client, statement: &str, message: &str) -> Result<()> {
    let error = client.batch_execute(statement).err();
    let error = error.ok_or(format!("should fail: {statement}"))?;
    assert!(shown(&error).starts_with(message), "{statement}: {error:?}");
    Ok(())
}

/// Reads all views and calls all functions for people who run an index.
fn use_everything(client: &mut Client) -> Result<()> {
    client.batch_execute(
        "CREATE TABLE public.items (id int, v vector(3));
         INSERT INTO public.items SELECT i, ARRAY[i, 1, 2]::vector FROM pg_catalog.generate_series(1, 300) i;
         CREATE INDEX items_v ON public.items USING hnsw ((v::vector(3)) vector_l2_ops) WHERE (id OPERATOR(pg_catalog.>) 0);
         SET enable_seqscan = off;
         SELECT * FROM public.items WHERE id OPERATOR(pg_catalog.>) 0 ORDER BY v::vector(3) <-> '[1,2,3]' LIMIT 3",
    )?;
    let member = |catalogue: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype OPERATOR(pg_catalog.=) 'e'::\"char\"
                        AND d.objid OPERATOR(pg_catalog.=) o.oid
                        AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.{catalogue}'::regclass::oid)"
        )
    };
    let views = format!(
        "SELECT relname::text FROM pg_catalog.pg_class o
          WHERE relkind OPERATOR(pg_catalog.=) 'v'::\"char\" AND {}",
        member("pg_class")
    );
    let views: Vec<String> = client
        .query(&views, &[])?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(views, ["vector_index_scans"]);
    for view in views {
        assert!(
            !client
                .query(&format!("SELECT * FROM {view}"), &[])?
                .is_empty(),
            "{view}"
        );
    }
    let functions = format!(
        "SELECT proname::text FROM pg_catalog.pg_proc o WHERE {}
            AND proargtypes[0] OPERATOR(pg_catalog.=) 'regclass'::regtype::oid",
        member("pg_proc")
    );
    let functions = client.query(&functions, &[])?;
    assert!(functions.len() >= 4);
    for row in functions {
        let function: String = row.get(0);
        client.query(&format!("SELECT * FROM {function}('items_v')"), &[])?;
    }
    // A function in SQL would be another that could be captured, and has to be called here.
    let others = format!(
        "SELECT proname::text FROM pg_catalog.pg_proc o
           JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) o.prolang
          WHERE lanname OPERATOR(pg_catalog.<>) 'c'::name AND prokind OPERATOR(pg_catalog.<>) 'a'::\"char\" AND {}",
        member("pg_proc")
    );
    assert_eq!(client.query(&others, &[])?.len(), 0);
    Ok(())
}

/// Runs the statements of all update scripts, which can be run twice, with the path that they have.
fn update(client: &mut Client) -> Result<()> {
    client.batch_execute("SET search_path = public, pg_temp")?;
    for source in sources()?.iter().filter(|source| source.contains("--")) {
        let script = fs::read_to_string(project(source))?;
        let lines = script.lines().filter(|line| !line.starts_with("\\echo"));
        let script = lines.collect::<Vec<_>>().join("\n");
        client.batch_execute(&script.replace("MODULE_PATHNAME", "$libdir/vector_ext"))?;
    }
    client.query("SELECT * FROM vector_index_scans", &[])?;
    client.batch_execute("SET search_path = public, pg_catalog")?;
    Ok(())
}

#[test]
fn the_scripts_and_views_call_no_operator_or_function_of_others() -> Result<()> {
    let cluster = hostile()?;
    let mut client = another(&cluster, "plain")?;
    client.batch_execute("CREATE EXTENSION vector_ext")?;
    use_everything(&mut client)?;
    update(&mut client)?;
    // The name `vector` takes what is there,
    fails_with(
        &mut client,
        "CREATE EXTENSION vector SCHEMA pg_catalog",
        "extension \"vector_ext\" is in schema \"public\", not in",
    )?;
    client.batch_execute("CREATE EXTENSION vector")?;
    fails_with(
        &mut client,
        "CREATE EXTENSION vector_ext",
        "extension \"vector\" of this database has the access method",
    )?;
    // or makes it.
    let mut client = another(&cluster, "named")?;
    client.batch_execute("CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER bthandler")?;
    fails_with(
        &mut client,
        "CREATE EXTENSION vector",
        "access method \"hnsw\" already exists",
    )?;
    client.batch_execute("DROP ACCESS METHOD hnsw; CREATE EXTENSION vector")?;
    use_everything(&mut client)
}
