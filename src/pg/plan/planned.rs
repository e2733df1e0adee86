//! Plans that the paths of our node become.
//!
//! Sources: `create_customscan_plan` in `createplan.c` and `set_customscan_references` in `setrefs.c` of Postgres.

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::numbers::PlanNumbers;
use super::{Callbacks, NAME, entries, first, list_of, make, node, raw};

/// The callbacks of our paths.
pub static PATH: Callbacks<pg_sys::CustomPathMethods> = Callbacks(pg_sys::CustomPathMethods {
    CustomName: NAME.as_ptr(),
    PlanCustomPath: Some(plan),
    ReparameterizeCustomPathByChild: None,
});

/// A child plan without the Result node on top that checks clauses without columns once: Postgres puts another
/// such node above ours.
unsafe fn ungated(plan: *mut pg_sys::Plan) -> *mut pg_sys::Plan {
    // SAFETY: the caller vouches for the plan.
    unsafe {
        if (*plan).type_ == NodeTag::T_Result {
            (*plan).lefttree
        } else {
            plan
        }
    }
}

/// As `PlanCustomPath`. Our node computes the query's columns from those that the scan gives; the two may be
/// the same. Columns may also be put in later, so the node always has enough to compute them from.
unsafe extern "C-unwind" fn plan(
    _root: *mut pg_sys::PlannerInfo,
    _rel: *mut pg_sys::RelOptInfo,
    path: *mut pg_sys::CustomPath,
    targets: *mut pg_sys::List,
    _clauses: *mut pg_sys::List,
    plans: *mut pg_sys::List,
) -> *mut pg_sys::Plan {
    // SAFETY: Postgres calls with a path of ours and the plan of its child.
    unsafe {
        let child = ungated(first(plans));
        // PostgreSQL 15 takes an order by distance for none, and EXPLAIN would say so.
        (*child.cast::<pg_sys::IndexScan>()).indexorderdir =
            pg_sys::ScanDirection::ForwardScanDirection;
        let scan: *mut pg_sys::CustomScan = make(NodeTag::T_CustomScan);
        (*scan).scan.plan.targetlist = targets;
        (*scan).flags = (*path).flags;
        (*scan).custom_plans = list_of(child);
        if let Some(heap) = entries::<pg_sys::Plan>(plans).nth(1) {
            // Its bitmap alone: the search fetches the rows.
            let bitmap = (*ungated(heap)).lefttree;
            (*scan).custom_plans = raw::lappend((*scan).custom_plans, bitmap.cast());
        }
        (*scan).custom_scan_tlist = raw::copyObjectImpl((*child).targetlist.cast()).cast();
        let mut parts = entries::<pg_sys::List>((*path).custom_private);
        let mut part = || parts.next().unwrap_or(std::ptr::null_mut());
        (*scan).custom_private = part();
        (*scan).custom_exprs = part();
        (*scan).methods = if PlanNumbers::read((*scan).custom_private).filters {
            &raw const node::FILTERED.0
        } else {
            &raw const node::SORTED.0
        };
        scan.cast()
    }
}
