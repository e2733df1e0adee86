//! Volatile functions: whether a filter calls them, in sub-selects as well. Such a filter may not be evaluated more
//! often than rows are asked for.
//!
//! Sources: `contain_volatile_functions` in `clauses.c`, which does not look into sub-selects that are planned
//! already; `SS_process_sublinks` and `build_subplan` in `subselect.c` of Postgres.

use std::ffi::c_void;

use pgrx::pg_guard;
use pgrx::pg_sys;
use pgrx::pg_sys::{Node, NodeTag, PlannerInfo};

use super::entries;

/// Whether clauses of a query call volatile functions.
///
/// # Safety
/// Postgres plans the query; the clauses are a list of its `RestrictInfo`s.
pub unsafe fn is_volatile(root: *mut PlannerInfo, clauses: *mut pg_sys::List) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        pg_sys::contain_volatile_functions(clauses.cast())
            || entries::<pg_sys::RestrictInfo>(clauses)
                .any(|clause| has_volatile_subplan((*clause).clause.cast(), root.cast()))
    }
}

/// Whether an expression, or a query as the planner leaves it, has a planned sub-select that calls volatile
/// functions. A walker of expression trees; its context is the `PlannerInfo` of any level of the query.
#[pg_guard]
unsafe extern "C-unwind" fn has_volatile_subplan(node: *mut Node, context: *mut c_void) -> bool {
    // SAFETY: Postgres calls with nodes of the tree that it walks through, and the context that it was given.
    unsafe {
        if node.is_null() {
            return false;
        }
        let walker = Some(has_volatile_subplan as Walker);
        let tag = (*node).type_;
        if tag == NodeTag::T_Query {
            return pg_sys::query_tree_walker(node.cast(), walker, context, 0);
        }
        (tag == NodeTag::T_SubPlan && is_volatile_subplan(node.cast(), context.cast()))
            || pg_sys::expression_tree_walker(node, walker, context)
    }
}

type Walker = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool;

/// Whether a planned sub-select calls volatile functions, itself, in those that it computes once for each of its runs,
/// or in those that are nested in it.
unsafe fn is_volatile_subplan(subplan: *mut pg_sys::SubPlan, root: *mut PlannerInfo) -> bool {
    // SAFETY: the caller vouches for both; all levels of a query share the list of its sub-selects.
    unsafe {
        let mut roots = entries::<PlannerInfo>((*(*root).glob).subroots);
        let at = usize::try_from((*subplan).plan_id).unwrap_or(0);
        let Some(subroot) = at.checked_sub(1).and_then(|at| roots.nth(at)) else {
            return true;
        };
        let query: *mut Node = (*subroot).parse.cast();
        pg_sys::contain_volatile_functions(query)
            || has_volatile_subplan(query, root.cast())
            || entries::<Node>((*subroot).init_plans)
                .any(|init| has_volatile_subplan(init, root.cast()))
    }
}
