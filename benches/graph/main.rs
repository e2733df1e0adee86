//! The graph in memory, without Postgres: builds an index of a data set, then answers searches as
//! JSON lines, so that `run.py` can measure it in turn with its peers.
//!
//! At start one line says how the index was built; then each line `search EF` on stdin is answered
//! by one line with recall, seconds and pages read.

#![expect(clippy::cast_precision_loss, reason = "counts are small")]

#[path = "../../tests/server/support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::io::BufRead;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use support::npy::{Matrix, read_floats, read_integers};
use support::{Result, project};
use vector_ext::bulk::Built;
use vector_ext::bulk::{Files, Progress, Resources};
use vector_ext::distance::simd::kernels;
use vector_ext::hnsw::{Builder, Dense, Form, Index, Metric, Options, build_into};
use vector_ext::index::{Continue, Tid};
use vector_ext::page::{MemoryStore, PAGE_BYTES, PageStore};

/// Nearest neighbours asked for.
const K: usize = 10;

/// Builds a graph and answers `search EF` lines.
#[derive(Parser)]
struct Arguments {
    /// Folder with base.f16.npy, queries.f16.npy and truth.i32.npy; the bundled sample without
    #[arg(long, env = "VECTOR_EXT_DATA")]
    data: Option<PathBuf>,
    /// Links of a node and level
    #[arg(long, default_value_t = 16)]
    m: u16,
    /// Candidates that an insert looks at
    #[arg(long, default_value_t = 64)]
    ef_construction: u16,
    /// Rows
    #[arg(long)]
    rows: Option<usize>,
    /// Inserts row by row instead of building
    #[arg(long)]
    insert: bool,
    /// Threads of the build
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Memory of the build in MB; files past it
    #[arg(long, default_value_t = 4096)]
    memory: usize,
    /// How distances are measured
    #[arg(long, value_enum, default_value_t = Distance::L2)]
    metric: Distance,
    /// How vectors are stored; without, as suits their size
    #[arg(long, value_enum)]
    form: Option<Stored>,
    /// Whether scans could go on, as a filtered query needs it
    #[arg(long, value_enum, default_value_t = Scans::End)]
    scans: Scans,
    /// Checks every invariant of the graph
    #[arg(long)]
    check: bool,
    /// What cargo passes to benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

/// The metrics by name.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Distance {
    L2,
    Ip,
    Cosine,
}

/// What scans do when their first walk is used up.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Scans {
    End,
    Strict,
    Relaxed,
}

impl From<Scans> for Continue {
    fn from(scans: Scans) -> Self {
        match scans {
            Scans::End => Self::Never,
            Scans::Strict => Self::Strict,
            Scans::Relaxed => Self::Relaxed,
        }
    }
}

/// The forms by name.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Stored {
    F32,
    F16,
    Int8,
}

impl From<Stored> for Form {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::F32 => Self::F32,
            Stored::F16 => Self::F16,
            Stored::Int8 => Self::Int8,
        }
    }
}

impl From<Distance> for Metric {
    fn from(distance: Distance) -> Self {
        match distance {
            Distance::L2 => Self::L2,
            Distance::Ip => Self::InnerProduct,
            Distance::Cosine => Self::Cosine,
        }
    }
}

struct Data {
    base: Matrix<f32>,
    queries: Matrix<f32>,
    truth: Matrix<i32>,
}

impl Data {
    fn read(folder: Option<PathBuf>) -> Result<Self> {
        let (folder, [base, queries]) = match folder {
            Some(folder) => (folder, ["base", "queries"]),
            None => (project("demo"), ["embeddings", "questions"]),
        };
        Ok(Self {
            base: read_floats(&folder.join(format!("{base}.f16.npy")))?,
            queries: read_floats(&folder.join(format!("{queries}.f16.npy")))?,
            truth: read_integers(&folder.join("truth.i32.npy"))?,
        })
    }
}

impl Data {
    /// Rows found that are no farther than the k-th nearest of those that are not gone: equal vectors
    /// are equally right.
    fn hits(&self, found: &[Option<u64>], gone: &HashSet<usize>) -> usize {
        let base: Vec<&[f32]> = self.base.rows().collect();
        let distance = |query: &[f32], row: usize| (kernels().l2_squared)(query, base[row]);
        let pairs = self.queries.rows().zip(self.truth.rows());
        let hits = pairs.zip(found.chunks(K)).map(|((query, truth), found)| {
            let truth = truth.iter().map(|row| row.unsigned_abs() as usize);
            let kth = truth.filter(|row| !gone.contains(row)).nth(K - 1);
            let bound = kth.map_or(f32::INFINITY, |kth| distance(query, kth) * (1.0 + 1e-5));
            // The upper half of a tid says when its row came.
            let near = |id: &&u64| distance(query, (**id & 0xFFFF_FFFF) as usize) <= bound;
            found.iter().flatten().filter(near).count()
        });
        hits.sum()
    }
}

/// Every query once: recall, seconds, pages.
fn search(
    index: &Index<'_, MemoryStore, Dense>,
    data: &Data,
    (ef, go_on): (usize, Continue),
    gone: &HashSet<usize>,
) -> Result<String> {
    let mut found = Vec::with_capacity(data.queries.rows().len() * K);
    let mut pages = 0;
    let start = Instant::now();
    for query in data.queries.rows() {
        let scan = index.scan(query, ef, go_on)?;
        let mut scan = scan.ok_or("a query without direction")?;
        for _ in 0..K {
            found.push(scan.next_row()?.map(|row| row.tid.place()));
        }
        pages += scan.nodes_read();
    }
    let seconds = start.elapsed().as_secs_f64();
    let queries = data.queries.rows().len();
    let hits = data.hits(&found, gone);
    Ok(format!(
        r#"{{"ef":{ef},"recall":{:.5},"seconds":{seconds:.6},"queries":{queries},"pages":{:.1}}}"#,
        hits as f64 / (queries * K) as f64,
        pages as f64 / queries as f64,
    ))
}

/// Rows that are replaced, round by round.
struct Churn {
    /// The tid of each row. Its lower 32 bits are the row.
    tids: Vec<u64>,
    round: u64,
    /// Rows that were deleted, and not inserted again.
    gone: HashSet<usize>,
}

impl Churn {
    fn new(rows: usize) -> Self {
        Self {
            tids: (0..rows as u64).collect(),
            round: 0,
            gone: HashSet::new(),
        }
    }

    /// The rows of this round: one in `share`.
    fn next_rows(&mut self, share: u64) -> Vec<usize> {
        self.round += 1;
        let chosen = |row: u64| {
            row.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(20) % share == self.round % share
        };
        let rows = (0..self.tids.len()).filter(|row| chosen(*row as u64));
        rows.filter(|row| !self.gone.contains(row)).collect()
    }

    /// Deletes one row in `share` and vacuums.
    fn delete(
        &mut self,
        index: &Index<'_, MemoryStore, Dense>,
        store: &MemoryStore,
        share: u64,
    ) -> Result<String> {
        let rows = self.next_rows(share);
        let tids: HashSet<u64> = rows.iter().map(|row| self.tids[*row]).collect();
        let (start, before) = (Instant::now(), store.logged());
        let vacuumed = index.vacuum(&mut |tid| tids.contains(&tid.place()), &mut || Ok(()))?;
        let (seconds, after) = (start.elapsed().as_secs_f64(), store.logged());
        let each = |count: u64| count as f64 / rows.len().max(1) as f64;
        self.gone.extend(&rows);
        Ok(format!(
            r#"{{"event":"deleted","rows":{},"vacuum_seconds":{seconds:.3},"vacuum_reads":{:.1},"vacuum_writes":{:.1},"vacuum_wal":{:.0},"repaired":{:.1}}}"#,
            rows.len(),
            each(vacuumed.reads),
            each(after.pages - before.pages),
            each(after.bytes - before.bytes),
            each(vacuumed.repaired),
        ))
    }

    /// Deletes one row in `share`, vacuums, and inserts the same vectors as new rows.
    fn round(
        &mut self,
        index: &Index<'_, MemoryStore, Dense>,
        store: &MemoryStore,
        data: &Data,
        share: u64,
    ) -> Result<String> {
        let rows = self.next_rows(share);
        let base: Vec<&[f32]> = data.base.rows().collect();
        let gone: HashSet<u64> = rows.iter().map(|row| self.tids[*row]).collect();
        let (start, before) = (Instant::now(), store.logged());
        let vacuumed = index.vacuum(&mut |tid| gone.contains(&tid.place()), &mut || Ok(()))?;
        let vacuum_seconds = start.elapsed().as_secs_f64();
        let (start, between) = (Instant::now(), store.logged());
        let mut reads = 0;
        for row in &rows {
            self.tids[*row] = self.round << 32 | *row as u64;
            let inserted = index.insert(base[*row], Tid::at(self.tids[*row]))?;
            reads += inserted.map_or(0, |inserted| inserted.reads);
        }
        let (insert_seconds, after) = (start.elapsed().as_secs_f64(), store.logged());
        let each = |count: u64| count as f64 / rows.len().max(1) as f64;
        Ok(format!(
            r#"{{"event":"churned","rows":{},"vacuum_seconds":{vacuum_seconds:.3},"vacuum_reads":{:.1},"vacuum_writes":{:.1},"vacuum_wal":{:.0},"repaired":{:.1},"insert_seconds":{insert_seconds:.3},"insert_reads":{:.1},"insert_writes":{:.1},"insert_wal":{:.0},"blocks":{}}}"#,
            rows.len(),
            each(vacuumed.reads),
            each(between.pages - before.pages),
            each(between.bytes - before.bytes),
            each(vacuumed.repaired),
            each(reads),
            each(after.pages - between.pages),
            each(after.bytes - between.bytes),
            store.blocks()?,
        ))
    }
}

/// Puts rows into an empty store.
fn fill(
    store: &MemoryStore,
    data: &Data,
    rows: usize,
    options: &Options,
    arguments: &Arguments,
) -> Result<Built> {
    let vectors = || (0_u64..).map(Tid::at).zip(data.base.rows()).take(rows);
    if arguments.insert {
        let index = Index::create(store, data.base.width, arguments.metric.into(), options)?;
        for (tid, vector) in vectors() {
            index.insert(vector, tid)?;
        }
        return Ok(Built::default());
    }
    let resources = Resources {
        threads: arguments.threads,
        budget: arguments.memory << 20,
        files: Files {
            folder: std::env::temp_dir(),
            limit: usize::MAX,
        },
    };
    let mut builder = Builder::dense(data.base.width, arguments.metric.into(), options, resources);
    for (tid, vector) in vectors() {
        builder.push(vector, tid)?;
    }
    Ok(build_into(builder, store, &Progress::default())?)
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let data = Data::read(arguments.data.clone())?;
    let rows = arguments
        .rows
        .unwrap_or(usize::MAX)
        .min(data.base.rows().len());
    let options = Options {
        m: arguments.m,
        ef_construction: arguments.ef_construction,
        form: arguments.form.map(Form::from),
        ..Options::default()
    };
    let store = MemoryStore::new();
    let start = Instant::now();
    let built = fill(&store, &data, rows, &options, &arguments)?;
    let seconds = start.elapsed().as_secs_f64();
    let index = Index::open(&store, &options)?;
    println!(
        r#"{{"engine":"vector_ext","event":"built","rows":{rows},"dims":{},"threads":{},"build_seconds":{seconds:.2},"memory_per_row":{},"bytes_per_row":{}}}"#,
        data.base.width,
        arguments.threads,
        (built.memory + built.spilled) / rows.max(1),
        store.blocks()? as usize * PAGE_BYTES / rows.max(1),
    );
    if arguments.check {
        println!("{:?}", index.check()?);
    }
    let go_on = arguments.scans.into();
    let mut churn = Churn::new(rows);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["search", ef] => search(&index, &data, (ef.parse()?, go_on), &churn.gone)?,
            ["delete", share] => churn.delete(&index, &store, share.parse()?)?,
            ["churn", share] => churn.round(&index, &store, &data, share.parse()?)?,
            _ => return Err("expected: search EF, delete SHARE, or churn SHARE".into()),
        };
        println!("{answer}");
    }
    Ok(())
}
