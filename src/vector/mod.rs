//! VALUES: what a vector is, and its text and binary forms. Knows nothing of distances, pages or
//! Postgres.
//!
//! | file | what it holds |
//! |---|---|
//! | `kind.rs` | the types, and how many dimensions each may have |
//! | `invalid.rs` | every way in which a value can be wrong, with the words users read |
//! | `element.rs` | what dense vectors are made of |
//! | `dense.rs` | the rules of a dense vector, its arithmetic and its order |
//! | `sparse/` | sparse vectors: rules, order, text and binary form |
//! | `number.rs` | one number as text, both ways |
//! | `text.rs` | `[1,2,3]` |
//! | `wire.rs` | the binary form of `COPY ... (FORMAT BINARY)` and of binary parameters |

pub mod dense;
mod element;
mod invalid;
mod kind;
mod number;
pub mod sparse;
pub mod text;
pub mod wire;

pub use element::{Element, Float, check_element, check_elements, check_finite};
pub use half::f16;
pub use invalid::Invalid;
pub use kind::Type;
pub use sparse::{MAX_ELEMENTS, MAX_SPARSE_DIMS, Sparse, SparseVector};

/// The most dimensions a dense vector may have.
pub const MAX_DIMS: usize = 16_000;

/// The most bits of a value in an index.
pub const MAX_BITS: usize = 64_000;

/// Checks that a value of a type may have `dims` dimensions.
///
/// # Errors
/// [`Invalid::NoDims`] and [`Invalid::TooManyDims`].
pub fn check_dims(of: Type, dims: usize) -> Result<(), Invalid> {
    if dims == 0 {
        Err(Invalid::NoDims(of))
    } else if dims > of.max_dims() {
        Err(Invalid::TooManyDims(of))
    } else {
        Ok(())
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
pub fn check_same(of: Type, left: usize, right: usize) -> Result<(), Invalid> {
    if left == right {
        Ok(())
    } else {
        Err(Invalid::DifferentDims { of, left, right })
    }
}

/// Reads a type modifier: the one number in `vector(n)`.
///
/// # Errors
/// The message that belongs to the modifier; the door gives it its SQLSTATE.
pub fn check_modifier(of: Type, modifiers: &[i32]) -> Result<i32, String> {
    match *modifiers {
        [dims] if dims < 1 => Err(format!("dimensions for type {of} must be at least 1")),
        [dims] if usize::try_from(dims).is_ok_and(|d| d > of.max_dims()) => Err(format!(
            "dimensions for type {of} cannot exceed {}",
            of.max_dims()
        )),
        [dims] => Ok(dims),
        _ => Err("invalid type modifier".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dims_have_a_floor_and_a_ceiling() {
        for of in [Type::Vector, Type::Halfvec, Type::Int8vec, Type::Sparsevec] {
            let max = of.max_dims();
            assert_eq!(check_dims(of, 0), Err(Invalid::NoDims(of)));
            assert_eq!(check_dims(of, 1), Ok(()));
            assert_eq!(check_dims(of, max), Ok(()));
            assert_eq!(check_dims(of, max + 1), Err(Invalid::TooManyDims(of)));
        }
    }

    #[test]
    fn a_modifier_is_one_number_within_the_limits() {
        for (of, limit) in [
            (Type::Halfvec, "16000"),
            (Type::Int8vec, "16000"),
            (Type::Sparsevec, "1000000000"),
        ] {
            let most = i32::try_from(of.max_dims()).unwrap();
            assert_eq!(check_modifier(of, &[1]), Ok(1));
            assert_eq!(check_modifier(of, &[most]), Ok(most));
            let beyond = check_modifier(of, &[most + 1]).unwrap_err();
            assert_eq!(
                beyond,
                format!("dimensions for type {of} cannot exceed {limit}")
            );
            assert!(check_modifier(of, &[0]).is_err() && check_modifier(of, &[-1]).is_err());
            assert!(check_modifier(of, &[]).is_err() && check_modifier(of, &[1, 2]).is_err());
        }
    }
}
