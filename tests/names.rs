//! A type name means one thing in the crate, and none of the standard prelude's.

mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sources::files;

/// Names that every Rust file knows, or that are read as if it did.
const PRELUDE: [&str; 47] = [
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Hash",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "Ordering",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Self",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// What a source text defines.
#[derive(Default)]
struct Defined {
    types: Vec<String>,
    /// Of enums.
    variants: Vec<String>,
}

/// What a brace opens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// What may hold definitions of types.
    Code,
    Enum,
    /// Its types are associated ones, which have the names of a trait.
    Associated,
    /// What defines nothing: the fields of a variant, or a macro, whose names are those of its callers.
    Nothing,
}

/// A text without comments, strings, characters and attributes.
fn stripped(text: &str) -> String {
    let (mut rest, mut out) = (text, String::new());
    while let Some(c) = rest.chars().next() {
        let is_word = out.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let skipped = comment(rest)
            .or_else(|| attribute(rest))
            .or_else(|| literal(rest).filter(|_| !is_word || c != 'r'));
        if skipped.is_none() {
            out.push(c);
        }
        rest = &rest[skipped.unwrap_or(c.len_utf8())..];
    }
    out
}

/// Bytes of the comment that a text begins with.
fn comment(text: &str) -> Option<usize> {
    let line = text.starts_with("//");
    line.then(|| text.find('\n').unwrap_or(text.len()))
}

/// Bytes of the attribute that a text begins with.
fn attribute(text: &str) -> Option<usize> {
    let start = ["#[", "#!["]
        .into_iter()
        .find(|start| text.starts_with(start))?;
    let (mut at, mut open) = (start.len(), 1);
    while open > 0 {
        let rest = text.get(at..)?;
        let c = rest.chars().next()?;
        open += i32::from(c == '[') - i32::from(c == ']');
        at += literal(rest).unwrap_or(c.len_utf8());
    }
    Some(at)
}

/// Bytes of the string or character that a text begins with.
fn literal(text: &str) -> Option<usize> {
    if let Some(raw) = text.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let string = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(2 + hashes + string.find(&end)? + end.len());
    }
    let quote = text.chars().next().filter(|c| "\"'".contains(*c))?;
    let mut inside = text.char_indices().skip(1);
    // What has no second quote is a lifetime.
    if quote == '\'' && !text.starts_with("'\\") {
        let (end, _) = inside.nth(1).filter(|(_, c)| *c == quote)?;
        return Some(end + 1);
    }
    while let Some((at, c)) = inside.next() {
        match c {
            '\\' => drop(inside.next()),
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The words of a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
    words.filter(|word| !word.is_empty())
}

/// What stands before a definition's name, without who may see it.
fn unqualified(head: &str) -> &str {
    let head = head.trim_start();
    let Some(rest) = head.strip_prefix("pub") else {
        return head;
    };
    match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(')').map_or("", |(_, rest)| rest),
        None => rest,
    }
    .trim_start()
}

/// The type that a text up to its brace or semicolon defines.
fn defined_type(head: &str) -> Option<&str> {
    let mut words = words(unqualified(head)).skip_while(|word| *word == "unsafe");
    let keyword = words.next()?;
    let is_type = ["struct", "enum", "trait", "type", "union"].contains(&keyword);
    let starts = unqualified(head)
        .trim_start_matches("unsafe ")
        .starts_with(keyword);
    words.next().filter(|_| is_type && starts)
}

/// What a brace opens after this text.
fn opened(head: &str, around: Block) -> Block {
    if around == Block::Nothing {
        return Block::Nothing;
    }
    let mut words = words(unqualified(head)).skip_while(|word| *word == "unsafe");
    match words.next() {
        Some("macro_rules") => Block::Nothing,
        Some("impl" | "trait") => Block::Associated,
        Some("enum") => Block::Enum,
        _ => Block::Code,
    }
}

/// Types and variants that a source text defines, those inside modules and functions too.
fn defined(text: &str) -> Defined {
    let (mut all, mut blocks) = (Defined::default(), vec![Block::Code]);
    // What has been read since the last brace, semicolon, or comma between variants, and how many brackets are open.
    let (mut head, mut open) = (String::new(), 0);
    for c in stripped(text).chars() {
        let around = blocks.last().copied().unwrap_or(Block::Code);
        let ends = open == 0 && ("{};".contains(c) || (c == ',' && around == Block::Enum));
        match c {
            '(' | '[' => open += 1,
            ')' | ']' => open -= 1,
            _ => {}
        }
        if !ends {
            if "{}".contains(c) {
                // A closure among arguments.
                open += if c == '{' { 1 } else { -1 };
            }
            head.push(c);
            continue;
        }
        match around {
            Block::Code => all.types.extend(defined_type(&head).map(str::to_owned)),
            Block::Enum => all.variants.extend(words(&head).next().map(str::to_owned)),
            Block::Associated | Block::Nothing => {}
        }
        match c {
            '{' if around == Block::Enum => blocks.push(Block::Nothing),
            '{' => blocks.push(opened(&head, around)),
            '}' => drop(blocks.pop()),
            _ => {}
        }
        head.clear();
    }
    all
}

/// All sources, with what each defines.
fn sources() -> Vec<(PathBuf, Defined)> {
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        (path, defined(&text))
    };
    all.into_iter().map(read).collect()
}

#[test]
fn definitions_are_seen_wherever_they_stand() {
    let all = defined(
        "pub(super) struct A<'a>(&'a str); // struct No;
        mod inner { union B { a: u8 } fn f() { let c = '{'; enum C { D(u8), E { f: u8 } , #[x = \"{\"] G = 2 } } }
        impl X for Y { type No = u8; } trait H { type No; } type I = u8;
        macro_rules! m { () => { struct $name; struct No; } }
        f(|x| { x }); unsafe trait J {} const K: &str = r#\"struct No; { \"#; struct L { m: u8 }",
    );
    assert_eq!(all.types, ["A", "B", "C", "H", "I", "J", "L"]);
    assert_eq!(all.variants, ["D", "E", "G"]);
}

#[test]
fn a_type_name_is_defined_once() {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (path, defined) in sources() {
        for name in defined.types {
            let places = places.entry(name).or_default();
            // One of two definitions in a file is for some versions of Postgres, or some CPUs, alone.
            if places.last() != Some(&path) {
                places.push(path.clone());
            }
        }
    }
    assert!(places.len() > 300, "{} types", places.len());
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn names_of_the_standard_prelude_are_not_taken() {
    let mut variants = 0;
    for (path, defined) in sources() {
        variants += defined.variants.len();
        for name in defined.types.iter().chain(&defined.variants) {
            let taken = PRELUDE.contains(&name.as_str());
            assert!(!taken, "{}: {name}", path.display());
        }
    }
    assert!(variants > 150, "{variants} variants");
}
