//! The index access methods: what Postgres asks of an index, one file a callback.
//!
//! | file | what it holds |
//! |---|---|
//! | `method.rs` | [`Method`]: what differs between access methods |
//! | `routine.rs` | the table of callbacks, made for any of them |
//! | `build.rs` | `ambuild`, `ambuildempty` |
//! | `rows.rs` | the rows of a table, for builds and checks |
//! | `insert.rs` | `aminsert` |
//! | `scan.rs` | `ambeginscan`, `amrescan`, `amgettuple`, `amendscan` |
//! | `running.rs` | a search that a scan has begun |
//! | `filtered.rs` | rows that pass a filter, by the search or by what other indexes list |
//! | `prices.rs` | what these ways cost |
//! | `table.rs` | the same from the table, read in its order |
//! | `ahead.rs` | rows of a table on their way from memory |
//! | `exact.rs` | exact distances of rows, from the table |
//! | `extent.rs` | how far a table reaches |
//! | `left_out.rs` | a row that searches pass by, to ask for it as if it were not there |
//! | `vacuum.rs` | `ambulkdelete`, `amvacuumcleanup` |
//! | `cost.rs` | `amcostestimate` |
//! | `options.rs` | `amoptions` |
//! | `opened.rs` | indexes that this backend has open |
//! | `value.rs` | columns, and their datums as values of a space |
//! | `graph.rs` | a graph behind the doors that all indexes share |
//! | `opclass.rs` | which values and which space an operator class means |
//! | `counters.rs` | what this session's scans have cost |
//! | `hnsw.rs` | the access method `hnsw` |

mod ahead;
mod build;
mod cost;
pub mod counters;
mod exact;
mod extent;
mod filtered;
mod graph;
mod hnsw;
mod insert;
mod left_out;
mod method;
mod opclass;
mod opened;
mod options;
mod outlined;
mod prices;
mod routine;
mod rows;
mod running;
mod scan;
mod shortlist;
mod table;
mod vacuum;
mod value;

use std::rc::Rc;

use pgrx::pg_sys;

pub use crate::hnsw::Tid;
pub use crate::search::{Side, Step, Within, farthest};
pub use cost::missing;
pub use filtered::Passes;
pub use left_out::LeftOut;
pub use method::Search;
pub use opened::Opened;
pub use outlined::{release_all, release_beyond};
pub use prices::{Listed, WANTED};
pub use rows::{TableRows, each_row};
pub use scan::{attach, learn, learned, pointer_of, report, sort, tid_of};
pub use table::{can_read, indexed_place};

use crate::hnsw::{Files, Resources};
use crate::pg::error::{Failure, guarded};
use hnsw::Hnsw;
use method::Method;

/// Whether an open index is of an access method of ours.
///
/// # Safety
/// The relation is an open index.
pub unsafe fn is_ours(index: pg_sys::Relation) -> bool {
    // SAFETY: the caller vouches for the relation; an open index has its method's callbacks.
    let build = unsafe { (*(*index).rd_indam).ambuild };
    build.is_some_and(|build| std::ptr::fn_addr_eq(build, build::build::<Hnsw> as Callback))
}

/// Whether an index that a planner knows is of an access method of ours.
///
/// # Safety
/// The planner's entry of an index.
pub unsafe fn is_ours_planned(index: *const pg_sys::IndexOptInfo) -> bool {
    let ours = cost::estimate::<Hnsw> as *const ();
    // SAFETY: the caller vouches for the entry. Its callback is declared without arguments in some
    // versions of Postgres.
    let estimate = unsafe { (*index).amcostestimate };
    estimate.is_some_and(|estimate| estimate as *const () == ours)
}

type Callback = unsafe extern "C-unwind" fn(
    pg_sys::Relation,
    pg_sys::Relation,
    *mut pg_sys::IndexInfo,
) -> *mut pg_sys::IndexBuildResult;

/// Opens an index of any of our access methods.
///
/// # Safety
/// The relation is an open index, [`is_ours`], as long as the result is used.
///
/// # Errors
/// Where its first pages make no sense.
pub unsafe fn open_any(index: pg_sys::Relation) -> Result<Rc<Opened>, Failure> {
    // SAFETY: as the caller says.
    unsafe { opened::open::<Hnsw>(index) }
}

/// Bytes of memory that a build of this index needs for a row at most: its table may ask for fewer
/// threads.
///
/// # Safety
/// As [`open_any`].
///
/// # Errors
/// Where the index cannot be built.
pub unsafe fn build_bytes_per_row(index: pg_sys::Relation) -> Result<usize, Failure> {
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
    Ok(unsafe { Hnsw::builder(index, resources) }?.bytes_per_row())
}
