//! Streams: the rows of lists, with bounds of their distances as the operator gives them.

use std::marker::PhantomData;

use crate::index::Continue;
use crate::ivf::{ListsRow, ListsScan, ScanCost};
use crate::pg::am::ivfflat::column::ListsColumn;
use crate::pg::am::method::{Cost, FoundRow, Probed, Stream};
use crate::pg::am::shown::{measured_within, within_doubt};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;
use crate::search::{Bounded, Within};
use crate::values::Metric;

/// The nearest rows, of a column of type `C`.
pub struct ListsStream<'i, C> {
    scan: ListsScan<'i, 'static, PgStore>,
    metric: Metric,
    go_on: Continue,
    /// Whether there is no further row.
    drained: bool,
    restarts: u64,
    column: PhantomData<fn(C)>,
}

impl<'i, C: ListsColumn> ListsStream<'i, C> {
    /// The rows of a scan.
    pub fn new(scan: ListsScan<'i, 'static, PgStore>, metric: Metric, go_on: Continue) -> Self {
        Self {
            scan,
            metric,
            go_on,
            drained: false,
            restarts: 0,
            column: PhantomData,
        }
    }

    fn bounded(&self, row: ListsRow) -> Bounded<FoundRow> {
        let found = FoundRow {
            tid: row.tid,
            node: None,
        };
        within_doubt(found, (row.distance, row.doubt), |measure| {
            C::shown(self.metric, measure)
        })
    }
}

impl<C: ListsColumn> Stream for ListsStream<'_, C> {
    fn is_ready(&self) -> bool {
        self.scan.is_ready()
    }

    fn floor(&self) -> f64 {
        if self.go_on == Continue::Never || self.drained {
            f64::INFINITY
        } else {
            f64::NEG_INFINITY
        }
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure> {
        let read = self.scan.cost().lists;
        let row = self.scan.next_row()?;
        self.drained = row.is_none();
        self.restarts += u64::from(read > 0 && self.scan.cost().lists > read);
        Ok(row.map(|row| self.bounded(row)))
    }

    fn limit(&mut self, within: Within) {
        if within.distance < f64::INFINITY {
            let shown = |measure| C::shown(self.metric, measure);
            self.scan
                .limit_distance(measured_within(within.distance, shown));
        }
    }

    fn expect_rows(&mut self, rows: f64) {
        self.scan.expect_rows(rows as usize);
    }

    fn go_on(&self) -> Continue {
        self.go_on
    }

    /// Rows of lists that were read since may be nearer, and so may rows whose codes told too much of their distance.
    fn finds_late(&self) -> bool {
        self.go_on != Continue::Relaxed
    }

    fn cost(&self) -> Cost {
        Cost {
            probed: probed(self.scan.cost()),
            restarts: self.restarts,
            ..Cost::default()
        }
    }
}

fn probed(cost: ScanCost) -> Probed {
    Probed {
        lists: cost.lists,
        estimated: cost.estimated,
        refined: cost.measured,
    }
}
