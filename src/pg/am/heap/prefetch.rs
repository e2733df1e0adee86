//! Prefetch of table rows: they are asked for before they are fetched, from memory or from disk, in the order of the
//! table and a few at a time.
//!
//! Fetching a row waits for its buffer's entry, its page, its line pointer, its header and its value, one
//! after the other. Here they are asked for in two steps, so that many rows are on their way at once.

use pgrx::pg_sys;

use crate::distance::prefetch_at;
use crate::index::Tid;
use crate::pg::storage::{HEAP_POINTERS, block_address};

/// Rows whose pages are looked up ahead of the one that is fetched.
const PAGES_AHEAD: usize = 16;

/// Rows that are asked for ahead of the one that is fetched.
const ROWS_AHEAD: usize = 8;

/// Bytes of a row that are asked for at most.
const ROW_PREFETCH_BYTES: usize = 4096;

/// Bytes of a page's header, and of a line pointer. `bufpage.h`, `itemid.h`.
const PAGE_HEADER_BYTES: usize = 24;
const POINTER_BYTES: usize = 4;

/// Rows that are about to be fetched.
pub struct HeapPrefetch<'t> {
    table: pg_sys::Relation,
    tids: &'t [Tid],
    /// Where the pages of the next rows are, or null: that of row `i` at `i % PAGES_AHEAD`.
    pages: [*const u8; PAGES_AHEAD],
}

impl<'t> HeapPrefetch<'t> {
    /// Begins to bring these rows closer. Other tables than heaps are left alone.
    ///
    /// # Safety
    /// The table is open as long as the result is used.
    pub unsafe fn new(table: pg_sys::Relation, tids: &'t [Tid]) -> Self {
        // SAFETY: the caller vouches for the table.
        let heap = unsafe { (*table).rd_tableam == pg_sys::GetHeapamTableAmRoutine() };
        let mut prefetch = Self {
            table,
            tids: if heap { tids } else { &[] },
            pages: [std::ptr::null(); PAGES_AHEAD],
        };
        (0..PAGES_AHEAD).for_each(|at| prefetch.look_up(at));
        (0..ROWS_AHEAD).for_each(|at| prefetch.bring(at));
        prefetch
    }

    /// To be called before row `at` is fetched, in order.
    pub fn advance(&mut self, at: usize) {
        self.bring(at + ROWS_AHEAD);
        self.look_up(at + PAGES_AHEAD);
    }

    /// Finds the page of a row, and asks for its line pointer.
    fn look_up(&mut self, at: usize) {
        let Some(tid) = self.tids.get(at) else {
            return;
        };
        let (block, before) = (tid.block(), pointers_before(*tid));
        if before >= HEAP_POINTERS {
            // A list may come from a corrupt index, and name a place that no page has.
            self.pages[at % PAGES_AHEAD] = std::ptr::null();
            return;
        }
        let last = at.checked_sub(1).and_then(|last| self.tids.get(last));
        let page = match last {
            Some(last) if last.block() == block => self.pages[(at - 1) % PAGES_AHEAD],
            // SAFETY: the table is open, and a row of it lies in this block.
            Some(_) | None => unsafe { block_address(self.table, block) },
        };
        self.pages[at % PAGES_AHEAD] = page;
        if !page.is_null() {
            prefetch_at(
                page.wrapping_add(PAGE_HEADER_BYTES + POINTER_BYTES * before),
                POINTER_BYTES,
            );
        }
    }

    /// Asks for the bytes of a row.
    fn bring(&mut self, at: usize) {
        let page = self.pages[at % PAGES_AHEAD];
        let Some(tid) = self.tids.get(at).filter(|_| !page.is_null()) else {
            return;
        };
        let pointer = page.wrapping_add(PAGE_HEADER_BYTES + POINTER_BYTES * pointers_before(*tid));
        // SAFETY: four bytes of a buffer, which is memory as long as the server runs. They may be of
        // another page by now, or be written at this moment: they only say what to ask for.
        let pointer = unsafe { pointer.cast::<[u8; POINTER_BYTES]>().read_volatile() };
        let pointer = u32::from_ne_bytes(pointer);
        // `ItemIdData`: 15 bits of offset, 2 of state, 15 of length.
        let (start, length) = (pointer & 0x7FFF, pointer >> 17);
        if start < pg_sys::BLCKSZ {
            prefetch_at(
                page.wrapping_add(start as usize),
                (length as usize).min(ROW_PREFETCH_BYTES),
            );
        }
    }
}

/// How many line pointers are before a row's own.
fn pointers_before(tid: Tid) -> usize {
    usize::from(tid.offset()).saturating_sub(1)
}
