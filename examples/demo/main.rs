//! `make demo`: a table of real passages, searched by meaning, with plain SQL: by reading every
//! row, and through an index.
//!
//! | file | what it holds |
//! |---|---|
//! | `main.rs` | the private server, the table, and how to reach them afterwards |
//! | `build.rs` | `CREATE INDEX`, its progress shown |
//! | `search.rs` | a search, timed, and the proof that it came the way it should |
//! | `show.rs` | the searches, and what the index says of itself |

#[path = "../../tests/server/support/mod.rs"]
mod support;

mod build;
mod search;
mod show;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use postgres::Client;
use support::Result;
use support::cluster::Cluster;
use support::installation::Installation;
use support::passages;

/// A search through the index to paste into psql: a passage, of breakfast time, stands in for
/// a question.
const EXAMPLE: &str = "SELECT title, left(body, 60) AS body FROM passages
     ORDER BY embedding <=> (SELECT embedding FROM passages WHERE id = 3370)
     LIMIT 5;";

/// Loads the bundled passages into a private server, builds an index of them and answers the
/// bundled questions.
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
    println!("Starting a private {} ...\n", installation.version());
    let cluster = Cluster::with_settings(installation, &["shared_buffers = '256MB'"])?;
    let mut client = cluster.client()?;

    load(&mut client)?;
    build::build(&mut client, &mut cluster.connect()?)?;
    let questions = passages::questions()?;
    show::answers(&mut client, &questions)?;
    show::filtered(&mut client, &questions)?;
    show::info(&mut client)?;
    if arguments.keep {
        let plan = search::plan(&mut client, EXAMPLE, &[])?;
        search::check_plan(&plan, true)?;
        if client.query(EXAMPLE, &[])?.len() != 5 {
            return Err("the example does not fill its LIMIT".into());
        }
        drop(client);
        keep(cluster);
    }
    Ok(())
}

/// Leaves the server to the user.
fn keep(cluster: Cluster) {
    let psql = cluster.installation().bin().join("psql");
    let socket = cluster.socket().display();
    println!("\nThe server stays up. To reach it:\n");
    println!("    {} -h {socket} -U postgres", psql.display());
    println!(
        "\nA search through the index, to try there: what is near to passage 3370, breakfast time?\n"
    );
    println!("    {EXAMPLE}");
    println!("\nTo stop it and remove its files:\n");
    println!("    {}", stop_line(&cluster));
    cluster.keep();
}

fn stop_line(cluster: &Cluster) -> String {
    let (socket, root) = (
        cluster.socket().display(),
        cluster.installation().root().display(),
    );
    format!("kill -INT $(head -1 {socket}/data/postmaster.pid); sleep 2; rm -r {socket} {root}")
}

fn load(client: &mut Client) -> Result<()> {
    println!("Loading demo/passages.csv and its embeddings by binary COPY:");
    let style =
        ProgressStyle::with_template("  loading passages  {bar:36} {human_pos}/{human_len} rows")?;
    let bar = ProgressBar::new(0).with_style(style);
    let started = Instant::now();
    let rows = passages::load(client, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish();
    let seconds = started.elapsed().as_secs_f64();
    println!("  {rows} passages of 384 dimensions in {seconds:.2} s\n");
    Ok(())
}
