//! Streams: the rows of lists, with bounds of their distances as the operator gives them.

use std::collections::VecDeque;
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
    /// How near the farthest row may be that was given. Rows that may be nearer come late: they are of lists that were
    /// read since, or their codes told too much of their distance.
    given: f32,
    /// Those rows.
    late: VecDeque<ListsRow>,
    /// Whether only those are left.
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
            given: f32::NEG_INFINITY,
            late: VecDeque::new(),
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

    /// The next row in the order that the setting asks for.
    fn next_row(&mut self) -> Result<Option<ListsRow>, Failure> {
        while !self.drained {
            let read = self.scan.cost().lists;
            let Some(row) = self.scan.next_row()? else {
                self.drained = true;
                break;
            };
            self.restarts += u64::from(read > 0 && self.scan.cost().lists > read);
            let lower = row.distance - row.doubt;
            if self.go_on != Continue::Relaxed && lower < self.given {
                self.late.try_reserve(1)?;
                self.late.push_back(row);
                continue;
            }
            self.given = self.given.max(lower);
            return Ok(Some(row));
        }
        Ok(self.late.pop_front())
    }
}

impl<C: ListsColumn> Stream for ListsStream<'_, C> {
    fn is_ready(&self) -> bool {
        if self.drained {
            !self.late.is_empty()
        } else {
            self.scan.is_ready()
        }
    }

    fn floor(&self) -> f64 {
        if self.go_on == Continue::Never || self.drained {
            f64::INFINITY
        } else {
            f64::NEG_INFINITY
        }
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure> {
        let row = self.next_row()?;
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
