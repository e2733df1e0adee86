//! Dense vectors: their arithmetic and order. Results are written into slices that the caller owns, so that they
//! can be memory of Postgres. Where a function takes an `out`, its length is that of the operands.

use std::cmp::Ordering;
use std::ops::Range;

use super::element::each_block;
use super::{Element, Float, Invalid, Type, check_dims, check_elements, check_finite};
use super::{check_same, number};

fn check_overflow<E: Float>(out: &[E]) -> Result<(), Invalid> {
    check_elements(out).map_err(|_| Invalid::Overflow)
}

/// Writes `f` of each pair of elements.
fn pairwise<E: Float>(
    left: &[E],
    right: &[E],
    out: &mut [E],
    f: impl Fn(f32, f32) -> f32,
) -> Result<(), Invalid> {
    check_same(E::TYPE, left.len(), right.len())?;
    out.copy_from_slice(left);
    E::combine(out, right, f);
    check_overflow(out)
}

/// `left + right`.
///
/// # Errors
/// [`Invalid::DifferentDims`], [`Invalid::Overflow`].
pub fn add<E: Float>(left: &[E], right: &[E], out: &mut [E]) -> Result<(), Invalid> {
    pairwise(left, right, out, |a, b| a + b)
}

/// `sum += addend`, the step of the `sum` aggregate.
///
/// # Errors
/// As [`add`].
pub fn add_assign<E: Float>(sum: &mut [E], addend: &[E]) -> Result<(), Invalid> {
    check_same(E::TYPE, sum.len(), addend.len())?;
    E::combine(sum, addend, |a, b| a + b);
    check_overflow(sum)
}

/// `left - right`.
///
/// # Errors
/// [`Invalid::DifferentDims`], [`Invalid::Overflow`].
pub fn sub<E: Float>(left: &[E], right: &[E], out: &mut [E]) -> Result<(), Invalid> {
    pairwise(left, right, out, |a, b| a - b)
}

/// `left * right`, element by element.
///
/// # Errors
/// [`Invalid::DifferentDims`], [`Invalid::Overflow`], [`Invalid::Underflow`].
pub fn mul<E: Float>(left: &[E], right: &[E], out: &mut [E]) -> Result<(), Invalid> {
    pairwise(left, right, out, |a, b| a * b)?;
    let zero = E::default();
    let lost = out
        .iter()
        .zip(left)
        .zip(right)
        .any(|((p, a), b)| *p == zero && *a != zero && *b != zero);
    if lost {
        Err(Invalid::Underflow)
    } else {
        Ok(())
    }
}

/// The number of dimensions of `left || right`.
///
/// # Errors
/// [`Invalid::TooManyDims`].
pub fn concat_dims<E: Element>(left: &[E], right: &[E]) -> Result<usize, Invalid> {
    let dims = left.len() + right.len();
    check_dims(E::TYPE, dims)?;
    Ok(dims)
}

/// The elements that `subvector(v, start, count)` selects from `dims` elements of a type. `start` counts from
/// 1 and may lie before the first element, which shortens the result as `substring` does.
///
/// # Errors
/// [`Invalid::NoDims`] where nothing is selected.
pub fn subvector(of: Type, dims: usize, start: i32, count: i32) -> Result<Range<usize>, Invalid> {
    if count < 1 {
        return Err(Invalid::NoDims(of));
    }
    let dims = i64::try_from(dims).unwrap_or(i64::MAX);
    let end = (i64::from(start) + i64::from(count)).min(dims + 1);
    let first = i64::from(start).max(1);
    if first >= end {
        return Err(Invalid::NoDims(of));
    }
    match (usize::try_from(first - 1), usize::try_from(end - 1)) {
        (Ok(from), Ok(to)) => Ok(from..to),
        _ => Err(Invalid::NoDims(of)),
    }
}

/// The Euclidean norm, summed in float64.
#[must_use]
pub fn norm<E: Element>(elements: &[E]) -> f64 {
    let mut sum = 0.0;
    each_block(elements, |block| sum += squared(block));
    sum.sqrt()
}

fn squared(elements: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let (blocks, rest) = elements.as_chunks::<8>();
    for block in blocks {
        for (lane, element) in lanes.iter_mut().zip(block) {
            *lane += f64::from(*element) * f64::from(*element);
        }
    }
    let rest: f64 = rest.iter().map(|e| f64::from(*e) * f64::from(*e)).sum();
    lanes.iter().sum::<f64>() + rest
}

/// `elements` scaled to length 1; a zero vector stays zero.
///
/// # Errors
/// [`Invalid::Overflow`].
pub fn normalize<E: Float>(elements: &[E], out: &mut [E]) -> Result<(), Invalid> {
    let norm = norm(elements);
    if norm > 0.0 {
        out.copy_from_slice(elements);
        E::combine(out, elements, |e, _| narrow(f64::from(e) / norm));
        check_overflow(out)
    } else {
        out.fill(E::default());
        Ok(())
    }
}

/// Bytes that [`binary_quantize`] needs for `dims` elements.
#[must_use]
pub fn quantized_bytes(dims: usize) -> usize {
    dims.div_ceil(8)
}

/// One bit an element, 1 where it is above zero, first element in the highest bit of the first
/// byte, padded with zero bits.
pub fn binary_quantize<E: Element>(elements: &[E], out: &mut [u8]) {
    let zero = E::default();
    for (byte, elements) in out.iter_mut().zip(elements.chunks(8)) {
        *byte = elements.iter().enumerate().fold(0, |bits, (i, element)| {
            bits | (u8::from(*element > zero) << (7 - i))
        });
    }
}

/// The order of the btree operator class: element by element, then by length, as arrays compare.
/// -0 equals 0.
#[must_use]
pub fn compare<E: Element>(left: &[E], right: &[E]) -> Ordering {
    for (a, b) in left.iter().zip(right) {
        if a < b {
            return Ordering::Less;
        }
        if a > b {
            return Ordering::Greater;
        }
    }
    left.len().cmp(&right.len())
}

/// `f64` to the nearest `f32`; infinite where it does not fit, which the callers check.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to float32 is what is asked for"
)]
#[must_use]
pub fn narrow(x: f64) -> f32 {
    x as f32
}

/// Writes the elements nearest to `from`, which has as many.
///
/// # Errors
/// [`Invalid::OutOfRange`] for the first number that no element is near to, else what
/// [`check_finite`] refuses.
pub fn narrow_all<E: Element>(from: &[f32], to: &mut [E]) -> Result<(), Invalid> {
    E::narrow_all(from, to);
    if E::are_near(from) {
        return Ok(());
    }
    let lost = |x: &&f32| x.is_finite() && !E::is_near(**x);
    if let Some(x) = from.iter().find(lost) {
        let mut token = Vec::new();
        number::write(*x, &mut token);
        let (of, token) = (E::TYPE, String::from_utf8_lossy(&token).into_owned());
        return Err(Invalid::OutOfRange { of, token });
    }
    from.iter().try_for_each(|x| check_finite(E::TYPE, *x))
}

/// An `i32` to the nearest `f32`.
#[expect(
    clippy::cast_precision_loss,
    reason = "rounding to float32 is what is asked for"
)]
#[must_use]
pub fn from_integer(x: i32) -> f32 {
    x as f32
}

#[cfg(test)]
mod tests {
    use super::super::f16;
    use super::*;

    #[test]
    fn sums_and_products_report_what_float32_cannot_hold() {
        let mut out = [0.0; 2];
        assert_eq!(
            add(&[3e38, 1.0], &[3e38, 1.0], &mut out),
            Err(Invalid::Overflow)
        );
        assert_eq!(
            sub(&[-3e38, 1.0], &[3e38, 1.0], &mut out),
            Err(Invalid::Overflow)
        );
        assert_eq!(
            mul(&[1e38, 1.0], &[1e38, 1.0], &mut out),
            Err(Invalid::Overflow)
        );
        assert_eq!(
            mul(&[1e-38, 1.0], &[1e-38, 1.0], &mut out),
            Err(Invalid::Underflow)
        );
        assert_eq!(mul(&[0.0, 2.0], &[1e-38, -3.0], &mut out), Ok(()));
        assert!(out[0].abs() <= 0.0 && (out[1] + 6.0).abs() <= 0.0);
    }

    #[test]
    fn sums_and_products_report_what_float16_cannot_hold() {
        let half = |x: f32| [f16::from_f32(x), f16::ONE];
        let mut out = half(0.0);
        let (large, small) = (half(65_504.0), half(1e-4));
        assert_eq!(add(&large, &large, &mut out), Err(Invalid::Overflow));
        assert_eq!(
            sub(&half(-65_504.0), &large, &mut out),
            Err(Invalid::Overflow)
        );
        assert_eq!(mul(&large, &large, &mut out), Err(Invalid::Overflow));
        assert_eq!(mul(&small, &small, &mut out), Err(Invalid::Underflow));
        assert_eq!(mul(&half(0.0), &small, &mut out), Ok(()));
        assert_eq!(add(&half(2048.0), &half(1.0), &mut out), Ok(()));
        assert_eq!(
            out,
            half(2048.0).map(|x| if x == f16::ONE { f16::from_f32(2.0) } else { x })
        );
    }

    #[test]
    fn a_number_beyond_float16_is_named() {
        let narrowed = |from: &[f32]| {
            let mut to = vec![f16::ZERO; from.len()];
            narrow_all(from, &mut to).map(|()| to)
        };
        assert_eq!(narrowed(&[65_519.0]), Ok(vec![f16::MAX]));
        let (of, token) = (Type::Halfvec, "70000".to_owned());
        let beyond = Err(Invalid::OutOfRange { of, token });
        assert_eq!(narrowed(&[f32::NAN, 70_000.0, 80_000.0]), beyond);
        assert_eq!(narrowed(&[f32::NAN]), Err(Invalid::NotANumber(of)));
        assert_eq!(narrowed(&[1.0, f32::INFINITY]), Err(Invalid::Infinite(of)));
    }

    #[test]
    fn a_number_beyond_int8_is_named() {
        let narrowed = |from: &[f32]| {
            let mut to = vec![0_i8; from.len()];
            narrow_all(from, &mut to).map(|()| to)
        };
        assert_eq!(narrowed(&[127.4, -128.4, 0.5]), Ok(vec![127, -128, 0]));
        let (of, token) = (Type::Int8vec, "127.5".to_owned());
        let beyond = Err(Invalid::OutOfRange { of, token });
        assert_eq!(narrowed(&[f32::NAN, 127.5, 200.0]), beyond);
        assert_eq!(narrowed(&[f32::NAN]), Err(Invalid::NotANumber(of)));
        assert_eq!(
            narrowed(&[1.0, f32::NEG_INFINITY]),
            Err(Invalid::Infinite(of))
        );
    }

    #[test]
    fn the_norm_of_int8_is_exact() {
        let all = vec![-128_i8; 16_000];
        let found = norm(&all);
        assert!((found - (16_000.0_f64 * 16_384.0).sqrt()).abs() <= 0.0);
    }

    #[test]
    fn every_length_is_added_to_its_end() {
        for len in 1..200_u16 {
            let ones = vec![f16::ONE; len.into()];
            let mut out = ones.clone();
            add(&ones, &ones, &mut out).unwrap();
            assert!(out.iter().all(|x| *x == f16::from_f32(2.0)), "{len}");
            assert!((norm(&out) - 2.0 * f64::from(len).sqrt()).abs() < 1e-9);
        }
    }

    #[test]
    fn subvector_truncates_like_substring() {
        assert_eq!(subvector(Type::Halfvec, 5, 1, 3), Ok(0..3));
        assert_eq!(subvector(Type::Halfvec, 5, 3, 2), Ok(2..4));
        assert_eq!(subvector(Type::Halfvec, 5, -1, 3), Ok(0..1));
        assert_eq!(subvector(Type::Halfvec, 5, 3, 9), Ok(2..5));
        assert_eq!(subvector(Type::Halfvec, 5, 1, i32::MAX), Ok(0..5));
        assert_eq!(subvector(Type::Halfvec, 5, 3, i32::MAX), Ok(2..5));
        assert_eq!(
            subvector(Type::Halfvec, 5, i32::MIN, i32::MAX),
            Err(Invalid::NoDims(Type::Halfvec))
        );
        assert_eq!(
            subvector(Type::Halfvec, 5, 1, 0),
            Err(Invalid::NoDims(Type::Halfvec))
        );
        assert_eq!(
            subvector(Type::Halfvec, 5, 3, -1),
            Err(Invalid::NoDims(Type::Halfvec))
        );
        assert_eq!(
            subvector(Type::Halfvec, 5, -1, 2),
            Err(Invalid::NoDims(Type::Halfvec))
        );
        assert_eq!(
            subvector(Type::Halfvec, 5, 6, 1),
            Err(Invalid::NoDims(Type::Halfvec))
        );
        assert_eq!(
            subvector(Type::Halfvec, 5, i32::MAX, i32::MAX),
            Err(Invalid::NoDims(Type::Halfvec))
        );
    }

    #[test]
    fn order_is_that_of_arrays() {
        assert_eq!(compare(&[1.0, 2.0], &[1.0, 2.0, 0.0]), Ordering::Less);
        assert_eq!(compare(&[2.0], &[1.0, 9.0]), Ordering::Greater);
        assert_eq!(compare(&[0.0], &[-0.0]), Ordering::Equal);
    }

    #[test]
    fn norms_do_not_overflow_float32() {
        assert!((norm(&[3e37, 4e37]) - 5e37).abs() < 1e31);
        let mut out = [1.0; 2];
        normalize(&[3e37, 4e37], &mut out).unwrap();
        assert!((out[0] - 0.6).abs() < 1e-6 && (out[1] - 0.8).abs() < 1e-6);
        normalize(&[0.0, 0.0], &mut out).unwrap();
        assert!(out.iter().all(|x| *x == 0.0));
    }

    #[test]
    fn bits_come_highest_first() {
        let mut out = [0xFF; 2];
        binary_quantize(&[1.0, 0.0, -1.0, 2.0, 0.0, 0.0, 0.0, 5.0, 1.0], &mut out);
        assert_eq!(out, [0b1001_0001, 0b1000_0000]);
    }
}
