//! Invalid values: every way in which a vector value can be wrong.

use thiserror::Error;

use super::Type;

/// Why a value is refused. The display text is what the user reads; where pgvector has the error it is
/// pgvector's, letter for letter, because clients and tests match on it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Invalid {
    /// The text is not what values of the type look like, `[1,2,3]`.
    #[error("invalid input syntax for type {of}: \"{text}\"")]
    Syntax {
        /// The type of the value.
        of: Type,
        /// The whole literal.
        text: String,
        /// What exactly is wrong, where that can be said.
        detail: Option<&'static str>,
    },
    /// A number is too large for an element.
    #[error("\"{token}\" is out of range for type {of}")]
    OutOfRange {
        /// The type of the value.
        of: Type,
        /// The number as it was written.
        token: String,
    },
    /// A literal says a fraction, and elements are whole numbers.
    #[error("invalid input syntax for type {of}: \"{token}\"")]
    Fraction {
        /// The type of the value.
        of: Type,
        /// The number as it was written.
        token: String,
    },
    /// An element is NaN.
    #[error("NaN not allowed in {0}")]
    NotANumber(Type),
    /// An element is infinite.
    #[error("infinite value not allowed in {0}")]
    Infinite(Type),
    /// No element at all.
    #[error("{0} must have at least 1 dimension")]
    NoDims(Type),
    /// More than [`Type::max_dims`].
    #[error("{0} cannot have more than {max} dimensions", max = .0.max_dims())]
    TooManyDims(Type),
    /// A column, a cast or an aggregate state declares another number of dimensions.
    #[error("expected {expected} dimensions, not {dims}")]
    UnexpectedDims {
        /// The declared number.
        expected: usize,
        /// The number that came.
        dims: usize,
    },
    /// Two operands differ in dimensions.
    #[error("different {of} dimensions {left} and {right}")]
    DifferentDims {
        /// The type of both.
        of: Type,
        /// Dimensions of the left operand.
        left: usize,
        /// Dimensions of the right operand.
        right: usize,
    },
    /// Two rows of bits differ in length.
    #[error("different bit lengths {left} and {right}")]
    DifferentBits {
        /// Bits of the left operand.
        left: usize,
        /// Bits of the right operand.
        right: usize,
    },
    /// An arithmetic result exceeds what an element can be.
    #[error("value out of range: overflow")]
    Overflow,
    /// A product of two numbers that are not zero became zero.
    #[error("value out of range: underflow")]
    Underflow,
    /// The reserved field of the binary form is not zero.
    #[error("expected unused to be 0, not {0}")]
    Unused(i32),
    /// A sparse vector has more than [`MAX_ELEMENTS`](super::MAX_ELEMENTS) elements.
    #[error(
        "sparsevec cannot have more than {} non-zero elements",
        super::MAX_ELEMENTS
    )]
    TooManyElements,
    /// The binary form of a sparse vector says less than none.
    #[error("sparsevec cannot have negative number of elements")]
    NegativeElements,
    /// The binary form of a sparse vector says more elements than there are places.
    #[error("sparsevec cannot have more elements than dimensions")]
    MoreElementsThanDims,
    /// An index of a sparse vector is not one of its dimensions.
    #[error("sparsevec index out of bounds")]
    IndexOutOfBounds,
    /// Indices of the binary form are not sorted.
    #[error("sparsevec indices must be in ascending order")]
    IndicesDescend,
    /// Two elements of a sparse vector have one index.
    #[error("sparsevec indices must not contain duplicates")]
    IndexTwice,
    /// The binary form of a sparse vector has an element that is zero.
    #[error("binary representation of sparsevec cannot contain zero values")]
    ZeroElement,
    /// The binary form ends too early.
    #[error("insufficient data left in message")]
    Truncated,
}
