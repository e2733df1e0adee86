//! BULK: what every build of an index takes: memory that spills into files, threads that take no signals, and somebody
//! who takes the pages in order.
//!
//! | file | what it holds |
//! |---|---|
//! | `region.rs` | memory, and mapped files past the budget |
//! | `records.rs` | records of one size, or of any |
//! | `threads.rs` | the pool, whose threads take no signals |
//! | `crew.rs` | work on many items by several threads |

mod crew;
mod records;
mod region;
mod threads;

use std::sync::atomic::{AtomicBool, AtomicU64};

pub use crew::Crew;
pub use records::{Lines, PLACE_BYTES, Records};
pub use region::{Files, Memory, Region, zeros};
pub use threads::pool;

use crate::index::Error;
use crate::page::{Bytes, MemoryStore};

/// What a build may use.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Threads; 0 for one a core.
    pub threads: usize,
    /// Bytes of memory. Past it, files are mapped.
    pub budget: usize,
    /// Where they go, and how large they may be.
    pub files: Files,
}

/// Seen by others while a build runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Set by others to end it.
    pub cancel: AtomicBool,
    /// Values that are linked.
    pub linked: AtomicU64,
    /// Pages that are written.
    pub written: AtomicU64,
}

/// Where a build's pages go. Only the thread that builds calls it.
pub trait Sink {
    /// Takes the next page.
    ///
    /// # Errors
    /// The build ends with them.
    fn page(&mut self, bytes: &Bytes) -> Result<(), Error>;

    /// Called every few milliseconds while other threads work.
    ///
    /// # Errors
    /// The build ends with them.
    fn poll(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Pages that go into a store in memory: for tests and benchmarks.
pub struct Pushed<'s>(pub &'s MemoryStore);

impl Sink for Pushed<'_> {
    fn page(&mut self, bytes: &Bytes) -> Result<(), Error> {
        self.0.push(bytes)?;
        Ok(())
    }
}

/// What was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// Rows in the index.
    pub rows: u64,
    /// Distinct values.
    pub values: u64,
    /// Bytes of memory that were in use.
    pub memory: usize,
    /// Bytes of mapped files.
    pub spilled: usize,
}

/// Work on the calling thread, interrupted now and then to poll.
pub struct Steps<'s> {
    sink: &'s mut dyn Sink,
    taken: u32,
}

impl<'s> Steps<'s> {
    /// Steps of work whose interruptions go to `sink`.
    pub fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink, taken: 0 }
    }

    /// Counts a step, of some microseconds.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn step(&mut self) -> Result<(), Error> {
        self.taken += 1;
        if self.taken.is_multiple_of(1_024) {
            self.sink.poll()?;
        }
        Ok(())
    }
}
