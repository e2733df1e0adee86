//! Recall on data that is not normalised, beside genuine pgvector: the second half of `make bench-index`.
//!
//! Generated rows of each shape (`tests/server/support/datasets.rs`) in each operator class that both extensions have,
//! at the same settings; recall@10 of held-out questions against exact search by the same operator. It writes
//! `benches/results/shapes.md`.
//!
//! | file | what it holds |
//! |---|---|
//! | `class.rs` | operator classes, and rows and questions as their types |
//! | `page.rs` | the figures as a page |

#![expect(clippy::cast_precision_loss, reason = "counts are small")]

#[path = "../../../tests/server/support/datasets.rs"]
mod datasets;
#[path = "../../../tests/server/support/mod.rs"]
mod support;

mod class;
mod page;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use pgvector::Vector;
use postgres::Client;
use support::cluster::Cluster;
use support::installation::Installation;
use support::vectors::{BY_INDEX, EXACT, copy_rows, recall};
use support::{Result, project};

use class::{CLASSES, Class};
use datasets::{DataSet, Lie, SHAPES};

/// Nearest rows asked for.
const K: i64 = 10;

/// What an index goes through before it is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum History {
    /// It is built.
    Built,
    /// Three rows in four are deleted and vacuumed.
    Thinned,
    /// A tenth of the rows is deleted, vacuumed and inserted again, ten times.
    Churned,
}

/// Recall on data that is not normalised, beside genuine pgvector.
#[derive(Clone, Parser)]
struct Arguments {
    /// File to write
    #[arg(long, default_value_os_t = project("benches/results/shapes.md"))]
    results: PathBuf,
    /// Rows of a data set
    #[arg(long, default_value_t = 2_000)]
    rows: usize,
    /// Questions
    #[arg(long, default_value_t = 40)]
    questions: usize,
    /// Dimensions
    #[arg(long, value_delimiter = ',', default_values_t = [3, 32, 128])]
    dims: Vec<usize>,
    /// Values of `hnsw.ef_search`
    #[arg(long, value_delimiter = ',', default_values_t = [40, 200])]
    ef: Vec<u32>,
    /// Operator classes; those that both extensions have without
    #[arg(long, value_delimiter = ',')]
    classes: Vec<String>,
    /// What indexes go through
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = [History::Built, History::Thinned])]
    histories: Vec<History>,
    /// What cargo passes to benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

/// One extension on a cluster of its own.
struct Side {
    name: &'static str,
    version: String,
    client: Client,
    _cluster: Cluster,
}

impl Side {
    fn start(
        installation: &Arc<Installation>,
        name: &'static str,
        extension: &str,
    ) -> Result<Self> {
        let settings = [
            "fsync = off",
            "autovacuum = off",
            "jit = off",
            "shared_buffers = 512MB",
            "maintenance_work_mem = 512MB",
            "max_parallel_maintenance_workers = 0",
            "max_parallel_workers_per_gather = 0",
        ];
        let cluster = Cluster::with_settings(Arc::clone(installation), &settings)?;
        let mut client = cluster.connect()?;
        client.batch_execute(&format!("CREATE EXTENSION {extension}"))?;
        let sql = "SELECT extversion FROM pg_extension WHERE extname = $1";
        let version = client.query_one(sql, &[&extension])?.get(0);
        Ok(Self {
            name,
            version,
            client,
            _cluster: cluster,
        })
    }

    /// Makes the table and the index of a case.
    fn prepare(&mut self, case: &Case<'_>) -> Result<()> {
        let (dims, class) = (case.dims, case.class);
        let client = &mut self.client;
        client.batch_execute(&format!(
            "RESET ALL; DROP TABLE IF EXISTS items, rows; CREATE TABLE items (id int PRIMARY KEY, v vector({dims}))"
        ))?;
        copy_rows(client, 1, case.rows)?;
        let (kind, value) = (class.kind(dims), class.value("v", dims));
        client.batch_execute(&format!(
            "CREATE TABLE rows AS SELECT id, {value} AS v FROM items;
             ALTER TABLE rows ALTER v TYPE {kind}; ALTER TABLE rows ADD PRIMARY KEY (id);
             CREATE INDEX rows_v ON rows USING hnsw (v {})",
            class.name
        ))?;
        match case.history {
            History::Built => {}
            History::Thinned => {
                client.batch_execute("DELETE FROM rows WHERE id * 7919 % 4 <> 0")?;
            }
            History::Churned => {
                for round in 0..10 {
                    let some = format!("id * 7919 % 10 = {round}");
                    client.batch_execute(&format!("DELETE FROM rows WHERE {some}"))?;
                    client.batch_execute("VACUUM rows")?;
                    client.batch_execute(&format!(
                        "INSERT INTO rows SELECT id, {value} FROM items WHERE {some}"
                    ))?;
                }
            }
        }
        client.batch_execute("VACUUM ANALYZE rows")?;
        Ok(())
    }

    /// Answers to all questions, with the settings of the session.
    fn answers(&mut self, case: &Case<'_>) -> Result<Vec<Vec<(i32, f64)>>> {
        let (operator, question) = (
            case.class.operator,
            case.class.value("$1::vector", case.dims),
        );
        let distance = format!("v {operator} {question}");
        let sql = format!("SELECT id, {distance} FROM rows ORDER BY {distance} LIMIT {K}");
        let statement = self.client.prepare(&sql)?;
        let mut answers = Vec::new();
        for question in case.questions {
            let rows = self.client.query(&statement, &[question])?;
            let answer = rows.iter().map(|row| (row.get(0), row.get(1)));
            // Zero vectors have no direction, and are in no index by cosine.
            answers.push(
                answer
                    .filter(|(_, distance): &(i32, f64)| !distance.is_nan())
                    .collect(),
            );
        }
        Ok(answers)
    }

    /// Recall at each `ef_search`.
    fn measure(&mut self, case: &Case<'_>, efs: &[u32]) -> Result<Vec<f64>> {
        self.prepare(case)?;
        self.client.batch_execute(EXACT)?;
        let truth = self.answers(case)?;
        self.client.batch_execute(BY_INDEX)?;
        self.client
            .batch_execute("SET enable_indexscan = on; SET hnsw.iterative_scan = off")?;
        let mut recalls = Vec::new();
        for ef in efs {
            self.client
                .batch_execute(&format!("SET hnsw.ef_search = {ef}"))?;
            let found = self.answers(case)?;
            let both = found.iter().zip(&truth);
            let sum: f64 = both.map(|(found, truth)| recall(found, truth)).sum();
            recalls.push(sum / truth.len().max(1) as f64);
        }
        Ok(recalls)
    }
}

/// One data set in one operator class.
struct Case<'c> {
    class: &'c Class,
    dims: usize,
    history: History,
    rows: &'c [Vector],
    questions: &'c [Vector],
}

/// Recalls of one case, of vector_ext and of pgvector, by `ef_search`.
struct Figure {
    class: &'static str,
    dims: usize,
    history: History,
    shape: Lie,
    recalls: [Vec<f64>; 2],
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let is_chosen = |class: &&Class| {
        arguments.classes.is_empty() || arguments.classes.iter().any(|name| name == class.name)
    };
    let classes: Vec<&Class> = CLASSES.iter().filter(is_chosen).collect();
    let installation = Arc::new(Installation::from_env()?);
    let mut sides = [
        Side::start(&installation, "vector_ext", "vector_ext")?,
        Side::start(&installation, "pgvector", "vector")?,
    ];
    let cases = classes.len() * arguments.dims.len() * arguments.histories.len() * SHAPES.len();
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(cases as u64).with_style(style);
    let mut figures = Vec::new();
    for &dims in &arguments.dims {
        for shape in SHAPES {
            let set = DataSet::new(shape, dims, arguments.rows, arguments.questions);
            let vectors =
                |all: Vec<Vec<f32>>| -> Vec<Vector> { all.into_iter().map(Vector::from).collect() };
            let (rows, questions) = (vectors(set.rows), vectors(set.questions));
            for class in classes.iter().filter(|class| class.holds(shape)) {
                for &history in &arguments.histories {
                    bar.set_message(format!("{}, {dims}, {shape:?}", class.name));
                    let case = Case {
                        class,
                        dims,
                        history,
                        rows: &rows,
                        questions: &questions,
                    };
                    let [ours, theirs] = &mut sides;
                    let recalls = [
                        ours.measure(&case, &arguments.ef)?,
                        theirs.measure(&case, &arguments.ef)?,
                    ];
                    figures.push(Figure {
                        class: class.name,
                        dims,
                        history,
                        shape,
                        recalls,
                    });
                    bar.inc(1);
                }
            }
        }
    }
    bar.finish_and_clear();
    let page = page::page(&arguments, &sides, installation.version(), &figures);
    std::fs::write(&arguments.results, page)?;
    println!("{}", arguments.results.display());
    Ok(())
}
