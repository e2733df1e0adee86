//! Binary form of sparse vectors: `int32 dims | int32 elements | int32 0 | int32 index * elements | float32 *
//! elements`, all in network byte order, indices from 0.

use super::super::{Invalid, Type, check_declared, check_finite};
use super::{MAX_ELEMENTS, Sparse, SparseVector, check_index, check_sparse_dims};

const SPARSE_HEADER_BYTES: usize = 12;

/// Bytes of an index with its value.
const PAIR_BYTES: usize = 8;

/// Bytes that [`encode`] writes for so many elements.
#[must_use]
pub fn encoded_len(elements: usize) -> usize {
    SPARSE_HEADER_BYTES + elements * PAIR_BYTES
}

/// Writes the binary form; `out` has [`encoded_len`] bytes.
pub fn encode(vector: Sparse<'_>, out: &mut [u8]) {
    let count = u32::try_from(vector.values.len()).unwrap_or(u32::MAX);
    let words = [vector.dims, count, 0].into_iter();
    let indices = vector.indices.iter().copied();
    let values = vector.values.iter().map(|x| x.to_bits());
    let all = words.chain(indices).chain(values);
    for (bytes, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(all) {
        *bytes = word.to_be_bytes();
    }
}

/// Reads the binary form from the start of `bytes`; what follows the [`encoded_len`] bytes is the
/// caller's affair. `declared` is the column's number of dimensions.
///
/// # Errors
/// The first fault in the order of the bytes, but the counts are checked against each other first.
pub fn decode(bytes: &[u8], declared: Option<usize>) -> Result<SparseVector, Invalid> {
    let mut words = bytes.as_chunks::<4>().0.iter();
    let mut word = || words.next().ok_or(Invalid::Truncated);
    let (dims, count) = (i32::from_be_bytes(*word()?), i32::from_be_bytes(*word()?));
    let unused = i32::from_be_bytes(*word()?);
    let dims = check_sparse_dims(dims)?;
    let count = usize::try_from(count).map_err(|_| Invalid::NegativeElements)?;
    if count > MAX_ELEMENTS {
        return Err(Invalid::TooManyElements);
    }
    if count > dims as usize {
        return Err(Invalid::MoreElementsThanDims);
    }
    check_declared(declared, dims as usize)?;
    if unused != 0 {
        return Err(Invalid::Unused(unused));
    }
    let mut vector = SparseVector::zero(dims);
    let mut before = None;
    for _ in 0..count {
        let index = i32::from_be_bytes(*word()?);
        vector.indices.push(check_index(before, index, dims)?);
        before = Some(index);
    }
    for _ in 0..count {
        let value = f32::from_be_bytes(*word()?);
        check_finite(Type::Sparsevec, value)?;
        if value == 0.0 {
            return Err(Invalid::ZeroElement);
        }
        vector.values.push(value);
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn bytes_are_those_of_the_contract() {
        let vector = SparseVector {
            dims: 5,
            indices: vec![0, 2],
            values: vec![1.0, -2.5],
        };
        let mut out = vec![0xAA; encoded_len(2)];
        encode(vector.as_sparse(), &mut out);
        assert_eq!(out, words(&[5, 2, 0, 0, 2, 0x3f80_0000, 0xc020_0000]));
        assert_eq!(decode(&out, Some(5)).unwrap(), vector);
        for len in 0..out.len() {
            assert_eq!(decode(&out[..len], None), Err(Invalid::Truncated), "{len}");
        }
    }

    #[test]
    fn header_indices_and_values_are_checked() {
        let of = Type::Sparsevec;
        let (one, minus) = (0x3f80_0000, u32::MAX);
        let (expected, dims) = (4, 5);
        for (message, invalid) in [
            (&[0, 0, 0][..], Invalid::NoDims(of)),
            (&[minus, 0, 0], Invalid::NoDims(of)),
            (&[1_000_000_001, 0, 0], Invalid::TooManyDims(of)),
            (&[4, minus, 0], Invalid::NegativeElements),
            (&[4, 5, 0], Invalid::MoreElementsThanDims),
            (&[99_999, 16_001, 0], Invalid::TooManyElements),
            (&[5, 1, 7], Invalid::UnexpectedDims { expected, dims }),
            (&[4, 1, 7], Invalid::Unused(7)),
            (&[4, 1, 0, 4], Invalid::IndexOutOfBounds),
            (&[4, 1, 0, minus], Invalid::IndexOutOfBounds),
            (&[4, 2, 0, 1, 1], Invalid::IndexTwice),
            (&[4, 2, 0, 2, 1], Invalid::IndicesDescend),
            (&[4, 1, 0, 1, 0], Invalid::ZeroElement),
            (&[4, 1, 0, 1, 0x8000_0000], Invalid::ZeroElement),
            (&[4, 1, 0, 1, 0x7fc0_0000], Invalid::NotANumber(of)),
            (&[4, 2, 0, 1, 2, one, 0xff80_0000], Invalid::Infinite(of)),
        ] {
            assert_eq!(
                decode(&words(message), Some(4)),
                Err(invalid),
                "{message:x?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_was_read_is_written_as_it_was_and_no_bytes_panic(
            head in (1_u32..40, 0_u32..4), rest in prop::collection::vec(0_u32..50, 0..9),
            noise in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let _ = decode(&noise, None);
            let mut all = vec![head.0, head.1, 0];
            all.extend(rest);
            let bytes = words(&all);
            if let Ok(vector) = decode(&bytes, None) {
                let len = encoded_len(vector.values.len());
                let mut out = vec![0; len];
                encode(vector.as_sparse(), &mut out);
                prop_assert_eq!(&out[..], &bytes[..len]);
            }
        }
    }
}
