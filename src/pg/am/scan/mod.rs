//! Scans: `ambeginscan`, `amrescan`, `amgettuple`, `amendscan`, and the search that one has begun (`running.rs`).

pub mod running;

use pgrx::PgMemoryContexts;
use pgrx::pg_sys;

use crate::pg::am::counters::{self, ScanReport};
use crate::pg::am::heap::exact::Exact;
use crate::pg::am::method::{FoundRow, Learned, Method, Search};
use crate::pg::am::passes::Passes;
use crate::pg::am::scan::running::{Ended, Late, OpenScan, Running};
use crate::pg::error::Failure;
use crate::pg::error::guarded;
use crate::pg::storage::{needs_wal, pointer_of};

/// Has a scan give only rows that pass, from its next search on.
///
/// # Safety
/// The scan is one of ours, and what the filter refers to stays as long as it.
pub unsafe fn attach(scan: pg_sys::IndexScanDesc, passes: Box<dyn Passes>) {
    // SAFETY: the caller vouches for the scan.
    unsafe { state(scan) }.passes = Some(passes);
}

/// Has a scan leave out rows that it finds late, so that those that come are sorted.
///
/// # Safety
/// The scan is one of ours.
pub unsafe fn sort(scan: pg_sys::IndexScanDesc) {
    // SAFETY: the caller vouches for the scan.
    unsafe { state(scan) }.late = Late::Dropped;
}

/// What the searches of a scan have done.
///
/// # Safety
/// The scan is one of ours.
pub unsafe fn report(scan: pg_sys::IndexScanDesc) -> ScanReport {
    // SAFETY: the caller vouches for the scan.
    unsafe { state(scan) }.report()
}

/// Has the index of a scan learn, if that pays for the cost of the scan since it last learned.
///
/// # Safety
/// The scan is one of ours.
pub unsafe fn learn(scan: pg_sys::IndexScanDesc) {
    // SAFETY: the caller vouches for the scan, and has nothing to drop.
    unsafe { guarded(|| state(scan).learn()) }
}

/// What the index of a scan has learned from it.
///
/// # Safety
/// The scan is one of ours.
pub unsafe fn learned(scan: pg_sys::IndexScanDesc) -> Learned {
    // SAFETY: the caller vouches for the scan.
    unsafe { state(scan) }.learned
}

/// A scan between its callbacks. It lives on Rust's heap and goes with the context it was made in, so
/// that an error leaves nothing behind. No page is held between callbacks.
#[derive(Default)]
struct ScanState {
    search: Option<Running>,
    exact: Option<Exact>,
    passes: Option<Box<dyn Passes>>,
    late: Late,
    /// What searches have done that have ended.
    ended: ScanReport,
    learned: Learned,
}

/// Makes a scan.
///
/// # Safety
/// As `ambeginscan`.
pub unsafe extern "C-unwind" fn begin<M: Method>(
    index: pg_sys::Relation,
    keys: i32,
    orders: i32,
) -> pg_sys::IndexScanDesc {
    // SAFETY: Postgres calls with an open index, in the context of the query.
    unsafe {
        guarded(|| {
            let scan = pg_sys::RelationGetIndexScan(index, keys, orders);
            let state = PgMemoryContexts::CurrentMemoryContext
                .leak_and_drop_on_delete(ScanState::default());
            (*scan).opaque = state.cast();
            Ok(scan)
        })
    }
}

unsafe fn state<'s>(scan: pg_sys::IndexScanDesc) -> &'s mut ScanState {
    // SAFETY: `begin` has put it there, and nobody else refers to it during a callback.
    unsafe { &mut *(*scan).opaque.cast() }
}

/// Starts it anew, with other values.
///
/// # Safety
/// As `amrescan`.
pub unsafe extern "C-unwind" fn rescan<M: Method>(
    scan: pg_sys::IndexScanDesc,
    keys: pg_sys::ScanKey,
    key_count: i32,
    orders: pg_sys::ScanKey,
    order_count: i32,
) {
    // SAFETY: Postgres calls with a scan of ours and as many keys as it says.
    unsafe {
        guarded(|| {
            let state = state(scan);
            state.learn()?;
            state.end_search(scan)?;
            if let Some(exact) = &mut state.exact {
                exact.reset();
            }
            if !keys.is_null() && key_count > 0 {
                std::ptr::copy(keys, (*scan).keyData, key_count as usize);
            }
            if !orders.is_null() && order_count > 0 {
                std::ptr::copy(orders, (*scan).orderByData, order_count as usize);
            }
            Ok(())
        });
    }
}

/// Gives the next row.
///
/// # Safety
/// As `amgettuple`.
pub unsafe extern "C-unwind" fn get_tuple<M: Method>(
    scan: pg_sys::IndexScanDesc,
    direction: pg_sys::ScanDirection::Type,
) -> bool {
    // SAFETY: Postgres calls with a scan of ours.
    unsafe {
        guarded(|| {
            if direction != pg_sys::ScanDirection::ForwardScanDirection {
                return Err(Failure::Backward);
            }
            let ScanState {
                search,
                exact,
                passes,
                late,
                ..
            } = state(scan);
            let running = match search {
                Some(running) => running,
                None => search.insert(Running::start::<M>(scan)?),
            };
            if (*scan).kill_prior_tuple {
                running.last_was_dead();
            }
            let next = running.next(&mut OpenScan {
                scan,
                exact,
                passes: passes.as_deref_mut(),
                late: *late,
            })?;
            let Some(row) = next else {
                return Ok(false);
            };
            (*scan).xs_heaptid = pointer_of(row.tid);
            (*scan).xs_recheck = false;
            (*scan).xs_recheckorderby = false;
            Ok(true)
        })
    }
}

/// Ends a scan.
///
/// # Safety
/// As `amendscan`.
pub unsafe extern "C-unwind" fn end<M: Method>(scan: pg_sys::IndexScanDesc) {
    // SAFETY: Postgres calls with a scan of ours, once.
    unsafe {
        guarded(|| {
            let state = state(scan);
            state.end_search(scan)?;
            state.passes = None;
            if let Some(exact) = state.exact.take() {
                exact.close();
            }
            Ok(())
        });
    }
}

impl ScanState {
    /// Learns from what the search has cost since it did last.
    fn learn(&mut self) -> Result<(), Failure> {
        // A worker ends with its query.
        // SAFETY: set once in each process, before it runs a plan.
        let is_worker = unsafe { pg_sys::ParallelWorkerNumber } >= 0;
        let Some(running) = self.search.as_mut().filter(|_| !is_worker) else {
            return Ok(());
        };
        if let Some(learned) = running.learn()? {
            self.learned = Learned {
                nodes: self.learned.nodes + learned.nodes,
                ..learned
            };
        }
        Ok(())
    }

    unsafe fn end_search(&mut self, scan: pg_sys::IndexScanDesc) -> Result<(), Failure> {
        let Some(running) = self.search.take() else {
            return Ok(());
        };
        let measured = self.exact.as_mut().map_or(0, Exact::take_measured);
        let Ended {
            opened,
            dead,
            report,
        } = running.end(measured);
        self.ended += report;
        // SAFETY: the scan's index is open.
        counters::add(unsafe { (*(*scan).indexRelation).rd_id }, report.spent);
        // SAFETY: as the caller says.
        unsafe { self.kill(scan, opened.index(), dead.rows()) }
    }

    /// What all its searches have done, with the one that is going on.
    fn report(&self) -> ScanReport {
        let mut report = self.ended;
        if let Some(running) = &self.search {
            report += running.report(self.exact.as_ref().map_or(0, Exact::measured));
        }
        report
    }

    /// Has the index leave out rows that are dead. If changes are not logged, the index cannot tell whether
    /// other rows have taken their places.
    unsafe fn kill(
        &mut self,
        scan: pg_sys::IndexScanDesc,
        index: &dyn Search,
        dead: &[FoundRow],
    ) -> Result<(), Failure> {
        // SAFETY: the scan is still going on.
        unsafe {
            if dead.is_empty() || !needs_wal((*scan).indexRelation) || !(*scan).ignore_killed_tuples
            {
                return Ok(());
            }
            let Some(kills) = index.kills() else {
                return Ok(());
            };
            let exact = self.exact.get_or_insert_with(|| Exact::open(scan));
            for row in dead {
                if let Some(node) = row.node {
                    kills.kill(node, row.tid, &mut || exact.is_dead(scan, row.tid))?;
                }
            }
        }
        Ok(())
    }
}
