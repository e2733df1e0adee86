//! Sparse vectors: few elements that are not zero, of many.

pub mod text;
pub mod wire;

use std::cmp::Ordering;

use super::dense::narrow;
use super::{Invalid, Type, check_dims, check_elements, check_finite};

/// The most dimensions a sparse vector may have.
pub const MAX_SPARSE_DIMS: u32 = 1_000_000_000;

/// The most elements a sparse vector may have.
pub const MAX_ELEMENTS: usize = 16_000;

/// A sparse vector where it lies. Whoever makes one answers for its rules: as many values as
/// indices, indices ascending and below `dims`, values finite and not zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sparse<'a> {
    /// Dimensions, most of them zero.
    pub dims: u32,
    /// Where the elements are, from 0.
    pub indices: &'a [u32],
    /// The elements.
    pub values: &'a [f32],
}

impl<'a> Sparse<'a> {
    /// Index and value of each element.
    pub fn iter(self) -> impl Iterator<Item = (u32, f32)> + 'a {
        let values = self.values.iter().copied();
        self.indices.iter().copied().zip(values)
    }

    /// Writes all elements, zeros too, into a slice of as many as there are dimensions.
    pub fn spread(self, out: &mut [f32]) {
        for (index, value) in self.iter() {
            if let Some(place) = out.get_mut(index as usize) {
                *place = value;
            }
        }
    }

    /// The Euclidean norm, summed in float64.
    #[must_use]
    pub fn norm(self) -> f64 {
        // From 0, not from the -0 that an empty sum is.
        let add = |sum, x: &f32| sum + f64::from(*x) * f64::from(*x);
        self.values.iter().fold(0.0, add).sqrt()
    }

    /// The vector scaled to length 1; a zero vector stays zero, and what becomes zero is left out.
    ///
    /// # Errors
    /// [`Invalid::Overflow`].
    pub fn normalize(self) -> Result<SparseVector, Invalid> {
        let norm = self.norm();
        let mut scaled = SparseVector::zero(self.dims);
        for (index, value) in self.iter() {
            scaled.push(index, narrow(f64::from(value) / norm));
        }
        check_elements(&scaled.values).map_err(|_| Invalid::Overflow)?;
        Ok(scaled)
    }

    /// The order of the btree operator class: that of the dense vectors.
    #[must_use]
    pub fn compare(self, other: Self) -> Ordering {
        let (mut left, mut right) = (self.iter(), other.iter());
        loop {
            // Where only one has an element, the other has zero, unless its dimensions end before.
            let order = match (left.next(), right.next()) {
                (Some((i, x)), Some((j, y))) if i == j => x.total_cmp(&y),
                (Some((i, x)), Some((j, _))) if i < j => x.total_cmp(&0.0),
                (Some(_), Some((_, y))) => 0.0_f32.total_cmp(&y),
                (Some((i, x)), None) if i < other.dims => x.total_cmp(&0.0),
                (None, Some((j, y))) if j < self.dims => 0.0_f32.total_cmp(&y),
                (Some(_) | None, None) | (None, Some(_)) => {
                    return self.dims.cmp(&other.dims);
                }
            };
            if order.is_ne() {
                return order;
            }
        }
    }
}

/// A sparse vector of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseVector {
    /// As [`Sparse::dims`].
    pub dims: u32,
    /// As [`Sparse::indices`].
    pub indices: Vec<u32>,
    /// As [`Sparse::values`].
    pub values: Vec<f32>,
}

impl SparseVector {
    /// No elements.
    #[must_use]
    pub fn zero(dims: u32) -> Self {
        Self {
            dims,
            indices: Vec::new(),
            values: Vec::new(),
        }
    }

    /// The elements of a dense vector that are not zero.
    ///
    /// # Errors
    /// [`Invalid::NoDims`], [`Invalid::TooManyElements`], and what [`check_finite`] refuses.
    pub fn from_dense(elements: &[f32]) -> Result<Self, Invalid> {
        check_dims(Type::Sparsevec, elements.len())?;
        let mut sparse = Self::zero(u32::try_from(elements.len()).unwrap_or(MAX_SPARSE_DIMS));
        for (index, value) in (0..).zip(elements) {
            sparse.push(index, *value);
        }
        let mut values = sparse.values.iter();
        values.try_for_each(|x| check_finite(Type::Sparsevec, *x))?;
        if sparse.values.len() > MAX_ELEMENTS {
            return Err(Invalid::TooManyElements);
        }
        Ok(sparse)
    }

    /// Adds an element, unless it is zero.
    fn push(&mut self, index: u32, value: f32) {
        if value != 0.0 {
            self.indices.push(index);
            self.values.push(value);
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn as_sparse(&self) -> Sparse<'_> {
        Sparse {
            dims: self.dims,
            indices: &self.indices,
            values: &self.values,
        }
    }
}

/// Checks an element's place: after the one before it, and within the dimensions. Both are counted
/// from 0, and neither was checked yet.
fn check_index(before: Option<i32>, index: i32, dims: u32) -> Result<u32, Invalid> {
    let within = u32::try_from(index).ok().filter(|index| *index < dims);
    let within = within.ok_or(Invalid::IndexOutOfBounds)?;
    match before.map(|before| before.cmp(&index)) {
        Some(Ordering::Greater) => Err(Invalid::IndicesDescend),
        Some(Ordering::Equal) => Err(Invalid::IndexTwice),
        Some(Ordering::Less) | None => Ok(within),
    }
}

/// Checks a signed number of dimensions.
fn check_sparse_dims(dims: i32) -> Result<u32, Invalid> {
    let unsigned = u32::try_from(dims).unwrap_or(0);
    check_dims(Type::Sparsevec, unsigned as usize)?;
    Ok(unsigned)
}

#[cfg(test)]
mod tests {
    use super::super::dense;
    use super::*;
    use proptest::prelude::*;

    fn sparse(elements: &[f32]) -> SparseVector {
        SparseVector::from_dense(elements).unwrap()
    }

    #[test]
    fn zeros_are_left_out_and_come_back() {
        let vector = sparse(&[0.0, 1.5, -0.0, -2.0, 0.0]);
        assert_eq!((vector.dims, &vector.indices[..]), (5, &[1, 3][..]));
        let mut back = [0.0; 5];
        vector.as_sparse().spread(&mut back);
        assert_eq!(sparse(&back), vector);
    }

    #[test]
    fn what_is_not_finite_or_too_much_is_refused() {
        let refused = |elements: &[f32]| SparseVector::from_dense(elements).unwrap_err();
        assert_eq!(refused(&[]), Invalid::NoDims(Type::Sparsevec));
        let nan = Invalid::NotANumber(Type::Sparsevec);
        assert_eq!(refused(&[0.0, f32::NAN]), nan);
        let infinite = Invalid::Infinite(Type::Sparsevec);
        assert_eq!(refused(&[f32::INFINITY]), infinite);
        assert_eq!(
            refused(&vec![1.0; MAX_ELEMENTS + 1]),
            Invalid::TooManyElements
        );
        assert_eq!(sparse(&vec![0.0; MAX_ELEMENTS + 1]).values.len(), 0);
    }

    #[test]
    fn normalizing_leaves_out_what_becomes_zero() {
        let vector = sparse(&[3e38, 0.0, 1e-38]).as_sparse().normalize().unwrap();
        assert_eq!(vector, sparse(&[1.0, 0.0, 0.0]));
        let zero = sparse(&[0.0, 0.0]);
        assert_eq!(zero.as_sparse().norm().to_bits(), 0);
        assert_eq!(zero.as_sparse().normalize().unwrap(), zero);
    }

    #[test]
    fn places_are_checked() {
        assert_eq!(check_index(None, 0, 1), Ok(0));
        assert_eq!(check_index(Some(3), 4, 5), Ok(4));
        for index in [-1, 5, i32::MIN, i32::MAX] {
            assert_eq!(check_index(None, index, 5), Err(Invalid::IndexOutOfBounds));
        }
        assert_eq!(check_index(Some(3), 3, 5), Err(Invalid::IndexTwice));
        assert_eq!(check_index(Some(3), 2, 5), Err(Invalid::IndicesDescend));
    }

    proptest! {
        #[test]
        fn order_is_that_of_the_dense_vectors(
            a in prop::collection::vec(-2_i8..3, 1..6),
            b in prop::collection::vec(-2_i8..3, 1..6),
        ) {
            let floats = |of: &[i8]| of.iter().map(|x| f32::from(*x)).collect::<Vec<_>>();
            let (a, b) = (floats(&a), floats(&b));
            let order = sparse(&a).as_sparse().compare(sparse(&b).as_sparse());
            prop_assert_eq!(order, dense::compare(&a, &b));
        }
    }
}
