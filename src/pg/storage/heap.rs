//! Heap rows by the places that indexes have of them: the place of the first version of a row, if changes of other
//! columns have left the row on its page.

use pgrx::pg_sys;

use crate::index::Tid;

/// The bytes of a heap tuple's place.
pub fn tid_of(pointer: pg_sys::ItemPointerData) -> Tid {
    // SAFETY: three numbers of two bytes.
    Tid(unsafe { std::mem::transmute::<pg_sys::ItemPointerData, [u8; 6]>(pointer) })
}

/// A heap tuple's place.
pub fn pointer_of(tid: Tid) -> pg_sys::ItemPointerData {
    // SAFETY: three numbers of two bytes, any of which are valid.
    unsafe { std::mem::transmute::<[u8; 6], pg_sys::ItemPointerData>(tid.0) }
}

/// Rows of one page at most: each has a header of 24 bytes and a line pointer of 4. `htup_details.h`:
/// `MaxHeapTuplesPerPage`.
pub const HEAP_POINTERS: usize = (pg_sys::BLCKSZ as usize - 24) / 28;

/// The first versions of the rows of a page. To find them takes a walk over all rows of it, so they are kept until
/// another page is asked for.
pub struct FirstVersions {
    block: Option<pg_sys::BlockNumber>,
    offsets: [pg_sys::OffsetNumber; HEAP_POINTERS],
}

impl FirstVersions {
    /// Of no page yet.
    pub fn new() -> Self {
        Self {
            block: None,
            offsets: [0; HEAP_POINTERS],
        }
    }

    /// The place of the first version of the row at a place. None where that is not there.
    ///
    /// # Safety
    /// The buffer has the row's page of a heap, and was pinned since the first row of that page was asked for: nobody
    /// prunes it.
    pub unsafe fn of(&mut self, buffer: pg_sys::Buffer, row: Tid) -> Option<Tid> {
        let block = row.block();
        if self.block != Some(block) {
            self.block = Some(block);
            self.offsets.fill(0);
            // SAFETY: the caller vouches for a pinned page of a heap, which has no more rows than there is room for.
            unsafe {
                pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_SHARE as i32);
                let page = pg_sys::BufferGetPage(buffer);
                pg_sys::heap_get_root_tuples(page, self.offsets.as_mut_ptr());
                pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_UNLOCK as i32);
            }
        }
        let at = usize::from(row.offset());
        let first = *self.offsets.get(at.wrapping_sub(1))?;
        (first != 0).then(|| Tid::new(block, first))
    }
}

/// The place of the first version of a row.
///
/// # Safety
/// The table is an open heap, and the place one of its rows.
pub unsafe fn first_version(table: pg_sys::Relation, row: Tid) -> Option<Tid> {
    // SAFETY: as the caller says; the page is pinned meanwhile.
    unsafe {
        let buffer = pg_sys::ReadBuffer(table, row.block());
        let first = FirstVersions::new().of(buffer, row);
        pg_sys::ReleaseBuffer(buffer);
        first
    }
}

/// Brings a block into shared buffers.
///
/// # Safety
/// The relation is open, and has the block.
pub unsafe fn read_block(relation: pg_sys::Relation, block: u32) {
    // SAFETY: as the caller says.
    unsafe { pg_sys::ReleaseBuffer(pg_sys::ReadBuffer(relation, block)) }
}
