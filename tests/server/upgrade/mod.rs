//! `ALTER EXTENSION vector_ext UPDATE`: a database of the version before becomes what `CREATE EXTENSION` makes
//! today, and its tables, indexes and sessions do not notice.

use std::sync::Arc;

use postgres::Client;

use crate::catalogue::surface;
use crate::support::cluster::Cluster;
use crate::support::installation::Installation;
use crate::support::{Result, project};

/// The version that databases are updated from, and its script, which never changes.
const BEFORE: &str = "0.1.0";
const SCRIPT: &str = "tests/server/upgrade/vector_ext--0.1.0.sql";

/// Values of every type with an index of each kind, and what depends on the extension's objects.
const DATA: &str = "
CREATE TABLE items (id int PRIMARY KEY, v vector(8), h halfvec(8), i int8vec(8), s sparsevec(8), b bit(8));
INSERT INTO items SELECT n, v, v::halfvec, v::int8vec, v::sparsevec, binary_quantize(v) FROM
    (SELECT n, (SELECT array_agg(round(sin(n * k) * 100)) FROM generate_series(1, 8) k)::vector AS v
       FROM generate_series(1, 600) n) rows;
CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
CREATE INDEX items_h ON items USING hnsw (h halfvec_cosine_ops);
CREATE INDEX items_i ON items USING hnsw (i int8vec_ip_ops);
CREATE INDEX items_s ON items USING hnsw (s sparsevec_l1_ops);
CREATE INDEX items_b ON items USING hnsw (b bit_hamming_ops);
CREATE INDEX items_sorted ON items (v);
CREATE VIEW near AS SELECT id, v <-> '[1,1,1,1,1,1,1,1]' AS distance FROM items;
CREATE FUNCTION nearest(vector) RETURNS int LANGUAGE sql AS 'SELECT id FROM items ORDER BY v <=> $1, id LIMIT 1';";

/// Answers of each index, and of what depends on the extension.
const ANSWERS: &str = "
WITH one AS (SELECT * FROM items WHERE id = 7) SELECT concat_ws(E'\n',
    (SELECT string_agg(id::text, ' ') FROM (SELECT id FROM items ORDER BY v <-> (SELECT v FROM one) LIMIT 9) a),
    (SELECT string_agg(id::text, ' ') FROM (SELECT id FROM items ORDER BY h <=> (SELECT h FROM one) LIMIT 9) a),
    (SELECT string_agg(id::text, ' ') FROM (SELECT id FROM items ORDER BY i <#> (SELECT i FROM one) LIMIT 9) a),
    (SELECT string_agg(id::text, ' ') FROM (SELECT id FROM items ORDER BY s <+> (SELECT s FROM one) LIMIT 9) a),
    (SELECT string_agg(id::text, ' ') FROM (SELECT id FROM items ORDER BY b <~> (SELECT b FROM one) LIMIT 9) a),
    (SELECT string_agg(id::text, ' ') FROM (SELECT id FROM items ORDER BY v LIMIT 9) a),
    (SELECT sum(distance)::text FROM near), nearest('[1,2,3,4,5,6,7,8]'),
    (SELECT avg(v)::text FROM items), (SELECT sum(h)::text FROM items))";

/// Problems that the checks of all indexes find.
const PROBLEMS: &str = "SELECT count(*)::text FROM
    unnest('{items_v,items_h,items_i,items_s,items_b}'::regclass[]) i, vector_index_check(i)";

/// Indexes that the version before could not make.
const LISTS: &str = "
CREATE INDEX lists_v ON items USING ivfflat (v) WITH (lists = 5);
CREATE INDEX lists_h ON items USING ivfflat (h halfvec_cosine_ops);
CREATE INDEX lists_i ON items USING ivfflat (i int8vec_l2_ops) WITH (lists = 3, bits = 8)";

fn one(client: &mut Client, query: &str) -> Result<String> {
    Ok(client.query_one(query, &[])?.get(0))
}

/// What one surface has and the other has not.
fn assert_same_surface(found: &mut Client, wanted: &mut Client, extension: &str) -> Result<()> {
    let (found, wanted) = (surface(found, extension)?, surface(wanted, extension)?);
    assert!(wanted.len() > 1_000, "only {} rows", wanted.len());
    let more: Vec<&String> = found.difference(&wanted).collect();
    let less: Vec<&String> = wanted.difference(&found).collect();
    assert!(
        more.is_empty() && less.is_empty(),
        "the update script makes something else than the script of today: more {more:#?}, less {less:#?}"
    );
    Ok(())
}

#[test]
fn an_updated_database_is_as_a_new_one_and_keeps_its_data() -> Result<()> {
    let installation = Installation::from_env()?;
    installation.add_script(&project(SCRIPT))?;
    let cluster = Cluster::with_settings(Arc::new(installation), &["fsync = off"])?;
    cluster.run("createdb", &["before"])?;
    let mut client = cluster.connect_to("before")?;
    client.batch_execute(&format!("CREATE EXTENSION vector_ext VERSION '{BEFORE}'"))?;
    client.batch_execute(DATA)?;
    client.batch_execute("SET enable_seqscan = off; SET enable_sort = off")?;
    let answers = one(&mut client, ANSWERS)?;
    assert_eq!(answers.lines().count(), 10, "{answers}");
    // A session that is open meanwhile goes on.
    let mut other = cluster.connect_to("before")?;
    other.batch_execute("SET enable_seqscan = off; SET enable_sort = off")?;
    assert_eq!(one(&mut other, ANSWERS)?, answers);

    client.batch_execute("ALTER EXTENSION vector_ext UPDATE")?;
    let version = "SELECT extversion FROM pg_extension WHERE extname = 'vector_ext'";
    assert_eq!(one(&mut client, version)?, env!("CARGO_PKG_VERSION"));
    for session in [&mut client, &mut other] {
        assert_eq!(one(session, ANSWERS)?, answers);
    }
    assert_eq!(one(&mut client, PROBLEMS)?, "0");
    // What the version before did not have.
    client.batch_execute(LISTS)?;
    for statement in [
        "DELETE FROM items WHERE id % 3 = 0",
        "VACUUM items",
        "INSERT INTO items SELECT id + 1000, v, h, i, s, b FROM items",
        "REINDEX TABLE items",
    ] {
        client.batch_execute(statement)?;
    }
    assert_eq!(one(&mut client, PROBLEMS)?, "0");
    for problems in ["lists_v", "lists_h", "lists_i"] {
        let check = format!("SELECT count(*)::text FROM vector_index_check('{problems}')");
        assert_eq!(one(&mut client, &check)?, "0", "{problems}");
    }
    client.batch_execute("DROP INDEX items_v, items_h, items_i")?;
    for (column, operator) in [("v", "<->"), ("h", "<=>"), ("i", "<->")] {
        let nearest = format!(
            "WITH one AS (SELECT * FROM items WHERE id = 7) SELECT string_agg((n.{column} = one.{column})::int::text, ' ')
               FROM one, LATERAL (SELECT {column} FROM items ORDER BY {column} {operator} one.{column} LIMIT 3) n"
        );
        assert!(one(&mut client, &nearest)?.starts_with('1'), "{column}");
    }

    let mut new = cluster.connect()?;
    new.batch_execute("CREATE EXTENSION vector_ext")?;
    assert_same_surface(&mut client, &mut new, "vector_ext")
}

/// Under the name `vector` the script runs over the surface of today as well.
#[test]
fn the_update_may_be_made_twice() -> Result<()> {
    let installation = Installation::from_env()?.with_shim()?;
    let cluster = Cluster::with_settings(Arc::new(installation), &["fsync = off"])?;
    let mut sessions = Vec::new();
    for version in ["0.8.5", "0.8.7"] {
        cluster.run("createdb", &[version])?;
        let mut client = cluster.connect_to(version)?;
        client.batch_execute(&format!("CREATE EXTENSION vector VERSION '{version}'"))?;
        client.batch_execute("ALTER EXTENSION vector UPDATE")?;
        sessions.push(client);
    }
    let [updated, new] = &mut sessions[..] else {
        return Err("two sessions were opened".into());
    };
    assert_same_surface(updated, new, "vector")
}
