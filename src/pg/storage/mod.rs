//! Pages in Postgres' buffers.
//!
//! | file | what it holds |
//! |---|---|
//! | `calls.rs` | calls of the buffer manager that a search makes for each page |
//! | `store.rs` | [`PgStore`]: an index's pages as a [`PageStore`](crate::page::PageStore) |
//! | `recent.rs` | where blocks were at the last time |
//! | `change.rs` | Generic WAL as a [`Change`](crate::page::Change) |
//! | `conflict.rs` | what reads pages on a standby that will be used again |
//! | `bulk.rs` | [`Bulk`]: the pages of a build, written in order |
//! | `heap.rs` | rows of a table by the places that indexes have of them |
//! | `extend.rs` | pages of zeros at the end of a fork |
//! | `spill.rs` | where files go that a build needs past its memory, and how large they may be |
//!
//! An error of Postgres unwinds these frames as a Rust panic. Then pins, locks and memory are left to
//! the transaction's end, which releases them all.

#![allow(
    clippy::disallowed_methods,
    reason = "the room whose matter these calls are"
)]

mod bulk;
mod calls;
mod change;
mod conflict;
mod extend;
mod heap;
mod recent;
mod spill;
mod store;

pub use bulk::{Bulk, check_for_interrupts, needs_wal, polling};
pub use heap::{FirstVersions, HEAP_POINTERS, first_version, pointer_of, read_block, tid_of};
pub use recent::block_address;
pub use spill::files;
pub use store::PgStore;
