//! What this session's scans have cost, by index.

use std::cell::RefCell;
use std::collections::BTreeMap;

use pgrx::pg_sys;

/// What scans have cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Searches, one a rescan.
    pub scans: u64,
    /// Nodes visited.
    pub nodes: u64,
    /// Pages read.
    pub pages: u64,
    /// Times that a search went on because its first rows did not suffice.
    pub restarts: u64,
    /// Rows whose values in the table were measured, because their order was in doubt.
    pub measured: u64,
}

thread_local! {
    static SPENT: RefCell<BTreeMap<u32, (Spent, Spent)>> = const { RefCell::new(BTreeMap::new()) };
}

/// Adds a search of an index.
pub fn add(index: pg_sys::Oid, last: Spent) {
    SPENT.with_borrow_mut(|all| {
        let (sum, place) = all.entry(index.to_u32()).or_default();
        sum.scans += last.scans;
        sum.nodes += last.nodes;
        sum.pages += last.pages;
        sum.restarts += last.restarts;
        sum.measured += last.measured;
        *place = last;
    });
}

/// For each index that was searched: all searches, and the last.
pub fn all() -> Vec<(u32, Spent, Spent)> {
    SPENT.with_borrow(|all| {
        all.iter()
            .map(|(oid, (sum, last))| (*oid, *sum, *last))
            .collect()
    })
}

/// Counts a scan in `pg_stat_*_indexes`, as access methods of Postgres' own do.
///
/// # Safety
/// The scan's index is open.
pub unsafe fn count_index_scan(scan: pg_sys::IndexScanDesc) {
    // SAFETY: the caller vouches for the scan; statistics are null or this backend's.
    unsafe {
        #[cfg(feature = "pg18")]
        if !(*scan).instrument.is_null() {
            (*(*scan).instrument).nsearches += 1;
        }
        let index = (*scan).indexRelation;
        if (*index).pgstat_info.is_null() {
            if !(*index).pgstat_enabled {
                return;
            }
            pg_sys::pgstat_assoc_relation(index);
        }
        #[cfg(feature = "pg15")]
        {
            (*(*index).pgstat_info).t_counts.t_numscans += 1;
        }
        #[cfg(not(feature = "pg15"))]
        {
            (*(*index).pgstat_info).counts.numscans += 1;
        }
    }
}
