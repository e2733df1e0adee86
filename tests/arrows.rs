//! Who may import whom: the arrows of `src/README.md`.

mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sources::files;

/// The rooms that a room may import, besides itself. A room that is not listed imports nothing.
const ARROWS: [(&str, &[&str]); 22] = [
    ("vector", &[]),
    ("page", &[]),
    ("index", &["page"]),
    ("bulk", &["index", "page"]),
    (
        "cluster",
        &["bulk", "distance", "index", "page", "quantize"],
    ),
    ("distance", &["vector"]),
    ("search", &[]),
    ("quantize", &["distance"]),
    (
        "values",
        &["distance", "index", "page", "quantize", "vector"],
    ),
    (
        "hnsw",
        &[
            "bulk", "distance", "index", "page", "quantize", "search", "values", "vector",
        ],
    ),
    (
        "ivf",
        &[
            "bulk", "cluster", "index", "page", "quantize", "search", "values", "vector",
        ],
    ),
    ("pg", &[]),
    ("pg/backtrace", &[]),
    ("pg/memory", &[]),
    ("pg/error", &["index", "page", "vector"]),
    ("pg/guc", &["distance"]),
    (
        "pg/storage",
        &["bulk", "distance", "index", "page", "pg/error", "pg/memory"],
    ),
    ("pg/types", &["distance", "pg/error", "pg/guc", "vector"]),
    (
        "pg/am",
        &[
            "bulk",
            "distance",
            "hnsw",
            "index",
            "ivf",
            "pg/error",
            "pg/storage",
            "pg/types",
            "quantize",
            "search",
            "values",
            "vector",
        ],
    ),
    ("pg/discard", &["pg/am"]),
    ("pg/plan", &["pg/am", "pg/error", "pg/storage"]),
    (
        "pg/admin",
        &["index", "pg/am", "pg/error", "pg/storage", "pg/types"],
    ),
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

/// The rooms that a source text names by `crate::room`, `crate::pg::room` or `crate::{a, b}`.
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
        } else if let Some(inner) = rest.strip_prefix("pg::") {
            found.push(format!("pg/{}", word(inner)));
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
            assert!(
                import == room || allowed.contains(&import.as_str()),
                "{}: room {room} may not import {import}",
                path.display()
            );
        }
    }
}

/// The same inside `pg/am`. Doors, which are generic, never know a method: only the registry names them.
const METHODS: [(&str, &[&str]); 23] = [
    ("method", &[]),
    ("column", &[]),
    ("counters", &["method"]),
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
    ("vacuum", &["heap", "method", "opened"]),
    (
        "routine",
        &["build", "cost", "insert", "method", "scan", "vacuum"],
    ),
    ("dense", &[]),
    ("shown", &["method"]),
    ("everything", &["method"]),
    ("iterative", &[]),
    ("opclass", &["column"]),
    (
        "hnsw",
        &[
            "dense",
            "everything",
            "iterative",
            "left_out",
            "method",
            "opclass",
            "routine",
            "shown",
        ],
    ),
    (
        "ivfflat",
        &[
            "dense",
            "everything",
            "filter",
            "iterative",
            "method",
            "opclass",
            "routine",
            "shown",
        ],
    ),
    (
        "registry",
        &["build", "cost", "hnsw", "ivfflat", "method", "opened"],
    ),
    // Gives to other rooms what they may use.
    ("mod", &[]),
];

#[test]
fn doors_do_not_know_a_method() {
    let wrong = wrong_imports("src/pg/am", "crate::pg::am::", &METHODS).unwrap();
    assert_eq!(wrong, Vec::<String>::new());
    let mut all = Vec::new();
    files(Path::new("src/pg/am"), &mut all);
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        let of = |method: &str| path.starts_with(format!("src/pg/am/{method}"));
        let (graph, lists) = (of("hnsw"), of("ivfflat"));
        for line in text.lines().map(code) {
            assert!(
                (graph || !line.contains("crate::hnsw")) && (lists || !line.contains("crate::ivf")),
                "{}: a door knows a method",
                path.display()
            );
        }
    }
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Imports between the parts of a room that are not along the arrows, or that cannot be seen.
fn wrong_imports(
    folder: &str,
    prefix: &str,
    arrows: &[(&str, &[&str])],
) -> std::io::Result<Vec<String>> {
    let arrows: BTreeMap<_, _> = arrows.iter().copied().collect();
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    files(Path::new(folder), &mut all);
    for path in &all {
        let inside = path.strip_prefix(folder).unwrap_or(path).with_extension("");
        let part = inside.iter().next().unwrap_or_default().to_string_lossy();
        let Some(allowed) = arrows.get(&*part) else {
            wrong.push(format!("no arrow for {folder}/{part}"));
            continue;
        };
        let text = fs::read_to_string(path)?;
        for line in text.lines().map(code) {
            let found = line.match_indices(prefix);
            for (_, rest) in found.map(|(at, found)| line.split_at(at + found.len())) {
                let word = rest
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next();
                let word = word.unwrap_or_default();
                if word != part && !allowed.contains(&word) {
                    let path = path.display();
                    wrong.push(format!("{path}: {folder}/{part} may not import {word}"));
                }
            }
            if line.contains("super::super") {
                let path = path.display();
                wrong.push(format!(
                    "{path}: name it from crate on, so that its arrow is seen"
                ));
            }
        }
    }
    if all.len() < 20 {
        wrong.push(format!("{} files in {folder}", all.len()));
    }
    Ok(wrong)
}

/// The same inside `hnsw`, whose parts lie one on another.
const GRAPH: [(&str, &[&str]); 12] = [
    ("nodes", &[]),
    ("row", &[]),
    ("options", &["nodes"]),
    ("spaces", &["nodes", "options"]),
    ("index", &["nodes", "options", "spaces"]),
    ("find", &["index", "nodes", "row", "spaces"]),
    ("change", &["find", "index", "nodes", "spaces"]),
    ("outline", &["index", "nodes", "row", "spaces"]),
    (
        "builder",
        &["change", "index", "nodes", "options", "spaces"],
    ),
    ("census", &["index", "nodes", "spaces"]),
    ("check", &["index", "nodes", "spaces"]),
    // Gives to other rooms what they may use.
    ("mod", &[]),
];

#[test]
fn parts_of_the_graph_import_only_along_the_arrows() {
    let wrong = wrong_imports("src/hnsw", "crate::hnsw::", &GRAPH).unwrap();
    assert_eq!(wrong, Vec::<String>::new());
}

/// Calls of Postgres that only one room makes, by how their names begin. Clippy forbids those of the bindings
/// (`clippy.toml`); declarations of our own are seen here.
const CALLS: [&str; 13] = [
    "ReadBuffer",
    "LockBuffer",
    "ReleaseBuffer",
    "UnlockReleaseBuffer",
    "MarkBufferDirty",
    "BufferGet",
    "ExtendBuffered",
    "GenericXLog",
    "log_newpage",
    "XLogBeginInsert",
    "XLogInsert",
    "XLogRegister",
    "CritSectionCount",
];

/// A call of the buffer manager or of the log that a source text names.
fn buffer_call(text: &str) -> Option<&'static str> {
    let mut words = text
        .lines()
        .flat_map(|line| code(line).split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.find_map(|word| CALLS.into_iter().find(|call| word.starts_with(call)))
}

#[test]
fn only_pg_storage_calls_the_buffer_manager_and_the_log() {
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    for path in all.iter().filter(|path| room(path) != "pg/storage") {
        let call = buffer_call(&fs::read_to_string(path).unwrap());
        assert_eq!(call, None, "{}", path.display());
    }
    assert!(buffer_call("fn XLogInsert(rmgr: u8);").is_some());
    assert!(buffer_call("// as MarkBufferDirty does").is_none());
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
        ["pg/x", "vector", "distance"]
    );
    assert_eq!(
        imports("// use crate::pg;\nlet x = crate::page::Page;"),
        ["page"]
    );
    assert_eq!(room(Path::new("src/pg/types/io.rs")), "pg/types");
    assert_eq!(room(Path::new("src/pg/mod.rs")), "pg");
    assert_eq!(room(Path::new("src/vector/mod.rs")), "vector");
}
