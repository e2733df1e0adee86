//! Every figure in a line, with who is ahead.

use super::markdown::{megabytes, number, table};
use super::report::{Engine, Run};
use super::stats::Spread;

/// Nearer than this, in the logarithm of the ratio, nobody is ahead.
const LEVEL: f64 = 0.01;

/// One figure of both sides.
struct Line {
    what: String,
    values: [Option<f64>; 2],
    digits: usize,
    more_is_better: bool,
}

impl Line {
    fn cells(&self) -> Vec<String> {
        let cell = |value: Option<f64>| value.map_or("-".into(), |v| number(v, self.digits));
        vec![
            self.what.clone(),
            cell(self.values[0]),
            cell(self.values[1]),
            self.ahead(),
        ]
    }

    /// Who is ahead, and how many times.
    fn ahead(&self) -> String {
        let [Some(ours), Some(theirs)] = self.values else {
            return "-".into();
        };
        let ours_over = if self.more_is_better {
            ours / theirs
        } else {
            theirs / ours
        };
        if (ours_over.ln()).abs() < LEVEL {
            "level".into()
        } else if ours_over >= 1.0 {
            format!("vector_ext, {ours_over:.2}x")
        } else {
            format!("pgvector, {:.2}x", 1.0 / ours_over)
        }
    }
}

/// The table.
pub fn summary(run: &Run) -> String {
    let line = |what: &str, digits, more_is_better, value: &dyn Fn(&Engine) -> Option<f64>| {
        let values = run.engines.each_ref().map(value);
        let what = what.to_owned();
        let line = Line {
            what,
            values,
            digits,
            more_is_better,
        };
        line.cells()
    };
    let mut rows = Vec::new();
    for (place, at) in run.engines[0].at.iter().enumerate() {
        let what = format!("queries/s at recall {}", at.recall);
        rows.push(line(&what, 0, true, &|e| {
            let at = &e.at[place];
            at.rate.filter(|_| !at.lower_bound).map(|rate| rate.middle)
        }));
    }
    for (place, at) in run.engines[0].at.iter().enumerate().take(2) {
        let what = format!("shared buffers of a query, recall from {}", at.recall);
        rows.push(line(&what, 1, false, &|e| {
            e.at[place]
                .first
                .as_ref()
                .map(|first| first.buffers.touched())
        }));
    }
    rows.extend([
        line("build, s", 1, false, &|e| Some(e.built.seconds)),
        line("build, peak memory, MB", 0, false, &|e| {
            Some(megabytes(e.built.peak.bytes as f64))
        }),
        line("build, WAL, MB", 0, false, &|e| {
            Some(megabytes(e.built.wal_bytes as f64))
        }),
        line("index, bytes a row", 0, false, &|e| {
            Some(e.built.bytes_per_row)
        }),
        line("inserted rows/s, one client", 0, true, &|e| {
            Some(e.inserted.rates()[0].middle)
        }),
        line("inserted rows/s, four clients", 0, true, &|e| {
            Some(e.inserted.rates()[1].middle)
        }),
        line("WAL bytes of an inserted row", 0, false, &|e| {
            Some(Spread::of(&e.inserted.wal_bytes).middle)
        }),
        line("shared buffers of an inserted row", 1, false, &|e| {
            Some(e.inserted.buffers.touched())
        }),
        line("vacuum, s", 1, false, &|e| Some(e.deleted.vacuum_seconds)),
        line("vacuum, % of the own build", 0, false, &|e| {
            Some(100.0 * e.deleted.vacuum_seconds / e.built.seconds)
        }),
    ]);
    table(&["", "vector_ext", "pgvector", "ahead"], rows)
}
