//! Counters: what this session's scans have cost, by index.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::AddAssign;

use pgrx::pg_sys;

use crate::pg::am::method::Probed;

/// What scans have cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Searches, one a rescan.
    pub scans: u64,
    /// Nodes visited.
    pub nodes: u64,
    /// What was read of lists.
    pub probed: Probed,
    /// Pages read.
    pub pages: u64,
    /// Times that a search went on because its first rows did not suffice.
    pub restarts: u64,
    /// Rows whose values in the table were measured, because their order was in doubt.
    pub measured: u64,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.scans += other.scans;
        self.nodes += other.nodes;
        self.probed += other.probed;
        self.pages += other.pages;
        self.restarts += other.restarts;
        self.measured += other.measured;
    }
}

/// How a search has come to its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the index alone.
    Walked,
    /// From a list of other indexes, whose rows were fetched and measured, maybe after it had walked.
    Listed,
    /// From a list of other indexes, which the index has ranked.
    Ranked,
    /// From the table, which was read in its order after the search had cost as much as that.
    Read,
}

/// What the searches of a scan have done.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScanReport {
    /// Searches that have [walked](Way::Walked).
    pub walked: u64,
    /// Searches whose rows were [listed](Way::Listed).
    pub listed: u64,
    /// Searches whose rows were [ranked](Way::Ranked).
    pub ranked: u64,
    /// Searches that have [read](Way::Read) the table.
    pub read: u64,
    /// What they have cost.
    pub spent: Spent,
}

impl ScanReport {
    /// One search.
    pub fn new(way: Way, spent: Spent) -> Self {
        Self {
            walked: (way == Way::Walked).into(),
            listed: (way == Way::Listed).into(),
            ranked: (way == Way::Ranked).into(),
            read: (way == Way::Read).into(),
            spent,
        }
    }
}

impl AddAssign for ScanReport {
    fn add_assign(&mut self, other: Self) {
        self.walked += other.walked;
        self.listed += other.listed;
        self.ranked += other.ranked;
        self.read += other.read;
        self.spent += other.spent;
    }
}

thread_local! {
    static SPENT: RefCell<BTreeMap<u32, IndexSpent>> = const { RefCell::new(BTreeMap::new()) };
}

/// What the searches of an index have cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexSpent {
    /// The oid of the index.
    pub index: u32,
    /// All searches.
    pub sum: Spent,
    /// The last one.
    pub last: Spent,
}

/// Adds a search of an index.
pub fn add(index: pg_sys::Oid, last: Spent) {
    SPENT.with_borrow_mut(|all| {
        let index = index.to_u32();
        let spent = all.entry(index).or_default();
        spent.index = index;
        spent.sum += last;
        spent.last = last;
    });
}

/// Each index that was searched.
pub fn all() -> Vec<IndexSpent> {
    SPENT.with_borrow(|all| all.values().copied().collect())
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
