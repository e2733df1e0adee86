//! Fields: numbers in the bytes of a page, which are not trusted to be there.

/// Reads a field, 0 beyond the end.
#[must_use]
pub fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let found = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    found.copied().unwrap_or([0; N])
}

/// Writes a field, nothing beyond the end.
pub fn set_field<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|b| b.first_chunk_mut()) {
        *place = value;
    }
}
