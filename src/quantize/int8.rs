//! Int8: bytes as signed numbers, and their products, for building.

#![allow(unsafe_code, reason = "bytes as signed bytes")]

use crate::distance::int8::kernels;

/// Bytes as the int8 numbers that they are.
#[must_use]
pub fn as_signed(bytes: &[u8]) -> &[i8] {
    // SAFETY: u8 and i8 have one size, one alignment, and no byte that is invalid.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

/// The inner product of two vectors of int8, exact. Of different lengths, that of the part that
/// both have.
#[must_use]
#[inline]
pub fn inner_product(a: &[i8], b: &[i8]) -> i32 {
    let shared = a.len().min(b.len());
    (kernels().inner_product)(&a[..shared], &b[..shared])
}
