//! Every way in which a vector value can be wrong.

use thiserror::Error;

/// Why a value is refused. The display text is what the user reads; it is pgvector's, letter for
/// letter, because clients and tests match on it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Invalid {
    /// The text is not `[`, numbers with commas between, `]`.
    #[error("invalid input syntax for type vector: \"{text}\"")]
    Syntax {
        /// The whole literal.
        text: String,
        /// What exactly is wrong, where that can be said.
        detail: Option<&'static str>,
    },
    /// A number is too large for float32.
    #[error("\"{token}\" is out of range for type vector")]
    OutOfRange {
        /// The number as it was written.
        token: String,
    },
    /// An element is NaN.
    #[error("NaN not allowed in vector")]
    NotANumber,
    /// An element is infinite.
    #[error("infinite value not allowed in vector")]
    Infinite,
    /// No element at all.
    #[error("vector must have at least 1 dimension")]
    NoDims,
    /// More than [`MAX_DIMS`](super::MAX_DIMS) elements.
    #[error("vector cannot have more than {} dimensions", super::MAX_DIMS)]
    TooManyDims,
    /// A column, a cast or an aggregate state declares another number of dimensions.
    #[error("expected {expected} dimensions, not {dims}")]
    UnexpectedDims {
        /// The declared number.
        expected: usize,
        /// The number that came.
        dims: usize,
    },
    /// Two operands differ in dimensions.
    #[error("different vector dimensions {left} and {right}")]
    DifferentDims {
        /// Dimensions of the left operand.
        left: usize,
        /// Dimensions of the right operand.
        right: usize,
    },
    /// An arithmetic result exceeds float32.
    #[error("value out of range: overflow")]
    Overflow,
    /// A product of two numbers that are not zero became zero.
    #[error("value out of range: underflow")]
    Underflow,
    /// The reserved field of the binary form is not zero.
    #[error("expected unused to be 0, not {0}")]
    Unused(i16),
    /// The binary form ends too early.
    #[error("insufficient data left in message")]
    Truncated,
}
