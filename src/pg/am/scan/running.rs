//! Running search: its rows, and what it has cost.

use std::rc::Rc;

use pgrx::pg_sys;

use crate::pg::am::counters::{self, ScanReport, Spent, Way};
use crate::pg::am::filter::{Ending, Filtered};
use crate::pg::am::heap::exact::Exact;
use crate::pg::am::heap::extent::Extent;
use crate::pg::am::heap::source::{Dead, ScanRows};
use crate::pg::am::method::{FoundRow, Killed, Learned, Method, Stream};
use crate::pg::am::opened::{self, Opened};
use crate::pg::am::passes::Passes;
use crate::pg::error::Failure;
use crate::search::Refined;

/// What becomes of rows that are found after farther ones were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Late {
    /// They come when all others have come: fewer rows than there are would be worse than rows out of order.
    #[default]
    Last,
    /// They are left out, so that rows are sorted: where the plan above relies on that.
    Dropped,
}

/// A search that has begun.
pub(in crate::pg::am) struct Running {
    stream: Box<dyn Stream>,
    refined: Refined<FoundRow>,
    /// What it knows of rows that pass a filter, if it has one.
    filtered: Option<Filtered>,
    /// What the index has learned from so far.
    paid: Ending,
    /// The row that was given last.
    last: Option<FoundRow>,
    /// How far that is, where rows must come sorted.
    last_distance: Option<f64>,
    dead: Dead,
    /// How far the table reaches.
    extent: Extent,
    pages: u64,
    opened: Rc<Opened>,
}

/// What a search leaves when it has ended.
pub(in crate::pg::am) struct Ended {
    pub opened: Rc<Opened>,
    pub dead: Dead,
    pub report: ScanReport,
}

/// The scan that a search belongs to.
pub(in crate::pg::am) struct OpenScan<'s> {
    pub scan: pg_sys::IndexScanDesc,
    pub exact: &'s mut Option<Exact>,
    pub passes: Option<&'s mut (dyn Passes + 'static)>,
    pub late: Late,
}

impl Running {
    /// Starts a search for what the scan is ordered by.
    ///
    /// # Safety
    /// The scan is one of an index of this method, and is going on.
    ///
    /// # Errors
    /// Where the scan has no order, or another snapshot than it needs, or pages make no sense.
    pub unsafe fn start<M: Method>(scan: pg_sys::IndexScanDesc) -> Result<Self, Failure> {
        // SAFETY: the caller vouches for the scan; the index stays open as long as it is.
        unsafe {
            let index = (*scan).indexRelation;
            if (*scan).numberOfOrderBys != 1 {
                return Err(Failure::NoOrder(M::NAME));
            }
            // Rows may have been vacuumed since their nodes were read, and others may have taken their places.
            // An MVCC snapshot tells them apart, for it sees only what was committed before.
            let snapshot = (*scan).xs_snapshot;
            if (*snapshot).snapshot_type != pg_sys::SnapshotType::SNAPSHOT_MVCC {
                return Err(Failure::Snapshot(M::NAME));
            }
            counters::count_index_scan(scan);
            let order = (*scan).orderByData;
            let null = (*order).sk_flags & pg_sys::SK_ISNULL as i32 != 0;
            let opened = opened::open::<M>(index)?;
            let query = (!null).then_some((*order).sk_argument);
            let mut pages = 0;
            let killed = if (*scan).ignore_killed_tuples {
                Killed::Skip
            } else {
                Killed::Show
            };
            let store = opened.store();
            let begun = store.count_reads(&mut pages, || opened.scan(query, killed));
            Ok(Self {
                stream: begun?,
                refined: Refined::default(),
                filtered: None,
                paid: Ending::default(),
                last: None,
                last_distance: None,
                dead: Dead::default(),
                extent: Extent::default(),
                pages,
                opened,
            })
        }
    }

    /// The next row.
    ///
    /// # Safety
    /// The scan is the one it was started for, and is going on.
    ///
    /// # Errors
    /// Those of the search.
    pub unsafe fn next(&mut self, scanned: &mut OpenScan<'_>) -> Result<Option<FoundRow>, Failure> {
        let opened = Rc::clone(&self.opened);
        let mut pages = 0;
        // SAFETY: as the caller says.
        let next = opened
            .store()
            .count_reads(&mut pages, || unsafe { self.next_in_order(scanned) });
        self.pages += pages;
        self.last = next?;
        Ok(self.last)
    }

    /// The next row that comes in the order that is asked for.
    unsafe fn next_in_order(
        &mut self,
        scanned: &mut OpenScan<'_>,
    ) -> Result<Option<FoundRow>, Failure> {
        loop {
            // SAFETY: as the caller says.
            let Some(row) = (unsafe { self.next_found(scanned) })? else {
                return Ok(None);
            };
            if scanned.late == Late::Last || !self.stream.has_order() {
                return Ok(Some(row));
            }
            let scan = scanned.scan;
            // SAFETY: as the caller says, and no page is locked.
            let distance = unsafe {
                let exact = scanned.exact.get_or_insert_with(|| Exact::open(scan));
                exact.measure(scan, row.tid)
            };
            if let Some(distance) = distance
                && self
                    .last_distance
                    .is_none_or(|last| !precedes(distance, last))
            {
                self.last_distance = Some(distance);
                return Ok(Some(row));
            }
        }
    }

    /// The next row that is found.
    unsafe fn next_found(
        &mut self,
        scanned: &mut OpenScan<'_>,
    ) -> Result<Option<FoundRow>, Failure> {
        let mut rows = ScanRows {
            stream: &mut *self.stream,
            scan: scanned.scan,
            exact: scanned.exact,
            dead: &mut self.dead,
            extent: &mut self.extent,
        };
        let refined = &mut self.refined;
        let Some(passes) = scanned.passes.as_deref_mut() else {
            return refined.next(&mut rows);
        };
        // SAFETY: the caller says that the scan is going on, which keeps its table open.
        unsafe {
            let filtered = if let Some(filtered) = &mut self.filtered {
                filtered
            } else {
                let filtered = Filtered::new(&mut rows, &self.opened, passes)?;
                self.filtered.insert(filtered)
            };
            filtered.next(&mut rows, refined, passes, &self.opened)
        }
    }

    /// Notes that the row that was given last is dead to everybody.
    pub fn last_was_dead(&mut self) {
        self.dead.note(self.last);
    }

    /// What it has done so far; `measured` values of the table were measured.
    pub fn report(&self, measured: u64) -> ScanReport {
        let mut cost = self.stream.cost();
        let mut way = Way::Walked;
        if let Some(filtered) = &self.filtered {
            cost += filtered.cost();
            way = filtered.way();
        }
        let spent = Spent {
            scans: 1,
            nodes: cost.nodes,
            probed: cost.probed,
            pages: self.pages,
            restarts: cost.restarts,
            measured,
        };
        ScanReport::new(way, spent)
    }

    /// Has the index learn from what the search has cost since it did last.
    ///
    /// # Errors
    /// Where pages make no sense.
    pub fn learn(&mut self) -> Result<Option<Learned>, Failure> {
        let Some(filtered) = &self.filtered else {
            return Ok(None);
        };
        let ending = filtered.ending(self.stream.cost());
        let paid = std::mem::replace(&mut self.paid, ending);
        let nodes = ending.learns.saturating_sub(paid.learns);
        let missed = ending.missed.saturating_sub(paid.missed);
        let Some(ranks) = self.opened.index().ranks() else {
            return Ok(None);
        };
        let learn = || ranks.learn(nodes, missed);
        let learned = self.opened.store().count_reads(&mut self.pages, learn)?;
        Ok(Some(learned))
    }

    /// Ends it.
    pub fn end(self, measured: u64) -> Ended {
        Ended {
            report: self.report(measured),
            opened: self.opened,
            dead: self.dead,
        }
    }
}

/// Whether a distance comes before another in a sort, where not-a-number is the farthest.
fn precedes(distance: f64, other: f64) -> bool {
    distance < other || (other.is_nan() && !distance.is_nan())
}
