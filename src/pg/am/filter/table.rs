//! Table: rows that pass a filter, nearest first, from the table itself. It is read in its order, and rows that
//! pass are measured. A search whose filter runs against the query meets nearly all rows, one by one and in no
//! order of the table; once that has cost as much as reading the table does, the table is read for the rest.

use std::collections::{BinaryHeap, HashSet, VecDeque};

use pgrx::pg_sys;

use crate::index::Tid;
use crate::pg::am::filter::shortlist::{Given, has_distance};
use crate::pg::am::heap::exact::Exact;
use crate::pg::am::heap::source::ScanRows;
use crate::pg::am::method::{FoundRow, Search};
use crate::pg::am::passes::Passes;
use crate::pg::error::{Failure, catch};
use crate::pg::storage::tid_of;
use crate::pg::storage::{FirstVersions, check_for_interrupts};

unsafe extern "C-unwind" {
    // Without guards, which would keep a part of what errors of users' expressions say.
    #[link_name = "ExecQualAndReset__pgrx_cshim"]
    fn ExecQualAndReset(qual: *mut pg_sys::ExprState, context: *mut pg_sys::ExprContext) -> bool;
}

/// A row that passes. The nearest row is the least; rows that are equally far are in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PassingRow {
    /// The distance, as bits that sort as it does. Not-a-number comes last.
    bits: u64,
    place: u64,
}

const SIGN: u64 = 1 << 63;

impl PassingRow {
    fn new(distance: f64, place: u64) -> Self {
        let bits = if distance.is_nan() {
            f64::NAN.to_bits() & !SIGN
        } else {
            distance.to_bits()
        };
        Self {
            bits: if bits & SIGN == 0 { bits | SIGN } else { !bits },
            place,
        }
    }

    fn distance(self) -> f64 {
        f64::from_bits(if self.bits & SIGN == 0 {
            !self.bits
        } else {
            self.bits & !SIGN
        })
    }
}

/// Bytes of memory for a row that is kept.
const PASSING_ROW_BYTES: usize = size_of::<PassingRow>();

/// Rows of a table.
pub struct ReadTable {
    /// The nearest last.
    rows: Vec<PassingRow>,
    /// The farthest of those that were kept, where there may be more: they did not fit the memory.
    after: Option<PassingRow>,
    most: usize,
    given: HashSet<Tid>,
    /// What is nearer than this comes late.
    nearest: Option<f64>,
    late: VecDeque<FoundRow>,
}

/// Whether the rows of a table can be read so: their places in an index are those of a heap.
///
/// # Safety
/// The table is open.
pub unsafe fn can_read(table: pg_sys::Relation) -> bool {
    // SAFETY: the caller vouches for the table.
    unsafe { (*table).rd_tableam == pg_sys::GetHeapamTableAmRoutine() }
}

impl ReadTable {
    /// Reads the rows of a scan's table.
    ///
    /// # Safety
    /// The scan is going on, its table [can be read](can_read), and no page is locked.
    ///
    /// # Errors
    /// Where the index cannot tell whether it has a value.
    pub unsafe fn new(
        rows: &mut ScanRows<'_>,
        given: Given,
        passes: &mut dyn Passes,
        index: &dyn Search,
    ) -> Result<Self, Failure> {
        let scan = rows.scan;
        // SAFETY: a setting, read by the backend's thread; otherwise as the caller says.
        let (memory, nearest) = unsafe {
            let last = given.last;
            let nearest = last.and_then(|tid| rows.exact().measure(scan, tid));
            (pg_sys::work_mem as usize * 1024, nearest)
        };
        let mut table = Self {
            rows: Vec::new(),
            after: None,
            most: (memory / PASSING_ROW_BYTES).max(1),
            given: given.rows,
            nearest,
            late: VecDeque::new(),
        };
        // SAFETY: as the caller says.
        unsafe { table.read(rows, passes, index) }?;
        Ok(table)
    }

    /// The next row.
    ///
    /// # Safety
    /// As [`new`](Self::new).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub unsafe fn next(
        &mut self,
        rows: &mut ScanRows<'_>,
        passes: &mut dyn Passes,
        index: &dyn Search,
    ) -> Result<Option<FoundRow>, Failure> {
        loop {
            let Some(row) = self.rows.pop() else {
                if self.after.is_none() {
                    return Ok(self.late.pop_front());
                }
                // SAFETY: as the caller says.
                unsafe { self.read(rows, passes, index) }?;
                continue;
            };
            let found = FoundRow {
                tid: Tid::at(row.place),
                node: None,
            };
            if self.given.contains(&found.tid) {
                continue;
            }
            if self.nearest.is_some_and(|nearest| row.distance() < nearest) {
                self.late.try_reserve(1)?;
                self.late.push_back(found);
                continue;
            }
            return Ok(Some(found));
        }
    }

    /// Reads the table, and keeps the nearest rows that pass and are farther than those that were kept before.
    unsafe fn read(
        &mut self,
        rows: &mut ScanRows<'_>,
        passes: &mut dyn Passes,
        index: &dyn Search,
    ) -> Result<(), Failure> {
        let (scan, most, after) = (rows.scan, self.most, self.after.take());
        let mut kept: BinaryHeap<PassingRow> = BinaryHeap::new();
        let mut is_full = false;
        let mut keep = |row: PassingRow| -> Result<(), Failure> {
            if after.is_some_and(|after| row <= after) {
                return Ok(());
            }
            if kept.len() >= most {
                // This row or the farthest kept one does not fit, and comes with the next pass.
                is_full = true;
                if kept.peek().is_none_or(|last| row >= *last) {
                    return Ok(());
                }
                kept.pop();
            }
            kept.try_reserve(1)?;
            kept.push(row);
            Ok(())
        };
        // SAFETY: as the caller says.
        unsafe {
            let exact = rows.exact();
            each_passing(exact, scan, passes, &mut |exact, place| {
                if let Some(distance) = has_distance(exact, scan, index)? {
                    keep(PassingRow::new(distance, place))?;
                }
                Ok(())
            })
        }?;
        let mut kept = kept.into_sorted_vec();
        kept.reverse();
        if is_full {
            self.after = kept.first().copied();
        }
        self.rows = kept;
        Ok(())
    }
}

/// Shows the rows that pass, with their places in indexes.
unsafe fn each_passing(
    exact: &mut Exact,
    scan: pg_sys::IndexScanDesc,
    passes: &mut dyn Passes,
    see: &mut dyn FnMut(&mut Exact, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // SAFETY: the caller vouches for the scan, which keeps table and snapshot. The slot is one for rows of the table.
    unsafe {
        let predicate = Predicate::of((*scan).indexRelation);
        let slot = exact.empty_slot();
        let (table, snapshot) = ((*scan).heapRelation, (*scan).xs_snapshot);
        let rows = pg_sys::table_beginscan(table, snapshot, 0, std::ptr::null_mut());
        let (mut count, mut result) = (0_u64, Ok(()));
        let mut versions = FirstVersions::new();
        let forward = pg_sys::ScanDirection::ForwardScanDirection;
        while result.is_ok() && pg_sys::table_scan_getnextslot(rows, forward, slot) {
            if count % 64 == 0 {
                check_for_interrupts();
            }
            count += 1;
            if predicate
                .as_ref()
                .is_none_or(|predicate| predicate.holds(slot))
                && passes.passes(slot)
                && let Some(tid) = indexed_tid(slot, &mut versions)
            {
                result = see(exact, tid.place());
            }
        }
        pg_sys::table_endscan(rows);
        exact.empty_slot();
        if let Some(predicate) = predicate {
            predicate.close();
        }
        result
    }
}

/// The place that indexes have of the row in a slot. None where that is not there.
unsafe fn indexed_tid(
    slot: *mut pg_sys::TupleTableSlot,
    versions: &mut FirstVersions,
) -> Option<Tid> {
    // SAFETY: the caller vouches for a slot with a row of a heap, whose page it keeps pinned.
    unsafe {
        let row: *mut pg_sys::BufferHeapTupleTableSlot = slot.cast();
        let tid = tid_of((*slot).tts_tid);
        let header = (*(*row).base.tuple).t_data;
        if u32::from((*header).t_infomask2) & pg_sys::HEAP_ONLY_TUPLE == 0 {
            return Some(tid);
        }
        versions.of((*row).buffer, tid)
    }
}

/// The condition of an index on a part of its table.
struct Predicate {
    state: *mut pg_sys::ExprState,
    executor: *mut pg_sys::EState,
}

impl Predicate {
    /// None where the index is on all rows.
    unsafe fn of(index: pg_sys::Relation) -> Option<Self> {
        // SAFETY: the caller vouches for the index.
        unsafe {
            let predicate = pg_sys::RelationGetIndexPredicate(index);
            if predicate.is_null() {
                return None;
            }
            let executor = pg_sys::CreateExecutorState();
            let state = pg_sys::ExecPrepareQual(predicate, executor);
            pg_sys::MakePerTupleExprContext(executor);
            Some(Self { state, executor })
        }
    }

    unsafe fn holds(&self, slot: *mut pg_sys::TupleTableSlot) -> bool {
        // SAFETY: the caller vouches for the slot; `of` has made the rest.
        unsafe {
            let context = (*self.executor).es_per_tuple_exprcontext;
            (*context).ecxt_scantuple = slot;
            let state = self.state;
            catch(|| ExecQualAndReset(state, context))
        }
    }

    unsafe fn close(self) {
        // SAFETY: made by `of`, and not used any more.
        unsafe { pg_sys::FreeExecutorState(self.executor) }
    }
}
