//! Directions: the few in which vectors vary most, where a code has fewer bits than its vector has dimensions.

use std::collections::TryReserveError;

use half::f16;

use super::{Form, StoredSum};

/// Bytes of an element.
const ELEMENT_BYTES: usize = size_of::<f16>();

/// Orthonormal directions, each of as many float16 as a vector has dimensions.
///
/// Rounded to float16 they are orthonormal to about a 2,000th, which is a hundredth of what a code of one bit a
/// coordinate is off by.
#[derive(Clone)]
pub struct PrincipalDirections {
    dims: usize,
    elements: Vec<u8>,
    inner_product: StoredSum,
}

impl PrincipalDirections {
    /// Bytes of so many directions of `dims` dimensions.
    #[must_use]
    pub fn bytes_of(dims: usize, count: usize) -> usize {
        ELEMENT_BYTES * dims * count
    }

    /// Directions of `dims` elements, one behind the other.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn new(dims: usize, elements: &[f32]) -> Result<Self, TryReserveError> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(ELEMENT_BYTES * elements.len())?;
        for element in elements {
            bytes.extend(f16::from_f32(*element).to_ne_bytes());
        }
        Ok(Self::of_elements(dims, bytes))
    }

    /// Directions from their bytes. None where an element is not finite, or bytes are left over.
    #[must_use]
    pub fn from_bytes(dims: usize, bytes: Vec<u8>) -> Option<Self> {
        let is_whole = bytes.len().is_multiple_of(ELEMENT_BYTES * dims.max(1));
        let (elements, _) = bytes.as_chunks::<ELEMENT_BYTES>();
        let mut elements = elements.iter().map(|x| f16::from_ne_bytes(*x));
        (is_whole && elements.all(f16::is_finite)).then(|| Self::of_elements(dims, bytes))
    }

    fn of_elements(dims: usize, elements: Vec<u8>) -> Self {
        Self {
            dims: dims.max(1),
            elements,
            inner_product: Form::F16.kernels().inner_product,
        }
    }

    /// What [`from_bytes`](Self::from_bytes) reads.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.elements
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements.len() / (ELEMENT_BYTES * self.dims)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The coordinates of a vector of `dims` elements along each of them.
    #[must_use]
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let directions = self.elements.chunks_exact(ELEMENT_BYTES * self.dims);
        directions
            .map(|along| (self.inner_product)(vector, along, 1.0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_inner_products() {
        let along = [0.6, 0.8, 0.0, 0.0, 0.0, 1.0];
        let directions = PrincipalDirections::new(3, &along).unwrap();
        assert_eq!(directions.len(), 2);
        assert_eq!(
            directions.as_bytes().len(),
            PrincipalDirections::bytes_of(3, 2)
        );
        let read = PrincipalDirections::from_bytes(3, directions.as_bytes().to_vec()).unwrap();
        let found = read.apply(&[5.0, 10.0, -2.0]);
        assert!(
            (found[0] - 11.0).abs() < 0.01 && (found[1] + 2.0).abs() < 1e-6,
            "{found:?}"
        );
    }

    #[test]
    fn what_no_directions_are_is_refused() {
        let infinite = f16::INFINITY.to_ne_bytes();
        let bytes = [[0, 0], infinite, [0, 0]].concat();
        assert!(PrincipalDirections::from_bytes(3, bytes.clone()).is_none());
        assert!(PrincipalDirections::from_bytes(2, vec![0; 6]).is_none());
        assert!(PrincipalDirections::from_bytes(3, vec![0; 6]).is_some());
    }
}
