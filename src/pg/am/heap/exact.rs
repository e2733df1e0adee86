//! Exact distances, from the values in the table. The index stores vectors rounded; where that leaves the order of
//! two rows in doubt, the values in the table decide.

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::index::Tid;
use crate::pg::am::heap::value::RowValue;
use crate::pg::am::passes::Passes;
use crate::pg::storage::pointer_of;

/// Fetches rows and measures them by the operator of a scan. What it holds belongs to the query's
/// context and resource owner; [`close`](Self::close) lets it go early.
pub struct Exact {
    fetch: *mut pg_sys::IndexFetchTableData,
    slot: *mut pg_sys::TupleTableSlot,
    value: RowValue,
    measured: u64,
    /// Whether the last row was dead to everybody.
    dead: bool,
    /// The row that is in the slot.
    held: Option<Tid>,
}

impl Exact {
    /// Opens the table of a scan.
    ///
    /// # Safety
    /// The scan is going on.
    pub unsafe fn open(scan: pg_sys::IndexScanDesc) -> Self {
        // SAFETY: the scan keeps table and index open; all of it goes into the context of the scan.
        unsafe {
            let context = pg_sys::GetMemoryChunkContext(scan.cast());
            let before = pg_sys::MemoryContextSwitchTo(context);
            let (table, index) = ((*scan).heapRelation, (*scan).indexRelation);
            let exact = Self {
                fetch: pg_sys::table_index_fetch_begin(table),
                slot: pg_sys::table_slot_create(table, std::ptr::null_mut()),
                value: RowValue::of(index),
                measured: 0,
                dead: false,
                held: None,
            };
            pg_sys::MemoryContextSwitchTo(before);
            exact
        }
    }

    /// Fetches a row; false where the scan does not see it.
    ///
    /// # Safety
    /// The scan is the one it was opened for.
    unsafe fn fetch(&mut self, scan: pg_sys::IndexScanDesc, tid: Tid) -> bool {
        self.dead = false;
        if self.held == Some(tid) {
            return true;
        }
        let (mut pointer, mut again) = (pointer_of(tid), false);
        // SAFETY: the scan is going on, and all pointers are to what `open` has made.
        let seen = unsafe {
            pg_sys::table_index_fetch_tuple(
                self.fetch,
                &raw mut pointer,
                (*scan).xs_snapshot,
                self.slot,
                &raw mut again,
                &raw mut self.dead,
            )
        };
        self.held = seen.then_some(tid);
        seen
    }

    /// The slot, without a row.
    pub fn empty_slot(&mut self) -> *mut pg_sys::TupleTableSlot {
        self.held = None;
        // SAFETY: made by `open`.
        unsafe { pg_sys::ExecClearTuple(self.slot) }
    }

    /// Whether a row is dead to everybody.
    ///
    /// # Safety
    /// The scan is the one it was opened for.
    pub unsafe fn is_dead(&mut self, scan: pg_sys::IndexScanDesc, tid: Tid) -> bool {
        // SAFETY: as the caller says.
        !unsafe { self.fetch(scan, tid) } && self.dead
    }

    /// The distance of a row; None where the scan does not see it.
    ///
    /// # Safety
    /// The scan is the one it was opened for.
    pub unsafe fn measure(&mut self, scan: pg_sys::IndexScanDesc, tid: Tid) -> Option<f64> {
        self.measured += 1;
        // SAFETY: the scan is going on, and all pointers are to what `open` has made.
        unsafe { self.fetch(scan, tid).then(|| self.distance(scan))? }
    }

    /// The distance of the row that is in the slot; None where it has no value.
    ///
    /// # Safety
    /// The scan is the one it was opened for, and there is a row.
    pub unsafe fn measure_held(&mut self, scan: pg_sys::IndexScanDesc) -> Option<f64> {
        self.measured += 1;
        // SAFETY: as the caller says.
        unsafe { self.distance(scan) }
    }

    /// The distance of the row in the slot; None where it has no value.
    unsafe fn distance(&self, scan: pg_sys::IndexScanDesc) -> Option<f64> {
        // SAFETY: as the caller says.
        unsafe { self.with_value(|value| distance(scan, value)) }
    }

    /// Hands the indexed value of the row that was fetched last to `look`, and gives its answer. None if the
    /// value is NULL.
    ///
    /// # Safety
    /// The scan is going on, and has seen the row.
    pub unsafe fn with_value<T>(&self, look: impl FnOnce(Datum) -> T) -> Option<T> {
        // SAFETY: all pointers are to what `open` has made; the row is in the slot.
        unsafe { self.value.with(self.slot, look) }
    }

    /// Whether a row passes a filter; None where the scan does not see it.
    ///
    /// # Safety
    /// The scan is the one it was opened for, and no page is locked.
    pub unsafe fn passes(
        &mut self,
        scan: pg_sys::IndexScanDesc,
        tid: Tid,
        passes: &mut dyn Passes,
    ) -> Option<bool> {
        // SAFETY: as the caller says; the row is in the slot once it was fetched.
        unsafe { self.fetch(scan, tid).then(|| passes.passes(self.slot)) }
    }

    /// Whether the row that was fetched last is dead to everybody.
    pub fn was_dead(&self) -> bool {
        self.dead
    }

    /// Rows measured since they were taken last.
    pub fn measured(&self) -> u64 {
        self.measured
    }

    /// Rows measured since the last call.
    pub fn take_measured(&mut self) -> u64 {
        std::mem::take(&mut self.measured)
    }

    /// Lets go of pages.
    pub fn reset(&mut self) {
        self.held = None;
        // SAFETY: both were made by `open`.
        unsafe {
            pg_sys::ExecClearTuple(self.slot);
            pg_sys::table_index_fetch_reset(self.fetch);
        }
    }

    /// Lets go of everything.
    pub fn close(self) {
        // SAFETY: made by `open`, and not used any more.
        unsafe {
            pg_sys::ExecDropSingleTupleTableSlot(self.slot);
            pg_sys::table_index_fetch_end(self.fetch);
            self.value.close();
        }
    }
}

/// What the operator of a scan says of a value.
unsafe fn distance(scan: pg_sys::IndexScanDesc, value: Datum) -> f64 {
    // SAFETY: the caller vouches for scan and value; the scan is ordered by one operator.
    let datum = unsafe {
        let order = (*scan).orderByData;
        let (function, argument) = (&raw mut (*order).sk_func, (*order).sk_argument);
        pg_sys::FunctionCall2Coll(function, (*order).sk_collation, value, argument)
    };
    f64::from_bits(datum.value() as u64)
}
