//! Order: whether the query above a search relies on sorted rows.
//!
//! Rows that a search finds late come last, which is right where only a LIMIT is above: fewer rows than there are would
//! be worse. Nodes that tell groups of equal rows by neighbours would count, drop or miss rows.
//!
//! Sources: `standard_qp_callback` in `planner.c` and `convert_subquery_pathkeys` in `pathkeys.c` of Postgres.

use pgrx::pg_sys;
use pgrx::pg_sys::PlannerInfo;

use super::entries;

/// Whether a query, or one that it is a part of, relies on the order by distance of a table's rows.
///
/// # Safety
/// Postgres plans the query.
pub unsafe fn is_relied_on(root: *mut PlannerInfo) -> bool {
    // SAFETY: as the caller says; a query that is a part of another knows that.
    unsafe {
        let mut level = root;
        while !level.is_null() {
            // Grouping by something other than a distance does not depend on the order of the rows of a
            // subquery.
            let sees = level == root || classes(level).any(|class| members(class).next().is_some());
            if (*(*level).parse).hasWindowFuncs
                || (sees && compares_neighbours(level))
                || merges(level)
            {
                return true;
            }
            level = (*level).parent_root;
        }
        false
    }
}

/// Whether a level of a query compares rows with the one before.
unsafe fn compares_neighbours(level: *const PlannerInfo) -> bool {
    // SAFETY: the caller vouches for the level.
    unsafe {
        let query = (*level).parse;
        !(*query).distinctClause.is_null()
            || !(*query).groupClause.is_null()
            || !(*query).groupingSets.is_null()
            || !(*query).setOperations.is_null()
            || (*query).limitOption == pg_sys::LimitOption::LIMIT_OPTION_WITH_TIES
            || (*level).numOrderedAggs > 0
    }
}

/// Whether a level of a query may merge tables by a distance.
unsafe fn merges(level: *const PlannerInfo) -> bool {
    // SAFETY: the caller vouches for the level.
    unsafe {
        let inner = classes(level).any(|class| members(class).nth(1).is_some());
        let lists = [
            (*level).left_join_clauses,
            (*level).right_join_clauses,
            (*level).full_join_clauses,
        ];
        inner || lists.into_iter().any(|list| has_distance(list))
    }
}

/// The equivalence classes of a level of a query: expressions that are equal to one another, or that rows are
/// sorted by.
unsafe fn classes(
    level: *const PlannerInfo,
) -> impl Iterator<Item = *mut pg_sys::EquivalenceClass> {
    // SAFETY: the caller vouches for the level.
    unsafe { entries((*level).eq_classes) }
}

/// The members of a class that may be distances, without those for parts of a partitioned table. Where one is a
/// constant there is nothing to sort.
unsafe fn members(
    class: *mut pg_sys::EquivalenceClass,
) -> impl Iterator<Item = *mut pg_sys::EquivalenceMember> {
    // SAFETY: the caller vouches for the class.
    unsafe {
        let constant = (*class).ec_has_const;
        entries::<pg_sys::EquivalenceMember>((*class).ec_members).filter(move |member| {
            !constant && !(**member).em_is_child && (**member).em_datatype == pg_sys::FLOAT8OID
        })
    }
}

/// Whether outer joins' clauses compare distances in a way that a merge could.
unsafe fn has_distance(clauses: *mut pg_sys::List) -> bool {
    // SAFETY: the caller vouches for a list of clauses, whose classes are made; PostgreSQL 16 and later list them with
    // what is known of the join.
    unsafe {
        entries::<Clause>(clauses).any(|clause| {
            let class = (*restriction(clause)).left_ec;
            !class.is_null() && members(class).next().is_some()
        })
    }
}

#[cfg(feature = "pg15")]
type Clause = pg_sys::RestrictInfo;

#[cfg(not(feature = "pg15"))]
type Clause = pg_sys::OuterJoinClauseInfo;

#[cfg(feature = "pg15")]
unsafe fn restriction(clause: *mut Clause) -> *mut pg_sys::RestrictInfo {
    clause
}

#[cfg(not(feature = "pg15"))]
unsafe fn restriction(clause: *mut Clause) -> *mut pg_sys::RestrictInfo {
    // SAFETY: the caller vouches for the clause.
    unsafe { (*clause).rinfo }
}
