//! Bitmap of a filter: the one that the planner would make of other indexes.
//!
//! Source: `create_index_paths` in `indxpath.c` of Postgres.

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::entries;
use crate::pg::am::Registered;

/// Bitmaps of a larger share of all rows are not planned: when so many rows pass, a search finds enough of them
/// before that many have been fetched.
const MOST_SHORTLISTED_SHARE: f64 = 0.25;

/// The planner is asked a counterfactual question: which bitmap it would make of other indexes if no other
/// scans were allowed. For that, this strips the relation of our indexes and of all paths, and switches plain
/// index scans off. Dropped, it puts everything back.
struct BitmapsOnly {
    rel: *mut pg_sys::RelOptInfo,
    before: pg_sys::RelOptInfo,
    index_scans: bool,
    index_only_scans: bool,
}

impl BitmapsOnly {
    unsafe fn new(rel: *mut pg_sys::RelOptInfo) -> Self {
        // SAFETY: a relation that is being planned, and settings, by the backend's only thread.
        unsafe {
            let bitmaps_only = Self {
                rel,
                before: *rel,
                index_scans: pg_sys::enable_indexscan,
                index_only_scans: pg_sys::enable_indexonlyscan,
            };
            (*rel).pathlist = std::ptr::null_mut();
            (*rel).partial_pathlist = std::ptr::null_mut();
            (*rel).indexlist = entries::<pg_sys::IndexOptInfo>((*rel).indexlist)
                .filter(|index| {
                    (**index).amhasgetbitmap && Registered::of_planned(*index).is_none()
                })
                .fold(std::ptr::null_mut(), |list, index| {
                    pg_sys::lappend(list, index.cast())
                });
            (*rel).joininfo = std::ptr::null_mut();
            (*rel).has_eclass_joins = false;
            (*rel).consider_parallel = false;
            pg_sys::enable_indexscan = false;
            pg_sys::enable_indexonlyscan = false;
            bitmaps_only
        }
    }
}

impl Drop for BitmapsOnly {
    fn drop(&mut self) {
        // SAFETY: as in `new`.
        unsafe {
            *self.rel = self.before;
            pg_sys::enable_indexscan = self.index_scans;
            pg_sys::enable_indexonlyscan = self.index_only_scans;
        }
    }
}

/// What other indexes know.
#[derive(Clone, Copy)]
pub struct BitmapOfFilter {
    /// The scan of a bitmap of them.
    pub scan: *mut pg_sys::Path,
    /// Rows that it is expected to have.
    pub rows: f64,
    /// Whether it is of several.
    pub several: bool,
}

/// What other indexes know of the filter, if it is enough.
///
/// # Safety
/// Postgres plans the relation, and all its paths are there.
pub unsafe fn path(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
) -> Option<BitmapOfFilter> {
    // SAFETY: as the caller says; what is made lies in the planner's memory.
    unsafe {
        if !pg_sys::enable_bitmapscan {
            return None;
        }
        let paths = {
            let bitmaps_only = BitmapsOnly::new(rel);
            if !(*rel).indexlist.is_null() {
                pg_sys::create_index_paths(root, rel);
            }
            let paths = (*rel).pathlist;
            drop(bitmaps_only);
            paths
        };
        let scan = entries::<pg_sys::Path>(paths).find(|path| {
            (**path).type_ == NodeTag::T_BitmapHeapPath && (**path).param_info.is_null()
        })?;
        let bitmap = (*scan.cast::<pg_sys::BitmapHeapPath>()).bitmapqual;
        let (mut cost, mut share) = (0.0, 0.0);
        pg_sys::cost_bitmap_tree_node(bitmap, &raw mut cost, &raw mut share);
        (share <= MOST_SHORTLISTED_SHARE).then_some(BitmapOfFilter {
            scan,
            rows: (share * (*rel).tuples).max(1.0),
            several: (*bitmap).type_ != NodeTag::T_IndexPath,
        })
    }
}
