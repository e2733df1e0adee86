//! VALUES: what a vector is, and its text and binary forms. Knows nothing of distances, pages or
//! Postgres.
//!
//! | file | what it holds |
//! |---|---|
//! | `invalid.rs` | every way in which a value can be wrong, with the words users read |
//! | `dense.rs` | the rules of a dense vector, its arithmetic and its order |
//! | `sparse.rs` | a sparse vector where it lies |
//! | `number.rs` | one float32 as text, both ways |
//! | `text.rs` | `[1,2,3]` |
//! | `wire.rs` | the binary form of `COPY ... (FORMAT BINARY)` and of binary parameters |

pub mod dense;
mod invalid;
mod number;
mod sparse;
pub mod text;
pub mod wire;

pub use invalid::Invalid;
pub use sparse::{MAX_ELEMENTS, MAX_SPARSE_DIMS, Sparse};

/// The most dimensions a dense vector may have.
pub const MAX_DIMS: usize = 16_000;

/// Checks that a vector of `dims` dimensions may exist.
///
/// # Errors
/// [`Invalid::NoDims`] and [`Invalid::TooManyDims`].
pub fn check_dims(dims: usize) -> Result<(), Invalid> {
    match dims {
        0 => Err(Invalid::NoDims),
        1..=MAX_DIMS => Ok(()),
        _ => Err(Invalid::TooManyDims),
    }
}

/// Checks `dims` against what a column, a cast or an aggregate declared; `None` takes any.
///
/// # Errors
/// [`Invalid::UnexpectedDims`].
pub fn check_declared(declared: Option<usize>, dims: usize) -> Result<(), Invalid> {
    match declared {
        Some(expected) if expected != dims => Err(Invalid::UnexpectedDims { expected, dims }),
        _ => Ok(()),
    }
}

/// Checks that two operands have the same number of dimensions.
///
/// # Errors
/// [`Invalid::DifferentDims`].
pub fn check_same(left: &[f32], right: &[f32]) -> Result<(), Invalid> {
    if left.len() == right.len() {
        Ok(())
    } else {
        Err(Invalid::DifferentDims {
            left: left.len(),
            right: right.len(),
        })
    }
}

/// Checks that `element` may be stored: elements are finite.
///
/// # Errors
/// [`Invalid::NotANumber`] and [`Invalid::Infinite`].
pub fn check_element(element: f32) -> Result<(), Invalid> {
    if element.is_finite() {
        Ok(())
    } else if element.is_nan() {
        Err(Invalid::NotANumber)
    } else {
        Err(Invalid::Infinite)
    }
}

/// [`check_element`] for a whole slice, in one branch-free pass where all is well.
///
/// # Errors
/// As [`check_element`], for the first element that is not finite.
pub fn check_elements(elements: &[f32]) -> Result<(), Invalid> {
    // x * 0 is 0 for finite x and NaN otherwise, so one sum answers for all and vectorises.
    let mut lanes = [0.0_f32; 16];
    let (blocks, rest) = elements.as_chunks::<16>();
    for block in blocks {
        for (lane, element) in lanes.iter_mut().zip(block) {
            *lane += element * 0.0;
        }
    }
    let sum: f32 = lanes.iter().sum::<f32>() + rest.iter().map(|e| e * 0.0).sum::<f32>();
    if sum == 0.0 {
        Ok(())
    } else {
        elements.iter().try_for_each(|e| check_element(*e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dims_have_a_floor_and_a_ceiling() {
        assert_eq!(check_dims(0), Err(Invalid::NoDims));
        assert_eq!(check_dims(1), Ok(()));
        assert_eq!(check_dims(MAX_DIMS), Ok(()));
        assert_eq!(check_dims(MAX_DIMS + 1), Err(Invalid::TooManyDims));
    }

    #[test]
    fn one_bad_element_is_found_at_every_place() {
        for len in 1..40 {
            for at in 0..len {
                let mut elements = vec![f32::MAX; len];
                assert_eq!(check_elements(&elements), Ok(()));
                elements[at] = f32::NAN;
                assert_eq!(check_elements(&elements), Err(Invalid::NotANumber));
                elements[at] = f32::NEG_INFINITY;
                assert_eq!(check_elements(&elements), Err(Invalid::Infinite));
            }
        }
    }
}
