//! Bytes that are asked for before they are needed.

#![allow(unsafe_code, reason = "software prefetch")]

/// Asks for bytes to be brought into the cache, where the CPU can be asked.
#[inline]
pub fn prefetch(bytes: &[u8]) {
    prefetch_at(bytes.as_ptr(), bytes.len());
}

/// The same for `len` bytes at an address, valid or not.
#[inline]
pub fn prefetch_at(address: *const u8, len: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..len).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.wrapping_add(line).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (address, len);
}
