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
//! | `exact.rs` | exact distances of rows, from the table |
//! | `vacuum.rs` | `ambulkdelete`, `amvacuumcleanup` |
//! | `cost.rs` | `amcostestimate` |
//! | `options.rs` | `amoptions` |
//! | `opened.rs` | indexes that this backend has open |
//! | `value.rs` | columns, and their datums as values of a space |
//! | `graph.rs` | a graph behind the doors that all indexes share |
//! | `opclass.rs` | which values and which space an operator class means |
//! | `counters.rs` | what this session's scans have cost |
//! | `hnsw.rs` | the access method `hnsw` |

mod build;
mod cost;
pub mod counters;
mod exact;
mod graph;
mod hnsw;
mod insert;
mod method;
mod opclass;
mod opened;
mod options;
mod routine;
mod rows;
mod scan;
mod vacuum;
mod value;

use std::rc::Rc;

use pgrx::pg_sys;
use pgrx::pg_sys::panic::pgrx_extern_c_guard;

pub use method::Search;
pub use opened::Opened;
pub use rows::{TableRows, each_row};
pub use scan::pointer_of;

use crate::hnsw::{Files, Resources};
use crate::pg::error::Failure;
use hnsw::Hnsw;
use method::Method;

/// The door of a callback: a panic becomes an error of Postgres, and so does a failure, after the
/// body has let go of all it held.
///
/// # Safety
/// Postgres calls, and none of the caller's frames needs to be dropped.
unsafe fn guarded<T>(body: impl FnOnce() -> Result<T, Failure>) -> T {
    // SAFETY: the closure is all that is on the caller's frame.
    unsafe {
        pgrx_extern_c_guard(|| match body() {
            Ok(result) => result,
            Err(failure) => failure.raise(),
        })
    }
}

/// Whether an open index is of an access method of ours.
///
/// # Safety
/// The relation is an open index.
pub unsafe fn is_ours(index: pg_sys::Relation) -> bool {
    // SAFETY: the caller vouches for the relation; an open index has its method's callbacks.
    let build = unsafe { (*(*index).rd_indam).ambuild };
    build.is_some_and(|build| std::ptr::fn_addr_eq(build, build::build::<Hnsw> as Callback))
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
