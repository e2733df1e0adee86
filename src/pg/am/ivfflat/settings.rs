//! Settings of searches of lists.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys;

use crate::index::Continue;
use crate::ivf::{MAX_LISTS, Probes};
use crate::pg::am::iterative::IterativeScan;

static PROBES: GucSetting<i32> = GucSetting::<i32>::new(0);
static ITERATIVE_SCAN: GucSetting<IterativeScan> =
    GucSetting::<IterativeScan>::new(IterativeScan::Strict);
static MAX_PROBES: GucSetting<i32> = GucSetting::<i32>::new(MAX_LISTS as i32);
static FILTERED_SCAN: GucSetting<bool> = GucSetting::<bool>::new(true);

/// Where probes are not set, one of so many lists is read, and so many at least: 0.96 of the nearest ten rows are in
/// them (`src/ivf/MEASURED.md`, lists and probes).
const CHOSEN_OF: usize = 13;
const CHOSEN_AT_LEAST: usize = 8;

/// What a search of lists may do.
#[derive(Clone, Copy, Debug)]
pub struct ListsSettings {
    /// Lists that it reads first; 0 for as many as suit their number.
    probes: usize,
    /// Lists that it reads at most.
    max_probes: usize,
    /// What it does when its rows are used up.
    pub go_on: Continue,
}

impl ListsSettings {
    /// The lists that a search reads, of so many.
    pub fn probes(&self, lists: usize) -> Probes {
        let first = match self.probes {
            0 => (lists / CHOSEN_OF).max(CHOSEN_AT_LEAST),
            probes => probes,
        };
        let first = first.min(lists.max(1));
        let most = match self.go_on {
            Continue::Never => first,
            Continue::Relaxed | Continue::Strict => self.max_probes.max(first),
        };
        Probes { first, most }
    }

    /// The lists that a plan expects a search to read, of so many.
    pub fn expected_probes(&self, lists: f64) -> f64 {
        self.probes(lists as usize).first as f64
    }

    /// Whether a search may end before it has read all of so many lists, though rows are wanted.
    pub fn has_budget(&self) -> bool {
        self.max_probes < MAX_LISTS
    }
}

/// The settings of searches of lists, as they are now.
pub fn settings() -> ListsSettings {
    ListsSettings {
        probes: PROBES.get() as usize,
        max_probes: MAX_PROBES.get() as usize,
        go_on: ITERATIVE_SCAN.get().into(),
    }
}

/// Whether plans shall tell searches what their rows are filtered by.
pub fn filtered_scan() -> bool {
    FILTERED_SCAN.get()
}

/// Registers them, and has their prefix reserved, so that a misspelt name is an error. All change plans, or what plans
/// cost, so `EXPLAIN (SETTINGS)` shows those that have been changed.
pub fn define() {
    GucRegistry::define_int_guc(
        c"ivfflat.probes",
        c"Sets the number of probes",
        c"0 chooses it by the number of lists.",
        &PROBES,
        0,
        MAX_LISTS as i32,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_enum_guc(
        c"ivfflat.iterative_scan",
        c"Sets the mode for iterative scans",
        c"off ends a scan after its probes; the others go on until LIMIT is met.",
        &ITERATIVE_SCAN,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_int_guc(
        c"ivfflat.max_probes",
        c"Sets the max number of probes for iterative scans",
        c"32768 sets no limit.",
        &MAX_PROBES,
        1,
        MAX_LISTS as i32,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_bool_guc(
        c"ivfflat.filtered_scan",
        c"Sets whether searches evaluate filters while they read lists",
        c"off plans them as before: the index gives all rows, and the filter drops those that fail.",
        &FILTERED_SCAN,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    // SAFETY: a constant C string, at load time.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"ivfflat".as_ptr()) }
}
