//! The index access methods: what Postgres asks of an index, one file a callback.
//!
//! | file | what it holds |
//! |---|---|
//! | `method.rs` | [`Method`]: what differs between access methods |
//! | `routine.rs` | the table of callbacks, made for any of them |
//! | `build.rs` | `ambuild`, `ambuildempty` |
//! | `insert.rs` | `aminsert` |
//! | `scan.rs` | `ambeginscan`, `amrescan`, `amgettuple`, `amendscan` |
//! | `exact.rs` | exact distances of rows, from the table |
//! | `vacuum.rs` | `ambulkdelete`, `amvacuumcleanup` |
//! | `cost.rs` | `amcostestimate` |
//! | `options.rs` | `amoptions` |
//! | `opened.rs` | indexes that this backend has open |
//! | `value.rs` | datums as values of a space |
//! | `graph.rs` | a graph behind the doors that all indexes share |
//! | `opclass.rs` | which space an operator class means |
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
mod scan;
mod vacuum;
mod value;

use pgrx::pg_sys::panic::pgrx_extern_c_guard;

use crate::pg::error::Failure;

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
