//! Prose is at most 120 characters wide: Markdown, and the comments of Rust files.

mod sources;

use std::fs;
use std::path::Path;

use sources::{files, files_of};

/// The most characters of a line.
const WIDTH: usize = 120;

/// Whether a line is too long and can be broken: a link or a path cannot.
fn is_too_long(line: &str) -> bool {
    let text = line.trim_start_matches(|c: char| c.is_whitespace() || "/!-*>".contains(c));
    line.chars().count() > WIDTH && text.trim_end().contains(' ')
}

fn is_table(text: &str) -> bool {
    text.trim_start().starts_with('|')
}

/// The numbers of the lines of Markdown that are too long. Tables and code cannot be broken.
fn long_prose(text: &str) -> Vec<usize> {
    let (mut found, mut is_code) = (Vec::new(), false);
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let is_prose = !is_code && !line.starts_with("    ") && !is_table(line);
        if is_prose && is_too_long(line) {
            found.push(number);
        }
    }
    found
}

/// The numbers of the lines of comments that are too long.
fn long_comments(text: &str) -> Vec<usize> {
    let is_comment = |line: &str| {
        let comment = line.trim_start().strip_prefix("//");
        comment.is_some_and(|rest| !is_table(rest.trim_start_matches(['/', '!'])))
    };
    let lines = text.lines().zip(1..);
    lines
        .filter(|(line, _)| is_comment(line) && is_too_long(line))
        .map(|(_, number)| number)
        .collect()
}

#[test]
fn prose_is_no_wider_than_a_page() {
    let (mut pages, mut sources) = (Vec::new(), Vec::new());
    files_of(Path::new("."), "md", &mut pages);
    files(Path::new("."), &mut sources);
    assert!(pages.len() > 20 && sources.len() > 100, "{pages:?}");
    // Programs write these, from the figures beside them.
    pages.retain(|page| !page.starts_with("./benches/results") || page.ends_with("README.md"));
    let mut long = Vec::new();
    for path in pages.iter().chain(&sources) {
        let text = fs::read_to_string(path).unwrap();
        let numbers = if pages.contains(path) {
            long_prose(&text)
        } else {
            long_comments(&text)
        };
        long.extend(numbers.into_iter().map(|number| (path, number)));
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_line_that_is_too_long_is_seen() {
    let long = "word ".repeat(25);
    assert_eq!(
        long_prose(&format!("short\n{long}\n| {long} |\n    {long}")),
        [2]
    );
    assert_eq!(long_prose(&format!("```\n{long}\n```\n- {long}")), [4]);
    assert!(long_prose(&format!("- {}", "link".repeat(40))).is_empty());
    let code = format!("let x = \"{long}\";\n    /// {long}\n//! | {long} |");
    assert_eq!(long_comments(&code), [2]);
}
