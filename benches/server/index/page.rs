//! The figures of a run as a page.

use super::change::{CLIENTS, SHARE, TRANSACTION};
use super::markdown::{grouped, megabytes, number, spread, table};
use super::report::{At, Engine, Measured, Run, TARGETS};
use super::stats::Spread;
use super::summary::summary;
use super::{Arguments, K};

/// How it was measured, whatever the run.
const METHOD: &str = "\
Two private servers with the same settings, one with each extension; the same rows, the same
questions, which are no rows; one machine, one run, no other load. One client over a unix socket,
prepared statements, binary parameters, no parallel workers for queries. Table and index are in
shared buffers: the table was read and every question asked before anything counts. The sides take
turns at each value of `hnsw.ef_search`, and every second round begins with the other. Figures are
medians of rounds, in brackets the lowest and the highest round; ratios are taken within a round.
Rates at a recall are interpolated between neighbouring points of a side's best, linearly in recall
and in the logarithm of the rate; where even the cheapest setting finds more, the rate stands with
≥; where no setting finds as much, there is a dash. Recall is by ids, against all rows measured
one by one in float64; a row exactly as near as the tenth counts as well.";

/// The whole page.
pub fn page(run: &Run, picture: Option<&str>) -> String {
    let mut parts = vec![
        format!("# The index beside pgvector: {}", run.data.name),
        about(run),
        METHOD.to_owned(),
        configuration(run),
    ];
    if !run.doubts.is_empty() {
        let doubts = run.doubts.join("; ");
        parts.push(format!(
            "**Doubtful**, others may have used the machine: {doubts}."
        ));
    }
    parts.extend(picture.map(|file| format!("![Queries a second by recall]({file})")));
    parts.push("## Side by side".into());
    parts.push(summary(run));
    parts.extend(searching(run));
    parts.extend(building(run));
    parts.extend(inserting(run));
    parts.extend(deleting(run));
    parts.push("## Sweeps".into());
    for engine in &run.engines {
        parts.push(format!("### {}", engine.name));
        parts.push(sweep(engine));
    }
    parts.join("\n\n") + "\n"
}

fn about(run: &Run) -> String {
    let (data, machine) = (&run.data, &run.machine);
    let engines = run
        .engines
        .each_ref()
        .map(|e| format!("{} {}", e.name, e.version));
    format!(
        "{}, `{}`: {} rows of {} dimensions, {} questions, recall@{K}, {} rounds. {}, {}; {}, {} \
         cores, Linux {}, load {} at the start.",
        run.date,
        run.command,
        grouped(data.rows as f64),
        data.dims,
        grouped(data.queries as f64),
        run.options.rounds,
        run.postgresql,
        engines.join(", "),
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.load
    )
}

fn configuration(run: &Run) -> String {
    format!(
        "    {}\n    hnsw.iterative_scan = {}\n    {}",
        run.create_index,
        run.options.iterative_scan,
        run.settings.join("\n    ")
    )
}

fn searching(run: &Run) -> Vec<String> {
    vec![
        "## Queries a second".into(),
        rates(run),
        "As a share of `SELECT 1` / of `SELECT n FROM items WHERE id = $1`, prepared, on the \
         same connection:"
            .into(),
        shares(run),
        "## At the first setting that finds as much".into(),
        "Shared buffers, found and read, by `EXPLAIN (ANALYZE, BUFFERS)` of the same statement, \
         the rows' own pages among them; latencies in milliseconds, of all rounds' queries."
            .into(),
        first(run),
    ]
}

fn rates(run: &Run) -> String {
    let rate = |engine: &Engine, at: &At| match at.rate {
        Some(rate) if at.lower_bound => format!("≥ {}", spread(&rate, 0)),
        Some(rate) => spread(&rate, 0),
        None => format!("- (best: {:.4})", best(engine)),
    };
    let mut rows = Vec::new();
    for engine in &run.engines {
        let mut cells = vec![engine.name.to_owned()];
        cells.extend(engine.at.iter().map(|at| rate(engine, at)));
        rows.push(cells);
    }
    let mut cells = vec!["vector_ext / pgvector".to_owned()];
    for ratio in &run.ratios {
        cells.push(ratio.ratio.map_or("-".into(), |ratio| spread(&ratio, 2)));
    }
    rows.push(cells);
    table(&head(&[""]), rows)
}

fn shares(run: &Run) -> String {
    let mut rows = Vec::new();
    for engine in &run.engines {
        let (constant, by_key) = (&engine.select_one, &engine.primary_key);
        let mut cells = vec![
            engine.name.to_owned(),
            spread(constant, 0),
            spread(by_key, 0),
        ];
        for at in &engine.at {
            cells.push(at.rate.map_or("-".into(), |rate| {
                let share = |of: &Spread| 100.0 * rate.middle / of.middle;
                format!("{:.1} % / {:.1} %", share(constant), share(by_key))
            }));
        }
        rows.push(cells);
    }
    table(&head(&["", "`SELECT 1`, /s", "by primary key, /s"]), rows)
}

/// Recalls as column heads, after others.
fn head(first: &[&str]) -> Vec<String> {
    let first = first.iter().map(|&name| name.to_owned());
    first
        .chain(TARGETS.map(|recall| format!("recall {recall}")))
        .collect()
}

fn best(engine: &Engine) -> f64 {
    engine
        .points
        .iter()
        .map(|point| point.recall)
        .fold(0.0, f64::max)
}

const COLUMNS: [&str; 7] = [
    "ef_search",
    "recall@10",
    "queries/s",
    "p50",
    "p95",
    "p99",
    "shared buffers",
];

fn columns(point: &Measured) -> Vec<String> {
    let latency = point.latency;
    let mut cells = vec![
        point.ef.to_string(),
        format!("{:.4}", point.recall),
        spread(&point.rate, 0),
    ];
    cells.extend([latency.p50, latency.p95, latency.p99].map(|ms| format!("{ms:.3}")));
    cells.push(number(point.buffers.touched(), 1));
    cells
}

fn first(run: &Run) -> String {
    let mut rows = Vec::new();
    for place in 0..TARGETS.len() {
        for engine in &run.engines {
            let at = &engine.at[place];
            if let Some(point) = &at.first {
                let mut cells = vec![format!("≥ {}", at.recall), engine.name.to_owned()];
                cells.extend(columns(point));
                rows.push(cells);
            }
        }
    }
    let names: Vec<&str> = ["recall", ""].into_iter().chain(COLUMNS).collect();
    table(&names, rows)
}

fn sweep(engine: &Engine) -> String {
    table(&COLUMNS, engine.points.iter().map(columns).collect())
}

fn building(run: &Run) -> Vec<String> {
    let rows = run.engines.iter().map(|engine| {
        let (built, peak) = (&engine.built, &engine.built.peak);
        vec![
            engine.name.to_owned(),
            spread(&built.spread, 1),
            format!("{} / {}", peak.processes, peak.threads),
            number(built.cores, 2),
            number(megabytes(peak.bytes as f64), 0),
            number(megabytes(peak.private as f64), 0),
            number(megabytes(peak.shared as f64), 0),
            number(megabytes(peak.reserved as f64), 0),
            number(megabytes(built.bytes as f64), 1),
            number(built.bytes_per_row, 0),
            number(megabytes(built.wal_bytes as f64), 1),
            number(built.cancel_milliseconds, 0),
        ]
    });
    let names = [
        "",
        "s",
        "processes / threads",
        "cores used",
        "peak MB",
        "private MB",
        "shared MB",
        "reserved MB",
        "index MB",
        "bytes a row",
        "WAL MB",
        "cancel ms",
    ];
    vec![
        "## Building".into(),
        format!(
            "`CREATE INDEX` {} times on each side, by turns: the one of median seconds, in brackets \
             the fastest and the slowest. The backend and its workers were looked at 20 times a second: processes and threads are the most seen at once; cores used are \
             their CPU seconds by the seconds of the build. Peak memory is resident and at one \
             moment: `RssAnon` of all of them, dynamic shared memory that was touched, counted \
             once, and mapped files of the backend beyond those it began with. Shared buffers \
             are not counted. Reserved is dynamic shared memory that the machine had to give, \
             touched or not. MB are as PostgreSQL counts them, 1,048,576 bytes. Before each build \
             another is cancelled half way: how long it then takes to end, at most.",
            super::build::TIMES
        ),
        table(&names, rows.collect()),
    ]
}

fn inserting(run: &Run) -> Vec<String> {
    let Arguments {
        inserts, rounds, ..
    } = run.options;
    let rows = run.engines.iter().map(|engine| {
        let inserted = &engine.inserted;
        let [one, four] = inserted.rates();
        vec![
            engine.name.to_owned(),
            spread(&one, 0),
            spread(&four, 0),
            spread(&Spread::of(&inserted.wal_bytes), 0),
            number(inserted.buffers.touched(), 1),
            number(inserted.buffers.read, 1),
            number(inserted.buffers.dirtied, 1),
        ]
    });
    let names = [
        "",
        "one client, rows/s",
        "four clients, rows/s",
        "WAL bytes a row",
        "shared buffers a row",
        "of these read",
        "dirtied",
    ];
    vec![
        "## Inserting into the built index".into(),
        format!(
            "{rounds} rounds of {} rows for one client, then as many for {CLIENTS} with rows of \
             their own. Prepared single-row `INSERT`s, transactions of {TRANSACTION} rows, \
             `synchronous_commit = off`. Each row is one of the base and half of another. \
             `full_page_writes = off` in this part, so that WAL does not hang on checkpoints. \
             WAL and buffers are those of table, primary key and index together, buffers by \
             `EXPLAIN (ANALYZE, BUFFERS)` of single `INSERT`s.",
            grouped(inserts as f64)
        ),
        table(&names, rows.collect()),
    ]
}

fn deleting(run: &Run) -> Vec<String> {
    let rows = run.engines.iter().map(|engine| {
        let deleted = &engine.deleted;
        let seconds = deleted.vacuum_seconds;
        vec![
            engine.name.to_owned(),
            grouped(deleted.rows as f64),
            number(deleted.delete_seconds, 2),
            number(seconds, 1),
            format!("{:.0} %", 100.0 * seconds / engine.built.seconds),
            number(megabytes(deleted.wal_bytes as f64), 1),
        ]
    });
    let names = [
        "",
        "rows",
        "`DELETE`, s",
        "`VACUUM`, s",
        "of the own build",
        "WAL of vacuum, MB",
    ];
    let costs = table(&names, rows.collect());
    let rows = run.engines.iter().flat_map(|engine| {
        engine.deleted.checked.iter().map(|checked| {
            vec![
                engine.name.to_owned(),
                checked.ef.to_string(),
                format!("{:.4}", checked.recall_before),
                format!("{:.4}", checked.recall_after),
                grouped(checked.rate_before),
                grouped(checked.rate_after),
            ]
        })
    });
    let names = [
        "",
        "ef_search",
        "recall before",
        "recall after",
        "queries/s before",
        "queries/s after",
    ];
    vec![
        format!("## Deleting one row in {SHARE}, and vacuum"),
        "The rows inserted above are in the table. Full-page images are on again, and a \
         checkpoint precedes the vacuum. Recall is among the rows there are, before the deletion \
         and after the vacuum; rates are medians of a few passes."
            .into(),
        costs,
        table(&names, rows.collect()),
    ]
}
