//! Streams: the rows of a graph, with bounds of their distances as the operator gives them.

use crate::hnsw::{Index, Listing, Ranking, Row, Scan};
use crate::index::Continue;
use crate::pg::am::hnsw::value::SqlSpace;
use crate::pg::am::left_out;
use crate::pg::am::method::{Cost, FoundRow, Stream};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;
use crate::search::{Bounded, Within, ordered, unordered};

/// The nearest rows.
pub struct GraphStream<'i, V: SqlSpace> {
    pub index: &'i Index<'static, PgStore, V>,
    pub scan: Scan<'i, 'static, PgStore, V>,
    pub go_on: Continue,
}

impl<V: SqlSpace> Stream for GraphStream<'_, V> {
    fn is_ready(&self) -> bool {
        self.scan.is_ready()
    }

    fn floor(&self) -> f64 {
        if self.go_on == Continue::Never {
            f64::INFINITY
        } else {
            // Estimates have led it, so what it has not met may be as near as anything.
            f64::NEG_INFINITY
        }
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure> {
        let row = self.scan.next_row()?;
        let row = row.map(|row| bounded(self.index.space(), row));
        if let Some(found) = &row {
            left_out::note(&found.row);
        }
        Ok(row)
    }

    fn limit(&mut self, within: Within) {
        let distance = measure_of(self.index.space(), within.distance);
        self.scan.limit_distance(distance);
    }

    fn go_on(&self) -> Continue {
        self.go_on
    }

    fn cost(&self) -> Cost {
        Cost {
            nodes: self.scan.nodes_read(),
            restarts: self.scan.walks().saturating_sub(1),
        }
    }
}

/// A row as it is shown.
fn bounded(space: &impl SqlSpace, row: Row) -> Bounded<FoundRow> {
    Bounded {
        row: FoundRow {
            tid: row.tid,
            node: Some(row.node),
        },
        // Where both overflow, nothing is known.
        lower: or(space.shown(row.distance - row.doubt), f64::NEG_INFINITY),
        upper: or(space.shown(row.distance + row.doubt), f64::INFINITY),
    }
}

/// A distance in float32 may be off by this share of itself, for sums of 16,000 numbers are rounded at each
/// step. A row at just `d` must not be lost to a condition `<= d`.
const ROUNDED_SHARE: f64 = 1.0 / 65_536.0;

/// The largest distance in a space's measure that is shown as `distance` or less, apart from rounding; negative
/// infinity if there is none. The shown distance grows with the measured one, so the largest is found by
/// halving.
fn measure_of(space: &impl SqlSpace, distance: f64) -> f32 {
    let limit = distance + ROUNDED_SHARE * distance.abs();
    let is_within = |measure: f32| space.shown(measure) <= limit;
    if is_within(f32::MAX) {
        return f32::INFINITY;
    }
    let (mut low, mut high) = (ordered(f32::MIN), ordered(f32::MAX));
    if !is_within(f32::MIN) {
        return f32::NEG_INFINITY;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_within(unordered(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    unordered(low)
}

fn or(bound: f64, unknown: f64) -> f64 {
    if bound.is_nan() { unknown } else { bound }
}

/// Rows that were ranked.
pub struct RankedStream<'i, V: SqlSpace> {
    pub index: &'i Index<'static, PgStore, V>,
    pub ranking: Ranking<'i, 'static, PgStore, V>,
}

impl<V: SqlSpace> Stream for RankedStream<'_, V> {
    fn is_ready(&self) -> bool {
        true
    }

    fn floor(&self) -> f64 {
        f64::INFINITY
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure> {
        let row = self.ranking.next_row()?;
        Ok(row.map(|row| bounded(self.index.space(), row)))
    }

    fn limit(&mut self, within: Within) {
        let distance = measure_of(self.index.space(), within.distance);
        self.ranking.limit_distance(distance);
    }

    fn go_on(&self) -> Continue {
        Continue::Never
    }

    fn cost(&self) -> Cost {
        Cost {
            nodes: self.ranking.reads(),
            restarts: 0,
        }
    }
}

/// All rows, for a query that is as far from each: NULL, or a zero vector under cosine.
pub struct Everything<'i, V: SqlSpace> {
    pub list: Listing<'i, 'static, PgStore, V>,
    /// Whether their distance is NULL; it is not a number otherwise.
    pub is_null: bool,
    pub rows: u64,
    pub ended: bool,
}

impl<V: SqlSpace> Stream for Everything<'_, V> {
    fn is_ready(&self) -> bool {
        false
    }

    fn floor(&self) -> f64 {
        0.0
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure> {
        if self.ended {
            return Ok(None);
        }
        self.rows += 1;
        Ok(self.list.next_row()?.map(|tid| Bounded {
            row: FoundRow { tid, node: None },
            lower: 0.0,
            upper: 0.0,
        }))
    }

    fn limit(&mut self, within: Within) {
        let passes = if self.is_null {
            within.null
        } else {
            within.nan
        };
        self.ended = !passes;
    }

    fn go_on(&self) -> Continue {
        Continue::Never
    }

    fn has_order(&self) -> bool {
        false
    }

    fn cost(&self) -> Cost {
        Cost {
            nodes: self.rows,
            restarts: 0,
        }
    }
}
