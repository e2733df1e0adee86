//! Soft errors (PostgreSQL 16 and later): asking whether a literal is valid does not throw.

use crate::support::Result;
use crate::support::cluster::Cluster;

#[test]
fn asking_whether_input_is_valid_does_not_throw() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    if cluster.installation().major() < 16 {
        assert!(client.query_one("SELECT 'x'::vector", &[]).is_err());
        return Ok(());
    }
    for (literal, kind, valid) in [
        ("[1,2]", "vector", true),
        ("[1,2]", "vector(2)", true),
        ("[1,2]", "vector(3)", false),
        ("x", "vector", false),
        ("[]", "vector", false),
        ("[1e99]", "vector", false),
        ("[nan]", "vector", false),
        ("[1,65519]", "halfvec(2)", true),
        ("[1,65520]", "halfvec", false),
        ("[1]", "halfvec(2)", false),
        ("[1,-128]", "int8vec(2)", true),
        ("[1,128]", "int8vec", false),
        ("[1.5]", "int8vec", false),
        ("{1:2}/3", "sparsevec(3)", true),
        ("{1:2}/3", "sparsevec(2)", false),
        ("{4:2}/3", "sparsevec", false),
    ] {
        let row = client.query_one("SELECT pg_input_is_valid($1, $2)", &[&literal, &kind])?;
        assert_eq!(row.get::<_, bool>(0), valid, "{literal} as {kind}");
    }
    let row = client.query_one(
        "SELECT message, detail, sql_error_code FROM pg_input_error_info('[1,2', 'vector')",
        &[],
    )?;
    assert_eq!(
        row.get::<_, &str>(0),
        "invalid input syntax for type vector: \"[1,2\""
    );
    assert_eq!(
        (row.get::<_, Option<&str>>(1), row.get::<_, &str>(2)),
        (None, "22P02")
    );
    let row = client.query_one("SELECT detail FROM pg_input_error_info('1', 'vector')", &[])?;
    assert_eq!(
        row.get::<_, &str>(0),
        "Vector contents must start with \"[\"."
    );
    Ok(())
}
