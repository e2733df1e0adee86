//! What other indexes know of a filter: the bitmap that the planner would make of them, and its rows.
//!
//! Source: `create_index_paths` in `indxpath.c`, `nodeBitmapHeapscan.c` and `tidbitmap.c` of Postgres.

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::{entries, raw};
use crate::pg::am::{self, Listed, Tid};
use crate::pg::error::catch;

/// Bitmaps of a larger share of all rows are not planned: a search comes to rows that are so frequent
/// before as many have been fetched.
const MOST: f64 = 0.25;

/// A relation while the planner looks at it as if it had none but indexes of others, and no scans but
/// of bitmaps. Afterwards it is as it was.
struct Apart {
    rel: *mut pg_sys::RelOptInfo,
    before: pg_sys::RelOptInfo,
    index_scans: bool,
    index_only_scans: bool,
}

impl Apart {
    unsafe fn new(rel: *mut pg_sys::RelOptInfo) -> Self {
        // SAFETY: a relation that is being planned, and settings, by the backend's only thread.
        unsafe {
            let apart = Self {
                rel,
                before: *rel,
                index_scans: pg_sys::enable_indexscan,
                index_only_scans: pg_sys::enable_indexonlyscan,
            };
            (*rel).pathlist = std::ptr::null_mut();
            (*rel).partial_pathlist = std::ptr::null_mut();
            (*rel).indexlist = entries::<pg_sys::IndexOptInfo>((*rel).indexlist)
                .filter(|index| (**index).amhasgetbitmap && !am::is_ours_planned(*index))
                .fold(std::ptr::null_mut(), |list, index| {
                    pg_sys::lappend(list, index.cast())
                });
            (*rel).joininfo = std::ptr::null_mut();
            (*rel).has_eclass_joins = false;
            (*rel).consider_parallel = false;
            pg_sys::enable_indexscan = false;
            pg_sys::enable_indexonlyscan = false;
            apart
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // SAFETY: as in `new`.
        unsafe {
            *self.rel = self.before;
            pg_sys::enable_indexscan = self.index_scans;
            pg_sys::enable_indexonlyscan = self.index_only_scans;
        }
    }
}

/// The scan of a bitmap of other indexes, if they know enough of the filter, and how many rows it is
/// expected to have.
///
/// # Safety
/// Postgres plans the relation, and all its paths are there.
pub unsafe fn path(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
) -> Option<(*mut pg_sys::Path, f64)> {
    // SAFETY: as the caller says; what is made lies in the planner's memory.
    unsafe {
        if !pg_sys::enable_bitmapscan {
            return None;
        }
        let paths = {
            let apart = Apart::new(rel);
            if !(*rel).indexlist.is_null() {
                pg_sys::create_index_paths(root, rel);
            }
            let paths = (*rel).pathlist;
            drop(apart);
            paths
        };
        let path = entries::<pg_sys::Path>(paths).find(|path| {
            (**path).type_ == NodeTag::T_BitmapHeapPath && (**path).param_info.is_null()
        })?;
        let bitmap = (*path.cast::<pg_sys::BitmapHeapPath>()).bitmapqual;
        let (mut cost, mut share) = (0.0, 0.0);
        pg_sys::cost_bitmap_tree_node(bitmap, &raw mut cost, &raw mut share);
        (share <= MOST).then_some((path, (share * (*rel).tuples).max(1.0)))
    }
}

/// What a bitmap of so many rows is expected to take.
///
/// # Safety
/// The node has begun, and its plan is running.
pub unsafe fn expected(node: *mut pg_sys::PlanState, rows: f64) -> Listed {
    // SAFETY: as the caller says.
    unsafe {
        let merged = match one_by_one(node) {
            Some(_) => 0.0,
            None => entries_read(node),
        };
        Listed { rows, merged }
    }
}

/// Entries of all indexes that a bitmap is made of.
unsafe fn entries_read(node: *mut pg_sys::PlanState) -> f64 {
    // SAFETY: the caller vouches for the node; its tag says what it is.
    unsafe {
        let (nodes, count) = if (*node).type_ == NodeTag::T_BitmapAndState {
            let node: *mut pg_sys::BitmapAndState = node.cast();
            ((*node).bitmapplans, (*node).nplans)
        } else if (*node).type_ == NodeTag::T_BitmapOrState {
            let node: *mut pg_sys::BitmapOrState = node.cast();
            ((*node).bitmapplans, (*node).nplans)
        } else {
            return (*(*node).plan).plan_rows;
        };
        let parts = std::slice::from_raw_parts(nodes, count.try_into().unwrap_or(0));
        parts.iter().map(|part| entries_read(*part)).sum()
    }
}

/// Reads the rows of a bitmap that a node of a plan would make, in any order. None where they are more than
/// `most`, or their count is lost.
///
/// # Safety
/// The node has begun, and its plan is running.
pub unsafe fn read(node: *mut pg_sys::PlanState, most: usize) -> Option<Vec<Tid>> {
    // SAFETY: as the caller says.
    unsafe {
        match one_by_one(node) {
            Some(next) => walk(node.cast(), next, most),
            None => read_bitmap(node, most),
        }
    }
}

/// `amgettuple` of an index.
type Next = unsafe extern "C-unwind" fn(pg_sys::IndexScanDesc, pg_sys::ScanDirection::Type) -> bool;

/// How the rows of a node that reads one index can be had one by one.
unsafe fn one_by_one(node: *mut pg_sys::PlanState) -> Option<Next> {
    // SAFETY: the caller vouches for the node; its tag says what it is.
    unsafe {
        if (*node).type_ != NodeTag::T_BitmapIndexScanState {
            return None;
        }
        let scan = node.cast::<pg_sys::BitmapIndexScanState>();
        // Where the executor goes through an array, a row may come twice.
        let simple = (*scan).biss_NumArrayKeys == 0 && (*scan).biss_result.is_null();
        simple.then(|| (*(*(*scan).biss_RelationDesc).rd_indam).amgettuple)?
    }
}

/// Reads the rows of one index: a bitmap would sort them once more. None where they are more than `most`.
unsafe fn walk(
    scan: *mut pg_sys::BitmapIndexScanState,
    next: Next,
    most: usize,
) -> Option<Vec<Tid>> {
    let mut tids = Vec::new();
    // SAFETY: the caller vouches for the node, which is not used otherwise before it is rescanned; what is
    // raised jumps over nothing that is to be dropped. Source: `MultiExecBitmapIndexScan`.
    let all = unsafe {
        catch(|| {
            let state = &raw mut (*scan).ss.ps;
            let instrumentation = (*state).instrument;
            if !instrumentation.is_null() {
                raw::InstrStartNode(instrumentation);
            }
            let unready = (*scan).biss_NumRuntimeKeys > 0 && !(*scan).biss_RuntimeKeysReady;
            if unready || !(*state).chgParam.is_null() {
                raw::ExecReScan(state);
            }
            let rows = (*scan).biss_ScanDesc;
            let all = loop {
                if std::ptr::read_volatile(&raw const pg_sys::InterruptPending) != 0 {
                    raw::ProcessInterrupts();
                }
                if !next(rows, pg_sys::ScanDirection::ForwardScanDirection) {
                    break true;
                }
                if tids.len() == most {
                    break false;
                }
                tids.push(am::tid_of((*rows).xs_heaptid));
            };
            if !instrumentation.is_null() {
                raw::InstrStopNode(instrumentation, tids.len() as f64);
            }
            all
        })
    };
    all.then_some(tids)
}

/// Reads a bitmap that a node of a plan makes. None where it has more than `most` rows, or has lost count
/// of them to stay inside its memory.
///
/// # Safety
/// The node has begun, and its plan is running.
unsafe fn read_bitmap(node: *mut pg_sys::PlanState, most: usize) -> Option<Vec<Tid>> {
    // SAFETY: as the caller says; the bitmap is ours once the node has made it.
    unsafe {
        let bitmap: *mut pg_sys::TIDBitmap = catch(|| raw::MultiExecProcNode(node)).cast();
        let tids = tids(bitmap, most);
        pg_sys::tbm_free(bitmap);
        tids
    }
}

/// Rows of one page at most: each has a header of 24 bytes and a line pointer of 4. `htup_details.h`:
/// `MaxHeapTuplesPerPage`.
const ROWS: usize = (pg_sys::BLCKSZ as usize - 24) / 28;

fn tid(block: pg_sys::BlockNumber, offset: pg_sys::OffsetNumber) -> Tid {
    am::tid_of(pg_sys::ItemPointerData {
        ip_blkid: pg_sys::BlockIdData {
            bi_hi: (block >> 16) as u16,
            bi_lo: block as u16,
        },
        ip_posid: offset,
    })
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
            let offsets = page.offsets.as_slice(rows.min(ROWS));
            tids.extend(offsets.iter().map(|offset| tid(page.blockno, *offset)));
        };
        pg_sys::tbm_end_iterate(pages);
        all.then_some(tids)
    }
}

#[cfg(feature = "pg18")]
unsafe fn tids(bitmap: *mut pg_sys::TIDBitmap, most: usize) -> Option<Vec<Tid>> {
    // SAFETY: a bitmap that nobody else reads.
    unsafe {
        let (mut tids, mut offsets) = (Vec::new(), [0; ROWS]);
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
            let rows = pg_sys::tbm_extract_page_tuple(&raw mut page, first, ROWS as u32);
            let offsets = offsets.iter().take(rows as usize);
            tids.extend(offsets.map(|offset| tid(page.blockno, *offset)));
        };
        pg_sys::tbm_end_private_iterate(pages);
        all.then_some(tids)
    }
}
