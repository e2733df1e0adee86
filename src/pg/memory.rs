//! Memory in reserve: a failed allocation is an error of the statement, and not the end of the process.
//!
//! Rust ends the process where an allocation fails that nobody asked for politely, and a process that
//! ends takes the server's sessions with it. What grows with rows asks politely (`try_reserve`) and gives
//! an [error](crate::index::Error::Memory). For all the rest, mostly a few bytes at a time, each process keeps
//! [`KEPT_BYTES`] bytes of address space that nothing uses. Where an allocation of at most [`MOST_FROM_RESERVE`]
//! bytes fails, they are given back to the system, and the allocation is tried again. From then on the
//! process [is short](is_short): whoever polls for interrupts takes the bytes back, or raises an error. Until then what
//! is larger gets nothing, lest it take what was kept for the rest.
//!
//! All threads share one arena of the system's allocator. One arena for each thread would take 64 MB of address
//! space; where that is not to be had, it would take a page for each small allocation of the thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Bytes that are kept: enough for what happens between two polls.
const KEPT_BYTES: usize = 4 << 20;

/// Larger allocations get nothing of the reserve: code that needs so much must ask with `try_reserve`.
const MOST_FROM_RESERVE: usize = 1 << 20;

/// Where the kept bytes are, or null.
static RESERVE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// Whether the kept bytes were needed and are not back.
static SHORT: AtomicBool = AtomicBool::new(false);

/// The system's allocator, with something in reserve.
struct Reserved;

#[global_allocator]
static ALLOCATOR: Reserved = Reserved;

/// Maps the bytes that are kept; false where there are none.
fn map() -> bool {
    let (read_write, private) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new map that nothing else refers to. Nobody writes to it, so it takes no memory, but where
    // the system promises no more than it has.
    let map = unsafe { libc::mmap(ptr::null_mut(), KEPT_BYTES, read_write, private, -1, 0) };
    if map == libc::MAP_FAILED {
        return false;
    }
    unmap(RESERVE.swap(map.cast(), Ordering::AcqRel));
    true
}

/// Gives kept bytes back to the system, if there are any.
fn unmap(kept: *mut u8) {
    if !kept.is_null() {
        // SAFETY: what `map` has made, taken out of the static, so nobody else has it.
        unsafe { libc::munmap(kept.cast(), KEPT_BYTES) };
    }
}

/// Keeps bytes in reserve, once a process.
pub fn keep() {
    #[cfg(target_env = "gnu")]
    // SAFETY: at load time, before there are other threads. Where it is refused, threads have arenas.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
    if RESERVE.load(Ordering::Acquire).is_null() {
        SHORT.store(!map(), Ordering::Release);
    }
}

/// Whether memory is short: the reserve was needed.
#[inline]
pub fn is_short() -> bool {
    SHORT.load(Ordering::Relaxed)
}

/// Takes the reserve back where it was needed; false where there is no memory for it.
#[cold]
pub fn recover() -> bool {
    let recovered = map();
    SHORT.store(!recovered, Ordering::Release);
    recovered
}

/// Makes room for an allocation that has failed; false where it is too large to be tried again. Where
/// there is nothing in reserve, another thread may just have made room.
#[cold]
fn make_room(bytes: usize) -> bool {
    if bytes > MOST_FROM_RESERVE {
        return false;
    }
    SHORT.store(true, Ordering::Release);
    unmap(RESERVE.swap(ptr::null_mut(), Ordering::AcqRel));
    true
}

/// Whether an allocation of this size would take bytes that are kept for smaller ones.
#[inline]
fn is_refused(bytes: usize) -> bool {
    bytes > MOST_FROM_RESERVE && is_short()
}

// SAFETY: each call is the system's, once or, where that gave nothing, once more; or none, which gives nothing.
unsafe impl GlobalAlloc for Reserved {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: as the caller says.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() && make_room(layout.size()) {
            // SAFETY: as the caller says.
            return unsafe { System.alloc(layout) };
        }
        memory
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: as the caller says.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if memory.is_null() && make_room(layout.size()) {
            // SAFETY: as the caller says.
            return unsafe { System.alloc_zeroed(layout) };
        }
        memory
    }

    #[inline]
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > layout.size() && is_refused(size) {
            return ptr::null_mut();
        }
        // SAFETY: as the caller says. Where it gives nothing, `old` is as it was.
        let memory = unsafe { System.realloc(old, layout, size) };
        if memory.is_null() && make_room(size) {
            // SAFETY: as the caller says.
            return unsafe { System.realloc(old, layout, size) };
        }
        memory
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller says.
        unsafe { System.dealloc(memory, layout) };
    }
}
