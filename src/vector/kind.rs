//! Kinds: the types, as their messages and limits tell them apart.

use std::fmt;

use super::{MAX_BITS, MAX_DIMS, MAX_SPARSE_DIMS};

/// A type of values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Type {
    /// Dense, of float32.
    Vector,
    /// Dense, of float16.
    Halfvec,
    /// Dense, of int8.
    Int8vec,
    /// Sparse, of float32.
    Sparsevec,
    /// Bits: Postgres' own type, which has operators here, and no forms.
    Bit,
}

impl Type {
    /// Its name in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vector => "vector",
            Self::Halfvec => "halfvec",
            Self::Int8vec => "int8vec",
            Self::Sparsevec => "sparsevec",
            Self::Bit => "bit",
        }
    }

    /// The most dimensions that a value may have; of bits, one in an index.
    #[must_use]
    pub fn max_dims(self) -> usize {
        match self {
            Self::Vector | Self::Halfvec | Self::Int8vec => MAX_DIMS,
            Self::Sparsevec => MAX_SPARSE_DIMS as usize,
            Self::Bit => MAX_BITS,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
