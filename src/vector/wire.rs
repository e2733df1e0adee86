//! Binary form of dense vectors: `int16 dims | int16 0 | element * dims`, all in network byte order.

use super::{Element, Invalid, check_declared, check_dims, check_element};

const DENSE_WIRE_HEADER_BYTES: usize = 4;

/// Bytes that [`encode`] writes for `dims` elements.
#[must_use]
pub fn encoded_len<E: Element>(dims: usize) -> usize {
    DENSE_WIRE_HEADER_BYTES + dims * E::BYTES
}

/// Writes the binary form; `out` has [`encoded_len`] bytes.
pub fn encode<E: Element>(elements: &[E], out: &mut [u8]) {
    let Some((header, body)) = out.split_first_chunk_mut::<DENSE_WIRE_HEADER_BYTES>() else {
        return;
    };
    let [high, low] = u16::try_from(elements.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    *header = [high, low, 0, 0];
    for (bytes, element) in body.chunks_exact_mut(E::BYTES).zip(elements) {
        element.to_network(bytes);
    }
}

/// Reads the binary form from the start of `bytes` and returns the elements; what follows the
/// [`encoded_len`] bytes is the caller's affair. `declared` is the column's number of dimensions.
///
/// # Errors
/// What [`check_dims`], [`check_declared`] and [`check_element`] refuse, in that order;
/// [`Invalid::Unused`]; [`Invalid::Truncated`].
pub fn decode<E: Element>(bytes: &[u8], declared: Option<usize>) -> Result<Vec<E>, Invalid> {
    let (header, body) = bytes
        .split_first_chunk::<DENSE_WIRE_HEADER_BYTES>()
        .ok_or(Invalid::Truncated)?;
    let [d0, d1, u0, u1] = *header;
    let dims = usize::from(u16::from_be_bytes([d0, d1]));
    check_dims(E::TYPE, dims)?;
    check_declared(declared, dims)?;
    match i16::from_be_bytes([u0, u1]) {
        0 => {}
        unused => return Err(Invalid::Unused(unused.into())),
    }
    // No more than came: a header alone may say the most dimensions.
    let mut elements = Vec::with_capacity(dims.min(body.len() / E::BYTES));
    for bytes in body.chunks_exact(E::BYTES).take(dims) {
        let element = E::from_network(bytes);
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
    use super::super::{Type, f16};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_are_those_of_the_contract() {
        let mut out = vec![0xAA; encoded_len::<f32>(2)];
        encode(&[1.0_f32, -2.5], &mut out);
        assert_eq!(out, [0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0]);
        assert_eq!(decode::<f32>(&out, None).unwrap(), [1.0, -2.5]);
        let halves = [1.0, -2.5].map(f16::from_f32);
        let mut out = vec![0xAA; encoded_len::<f16>(2)];
        encode(&halves, &mut out);
        assert_eq!(out, [0, 2, 0, 0, 0x3c, 0, 0xc1, 0]);
        assert_eq!(decode::<f16>(&out, None).unwrap(), halves);
        let mut out = vec![0xAA; encoded_len::<i8>(3)];
        encode(&[1_i8, -2, -128], &mut out);
        assert_eq!(out, [0, 3, 0, 0, 1, 0xFE, 0x80]);
        assert_eq!(decode::<i8>(&out, None).unwrap(), [1, -2, -128]);
    }

    fn every_prefix_is_truncated<E: Element>() {
        let mut out = vec![0; encoded_len::<E>(3)];
        encode(&[1.0, 2.0, 3.0].map(E::narrow), &mut out);
        for len in 0..out.len() {
            let found = decode::<E>(&out[..len], None);
            assert_eq!(found, Err(Invalid::Truncated), "{len} bytes");
        }
        assert_eq!(
            decode::<E>(&out, Some(2)),
            Err(Invalid::UnexpectedDims {
                expected: 2,
                dims: 3
            })
        );
    }

    #[test]
    fn every_prefix_is_truncated_and_never_a_panic() {
        every_prefix_is_truncated::<f32>();
        every_prefix_is_truncated::<f16>();
        every_prefix_is_truncated::<i8>();
    }

    #[test]
    fn header_and_elements_are_checked() {
        let (vector, half) = (Type::Vector, Type::Halfvec);
        let float = |bytes: &[u8]| decode::<f32>(bytes, None).unwrap_err();
        assert_eq!(float(&[0, 0, 0, 0]), Invalid::NoDims(vector));
        assert_eq!(float(&[0x80, 0, 0, 0]), Invalid::TooManyDims(vector));
        assert_eq!(float(&[0, 1, 0, 7]), Invalid::Unused(7));
        let nan = [0, 1, 0, 0, 0x7f, 0xc0, 0, 0];
        assert_eq!(float(&nan), Invalid::NotANumber(vector));
        let infinite = [0, 1, 0, 0, 0xff, 0x80, 0, 0];
        assert_eq!(float(&infinite), Invalid::Infinite(vector));
        let halves = |bytes: &[u8]| decode::<f16>(bytes, None).unwrap_err();
        let nan = [0, 1, 0, 0, 0x7e, 0];
        assert_eq!(halves(&nan), Invalid::NotANumber(half));
        let infinite = [0, 1, 0, 0, 0xfc, 0];
        assert_eq!(halves(&infinite), Invalid::Infinite(half));
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back_and_no_bytes_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            if let Ok(elements) = decode::<f16>(&bytes, None) {
                let len = encoded_len::<f16>(elements.len());
                let mut out = vec![0; len];
                encode(&elements, &mut out);
                prop_assert_eq!(&out[..], &bytes[..len]);
            }
            if let Ok(elements) = decode::<i8>(&bytes, None) {
                let len = encoded_len::<i8>(elements.len());
                let mut out = vec![0; len];
                encode(&elements, &mut out);
                prop_assert_eq!(&out[..], &bytes[..len]);
            }
            if let Ok(elements) = decode::<f32>(&bytes, None) {
                let len = encoded_len::<f32>(elements.len());
                let mut out = vec![0; len];
                encode(&elements, &mut out);
                prop_assert_eq!(&out[..], &bytes[..len]);
            }
        }
    }
}
