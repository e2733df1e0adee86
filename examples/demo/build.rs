//! `CREATE INDEX`, with its progress as another session sees it.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use postgres::Client;

use super::search::INDEX;
use super::support::Result;

const CREATE: &str = "CREATE INDEX passages_embedding ON passages
    USING hnsw (embedding vector_cosine_ops)";

/// What any session may ask while an index is built.
const PROGRESS: &str = "SELECT phase, blocks_done, blocks_total, tuples_done, tuples_total
    FROM pg_stat_progress_create_index WHERE relid = 'passages'::regclass";

/// Pages and rows of the table, pages and bytes of the index.
const SIZES: &str = "SELECT pg_relation_size('passages') / setting::bigint,
    (SELECT count(*) FROM passages),
    pg_relation_size($1::text::regclass) / setting::bigint, pg_relation_size($1::text::regclass)
    FROM pg_settings WHERE name = 'block_size'";

const INTERVAL: Duration = Duration::from_millis(10);

/// Phases of a build, in their order, and what each counts.
const PHASES: [(&str, &str); 3] = [
    ("loading tuples", "pages read"),
    ("building graph", "rows linked"),
    ("writing pages", "pages written"),
];

/// A bar for each phase.
struct Bars(Vec<ProgressBar>);

impl Bars {
    fn new() -> Result<Self> {
        let group = MultiProgress::new();
        let mut bars = Vec::new();
        for (number, (phase, counted)) in PHASES.iter().enumerate() {
            // How many pages an index will have is known when all are written.
            let total = if number == 2 { "" } else { "/{human_len}" };
            let template = format!("  {phase:<16}  {{bar:36}} {{human_pos}}{total} {counted}");
            let bar = ProgressBar::no_length().with_style(ProgressStyle::with_template(&template)?);
            bars.push(group.add(bar));
        }
        Ok(Self(bars))
    }

    /// Draws what the server says of the build.
    fn draw(&self, watcher: &mut Client) -> Result<()> {
        let Some(row) = watcher.query_opt(PROGRESS, &[])? else {
            return Ok(());
        };
        let phase: &str = row.try_get("phase")?;
        let Some(current) = PHASES.iter().position(|(name, _)| phase.ends_with(name)) else {
            return Ok(());
        };
        for (bar, &length) in self.0[..current].iter().zip(&self.lengths()) {
            bar.set_position(length);
        }
        let unit = if current == 1 { "tuples" } else { "blocks" };
        if current < 2 {
            let total: i64 = row.try_get(format!("{unit}_total").as_str())?;
            self.0[current].set_length(total.try_into()?);
        }
        let done: i64 = row.try_get(format!("{unit}_done").as_str())?;
        self.0[current].set_position(done.try_into()?);
        Ok(())
    }

    fn lengths(&self) -> Vec<u64> {
        let lengths = self.0.iter().map(ProgressBar::length);
        lengths.map(Option::unwrap_or_default).collect()
    }

    /// Fills the bars. Phases of a small build pass between two looks, so the totals come from what
    /// was built.
    fn finish(&self, totals: [i64; 3]) -> Result<()> {
        for (bar, total) in self.0.iter().zip(totals) {
            bar.set_length(total.try_into()?);
            bar.set_position(total.try_into()?);
            bar.finish();
        }
        Ok(())
    }
}

/// Builds the index by one session and shows its progress by another.
pub fn build(client: &mut Client, watcher: &mut Client) -> Result<()> {
    println!("{CREATE};");
    let bars = Bars::new()?;
    let started = Instant::now();
    scope(|threads| {
        let building = threads.spawn(|| client.batch_execute(CREATE));
        while !building.is_finished() {
            bars.draw(watcher)?;
            sleep(INTERVAL);
        }
        let built = building.join().map_err(|_| "the build's thread failed")?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(built?)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let sizes = watcher.query_one(SIZES, &[&INDEX])?;
    let (rows, bytes): (i64, i64) = (sizes.try_get(1)?, sizes.try_get(3)?);
    bars.finish([sizes.try_get(0)?, rows, sizes.try_get(2)?])?;
    println!(
        "  built in {seconds:.2} s; {}.{} MB, {} bytes a row",
        bytes / 1_000_000,
        bytes / 100_000 % 10,
        bytes / rows
    );
    println!("  (any session can watch a build: SELECT * FROM pg_stat_progress_create_index)\n");
    Ok(())
}
