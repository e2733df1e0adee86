//! A type name means one thing in the crate.

mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sources::files;

/// The name of the type that a line defines. Associated types, which are indented, are none of their own.
fn defined(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub").unwrap_or(line);
    let line = match line.strip_prefix('(') {
        Some(rest) => rest.split_once(')')?.1,
        None => line,
    };
    let mut words = line
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    let keyword = line.trim_start().split(' ').next()?;
    if line.starts_with("    ") || !["struct", "enum", "trait", "type", "union"].contains(&keyword)
    {
        return None;
    }
    words.nth(1)
}

#[test]
fn a_type_name_is_defined_once() {
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        for name in text.lines().filter_map(defined) {
            let places = places.entry(name.to_owned()).or_default();
            // One of two definitions in a file is for some versions of Postgres, or some CPUs, alone.
            if places.last() != Some(&path) {
                places.push(path.clone());
            }
        }
    }
    assert!(places.len() > 100, "{} types", places.len());
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn names_of_the_standard_prelude_are_not_taken() {
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        for name in text.lines().filter_map(defined) {
            let taken = [
                "Copy", "From", "Into", "Iterator", "Option", "Ordering", "Result", "Some", "Vec",
            ];
            assert!(!taken.contains(&name), "{}: {name}", path.display());
        }
    }
}
