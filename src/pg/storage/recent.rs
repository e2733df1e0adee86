//! Recent buffers: where blocks were in shared buffers. Looking a block up there costs several cache misses one
//! after another; a block that the backend has found before costs one.

use std::cell::Cell;

use pgrx::pg_sys;

use super::calls;

/// Blocks that are remembered at most: 512 kB a backend and relation.
const MOST_BLOCKS: usize = 1 << 16;

#[derive(Clone, Copy, Default)]
struct RecentEntry {
    block: u32,
    /// 0 for nowhere.
    buffer: pg_sys::Buffer,
}

/// The buffers of a relation's blocks, as far as they were met. An entry may be out of date: a reader of a
/// buffer makes sure that it still holds the block.
pub struct Recent(Vec<Cell<RecentEntry>>);

impl Recent {
    /// Remembers blocks of a relation that has so many.
    pub fn new(blocks: u32) -> Self {
        let entries = (blocks as usize).next_power_of_two().min(MOST_BLOCKS);
        Self(vec![Cell::default(); entries])
    }

    #[inline]
    fn entry(&self, block: u32) -> Option<&Cell<RecentEntry>> {
        self.0.get(block as usize & self.0.len().wrapping_sub(1))
    }

    /// Where a block was, or 0.
    #[inline]
    pub fn get(&self, block: u32) -> pg_sys::Buffer {
        let known = self.entry(block).map(Cell::get);
        known
            .filter(|entry| entry.block == block)
            .map_or(0, |entry| entry.buffer)
    }

    /// Remembers where a block is.
    #[inline]
    pub fn set(&self, block: u32, buffer: pg_sys::Buffer) {
        if let Some(entry) = self.entry(block) {
            entry.set(RecentEntry { block, buffer });
        }
    }

    /// Gives the address of a block's bytes, or null, and prefetches its pin and lock. A block that is in no
    /// known buffer is looked up, or begins to be read.
    ///
    /// # Safety
    /// The relation is open and has this block.
    #[inline]
    pub unsafe fn announce(&self, relation: pg_sys::Relation, block: u32) -> *const u8 {
        let mut buffer = self.get(block);
        if buffer == 0 {
            // SAFETY: as the caller says.
            buffer = unsafe { look_up(relation, block) };
            self.set(block, buffer);
        }
        address(buffer)
    }
}

/// The buffer of a block, or 0; then it begins to be read, where the system can do that.
unsafe fn look_up(relation: pg_sys::Relation, block: u32) -> pg_sys::Buffer {
    let main = pg_sys::ForkNumber::MAIN_FORKNUM;
    // SAFETY: the caller says that the relation is open and has this block.
    unsafe { pg_sys::PrefetchBuffer(relation, main, block) }.recent_buffer
}

/// Where a buffer's bytes are, or null for none; asks for what its lock needs.
fn address(buffer: pg_sys::Buffer) -> *const u8 {
    if buffer == 0 {
        return std::ptr::null();
    }
    calls::prefetch_descriptor(buffer);
    // SAFETY: an address is computed, of a buffer that exists; it is not read.
    unsafe { pg_sys::BufferGetBlock(buffer).cast::<u8>().cast_const() }
}

/// Gives the address of a block's bytes, or null, and prefetches its pin and lock. A block that is in no shared
/// buffer begins to be read.
///
/// # Safety
/// The relation is open and has this block.
pub unsafe fn block_address(relation: pg_sys::Relation, block: u32) -> *const u8 {
    // SAFETY: as the caller says.
    address(unsafe { look_up(relation, block) }.max(0))
}
