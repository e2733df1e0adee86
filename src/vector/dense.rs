//! Arithmetic and order of dense vectors. Results are written into slices that the caller owns, so
//! that they can be memory of Postgres. Where a function takes an `out`, its length is that of the
//! operands.

use std::cmp::Ordering;
use std::ops::Range;

use super::{Invalid, MAX_DIMS, check_dims, check_same};

/// Writes `f` of each pair of elements.
fn pairwise(left: &[f32], right: &[f32], out: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    for ((out, a), b) in out.iter_mut().zip(left).zip(right) {
        *out = f(*a, *b);
    }
}

fn check_overflow(out: &[f32]) -> Result<(), Invalid> {
    super::check_elements(out).map_err(|_| Invalid::Overflow)
}

/// `left + right`.
///
/// # Errors
/// [`Invalid::DifferentDims`], [`Invalid::Overflow`].
pub fn add(left: &[f32], right: &[f32], out: &mut [f32]) -> Result<(), Invalid> {
    check_same(left, right)?;
    pairwise(left, right, out, |a, b| a + b);
    check_overflow(out)
}

/// `sum += addend`, the step of the `sum` aggregate.
///
/// # Errors
/// As [`add`].
pub fn add_assign(sum: &mut [f32], addend: &[f32]) -> Result<(), Invalid> {
    check_same(sum, addend)?;
    for (sum, b) in sum.iter_mut().zip(addend) {
        *sum += b;
    }
    check_overflow(sum)
}

/// `left - right`.
///
/// # Errors
/// [`Invalid::DifferentDims`], [`Invalid::Overflow`].
pub fn sub(left: &[f32], right: &[f32], out: &mut [f32]) -> Result<(), Invalid> {
    check_same(left, right)?;
    pairwise(left, right, out, |a, b| a - b);
    check_overflow(out)
}

/// `left * right`, element by element.
///
/// # Errors
/// [`Invalid::DifferentDims`], [`Invalid::Overflow`], [`Invalid::Underflow`].
pub fn mul(left: &[f32], right: &[f32], out: &mut [f32]) -> Result<(), Invalid> {
    check_same(left, right)?;
    pairwise(left, right, out, |a, b| a * b);
    check_overflow(out)?;
    let lost = out
        .iter()
        .zip(left)
        .zip(right)
        .any(|((p, a), b)| *p == 0.0 && *a != 0.0 && *b != 0.0);
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
pub fn concat_dims(left: &[f32], right: &[f32]) -> Result<usize, Invalid> {
    let dims = left.len() + right.len();
    check_dims(dims)?;
    Ok(dims)
}

/// The elements that `subvector(v, start, count)` selects from `dims` elements. `start` counts from
/// 1 and may lie before the first element, which shortens the result as `substring` does.
///
/// # Errors
/// [`Invalid::NoDims`] where nothing is selected.
pub fn subvector(dims: usize, start: i32, count: i32) -> Result<Range<usize>, Invalid> {
    if count < 1 {
        return Err(Invalid::NoDims);
    }
    let dims = i64::try_from(dims).unwrap_or(i64::MAX);
    let end = (i64::from(start) + i64::from(count)).min(dims + 1);
    let first = i64::from(start).max(1);
    if first >= end {
        return Err(Invalid::NoDims);
    }
    match (usize::try_from(first - 1), usize::try_from(end - 1)) {
        (Ok(from), Ok(to)) => Ok(from..to),
        _ => Err(Invalid::NoDims),
    }
}

/// The Euclidean norm, summed in float64.
#[must_use]
pub fn norm(elements: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let (blocks, rest) = elements.as_chunks::<8>();
    for block in blocks {
        for (lane, element) in lanes.iter_mut().zip(block) {
            *lane += f64::from(*element) * f64::from(*element);
        }
    }
    let rest: f64 = rest.iter().map(|e| f64::from(*e) * f64::from(*e)).sum();
    (lanes.iter().sum::<f64>() + rest).sqrt()
}

/// `elements` scaled to length 1; a zero vector stays zero.
///
/// # Errors
/// [`Invalid::Overflow`].
pub fn normalize(elements: &[f32], out: &mut [f32]) -> Result<(), Invalid> {
    let norm = norm(elements);
    if norm > 0.0 {
        for (out, e) in out.iter_mut().zip(elements) {
            *out = narrow(f64::from(*e) / norm);
        }
        check_overflow(out)
    } else {
        out.fill(0.0);
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
pub fn binary_quantize(elements: &[f32], out: &mut [u8]) {
    for (byte, elements) in out.iter_mut().zip(elements.chunks(8)) {
        *byte = elements.iter().enumerate().fold(0, |bits, (i, element)| {
            bits | (u8::from(*element > 0.0) << (7 - i))
        });
    }
}

/// The order of the btree operator class: element by element, then by length, as arrays compare.
/// -0 equals 0.
#[must_use]
pub fn compare(left: &[f32], right: &[f32]) -> Ordering {
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

/// An `i32` to the nearest `f32`.
#[expect(
    clippy::cast_precision_loss,
    reason = "rounding to float32 is what is asked for"
)]
#[must_use]
pub fn from_integer(x: i32) -> f32 {
    x as f32
}

/// Reads a type modifier: the one number in `vector(n)`.
///
/// # Errors
/// The message that belongs to the modifier; the door gives it its SQLSTATE.
pub fn check_modifier(modifiers: &[i32]) -> Result<i32, String> {
    match *modifiers {
        [dims] if dims < 1 => Err("dimensions for type vector must be at least 1".into()),
        [dims] if usize::try_from(dims).is_ok_and(|d| d > MAX_DIMS) => Err(format!(
            "dimensions for type vector cannot exceed {MAX_DIMS}"
        )),
        [dims] => Ok(dims),
        _ => Err("invalid type modifier".into()),
    }
}

#[cfg(test)]
mod tests {
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
    fn subvector_truncates_like_substring() {
        assert_eq!(subvector(5, 1, 3), Ok(0..3));
        assert_eq!(subvector(5, 3, 2), Ok(2..4));
        assert_eq!(subvector(5, -1, 3), Ok(0..1));
        assert_eq!(subvector(5, 3, 9), Ok(2..5));
        assert_eq!(subvector(5, 1, i32::MAX), Ok(0..5));
        assert_eq!(subvector(5, 3, i32::MAX), Ok(2..5));
        assert_eq!(subvector(5, i32::MIN, i32::MAX), Err(Invalid::NoDims));
        assert_eq!(subvector(5, 1, 0), Err(Invalid::NoDims));
        assert_eq!(subvector(5, 3, -1), Err(Invalid::NoDims));
        assert_eq!(subvector(5, -1, 2), Err(Invalid::NoDims));
        assert_eq!(subvector(5, 6, 1), Err(Invalid::NoDims));
        assert_eq!(subvector(5, i32::MAX, i32::MAX), Err(Invalid::NoDims));
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
