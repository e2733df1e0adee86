//! Raw functions of Postgres, without the guard that `pg_sys` puts around them.
//!
//! What they raise jumps over the frames of their callers, which must have nothing to drop. So an error
//! of a query's own expressions keeps all that it says; a guard would keep the SQLSTATE where Postgres
//! itself knows it, message, detail and hint, and lose the context and the names of what it is about.

use std::ffi::{c_char, c_int, c_void};

use pgrx::pg_sys::{
    Datum, EState, ExplainState, ExprContext, ExprState, IndexScanDesc, Instrumentation, Integer,
    ItemPointer, List, MemoryContext, Node, Plan, PlanState, ProjectionInfo, Relation,
    ScanDirection, ScanKey, ScanState, Size, Snapshot, TupleTableSlot, TupleTableSlotOps,
};

unsafe extern "C-unwind" {
    pub fn ExecInitNode(plan: *mut Plan, executor: *mut EState, flags: c_int) -> *mut PlanState;
    pub fn ExecEndNode(node: *mut PlanState);
    pub fn ExecReScan(node: *mut PlanState);
    pub fn ProcessInterrupts();
    pub fn InstrStartNode(instrumentation: *mut Instrumentation);
    pub fn InstrStopNode(instrumentation: *mut Instrumentation, rows: f64);
    pub fn MultiExecProcNode(node: *mut PlanState) -> *mut Node;
    pub fn ExecGetResultSlotOps(node: *mut PlanState, fixed: *mut bool)
    -> *const TupleTableSlotOps;
    pub fn ExecAssignScanProjectionInfoWithVarno(node: *mut ScanState, varno: c_int);
    #[link_name = "ExecProcNode__pgrx_cshim"]
    pub fn ExecProcNode(node: *mut PlanState) -> *mut TupleTableSlot;
    #[link_name = "ExecProject__pgrx_cshim"]
    pub fn ExecProject(projection: *mut ProjectionInfo) -> *mut TupleTableSlot;
    #[link_name = "ExecClearTuple__pgrx_cshim"]
    pub fn ExecClearTuple(slot: *mut TupleTableSlot) -> *mut TupleTableSlot;
    #[link_name = "ExecQualAndReset__pgrx_cshim"]
    pub fn ExecQualAndReset(qual: *mut ExprState, context: *mut ExprContext) -> bool;
    #[link_name = "ExecEvalExprSwitchContext__pgrx_cshim"]
    pub fn ExecEvalExprSwitchContext(
        state: *mut ExprState,
        context: *mut ExprContext,
        isnull: *mut bool,
    ) -> Datum;
    pub fn ExecInitExprList(expressions: *mut List, parent: *mut PlanState) -> *mut List;
    pub fn MemoryContextReset(context: MemoryContext);
    pub fn palloc0(size: Size) -> *mut c_void;
    pub fn copyObjectImpl(object: *const c_void) -> *mut c_void;
    pub fn makeInteger(value: c_int) -> *mut Integer;
    pub fn lappend(list: *mut List, entry: *mut c_void) -> *mut List;
    pub fn index_beginscan(
        table: Relation,
        index: Relation,
        snapshot: Snapshot,
        #[cfg(feature = "pg18")] instrument: *mut pgrx::pg_sys::IndexScanInstrumentation,
        keys: c_int,
        orders: c_int,
    ) -> IndexScanDesc;
    pub fn index_rescan(
        scan: IndexScanDesc,
        keys: ScanKey,
        key_count: c_int,
        orders: ScanKey,
        order_count: c_int,
    );
    pub fn index_getnext_tid(scan: IndexScanDesc, direction: ScanDirection::Type) -> ItemPointer;
    pub fn index_endscan(scan: IndexScanDesc);
    pub fn ExplainPropertyInteger(
        label: *const c_char,
        unit: *const c_char,
        value: i64,
        output: *mut ExplainState,
    );
    pub fn ExplainPropertyFloat(
        label: *const c_char,
        unit: *const c_char,
        value: f64,
        digits: c_int,
        output: *mut ExplainState,
    );
}
