//! Settings of searches of lists.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys;

use crate::index::Continue;
use crate::ivf::{MAX_LISTS, Probes};
use crate::pg::am::iterative::IterativeScan;

static PROBES: GucSetting<i32> = GucSetting::<i32>::new(0);
static TARGET_RECALL: GucSetting<f64> = GucSetting::<f64>::new(0.95);
static ITERATIVE_SCAN: GucSetting<IterativeScan> =
    GucSetting::<IterativeScan>::new(IterativeScan::Strict);
static MAX_PROBES: GucSetting<i32> = GucSetting::<i32>::new(MAX_LISTS as i32);
static FILTERED_SCAN: GucSetting<bool> = GucSetting::<bool>::new(true);

/// Of so many lists a search is expected to read one where it chooses its probes.
const CHOSEN_OF: f64 = 13.0;

/// What a search of lists may do.
#[derive(Clone, Copy, Debug)]
pub struct ListsSettings {
    /// Lists that it reads first; 0 for as many as the recall takes.
    probes: usize,
    recall: f64,
    /// Lists that it reads at most.
    max_probes: usize,
    /// What it does when its rows are used up.
    pub go_on: Continue,
    /// Bytes that it may hold before it scores rows again.
    pub memory: usize,
}

impl ListsSettings {
    /// The lists that a search reads.
    pub fn probes(&self) -> Probes {
        let most = match self.go_on {
            Continue::Never => self.probes,
            Continue::Relaxed | Continue::Strict => self.max_probes.max(self.probes),
        };
        match self.probes {
            0 => Probes::Chosen {
                recall: self.recall as f32,
                wanted: None,
                most,
            },
            first => Probes::Fixed { first, most },
        }
    }

    /// The lists that a search among listed rows reads: it goes on until all rows are given.
    pub fn all_probes(&self) -> Probes {
        Probes::Chosen {
            recall: self.recall as f32,
            wanted: None,
            most: usize::MAX,
        }
    }

    /// The lists that a plan expects a search to read, of so many.
    pub fn expected_probes(&self, lists: f64) -> f64 {
        match self.probes {
            0 => (lists / CHOSEN_OF).max(1.0),
            probes => probes as f64,
        }
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
        recall: TARGET_RECALL.get(),
        max_probes: MAX_PROBES.get() as usize,
        go_on: ITERATIVE_SCAN.get().into(),
        // SAFETY: a setting, read by the backend's thread.
        memory: unsafe { pg_sys::work_mem } as usize * 1024,
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
        c"0 chooses it by ivfflat.target_recall.",
        &PROBES,
        0,
        MAX_LISTS as i32,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_float_guc(
        c"ivfflat.target_recall",
        c"Sets the share of the nearest rows that a search shall find",
        c"Where ivfflat.probes is 0.",
        &TARGET_RECALL,
        0.5,
        0.999,
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
