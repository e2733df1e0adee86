//! Overflow: vectors so long that squares of their elements overflow. Their distances are the largest number, so
//! that their nodes are linked and walked to like any others; such rows come last, as by the operators, for which
//! they are infinite. No step of a computation may overflow on the way, or the result would be not-a-number, or
//! infinite where it is not.

use std::borrow::Cow;

/// 2^50. Squares of elements up to this, and sums of 16,000 of them, are far from overflowing.
const LARGE_ELEMENT: f32 = f32::from_bits((127 + 50) << 23);

/// Larger elements are divided by 2^80. The other elements lose precision only where it is lost beside the
/// large ones anyway.
const SHRINK: f32 = f32::from_bits((127 + 80) << 23);

/// The largest number that bfloat16 holds.
const LARGEST_SLOPE: f32 = f32::from_bits(0x7F7F_0000);

fn is_large(vector: &[f32]) -> bool {
    vector.iter().any(|x| x.abs() > LARGE_ELEMENT)
}

/// Vectors divided by one number, so that the first `most` of them are small enough to compute with, and that
/// number. It is 1 if they are small already.
pub fn shrunk<const N: usize>(vectors: [&[f32]; N], most: usize) -> ([Cow<'_, [f32]>; N], f32) {
    if !vectors.iter().take(most).any(|v| is_large(v)) {
        return (vectors.map(Cow::Borrowed), 1.0);
    }
    let shrink = |v: &[f32]| Cow::Owned(v.iter().map(|x| x / SHRINK).collect());
    (vectors.map(shrink), SHRINK)
}

/// Applies a linear map in place that keeps lengths; what overflows becomes the largest number.
pub fn map_in_place(vector: &mut [f32], map: impl FnOnce(&mut [f32])) {
    if !is_large(vector) {
        return map(vector);
    }
    for x in &mut *vector {
        *x /= SHRINK;
    }
    map(vector);
    for x in vector {
        *x = (*x * SHRINK).clamp(-f32::MAX, f32::MAX);
    }
}

/// 2^102, in place of a squared distance that overflows, in an estimate. It is far from a node that does not
/// overflow; added to the largest number it gives the largest number again, so that walks get away from nodes
/// that overflow.
pub const FAR: f32 = f32::from_bits((127 + 102) << 23);

/// Below this are distances that have not overflowed.
pub const FARTHEST: f32 = f32::MAX;

/// A sum in float64, which no sum of products of float32 overflows, as float32.
#[expect(
    clippy::cast_possible_truncation,
    reason = "infinite where it overflows"
)]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f32 {
    let both = a.iter().zip(b);
    let terms = both.map(|(a, b)| term(f64::from(*a), f64::from(*b)));
    saturated(terms.sum::<f64>() as f32)
}

/// `<a, b>`
#[must_use]
pub fn inner_product(a: &[f32], b: &[f32]) -> f32 {
    sum(a, b, |a, b| a * b)
}

/// `|a - b|^2`
#[must_use]
pub fn l2_squared(a: &[f32], b: &[f32]) -> f32 {
    sum(a, b, |a, b| (a - b) * (a - b))
}

/// `|a| |b|`, where neither square overflows or is lost. Numbers below the smallest of full precision
/// count as that: they are rounded as much.
#[expect(
    clippy::cast_possible_truncation,
    reason = "infinite where it overflows"
)]
#[must_use]
pub fn product_of_lengths(a: &[f32], b: &[f32]) -> f32 {
    let length = |v: &[f32]| {
        let squares = v.iter().map(|x| f64::from(*x) * f64::from(*x));
        squares.sum::<f64>().sqrt() + f64::from(f32::MIN_POSITIVE)
    };
    (length(a) * length(b)) as f32
}

/// The largest number in place of those beyond, and of not-a-number.
#[inline]
#[must_use]
pub fn saturated(number: f32) -> f32 {
    if number.is_nan() {
        FARTHEST
    } else {
        number.clamp(-FARTHEST, FARTHEST)
    }
}

/// Of slopes, which are kept as bfloat16: the largest number of those in place of what is beyond, and of not-a-number.
#[must_use]
pub fn saturated_slope(slope: f32) -> f32 {
    saturated(slope).clamp(-LARGEST_SLOPE, LARGEST_SLOPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_shrunk_where_they_must_be() {
        let (small, large) = ([1.0, -3.0], [1.0, 3e38]);
        assert_eq!(shrunk([&small, &large], 1).1.to_bits(), 1.0_f32.to_bits());
        let ([a, b], by) = shrunk([&small, &large], 2);
        assert_eq!(by.to_bits(), SHRINK.to_bits());
        assert_eq!(a.iter().map(|x| x * by).collect::<Vec<f32>>(), small);
        assert_eq!(b.iter().map(|x| x * by).collect::<Vec<f32>>(), large);
        let mut mapped = large;
        map_in_place(&mut mapped, |v| v.iter_mut().for_each(|x| *x *= 2.0));
        assert_eq!(mapped.map(f32::to_bits), [2.0, f32::MAX].map(f32::to_bits));
    }

    #[test]
    fn what_cannot_be_told_is_farthest() {
        assert_eq!(saturated(-f32::NAN).to_bits(), f32::MAX.to_bits());
        assert_eq!(saturated(f32::NEG_INFINITY).to_bits(), f32::MIN.to_bits());
        let (a, b) = ([3e38, 3e38, 2.0], [10.0, -10.0, 3.0]);
        assert_eq!(inner_product(&a, &b).to_bits(), 6.0_f32.to_bits());
        assert_eq!(l2_squared(&a, &b).to_bits(), f32::MAX.to_bits());
        assert_eq!((FARTHEST + FAR).to_bits(), FARTHEST.to_bits());
        assert!(product_of_lengths(&[1e30, 0.0], &[0.0, -1e-30]) > 0.99);
        let slope = saturated_slope(f32::NAN);
        let rounded = crate::quantize::from_bf16(crate::quantize::to_bf16(slope));
        assert_eq!(rounded.to_bits(), slope.to_bits());
    }
}
