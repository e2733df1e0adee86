//! Cost: `amcostestimate`.
//!
//! A page of the index is charged as a page of a table that is read in order while the index fits the
//! caches (`effective_cache_size`), and as one at random as far as it does not: what a search visits
//! is spread over all of it, but is mostly there. Neighbours share pages. What a visit computes is
//! charged by dimensions. Postgres adds what the rows cost in the table, and divides by the share of
//! rows that a LIMIT needs: so the cost until the first rows is the startup cost, and the rest is what
//! all rows would cost.

use pgrx::pg_sys;

use crate::pg::am::column::typmod;
use crate::pg::am::method::{IndexSize, Method, Visits};
use crate::pg::error::guarded;

/// The cost of a scan that an index cannot make: beyond all other costs, and finite. From infinity PostgreSQL
/// 17 makes NaN where it sorts rows that are partly sorted, and takes NaN for cheap.
const IMPOSSIBLE: f64 = 1e150;

/// Prices, as the settings and the tablespace have them.
#[derive(Clone, Copy, Debug)]
struct PlannerPrices {
    random_page: f64,
    sequential_page: f64,
    operator: f64,
    cached_pages: f64,
}

impl Visits {
    /// The cost of one visit.
    fn price(&self, index: &IndexSize, prices: &PlannerPrices) -> f64 {
        let beyond = 1.0 - (prices.cached_pages / index.pages.max(1.0)).min(1.0);
        let page = prices.sequential_page + beyond * (prices.random_page - prices.sequential_page);
        self.pages * page + self.operators * prices.operator
    }
}

/// Estimates a path.
///
/// # Safety
/// As `amcostestimate`.
pub unsafe extern "C-unwind" fn estimate<M: Method>(
    root: *mut pg_sys::PlannerInfo,
    path: *mut pg_sys::IndexPath,
    loops: f64,
    startup: *mut pg_sys::Cost,
    total: *mut pg_sys::Cost,
    selectivity: *mut pg_sys::Selectivity,
    correlation: *mut f64,
    pages: *mut f64,
) {
    // SAFETY: Postgres calls with a path of an index and places for the answers.
    unsafe {
        guarded(|| {
            *correlation = 0.0;
            if !serves(root, path) {
                *startup = IMPOSSIBLE;
                *total = IMPOSSIBLE;
                *selectivity = 0.0;
                *pages = 0.0;
                #[cfg(feature = "pg18")]
                {
                    (*path).path.disabled_nodes = 2;
                }
                return Ok(());
            }
            let mut costs = pg_sys::GenericCosts::default();
            pg_sys::genericcostestimate(root, path, loops, &raw mut costs);
            let index = describe((*path).indexinfo);
            let visits = M::estimate(&index);
            let visit = visits.price(&index, &prices((*path).indexinfo));
            *startup = visit * visits.first;
            // The order's expression is computed once; the rows that are given cost a little each.
            let all = visits.all.max(visits.first);
            *total = visit * all + pg_sys::cpu_index_tuple_cost * index.rows;
            *selectivity = costs.indexSelectivity;
            *pages = costs.numIndexPages;
            Ok(())
        });
    }
}

/// Whether a path can give what the query asks for. A path without an order has no query vector, and a search
/// has exactly one. Rows without a value are not in the index, so there may be fewer rows in it than LIMIT asks
/// for.
unsafe fn serves(root: *mut pg_sys::PlannerInfo, path: *const pg_sys::IndexPath) -> bool {
    // SAFETY: the planner's path of an index.
    unsafe {
        let orders = (*path).indexorderbys;
        if orders.is_null() || (*orders).length != 1 {
            return false;
        }
        let (rows, limit) = ((*(*(*path).indexinfo).rel).tuples, (*root).limit_tuples);
        // Statistics are looked up only where there is a LIMIT.
        if limit <= 0.0 {
            return true;
        }
        let nulls = missing(root, path);
        nulls == 0.0 || limit <= (1.0 - nulls) * rows
    }
}

/// The share of a table's rows that have no value, and so are not in the index.
///
/// # Safety
/// A path of the planner that has an order.
pub unsafe fn missing(root: *mut pg_sys::PlannerInfo, path: *const pg_sys::IndexPath) -> f64 {
    // SAFETY: as the caller says.
    unsafe {
        let order: *const pg_sys::OpExpr = (*(*(*path).indexorderbys).elements).ptr_value.cast();
        let key: *mut pg_sys::Node = (*(*(*order).args).elements).ptr_value.cast();
        null_share(root, key)
    }
}

/// The share of rows in which an expression is NULL, as far as ANALYZE has found out.
unsafe fn null_share(root: *mut pg_sys::PlannerInfo, key: *mut pg_sys::Node) -> f64 {
    // SAFETY: an expression of the query that is being planned; what is filled in is released.
    unsafe {
        let mut data = pg_sys::VariableStatData::default();
        pg_sys::examine_variable(root, key, 0, &raw mut data);
        if data.statsTuple.is_null() {
            return 0.0;
        }
        let row: *const pg_sys::FormData_pg_statistic = pg_sys::GETSTRUCT(data.statsTuple).cast();
        let share = (*row).stanullfrac.into();
        if let Some(release) = data.freefunc {
            release(data.statsTuple);
        }
        share
    }
}

unsafe fn describe(index: *mut pg_sys::IndexOptInfo) -> IndexSize {
    // SAFETY: the planner's entry of an index.
    unsafe {
        let (rows, pages) = ((*index).tuples.max(1.0), f64::from((*index).pages));
        // A visit of a sparse vector or of bits reads less than its dimensions say: no more than the bytes of a
        // node.
        let node = (pages * f64::from(pg_sys::BLCKSZ) / rows).max(1.0);
        IndexSize {
            rows,
            pages,
            dims: f64::from(typmod((*index).indexoid).max(1)).min(node),
        }
    }
}

unsafe fn prices(index: *mut pg_sys::IndexOptInfo) -> PlannerPrices {
    let (mut random, mut sequential) = (0.0, 0.0);
    // SAFETY: the planner's entry of an index, and places for the answers.
    unsafe {
        let tablespace = (*index).reltablespace;
        pg_sys::get_tablespace_page_costs(tablespace, &raw mut random, &raw mut sequential);
        PlannerPrices {
            random_page: random,
            sequential_page: sequential,
            operator: pg_sys::cpu_operator_cost,
            cached_pages: pg_sys::effective_cache_size.into(),
        }
    }
}
