//! Failure: why an SQL function gives up.

use std::collections::TryReserveError;
use std::ffi::CStr;

use crate::index;
use crate::vector::{Invalid, Type};

/// Why an SQL function gives up.
#[derive(Debug)]
pub enum Failure {
    /// A value breaks the rules of its type.
    Value(Invalid),
    /// A type modifier that no type has.
    Modifier(String),
    /// An array that cannot become a vector.
    Array(&'static str),
    /// An array with a NULL in it.
    NullInArray,
    /// A transition function was called by hand with something that is no state.
    /// Type and function, as in `vector_accum`.
    State(Type, &'static str),
    /// A stored value whose parts contradict each other.
    Corrupted {
        /// The type of the value.
        of: Type,
        /// Stored elements, as the value's header has it.
        count: usize,
        /// Bytes of the value.
        size: usize,
    },
    /// An operation on an index failed.
    Index(index::Error),
    /// An index on a column without declared dimensions.
    NoDimensions,
    /// An index of the named access method on a column of more dimensions than it takes.
    TooManyDimensions(&'static CStr, usize),
    /// An index of the named access method on bits of varying number.
    VaryingBits(&'static CStr),
    /// `ef_construction` below twice `m`.
    EfConstruction,
    /// An operator class whose distance function is none of ours.
    OperatorClass,
    /// A relation, named, that is no index of ours.
    NotAnIndex {
        /// The relation.
        name: String,
        /// The methods that there are.
        methods: String,
    },
    /// An index, named, that has partitions in the place of pages.
    Partitioned(String),
    /// The user lacks rights on a table, named; which they are.
    Privileges(String, &'static str),
    /// Centroids that an index of lists shall have cannot be used.
    Centroids {
        /// The table that shall have them, as it was named.
        table: String,
        /// Why not.
        problem: CentroidsProblem,
    },
    /// Codes shall have so many directions, and the column that is indexed has fewer dimensions.
    Directions {
        /// Directions.
        asked: u32,
        /// Dimensions.
        dims: usize,
    },
    /// Codes of bits shall have fewer directions than there are bits.
    BitDirections,
    /// A standby is asked to change an index.
    InRecovery,
    /// Recall of fewer than one question or row.
    SampleSize,
    /// More rows are asked for than any setting of a search finds.
    AnswerSize {
        /// The most rows that can be asked for.
        most: i32,
        /// The setting that says so.
        setting: String,
    },
    /// What shall give questions is not one query.
    Questions,
    /// An index gives a row in a block that its table does not have.
    BeyondTable {
        /// The name of the index.
        index: String,
        /// The block of the row.
        block: u32,
        /// Blocks of the table.
        blocks: u32,
    },
    /// A scan backward.
    Backward,
    /// A scan of the named access method without ORDER BY.
    NoOrder(&'static CStr),
    /// A scan of the named access method with a snapshot that is not MVCC.
    Snapshot(&'static CStr),
}

/// Why the centroids in a table cannot be used.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum CentroidsProblem {
    /// The table is named without its schema.
    #[error("The name of the table has no schema.")]
    Schema,
    /// So many of its columns are vectors, and not one.
    #[error("The table has {0} columns of vectors or arrays of numbers.")]
    Columns(usize),
    /// A value, or an element of one, is NULL.
    #[error("A centroid, or an element of one, is NULL.")]
    Null,
    /// An element is not a number, or infinite.
    #[error("An element is not finite.")]
    NotFinite,
    /// A value has other dimensions than the column that is indexed.
    #[error("A centroid has {found} dimensions, and the column {expected}.")]
    Dimensions {
        /// Of the centroid.
        found: usize,
        /// Of the column.
        expected: usize,
    },
    /// A value has no direction, under cosine.
    #[error("A centroid is zero, which has no direction.")]
    Zero,
    /// There is none.
    #[error("The table has no rows.")]
    Empty,
    /// There are more than an index has lists.
    #[error("There are more than {0} centroids.")]
    TooMany(usize),
    /// Another number of lists is asked for.
    #[error("There are {found} centroids, and {asked} lists are asked for.")]
    Lists {
        /// Centroids.
        found: usize,
        /// Lists.
        asked: usize,
    },
}

impl From<index::Error> for Failure {
    fn from(error: index::Error) -> Self {
        Self::Index(error)
    }
}

impl From<TryReserveError> for Failure {
    fn from(error: TryReserveError) -> Self {
        Self::Index(error.into())
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Value(invalid)
    }
}
