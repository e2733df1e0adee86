//! Text and binary form of sparse vectors.

use std::collections::{BTreeMap, BTreeSet};

use vector_ext::vector::sparse::{text, wire};
use vector_ext::vector::{Invalid, MAX_ELEMENTS, MAX_SPARSE_DIMS, SparseVector, Type};

use super::memory::{bound, within};
use super::{Target, plain};

const OF: Type = Type::Sparsevec;

/// The targets of sparse vectors.
pub fn targets() -> [Target; 2] {
    [
        Target::new(format!("{OF}_text"), any_text),
        Target::new(format!("{OF}_wire"), any_bytes),
    ]
}

fn bits(vector: &SparseVector) -> (u32, &[u32], Vec<u32>) {
    let values = vector.values.iter().map(|x| x.to_bits()).collect();
    (vector.dims, &vector.indices, values)
}

fn same(found: &Result<SparseVector, Invalid>, expected: &SparseVector) {
    assert_eq!(found.as_ref().map(bits), Ok(bits(expected)));
}

fn encoded(vector: &SparseVector) -> Vec<u8> {
    let mut message = vec![0; wire::encoded_len(vector.values.len())];
    wire::encode(vector.as_sparse(), &mut message);
    message
}

/// What reads keeps the rules, and comes back bit for bit from what is written of it.
fn whole(vector: &SparseVector) {
    assert!((1..=MAX_SPARSE_DIMS).contains(&vector.dims));
    assert!(vector.values.len() <= MAX_ELEMENTS && vector.values.len() == vector.indices.len());
    assert!(vector.indices.is_sorted_by(|a, b| a < b));
    assert!(vector.indices.last().is_none_or(|last| *last < vector.dims));
    assert!(vector.values.iter().all(|x| x.is_finite() && *x != 0.0));
    let literal = text::format(vector.as_sparse());
    assert!(literal.is_ascii());
    same(&text::parse(&literal, None), vector);
    let dims = vector.dims as usize;
    same(&text::parse(&literal, Some(dims)), vector);
    let mut message = encoded(vector);
    same(&wire::decode(&message, Some(dims)), vector);
    let expected = dims + 1;
    let unexpected = Err(Invalid::UnexpectedDims { expected, dims });
    assert_eq!(text::parse(&literal, Some(expected)), unexpected);
    assert_eq!(wire::decode(&message, Some(expected)), unexpected);
    message.pop();
    assert_eq!(wire::decode(&message, None), Err(Invalid::Truncated));
}

fn any_text(data: &[u8]) {
    let parsed = within(bound(data.len()), || text::parse(data, None));
    match &parsed {
        Ok(vector) => whole(vector),
        Err(invalid) => refused(invalid, data),
    }
    if let Some(expected) = std::str::from_utf8(data).ok().and_then(read_plainly) {
        same(&parsed, &expected);
    }
}

/// An error is about this text.
fn refused(invalid: &Invalid, data: &[u8]) {
    let shown = String::from_utf8_lossy(data);
    let about = if let Invalid::Syntax { of, text, .. } = invalid {
        *of == OF && *text == shown
    } else if let Invalid::OutOfRange { of, token } = invalid {
        *of == OF && !token.is_empty() && shown.contains(token.as_str())
    } else {
        [
            Invalid::NotANumber(OF),
            Invalid::Infinite(OF),
            Invalid::NoDims(OF),
            Invalid::TooManyDims(OF),
            Invalid::TooManyElements,
            Invalid::IndexOutOfBounds,
            Invalid::IndexTwice,
        ]
        .contains(invalid)
    };
    assert!(about, "{invalid:?} of {shown:?}");
}

/// What the standard library reads from a plain literal without fault. An index may be written twice
/// where at most one of its values is not zero.
fn read_plainly(literal: &str) -> Option<SparseVector> {
    let (inner, dims) = literal.strip_prefix('{')?.split_once("}/")?;
    let dims: u32 = dims.parse().ok()?;
    let mut elements = BTreeMap::new();
    let pairs = plain::split(inner);
    let pairs = if inner.is_empty() { Vec::new() } else { pairs };
    if pairs.len() > MAX_ELEMENTS || !(1..=MAX_SPARSE_DIMS).contains(&dims) {
        return None;
    }
    for pair in pairs {
        let (index, token) = pair.split_once(':')?;
        let (index, value): (i64, f32) = (index.parse().ok()?, plain::number(token)?);
        if value == 0.0 && plain::is_zero(token) {
            continue;
        }
        let index = u32::try_from(index.checked_sub(1)?).ok()?;
        if index >= dims {
            return None;
        }
        if !value.is_finite() || value == 0.0 || elements.insert(index, value).is_some() {
            return None;
        }
    }
    let (indices, values) = elements.into_iter().unzip();
    Some(SparseVector {
        dims,
        indices,
        values,
    })
}

/// As a message, and as the elements of one.
fn any_bytes(data: &[u8]) {
    match within(bound(data.len()), || wire::decode(data, None)) {
        Ok(vector) => {
            assert!(data.starts_with(&encoded(&vector)), "{data:?}");
            whole(&vector);
        }
        Err(invalid) => {
            let known = [
                Invalid::NoDims(OF),
                Invalid::TooManyDims(OF),
                Invalid::NegativeElements,
                Invalid::TooManyElements,
                Invalid::MoreElementsThanDims,
                Invalid::IndexOutOfBounds,
                Invalid::IndicesDescend,
                Invalid::IndexTwice,
                Invalid::NotANumber(OF),
                Invalid::Infinite(OF),
                Invalid::ZeroElement,
                Invalid::Truncated,
            ];
            let unused = matches!(invalid, Invalid::Unused(other) if other != 0);
            assert!(
                unused || known.contains(&invalid),
                "{invalid:?} of {data:?}"
            );
        }
    }
    if let Some(vector) = from_pairs(data) {
        whole(&vector);
    }
}

/// A vector of what bytes say, as far as they may be said.
fn from_pairs(data: &[u8]) -> Option<SparseVector> {
    let (words, _) = data.as_chunks::<4>();
    let (dims, rest) = words.split_first()?;
    let dims = u32::from_be_bytes(*dims).clamp(1, MAX_SPARSE_DIMS);
    let (pairs, _) = rest.as_chunks::<2>();
    let index = |[index, _]: &[[u8; 4]; 2]| u32::from_be_bytes(*index) % dims;
    let indices: BTreeSet<u32> = pairs.iter().take(MAX_ELEMENTS).map(index).collect();
    let values = pairs.iter().map(|[_, value]| f32::from_be_bytes(*value));
    let values = values.filter(|x| x.is_finite() && *x != 0.0);
    let (indices, values) = indices.into_iter().zip(values).unzip();
    Some(SparseVector {
        dims,
        indices,
        values,
    })
}
