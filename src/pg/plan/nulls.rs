//! NULLs: rows without a value, which an index of ours does not have.

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::{entries, first};

/// Whether a search's filter passes only rows whose value is NULL. An index finds none of these.
///
/// # Safety
/// The path is an ordered scan of an index of ours that Postgres plans.
pub unsafe fn are_asked_for(scan: *const pg_sys::IndexPath) -> bool {
    // SAFETY: as the caller says; Postgres has put the index's value on the left of the operator.
    unsafe {
        let order: *const pg_sys::OpExpr = first((*scan).indexorderbys);
        let value: *mut pg_sys::Node = first((*order).args);
        entries::<pg_sys::RestrictInfo>((*(*scan).indexinfo).indrestrictinfo).any(|clause| {
            let test: *const pg_sys::NullTest = (*clause).clause.cast();
            (*test).xpr.type_ == NodeTag::T_NullTest
                && (*test).nulltesttype == pg_sys::NullTestType::IS_NULL
                && pg_sys::equal((*test).arg.cast(), value.cast())
        })
    }
}
