//! Store: an index's pages in shared buffers.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::ops::{Deref, Range};

use pgrx::pg_sys;

use super::bulk::check_for_interrupts;
use super::calls::{self, Locator, Lock};
use super::change::{PageCopy, PgChange};
use super::conflict;
use super::recent::Recent;
use crate::distance::prefetch_at;
use crate::page::{Bytes, PAGE_BYTES, PageError, PageStore};

/// The heavyweight lock that inserts share: the page lock of this block, which is no buffer's lock.
const WRITERS_LOCK: u32 = 0;

/// The pages of a relation that the caller keeps open.
pub struct PgStore {
    relation: pg_sys::Relation,
    at: Locator,
    /// As many as there were at the last look; there may be more.
    blocks: Cell<u32>,
    recent: Recent,
    /// The block that was asked for last, and where it is.
    upcoming: Cell<(u32, *const u8)>,
    reads: Cell<u64>,
    /// Memory for the copies of changes.
    copies: RefCell<Vec<Box<PageCopy>>>,
}

// SAFETY: an index is searched and changed by the backend's own thread only; threads of builds get no
// store.
unsafe impl Sync for PgStore {}

impl PgStore {
    /// The pages of a relation.
    ///
    /// # Safety
    /// Whenever the store is used, the relation is open at this address.
    pub unsafe fn new(relation: pg_sys::Relation) -> Self {
        // SAFETY: the caller vouches for the relation.
        let at = unsafe { Locator::of(relation) };
        let store = Self {
            relation,
            at,
            blocks: Cell::new(0),
            recent: Recent::new(0),
            upcoming: Cell::new((u32::MAX, std::ptr::null())),
            reads: Cell::new(0),
            copies: RefCell::default(),
        };
        let recent = Recent::new(store.count());
        Self { recent, ..store }
    }

    /// The relation.
    pub fn relation(&self) -> pg_sys::Relation {
        self.relation
    }

    /// Runs `body`, and adds the pages that it has read to `pages`. Another search that runs meanwhile, such as
    /// one by a filter on the same index, counts its own pages.
    pub fn count_reads<T>(&self, pages: &mut u64, body: impl FnOnce() -> T) -> T {
        let outer = self.reads.take();
        let result = body();
        *pages += self.reads.replace(outer);
        result
    }

    /// Copies that no change uses.
    pub(super) fn copies(&self) -> &RefCell<Vec<Box<PageCopy>>> {
        &self.copies
    }

    fn count(&self) -> u32 {
        // SAFETY: `new` says that the relation is open.
        let blocks = unsafe {
            pg_sys::RelationGetNumberOfBlocksInFork(self.relation, pg_sys::ForkNumber::MAIN_FORKNUM)
        };
        self.blocks.set(blocks);
        blocks
    }

    /// A block beyond the end is a link to nowhere, which must not reach the buffer manager.
    #[inline]
    pub(super) fn check(&self, block: u32) -> Result<(), PageError> {
        if block < self.blocks.get() || block < self.count() {
            return Ok(());
        }
        let blocks = self.blocks.get();
        Err(PageError::Missing { block, blocks })
    }

    /// Pins a block's buffer and locks it. The caller holds no lock on it.
    #[inline]
    pub(super) fn lock(&self, block: u32, lock: Lock) -> Result<pg_sys::Buffer, PageError> {
        self.check(block)?;
        let recent = self.recent.get(block);
        // SAFETY: the relation is open and has this block; the caller does not hold it.
        let (buffer, found) =
            unsafe { calls::read_locked(self.relation, self.at, block, recent, lock) };
        if found {
            // SAFETY: the relation is open.
            unsafe { calls::count_hit(self.relation) };
        } else {
            self.recent.set(block, buffer);
        }
        Ok(buffer)
    }

    /// Where a block will be read, or null.
    #[inline]
    fn announce(&self, block: u32) -> *const u8 {
        if self.check(block).is_err() {
            return std::ptr::null();
        }
        // SAFETY: the relation is open and has this block.
        unsafe { self.recent.announce(self.relation, block) }
    }
}

/// The bytes of a buffer.
///
/// # Safety
/// The buffer number is one that the buffer manager gave.
#[inline]
unsafe fn address(buffer: pg_sys::Buffer) -> *const Bytes {
    // SAFETY: the caller vouches for the number.
    unsafe { pg_sys::BufferGetBlock(buffer).cast() }
}

impl PageStore for PgStore {
    type Guard<'a> = Pinned<'a>;
    type Change<'a> = PgChange<'a>;
    type Writer<'a> = Writer<'a>;

    fn blocks(&self) -> Result<u32, PageError> {
        Ok(self.count())
    }

    #[inline]
    fn read(&self, block: u32) -> Result<Pinned<'_>, PageError> {
        check_for_interrupts();
        self.reads.set(self.reads.get() + 1);
        let buffer = self.lock(block, Lock::Shared)?;
        Ok(Pinned {
            buffer,
            // SAFETY: the buffer is pinned.
            page: unsafe { address(buffer) },
            store: PhantomData,
        })
    }

    #[inline]
    fn prefetch(&self, block: u32, bytes: Range<usize>) {
        let (mut known, mut page) = self.upcoming.get();
        if known != block {
            page = self.announce(block);
            known = block;
            self.upcoming.set((known, page));
        }
        if !page.is_null() {
            prefetch_at(page.wrapping_add(bytes.start), bytes.len());
        }
    }

    /// Blocks that are in no buffer begin to be read, all at once: a disk that is asked for one after the other lets
    /// its caller wait for each.
    fn read_ahead(&self, blocks: &[u32]) {
        // SAFETY: reads a setting of this process.
        if unsafe { pg_sys::effective_io_concurrency } == 0 {
            return;
        }
        for block in blocks {
            calls::prefetch_descriptor(self.recent.get(*block));
        }
        for block in blocks {
            let buffer = self.recent.get(*block);
            if buffer == 0 || !calls::seems_to_hold(buffer, self.at, *block) {
                self.recent.set(*block, 0);
                self.announce(*block);
            }
        }
    }

    fn change(&self) -> PgChange<'_> {
        PgChange::new(self)
    }

    fn writer(&self) -> Writer<'_> {
        // SAFETY: the relation is open.
        unsafe { pg_sys::LockPage(self.relation, WRITERS_LOCK, pg_sys::ShareLock as i32) };
        Writer(self)
    }

    fn wait_for_writers(&self) {
        let mode = pg_sys::ExclusiveLock as i32;
        // SAFETY: the relation is open; locks of pages are granted in the order they are asked for.
        unsafe {
            pg_sys::LockPage(self.relation, WRITERS_LOCK, mode);
            pg_sys::UnlockPage(self.relation, WRITERS_LOCK, mode);
        }
    }

    /// The transaction that comes next. A scan that has begun has a snapshot, which is not younger.
    ///
    /// Source: `BTPageSetDeleted` in `nbtree.h`.
    fn horizon(&self) -> u64 {
        // SAFETY: reads shared memory.
        unsafe { pg_sys::ReadNextFullTransactionId() }.value
    }

    /// Whether all snapshots are younger than that transaction.
    ///
    /// Source: `BTPageIsRecyclable` in `nbtree.h`. Snapshots of all databases count, so that no table is asked for.
    fn is_past(&self, horizon: u64) -> bool {
        let horizon = pg_sys::FullTransactionId { value: horizon };
        let every_table = std::ptr::null_mut();
        // SAFETY: no relation stands for all of them.
        unsafe { pg_sys::GlobalVisCheckRemovableFullXid(every_table, horizon) }
    }

    fn end_scans_before(&self, horizon: u64) {
        // SAFETY: `new` says that the relation is open; who frees pages holds none.
        unsafe { conflict::end_standby_scans(self.relation, horizon) }
    }
}

/// A page that is pinned and locked shared.
pub struct Pinned<'a> {
    buffer: pg_sys::Buffer,
    page: *const Bytes,
    store: PhantomData<&'a PgStore>,
}

impl Deref for Pinned<'_> {
    type Target = Bytes;

    #[inline]
    fn deref(&self) -> &Bytes {
        const { assert!(PAGE_BYTES == pg_sys::BLCKSZ as usize) };
        // SAFETY: pinned, so it stays; locked, so nobody changes what the index reads of it.
        unsafe { &*self.page }
    }
}

impl Drop for Pinned<'_> {
    #[inline]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: it is held since `read`.
            unsafe { calls::release(self.buffer) };
        }
    }
}

/// An insert that is under way.
pub struct Writer<'a>(&'a PgStore);

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: it is held since `writer`.
            unsafe { pg_sys::UnlockPage(self.0.relation, WRITERS_LOCK, pg_sys::ShareLock as i32) };
        }
    }
}
