//! Registry: the access methods that there are, and whose index an index is.

use std::ffi::CStr;
use std::rc::Rc;

use pgrx::pg_sys;

use crate::bulk::{Files, Resources};
use crate::pg::am::build;
use crate::pg::am::cost;
use crate::pg::am::hnsw::Hnsw;
use crate::pg::am::ivfflat::Ivfflat;
use crate::pg::am::method::{Effort, Method};
use crate::pg::am::opened::{self, Opened};
use crate::pg::error::Failure;

/// As `ambuild`.
type BuildCallback = unsafe extern "C-unwind" fn(
    pg_sys::Relation,
    pg_sys::Relation,
    *mut pg_sys::IndexInfo,
) -> *mut pg_sys::IndexBuildResult;

/// An access method as those see it who must not know which it is.
pub struct Registered {
    /// Whether its scans go on, as the session is set, where the rows that they find first do not suffice.
    pub goes_on: fn() -> bool,
    /// Whether plans shall tell its scans what their rows are filtered by, as the session is set.
    pub takes_filters: fn() -> bool,
    /// By what a user trades time for recall.
    pub effort: Effort,
    name: &'static CStr,
    define_settings: fn(),
    discard: fn(),
    build: BuildCallback,
    /// The address of `amcostestimate`, which some versions of Postgres declare without arguments.
    estimate: fn() -> *const (),
    open: unsafe fn(pg_sys::Relation) -> Result<Rc<Opened>, Failure>,
    bytes_per_row: unsafe fn(pg_sys::Relation, Resources) -> Result<usize, Failure>,
}

/// All of them.
static METHODS: [Registered; 2] = [Registered::of::<Hnsw>(), Registered::of::<Ivfflat>()];

/// Registers the settings of all of them.
pub fn define_settings() {
    for method in &METHODS {
        (method.define_settings)();
    }
}

/// Gives back the memory of what this session has learned of indexes.
pub fn discard() {
    for method in &METHODS {
        (method.discard)();
    }
}

/// The names of all of them, for messages.
pub fn names() -> String {
    let names: Vec<_> = METHODS
        .iter()
        .map(|method| method.name.to_string_lossy())
        .collect();
    names.join(" or ")
}

impl Registered {
    const fn of<M: Method>() -> Self {
        Self {
            goes_on: M::goes_on,
            takes_filters: M::takes_filters,
            effort: M::EFFORT,
            name: M::NAME,
            define_settings: M::define_settings,
            discard: M::discard,
            build: build::build::<M>,
            estimate: || cost::estimate::<M> as *const (),
            open: opened::open::<M>,
            bytes_per_row: bytes_per_row::<M>,
        }
    }

    /// The method of an open index; None where it is none of ours.
    ///
    /// # Safety
    /// The relation is an open index.
    pub unsafe fn of_index(index: pg_sys::Relation) -> Option<&'static Self> {
        // SAFETY: the caller vouches for the relation; an open index has its method's callbacks.
        let build = unsafe { (*(*index).rd_indam).ambuild }?;
        let mut methods = METHODS.iter();
        methods.find(|method| std::ptr::fn_addr_eq(build, method.build))
    }

    /// The method of an index that a planner knows; None where it is none of ours.
    ///
    /// # Safety
    /// The planner's entry of an index.
    pub unsafe fn of_planned(index: *const pg_sys::IndexOptInfo) -> Option<&'static Self> {
        // SAFETY: the caller vouches for the entry.
        let estimate = unsafe { (*index).amcostestimate }? as *const ();
        let mut methods = METHODS.iter();
        methods.find(|method| (method.estimate)() == estimate)
    }

    /// Opens an index.
    ///
    /// # Safety
    /// The relation is an open index of this method, as long as the result is used.
    ///
    /// # Errors
    /// Where its first pages make no sense.
    pub unsafe fn open(&self, index: pg_sys::Relation) -> Result<Rc<Opened>, Failure> {
        // SAFETY: as the caller says.
        unsafe { (self.open)(index) }
    }

    /// The most bytes of memory that a build of this index needs for a row: the table may ask for fewer
    /// threads.
    ///
    /// # Safety
    /// As [`open`](Self::open).
    ///
    /// # Errors
    /// Where the index cannot be built.
    pub unsafe fn build_bytes_per_row(&self, index: pg_sys::Relation) -> Result<usize, Failure> {
        // SAFETY: a setting, read by the backend's thread.
        let workers = unsafe { pg_sys::max_parallel_maintenance_workers };
        let resources = Resources {
            threads: workers as usize + 1,
            budget: 0,
            files: Files {
                folder: std::path::PathBuf::new(),
                limit: 0,
            },
        };
        // SAFETY: as the caller says.
        unsafe { (self.bytes_per_row)(index, resources) }
    }
}

unsafe fn bytes_per_row<M: Method>(
    index: pg_sys::Relation,
    resources: Resources,
) -> Result<usize, Failure> {
    // SAFETY: as the caller says.
    Ok(unsafe { M::builder(index, resources) }?.bytes_per_row())
}
