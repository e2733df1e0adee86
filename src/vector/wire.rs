//! The binary form: `int16 dims | int16 0 | float32 * dims`, all in network byte order.

use super::{Invalid, check_declared, check_dims, check_element};

const HEADER: usize = 4;

/// Bytes that [`encode`] writes for `dims` elements.
#[must_use]
pub fn encoded_len(dims: usize) -> usize {
    HEADER + dims * size_of::<f32>()
}

/// Writes the binary form; `out` has [`encoded_len`] bytes.
pub fn encode(elements: &[f32], out: &mut [u8]) {
    let Some((header, body)) = out.split_first_chunk_mut::<HEADER>() else {
        return;
    };
    let [high, low] = u16::try_from(elements.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    *header = [high, low, 0, 0];
    for (bytes, element) in body.as_chunks_mut::<4>().0.iter_mut().zip(elements) {
        *bytes = element.to_be_bytes();
    }
}

/// Reads the binary form from the start of `bytes` and returns the elements; what follows the
/// [`encoded_len`] bytes is the caller's affair. `declared` is the column's number of dimensions.
///
/// # Errors
/// What [`check_dims`], [`check_declared`] and [`check_element`] refuse, in that order;
/// [`Invalid::Unused`]; [`Invalid::Truncated`].
pub fn decode(bytes: &[u8], declared: Option<usize>) -> Result<Vec<f32>, Invalid> {
    let (header, body) = bytes
        .split_first_chunk::<HEADER>()
        .ok_or(Invalid::Truncated)?;
    let [d0, d1, u0, u1] = *header;
    let dims = usize::from(u16::from_be_bytes([d0, d1]));
    check_dims(dims)?;
    check_declared(declared, dims)?;
    match i16::from_be_bytes([u0, u1]) {
        0 => {}
        unused => return Err(Invalid::Unused(unused)),
    }
    let (body, _) = body.as_chunks::<4>();
    let mut elements = Vec::with_capacity(dims);
    for bytes in body.iter().take(dims) {
        let element = f32::from_be_bytes(*bytes);
        check_element(element)?;
        elements.push(element);
    }
    if elements.len() == dims {
        Ok(elements)
    } else {
        Err(Invalid::Truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_contract() {
        let mut out = vec![0xAA; encoded_len(2)];
        encode(&[1.0, -2.5], &mut out);
        assert_eq!(out, [0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0]);
        assert_eq!(decode(&out, None).unwrap(), [1.0, -2.5]);
    }

    #[test]
    fn every_prefix_is_truncated_and_never_a_panic() {
        let mut out = vec![0; encoded_len(3)];
        encode(&[1.0, 2.0, 3.0], &mut out);
        for len in 0..out.len() {
            assert_eq!(
                decode(&out[..len], None),
                Err(Invalid::Truncated),
                "{len} bytes"
            );
        }
        assert_eq!(
            decode(&out, Some(2)),
            Err(Invalid::UnexpectedDims {
                expected: 2,
                dims: 3
            })
        );
    }

    #[test]
    fn header_and_elements_are_checked() {
        assert_eq!(decode(&[0, 0, 0, 0], None), Err(Invalid::NoDims));
        assert_eq!(decode(&[0x80, 0, 0, 0], None), Err(Invalid::TooManyDims));
        assert_eq!(decode(&[0, 1, 0, 7], None), Err(Invalid::Unused(7)));
        assert_eq!(
            decode(&[0, 1, 0, 0, 0x7f, 0xc0, 0, 0], None),
            Err(Invalid::NotANumber)
        );
        assert_eq!(
            decode(&[0, 1, 0, 0, 0xff, 0x80, 0, 0], None),
            Err(Invalid::Infinite)
        );
    }
}
