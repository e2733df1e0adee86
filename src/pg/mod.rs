//! POSTGRES: everything that knows the server. All else in this package is pure Rust.
//!
//! | room | what it holds |
//! |---|---|
//! | `error/` | the one place that knows SQLSTATEs and raises |
//! | `backtrace.rs` | errors without the frames of our own code |
//! | `guc.rs` | settings of all of the extension |
//! | `memory.rs` | what is kept for when there is no memory |
//! | `types/` | the SQL types: datums in, datums out |
//! | `storage/` | pages in Postgres' buffers: [README](storage/README.md) |
//! | `am/` | the index access methods: [README](am/README.md) |
//! | `plan/` | a node of plans that tells a search what its rows are filtered by: [README](plan/README.md) |
//! | `discard.rs` | `DISCARD`, which gives back what a session has learned |
//! | `admin/` | functions for people who run an index |

#![allow(unsafe_code, reason = "the server's interface is C")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "C counts in int32, and a datum holds what its type says"
)]

#[macro_use]
mod types;
mod admin;
mod am;
mod backtrace;
mod discard;
mod error;
mod guc;
mod memory;
mod plan;
mod storage;

use pgrx::prelude::*;

pgrx::pg_module_magic!(name, version);

/// Called once by the server when it loads the library.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    // SAFETY: the server loads libraries before anything of theirs starts a thread.
    unsafe { backtrace::disable() };
    memory::keep();
    guc::define();
    am::define_settings();
    plan::install();
    discard::install();
}
