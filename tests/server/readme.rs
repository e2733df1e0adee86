//! The SQL of README and of the pages in `docs`, run as a reader would paste it, each page in a database of its own,
//! and compared with the answers that the page shows.

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

/// README, and the pages in `docs` by name, as paths from the project's root.
fn pages() -> Result<Vec<String>> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(project("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_name();
            pages.extend(name.map(|name| format!("docs/{}", name.to_string_lossy())));
        }
    }
    pages.sort();
    pages.insert(0, "README.md".to_owned());
    Ok(pages)
}

/// Stands between the outputs of two blocks.
const NEXT: &str = "-- next block";

/// Runs the SQL of a page in the named database, and compares; how many answers were compared.
fn run(cluster: &Cluster, database: &str, page: &str, blocks: &[Block<'_>]) -> Result<usize> {
    let commands = || blocks.iter().filter(|block| block.of == "sql");
    let mut script = String::new();
    for block in commands() {
        writeln!(script, "{}\\echo '{NEXT}'", block.text)?;
    }
    let file = cluster.socket().join(format!("{database}.sql"));
    fs::write(&file, script)?;
    let mut psql = cluster.command("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f"])
        .arg(&file);
    let output = succeed(&mut psql).map_err(|error| format!("{page}: {error}"))?;
    let output = String::from_utf8(output.stdout)?;

    let output: Vec<&str> = output.lines().map(str::trim_end).collect();
    let answers: Vec<String> = output
        .split(|line| *line == NEXT)
        .map(|lines| lines.join("\n").trim().to_owned())
        .collect();
    assert_eq!(answers.len(), commands().count() + 1, "{page}");
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
                "{page}:\n{}",
                block.text
            );
            compared += 1;
        }
    }
    Ok(compared)
}

#[test]
fn every_command_of_the_documents_does_what_it_says() -> Result<()> {
    let cluster = Cluster::quick()?;
    let (mut pages_run, mut compared) = (0, 0);
    for page in pages()? {
        let text = fs::read_to_string(project(&page))?;
        let blocks = blocks(&text);
        if blocks.iter().any(|block| block.of == "sql") {
            let database = format!("page_{pages_run}");
            cluster.text(&format!("CREATE DATABASE {database}"))?;
            compared += run(&cluster, &database, &page, &blocks)?;
            pages_run += 1;
        }
    }
    // README, operations, tasks and types.
    assert!(pages_run >= 4, "{pages_run} pages have SQL");
    assert!(compared >= 4, "{compared} answers were compared");
    Ok(())
}

#[test]
fn every_page_is_in_the_index_of_the_documents() -> Result<()> {
    let index = fs::read_to_string(project("docs/README.md"))?;
    for page in pages()? {
        if let Some(name) = page.strip_prefix("docs/") {
            let listed = name == "README.md" || index.contains(&format!("]({name})"));
            assert!(listed, "docs/README.md does not list {page}");
        }
    }
    Ok(())
}
