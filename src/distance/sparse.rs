//! Sparse kernels: sums over two sparse vectors, in float32 as pgvector's are.
//!
//! Where the CPU has AVX2, eight indices of one are compared with eight of the other at once, and the block that
//! ends first is left. What is left in the end, and all elsewhere, is walked element by element; which of them goes
//! on depends on data that no branch predictor knows, so each step advances by comparisons and adds without a branch.

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::ops::Range;

use crate::vector::Sparse;

/// Index and value of an element, in native byte order.
pub type Pair = [[u8; 4]; 2];

/// Elements by place, their indices ascending.
pub trait Elements: Copy {
    /// Index and value of the element at a place; None beyond the last.
    fn get(self, at: usize) -> Option<(u32, f32)>;

    /// How many there are.
    fn count(self) -> usize;

    /// The indices of a block of elements; None where fewer are left.
    fn indices(self, at: usize) -> Option<[u32; BLOCK_PAIRS]>;

    /// Adds `term` of the values of all elements in a range.
    fn total(self, range: Range<usize>, term: impl Fn(f32) -> f32) -> f32;
}

/// Elements that are compared with as many at once.
const BLOCK_PAIRS: usize = 8;

/// Adds up in lanes, so that additions need not wait for each other.
#[inline]
fn sum_in_lanes<T: Copy>(elements: &[T], term: impl Fn(T) -> f32) -> f32 {
    let (blocks, rest) = elements.as_chunks::<BLOCK_PAIRS>();
    let mut lanes = [0.0; BLOCK_PAIRS];
    for block in blocks {
        for (lane, element) in lanes.iter_mut().zip(block) {
            *lane += term(*element);
        }
    }
    let rest: f32 = rest.iter().map(|element| term(*element)).sum();
    lanes.iter().sum::<f32>() + rest
}

impl Elements for Sparse<'_> {
    #[inline]
    fn get(self, at: usize) -> Option<(u32, f32)> {
        Some((*self.indices.get(at)?, *self.values.get(at)?))
    }

    #[inline]
    fn count(self) -> usize {
        self.values.len()
    }

    #[inline]
    fn indices(self, at: usize) -> Option<[u32; BLOCK_PAIRS]> {
        self.indices.get(at..)?.first_chunk().copied()
    }

    #[inline]
    fn total(self, range: Range<usize>, term: impl Fn(f32) -> f32) -> f32 {
        sum_in_lanes(self.values.get(range).unwrap_or_default(), term)
    }
}

impl Elements for &[Pair] {
    #[inline]
    fn get(self, at: usize) -> Option<(u32, f32)> {
        <[Pair]>::get(self, at).map(|pair| unpack(*pair))
    }

    #[inline]
    fn count(self) -> usize {
        <[Pair]>::len(self)
    }

    #[inline]
    fn indices(self, at: usize) -> Option<[u32; BLOCK_PAIRS]> {
        let pairs = <[Pair]>::get(self, at..)?.first_chunk::<BLOCK_PAIRS>()?;
        Some(pairs.map(|[index, _]| u32::from_ne_bytes(index)))
    }

    #[inline]
    fn total(self, range: Range<usize>, term: impl Fn(f32) -> f32) -> f32 {
        let pairs = <[Pair]>::get(self, range).unwrap_or_default();
        sum_in_lanes(pairs, |[_, value]| term(f32::from_ne_bytes(value)))
    }
}

/// Writes an element.
#[must_use]
pub fn pack(index: u32, value: f32) -> Pair {
    [index.to_ne_bytes(), value.to_ne_bytes()]
}

/// Reads an element.
#[must_use]
#[inline]
pub fn unpack([index, value]: Pair) -> (u32, f32) {
    (u32::from_ne_bytes(index), f32::from_ne_bytes(value))
}

/// Calls `found` for equal indices, in order, as far as both have whole blocks. Gives the positions from which
/// on nothing was compared.
#[inline]
fn meet(a: impl Elements, b: impl Elements, found: impl FnMut(usize, usize)) -> (usize, usize) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the CPU has the feature.
        return unsafe { x86::meet_with(a, b, found) };
    }
    let _ = found;
    (0, 0)
}

/// Adds `step` of both values where both vectors have an element, and `rest` of the values that one has alone.
#[inline]
fn fold<A: Elements, B: Elements>(
    a: A,
    b: B,
    step: impl Fn(f32, f32) -> f32,
    rest: impl Fn(f32) -> f32,
) -> f32 {
    // Elements before these are in the sum.
    let (mut left, mut right, mut sum) = (0, 0, 0.0);
    let (ended, other_ended) = meet(a, b, |at, other| {
        sum += a.total(left..at, &rest) + b.total(right..other, &rest);
        if let (Some((_, x)), Some((_, y))) = (a.get(at), b.get(other)) {
            sum += step(x, y);
        }
        (left, right) = (at + 1, other + 1);
    });
    sum += a.total(left..ended.max(left), &rest) + b.total(right..other_ended.max(right), &rest);
    (left, right) = (left.max(ended), right.max(other_ended));
    while let (Some((at, x)), Some((other, y))) = (a.get(left), b.get(right)) {
        let x = if at <= other { x } else { 0.0 };
        let y = if other <= at { y } else { 0.0 };
        sum += step(x, y);
        left += usize::from(at <= other);
        right += usize::from(other <= at);
    }
    sum + a.total(left..a.count().max(left), &rest) + b.total(right..b.count().max(right), &rest)
}

/// Sum of squared differences.
#[must_use]
pub fn l2_squared(a: impl Elements, b: impl Elements) -> f32 {
    fold(a, b, |x, y| (x - y) * (x - y), |x| x * x)
}

/// Sum of products.
#[must_use]
pub fn inner_product(a: impl Elements, b: impl Elements) -> f32 {
    let mut sum = 0.0;
    let (mut left, mut right) = meet(a, b, |at, other| {
        if let (Some((_, x)), Some((_, y))) = (a.get(at), b.get(other)) {
            sum += x * y;
        }
    });
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
    fold(a, b, |x, y| (x - y).abs(), f32::abs)
}

/// `1 - cos`, from 0 to 2; NaN where a vector is zero.
#[must_use]
pub fn cosine(a: Sparse<'_>, b: Sparse<'_>) -> f64 {
    let squared = |of: Sparse<'_>| f64::from(sum_in_lanes(of.values, |x| x * x));
    let similarity = f64::from(inner_product(a, b)) / (squared(a) * squared(b)).sqrt();
    1.0 - similarity.clamp(-1.0, 1.0)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_loadu_si256, _mm256_movemask_ps,
        _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_shuffle_epi32,
    };

    use super::{BLOCK_PAIRS, Elements};

    #[target_feature(enable = "avx2")]
    fn load(indices: &[u32; BLOCK_PAIRS]) -> __m256i {
        // SAFETY: 32 bytes; the load needs no alignment.
        unsafe { _mm256_loadu_si256(indices.as_ptr().cast()) }
    }

    /// A bit for each lane that is all ones.
    #[target_feature(enable = "avx2")]
    fn lanes(mask: __m256i) -> u32 {
        _mm256_movemask_ps(_mm256_castsi256_ps(mask)).cast_unsigned()
    }

    /// Which lanes of `a` are equal to any of `b`: it is compared with all eight rotations.
    #[target_feature(enable = "avx2")]
    fn any_equal(a: __m256i, b: __m256i) -> u32 {
        let four = |b: __m256i| {
            let pair = _mm256_or_si256(
                _mm256_cmpeq_epi32(a, b),
                _mm256_cmpeq_epi32(a, _mm256_shuffle_epi32::<0b00_11_10_01>(b)),
            );
            let other = _mm256_or_si256(
                _mm256_cmpeq_epi32(a, _mm256_shuffle_epi32::<0b01_00_11_10>(b)),
                _mm256_cmpeq_epi32(a, _mm256_shuffle_epi32::<0b10_01_00_11>(b)),
            );
            _mm256_or_si256(pair, other)
        };
        let swapped = _mm256_permute2x128_si256::<1>(b, b);
        lanes(_mm256_or_si256(four(b), four(swapped)))
    }

    #[target_feature(enable = "avx2")]
    pub fn meet_with(
        a: impl Elements,
        b: impl Elements,
        mut found: impl FnMut(usize, usize),
    ) -> (usize, usize) {
        let (mut left, mut right) = (0, 0);
        while let (Some(of_a), Some(of_b)) = (a.indices(left), b.indices(right)) {
            let y = load(&of_b);
            let mut equal = any_equal(load(&of_a), y);
            while equal != 0 {
                let lane = equal.trailing_zeros() as usize;
                let wanted = _mm256_set1_epi32(of_a[lane].cast_signed());
                let other = lanes(_mm256_cmpeq_epi32(wanted, y)).trailing_zeros() as usize;
                found(left + lane, right + other);
                equal &= equal - 1;
            }
            let (last, other_last) = (of_a[BLOCK_PAIRS - 1], of_b[BLOCK_PAIRS - 1]);
            left += BLOCK_PAIRS * usize::from(last <= other_last);
            right += BLOCK_PAIRS * usize::from(other_last <= last);
        }
        (left, right)
    }
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
        let (dims, packed) = (DIMS, right.iter().map(|(i, v)| pack(*i, *v)));
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
            let (i, v) = unpack(pack(index, value));
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
        let (a, b) = ([pack(0, 3e38)], [pack(0, -3e38)]);
        assert!(l2_squared(&a[..], &b[..]).is_infinite());
        assert!(inner_product(&a[..], &b[..]).is_infinite());
        assert!(l1(&a[..], &b[..]).is_infinite());
    }
}
