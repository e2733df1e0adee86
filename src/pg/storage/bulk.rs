//! Bulk writes: the pages of a build, written in order into shared buffers, some at a time, and logged while they
//! are still in the cache.

use pgrx::pg_sys;

use super::calls;
use super::extend::extend_by;
use crate::bulk::Sink;
use crate::index::Error;
use crate::page::Bytes;
use crate::pg::error::Failure;
use crate::pg::memory;

/// Lets Postgres act on signals that came in. May end the statement.
#[inline]
fn serve_signals() {
    // SAFETY: reads a flag that signal handlers set.
    if unsafe { std::ptr::read_volatile(&raw const pg_sys::InterruptPending) } != 0 {
        // SAFETY: as CHECK_FOR_INTERRUPTS.
        unsafe { pg_sys::ProcessInterrupts() };
    }
}

/// Lets Postgres act on signals that came in, and ends the statement where memory is short.
#[inline]
pub fn check_for_interrupts() {
    serve_signals();
    if memory::is_short() && !memory::recover() {
        Failure::from(Error::Memory).raise();
    }
}

/// A [`Poll`](crate::index::Poll) by a callback that raises its errors.
pub fn polling(poll: &mut dyn FnMut()) -> impl FnMut() -> Result<(), Error> {
    || {
        poll();
        Ok(())
    }
}

/// Whether the statement or the session is to end. Other signals are served.
fn is_cancelled() -> bool {
    // SAFETY: reads flags that signal handlers set.
    let cancelled = unsafe {
        std::ptr::read_volatile(&raw const pg_sys::QueryCancelPending) != 0
            || std::ptr::read_volatile(&raw const pg_sys::ProcDiePending) != 0
    };
    if !cancelled {
        serve_signals();
    }
    cancelled
}

/// Pages that are written at once.
const PAGES_AT_ONCE: usize = 64;

/// Writes the pages of a new index into a fork, from block 0.
pub struct Bulk<'p> {
    relation: pg_sys::Relation,
    fork: i32,
    /// Pages that are in the fork.
    blocks: u32,
    /// Pages that will be next.
    waiting: Vec<Bytes>,
    /// Called when the build polls.
    report: &'p mut dyn FnMut(),
}

impl<'p> Bulk<'p> {
    /// Starts with an empty fork.
    ///
    /// # Safety
    /// The relation stays open, and nobody else uses this fork.
    pub unsafe fn new(relation: pg_sys::Relation, fork: i32, report: &'p mut dyn FnMut()) -> Self {
        Self {
            relation,
            fork,
            blocks: 0,
            waiting: Vec::with_capacity(PAGES_AT_ONCE),
            report,
        }
    }

    /// Writes the pages that wait, and logs them if they are to outlive a crash.
    pub fn flush(&mut self) {
        let first = self.blocks;
        let mut waiting = self.waiting.as_slice();
        // SAFETY: `new` says that the relation is open and the fork is ours; a buffer is locked
        // exclusively while it is written.
        unsafe {
            while !waiting.is_empty() {
                let buffers = extend_by(self.relation, self.fork, waiting.len());
                let (here, after) = waiting.split_at(buffers.len().min(waiting.len()));
                for (buffer, bytes) in buffers.into_iter().zip(here) {
                    pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_EXCLUSIVE as i32);
                    let page: *mut Bytes = pg_sys::BufferGetBlock(buffer).cast();
                    *page = *bytes;
                    pg_sys::MarkBufferDirty(buffer);
                    calls::release(buffer);
                    self.blocks += 1;
                }
                waiting = after;
            }
            let init = self.fork == pg_sys::ForkNumber::INIT_FORKNUM;
            if init || needs_wal(self.relation) {
                pg_sys::log_newpage_range(self.relation, self.fork, first, self.blocks, true);
            }
        }
        self.waiting.clear();
    }
}

/// `InvalidSubTransactionId`.
const NO_SUBTRANSACTION: pg_sys::SubTransactionId = 0;

/// Whether changes of a relation are logged. Source: `RelationNeedsWAL` in `src/include/utils/rel.h`.
///
/// # Safety
/// The relation is open.
pub unsafe fn needs_wal(relation: pg_sys::Relation) -> bool {
    // SAFETY: the caller vouches for the relation; `wal_level` is a setting.
    unsafe {
        #[cfg(feature = "pg15")]
        let first = (*relation).rd_firstRelfilenodeSubid;
        #[cfg(not(feature = "pg15"))]
        let first = (*relation).rd_firstRelfilelocatorSubid;
        let new = (*relation).rd_createSubid != NO_SUBTRANSACTION || first != NO_SUBTRANSACTION;
        let permanent =
            (*(*relation).rd_rel).relpersistence as u8 == pg_sys::RELPERSISTENCE_PERMANENT;
        let wanted = pg_sys::wal_level >= pg_sys::WalLevel::WAL_LEVEL_REPLICA as i32;
        permanent && (wanted || !new)
    }
}

impl Sink for Bulk<'_> {
    fn page(&mut self, bytes: &Bytes) -> Result<(), Error> {
        self.waiting.push(*bytes);
        if self.waiting.len() == PAGES_AT_ONCE {
            self.flush();
            self.poll()?;
        }
        Ok(())
    }

    /// Threads of the build must stop before the statement ends: so this does not raise, but returns.
    fn poll(&mut self) -> Result<(), Error> {
        if is_cancelled() {
            return Err(Error::Cancelled);
        }
        if memory::is_short() && !memory::recover() {
            return Err(Error::Memory);
        }
        (self.report)();
        Ok(())
    }
}
