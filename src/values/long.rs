//! Long values: those of which an index may have the first bytes in one place and the rest in others.
//!
//! ```text
//! 0 bytes u32 | 4 where its rest is u32, NONE in a value that is whole | 8 elements
//! ```

use crate::page::{field, set_field};

/// Bytes of a value before its elements: how long it is, and where its rest is.
pub const VALUE_HEADER: usize = 8;

/// Nowhere.
const NONE: u32 = u32::MAX;

const REST_AT: usize = 4;

/// How long a value is, by its first bytes.
#[must_use]
pub fn extent(own: &[u8]) -> usize {
    let bytes = u32::from_ne_bytes(field(own, 0));
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Starts a value that is whole: `own` has room for all of it.
pub fn write_header(own: &mut [u8]) {
    let bytes = u32::try_from(own.len()).unwrap_or(u32::MAX);
    set_field(own, 0, bytes.to_ne_bytes());
    set_rest(own, NONE);
}

/// Where the rest of a value is.
#[must_use]
pub fn rest(own: &[u8]) -> u32 {
    u32::from_ne_bytes(field(own, REST_AT))
}

/// Says where the rest of a value is.
pub fn set_rest(own: &mut [u8], first: u32) {
    set_field(own, REST_AT, first.to_ne_bytes());
}
