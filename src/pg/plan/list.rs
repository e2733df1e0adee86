//! Lists of tids: the rows that other indexes know of, from the nodes that would make a bitmap of them.
//!
//! A bitmap sorts rows that an index gives in order already, and merging it with other bitmaps takes as much
//! time again. So an index that can give its rows one by one is read so, and lists of several indexes meet
//! here.
//!
//! Source: `nodeBitmapIndexscan.c`, `nodeBitmapAnd.c`, `nodeBitmapHeapscan.c` and `tidbitmap.c` of Postgres.

use pgrx::pg_sys;
use pgrx::pg_sys::{NodeTag, PlanState};
use rustc_hash::FxHashSet;

use super::raw;
use crate::pg::am::{Listed, Tid};
use crate::pg::error::catch;
use crate::pg::storage::{HEAP_POINTERS, tid_of};

/// An AND does not read an index whose list would be more than 40 times longer than what is left: to fetch
/// those rows and ask the filter is cheaper.
const MOST_TIMES_LONGER: f64 = 40.0;

/// A node, and how its rows are had.
enum TidSource<'p> {
    /// One by one, by a scan of our own.
    Rows(*mut pg_sys::BitmapIndexScanState),
    /// As a bitmap.
    Bitmap,
    /// What all of these have.
    All(&'p [*mut PlanState]),
    /// What any of these has.
    Any(&'p [*mut PlanState]),
}

/// The nodes beneath one.
unsafe fn parts<'p>(nodes: *mut *mut PlanState, count: i32) -> &'p [*mut PlanState] {
    // SAFETY: the caller vouches for an array of so many nodes, which stays as long as the plan runs.
    unsafe { std::slice::from_raw_parts(nodes, count.try_into().unwrap_or(0)) }
}

unsafe fn source<'p>(node: *mut PlanState) -> TidSource<'p> {
    // SAFETY: the caller vouches for the node; its tag says what it is.
    unsafe {
        let tag = (*node).type_;
        if tag == NodeTag::T_BitmapAndState {
            let node: *mut pg_sys::BitmapAndState = node.cast();
            return TidSource::All(parts((*node).bitmapplans, (*node).nplans));
        }
        if tag == NodeTag::T_BitmapOrState {
            let node: *mut pg_sys::BitmapOrState = node.cast();
            return TidSource::Any(parts((*node).bitmapplans, (*node).nplans));
        }
        if tag != NodeTag::T_BitmapIndexScanState {
            return TidSource::Bitmap;
        }
        let scan = node.cast::<pg_sys::BitmapIndexScanState>();
        // Where the executor goes through an array, a row may come twice.
        let simple = (*scan).biss_NumArrayKeys == 0 && (*scan).biss_result.is_null();
        let gives_rows = (*(*(*scan).biss_RelationDesc).rd_indam)
            .amgettuple
            .is_some();
        if simple && gives_rows {
            TidSource::Rows(scan)
        } else {
            TidSource::Bitmap
        }
    }
}

/// What a list of so many rows is expected to take.
///
/// # Safety
/// The node has begun, and its plan is running.
pub unsafe fn expected(node: *mut PlanState, rows: f64) -> Listed {
    // SAFETY: as the caller says.
    let ListEntries { single, merged } = unsafe {
        match source(node) {
            TidSource::Rows(_) => ListEntries::default(),
            TidSource::Bitmap | TidSource::All(_) | TidSource::Any(_) => entries(node),
        }
    };
    Listed {
        rows,
        single,
        merged,
        always: false,
    }
}

/// The number of index entries that a list is made of.
#[derive(Default)]
struct ListEntries {
    /// Those read one by one.
    single: f64,
    /// Those of bitmaps.
    merged: f64,
}

unsafe fn entries(node: *mut PlanState) -> ListEntries {
    let mut all = ListEntries::default();
    // SAFETY: the caller vouches for the node.
    unsafe {
        match source(node) {
            TidSource::Rows(_) => all.single = expected_rows(node),
            TidSource::Bitmap => all.merged = expected_rows(node),
            TidSource::All(parts) | TidSource::Any(parts) => {
                for part in parts.iter().map(|part| entries(*part)) {
                    all.single += part.single;
                    all.merged += part.merged;
                }
            }
        }
    }
    all
}

unsafe fn expected_rows(node: *mut PlanState) -> f64 {
    // SAFETY: the caller vouches for the node.
    unsafe { (*(*node).plan).plan_rows }
}

/// Lists of the rows of one table.
#[derive(Clone, Copy)]
pub struct Lists {
    /// The table, which is open.
    pub table: pg_sys::Relation,
    /// Rows that a list has at most.
    pub most: usize,
}

impl Lists {
    /// Lists the rows of a bitmap that a node of a plan would make, in any order; more where that is less work.
    /// None where they are too many, or their count is lost.
    ///
    /// # Safety
    /// The node has begun, and its plan is running; its bitmap is of rows of the table.
    pub unsafe fn read(self, node: *mut PlanState) -> Option<Vec<Tid>> {
        // SAFETY: as the caller says.
        unsafe {
            match source(node) {
                TidSource::Rows(scan) => self.read_rows(scan),
                TidSource::Bitmap => read_bitmap(node, self.most),
                TidSource::All(parts) => execute(node, || self.read_all(parts)),
                TidSource::Any(parts) => execute(node, || self.read_any(parts)),
            }
        }
        .filter(|tids| tids.len() <= self.most)
    }

    /// Rows that are in all lists; parts that cannot say are left out.
    unsafe fn read_all(self, parts: &[*mut PlanState]) -> Option<Vec<Tid>> {
        let mut common: Option<Vec<Tid>> = None;
        for &part in parts {
            // SAFETY: the caller vouches for the nodes.
            unsafe {
                let few = common
                    .as_ref()
                    .map_or(f64::INFINITY, |tids| tids.len() as f64);
                if MOST_TIMES_LONGER * few < expected_rows(part) {
                    continue;
                }
                common = match (common, self.read(part)) {
                    (Some(these), Some(others)) => Some(intersection(these, others)),
                    (these, others) => these.or(others),
                };
            }
        }
        common
    }

    /// What any has.
    unsafe fn read_any(self, parts: &[*mut PlanState]) -> Option<Vec<Tid>> {
        let (mut all, mut seen) = (Vec::new(), FxHashSet::default());
        for &part in parts {
            // SAFETY: the caller vouches for the nodes.
            let tids = unsafe { self.read(part) }?;
            all.extend(tids.into_iter().filter(|tid| seen.insert(tid.place())));
            if all.len() > self.most {
                return None;
            }
        }
        Some(all)
    }

    /// Reads the rows of one index by a scan of our own, which ends with the list: the node's was opened for bitmaps,
    /// and may keep a page pinned. None where they are too many. Source: `MultiExecBitmapIndexScan`.
    unsafe fn read_rows(self, node: *mut pg_sys::BitmapIndexScanState) -> Option<Vec<Tid>> {
        let mut tids = Vec::new();
        // SAFETY: the caller vouches for the node and the table; what is raised jumps over nothing that is to be
        // dropped.
        let all = unsafe {
            catch(|| {
                let state = &raw mut (*node).ss.ps;
                let unready = (*node).biss_NumRuntimeKeys > 0 && !(*node).biss_RuntimeKeysReady;
                // Rescan before the clock starts: it ends the loop that is running, which it may not do while
                // the clock runs.
                if unready || !(*state).chgParam.is_null() {
                    raw::ExecReScan(state);
                }
                let instrumentation = (*state).instrument;
                if !instrumentation.is_null() {
                    raw::InstrStartNode(instrumentation);
                }
                let all = drain(node, self, &mut tids);
                if !instrumentation.is_null() {
                    raw::InstrStopNode(instrumentation, tids.len() as f64);
                }
                all
            })
        };
        all.then_some(tids)
    }
}

/// Reads all that the scan of a node finds; false where it is too much.
///
/// # Safety
/// The node has begun, its keys are ready, and its index is one of the table. Within [`catch`].
unsafe fn drain(
    node: *mut pg_sys::BitmapIndexScanState,
    lists: Lists,
    tids: &mut Vec<Tid>,
) -> bool {
    // SAFETY: as the caller says; the scan is ended here, or with the query if it raises.
    unsafe {
        let scan = raw::index_beginscan(
            lists.table,
            (*node).biss_RelationDesc,
            (*(*node).ss.ps.state).es_snapshot,
            #[cfg(feature = "pg18")]
            &raw mut (*node).biss_Instrument,
            (*node).biss_NumScanKeys,
            0,
        );
        let (keys, count) = ((*node).biss_ScanKeys, (*node).biss_NumScanKeys);
        raw::index_rescan(scan, keys, count, std::ptr::null_mut(), 0);
        let all = loop {
            if std::ptr::read_volatile(&raw const pg_sys::InterruptPending) != 0 {
                raw::ProcessInterrupts();
            }
            let forward = pg_sys::ScanDirection::ForwardScanDirection;
            let Some(row) = raw::index_getnext_tid(scan, forward).as_ref() else {
                break true;
            };
            if tids.len() == lists.most {
                break false;
            }
            tids.push(tid_of(*row));
        };
        raw::index_endscan(scan);
        all
    }
}

/// Reads the parts of a node that is not executed itself. Passes changed parameters down to the parts, and
/// counts the work where EXPLAIN looks for it. Source: `MultiExecProcNode`, `MultiExecBitmapAnd`.
unsafe fn execute(
    node: *mut PlanState,
    read: impl FnOnce() -> Option<Vec<Tid>>,
) -> Option<Vec<Tid>> {
    // SAFETY: the caller vouches for the node.
    unsafe {
        let instrumentation = (*node).instrument;
        catch(|| {
            if !(*node).chgParam.is_null() {
                raw::ExecReScan(node);
            }
            if !instrumentation.is_null() {
                raw::InstrStartNode(instrumentation);
            }
        });
        let tids = read();
        if !instrumentation.is_null() {
            let count = tids.as_ref().map_or(0, Vec::len);
            catch(|| raw::InstrStopNode(instrumentation, count as f64));
        }
        tids
    }
}

/// What is in both lists.
fn intersection(these: Vec<Tid>, others: Vec<Tid>) -> Vec<Tid> {
    let (few, mut many) = if these.len() < others.len() {
        (these, others)
    } else {
        (others, these)
    };
    let mut few: FxHashSet<u64> = few.into_iter().map(Tid::place).collect();
    many.retain(|tid| few.remove(&tid.place()));
    many
}

/// Reads a bitmap that a node of a plan makes. None where it has more than `most` rows, or has lost count
/// of them to stay inside its memory.
///
/// # Safety
/// The node has begun, and its plan is running.
unsafe fn read_bitmap(node: *mut PlanState, most: usize) -> Option<Vec<Tid>> {
    // SAFETY: as the caller says; the bitmap is ours once the node has made it.
    unsafe {
        let bitmap: *mut pg_sys::TIDBitmap = catch(|| raw::MultiExecProcNode(node)).cast();
        let tids = tids(bitmap, most);
        pg_sys::tbm_free(bitmap);
        tids
    }
}

#[cfg(not(feature = "pg18"))]
unsafe fn tids(bitmap: *mut pg_sys::TIDBitmap, most: usize) -> Option<Vec<Tid>> {
    // SAFETY: a bitmap that nobody else reads.
    unsafe {
        let mut tids = Vec::new();
        let pages = pg_sys::tbm_begin_iterate(bitmap);
        let all = loop {
            let Some(page) = pg_sys::tbm_iterate(pages).as_ref() else {
                break true;
            };
            let Ok(rows) = usize::try_from(page.ntuples) else {
                break false;
            };
            if tids.len() + rows > most {
                break false;
            }
            let offsets = page.offsets.as_slice(rows.min(HEAP_POINTERS));
            tids.extend(offsets.iter().map(|offset| Tid::new(page.blockno, *offset)));
        };
        pg_sys::tbm_end_iterate(pages);
        all.then_some(tids)
    }
}

#[cfg(feature = "pg18")]
unsafe fn tids(bitmap: *mut pg_sys::TIDBitmap, most: usize) -> Option<Vec<Tid>> {
    // SAFETY: a bitmap that nobody else reads.
    unsafe {
        let (mut tids, mut offsets) = (Vec::new(), [0; HEAP_POINTERS]);
        let pages = pg_sys::tbm_begin_private_iterate(bitmap);
        let mut page = pg_sys::TBMIterateResult::default();
        let all = loop {
            if !pg_sys::tbm_private_iterate(pages, &raw mut page) {
                break true;
            }
            if page.lossy || tids.len() > most {
                break false;
            }
            let first = offsets.as_mut_ptr();
            let rows = pg_sys::tbm_extract_page_tuple(&raw mut page, first, HEAP_POINTERS as u32);
            let offsets = offsets.iter().take(rows as usize);
            tids.extend(offsets.map(|offset| Tid::new(page.blockno, *offset)));
        };
        pg_sys::tbm_end_private_iterate(pages);
        all.then_some(tids)
    }
}
