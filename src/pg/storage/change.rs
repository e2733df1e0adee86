//! Change: Generic WAL as an atomic edit of pages.
//!
//! The records are those of Postgres' `generic_xlog.c`, and its recovery replays them. Only the
//! differences are found here: by 64 bytes at once and not one by one, which took a quarter of an
//! insert's time.

use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;

use super::bulk::{check_for_interrupts, needs_wal};
use super::calls::{self, Lock};
use super::extend::extend;
use super::store::PgStore;
use crate::page::{
    self, Bytes, Change, MAX_PAGES, PAGE_BYTES, PageError, apply_delta, write_delta,
};

/// A copy of a page, aligned as pages are.
#[repr(C, align(64))]
pub struct PageCopy(Bytes);

impl Default for PageCopy {
    fn default() -> Self {
        Self([0; PAGE_BYTES])
    }
}

/// A page that a change holds: its block, its buffer, and the copy that is edited.
struct Edited {
    block: u32,
    buffer: pg_sys::Buffer,
    copy: Box<PageCopy>,
    /// Whether it was never written: recovery takes no difference to a page of zeros.
    new: bool,
}

/// What the log gets for a page.
enum ChangedPage {
    /// The whole page: for a page of zeros, and if a checkpoint has passed since it was last logged, so that
    /// looking for differences would be in vain.
    Image,
    /// What has changed.
    Delta(Vec<u8>),
}

/// Copies of up to four pages, which take the place of the pages at `commit`.
pub struct PgChange<'a> {
    store: &'a PgStore,
    pages: Vec<Edited>,
}

impl<'a> PgChange<'a> {
    pub(super) fn new(store: &'a PgStore) -> Self {
        check_for_interrupts();
        Self {
            store,
            pages: Vec::with_capacity(MAX_PAGES),
        }
    }

    /// Whether a page may be taken after those that are held.
    fn check_order(&self, block: u32) -> Result<(), PageError> {
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

    /// Holds a buffer that is locked.
    fn hold(&mut self, block: u32, buffer: pg_sys::Buffer) -> &mut Bytes {
        let mut copy = self.store.copies().borrow_mut().pop().unwrap_or_default();
        // SAFETY: the buffer is pinned and locked.
        copy.0 = unsafe { *pg_sys::BufferGetBlock(buffer).cast::<Bytes>() };
        let new = page::is_new(&copy.0);
        self.pages.push(Edited {
            block,
            buffer,
            copy,
            new,
        });
        let last = self.pages.len() - 1;
        &mut self.pages[last].copy.0
    }

    fn release(&mut self) {
        let mut copies = self.store.copies().borrow_mut();
        for page in self.pages.drain(..) {
            // SAFETY: it is held since `hold`.
            unsafe { calls::release(page.buffer) };
            copies.push(page.copy);
        }
    }

    /// What the log gets for each page.
    fn entries(&self) -> Vec<ChangedPage> {
        let entries = self.pages.iter().map(|edited| {
            // SAFETY: the buffer is pinned and locked, and nobody changes it meanwhile.
            let (image, before) = unsafe {
                let image = edited.new || raw::XLogCheckBufferNeedsBackup(edited.buffer);
                let before = pg_sys::BufferGetBlock(edited.buffer).cast::<Bytes>();
                (image, &*before)
            };
            if image {
                return ChangedPage::Image;
            }
            let mut delta = Vec::new();
            write_delta(before, &edited.copy.0, &mut delta);
            ChangedPage::Delta(delta)
        });
        entries.collect()
    }
}

impl Change for PgChange<'_> {
    fn page(&mut self, block: u32) -> Result<&mut Bytes, PageError> {
        if let Some(held) = self.pages.iter().position(|page| page.block == block) {
            return Ok(&mut self.pages[held].copy.0);
        }
        self.check_order(block)?;
        let buffer = self.store.lock(block, Lock::Exclusive)?;
        Ok(self.hold(block, buffer))
    }

    fn append(&mut self) -> Result<(u32, &mut Bytes), PageError> {
        self.check_order(u32::MAX)?;
        let main = pg_sys::ForkNumber::MAIN_FORKNUM;
        // SAFETY: the relation is open; a page at the end comes after all that are held.
        let (block, buffer) = unsafe {
            let buffer = extend(self.store.relation(), main);
            (pg_sys::BufferGetBlockNumber(buffer), buffer)
        };
        let page = self.hold(block, buffer);
        Ok((block, page))
    }

    fn commit(mut self) -> Result<(), PageError> {
        if !self.pages.is_empty() {
            // SAFETY: the relation is open; all buffers are pinned and locked exclusively.
            unsafe {
                if needs_wal(self.store.relation()) {
                    log_and_apply(&self.pages, &self.entries());
                } else {
                    apply_without_log(&self.pages);
                }
            }
        }
        self.release();
        Ok(())
    }
}

impl Drop for PgChange<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.release();
        }
    }
}

mod raw {
    use super::pg_sys;

    unsafe extern "C-unwind" {
        pub fn XLogBeginInsert();
        pub fn XLogCheckBufferNeedsBackup(buffer: pg_sys::Buffer) -> bool;
        pub fn XLogRegisterBuffer(block_id: u8, buffer: pg_sys::Buffer, flags: u8);
        pub fn XLogRegisterBufData(block_id: u8, data: *const u8, len: u32);
        pub fn XLogInsert(rmgr: u8, info: u8) -> u64;
        pub fn MarkBufferDirty(buffer: pg_sys::Buffer);
    }
}

/// Replaces pages by their copies and logs that, as one change. An error in the middle is a panic of the
/// server, as in every critical section. Source: `GenericXLogFinish`.
///
/// # Safety
/// All buffers are pinned and locked exclusively, and there is an entry for each.
unsafe fn log_and_apply(pages: &[Edited], entries: &[ChangedPage]) {
    // SAFETY: the caller vouches for the buffers; nothing in the closure needs to be dropped.
    unsafe {
        pg_guard_ffi_boundary(|| {
            raw::XLogBeginInsert();
            pg_sys::CritSectionCount += 1;
            let standard = pg_sys::REGBUF_STANDARD as u8;
            for (id, (page, entry)) in (0_u8..).zip(pages.iter().zip(entries)) {
                match entry {
                    ChangedPage::Image => {
                        replace(page);
                        let flags = standard | pg_sys::REGBUF_FORCE_IMAGE as u8;
                        raw::XLogRegisterBuffer(id, page.buffer, flags);
                    }
                    ChangedPage::Delta(delta) => {
                        edit(page, |page| apply_delta(page, delta));
                        raw::XLogRegisterBuffer(id, page.buffer, standard);
                        raw::XLogRegisterBufData(id, delta.as_ptr(), delta.len() as u32);
                    }
                }
            }
            let lsn = raw::XLogInsert(pg_sys::RmgrIds::RM_GENERIC_ID as u8, 0);
            for page in pages {
                let header: *mut pg_sys::PageHeaderData =
                    pg_sys::BufferGetBlock(page.buffer).cast();
                (*header).pd_lsn.xlogid = (lsn >> 32) as u32;
                (*header).pd_lsn.xrecoff = lsn as u32;
            }
            pg_sys::CritSectionCount -= 1;
        });
    }
}

/// Puts the copies in the place of their pages.
///
/// # Safety
/// As [`log_and_apply`].
unsafe fn apply_without_log(pages: &[Edited]) {
    // SAFETY: as the caller says; nothing in the closure needs to be dropped.
    unsafe {
        pg_guard_ffi_boundary(|| {
            pg_sys::CritSectionCount += 1;
            for page in pages {
                replace(page);
            }
            pg_sys::CritSectionCount -= 1;
        });
    }
}

/// Overwrites a page with its copy.
///
/// # Safety
/// As [`edit`].
unsafe fn replace(edited: &Edited) {
    // SAFETY: as the caller says.
    unsafe { edit(edited, |page| *page = edited.copy.0) };
}

/// Changes a page, and leaves zeros between `pd_lower` and `pd_upper`, as recovery does.
///
/// # Safety
/// The caller holds the buffer exclusively, in a critical section.
unsafe fn edit(edited: &Edited, change: impl FnOnce(&mut Bytes)) {
    // SAFETY: as the caller says.
    unsafe {
        let page: *mut Bytes = pg_sys::BufferGetBlock(edited.buffer).cast();
        change(&mut *page);
        page::clear_hole(&mut *page);
        raw::MarkBufferDirty(edited.buffer);
    }
}
