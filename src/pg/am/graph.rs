//! A graph behind the doors that all indexes share.

use pgrx::pg_sys::Datum;

use super::method::{Build, Cost, Description, Found, Search, Stream};
use super::value::SqlSpace;
use crate::hnsw::{
    Builder, Built, Continue, Error, Index, Listing, Progress, Scan, Sink, Tid, Vacuumed,
};
use crate::pg::error::Failure;
use crate::pg::guc;
use crate::pg::storage::PgStore;
use crate::search::Bounded;

/// Candidates beyond `hnsw.ef_search`: estimates lead a walk astray, and with so many more it finds as
/// much as one by exact distances (pgvector's) does at the same setting.
const MORE_CANDIDATES: usize = 8;

type Graph<V> = Index<'static, PgStore, V>;

impl<V: SqlSpace> Build for Builder<V> {
    unsafe fn push(&mut self, datum: Datum, tid: Tid) -> Result<bool, Failure> {
        // SAFETY: the caller vouches for the datum.
        let held = unsafe { V::hold(datum) }?;
        Ok(Self::push(self, V::value(&held), tid)?)
    }

    fn bytes_per_row(&self) -> usize {
        Self::bytes_per_row(self)
    }

    fn finish(self: Box<Self>, progress: &Progress, sink: &mut dyn Sink) -> Result<Built, Error> {
        Self::finish(*self, progress, sink)
    }
}

impl<V: SqlSpace> Search for Graph<V> {
    unsafe fn scan<'s>(
        &'s self,
        query: Option<Datum>,
        skip_killed: bool,
    ) -> Result<Box<dyn Stream + 's>, Failure> {
        let settings = guc::hnsw();
        if let Some(query) = query {
            // SAFETY: the caller vouches for the datum.
            let held = unsafe { V::hold(query) }?;
            let ef = settings.ef + MORE_CANDIDATES;
            let scan = Self::scan(self, V::value(&held), ef, settings.go_on)?;
            if let Some(mut scan) = scan {
                scan.limit_memory(settings.memory);
                if skip_killed {
                    scan.skip_killed();
                }
                return Ok(Box::new(Nearest {
                    index: self,
                    scan,
                    max_tuples: settings.max_tuples,
                    ends: settings.go_on == Continue::Never,
                }));
            }
        }
        let mut list = self.list();
        if skip_killed {
            list.skip_killed();
        }
        Ok(Box::new(Everything { list, rows: 0 }))
    }

    unsafe fn insert(&self, datum: Datum, tid: Tid) -> Result<bool, Failure> {
        // SAFETY: the caller vouches for the datum.
        let held = unsafe { V::hold(datum) }?;
        Ok(Self::insert(self, V::value(&held), tid)?.is_some())
    }

    fn vacuum(
        &self,
        gone: &mut dyn FnMut(Tid) -> bool,
        poll: &mut dyn FnMut(),
    ) -> Result<Vacuumed, Failure> {
        let mut poll = || {
            poll();
            Ok(())
        };
        Ok(Self::vacuum(self, gone, &mut poll)?)
    }

    fn kill(
        &self,
        node: u32,
        tid: Tid,
        still_dead: &mut dyn FnMut() -> bool,
    ) -> Result<(), Failure> {
        Self::kill(self, node, tid, still_dead)?;
        Ok(())
    }

    fn describe(&self) -> Result<Description, Failure> {
        Ok(Description {
            census: self.census()?,
            constants: self.constants(),
        })
    }

    fn problems(&self) -> Result<Vec<String>, Failure> {
        Ok(self.check()?.problems)
    }

    fn live_rows(&self, see: &mut dyn FnMut(Tid)) -> Result<(), Failure> {
        let mut list = self.list();
        list.skip_killed();
        while let Some(tid) = list.next_row()? {
            see(tid);
        }
        Ok(())
    }

    unsafe fn has_place(&self, datum: Datum) -> Result<bool, Failure> {
        // SAFETY: the caller vouches for the datum.
        let held = unsafe { V::hold(datum) }?;
        Ok(self.space().point(V::value(&held)).is_some())
    }
}

/// The nearest rows.
struct Nearest<'i, V: SqlSpace> {
    index: &'i Graph<V>,
    scan: Scan<'i, 'static, PgStore, V>,
    max_tuples: u64,
    /// Whether it ends when its first rows are used up.
    ends: bool,
}

impl<V: SqlSpace> Nearest<'_, V> {
    /// Whether the setting ends the scan before it searches on.
    fn is_spent(&self) -> bool {
        !self.scan.is_ready() && self.scan.nodes_read() >= self.max_tuples
    }
}

impl<V: SqlSpace> Stream for Nearest<'_, V> {
    fn is_ready(&self) -> bool {
        self.scan.is_ready()
    }

    fn floor(&self) -> f64 {
        if self.ends || self.is_spent() {
            f64::INFINITY
        } else {
            // Estimates have led it, so what it has not met may be as near as anything.
            f64::NEG_INFINITY
        }
    }

    fn next(&mut self) -> Result<Option<Bounded<Found>>, Failure> {
        if self.is_spent() {
            return Ok(None);
        }
        let space = self.index.space();
        Ok(self.scan.next_row()?.map(|row| Bounded {
            row: Found {
                tid: row.tid,
                node: Some(row.node),
            },
            // Where both overflow, nothing is known.
            lower: or(space.shown(row.distance - row.doubt), f64::NEG_INFINITY),
            upper: or(space.shown(row.distance + row.doubt), f64::INFINITY),
        }))
    }

    fn cost(&self) -> Cost {
        Cost {
            nodes: self.scan.nodes_read(),
            restarts: self.scan.walks().saturating_sub(1),
        }
    }
}

fn or(bound: f64, unknown: f64) -> f64 {
    if bound.is_nan() { unknown } else { bound }
}

/// All rows, for a query that is as far from each: NULL, or a zero vector under cosine.
struct Everything<'i, V: SqlSpace> {
    list: Listing<'i, 'static, PgStore, V>,
    rows: u64,
}

impl<V: SqlSpace> Stream for Everything<'_, V> {
    fn is_ready(&self) -> bool {
        false
    }

    fn floor(&self) -> f64 {
        0.0
    }

    fn next(&mut self) -> Result<Option<Bounded<Found>>, Failure> {
        self.rows += 1;
        Ok(self.list.next_row()?.map(|tid| Bounded {
            row: Found { tid, node: None },
            lower: 0.0,
            upper: 0.0,
        }))
    }

    fn cost(&self) -> Cost {
        Cost {
            nodes: self.rows,
            restarts: 0,
        }
    }
}
