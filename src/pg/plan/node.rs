//! Node of a plan while a query runs: it opens the scan of the index beneath it with the filter, and hands on the
//! rows.
//!
//! Nothing here has anything to drop, or panics: what the query's expressions raise jumps over these frames
//! (`raw.rs`).
//!
//! Sources: `nodeCustom.c`, `nodeIndexscan.c` and `nodeSubqueryscan.c` of Postgres.

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::pg_sys::{CustomScanState, NodeTag, TupleTableSlot};

use super::filter::Filter;
use super::numbers::PlanNumbers;
use super::threshold::Thresholds;
use super::{Callbacks, NAME, SORTED_NAME, entries, make, raw};
use crate::pg::am;

/// What a plan names where the search evaluates the filter.
pub static FILTERED: Callbacks<pg_sys::CustomScanMethods> = Callbacks(pg_sys::CustomScanMethods {
    CustomName: NAME.as_ptr(),
    CreateCustomScanState: Some(create),
});

/// What a plan names where its rows are sorted, and no more.
pub static SORTED: Callbacks<pg_sys::CustomScanMethods> = Callbacks(pg_sys::CustomScanMethods {
    CustomName: SORTED_NAME.as_ptr(),
    CreateCustomScanState: Some(create),
});

static EXECUTE: Callbacks<pg_sys::CustomExecMethods> = Callbacks(pg_sys::CustomExecMethods {
    CustomName: NAME.as_ptr(),
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(next),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    MarkPosCustomScan: None,
    RestrPosCustomScan: None,
    EstimateDSMCustomScan: None,
    InitializeDSMCustomScan: None,
    ReInitializeDSMCustomScan: None,
    InitializeWorkerCustomScan: None,
    ShutdownCustomScan: Some(shut_down),
    ExplainCustomScan: Some(explain),
});

/// The node. Postgres knows its first part.
#[repr(C)]
struct ScanNode {
    custom: CustomScanState,
    /// Rows on which the filter was evaluated.
    checked: u64,
    /// Expressions of thresholds.
    thresholds: *mut pg_sys::List,
}

/// As `CreateCustomScanState`.
unsafe extern "C-unwind" fn create(_plan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: zeros are a node that has not begun.
    unsafe {
        let node: *mut ScanNode = make(NodeTag::T_CustomScanState);
        (*node).custom.methods = &raw const EXECUTE.0;
        node.cast()
    }
}

/// The scan of the index.
unsafe fn child(node: *mut CustomScanState) -> *mut pg_sys::IndexScanState {
    // SAFETY: `begin` has made it.
    unsafe { (*node).ss.ps.lefttree.cast() }
}

/// As `BeginCustomScan`.
unsafe extern "C-unwind" fn begin(
    node: *mut CustomScanState,
    executor: *mut pg_sys::EState,
    flags: i32,
) {
    // SAFETY: Postgres calls with a node of ours that it has set up from its plan.
    unsafe {
        let plan: *mut pg_sys::CustomScan = (*node).ss.ps.plan.cast();
        let mut plans = entries::<pg_sys::Plan>((*plan).custom_plans);
        let mut child = || {
            plans.next().map_or(std::ptr::null_mut(), |plan| {
                raw::ExecInitNode(plan, executor, flags)
            })
        };
        // Where Postgres looks for the children of any node: EXPLAIN calls them outer and inner.
        (*node).ss.ps.lefttree = child();
        (*node).ss.ps.righttree = child();
        let child = (*node).ss.ps.lefttree;

        // The child's rows come as stored in the table, or computed. Postgres assumes computed rows, so the
        // readers must be told.
        let mut fixed = false;
        let scan = &raw mut (*node).ss;
        (*scan).ps.scanops = raw::ExecGetResultSlotOps(child, &raw mut fixed);
        (*scan).ps.scanopsfixed = fixed;
        (*scan).ps.scanopsset = true;
        raw::ExecAssignScanProjectionInfoWithVarno(scan, pg_sys::INDEX_VAR);

        // `WHERE CURRENT OF` does not look beneath us, and finds the row all the same.
        let child: *mut pg_sys::ScanState = child.cast();
        (*scan).ss_currentRelation = (*child).ss_currentRelation;
        (*scan).ss_ScanTupleSlot = (*child).ss_ScanTupleSlot;

        let state = &raw mut (*node).ss.ps;
        let expressions = raw::ExecInitExprList((*plan).custom_exprs, state);
        (*node.cast::<ScanNode>()).thresholds = expressions;
    }
}

/// Opens the scan of the index as the child would with its first row, and says what rows are filtered
/// by.
unsafe fn open(node: *mut CustomScanState, child: *mut pg_sys::IndexScanState) {
    // SAFETY: the plan runs; the child's fields are those that its own code would use.
    unsafe {
        let scan = raw::index_beginscan(
            (*child).ss.ss_currentRelation,
            (*child).iss_RelationDesc,
            (*(*child).ss.ps.state).es_snapshot,
            #[cfg(feature = "pg18")]
            &raw mut (*child).iss_Instrument,
            (*child).iss_NumScanKeys,
            (*child).iss_NumOrderByKeys,
        );
        (*child).iss_ScanDesc = scan;
        if (*child).iss_NumRuntimeKeys == 0 || (*child).iss_RuntimeKeysReady {
            // Otherwise the child computes them first, and does this then.
            raw::index_rescan(
                scan,
                (*child).iss_ScanKeys,
                (*child).iss_NumScanKeys,
                (*child).iss_OrderByKeys,
                (*child).iss_NumOrderByKeys,
            );
        }
        let plan: *mut pg_sys::CustomScan = (*node).ss.ps.plan.cast();
        let numbers = PlanNumbers::read((*plan).custom_private);
        if numbers.sorts {
            am::sort(scan);
        }
        if numbers.filters && !(*child).ss.ps.qual.is_null() {
            let checked = &raw mut (*node.cast::<ScanNode>()).checked;
            let bitmap = (*node).ss.ps.righttree;
            let mut filter = Filter::new(child, bitmap, numbers, checked);
            let behind = PlanNumbers::behind((*plan).custom_private);
            let expressions = (*node.cast::<ScanNode>()).thresholds;
            let context = (*child).ss.ps.ps_ExprContext;
            filter.set_thresholds(Thresholds::new(behind, expressions, context));
            am::attach(scan, Box::new(filter));
        }
    }
}

/// As `ExecCustomScan`.
unsafe extern "C-unwind" fn next(node: *mut CustomScanState) -> *mut TupleTableSlot {
    // SAFETY: Postgres calls with a node of ours that has begun.
    unsafe {
        let child = child(node);
        // Where a row that somebody has changed is checked again, the child has that row and no scan.
        if (*child).iss_ScanDesc.is_null() && (*(*node).ss.ps.state).es_epq_active.is_null() {
            open(node, child);
        }
        let row = raw::ExecProcNode(child.cast());
        let projection = (*node).ss.ps.ps_ProjInfo;
        if projection.is_null() {
            return row;
        }
        if row.is_null() || u32::from((*row).tts_flags) & pg_sys::TTS_FLAG_EMPTY != 0 {
            return raw::ExecClearTuple((*node).ss.ps.ps_ResultTupleSlot);
        }
        let context = (*node).ss.ps.ps_ExprContext;
        raw::MemoryContextReset((*context).ecxt_per_tuple_memory);
        (*context).ecxt_scantuple = row;
        raw::ExecProject(projection)
    }
}

/// The children of a node; without a bitmap there is one.
unsafe fn children(node: *mut CustomScanState) -> impl Iterator<Item = *mut pg_sys::PlanState> {
    // SAFETY: `begin` has made them.
    let children = unsafe { [(*node).ss.ps.lefttree, (*node).ss.ps.righttree] };
    children.into_iter().filter(|child| !child.is_null())
}

/// As `EndCustomScan`.
unsafe extern "C-unwind" fn end(node: *mut CustomScanState) {
    // SAFETY: Postgres calls with a node of ours, once.
    unsafe {
        children(node).for_each(|child| raw::ExecEndNode(child));
    }
}

/// As `ReScanCustomScan`. The child reads values that have changed when it is asked for a row.
unsafe extern "C-unwind" fn rescan(node: *mut CustomScanState) {
    // SAFETY: Postgres calls with a node of ours that has begun, and has told its children what has changed.
    unsafe {
        for child in children(node) {
            // Children whose parameters have changed do so when they are asked for a row.
            if (*child).chgParam.is_null() {
                raw::ExecReScan(child);
            }
        }
    }
}

/// As `ShutdownCustomScan`: the rows that were asked for are there, though a cursor may ask for more. The
/// index's learning is part of the search, and EXPLAIN shows it as such.
unsafe extern "C-unwind" fn shut_down(node: *mut CustomScanState) {
    // SAFETY: Postgres calls with a node of ours that has begun.
    unsafe {
        let scan = (*child(node)).iss_ScanDesc;
        if !scan.is_null() {
            am::learn(scan);
        }
    }
}

/// As `ExplainCustomScan`. A parallel worker keeps its counts to itself.
unsafe extern "C-unwind" fn explain(
    node: *mut CustomScanState,
    _ancestors: *mut pg_sys::List,
    output: *mut pg_sys::ExplainState,
) {
    // SAFETY: Postgres calls with a node of ours that has begun, and maybe run.
    unsafe {
        let scan = (*child(node)).iss_ScanDesc;
        if !(*output).analyze || scan.is_null() {
            return;
        }
        let show = |label: &CStr, count: u64| {
            let (unit, count) = (std::ptr::null(), count as i64);
            raw::ExplainPropertyInteger(label.as_ptr(), unit, count, output);
        };
        let plan: *mut pg_sys::CustomScan = (*node).ss.ps.plan.cast();
        if PlanNumbers::read((*plan).custom_private).filters {
            show(c"Rows Checked", (*node.cast::<ScanNode>()).checked);
        }
        let report = am::report(scan);
        // As Postgres has it, text leaves out what has not happened.
        let text = (*output).format == pg_sys::ExplainFormat::EXPLAIN_FORMAT_TEXT;
        for (label, searches) in [
            (c"Searches Walked", report.walked),
            (c"Searches Listed", report.listed),
            (c"Searches Ranked", report.ranked),
            (c"Searches Read", report.read),
        ] {
            if searches > 0 || !text {
                show(label, searches);
            }
        }
        let probed = report.spent.probed;
        if probed.lists > 0 {
            show(c"Lists Probed", probed.lists);
            show(c"Rows Estimated", probed.estimated);
            show(c"Rows Refined", probed.refined);
        } else {
            show(c"Nodes Visited", report.spent.nodes);
        }
        show(c"Pages Read", report.spent.pages);
        show(c"Restarts", report.spent.restarts);
        show(c"Values Measured", report.spent.measured);
        let learned = am::learned(scan);
        if learned.nodes > 0 || !text {
            show(c"Nodes Learned", learned.nodes);
            raw::ExplainPropertyFloat(
                c"Outline Learned".as_ptr(),
                c"%".as_ptr(),
                100.0 * learned.share,
                1,
                output,
            );
        }
    }
}
