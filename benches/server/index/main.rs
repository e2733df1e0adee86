//! The index beside genuine pgvector: `make bench-index`.
//!
//! Two private clusters of the same PostgreSQL with the same settings, one with each extension; the
//! same rows and questions; turns. What is measured, and what stands in favour of whom, is said on
//! the page that it writes: `benches/results/index-NAME.md`, beside the figures as JSON.
//!
//! | file | what it holds |
//! |---|---|
//! | `data.rs` | rows, questions, and the rows that are truly nearest |
//! | `side.rs` | one extension on a cluster of its own |
//! | `build.rs`, `watch.rs` | building, and the processes that do it |
//! | `search.rs` | rates, latencies, recall and buffers by `hnsw.ef_search` |
//! | `change.rs` | inserting, deleting, vacuum |
//! | `stats.rs` | medians, percentiles, the rate at a recall |
//! | `report.rs` | the figures, and the files |
//! | `page.rs`, `summary.rs`, `markdown.rs`, `draw.py` | the figures as a page, with a picture |

#![expect(clippy::cast_precision_loss, reason = "counts are small")]

#[path = "../../../tests/server/support/mod.rs"]
mod support;

mod build;
mod change;
mod data;
mod markdown;
mod page;
mod report;
mod search;
mod side;
mod stats;
mod summary;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use support::installation::Installation;
use support::{Result, project};

use data::{Data, Truth};
use report::{Machine, Results, Run};
use side::Side;

/// Nearest rows asked for.
const K: usize = 10;

/// The index beside genuine pgvector: searching, building, inserting, deleting.
#[derive(Clone, Parser, Serialize)]
struct Arguments {
    /// Folder with base.f16.npy and queries.f16.npy; the bundled sample without
    #[arg(long, env = "VECTOR_EXT_DATA")]
    #[serde(skip)]
    data: Option<PathBuf>,
    /// Folder to write to
    #[arg(long, default_value_os_t = project("benches/results"))]
    #[serde(skip)]
    results: PathBuf,
    /// Of the result files; the name of the data folder without
    #[arg(long)]
    #[serde(skip)]
    name: Option<String>,
    /// A look, not figures: 10,000 rows, 200 questions, 2 rounds, few inserts
    #[arg(long)]
    quick: bool,
    /// Rows to index; all without
    #[arg(long)]
    rows: Option<usize>,
    /// Questions at most
    #[arg(long, default_value_t = 1000)]
    questions: usize,
    /// Turns of each side, of searching and of inserting
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Each measurement of a search lasts so long, and all questions, at least
    #[arg(long, default_value_t = 0.3)]
    seconds: f64,
    /// Recall from which on a sweep is over
    #[arg(long, default_value_t = 0.9995)]
    stop: f64,
    /// Rows of a round of inserting
    #[arg(long, default_value_t = 1200)]
    inserts: usize,
    /// Links of a node and level
    #[arg(long, default_value_t = 16)]
    m: u16,
    /// Candidates that an insert looks at
    #[arg(long, default_value_t = 64)]
    ef_construction: u16,
    /// `hnsw.iterative_scan`
    #[arg(long, default_value = "off")]
    iterative_scan: String,
    /// `shared_buffers`: table and index must fit
    #[arg(long, default_value = "2GB")]
    shared_buffers: String,
    /// `maintenance_work_mem`: the graph must fit
    #[arg(long, default_value = "2GB")]
    maintenance_work_mem: String,
    /// What cargo passes to benchmarks
    #[arg(long, hide = true)]
    #[serde(skip)]
    bench: bool,
}

impl Arguments {
    fn settle(mut self) -> Result<Self> {
        if self.quick {
            self.rows = Some(self.rows.unwrap_or(usize::MAX).min(10_000));
            self.questions = self.questions.min(200);
            self.rounds = self.rounds.min(2);
            self.inserts = self.inserts.min(400);
            self.seconds = self.seconds.min(0.1);
        }
        if self.rounds == 0 || self.questions == 0 || self.inserts == 0 {
            return Err("at least one round, one question and one insert".into());
        }
        Ok(self)
    }
}

/// What every part needs to know.
struct Bench {
    arguments: Arguments,
    data: Data,
    truth: Truth,
    bar: ProgressBar,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse().settle()?;
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(steps(&arguments)).with_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    let machine = Machine::read()?;

    bar.set_message("true neighbours");
    let data = Data::read(&arguments)?;
    let truth = Truth::find(&data);
    bar.inc(1);
    let bench = Bench {
        arguments,
        data,
        truth,
        bar,
    };
    let installation = Arc::new(Installation::from_env()?);
    let mut sides = [
        Side::start(&installation, "vector_ext", "vector_ext", &bench.arguments)?,
        Side::start(&installation, "pgvector", "vector", &bench.arguments)?,
    ];
    for side in &mut sides {
        bench.bar.set_message(format!("load, {}", side.name));
        side.load(&bench.data)?;
        bench.bar.inc(1);
    }
    // In this order: fields are measured as they are written.
    let results = Results {
        built: build::build(&mut sides, &bench)?,
        sweeps: search::sweep(&mut sides, &bench)?,
        inserted: change::insert(&mut sides, &bench)?,
        deleted: change::delete(&mut sides, &bench)?,
    };
    bench.bar.finish_and_clear();
    let run = Run::new(machine, &sides, &bench, results)?;
    report::write(&run, &bench.arguments)
}

/// Steps of the whole run, for the progress bar.
fn steps(arguments: &Arguments) -> u64 {
    let searches = arguments.rounds * (search::LADDER.len() + 1) + 1;
    let inserts = 2 * arguments.rounds + 1;
    // True neighbours; loading, building and deleting on each side.
    1 + 2 * (2 + build::TIMES + searches + inserts) as u64
}
