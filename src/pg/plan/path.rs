//! Paths that the planner is offered.
//!
//! Source: `set_rel_pathlist` in `allpaths.c` of Postgres.

use std::sync::OnceLock;

use pgrx::pg_guard;
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::numbers::PlanNumbers;
use super::planned;
use super::shortlist::{self, BitmapOfFilter};
use super::threshold::{self, Threshold};
use super::volatile::is_volatile;
use super::{entries, first, list_of, make, nulls, order};
use crate::pg::am::{self, Registered};

/// With the filter in the search, all rows cost 0.9 of their cost without; a shortlist of several indexes costs
/// 0.9 of their bitmap's scan.
const FILTERED_COST_FACTOR: f64 = 0.9;

/// Pages that a shortlist reads of our index before it has a row.
const OPENED_PAGES: f64 = 1.0;

/// The hook that was there before ours.
static PREVIOUS: OnceLock<pg_sys::set_rel_pathlist_hook_type> = OnceLock::new();

/// Chains our hook behind the one that was there: that one runs first.
pub fn install() {
    // SAFETY: at load time, by the backend's only thread.
    unsafe {
        if PREVIOUS.set(pg_sys::set_rel_pathlist_hook).is_ok() {
            pg_sys::set_rel_pathlist_hook = Some(offer);
        }
    }
}

/// As `set_rel_pathlist_hook`: puts our node around ordered scans of our indexes that have a filter, or whose order is
/// relied on.
unsafe extern "C-unwind" fn offer(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    number: pg_sys::Index,
    entry: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: Postgres calls with a relation whose paths are all there.
    unsafe {
        // What it raises jumps over this frame, which has nothing to drop.
        if let Some(previous) = PREVIOUS.get().copied().flatten() {
            previous(root, rel, number, entry);
        }
        put_around(root, rel, entry);
    }
}

/// Puts our node around the scans that it is for.
#[pg_guard]
unsafe extern "C-unwind" fn put_around(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    entry: *const pg_sys::RangeTblEntry,
) {
    // SAFETY: as `offer`.
    unsafe {
        if (*entry).rtekind != pg_sys::RTEKind::RTE_RELATION || (*rel).indexlist.is_null() {
            return;
        }
        let searches = searches(root, rel);
        if searches.is_empty() {
            return;
        }
        let sorts = order::is_relied_on(root);
        let filtered = |path: &*mut pg_sys::IndexPath| {
            asks(*path, |method| method.takes_filters) && has_filter(root, *path)
        };
        let known = if searches.iter().any(filtered) {
            shortlist::path(root, rel)
        } else {
            None
        };
        let few = asks_for_some(root, rel);
        for scan in searches {
            // If rows are missing from the index, a plan for any LIMIT must not be made cheap.
            let few = few && am::missing(root, scan) == 0.0;
            let filters = filtered(&scan);
            if !filters && !sorts && !few {
                continue;
            }
            // The scan without our node has no advantage over ours.
            (*rel).pathlist = pg_sys::list_delete_ptr((*rel).pathlist, scan.cast());
            if few {
                expect_few((*rel).rows, scan);
            }
            if !filters && !sorts {
                pg_sys::add_path(rel, scan.cast());
                continue;
            }
            let search = SearchPath {
                root,
                rel,
                scan,
                filters,
                sorts,
            };
            search.offer(known);
        }
    }
}

/// Whether our node may be preferred to a bitmap's scan with a sort because its search may list rows. It may if
/// the query asks for some rows of this table alone. In a join the query might need all rows, in any order, and
/// the node would look like a cheap scan.
unsafe fn may_list(root: *const pg_sys::PlannerInfo, rel: *const pg_sys::RelOptInfo) -> bool {
    // SAFETY: a query that is being planned.
    unsafe {
        // The cost of lists says nothing of a scan that is switched off.
        pg_sys::enable_indexscan
            && ((*root).limit_tuples > 0.0 || asks_for_some(root, rel))
            && pg_sys::bms_equal((*rel).relids, (*root).all_baserels)
    }
}

/// What the method of a scan answers to a question, as the session is set.
unsafe fn asks(scan: *const pg_sys::IndexPath, question: fn(&Registered) -> fn() -> bool) -> bool {
    // SAFETY: a path of the planner.
    let method = unsafe { Registered::of_planned((*scan).indexinfo) };
    method.is_some_and(|method| question(method)())
}

/// The searches among a table's paths. Those that are asked for rows that no index has go.
unsafe fn searches(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
) -> Vec<*mut pg_sys::IndexPath> {
    // SAFETY: paths of a table that is being planned.
    unsafe {
        let (in_vain, searches): (Vec<_>, Vec<_>) = entries::<pg_sys::Path>((*rel).pathlist)
            .filter(|path| is_search(*path))
            .map(<*mut pg_sys::Path>::cast::<pg_sys::IndexPath>)
            .partition(|scan| nulls::are_asked_for(*scan));
        for scan in in_vain {
            (*rel).pathlist = pg_sys::list_delete_ptr((*rel).pathlist, scan.cast());
        }
        if (*rel).pathlist.is_null() {
            // They were cheaper than the others, which are gone.
            let whole = pg_sys::create_seqscan_path(root, rel, (*rel).lateral_relids, 0);
            pg_sys::add_path(rel, whole);
        }
        searches
    }
}

/// Postgres takes a LIMIT that is not known for this part of all rows: `preprocess_limit` in `planner.c`.
const UNKNOWN_LIMIT: f64 = 0.1;

/// Whether the LIMIT of a query for rows of this table alone is a parameter that is not known yet: the plan is
/// generic.
unsafe fn asks_for_some(root: *const pg_sys::PlannerInfo, rel: *const pg_sys::RelOptInfo) -> bool {
    // SAFETY: a query that is being planned.
    unsafe {
        let query = (*root).parse;
        let limit = (*query).limitCount;
        !limit.is_null()
            && (*limit).type_ != NodeTag::T_Const
            && (*root).limit_tuples < 0.0
            && pg_sys::bms_equal((*rel).relids, (*root).all_baserels)
            && !((*query).hasAggs || (*query).hasWindowFuncs || (*query).hasTargetSRFs)
            && (*query).groupClause.is_null()
            && (*query).groupingSets.is_null()
            && (*query).distinctClause.is_null()
            && (*query).setOperations.is_null()
    }
}

/// Makes the rows that Postgres assumes for such a LIMIT cost as much as ten rows. A query that orders by
/// distance wants few rows, however many there are. So a generic plan costs as much as a custom plan does, and
/// is chosen where it is as good.
unsafe fn expect_few(rows: f64, scan: *mut pg_sys::IndexPath) {
    // SAFETY: a path of the planner.
    unsafe {
        let path = &raw mut (*scan).path;
        let part = (am::WANTED_ROWS / (UNKNOWN_LIMIT * rows)).min(1.0);
        (*path).total_cost =
            (*path).startup_cost + part * ((*path).total_cost - (*path).startup_cost);
    }
}

/// Whether a path is an ordered scan of one of our indexes. A scan that takes values from other tables of a
/// join is not replaced: nobody relies on its order.
unsafe fn is_search(path: *mut pg_sys::Path) -> bool {
    // SAFETY: a path of the planner; its tag tells what it is.
    unsafe {
        if (*path).type_ != NodeTag::T_IndexPath
            || (*path).pathtype != NodeTag::T_IndexScan
            || !(*path).param_info.is_null()
        {
            return false;
        }
        let path: *mut pg_sys::IndexPath = path.cast();
        let order = (*path).indexorderbys;
        Registered::of_planned((*path).indexinfo).is_some()
            && !order.is_null()
            && (*order).length == 1
    }
}

/// Whether a search has a filter that may be evaluated on any row.
unsafe fn has_filter(root: *mut pg_sys::PlannerInfo, scan: *mut pg_sys::IndexPath) -> bool {
    // SAFETY: a path of the planner.
    unsafe {
        // Clauses without columns are checked once, above the scan.
        let clauses = (*(*scan).indexinfo).indrestrictinfo;
        entries::<pg_sys::RestrictInfo>(clauses).any(|clause| !(*clause).pseudoconstant)
            && !is_volatile(root, clauses)
    }
}

/// What a path is offered for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// The cost of its search.
    Search,
    /// The cost of its lists.
    Lists,
}

/// A search that our node is put around.
struct SearchPath {
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    scan: *mut pg_sys::IndexPath,
    /// Whether it evaluates the filter.
    filters: bool,
    /// Whether what is above relies on sorted rows.
    sorts: bool,
}

impl SearchPath {
    /// Offers our node around the search, and around it for its lists where these may be better.
    unsafe fn offer(&self, known: Option<BitmapOfFilter>) {
        // SAFETY: paths of the planner.
        unsafe {
            // A part of the table has its rows for a condition that is not asked again.
            let whole = (*(*self.scan).indexinfo).indpred.is_null();
            let known = known.filter(|_| self.filters && whole);
            pg_sys::add_path(self.rel, self.around(known, Offer::Search).cast());
            let lists = |known: &BitmapOfFilter| {
                known.several
                    && asks(self.scan, |method| method.goes_on)
                    && may_list(self.root, self.rel)
            };
            if let Some(known) = known.filter(lists) {
                let listing = self.around(Some(known), Offer::Lists);
                let cost = FILTERED_COST_FACTOR * (*known.scan).total_cost
                    + OPENED_PAGES * pg_sys::random_page_cost;
                (*listing).path.startup_cost = cost;
                (*listing).path.total_cost = cost;
                pg_sys::add_path(self.rel, listing.cast());
            }
        }
    }

    /// The conditions beyond which the search can end.
    unsafe fn thresholds(&self) -> Vec<Threshold> {
        if !self.filters {
            return Vec::new();
        }
        // SAFETY: a path of the planner, ordered by one operator.
        unsafe {
            let order = first::<pg_sys::OpExpr>((*self.scan).indexorderbys);
            threshold::find(order, (*(*self.scan).indexinfo).indrestrictinfo)
        }
    }

    /// Share of rows that pass the other conditions.
    unsafe fn share_of_others(&self, thresholds: &[Threshold]) -> f64 {
        // SAFETY: a relation that is being planned.
        unsafe {
            if thresholds.is_empty() {
                return (*self.rel).rows / (*(*self.scan).indexinfo).tuples.max(1.0);
            }
            let others = entries::<pg_sys::RestrictInfo>((*self.rel).baserestrictinfo)
                .filter(|clause| !thresholds.iter().any(|found| found.clause == *clause))
                .fold(std::ptr::null_mut(), |list, clause| {
                    pg_sys::lappend(list, clause.cast())
                });
            let (number, join) = ((*self.rel).relid, pg_sys::JoinType::JOIN_INNER);
            let number = i32::try_from(number).unwrap_or(0);
            pg_sys::clauselist_selectivity(self.root, others, number, join, std::ptr::null_mut())
        }
    }

    /// Our path around that of the index scan.
    unsafe fn around(
        &self,
        known: Option<BitmapOfFilter>,
        offer: Offer,
    ) -> *mut pg_sys::CustomPath {
        // SAFETY: paths of the planner; one of zeros is filled in here.
        unsafe {
            let scan = self.scan;
            let path: *mut pg_sys::CustomPath = make(NodeTag::T_CustomPath);
            (*path).path = (*scan).path;
            (*path).path.type_ = NodeTag::T_CustomPath;
            (*path).path.pathtype = NodeTag::T_CustomScan;
            let startup = (*scan).path.startup_cost;
            let factor = if self.filters {
                FILTERED_COST_FACTOR
            } else {
                1.0
            };
            (*path).path.total_cost = startup + factor * ((*scan).path.total_cost - startup);
            (*path).flags = pg_sys::CUSTOMPATH_SUPPORT_PROJECTION;
            (*path).custom_paths = list_of(scan);
            let thresholds = self.thresholds();
            let share = self.share_of_others(&thresholds);
            if has_limit(self.root) {
                // The search ends at the thresholds, so all rows that pass cost less by the share of the
                // thresholds.
                let within = (*self.rel).rows / (share * (*self.rel).tuples).max(1.0);
                let run = (*path).path.total_cost - startup;
                (*path).path.total_cost = startup + within.min(1.0) * run;
            }
            let numbers = PlanNumbers {
                share,
                wanted: (*self.root).limit_tuples,
                listed: known.map_or(-1.0, |known| known.rows),
                filters: self.filters,
                lists: offer == Offer::Lists,
                sorts: self.sorts,
            };
            let written = threshold::write(&thresholds, numbers.write());
            (*path).custom_private = list_of(written.numbers);
            (*path).custom_private =
                pg_sys::lappend((*path).custom_private, written.expressions.cast());
            if let Some(known) = known {
                (*path).custom_paths = pg_sys::lappend((*path).custom_paths, known.scan.cast());
            }
            (*path).methods = &raw const planned::PATH.0;
            path
        }
    }
}

/// Whether a query asks for some rows, not for all.
unsafe fn has_limit(root: *const pg_sys::PlannerInfo) -> bool {
    // SAFETY: a query that is being planned.
    unsafe { !(*(*root).parse).limitCount.is_null() }
}
