//! Sums over two sparse vectors, in float32 as pgvector's are.
//!
//! Both are walked at once. Which of them goes on depends on data that no branch predictor knows, so
//! each step advances by comparisons and adds without a branch.

use crate::vector::Sparse;

/// Index and value of an element, in native byte order.
pub type Pair = [[u8; 4]; 2];

/// Elements by place, their indices ascending.
pub trait Elements: Copy {
    /// Index and value of the element at a place; None beyond the last.
    fn get(self, at: usize) -> Option<(u32, f32)>;
}

impl Elements for Sparse<'_> {
    #[inline]
    fn get(self, at: usize) -> Option<(u32, f32)> {
        Some((*self.indices.get(at)?, *self.values.get(at)?))
    }
}

impl Elements for &[Pair] {
    #[inline]
    fn get(self, at: usize) -> Option<(u32, f32)> {
        <[Pair]>::get(self, at).map(|pair| unpack(*pair))
    }
}

/// Writes an element.
#[must_use]
pub fn pack((index, value): (u32, f32)) -> Pair {
    [index.to_ne_bytes(), value.to_ne_bytes()]
}

/// Reads an element.
#[must_use]
#[inline]
pub fn unpack([index, value]: Pair) -> (u32, f32) {
    (u32::from_ne_bytes(index), f32::from_ne_bytes(value))
}

/// Adds `step` over the elements of both, 0 where one has none, until one of them ends; then what
/// `rest` makes of the elements left of the other.
#[inline]
fn fold<A: Elements, B: Elements>(
    (a, b): (A, B),
    step: impl Fn(f32, f32) -> f32,
    rest: impl Fn(f32) -> f32,
) -> f32 {
    let (mut left, mut right, mut sum) = (0, 0, 0.0);
    while let (Some((at, x)), Some((other, y))) = (a.get(left), b.get(right)) {
        let x = if at <= other { x } else { 0.0 };
        let y = if other <= at { y } else { 0.0 };
        sum += step(x, y);
        left += usize::from(at <= other);
        right += usize::from(other <= at);
    }
    let of_a = (left..).map_while(|at| a.get(at));
    let of_b = (right..).map_while(|at| b.get(at));
    of_a.chain(of_b).fold(sum, |sum, (_, x)| sum + rest(x))
}

/// Sum of squared differences.
#[must_use]
pub fn l2_squared(a: impl Elements, b: impl Elements) -> f32 {
    fold((a, b), |x, y| (x - y) * (x - y), |x| x * x)
}

/// Sum of products.
#[must_use]
pub fn inner_product(a: impl Elements, b: impl Elements) -> f32 {
    let (mut left, mut right, mut sum) = (0, 0, 0.0);
    while let (Some((at, x)), Some((other, y))) = (a.get(left), b.get(right)) {
        sum += if at == other { x * y } else { 0.0 };
        left += usize::from(at <= other);
        right += usize::from(other <= at);
    }
    sum
}

/// Sum of absolute differences.
#[must_use]
pub fn l1(a: impl Elements, b: impl Elements) -> f32 {
    fold((a, b), |x, y| (x - y).abs(), f32::abs)
}

/// `1 - cos`, from 0 to 2; NaN where a vector is zero.
#[must_use]
pub fn cosine(a: Sparse<'_>, b: Sparse<'_>) -> f64 {
    let squared = |of: Sparse<'_>| f64::from(of.values.iter().map(|x| x * x).sum::<f32>());
    let similarity = f64::from(inner_product(a, b)) / (squared(a) * squared(b)).sqrt();
    1.0 - similarity.clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const DIMS: u32 = 60;

    fn dense(elements: &BTreeMap<u32, f32>) -> Vec<f32> {
        let at = |i| elements.get(&i).copied().unwrap_or(0.0);
        (0..DIMS).map(at).collect()
    }

    fn lists(of: &BTreeMap<u32, f32>) -> (Vec<u32>, Vec<f32>) {
        of.iter().map(|(index, value)| (*index, *value)).unzip()
    }

    fn check(left: &BTreeMap<u32, f32>, right: &BTreeMap<u32, f32>) {
        let (indices, values) = &lists(left);
        let (dims, packed) = (DIMS, right.iter().map(|(i, v)| pack((*i, *v))));
        let a = Sparse {
            dims,
            indices,
            values,
        };
        let b = &packed.collect::<Vec<Pair>>()[..];
        let (x, y) = (&dense(left)[..], &dense(right)[..]);
        let size = 1e-5 * (plain::inner_product(x, x) + plain::inner_product(y, y)) + 1e-30;
        for (found, oracle) in [
            (l2_squared(a, b), plain::l2_squared(x, y)),
            (l2_squared(b, a), plain::l2_squared(x, y)),
            (inner_product(a, b), plain::inner_product(x, y)),
            (inner_product(b, a), plain::inner_product(x, y)),
        ] {
            assert!((found - oracle).abs() <= size, "{found} {oracle}");
        }
        let oracle = plain::l1(x, y);
        assert!((l1(a, b) - oracle).abs() <= 1e-5 * oracle, "{oracle}");
        assert!((l1(b, a) - oracle).abs() <= 1e-5 * oracle, "{oracle}");
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_dense_vectors(
            a in prop::collection::btree_map(0..DIMS, -1e3_f32..1e3, 0..40),
            b in prop::collection::btree_map(0..DIMS, -1e3_f32..1e3, 0..40),
        ) {
            check(&a, &b);
            check(&a, &a);
        }

        #[test]
        fn a_pair_is_what_was_packed(index: u32, value in -1e30_f32..1e30) {
            let (i, v) = unpack(pack((index, value)));
            prop_assert_eq!((i, v.to_bits()), (index, value.to_bits()));
        }
    }

    #[test]
    fn cosine_of_zero_is_not_a_number_and_of_parallels_is_exact() {
        let dims = DIMS;
        let vector = |indices, values| Sparse {
            dims,
            indices,
            values,
        };
        let (a, b) = (vector(&[1, 3], &[1.0, 2.0]), vector(&[1, 3], &[2.0, 4.0]));
        assert!(cosine(a, b).abs() <= 0.0);
        assert!((cosine(a, vector(&[1, 3], &[-1.0, -2.0])) - 2.0).abs() <= 0.0);
        assert!((cosine(a, vector(&[2], &[5.0])) - 1.0).abs() <= 0.0);
        assert!(cosine(a, vector(&[], &[])).is_nan());
    }

    #[test]
    fn sums_overflow_to_infinity_as_float32_does() {
        let (a, b) = ([pack((0, 3e38))], [pack((0, -3e38))]);
        assert!(l2_squared(&a[..], &b[..]).is_infinite());
        assert!(inner_product(&a[..], &b[..]).is_infinite());
        assert!(l1(&a[..], &b[..]).is_infinite());
    }
}
