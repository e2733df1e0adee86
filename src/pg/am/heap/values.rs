//! Values of rows, for operations of an index that have no scan.

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::index::Tid;
use crate::pg::am::heap::value::RowValue;
use crate::pg::am::method::TableValues;
use crate::pg::storage::pointer_of;

/// Which values may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueReach {
    /// All that a snapshot of this moment shows. Index expressions are computed, as whoever is the current user.
    Everything,
    /// In a VACUUM, whose snapshots keep no other vacuum from removing what is stored outside of the rows: only values
    /// that lie in their rows, and no expressions.
    InRows,
}

/// The values of an index's rows, from its table.
pub struct FetchedValues {
    table: pg_sys::Relation,
    index: pg_sys::Relation,
    reach: ValueReach,
    /// Opened when a value is asked for.
    open: Option<OpenTable>,
}

struct OpenTable {
    /// As many as the table had: a row beyond has come since, or was never there.
    blocks: u32,
    fetch: *mut pg_sys::IndexFetchTableData,
    slot: *mut pg_sys::TupleTableSlot,
    snapshot: pg_sys::Snapshot,
    value: RowValue,
}

impl FetchedValues {
    /// Values of the rows of an index.
    ///
    /// # Safety
    /// Both relations stay open, the index is one of the table, and all of this is used in one transaction and memory
    /// context.
    pub unsafe fn new(table: pg_sys::Relation, index: pg_sys::Relation, reach: ValueReach) -> Self {
        Self {
            table,
            index,
            reach,
            open: None,
        }
    }

    /// None where there is no snapshot to read by.
    fn open(&mut self) -> Option<&mut OpenTable> {
        if self.open.is_none() {
            // SAFETY: `new` says that both relations are open; a snapshot that is registered stays.
            self.open = Some(unsafe {
                // The snapshot of a statement may be older than the index, and see another version of a row. In a
                // VACUUM with workers no newer one is to be had.
                let snapshot = if !pg_sys::IsInParallelMode() {
                    pg_sys::GetLatestSnapshot()
                } else if pg_sys::ActiveSnapshotSet() {
                    pg_sys::GetActiveSnapshot()
                } else {
                    return None;
                };
                let main = pg_sys::ForkNumber::MAIN_FORKNUM;
                OpenTable {
                    blocks: pg_sys::RelationGetNumberOfBlocksInFork(self.table, main),
                    snapshot: pg_sys::RegisterSnapshot(snapshot),
                    fetch: pg_sys::table_index_fetch_begin(self.table),
                    slot: pg_sys::table_slot_create(self.table, std::ptr::null_mut()),
                    value: RowValue::of(self.index),
                }
            });
        }
        self.open.as_mut()
    }
}

impl OpenTable {
    fn fetch(&mut self, tid: Tid) -> bool {
        if tid.block() >= self.blocks {
            return false;
        }
        let (mut pointer, mut again, mut dead) = (pointer_of(tid), false, false);
        // SAFETY: all pointers are to what `open` has made.
        unsafe {
            pg_sys::table_index_fetch_tuple(
                self.fetch,
                &raw mut pointer,
                self.snapshot,
                self.slot,
                &raw mut again,
                &raw mut dead,
            )
        }
    }
}

impl TableValues for FetchedValues {
    fn see(&mut self, tid: Tid, look: &mut dyn FnMut(Datum)) -> bool {
        let reach = self.reach;
        let Some(open) = self.open() else {
            return false;
        };
        let in_rows = reach == ValueReach::InRows;
        if in_rows && matches!(open.value, RowValue::Expression { .. }) || !open.fetch(tid) {
            return false;
        }
        // SAFETY: there is a row in the slot, whose value is of variable length, as those of all indexed types are.
        let seen = unsafe {
            open.value.with(open.slot, |datum| {
                let outside = pgrx::varatt_is_1b_e(datum.cast_mut_ptr());
                if !(in_rows && outside) {
                    look(datum);
                }
                !(in_rows && outside)
            })
        };
        // SAFETY: made by `open`. No page stays pinned between two values.
        unsafe {
            pg_sys::ExecClearTuple(open.slot);
            pg_sys::table_index_fetch_reset(open.fetch);
        }
        seen.unwrap_or(false)
    }
}

impl Drop for FetchedValues {
    fn drop(&mut self) {
        let Some(open) = self.open.take().filter(|_| !std::thread::panicking()) else {
            return;
        };
        // SAFETY: made by `open`, and not used any more.
        unsafe {
            pg_sys::ExecDropSingleTupleTableSlot(open.slot);
            pg_sys::table_index_fetch_end(open.fetch);
            pg_sys::UnregisterSnapshot(open.snapshot);
            open.value.close();
        }
    }
}
