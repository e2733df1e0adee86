//! PAGES: 8 kB pages as bytes, laid out as Postgres lays them out. Imports no other room.
//!
//! | file | what it holds |
//! |---|---|
//! | `layout.rs` | header, content, special area |
//! | `memory.rs` | pages in memory, for tests, benchmarks and builds |
//! | `crash.rs` | pages in memory that stop after the n-th commit |
//! | `delta.rs` | the bytes that Generic WAL would log for a change |
//!
//! `README.md` has the picture, the lock rule and what a crash leaves.

mod crash;
mod delta;
mod field;
mod layout;
mod memory;

use std::borrow::Cow;
use std::collections::TryReserveError;
use std::ops::{Deref, Range};

pub use crash::CrashStore;
pub use delta::{apply_delta, generic_wal_bytes, write_delta};
pub use field::{field, set_field};
pub use layout::{
    Bytes, CONTENT_BYTES, Format, HEADER_BYTES, Mark, NO_BLOCK, PAGE_BYTES, SPECIAL_AT, clear_hole,
    content, content_mut, format, is_new, lower, lsn, next, set_lower, set_next, verify,
    verify_header,
};
pub use memory::{Logged, MemoryStore};

/// Pages that one change may hold: the limit of Generic WAL.
pub const MAX_PAGES: usize = 4;

/// Why a page could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The bytes make no sense.
    #[error("block {block}: {reason}")]
    Corrupt {
        /// Where.
        block: u32,
        /// What was found.
        reason: Cow<'static, str>,
    },
    /// The block is not there.
    #[error("block {block} of {blocks}")]
    Missing {
        /// Which.
        block: u32,
        /// How many there are.
        blocks: u32,
    },
    /// A change asked for a block before one that it holds, which could wait forever.
    #[error("block {block} after block {held}")]
    Order {
        /// Asked for.
        block: u32,
        /// The highest that is held.
        held: u32,
    },
    /// A change asked for a fifth page.
    #[error("block {block} is one more than a change may hold")]
    TooMany {
        /// Asked for.
        block: u32,
    },
    /// There is no memory for what is to be kept of pages.
    #[error("out of memory")]
    Memory,
    /// The store has crashed, as a test asked it to.
    #[error("crashed")]
    Crashed,
}

impl From<TryReserveError> for PageError {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}

/// Where pages are.
///
/// Readers hold one page at a time. A [`Change`] locks in ascending block order. Nothing else ever
/// holds two: so nobody waits for somebody who waits for him.
pub trait PageStore: Sync {
    /// A page under a shared lock.
    type Guard<'a>: Deref<Target = Bytes>
    where
        Self: 'a;
    /// An atomic edit.
    type Change<'a>: Change
    where
        Self: 'a;
    /// Held by an insert from its search to its last link.
    type Writer<'a>
    where
        Self: 'a;

    /// How many pages there are.
    ///
    /// # Errors
    /// Those of the store.
    fn blocks(&self) -> Result<u32, PageError>;

    /// Locks a page to read it.
    ///
    /// # Errors
    /// Where the block is not there.
    fn read(&self, block: u32) -> Result<Self::Guard<'_>, PageError>;

    /// A hint that these bytes of a page will be read soon.
    fn prefetch(&self, block: u32, bytes: Range<usize>);

    /// A hint that these pages will be read soon, in this order: a store whose pages are on disk asks for them all.
    fn read_ahead(&self, _blocks: &[u32]) {}

    /// Starts an edit.
    fn change(&self) -> Self::Change<'_>;

    /// Announces an insert.
    fn writer(&self) -> Self::Writer<'_>;

    /// Returns when every writer that there was at the call is gone.
    fn wait_for_writers(&self);

    /// A moment: every scan that has begun by now began before it.
    fn horizon(&self) -> u64 {
        0
    }

    /// Ends scans that read a copy of the store elsewhere and may have begun before a moment: pages that were given up
    /// then will be used again. Nobody here reads them, for that moment [is past](Self::is_past).
    fn end_scans_before(&self, _horizon: u64) {}

    /// Whether all scans that began before a moment are gone.
    fn is_past(&self, _horizon: u64) -> bool {
        true
    }
}

/// An atomic edit of at most [`MAX_PAGES`] pages. Dropped without commit it has changed nothing,
/// except that a page it appended stays, all zero, as in Postgres.
pub trait Change {
    /// Locks a page to write it, or gives it again where this change holds it.
    ///
    /// # Errors
    /// Where the block is not there, comes before one that is held, or is one too many.
    fn page(&mut self, block: u32) -> Result<&mut Bytes, PageError>;

    /// Adds a page of zeros at the end, and holds it.
    ///
    /// # Errors
    /// Where it is one too many, or the store is full.
    fn append(&mut self) -> Result<(u32, &mut Bytes), PageError>;

    /// Makes all of it happen.
    ///
    /// # Errors
    /// Where the store cannot; then nothing has happened.
    fn commit(self) -> Result<(), PageError>;
}
