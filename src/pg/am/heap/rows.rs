//! Rows of a table, as a scan for an index shows them.

use std::ffi::c_void;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::pg::error::Failure;
use crate::pg::error::guarded;

/// Who is shown them.
pub trait TableRows {
    /// Takes a row.
    ///
    /// # Safety
    /// The datum is the row's value, of the index's column's type and not NULL.
    ///
    /// # Errors
    /// Ends the scan.
    unsafe fn row(&mut self, tid: pg_sys::ItemPointerData, value: Datum) -> Result<(), Failure>;
}

/// The callback of `table_index_build_scan`, whose state is an `R`. Leaves out NULLs.
///
/// # Safety
/// As `IndexBuildCallback`.
pub unsafe extern "C-unwind" fn each_row<R: TableRows>(
    _index: pg_sys::Relation,
    tid: pg_sys::ItemPointer,
    values: *mut Datum,
    isnull: *mut bool,
    _alive: bool,
    state: *mut c_void,
) {
    // SAFETY: called by such a scan, with the state it was given and the values of a row.
    unsafe {
        guarded(|| {
            if *isnull {
                return Ok(());
            }
            (*state.cast::<R>()).row(*tid, *values)
        });
    }
}
