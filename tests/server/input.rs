//! Bad input gets the documented error; the session goes on and nothing is lost.

use std::io::Write as _;

use postgres::Client;
use postgres::error::SqlState;

use crate::support::Result;
use crate::support::cluster::Cluster;

/// The SQLSTATE and message of a statement that must fail; the session must then still work.
fn failure(client: &mut Client, statement: &str) -> Result<(SqlState, String)> {
    let shown: String = statement.chars().take(80).collect();
    let Err(error) = client.batch_execute(statement) else {
        return Err(format!("should fail: {shown}").into());
    };
    let error = error
        .as_db_error()
        .ok_or(format!("lost the session at {shown}"))?;
    let result = (error.code().clone(), error.message().to_owned());
    assert_eq!(
        client
            .query_one("SELECT vector_dims('[1,2]'::vector)", &[])?
            .get::<_, i32>(0),
        2
    );
    Ok(result)
}

#[test]
fn a_megabyte_of_garbage_is_a_syntax_error() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    for garbage in [
        "x",
        "[",
        "[1,",
        "1,",
        "[[",
        "0x",
        "[1e",
        "[\u{1F980}",
        "[-",
        "]",
    ] {
        let text = garbage.repeat(1 << 20 >> garbage.len().ilog2());
        let (code, message) = failure(&mut client, &format!("SELECT '{text}'::vector"))?;
        assert_eq!(code, SqlState::INVALID_TEXT_REPRESENTATION, "{garbage}");
        assert!(
            message.starts_with("invalid input syntax for type vector: \""),
            "{garbage}"
        );
    }
    let many = "1,".repeat(500_000);
    let (code, message) = failure(&mut client, &format!("SELECT '[{many}1]'::vector"))?;
    assert_eq!(code, SqlState::PROGRAM_LIMIT_EXCEEDED);
    assert_eq!(message, "vector cannot have more than 16000 dimensions");
    Ok(())
}

/// One row of binary COPY with `field` as its only column.
pub fn copy_binary(client: &mut Client, field: &[u8]) -> Result<Option<(SqlState, String)>> {
    let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01".to_vec();
    bytes.extend_from_slice(&u32::try_from(field.len())?.to_be_bytes());
    bytes.extend_from_slice(field);
    bytes.extend_from_slice(&[0xff, 0xff]);
    let mut sink = client.copy_in("COPY items FROM STDIN (FORMAT BINARY)")?;
    sink.write_all(&bytes)?;
    match sink.finish() {
        Ok(_) => Ok(None),
        Err(error) => {
            let error = error.as_db_error().ok_or("lost the session")?;
            Ok(Some((error.code().clone(), error.message().to_owned())))
        }
    }
}

/// `[1,-2.5]` in binary form.
const GOOD: [u8; 12] = [0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0];

#[test]
fn binary_input_is_checked_to_the_last_byte() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    client.batch_execute("CREATE TABLE items (v vector(2))")?;
    let good = GOOD;
    assert_eq!(copy_binary(&mut client, &good)?, None);
    let data = SqlState::DATA_EXCEPTION;
    let nan = [0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0x7f, 0xc0, 0, 0];
    let infinite = [0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xff, 0x80, 0, 0];
    let garbage = vec![0xA5; 1 << 20];
    let cases: [(&[u8], &SqlState, &str); 9] = [
        (
            &good[..11],
            &SqlState::PROTOCOL_VIOLATION,
            "insufficient data left in message",
        ),
        (
            &good[..3],
            &SqlState::PROTOCOL_VIOLATION,
            "insufficient data left in message",
        ),
        (
            &[],
            &SqlState::PROTOCOL_VIOLATION,
            "insufficient data left in message",
        ),
        (
            &[0, 0, 0, 0],
            &data,
            "vector must have at least 1 dimension",
        ),
        (
            &[0, 1, 0, 0, 0, 0, 0, 0],
            &data,
            "expected 2 dimensions, not 1",
        ),
        (
            &[0, 2, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0],
            &data,
            "expected unused to be 0, not 9",
        ),
        (&nan, &data, "NaN not allowed in vector"),
        (&infinite, &data, "infinite value not allowed in vector"),
        (
            &garbage,
            &SqlState::PROGRAM_LIMIT_EXCEEDED,
            "vector cannot have more than 16000 dimensions",
        ),
    ];
    for (field, code, message) in cases {
        assert_eq!(
            copy_binary(&mut client, field)?,
            Some((code.clone(), message.to_owned()))
        );
    }
    let rows = client.query("SELECT v::text FROM items", &[])?;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, String>(0), "[1,-2.5]");
    Ok(())
}

#[test]
fn binary_input_with_more_behind_it_is_refused() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    client.batch_execute("CREATE TABLE items (v vector(2))")?;
    for extra in [1, 4, 1 << 20] {
        let field = [&GOOD[..], &vec![0xA5; extra]].concat();
        let (code, _) = copy_binary(&mut client, &field)?.ok_or("trailing bytes were taken")?;
        assert_eq!(
            code,
            SqlState::INVALID_BINARY_REPRESENTATION,
            "{extra} bytes more"
        );
    }
    assert!(client.query("SELECT v FROM items", &[])?.is_empty());
    Ok(())
}

/// Compressed, short and out-of-line values are read as plain ones are.
#[test]
fn every_storage_form_of_a_value_reads_the_same() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "CREATE TABLE items (id int, v vector);
         INSERT INTO items SELECT n, (SELECT array_agg(d % 3) FROM generate_series(1, n) d)::vector
           FROM unnest(ARRAY[1, 2, 29, 30, 31, 400, 500, 600, 2000, 16000]) n;
         CREATE TABLE packed (LIKE items);
         ALTER TABLE packed ALTER v SET STORAGE main;
         INSERT INTO packed SELECT * FROM items",
    )?;
    let row = client.query_one(
        "SELECT bool_and(i.v = p.v AND vector_dims(p.v) = i.id AND (i.v <-> p.v) = 0
                         AND i.v::text = p.v::text AND vector_send(i.v) = vector_send(p.v)),
                count(*), min(pg_column_size(p.v)), bool_or(pg_column_size(p.v) < p.id * 4)
           FROM items i JOIN packed p USING (id)",
        &[],
    )?;
    assert!(row.get::<_, bool>(0) && row.get::<_, i64>(1) == 10);
    assert_eq!(
        row.get::<_, i32>(2),
        9,
        "one dimension is stored with a short header"
    );
    assert!(row.get::<_, bool>(3), "no value was compressed");
    client.batch_execute("CREATE INDEX ON packed (v) WHERE id < 500")?;
    Ok(())
}
