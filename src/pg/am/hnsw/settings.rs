//! Settings of searches of graphs.

use std::ffi::c_void;

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys;

use crate::index::Continue;
use crate::pg::am::hnsw::outlined::release_beyond;
use crate::pg::am::iterative::IterativeScan;

static EF_SEARCH: GucSetting<i32> = GucSetting::<i32>::new(40);
static ITERATIVE_SCAN: GucSetting<IterativeScan> =
    GucSetting::<IterativeScan>::new(IterativeScan::Strict);
static MAX_SCAN_TUPLES: GucSetting<i32> = GucSetting::<i32>::new(i32::MAX);
static FILTERED_SCAN: GucSetting<bool> = GucSetting::<bool>::new(true);
static OUTLINE_MEM: GucSetting<i32> = GucSetting::<i32>::new(32 * 1024);
static MAX_OUTLINE_MEM: GucSetting<i32> = GucSetting::<i32>::new(i32::MAX);
static SCAN_MEM_MULTIPLIER: GucSetting<f64> = GucSetting::<f64>::new(1.0);

/// What a search of a graph may do.
#[derive(Clone, Copy, Debug)]
pub struct GraphSettings {
    /// Candidates that a walk keeps.
    pub ef: usize,
    /// What it does when its rows are used up.
    pub go_on: Continue,
    /// Nodes that it may visit before it ends with what it has.
    pub max_tuples: u64,
    /// Bytes that it may hold before it reads the index in the order of its pages.
    pub memory: usize,
}

/// The settings of searches of graphs, as they are now.
pub fn settings() -> GraphSettings {
    // SAFETY: a setting, read by the backend's thread.
    let work_mem = f64::from(unsafe { pg_sys::work_mem }) * 1024.0;
    let max = MAX_SCAN_TUPLES.get();
    GraphSettings {
        ef: EF_SEARCH.get() as usize,
        go_on: ITERATIVE_SCAN.get().into(),
        max_tuples: if max == i32::MAX {
            u64::MAX
        } else {
            max as u64
        },
        memory: (work_mem * SCAN_MEM_MULTIPLIER.get()) as usize,
    }
}

/// Whether plans shall tell searches what their rows are filtered by.
pub fn filtered_scan() -> bool {
    FILTERED_SCAN.get()
}

/// Bytes that a backend may keep of outlines of indexes: what the user asks for, and at most what the
/// administrator allows.
pub fn outline_memory() -> usize {
    OUTLINE_MEM.get().min(MAX_OUTLINE_MEM.get()) as usize * 1024
}

/// As `GucIntAssignHook`, of `hnsw.outline_mem`: called before the setting has the value.
unsafe extern "C-unwind" fn set_outline_memory(kilobytes: i32, _extra: *mut c_void) {
    note_outline_memory(kilobytes.min(MAX_OUTLINE_MEM.get()));
}

/// As `GucIntAssignHook`, of `hnsw.max_outline_mem`.
unsafe extern "C-unwind" fn set_most_outline_memory(kilobytes: i32, _extra: *mut c_void) {
    note_outline_memory(kilobytes.min(OUTLINE_MEM.get()));
}

fn note_outline_memory(kilobytes: i32) {
    release_beyond(kilobytes as usize * 1024);
}

/// Registers them, and has their prefix reserved, so that a misspelt name is an error. All change plans, or what plans
/// cost, so `EXPLAIN (SETTINGS)` shows those that have been changed.
pub fn define() {
    GucRegistry::define_int_guc(
        c"hnsw.ef_search",
        c"Sets the size of the dynamic candidate list for search",
        c"Valid range is 1..1000.",
        &EF_SEARCH,
        1,
        1000,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_enum_guc(
        c"hnsw.iterative_scan",
        c"Sets the mode for iterative scans",
        c"off ends a scan after ef_search candidates; the others go on until LIMIT is met.",
        &ITERATIVE_SCAN,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_int_guc(
        c"hnsw.max_scan_tuples",
        c"Sets the max number of tuples to visit for iterative scans",
        c"2147483647 sets no limit.",
        &MAX_SCAN_TUPLES,
        1,
        i32::MAX,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_float_guc(
        c"hnsw.scan_mem_multiplier",
        c"Sets the multiple of work_mem to use for iterative scans",
        c"A scan that would need more reads the index in the order of its pages.",
        &SCAN_MEM_MULTIPLIER,
        1.0,
        1000.0,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_bool_guc(
        c"hnsw.filtered_scan",
        c"Sets whether searches evaluate filters while they walk",
        c"off plans them as before: the index gives all rows, and the filter drops those that fail.",
        &FILTERED_SCAN,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    define_outlines();
    // SAFETY: a constant C string, at load time.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"hnsw".as_ptr()) }
}

fn define_outlines() {
    // SAFETY: the hooks take what their type says, and raise nothing.
    unsafe {
        GucRegistry::define_int_guc_with_hooks(
            c"hnsw.outline_mem",
            c"Sets the memory that a session keeps to rank rows by index that other indexes have found",
            c"An index takes about 130 bytes a row at 384 dimensions. 0 keeps none.",
            &OUTLINE_MEM,
            0,
            i32::MAX,
            GucContext::Userset,
            GucFlags::UNIT_KB | GucFlags::EXPLAIN,
            None,
            Some(set_outline_memory),
            None,
        );
        GucRegistry::define_int_guc_with_hooks(
            c"hnsw.max_outline_mem",
            c"Sets the most that hnsw.outline_mem can give a session",
            c"Whatever a user sets there, the lower of the two counts. For administrators: sessions keep memory each.",
            &MAX_OUTLINE_MEM,
            0,
            i32::MAX,
            GucContext::Suset,
            GucFlags::UNIT_KB | GucFlags::EXPLAIN,
            None,
            Some(set_most_outline_memory),
            None,
        );
    }
}
