//! Errors: what may go wrong in an index.

use std::collections::TryReserveError;

use crate::page::PageError;

/// Why an operation on an index failed. Nothing that was committed before is lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A page could not be read, or makes no sense.
    #[error(transparent)]
    Page(PageError),
    /// No number is left for another node.
    #[error("the index has as many nodes as it can number")]
    Full,
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A value of another size than the index holds.
    #[error("expected {expected} dimensions, not {found}")]
    Dimensions {
        /// Of the index.
        expected: usize,
        /// Of the value.
        found: usize,
    },
    /// A value of more elements than fit.
    #[error("{found} elements, {max} at most")]
    Elements {
        /// Of the value.
        found: usize,
        /// The most that any index takes.
        max: usize,
    },
    /// The index holds other values or was made with another metric.
    #[error("the index holds other values: kind {kind}, metric {metric}, form {form}")]
    OtherSpace {
        /// As stored.
        kind: u8,
        /// As stored.
        metric: u8,
        /// As stored.
        form: u8,
    },
    /// A scan has met a page that was given to others since it began: on a standby, whose primary does not know of the
    /// scan.
    #[error("block {block} has been used again since the scan began")]
    Recycled {
        /// Which.
        block: u32,
    },
    /// There is no memory for what grows with rows.
    #[error("out of memory")]
    Memory,
    /// The threads of a build could not be started.
    #[error("threads of the build: {0}")]
    Threads(#[source] std::io::Error),
    /// The spill file failed.
    #[error("spill file: {0}")]
    Spill(#[from] std::io::Error),
    /// A build needs larger files than it may have.
    #[error("spill files would be larger than {limit} bytes")]
    SpillLimit {
        /// The bytes that they may have.
        limit: usize,
    },
}

impl From<PageError> for Error {
    fn from(error: PageError) -> Self {
        if error == PageError::Memory {
            return Self::Memory;
        }
        Self::Page(error)
    }
}

impl From<TryReserveError> for Error {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}

impl Error {
    /// Whether a value has the dimensions of those in the index.
    ///
    /// # Errors
    /// [`Error::Dimensions`] where it has others.
    pub fn unless_equal(expected: usize, found: usize) -> Result<(), Self> {
        if expected == found {
            return Ok(());
        }
        Err(Self::Dimensions { expected, found })
    }
}
