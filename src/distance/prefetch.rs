//! Prefetch: bytes that are asked for before they are needed.

#![allow(unsafe_code, reason = "software prefetch")]

/// Asks for bytes to be brought into the cache, where the CPU can be asked.
#[inline]
pub fn prefetch(bytes: &[u8]) {
    prefetch_at(bytes.as_ptr(), bytes.len());
}

/// Bytes of a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE_BYTES: usize = 64;

/// Asks for `len` bytes at an address, valid or not.
#[inline]
pub fn prefetch_at(address: *const u8, len: usize) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..len + address.addr() % LINE_BYTES).step_by(LINE_BYTES) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = address
            .wrapping_sub(address.addr() % LINE_BYTES)
            .wrapping_add(at);
        // SAFETY: a prefetch reads nothing and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (address, len);
}
