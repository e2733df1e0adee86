//! Calls of the buffer manager that a search makes once a page. The guard that turns their errors into panics costs
//! more than they do, so several calls share one, and a call that cannot fail has none.

use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;

use crate::distance::prefetch_at;

/// `RelFileLocator`, or `RelFileNode` before PostgreSQL 16: tablespace, database, relation.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Locator([u32; 3]);

impl Locator {
    /// Where a relation's files are.
    ///
    /// # Safety
    /// The relation is open.
    pub unsafe fn of(relation: pg_sys::Relation) -> Self {
        // SAFETY: the caller vouches for the relation.
        unsafe {
            #[cfg(feature = "pg15")]
            let (space, database, number) = {
                let at = (*relation).rd_node;
                (at.spcNode, at.dbNode, at.relNode)
            };
            #[cfg(not(feature = "pg15"))]
            let (space, database, number) = {
                let at = (*relation).rd_locator;
                (at.spcOid, at.dbOid, at.relNumber)
            };
            Self([space.to_u32(), database.to_u32(), number.to_u32()])
        }
    }
}

/// What the server knows of a shared buffer: `BufferDescPadded` in `src/include/storage/buf_internals.h`.
#[repr(C, align(64))]
pub struct Descriptor {
    /// Tablespace, database, relation, fork, and block.
    tag: [u32; 5],
}

mod raw {
    use super::{Descriptor, Locator, pg_sys};

    unsafe extern "C-unwind" {
        pub fn ReadRecentBuffer(at: Locator, fork: i32, block: u32, recent: i32) -> bool;
        pub fn ReadBuffer(relation: pg_sys::Relation, block: u32) -> i32;
        pub fn LockBuffer(buffer: i32, mode: i32);
        pub fn UnlockReleaseBuffer(buffer: i32);
        pub static BufferDescriptors: *const Descriptor;
    }
}

/// How a buffer is locked.
#[derive(Clone, Copy)]
pub enum Lock {
    /// To read it.
    Shared = pg_sys::BUFFER_LOCK_SHARE as isize,
    /// To change it.
    Exclusive = pg_sys::BUFFER_LOCK_EXCLUSIVE as isize,
}

/// Pins a block's buffer and locks it. `recent` is where it was at the last time, or 0. Gives
/// the buffer, and whether it still was there.
///
/// # Safety
/// The relation is open and `at` is its place; the caller holds no lock on this buffer.
#[inline]
pub unsafe fn read_locked(
    relation: pg_sys::Relation,
    at: Locator,
    block: u32,
    recent: pg_sys::Buffer,
    lock: Lock,
) -> (pg_sys::Buffer, bool) {
    // SAFETY: nothing in the closure needs to be dropped when an error jumps over it.
    unsafe {
        pg_guard_ffi_boundary(|| {
            let found = recent != 0
                && raw::ReadRecentBuffer(at, pg_sys::ForkNumber::MAIN_FORKNUM, block, recent);
            let buffer = if found {
                recent
            } else {
                raw::ReadBuffer(relation, block)
            };
            raw::LockBuffer(buffer, lock as i32);
            (buffer, found)
        })
    }
}

/// Asks for the cache line of a shared buffer's pin and lock.
#[inline]
pub fn prefetch_descriptor(buffer: pg_sys::Buffer) {
    if buffer > 0 {
        // SAFETY: the server sets the pointer at its start; an address is computed and not read.
        let descriptor = unsafe { raw::BufferDescriptors }.wrapping_add(buffer as usize - 1);
        prefetch_at(descriptor.cast(), 64);
    }
}

/// Whether a buffer holds a block, as its descriptor says to whoever looks without a lock: another block may come into
/// it at the same moment. A buffer of this backend's own is taken to hold it.
#[inline]
pub fn seems_to_hold(buffer: pg_sys::Buffer, at: Locator, block: u32) -> bool {
    if buffer <= 0 {
        return true;
    }
    let Locator([space, database, relation]) = at;
    let main = pg_sys::ForkNumber::MAIN_FORKNUM as u32;
    // SAFETY: the server's array has a descriptor for each buffer number that the buffer manager gave; words of four
    // bytes are read as they are at one moment.
    let tag = unsafe {
        let descriptor = raw::BufferDescriptors.add(buffer as usize - 1);
        (&raw const (*descriptor).tag).read_volatile()
    };
    tag == [space, database, relation, main, block]
}

/// Unlocks a buffer and lets it go.
///
/// # Safety
/// The caller has it pinned and locked, once.
#[inline]
pub unsafe fn release(buffer: pg_sys::Buffer) {
    // SAFETY: for a buffer that is held this raises nothing, so it needs no guard.
    unsafe { raw::UnlockReleaseBuffer(buffer) };
}

/// Counts a page that was read by its recent buffer, as `ReadBuffer` counts the others.
///
/// # Safety
/// The relation is open.
#[inline]
pub unsafe fn count_hit(relation: pg_sys::Relation) {
    // SAFETY: the caller vouches for the relation, and its statistics are null or this backend's.
    unsafe {
        let statistics = (*relation).pgstat_info;
        if statistics.is_null() {
            return;
        }
        #[cfg(feature = "pg15")]
        {
            (*statistics).t_counts.t_blocks_fetched += 1;
            (*statistics).t_counts.t_blocks_hit += 1;
        }
        #[cfg(not(feature = "pg15"))]
        {
            (*statistics).counts.blocks_fetched += 1;
            (*statistics).counts.blocks_hit += 1;
        }
    }
}
