//! Every error that the code can make is raised once in `tests/pg_regress/sql/errors.sql`, or stands
//! here with the reason why no SQL raises it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;

/// The enums whose variants become errors of Postgres, as `errors.sql` calls them, and their files.
const ERRORS: [(&str, &str); 4] = [
    ("Failure", "src/pg/error/failure.rs"),
    ("Invalid", "src/vector/invalid.rs"),
    ("Error", "src/index/error.rs"),
    ("PageError", "src/page/mod.rs"),
];

/// What no SQL raises, and why.
const UNREACHABLE: [(&str, &str); 20] = [
    ("Failure::Value", "holds an Invalid"),
    ("Failure::Index", "holds an Error"),
    (
        "Failure::Backward",
        "the method says that it cannot, so Postgres keeps rows instead",
    ),
    (
        "Failure::NoOrder",
        "the planner takes no plan without ORDER BY where one costs less than infinity",
    ),
    (
        "Failure::Snapshot",
        "all that reads an index in order for SQL has an MVCC snapshot",
    ),
    (
        "Failure::BeyondTable",
        "takes an index whose file was changed: tests/server/hnsw/beyond.rs",
    ),
    (
        "Failure::InRecovery",
        "takes a standby: tests/server/ivfflat/rights.rs",
    ),
    ("Error::Page", "holds a PageError"),
    ("Error::Full", "takes four thousand million nodes"),
    (
        "Error::Cancelled",
        "Postgres reports the cancel itself: tests/server/methods/cancel.rs",
    ),
    (
        "Error::Dimensions",
        "becomes Invalid::DifferentDims or Invalid::DifferentBits",
    ),
    (
        "Error::Elements",
        "the type takes no more elements than an index does",
    ),
    (
        "Error::Recycled",
        "takes a standby whose primary frees pages that are read",
    ),
    ("Error::Memory", "the system has none"),
    ("PageError::Memory", "becomes Error::Memory"),
    ("Error::Threads", "the system refuses a thread"),
    ("Error::Spill", "the file system fails"),
    (
        "PageError::Order",
        "a fault of this code, not of what it is given",
    ),
    (
        "PageError::TooMany",
        "a fault of this code, not of what it is given",
    ),
    ("PageError::Crashed", "only pages in memory do"),
];

/// Variants of an enum with the text of their `#[error]`, by the layout that rustfmt gives them.
fn variants(name: &str, file: &str) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let code = fs::read_to_string(file)?;
    let body = code
        .split_once(&format!("pub enum {name} {{\n"))
        .and_then(|(_, rest)| rest.split_once("\n}\n"))
        .ok_or_else(|| format!("no enum {name} in {file}"))?
        .0;
    let (mut found, mut text, mut open) = (BTreeMap::new(), String::new(), false);
    for line in body.lines() {
        let indented = line.strip_prefix("    ").unwrap_or(line);
        open |= indented.starts_with("#[error(");
        if open {
            text.push_str(indented.trim());
            open = !indented.ends_with(")]");
        } else if indented.starts_with(|c: char| c.is_ascii_uppercase()) {
            let end = indented.find(|c: char| !c.is_alphanumeric());
            let variant = &indented[..end.unwrap_or(indented.len())];
            found.insert(format!("{name}::{variant}"), std::mem::take(&mut text));
        }
    }
    Ok(found)
}

/// The words of a format string between its arguments, as the compiler reads them.
fn words(attribute: &str) -> Vec<String> {
    let literal = attribute
        .split_once('"')
        .and_then(|(_, rest)| rest.rsplit_once('"'))
        .map_or("", |(literal, _)| literal);
    let literal = literal.replace("\\\"", "\"");
    let parts = literal.split(['{', '}']).step_by(2);
    parts
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// What psql printed below each line `-- Type::Variant`.
fn sections() -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let output = fs::read_to_string("tests/pg_regress/expected/errors.out")?;
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    let mut name = None;
    for line in output.lines() {
        if let Some(comment) = line.strip_prefix("-- ") {
            name = comment.contains("::").then(|| comment.to_owned());
            continue;
        }
        if let Some(name) = &name {
            let section = sections.entry(name.clone()).or_default();
            section.push_str(line);
            section.push('\n');
        }
    }
    Ok(sections)
}

#[test]
fn every_error_is_raised_by_the_regression_test_or_cannot_be() -> Result<(), Box<dyn Error>> {
    let raised = sections()?;
    let mut known = BTreeMap::new();
    for (name, file) in ERRORS {
        known.append(&mut variants(name, file)?);
    }
    assert!(known.len() > 40, "{known:#?}");
    for name in raised.keys() {
        assert!(known.contains_key(name), "{name} is no error any more");
        let reason = UNREACHABLE.iter().find(|(listed, _)| listed == name);
        assert!(reason.is_none(), "{name} is raised: {reason:?}");
    }
    for (name, _) in UNREACHABLE {
        assert!(known.contains_key(name), "{name} is no error any more");
    }
    for (name, attribute) in &known {
        if UNREACHABLE.iter().any(|(listed, _)| listed == name) {
            continue;
        }
        let section = raised
            .get(name)
            .unwrap_or_else(|| panic!("errors.sql does not raise {name}"));
        let said = |words: &[String]| {
            let is_told = |line: &&str| line.starts_with("ERROR:") || line.starts_with("DETAIL:");
            section
                .lines()
                .filter(is_told)
                .any(|line| words.iter().all(|word| line.contains(word)))
        };
        assert!(said(&[]), "no error below {name}");
        // The messages of Failure are made in code.
        if !name.starts_with("Failure::") && !name.ends_with("::SpillLimit") {
            assert!(said(&words(attribute)), "{name}: {attribute}\n{section}");
        }
    }
    Ok(())
}
