//! The SQL of README, run as a reader would paste it, and compared with the answers that README shows.

use std::fmt::Write as _;
use std::fs;

use crate::support::cluster::{Cluster, succeed};
use crate::support::{Result, project};

/// A fenced block of Markdown.
struct Block<'t> {
    /// Its language.
    of: &'t str,
    text: String,
}

/// The fenced blocks of a text, in order.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for line in text.lines() {
        if let Some(of) = line.strip_prefix("```") {
            if let Some(block) = open.take() {
                found.push(block);
            } else {
                let text = String::new();
                open = Some(Block { of, text });
            }
        } else if let Some(block) = &mut open {
            block.text.push_str(line.trim_end());
            block.text.push('\n');
        }
    }
    found
}

/// Stands between the outputs of two blocks.
const NEXT: &str = "-- next block";

#[test]
fn every_command_of_the_readme_does_what_it_says() -> Result<()> {
    let readme = fs::read_to_string(project("README.md"))?;
    let blocks = blocks(&readme);
    let commands = || blocks.iter().filter(|block| block.of == "sql");
    let mut script = String::new();
    for block in commands() {
        writeln!(script, "{}\\echo '{NEXT}'", block.text)?;
    }
    let cluster = Cluster::quick()?;
    let file = cluster.socket().join("readme.sql");
    fs::write(&file, script)?;
    let mut psql = cluster.command("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f"])
        .arg(&file);
    let output = String::from_utf8(succeed(&mut psql)?.stdout)?;

    let output: Vec<&str> = output.lines().map(str::trim_end).collect();
    let answers: Vec<String> = output
        .split(|line| *line == NEXT)
        .map(|lines| lines.join("\n").trim().to_owned())
        .collect();
    assert_eq!(answers.len(), commands().count() + 1);
    let mut compared = 0;
    let mut answers = answers.iter();
    for (at, block) in blocks.iter().enumerate() {
        let answer = answers.as_slice().first();
        if block.of == "sql" {
            answers.next();
        }
        let shown = blocks.get(at + 1).filter(|next| next.of == "text");
        if let (Some(shown), "sql") = (shown, block.of) {
            assert_eq!(
                answer.map(String::as_str),
                Some(shown.text.trim()),
                "{}",
                block.text
            );
            compared += 1;
        }
    }
    assert!(compared >= 4, "{compared} answers were compared");
    Ok(())
}
