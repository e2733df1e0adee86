//! Vacuum: `ambulkdelete` and `amvacuumcleanup`.

use std::ffi::c_void;

use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;

use crate::index::Tid;
use crate::pg::am::heap::values::{FetchedValues, ValueReach};
use crate::pg::am::method::Method;
use crate::pg::am::opened;
use crate::pg::error::guarded;
use crate::pg::storage::pointer_of;

/// Removes the rows that `callback` says are dead.
///
/// # Safety
/// As `ambulkdelete`.
pub unsafe extern "C-unwind" fn bulk_delete<M: Method>(
    info: *mut pg_sys::IndexVacuumInfo,
    stats: *mut pg_sys::IndexBulkDeleteResult,
    callback: pg_sys::IndexBulkDeleteCallback,
    context: *mut c_void,
) -> *mut pg_sys::IndexBulkDeleteResult {
    // SAFETY: Postgres calls with an open index and a callback for tids.
    unsafe {
        guarded(|| {
            let index = (*info).index;
            let opened = opened::open::<M>(index)?;
            let mut gone = |tid: Tid| {
                let mut tid = pointer_of(tid);
                let Some(callback) = callback else {
                    return false;
                };
                pg_guard_ffi_boundary(|| callback(&raw mut tid, context))
            };
            let vacuumed = opened.index().vacuum(&mut gone, &mut delay)?;
            let stats = or_new(stats);
            (*stats).tuples_removed += vacuumed.removed as f64;
            (*stats).num_index_tuples = vacuumed.left as f64;
            (*stats).estimated_count = false;
            (*stats).num_pages = pages(index);
            Ok(stats)
        })
    }
}

/// Lets others have the disk, and the user cancel.
fn delay() {
    // SAFETY: the vacuum holds no lock when it polls.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::vacuum_delay_point();
        #[cfg(feature = "pg18")]
        pg_sys::vacuum_delay_point(false);
    }
}

/// Keeps the index in shape, and counts for the planner. Costs nothing after ANALYZE.
///
/// # Safety
/// As `amvacuumcleanup`.
pub unsafe extern "C-unwind" fn vacuum_cleanup<M: Method>(
    info: *mut pg_sys::IndexVacuumInfo,
    stats: *mut pg_sys::IndexBulkDeleteResult,
) -> *mut pg_sys::IndexBulkDeleteResult {
    // SAFETY: Postgres calls with an open index.
    unsafe {
        guarded(|| {
            if (*info).analyze_only {
                return Ok(stats);
            }
            let opened = opened::open::<M>((*info).index)?;
            let index = (*info).index;
            // Whoever vacuums it has locked it.
            let table = pg_sys::table_open((*(*index).rd_index).indrelid, pg_sys::NoLock as i32);
            let mut values = FetchedValues::new(table, index, ValueReach::InRows);
            let tended = opened.index().tend(&mut values, &mut delay);
            drop(values);
            pg_sys::table_close(table, pg_sys::NoLock as i32);
            tended?;
            if !stats.is_null() {
                (*stats).num_pages = pages((*info).index);
                return Ok(stats);
            }
            // No row was dead: as many as the table has, NULLs and all.
            let stats = or_new(stats);
            (*stats).num_pages = pages((*info).index);
            (*stats).num_index_tuples = (*info).num_heap_tuples;
            (*stats).estimated_count = true;
            Ok(stats)
        })
    }
}

unsafe fn or_new(stats: *mut pg_sys::IndexBulkDeleteResult) -> *mut pg_sys::IndexBulkDeleteResult {
    if !stats.is_null() {
        return stats;
    }
    // SAFETY: zeros are a valid result.
    unsafe { pg_sys::palloc0(size_of::<pg_sys::IndexBulkDeleteResult>()).cast() }
}

unsafe fn pages(index: pg_sys::Relation) -> u32 {
    // SAFETY: the caller has it open.
    unsafe { pg_sys::RelationGetNumberOfBlocksInFork(index, pg_sys::ForkNumber::MAIN_FORKNUM) }
}
