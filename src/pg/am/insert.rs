//! Insert: `aminsert`.

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::pg::am::method::Method;
use crate::pg::am::opened;
use crate::pg::error::guarded;
use crate::pg::storage::tid_of;

/// Adds a row; NULL is not indexed.
///
/// # Safety
/// As `aminsert`.
pub unsafe extern "C-unwind" fn insert<M: Method>(
    index: pg_sys::Relation,
    values: *mut Datum,
    isnull: *mut bool,
    tid: pg_sys::ItemPointer,
    _heap: pg_sys::Relation,
    _check: pg_sys::IndexUniqueCheck::Type,
    _unchanged: bool,
    _info: *mut pg_sys::IndexInfo,
) -> bool {
    // SAFETY: Postgres calls with an open index and the values of its one column.
    unsafe {
        guarded(|| {
            if !*isnull {
                let opened = opened::open::<M>(index)?;
                opened.index().insert(*values, tid_of(*tid))?;
            }
            // Not unique: there is nothing to tell.
            Ok(false)
        })
    }
}
