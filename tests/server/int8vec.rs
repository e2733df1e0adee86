//! The type `int8vec`, whole: what it takes on disk, and what copies and dumps of it give.

use crate::support::Result;
use crate::support::cluster::Cluster;

/// Every row, byte for byte, and the column's type.
const CONTENT: &str = "SELECT
    (SELECT md5(string_agg(id || ' ' || coalesce(encode(int8vec_send(v), 'hex'), '-'), E'\n' ORDER BY id)) FROM items),
    (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'v'),
    (SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 7), id OFFSET 1 LIMIT 1)";

/// Rows with every element that there is.
const ROWS: &str = "INSERT INTO items SELECT n, array_agg(((n * 31 + i * 17 + i * i * n) % 256 - 128)::smallint)::int8vec
      FROM generate_series(1, 500) n, generate_series(1, 768) i GROUP BY n;
    INSERT INTO items VALUES (0, NULL)";

#[test]
fn a_table_of_int8vec_is_a_quarter_of_one_of_vector() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    client.batch_execute(&format!(
        "CREATE TABLE items (id int, v int8vec(768)); {ROWS};
         CREATE TABLE wide (id int, v vector(768)); ALTER TABLE wide ALTER v SET STORAGE plain;
         INSERT INTO wide SELECT id, v FROM items"
    ))?;
    let size = |name: &str| cluster.text(&format!("SELECT pg_total_relation_size('{name}')"));
    let (small, wide): (f64, f64) = (size("items")?.parse()?, size("wide")?.parse()?);
    // Both lie in their tables uncompressed: a page holds ten rows of one and two of the other.
    assert!(small / wide < 0.26, "{small} of {wide}");
    let value = "SELECT max(pg_column_size(v)) FROM";
    assert_eq!(cluster.text(&format!("{value} items"))?, "776");
    assert_eq!(cluster.text(&format!("{value} wide"))?, "3080");
    Ok(())
}

#[test]
fn copies_and_dumps_of_int8vec_are_the_same_byte_for_byte() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.run("createdb", &["source"])?;
    let mut client = cluster.connect_to("source")?;
    client.batch_execute(&format!(
        "CREATE EXTENSION vector_ext; CREATE TABLE items (id int PRIMARY KEY, v int8vec(768)); {ROWS}"
    ))?;
    let source = cluster.text_in("source", CONTENT)?;
    assert!(source.contains("int8vec(768)"), "{source}");

    for format in ["text", "csv", "binary"] {
        let file = cluster.socket().join(format).display().to_string();
        client.batch_execute(&format!(
            "COPY items TO '{file}' (FORMAT {format}); TRUNCATE items; COPY items FROM '{file}' (FORMAT {format})"
        ))?;
        assert_eq!(cluster.text_in("source", CONTENT)?, source, "{format}");
    }
    let refused = client.batch_execute(
        "CREATE TABLE short (id int, v int8vec(767));
         INSERT INTO short SELECT id, v FROM items",
    );
    let refused = refused.map_err(|error| error.as_db_error().map(|e| e.message().to_owned()));
    assert_eq!(
        refused,
        Err(Some("expected 767 dimensions, not 768".to_owned()))
    );

    let dump = cluster.socket().join("items.dump").display().to_string();
    cluster.run("pg_dump", &["-Fc", "-f", &dump, "source"])?;
    cluster.run("createdb", &["target"])?;
    cluster.run("pg_restore", &["--exit-on-error", "-d", "target", &dump])?;
    assert_eq!(cluster.text_in("target", CONTENT)?, source);
    Ok(())
}
