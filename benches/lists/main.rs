//! Lists by themselves, without a server: what a build takes, and what searches find and cost by the lists that they
//! read. It prints the tables of `src/ivf/MEASURED.md`.

#![expect(clippy::cast_precision_loss, reason = "counts are small")]

mod grown;
mod searched;
#[path = "../../tests/server/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use support::Result;
use support::npy::{Matrix, read_floats, read_integers};
use vector_ext::bulk::{Files, Progress, Resources};
use vector_ext::index::Tid;
use vector_ext::ivf::{ListIndex, ListsBuilder, ListsOptions, LongForm, Metric, build_into};
use vector_ext::page::MemoryStore;

/// Lists over the rows of a folder.
#[derive(Parser)]
struct Arguments {
    /// Folder with base.f16.npy, queries.f16.npy and truth.i32.npy, vectors of length 1
    #[arg(long)]
    data: PathBuf,
    /// Numbers of lists; 0 for what an index chooses
    #[arg(long, num_args = 1.., default_values_t = [0])]
    lists: Vec<u32>,
    /// Bits of an element of the longer code, 1 for none
    #[arg(long, num_args = 1.., default_values_t = [8], value_parser = clap::value_parser!(u8).range(1..=8))]
    bits: Vec<u8>,
    /// Lists that a search reads
    #[arg(long, num_args = 1.., default_values_t = [16, 32, 48, 64, 96, 128])]
    probes: Vec<usize>,
    /// Recalls that a search is asked for
    #[arg(long, num_args = 0..)]
    recalls: Vec<f32>,
    /// Rows of sets that a search is told to look among
    #[arg(long, num_args = 0..)]
    among: Vec<usize>,
    /// Percent of the rows that the build has; the others are inserted
    #[arg(long, default_value_t = 100)]
    built: usize,
    /// Rows inserted between two times that lists are tended and vacuumed
    #[arg(long, default_value_t = 5_000)]
    tended: usize,
    /// Rounds of which the fastest counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Threads of a build
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// What cargo passes to benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

/// Rows, questions, and the numbers of the nearest rows.
struct Set {
    base: Matrix<f32>,
    queries: Matrix<f32>,
    truth: Matrix<i32>,
}

impl Set {
    fn read(folder: &std::path::Path) -> Result<Self> {
        Ok(Self {
            base: read_floats(&folder.join("base.f16.npy"))?,
            queries: read_floats(&folder.join("queries.f16.npy"))?,
            truth: read_integers(&folder.join("truth.i32.npy"))?,
        })
    }

    /// Rows with their places.
    fn rows(&self) -> impl Iterator<Item = (Tid, &[f32])> {
        (0..).map(Tid::at).zip(self.base.rows())
    }
}

/// Builds an index of the first rows; prints what that took.
fn build(set: &Set, arguments: &Arguments, options: &ListsOptions) -> Result<MemoryStore> {
    let count = set.base.rows().len() * arguments.built / 100;
    let store = MemoryStore::new();
    let start = Instant::now();
    let resources = Resources {
        threads: arguments.threads,
        budget: usize::MAX / 2,
        files: Files {
            folder: std::env::temp_dir(),
            limit: usize::MAX,
        },
    };
    let mut builder = ListsBuilder::new(set.base.width, Metric::Cosine, options, resources);
    for (tid, row) in set.rows().take(count) {
        builder.push(row, tid)?;
    }
    build_into(builder, &store, &Progress::default())?;
    let (built, start) = (start.elapsed(), Instant::now());
    let index = ListIndex::open(&store)?;
    index.calibrate(&mut |tid| Ok(value(set, tid)), &mut || Ok(()))?;
    let measured = start.elapsed();
    println!(
        "{count} rows built in {:.2} s on {} threads, recalls measured in {:.2} s",
        built.as_secs_f64(),
        arguments.threads,
        measured.as_secs_f64()
    );
    Ok(store)
}

/// What the table has of a row.
fn value(set: &Set, tid: Tid) -> Option<Vec<f32>> {
    let row = set.base.rows().nth(usize::try_from(tid.place()).ok()?);
    row.map(<[f32]>::to_vec)
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let set = Set::read(&arguments.data)?;
    for lists in &arguments.lists {
        for bits in &arguments.bits {
            let options = ListsOptions {
                lists: *lists,
                form: LongForm::of_bits(*bits),
                ..ListsOptions::default()
            };
            println!("\n## {lists} lists asked for, {bits} bits\n");
            let store = build(&set, &arguments, &options)?;
            let index = ListIndex::open(&store)?;
            if arguments.built < 100 {
                grown::print(&set, &arguments, (&store, &index))?;
            }
            let (rows, bytes) = (
                set.base.rows().len() as f64,
                f64::from(store.len()) * 8192.0,
            );
            let census = index.census(&mut || Ok(()))?;
            println!(
                "{} lists of {} to {} rows, median {}; {:.0} bytes a row\n",
                census.lists,
                census.least,
                census.largest,
                census.median,
                bytes / rows
            );
            searched::print(&set, &arguments, &index)?;
        }
    }
    Ok(())
}
