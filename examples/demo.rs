//! `make demo`: a table of real passages, searched by meaning, with plain SQL.

#[path = "../tests/server/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use postgres::types::ToSql;
use postgres::{Client, Row};
use support::cluster::Cluster;
use support::installation::Installation;
use support::passages::{self, Question};
use support::{Result, project};

const NEAREST: &str = "SELECT id, title, body, embedding <=> $1 AS distance
  FROM passages ORDER BY embedding <=> $1 LIMIT 10";

/// The filtered searches: which question, the condition, and its parameter.
const FILTERED: [(usize, &str, Filter); 2] = [
    (4, "corpus = $2", Filter::Text("debian")),
    (9, "corpus = 'wordnet' AND size >= $2", Filter::Integer(3)),
];

/// The value of a filter's parameter.
enum Filter {
    Text(&'static str),
    Integer(i32),
}

/// Loads the bundled passages into a private server and answers the bundled questions.
#[derive(Parser)]
struct Arguments {
    /// The `pg_config` of the PostgreSQL to run on
    #[arg(long, env = "PG_CONFIG")]
    pg_config: PathBuf,
    /// The compiled extension
    #[arg(long, env = "VECTOR_EXT_LIBRARY")]
    library: PathBuf,
    /// Leave the server running and say how to reach it
    #[arg(long)]
    keep: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let installation = Arc::new(Installation::new(&arguments.pg_config, &arguments.library)?);
    println!("Starting a private {} ...", installation.version());
    let cluster = Cluster::with_settings(installation, &["shared_buffers = '256MB'"])?;
    let mut client = cluster.client()?;

    load(&mut client)?;
    let questions = passages::questions()?;
    answer(&mut client, &questions)?;
    for (question, condition, filter) in &FILTERED {
        answer_filtered(&mut client, &questions[*question], condition, filter)?;
    }
    explain(&mut client, &questions[0])?;
    if arguments.keep {
        let psql = cluster.installation().bin().join("psql");
        println!("\nThe server stays up. To reach it:\n");
        println!(
            "    {} -h {} -U postgres",
            psql.display(),
            cluster.socket().display()
        );
        println!("\nTo stop it and remove its files:\n");
        println!("    {}", stop_line(&cluster));
        drop(client);
        cluster.keep();
    }
    Ok(())
}

fn stop_line(cluster: &Cluster) -> String {
    let (socket, root) = (
        cluster.socket().display(),
        cluster.installation().root().display(),
    );
    format!("kill -INT $(head -1 {socket}/data/postmaster.pid); sleep 2; rm -r {socket} {root}")
}

fn load(client: &mut Client) -> Result<()> {
    println!(
        "Loading {} by binary COPY:",
        project("demo/passages.csv").display()
    );
    let style = ProgressStyle::with_template("  {bar:40} {pos}/{len} passages, {per_sec}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let started = Instant::now();
    let rows = passages::load(client, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish();
    println!(
        "  {rows} passages in {:.2} s\n",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Answers each question and compares the ten nearest with the bundled truth.
fn answer(client: &mut Client, questions: &[Question]) -> Result<()> {
    let statement = client.prepare(NEAREST)?;
    client.query(&statement, &[&questions[0].embedding])?;
    let (mut found, mut wanted) = (0, 0);
    for question in questions {
        let started = Instant::now();
        let rows = client.query(&statement, &[&question.embedding])?;
        let taken = started.elapsed();
        print_answer(&question.text, &rows, taken);
        let ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect();
        found += question.truth.iter().filter(|id| ids.contains(id)).count();
        wanted += question.truth.len();
    }
    println!("Recall of the ten nearest against the bundled truth: {found} of {wanted}.\n");
    if found == wanted {
        Ok(())
    } else {
        Err("exact search must find every neighbour".into())
    }
}

fn answer_filtered(
    client: &mut Client,
    question: &Question,
    condition: &str,
    filter: &Filter,
) -> Result<()> {
    let query = format!(
        "SELECT id, title, body, embedding <=> $1 AS distance
           FROM passages WHERE {condition} ORDER BY embedding <=> $1 LIMIT 3"
    );
    let (value, shown): (&(dyn ToSql + Sync), _) = match filter {
        Filter::Text(text) => (text, format!("'{text}'")),
        Filter::Integer(number) => (number, number.to_string()),
    };
    let started = Instant::now();
    let rows = client.query(&query, &[&question.embedding, value])?;
    let heading = format!(
        "{}  WHERE {}",
        question.text,
        condition.replace("$2", &shown)
    );
    print_answer(&heading, &rows, started.elapsed());
    Ok(())
}

fn print_answer(heading: &str, rows: &[Row], taken: Duration) {
    println!("{heading}  ({:.1} ms)", milliseconds(taken));
    for row in rows.iter().take(3) {
        let (distance, title, body): (f64, &str, &str) =
            (row.get("distance"), row.get("title"), row.get("body"));
        let body: String = body.chars().take(72).collect();
        println!("  {distance:.3}  {title:<24}  {body}");
    }
    println!();
}

fn explain(client: &mut Client, question: &Question) -> Result<()> {
    println!("EXPLAIN (ANALYZE) of the first question:");
    let query = format!(
        "EXPLAIN (ANALYZE, COSTS OFF) {}",
        NEAREST.replace("$1", "$1::vector")
    );
    for row in client.query(&query, &[&question.embedding])? {
        let line: &str = row.get(0);
        let line: String = line.chars().take(110).collect();
        println!("  {line}");
    }
    Ok(())
}
