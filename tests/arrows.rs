//! Who may import whom: the arrows of `src/README.md`.

mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sources::files;

/// The rooms that a room may import, besides itself. A room that is not listed imports nothing.
const ARROWS: [(&str, &[&str]); 19] = [
    ("vector", &[]),
    ("page", &[]),
    ("index", &["page"]),
    ("bulk", &["index", "page"]),
    ("distance", &["vector"]),
    ("search", &["distance"]),
    ("quantize", &["distance", "vector"]),
    (
        "hnsw",
        &[
            "bulk", "index", "search", "quantize", "page", "distance", "vector",
        ],
    ),
    ("pg", &["vector", "distance"]),
    ("pg/backtrace", &[]),
    ("pg/error", &["index", "page", "vector"]),
    ("pg/guc", &["distance"]),
    ("pg/memory", &[]),
    ("pg/storage", &["bulk", "distance", "index", "page"]),
    (
        "pg/am",
        &[
            "bulk", "distance", "hnsw", "index", "page", "pg", "search", "vector",
        ],
    ),
    ("pg/discard", &["pg"]),
    ("pg/plan", &["pg"]),
    ("pg/admin", &["hnsw", "index", "page", "pg", "search"]),
    ("pg/types", &["pg", "vector", "distance"]),
];

/// `src/pg/types/io.rs` lies in the room `pg/types`, `src/vector/text.rs` in `vector`.
fn room(path: &Path) -> String {
    let path = path.strip_prefix("src").unwrap_or(path).with_extension("");
    let parts: Vec<_> = path
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let depth = if parts[0] == "pg" && parts.get(1).is_some_and(|p| p != "mod") {
        2
    } else {
        1
    };
    parts[..depth].join("/")
}

/// The rooms that a source text names by `crate::room` or `crate::{a, b}`.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if code[..at].ends_with('$') || code[..at].ends_with(|c: char| c.is_alphanumeric()) {
            continue;
        }
        if let Some(list) = rest.strip_prefix('{') {
            found.extend(
                list.split('}')
                    .next()
                    .unwrap_or_default()
                    .split(',')
                    .map(word),
            );
        } else {
            found.push(word(rest));
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn rooms_import_only_along_the_arrows() {
    let arrows: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    assert!(
        all.len() > 10,
        "the sources are not where they are looked for"
    );
    for path in all {
        let room = room(&path);
        if room == "lib" {
            continue;
        }
        let allowed = arrows
            .get(room.as_str())
            .unwrap_or_else(|| panic!("no arrow for room {room}"));
        for import in imports(&fs::read_to_string(&path).unwrap()) {
            let inside = room.split('/').next() == Some(import.as_str());
            assert!(
                inside || allowed.contains(&import.as_str()),
                "{}: room {room} may not import {import}",
                path.display()
            );
        }
    }
}

/// The same inside `pg/am`. Doors, which are generic, never know a method: only the registry names them.
const METHODS: [(&str, &[&str]); 17] = [
    ("method", &[]),
    ("column", &[]),
    ("counters", &[]),
    ("passes", &[]),
    ("left_out", &["method"]),
    ("opened", &["method"]),
    ("cost", &["column", "method"]),
    ("heap", &["method", "passes"]),
    (
        "filter",
        &["counters", "heap", "method", "opened", "passes"],
    ),
    (
        "scan",
        &["counters", "filter", "heap", "method", "opened", "passes"],
    ),
    ("build", &["heap", "method", "opened"]),
    ("insert", &["method", "opened"]),
    ("vacuum", &["method", "opened"]),
    (
        "routine",
        &["build", "cost", "insert", "method", "scan", "vacuum"],
    ),
    (
        "hnsw",
        &["column", "left_out", "method", "routine", "value"],
    ),
    ("registry", &["build", "cost", "hnsw", "method", "opened"]),
    // Gives to other rooms what they may use.
    ("mod", &[]),
];

#[test]
fn doors_do_not_know_a_method() {
    let arrows: BTreeMap<_, _> = METHODS.into_iter().collect();
    let folder = Path::new("src/pg/am");
    let mut all = Vec::new();
    files(folder, &mut all);
    assert!(all.len() > 20, "{all:?}");
    for path in all {
        let inside = path.strip_prefix(folder).unwrap().with_extension("");
        let part = inside.iter().next().unwrap().to_string_lossy().into_owned();
        let allowed = arrows
            .get(part.as_str())
            .unwrap_or_else(|| panic!("no arrow for pg/am/{part}"));
        let text = fs::read_to_string(&path).unwrap();
        let code = text
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default());
        for line in code {
            for (_, rest) in line
                .match_indices("crate::pg::am::")
                .map(|(at, found)| line.split_at(at + found.len()))
            {
                let word = rest
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap();
                assert!(
                    word == part || allowed.contains(&word),
                    "{}: pg/am/{part} may not import {word}",
                    path.display()
                );
            }
            assert!(
                part == "hnsw" || !line.contains("crate::hnsw"),
                "{}: a door knows the graph",
                path.display()
            );
            assert!(
                !line.contains("super::super"),
                "{}: name it from crate on, so that its arrow is seen",
                path.display()
            );
        }
    }
}

/// Calls of Postgres that only one room makes, by how their names begin.
const CALLS: [&str; 9] = [
    "ReadBuffer",
    "LockBuffer",
    "ReleaseBuffer",
    "UnlockReleaseBuffer",
    "MarkBufferDirty",
    "BufferGet",
    "ExtendBuffered",
    "GenericXLog",
    "log_newpage",
];

#[test]
fn only_pg_storage_calls_the_buffer_manager_and_the_log() {
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        for call in CALLS {
            assert!(
                room(&path) == "pg/storage" || !text.contains(&format!("pg_sys::{call}")),
                "{}: {call}",
                path.display()
            );
        }
    }
}

#[test]
fn only_pg_knows_postgres() {
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    assert!(
        all.len() > 10,
        "the sources are not where they are looked for"
    );
    for path in all.iter().filter(|path| !path.starts_with("src/pg")) {
        let text = fs::read_to_string(path).unwrap();
        assert!(
            !text.contains("pgrx") && !text.contains("pg_sys"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_forbidden_import_is_seen() {
    assert_eq!(
        imports("use crate::pg::x;\nuse crate::{vector, distance::simd};"),
        ["pg", "vector", "distance"]
    );
    assert_eq!(
        imports("// use crate::pg;\nlet x = crate::page::Page;"),
        ["page"]
    );
    assert_eq!(room(Path::new("src/pg/types/io.rs")), "pg/types");
    assert_eq!(room(Path::new("src/pg/mod.rs")), "pg");
    assert_eq!(room(Path::new("src/vector/mod.rs")), "vector");
}
