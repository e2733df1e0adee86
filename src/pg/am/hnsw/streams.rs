//! Streams: the rows of a graph, with bounds of their distances as the operator gives them.

use crate::hnsw::{Index, Ranking, Row, Scan};
use crate::index::Continue;
use crate::pg::am::hnsw::value::SqlSpace;
use crate::pg::am::left_out;
use crate::pg::am::method::{Cost, FoundRow, Stream};
use crate::pg::am::shown::{measured_within, within_doubt};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;
use crate::search::{Bounded, Within};

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

    fn finds_late(&self) -> bool {
        false
    }

    fn cost(&self) -> Cost {
        Cost {
            nodes: self.scan.nodes_read(),
            restarts: self.scan.walks().saturating_sub(1),
            ..Cost::default()
        }
    }
}

/// A row as it is shown.
fn bounded(space: &impl SqlSpace, row: Row) -> Bounded<FoundRow> {
    let found = FoundRow {
        tid: row.tid,
        node: Some(row.node),
    };
    within_doubt(found, (row.distance, row.doubt), |measure| {
        space.shown(measure)
    })
}

/// As [`measured_within`], of a space.
fn measure_of(space: &impl SqlSpace, distance: f64) -> f32 {
    measured_within(distance, |measure| space.shown(measure))
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

    fn finds_late(&self) -> bool {
        false
    }

    fn cost(&self) -> Cost {
        Cost {
            nodes: self.ranking.reads(),
            ..Cost::default()
        }
    }
}
