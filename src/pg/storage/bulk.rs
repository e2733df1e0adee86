//! The pages of a build: written in order into shared buffers, logged once all are there.

use pgrx::pg_sys;

use super::calls;
use super::change::extend;
use crate::hnsw::{Error, Sink};
use crate::page::Bytes;

/// Lets Postgres act on signals that came in. May end the statement.
#[inline]
pub fn check_for_interrupts() {
    // SAFETY: reads a flag that signal handlers set.
    if unsafe { std::ptr::read_volatile(&raw const pg_sys::InterruptPending) } != 0 {
        // SAFETY: as CHECK_FOR_INTERRUPTS.
        unsafe { pg_sys::ProcessInterrupts() };
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
        check_for_interrupts();
    }
    cancelled
}

/// Writes the pages of a new index into a fork, from block 0.
pub struct Bulk<'p> {
    relation: pg_sys::Relation,
    fork: i32,
    blocks: u32,
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
            report,
        }
    }

    /// Logs all pages, if they are to outlive a crash.
    pub fn log(&self) {
        let init = self.fork == pg_sys::ForkNumber::INIT_FORKNUM;
        // SAFETY: `new` says that the relation is open.
        unsafe {
            if init || needs_wal(self.relation) {
                pg_sys::log_newpage_range(self.relation, self.fork, 0, self.blocks, true);
            }
        }
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
        // SAFETY: `new` says that the relation is open and the fork is ours; the buffer is locked
        // exclusively while it is written.
        unsafe {
            let buffer = extend(self.relation, self.fork);
            let page: *mut Bytes = pg_sys::BufferGetBlock(buffer).cast();
            *page = *bytes;
            pg_sys::MarkBufferDirty(buffer);
            calls::release(buffer);
        }
        self.blocks += 1;
        if self.blocks.is_multiple_of(256) {
            self.poll()?;
        }
        Ok(())
    }

    /// Threads of the build must stop before the statement ends: so this does not raise, but returns.
    fn poll(&mut self) -> Result<(), Error> {
        if is_cancelled() {
            return Err(Error::Cancelled);
        }
        (self.report)();
        Ok(())
    }
}
