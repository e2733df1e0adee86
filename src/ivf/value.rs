//! Values of an index of lists: dense vectors, or bits.
//!
//! Bits are points of zeros and ones under squared L2, which is their Hamming distance.

use crate::index::{Error, collected, filled};
use crate::values::{BitMetric, Bits, DenseVectors, Values, kind};

use super::meta::ListsParameters;

/// A row's value, or a query's.
#[derive(Clone, Copy, Debug)]
pub enum ListValue<'v> {
    /// Of an index of dense vectors.
    Dense(&'v [f32]),
    /// Of an index of bits, eight a byte, the first the highest; what pads the last byte is zero.
    Bits(&'v [u8]),
}

impl<'v> From<&'v [f32]> for ListValue<'v> {
    fn from(value: &'v [f32]) -> Self {
        Self::Dense(value)
    }
}

impl<'v> From<&'v Vec<f32>> for ListValue<'v> {
    fn from(value: &'v Vec<f32>) -> Self {
        Self::Dense(value)
    }
}

impl<'v, const N: usize> From<&'v [f32; N]> for ListValue<'v> {
    fn from(value: &'v [f32; N]) -> Self {
        Self::Dense(value)
    }
}

impl<'v> From<&'v [u8]> for ListValue<'v> {
    fn from(value: &'v [u8]) -> Self {
        Self::Bits(value)
    }
}

impl ListValue<'_> {
    /// The elements, of so many dimensions: of bits zeros and ones.
    ///
    /// # Errors
    /// Where there is no memory.
    pub fn elements(self, dims: usize) -> Result<Vec<f32>, Error> {
        match self {
            Self::Dense(value) => Ok(collected(value.iter().copied())?),
            Self::Bits(value) => {
                let mut elements = filled(0.0, dims)?;
                Bits::unpack(value, &mut elements);
                Ok(elements)
            }
        }
    }

    /// The value as a point of an index with these parameters. None where it has no place in the metric.
    ///
    /// # Errors
    /// Where it has another size, or the index holds values of another kind.
    pub(in crate::ivf) fn point(
        self,
        parameters: &ListsParameters,
        vectors: &DenseVectors,
    ) -> Result<Option<Vec<f32>>, Error> {
        match (self, parameters.kind) {
            (Self::Dense(value), kind::DENSE) => {
                vectors.verify(value)?;
                Ok(vectors.point(value))
            }
            (Self::Bits(value), kind::BITS) => {
                Bits::new(BitMetric::Hamming, parameters.dims).verify(value)?;
                Ok(Some(self.elements(parameters.dims)?))
            }
            _ => Err(parameters.other_space()),
        }
    }
}
