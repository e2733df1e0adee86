//! Generic WAL as an atomic edit.

use pgrx::pg_sys;

use super::bulk::check_for_interrupts;
use super::calls;
use super::store::PgStore;
use crate::page::{Bytes, Change, MAX_PAGES, PageError};

/// A page that a change holds: its block, its buffer, and the copy that is edited.
#[derive(Clone, Copy)]
struct Edited {
    block: u32,
    buffer: pg_sys::Buffer,
    copy: *mut Bytes,
}

/// Copies of up to four pages, which take the place of the pages at `commit`.
/// Source: `src/backend/access/transam/generic_xlog.c`.
pub struct PgChange<'a> {
    store: &'a PgStore,
    /// Null until there is a page.
    state: *mut pg_sys::GenericXLogState,
    pages: Vec<Edited>,
}

impl<'a> PgChange<'a> {
    pub(super) fn new(store: &'a PgStore) -> Self {
        check_for_interrupts();
        Self {
            store,
            state: std::ptr::null_mut(),
            pages: Vec::with_capacity(MAX_PAGES),
        }
    }

    /// Where a page goes that comes after those that are held.
    fn make_room(&self, block: u32) -> Result<(), PageError> {
        if self.pages.len() == MAX_PAGES {
            return Err(PageError::TooMany { block });
        }
        match self.pages.last() {
            Some(last) if last.block > block => Err(PageError::Order {
                block,
                held: last.block,
            }),
            _ => Ok(()),
        }
    }

    /// Registers a buffer that is locked. A page of zeros is logged whole: recovery takes no
    /// difference to a page that was never written.
    fn hold(&mut self, block: u32, buffer: pg_sys::Buffer) -> &mut Bytes {
        // Noted first, so that it is let go whatever happens.
        self.pages.push(Edited {
            block,
            buffer,
            copy: std::ptr::null_mut(),
        });
        // SAFETY: the buffer is pinned and locked exclusively; the state lives until commit or drop.
        let copy = unsafe {
            if self.state.is_null() {
                self.state = pg_sys::GenericXLogStart(self.store.relation());
            }
            let new = crate::page::is_new(&*pg_sys::BufferGetBlock(buffer).cast());
            let flags = if new {
                pg_sys::GENERIC_XLOG_FULL_IMAGE
            } else {
                0
            };
            pg_sys::GenericXLogRegisterBuffer(self.state, buffer, flags as i32)
        };
        let at = self.pages.len() - 1;
        self.pages[at].copy = copy.cast();
        // SAFETY: the copy belongs to the state, and nobody else refers to it.
        unsafe { &mut *copy.cast() }
    }

    fn release(&mut self) {
        for page in self.pages.drain(..) {
            // SAFETY: it is held since `hold`.
            unsafe { calls::release(page.buffer) };
        }
    }
}

impl Change for PgChange<'_> {
    fn page(&mut self, block: u32) -> Result<&mut Bytes, PageError> {
        if let Some(held) = self.pages.iter().find(|page| page.block == block) {
            // SAFETY: the copy belongs to the state, and `self` is borrowed as long as it is.
            return Ok(unsafe { &mut *held.copy });
        }
        self.make_room(block)?;
        self.store.check(block)?;
        // SAFETY: the relation is open and has this block, which this change does not hold.
        let buffer = unsafe { calls::read_exclusive(self.store.relation(), block) };
        Ok(self.hold(block, buffer))
    }

    fn append(&mut self) -> Result<(u32, &mut Bytes), PageError> {
        self.make_room(u32::MAX)?;
        let relation = self.store.relation();
        let main = pg_sys::ForkNumber::MAIN_FORKNUM;
        // SAFETY: the relation is open; the lock is what extending it asks for.
        let (block, buffer) = unsafe {
            let buffer = extend(relation, main);
            (pg_sys::BufferGetBlockNumber(buffer), buffer)
        };
        let page = self.hold(block, buffer);
        Ok((block, page))
    }

    fn commit(mut self) -> Result<(), PageError> {
        let state = std::mem::replace(&mut self.state, std::ptr::null_mut());
        if !state.is_null() {
            // SAFETY: the state is this change's, and its buffers are locked.
            unsafe { pg_sys::GenericXLogFinish(state) };
        }
        self.release();
        Ok(())
    }
}

impl Drop for PgChange<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if !self.state.is_null() {
            // SAFETY: the state is this change's and was not finished.
            unsafe { pg_sys::GenericXLogAbort(self.state) };
        }
        self.release();
    }
}

/// Adds a page of zeros to a fork, pinned and locked exclusively.
///
/// # Safety
/// The relation is open, and the caller holds no buffer's lock of a page that comes later.
pub(super) unsafe fn extend(relation: pg_sys::Relation, fork: i32) -> pg_sys::Buffer {
    let mode = pg_sys::ExclusiveLock as i32;
    let new = pg_sys::InvalidBlockNumber; // P_NEW
    // SAFETY: the caller vouches for the relation.
    unsafe {
        pg_sys::LockRelationForExtension(relation, mode);
        let normal = pg_sys::ReadBufferMode::RBM_NORMAL;
        let buffer = pg_sys::ReadBufferExtended(relation, fork, new, normal, std::ptr::null_mut());
        pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_EXCLUSIVE as i32);
        pg_sys::UnlockRelationForExtension(relation, mode);
        buffer
    }
}
