//! How much memory a call takes at most.

#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts the bytes of each thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Bytes in use, and the most of them so far.
    static BYTES: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn count(more: usize, less: usize) {
    // A thread that ends frees after its counters are gone.
    let _ = BYTES.try_with(|bytes| {
        let (now, most) = bytes.get();
        let now = now.wrapping_add_unsigned(more).wrapping_sub_unsigned(less);
        bytes.set((now, most.max(now)));
    });
}

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: what the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: what the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: what the caller promises.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: what the caller promises.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Runs `f`, which may take so many bytes of memory at once.
#[track_caller]
pub fn within<T>(limit: usize, f: impl FnOnce() -> T) -> T {
    let before = BYTES.with(|bytes| {
        let (now, _) = bytes.get();
        bytes.set((now, now));
        now
    });
    let result = f();
    let taken = BYTES.with(|bytes| bytes.get().1 - before);
    let limit = isize::try_from(limit).expect("a limit");
    assert!(taken <= limit, "{taken} bytes taken, {limit} at most");
    result
}

/// What reading `input` bytes may take: each turned into several, buffers that grow by doubling, and a
/// message.
pub fn bound(input: usize) -> usize {
    16 * input + 1024
}
