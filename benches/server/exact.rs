//! Exact search and text parsing beside genuine pgvector: `make bench-exact`.
//!
//! Two private clusters of the same PostgreSQL with the same settings, one with each extension; one
//! client each, over a unix socket, with prepared statements and binary parameters, no parallel
//! workers. Rounds alternate; what is reported are medians over rounds, and their ratio.

#![expect(clippy::cast_precision_loss, reason = "counts are small")]

#[path = "../../tests/server/support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use pgvector::Vector;
use postgres::Client;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::Type;
use support::cluster::Cluster;
use support::installation::Installation;
use support::npy::{read_floats, read_integers};
use support::passages::vector_type;
use support::{Result, project};

const SETTINGS: [&str; 4] = [
    "shared_buffers = '1GB'",
    "max_parallel_workers_per_gather = 0",
    "jit = off",
    "autovacuum = off",
];

/// Rows beside the main table: 500 vectors of 1536 numbers as models give them, with nine significant digits, as text
/// and as arrays; 20,000 vectors of each smaller type, the sparse ones with 100 elements of 30,000.
const TABLES: &str = "
    CREATE TABLE vectors AS
        SELECT (SELECT array_agg(sin(i * 1536.0 + d) / 20) FROM generate_series(1, 1536) d)::vector v
          FROM generate_series(1, 500) i;
    CREATE TABLE texts AS SELECT v::text t FROM vectors;
    ALTER TABLE texts ALTER t SET STORAGE external;
    CREATE TABLE arrays AS
        SELECT v::real[] a, v::real[]::double precision[] d, v::real[]::numeric[] n,
               (SELECT array_agg((1000 * x)::integer) FROM unnest(v::real[]) x) i
          FROM vectors;
    CREATE TABLE halves AS SELECT v::halfvec v FROM items LIMIT 20000;
    CREATE TABLE bits AS SELECT binary_quantize(v) v FROM items LIMIT 20000;
    CREATE TABLE sparse AS
        SELECT ('{' || string_agg(k || ':' || x, ',') || '}/30000')::sparsevec v
          FROM (SELECT DISTINCT ON (i, k) i, abs(hashint8(1000 * i + j)::bigint) % 30000 + 1 k, sin(100 * i + j) x
                  FROM generate_series(1, 20000) i, generate_series(0, 99) j) s
         GROUP BY i;
    VACUUM ANALYZE";

/// What is done with all rows of a table.
const FORMS: [(&str, &str); 18] = [
    (
        "parse `[...]` of 1536 numbers",
        "SELECT count(vector_dims(t::vector)) FROM texts",
    ),
    (
        "print 1536 numbers",
        "SELECT sum(length(v::text)) FROM vectors",
    ),
    (
        "cast real[] of 1536",
        "SELECT count(vector_dims(a::vector)) FROM arrays",
    ),
    (
        "cast double precision[] of 1536",
        "SELECT count(vector_dims(d::vector)) FROM arrays",
    ),
    (
        "cast numeric[] of 1536",
        "SELECT count(vector_dims(n::vector)) FROM arrays",
    ),
    (
        "cast integer[] of 1536",
        "SELECT count(vector_dims(i::vector)) FROM arrays",
    ),
    (
        "cast real[] of 1536 to halfvec",
        "SELECT count(vector_dims(a::halfvec)) FROM arrays",
    ),
    (
        "cast to real[] of 1536",
        "SELECT count(array_length(v::real[], 1)) FROM vectors",
    ),
    ("avg of 384 dims", "SELECT avg(v)::text FROM items"),
    ("sum of 384 dims", "SELECT sum(v)::text FROM items"),
    (
        "halfvec `<->`",
        "SELECT sum(v <-> (SELECT v FROM halves LIMIT 1)) FROM halves",
    ),
    (
        "halfvec `<#>`",
        "SELECT sum(v <#> (SELECT v FROM halves LIMIT 1)) FROM halves",
    ),
    (
        "halfvec `<=>`",
        "SELECT sum(v <=> (SELECT v FROM halves LIMIT 1)) FROM halves",
    ),
    (
        "bit `<~>`",
        "SELECT sum(v <~> (SELECT v FROM bits LIMIT 1)) FROM bits",
    ),
    (
        "bit `<%>`",
        "SELECT sum(v <%> (SELECT v FROM bits LIMIT 1)) FROM bits",
    ),
    (
        "sparsevec `<->`",
        "SELECT sum(v <-> (SELECT v FROM sparse LIMIT 1)) FROM sparse",
    ),
    (
        "sparsevec `<#>`",
        "SELECT sum(v <#> (SELECT v FROM sparse LIMIT 1)) FROM sparse",
    ),
    (
        "sparsevec `<=>`",
        "SELECT sum(v <=> (SELECT v FROM sparse LIMIT 1)) FROM sparse",
    ),
];

/// Beside genuine pgvector: exact top 10, forms and casts of 1536 numbers, distances of other types.
#[derive(Parser)]
struct Arguments {
    /// Folder with base.f16.npy, queries.f16.npy and truth.i32.npy; the bundled sample without
    #[arg(long, env = "VECTOR_EXT_DATA")]
    data: Option<PathBuf>,
    /// Rounds of each side
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Queries of a round
    #[arg(long, default_value_t = 40)]
    queries: usize,
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

/// What is searched, and for what.
struct Work {
    base: PathBuf,
    queries: Vec<Vector>,
    truth: Vec<HashSet<i64>>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let work = Work::read(arguments.data.as_deref(), arguments.queries)?;
    let installation = Arc::new(Installation::from_env()?);
    println!("{}, {}", installation.version(), cpu());
    let mut sides = [
        Side::start(&installation, "vector_ext")?,
        Side::start(&installation, "vector")?,
    ];
    for side in &mut sides {
        side.load(&work.base)?;
    }
    let [ours, theirs] = &sides;
    println!(
        "\nvector_ext {} beside pgvector {}; medians, ratio = pgvector / vector_ext\n",
        ours.version, theirs.version
    );
    println!("| work | vector_ext | pgvector | ratio (lowest to highest round) | recall@10 |");
    println!("|---|---|---|---|---|");
    for operator in ["<=>", "<->", "<#>", "<+>"] {
        exact(&mut sides, &work, operator, arguments.rounds)?;
    }
    for (name, query) in FORMS {
        forms(&mut sides, name, query, arguments.rounds)?;
    }
    Ok(())
}

fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "unknown CPU".into(), |(_, name)| name.to_owned())
}

impl Work {
    fn read(data: Option<&Path>, count: usize) -> Result<Self> {
        let (base, queries, truth) = match data {
            Some(folder) => (
                folder.join("base.f16.npy"),
                folder.join("queries.f16.npy"),
                folder.join("truth.i32.npy"),
            ),
            None => (
                project("demo/embeddings.f16.npy"),
                project("demo/questions.f16.npy"),
                project("demo/truth.i32.npy"),
            ),
        };
        let queries = read_floats(&queries)?;
        let truth = read_integers(&truth)?;
        Ok(Self {
            base,
            queries: queries
                .rows()
                .take(count)
                .map(|row| Vector::from(row.to_vec()))
                .collect(),
            truth: truth
                .rows()
                .take(count)
                .map(|row| row.iter().take(10).map(|id| i64::from(*id)).collect())
                .collect(),
        })
    }
}

impl Side {
    fn start(installation: &Arc<Installation>, name: &'static str) -> Result<Self> {
        let cluster = Cluster::with_settings(Arc::clone(installation), &SETTINGS)?;
        let mut client = cluster.connect()?;
        client
            .batch_execute(&format!("CREATE EXTENSION {name}"))
            .map_err(|e| format!("no extension {name} here; use PG_CONFIG of a wheel: {e}"))?;
        let version = client
            .query_one(
                "SELECT extversion FROM pg_extension WHERE extname = $1",
                &[&name],
            )?
            .get(0);
        Ok(Self {
            name,
            version,
            client,
            _cluster: cluster,
        })
    }

    fn load(&mut self, base: &Path) -> Result<()> {
        let base = read_floats(base)?;
        let create = format!("CREATE TABLE items (id bigint, v vector({}))", base.width);
        self.client.batch_execute(&create)?;
        let types = [Type::INT8, vector_type(&mut self.client)?];
        let style = ProgressStyle::with_template("{prefix:>10} {bar:40} {pos}/{len} rows")?;
        let bar = ProgressBar::new(base.rows().len() as u64).with_style(style);
        bar.set_prefix(self.name);
        let sink = self
            .client
            .copy_in("COPY items FROM STDIN (FORMAT BINARY)")?;
        let mut writer = BinaryCopyInWriter::new(sink, &types);
        for (id, row) in (0_i64..).zip(base.rows()) {
            writer.write(&[&id, &Vector::from(row.to_vec())])?;
            bar.inc(1);
        }
        writer.finish()?;
        bar.finish();
        // One by one: VACUUM does not run within a transaction.
        for statement in TABLES.split(';') {
            self.client.batch_execute(statement)?;
        }
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints one line: medians in milliseconds a query, and the spread of the rounds' ratios.
fn report(name: &str, ours: &[f64], theirs: &[f64], recall: &str) {
    let mut ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| b / a).collect();
    ratios.sort_by(f64::total_cmp);
    let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
    let (a, b) = (median(ours.to_vec()), median(theirs.to_vec()));
    println!(
        "| {name} | {a:.3} ms | {b:.3} ms | {:.2} ({low:.2} to {high:.2}) | {recall} |",
        b / a
    );
}

/// Milliseconds that `work` takes on each side, round by round in turns, after one to warm up.
fn alternate(
    sides: &mut [Side; 2],
    rounds: usize,
    mut work: impl FnMut(usize, &mut Client) -> Result<()>,
) -> Result<[Vec<f64>; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        for (i, side) in sides.iter_mut().enumerate() {
            let started = Instant::now();
            work(i, &mut side.client)?;
            if round > 0 {
                times[i].push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    Ok(times)
}

fn exact(sides: &mut [Side; 2], work: &Work, operator: &str, rounds: usize) -> Result<()> {
    let query = format!("SELECT id FROM items ORDER BY v {operator} $1 LIMIT 10");
    let statements = [
        sides[0].client.prepare(&query)?,
        sides[1].client.prepare(&query)?,
    ];
    let mut hits = [0, 0];
    let times = alternate(sides, rounds, |i, client| {
        for (query, truth) in work.queries.iter().zip(&work.truth) {
            let rows = client.query(&statements[i], &[query])?;
            let found = rows.iter().filter(|row| truth.contains(&row.get(0)));
            hits[i] += found.count();
        }
        Ok(())
    })?;
    let all = work.truth.iter().map(HashSet::len).sum::<usize>() * (rounds + 1);
    let recall = hits.map(|hits| hits as f64 / all as f64);
    let recall = if operator == "<+>" {
        "(another order)".to_owned()
    } else {
        format!("{:.4} / {:.4}", recall[0], recall[1])
    };
    let each = times.map(|times| {
        let queries = work.queries.len() as f64;
        times.into_iter().map(|t| t / queries).collect::<Vec<_>>()
    });
    report(
        &format!("exact top 10 by `{operator}`"),
        &each[0],
        &each[1],
        &recall,
    );
    Ok(())
}

fn forms(sides: &mut [Side; 2], name: &str, query: &str, rounds: usize) -> Result<()> {
    let times = alternate(sides, rounds, |_, client| {
        client.query(query, &[])?;
        Ok(())
    })?;
    report(name, &times[0], &times[1], "");
    Ok(())
}
