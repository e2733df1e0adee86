//! The node while a query runs: it opens the scan of the index beneath it, with the filter, and hands on
//! the rows.
//!
//! Nothing here has anything to drop, or panics: what the query's expressions raise jumps over these frames
//! (`raw.rs`).
//!
//! Sources: `nodeCustom.c`, `nodeIndexscan.c` and `nodeSubqueryscan.c` of Postgres.

use pgrx::pg_sys;
use pgrx::pg_sys::{CustomScanState, NodeTag, TupleTableSlot};

use super::filter::Filter;
use super::{NAME, Table, entries, first, list, make, raw};
use crate::pg::am;

/// A share of 1, as plans have it.
pub const SHARE_UNIT: f64 = 1e6;

/// What a plan names.
pub static SCAN: Table<pg_sys::CustomScanMethods> = Table(pg_sys::CustomScanMethods {
    CustomName: NAME.as_ptr(),
    CreateCustomScanState: Some(create),
});

static EXECUTE: Table<pg_sys::CustomExecMethods> = Table(pg_sys::CustomExecMethods {
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
    ShutdownCustomScan: None,
    ExplainCustomScan: Some(explain),
});

/// The node. Postgres knows its first part.
#[repr(C)]
struct Node {
    custom: CustomScanState,
    /// Rows on which the filter was evaluated.
    checked: u64,
}

/// As `CreateCustomScanState`.
unsafe extern "C-unwind" fn create(_plan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: zeros are a node that has not begun.
    unsafe {
        let node: *mut Node = make(NodeTag::T_CustomScanState);
        (*node).custom.methods = &raw const EXECUTE.0;
        node.cast()
    }
}

/// The scan of the index.
unsafe fn child(node: *mut CustomScanState) -> *mut pg_sys::IndexScanState {
    // SAFETY: `begin` has made it.
    unsafe { first((*node).custom_ps) }
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
        for plan in entries::<pg_sys::Plan>((*plan).custom_plans) {
            let child = raw::ExecInitNode(plan, executor, flags);
            (*node).custom_ps = raw::lappend((*node).custom_ps, child.cast());
        }
        let child: *mut pg_sys::PlanState = first((*node).custom_ps);

        // The child's rows come as they are in the table, or computed: who reads them has to know.
        // Postgres has taken them for computed ones.
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
    }
}

/// The bitmap of other indexes; null where the plan has none.
unsafe fn bitmap(node: *mut CustomScanState) -> *mut pg_sys::PlanState {
    // SAFETY: `begin` has made it.
    let mut children = unsafe { entries((*node).custom_ps) };
    children.nth(1).unwrap_or(std::ptr::null_mut())
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
        if !(*child).ss.ps.qual.is_null() {
            let plan: *mut pg_sys::CustomScan = (*node).ss.ps.plan.cast();
            let mut numbers = entries::<pg_sys::Integer>((*plan).custom_private)
                .map(|number| f64::from((*number).ival));
            let mut next = || numbers.next().unwrap_or(-1.0);
            let bitmap = bitmap(node);
            let filter = Filter {
                scan: child,
                share: next() / SHARE_UNIT,
                wanted: next(),
                listed: (!bitmap.is_null()).then(|| list::expected(bitmap, next())),
                bitmap,
                checked: &raw mut (*node.cast::<Node>()).checked,
            };
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

/// As `EndCustomScan`.
unsafe extern "C-unwind" fn end(node: *mut CustomScanState) {
    // SAFETY: Postgres calls with a node of ours, once.
    unsafe {
        entries((*node).custom_ps).for_each(|child| raw::ExecEndNode(child));
    }
}

/// As `ReScanCustomScan`. The child reads values that have changed when it is asked for a row.
unsafe extern "C-unwind" fn rescan(node: *mut CustomScanState) {
    // SAFETY: Postgres calls with a node of ours that has begun.
    unsafe {
        for child in entries::<pg_sys::PlanState>((*node).custom_ps) {
            if !(*node).ss.ps.chgParam.is_null() {
                raw::UpdateChangedParamSet(child, (*node).ss.ps.chgParam);
            }
            // Children whose parameters have changed do so when they are asked for a row.
            if (*child).chgParam.is_null() {
                raw::ExecReScan(child);
            }
        }
    }
}

/// As `ExplainCustomScan`. A parallel worker keeps its count to itself.
unsafe extern "C-unwind" fn explain(
    node: *mut CustomScanState,
    _ancestors: *mut pg_sys::List,
    output: *mut pg_sys::ExplainState,
) {
    // SAFETY: Postgres calls with a node of ours that has begun, and maybe run.
    unsafe {
        if (*output).analyze && !(*child(node)).iss_ScanDesc.is_null() {
            let checked = (*node.cast::<Node>()).checked as i64;
            raw::ExplainPropertyInteger(
                c"Rows Checked".as_ptr(),
                std::ptr::null(),
                checked,
                output,
            );
        }
    }
}
