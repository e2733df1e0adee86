//! Dump and restore give identical tables.

use crate::support::Result;
use crate::support::cluster::Cluster;

const TABLES: &str = "
CREATE TABLE items (id int PRIMARY KEY, v vector(3) DEFAULT '[0,0,0]', free vector, a vector(2)[]);
INSERT INTO items VALUES
    (1, '[1,2,3]', '[1e-45]', ARRAY['[1,2]', '[3,4]']::vector[]),
    (2, '[-0,3.4028235e38,1.17549435e-38]', NULL, NULL),
    (3, NULL, '[0.1,0.2,0.3,0.4]', '{}');
INSERT INTO items (id, free)
    SELECT 10 + i, (SELECT array_agg(random()) FROM generate_series(1, 1 + i * 20) WHERE i > 0)::vector
      FROM generate_series(1, 100) i;
CREATE INDEX ON items (v);
CREATE VIEW near AS SELECT id, v <-> '[1,1,1]' AS distance FROM items;
CREATE FUNCTION nearest(vector) RETURNS int LANGUAGE sql AS
    'SELECT id FROM items ORDER BY v <=> $1, id LIMIT 1';
";

/// Every row, byte for byte, and the column types.
const CONTENT: &str = "SELECT
    (SELECT md5(string_agg(concat_ws('|', id, vector_send(v), vector_send(free), a), E'\n' ORDER BY id))
       FROM items),
    (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
       FROM pg_attribute WHERE attrelid = 'items'::regclass AND attnum > 0),
    (SELECT md5(string_agg(n::text, ',' ORDER BY id)) FROM near n),
    nearest('[1,2,4]')";

#[test]
fn plain_and_custom_dumps_restore_identical_tables() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.run("createdb", &["source"])?;
    let mut client = cluster.connect_to("source")?;
    client.batch_execute("CREATE EXTENSION vector_ext")?;
    client.batch_execute(TABLES)?;
    let source = cluster.text_in("source", CONTENT)?;
    assert!(
        source.contains("v vector(3), free vector, a vector(2)[]"),
        "{source}"
    );

    let path = |name: &str| cluster.socket().join(name).display().to_string();
    let (plain, custom) = (path("plain.sql"), path("custom.dump"));
    cluster.run("pg_dump", &["-f", &plain, "source"])?;
    cluster.run("createdb", &["plain"])?;
    cluster.run(
        "psql",
        &["-X", "-v", "ON_ERROR_STOP=1", "-f", &plain, "plain"],
    )?;
    assert_eq!(cluster.text_in("plain", CONTENT)?, source);

    cluster.run("pg_dump", &["-Fc", "-f", &custom, "source"])?;
    cluster.run("createdb", &["custom"])?;
    cluster.run("pg_restore", &["--exit-on-error", "-d", "custom", &custom])?;
    assert_eq!(cluster.text_in("custom", CONTENT)?, source);
    Ok(())
}
