//! The figures of a run, and its files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use serde::Serialize;

use super::build::{self, Built};
use super::change::{Deleted, Inserted};
use super::search::{Point, Sweep};
use super::side::{Buffers, Side, settings};
use super::stats::{Latency, Spread, rate_at};
use super::support::{Result, project};
use super::{Arguments, Bench, page, summary};

/// The recalls that sides are compared at.
pub const TARGETS: [f64; 3] = [0.95, 0.99, 0.999];
/// `SELECT 1` is the same on both sides; where its rounds differ more, others used the machine.
const STEADY: f64 = 1.25;
/// A build that got less of its cores than this was disturbed, or does not use them.
const BUSY: f64 = 0.8;

/// All that the JSON file has.
#[derive(Serialize)]
pub struct Run {
    /// Of the run.
    pub date: String,
    /// How to run it again.
    pub command: String,
    /// Where it ran.
    pub machine: Machine,
    /// Of the server.
    pub postgresql: String,
    /// What was searched.
    pub data: About,
    /// Options of the bench.
    pub options: Arguments,
    /// Lines of `postgresql.conf`.
    pub settings: Vec<String>,
    /// How the index was made.
    pub create_index: String,
    /// Ours, then pgvector.
    pub engines: [Engine; 2],
    /// Rates at recalls, ours by pgvector's, round by round.
    pub ratios: [Ratio; 3],
    /// Signs that the machine was busy with other things.
    pub doubts: Vec<String>,
}

/// Where it ran; no names of hosts or folders.
#[derive(Serialize)]
pub struct Machine {
    /// As it calls itself.
    pub cpu: String,
    /// That this process may use.
    pub cores: usize,
    /// The release of Linux.
    pub kernel: String,
    /// Of the last minute, when the run began.
    pub load: String,
}

/// What was searched.
#[derive(Serialize)]
pub struct About {
    /// Of the data.
    pub name: String,
    /// When the index was built.
    pub rows: usize,
    /// Elements of a vector.
    pub dims: usize,
    /// Questions.
    pub queries: usize,
}

/// One extension.
#[derive(Serialize)]
pub struct Engine {
    /// What people call it.
    pub name: &'static str,
    /// Of the extension.
    pub version: String,
    /// Building.
    pub built: Built,
    /// Queries a second of `SELECT 1`.
    pub select_one: Spread,
    /// Queries a second by primary key.
    pub primary_key: Spread,
    /// At each of [`TARGETS`].
    pub at: [At; 3],
    /// By `hnsw.ef_search`.
    pub points: Vec<Measured>,
    /// Inserting.
    pub inserted: Inserted,
    /// Deleting.
    pub deleted: Deleted,
}

/// One value of `hnsw.ef_search`.
#[derive(Clone, Serialize)]
pub struct Measured {
    /// The value.
    pub ef: u32,
    /// The share of the true nearest that were found.
    pub recall: f64,
    /// Queries a second.
    pub rate: Spread,
    /// Queries a second, round by round.
    pub rounds: Vec<f64>,
    /// Milliseconds of a query.
    pub latency: Latency,
    /// Shared buffers touched by a query.
    pub buffers: Buffers,
}

/// What it takes to find so much.
#[derive(Serialize)]
pub struct At {
    /// The share of the true nearest.
    pub recall: f64,
    /// Queries a second, interpolated; none where no setting finds as much.
    pub rate: Option<Spread>,
    /// Even the cheapest setting finds more.
    pub lower_bound: bool,
    /// The first setting that finds as much.
    pub first: Option<Measured>,
}

/// Ours by pgvector's.
#[derive(Serialize)]
pub struct Ratio {
    /// At this recall.
    pub recall: f64,
    /// None where a side does not reach it, or has only a bound.
    pub ratio: Option<Spread>,
}

impl Machine {
    /// As it is when a run begins.
    pub fn read() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.and_then(|line| line.split_once(": "));
        let load = read("/proc/loadavg");
        Ok(Self {
            cpu: model.map_or("unknown CPU", |(_, name)| name).to_owned(),
            cores: available_parallelism()?.get(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

/// What the parts of the bench gave; ours, then pgvector's.
pub struct Results {
    /// Building.
    pub built: [Built; 2],
    /// Searching.
    pub sweeps: [Sweep; 2],
    /// Inserting.
    pub inserted: [Inserted; 2],
    /// Deleting.
    pub deleted: [Deleted; 2],
}

impl Run {
    /// Puts the figures together.
    pub fn new(
        machine: Machine,
        sides: &[Side; 2],
        bench: &Bench,
        results: Results,
    ) -> Result<Self> {
        let ratios = TARGETS.map(|recall| ratio(&results.sweeps, recall));
        let [our_build, their_build] = results.built;
        let [our_inserts, their_inserts] = results.inserted;
        let [our_deletion, their_deletion] = results.deleted;
        let engines = [
            Engine::new(
                &sides[0],
                &results.sweeps[0],
                (our_build, our_inserts, our_deletion),
            ),
            Engine::new(
                &sides[1],
                &results.sweeps[1],
                (their_build, their_inserts, their_deletion),
            ),
        ];
        let doubts = engines
            .iter()
            .flat_map(|engine| doubts(engine, machine.cores));
        let cluster = &sides[0].cluster;
        Ok(Self {
            date: cluster.text("SELECT current_date")?,
            command: command(),
            postgresql: cluster.installation().version().to_owned(),
            data: About {
                name: bench.data.name.clone(),
                rows: bench.data.built,
                dims: bench.data.dims(),
                queries: bench.data.questions.len(),
            },
            options: bench.arguments.clone(),
            settings: settings(&bench.arguments)?,
            create_index: build::statement(&bench.arguments),
            doubts: doubts.collect(),
            machine,
            engines,
            ratios,
        })
    }
}

impl Engine {
    fn new(
        side: &Side,
        sweep: &Sweep,
        (built, inserted, deleted): (Built, Inserted, Deleted),
    ) -> Self {
        let points: Vec<Measured> = sweep.points.iter().map(measured).collect();
        Self {
            name: side.name,
            version: side.version.clone(),
            built,
            select_one: Spread::of(&sweep.select_one),
            primary_key: Spread::of(&sweep.primary_key),
            at: TARGETS.map(|recall| at(sweep, &points, recall)),
            points,
            inserted,
            deleted,
        }
    }
}

/// What was called, without folders.
fn command() -> String {
    let mut options = Vec::new();
    let mut given = std::env::args().skip(1);
    while let Some(option) = given.next() {
        match option.as_str() {
            "--bench" => {}
            "--data" | "--results" => drop(given.next()),
            other if other.starts_with("--data=") || other.starts_with("--results=") => {}
            _ => options.push(option),
        }
    }
    if options.is_empty() {
        "make bench-index".into()
    } else {
        format!("make bench-index INDEX='{}'", options.join(" "))
    }
}

fn measured(point: &Point) -> Measured {
    Measured {
        ef: point.ef,
        recall: point.recall,
        rate: Spread::of(&point.rates),
        rounds: point.rates.clone(),
        latency: point.latency(),
        buffers: point.buffers,
    }
}

/// The rate at a recall in every round, or none if a round did not reach it.
fn rates(sweep: &Sweep, recall: f64) -> Option<Vec<(f64, bool)>> {
    let rounds = sweep.select_one.len();
    (0..rounds)
        .map(|round| rate_at(sweep.pairs(round), recall))
        .collect()
}

fn at(sweep: &Sweep, points: &[Measured], recall: f64) -> At {
    let rates = rates(sweep, recall);
    At {
        recall,
        lower_bound: rates.iter().flatten().any(|(_, bound)| *bound),
        rate: rates.map(|rates| {
            let rates: Vec<f64> = rates.into_iter().map(|(rate, _)| rate).collect();
            Spread::of(&rates)
        }),
        first: points.iter().find(|point| point.recall >= recall).cloned(),
    }
}

fn ratio(sweeps: &[Sweep; 2], recall: f64) -> Ratio {
    let both = rates(&sweeps[0], recall).zip(rates(&sweeps[1], recall));
    let ratio = both.and_then(|(ours, theirs)| {
        let pairs = ours.into_iter().zip(theirs);
        let ratios = pairs.map(|(a, b)| (!a.1 && !b.1).then_some(a.0 / b.0));
        Some(Spread::of(&ratios.collect::<Option<Vec<f64>>>()?))
    });
    Ratio { recall, ratio }
}

fn doubts(engine: &Engine, cores: usize) -> Vec<String> {
    let mut found = Vec::new();
    let had = engine.built.cores;
    if had < BUSY * cores as f64 {
        found.push(format!(
            "{} built with {had:.1} of {cores} cores",
            engine.name
        ));
    }
    let Spread {
        lowest, highest, ..
    } = engine.select_one;
    if highest > STEADY * lowest {
        found.push(format!(
            "`SELECT 1` beside {} ran {lowest:.0} to {highest:.0} times a second",
            engine.name
        ));
    }
    for point in &engine.points {
        if point.buffers.read >= 1.0 {
            found.push(format!(
                "{} read from outside shared buffers at {}",
                engine.name, point.ef
            ));
        }
    }
    found
}

/// Writes the files, and prints the first table of the page.
pub fn write(run: &Run, arguments: &Arguments) -> Result<()> {
    fs::create_dir_all(&arguments.results)?;
    let name = format!("index-{}", run.data.name);
    let file = |extension: &str| arguments.results.join(format!("{name}.{extension}"));
    fs::write(file("json"), serde_json::to_string_pretty(run)? + "\n")?;
    let picture = draw(&file("json"), &file("svg"))?.then(|| format!("{name}.svg"));
    fs::write(file("md"), page::page(run, picture.as_deref()))?;
    println!("{}", summary::summary(run));
    println!("\n{}", file("md").display());
    Ok(())
}

/// Draws where the Python of `make bench-graph` is; whether there is a picture.
fn draw(figures: &Path, picture: &Path) -> Result<bool> {
    let python = project("target/venv/bin/python");
    if !python.exists() {
        return Ok(false);
    }
    let script = project("benches/server/index/draw.py");
    let status = Command::new(python)
        .arg(script)
        .args([figures, picture])
        .status()?;
    Ok(status.success())
}
