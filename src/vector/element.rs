//! Elements of dense vectors: floats, which are computed with in float32, and int8, which is not computed with.

use std::fmt::Debug;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{Invalid, Type};

/// Elements that are widened at once.
const CHECKED_TOGETHER: usize = 64;

/// An element of a dense vector.
pub trait Element: Copy + Debug + Default + PartialOrd + Send + Sync + 'static {
    /// The type of vectors of such elements.
    const TYPE: Type;

    /// Bytes of an element.
    const BYTES: usize;

    /// The same number as float32.
    fn widen(self) -> f32;

    /// The nearest element; infinite, or the last one, where `x` is beyond all of them.
    fn narrow(x: f32) -> Self;

    /// Whether an element is near to `x`, which is not so where it is not finite.
    fn is_near(x: f32) -> bool;

    /// Whether a literal may say `x`, to which an element is near.
    #[must_use]
    fn is_written(_x: f32) -> bool {
        true
    }

    /// [`widen`](Self::widen) for slices of one length.
    fn widen_all(from: &[Self], to: &mut [f32]);

    /// [`widen_all`](Self::widen_all) into a new vector.
    #[must_use]
    fn widened(from: &[Self]) -> Vec<f32> {
        let mut wide = vec![0.0; from.len()];
        Self::widen_all(from, &mut wide);
        wide
    }

    /// [`narrow`](Self::narrow) for slices of one length.
    fn narrow_all(from: &[f32], to: &mut [Self]);

    /// [`is_near`](Self::is_near) for a slice, in one branch-free pass.
    #[must_use]
    fn are_near(from: &[f32]) -> bool {
        let far = from.iter().map(|x| u32::from(!Self::is_near(*x)));
        far.fold(0, |any, one| any | one) == 0
    }

    /// Writes the element in network byte order into [`BYTES`](Self::BYTES) bytes.
    fn to_network(self, bytes: &mut [u8]);

    /// Reads what [`to_network`](Self::to_network) wrote; zero of too few bytes.
    fn from_network(bytes: &[u8]) -> Self;
}

/// An element that vectors compute with: sums and products of two are such elements again.
pub trait Float: Element {
    /// Whether no element is infinite or NaN, in one branch-free pass.
    fn are_finite(elements: &[Self]) -> bool;

    /// Writes `f` of each pair of elements over the first of them.
    fn combine(elements: &mut [Self], others: &[Self], f: impl Fn(f32, f32) -> f32);
}

/// Shows all elements to `see`, some at a time, as float32.
pub(super) fn each_block<E: Element>(elements: &[E], mut see: impl FnMut(&[f32])) {
    let mut wide = [0.0; CHECKED_TOGETHER];
    for block in elements.chunks(CHECKED_TOGETHER) {
        let wide = &mut wide[..block.len()];
        E::widen_all(block, wide);
        see(wide);
    }
}

/// Checks that a number may be an element of a type: elements are finite.
///
/// # Errors
/// [`Invalid::NotANumber`] and [`Invalid::Infinite`].
pub fn check_finite(of: Type, number: f32) -> Result<(), Invalid> {
    if number.is_finite() {
        Ok(())
    } else if number.is_nan() {
        Err(Invalid::NotANumber(of))
    } else {
        Err(Invalid::Infinite(of))
    }
}

/// Checks that `element` may be stored.
///
/// # Errors
/// As [`check_finite`].
pub fn check_element<E: Element>(element: E) -> Result<(), Invalid> {
    check_finite(E::TYPE, element.widen())
}

/// [`check_element`] for a whole slice, in one branch-free pass where all is well.
///
/// # Errors
/// As [`check_element`], for the first element that is not finite.
pub fn check_elements<E: Float>(elements: &[E]) -> Result<(), Invalid> {
    if E::are_finite(elements) {
        Ok(())
    } else {
        elements.iter().try_for_each(|e| check_element(*e))
    }
}

impl Element for f32 {
    const TYPE: Type = Type::Vector;
    const BYTES: usize = 4;

    fn widen(self) -> f32 {
        self
    }

    fn narrow(x: f32) -> Self {
        x
    }

    fn is_near(x: f32) -> bool {
        x.is_finite()
    }

    fn widen_all(from: &[Self], to: &mut [f32]) {
        to.copy_from_slice(from);
    }

    fn narrow_all(from: &[f32], to: &mut [Self]) {
        to.copy_from_slice(from);
    }

    fn to_network(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.to_be_bytes());
    }

    fn from_network(bytes: &[u8]) -> Self {
        bytes.try_into().map_or(0.0, Self::from_be_bytes)
    }
}

impl Float for f32 {
    fn are_finite(elements: &[Self]) -> bool {
        // x * 0 is 0 for finite x and NaN otherwise, so one sum answers for all and vectorises.
        let mut lanes = [0.0_f32; 16];
        let (blocks, rest) = elements.as_chunks::<16>();
        for block in blocks {
            for (lane, element) in lanes.iter_mut().zip(block) {
                *lane += element * 0.0;
            }
        }
        lanes.iter().sum::<f32>() + rest.iter().map(|e| e * 0.0).sum::<f32>() == 0.0
    }

    fn combine(elements: &mut [Self], others: &[Self], f: impl Fn(f32, f32) -> f32) {
        for (a, b) in elements.iter_mut().zip(others) {
            *a = f(*a, *b);
        }
    }
}

impl Element for f16 {
    const TYPE: Type = Type::Halfvec;
    const BYTES: usize = 2;

    fn widen(self) -> f32 {
        self.to_f32()
    }

    fn narrow(x: f32) -> Self {
        Self::from_f32(x)
    }

    fn is_near(x: f32) -> bool {
        // Halfway between the largest and what would be next.
        x.abs() < 65_520.0
    }

    fn widen_all(from: &[Self], to: &mut [f32]) {
        from.convert_to_f32_slice(to);
    }

    fn narrow_all(from: &[f32], to: &mut [Self]) {
        to.convert_from_f32_slice(from);
    }

    fn to_network(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.to_be_bytes());
    }

    fn from_network(bytes: &[u8]) -> Self {
        bytes.try_into().map_or(Self::ZERO, Self::from_be_bytes)
    }
}

impl Float for f16 {
    fn are_finite(elements: &[Self]) -> bool {
        // All bits of the exponent are set in what is not finite.
        const EXPONENT: u16 = 0x7C00;
        let bad = |e: &Self| u16::from(e.to_bits() & EXPONENT == EXPONENT);
        elements.iter().map(bad).fold(0, |any, one| any | one) == 0
    }

    fn combine(elements: &mut [Self], others: &[Self], f: impl Fn(f32, f32) -> f32) {
        let (mut a, mut b) = ([0.0; CHECKED_TOGETHER], [0.0; CHECKED_TOGETHER]);
        for (elements, others) in elements
            .chunks_mut(CHECKED_TOGETHER)
            .zip(others.chunks(CHECKED_TOGETHER))
        {
            let count = elements.len().min(others.len());
            let (a, b) = (&mut a[..count], &mut b[..count]);
            Self::widen_all(&elements[..count], a);
            Self::widen_all(&others[..count], b);
            f32::combine(a, b, &f);
            Self::narrow_all(a, &mut elements[..count]);
        }
    }
}

/// Whole numbers from -128 to 127.
impl Element for i8 {
    const TYPE: Type = Type::Int8vec;
    const BYTES: usize = 1;

    fn widen(self) -> f32 {
        self.into()
    }

    /// Halves to even, as Postgres casts floats to integers.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number; beyond the last it saturates"
    )]
    fn narrow(x: f32) -> Self {
        x.round_ties_even() as Self
    }

    fn is_near(x: f32) -> bool {
        (-128.5..127.5).contains(&x)
    }

    fn is_written(x: f32) -> bool {
        x.fract() == 0.0
    }

    fn widen_all(from: &[Self], to: &mut [f32]) {
        for (x, wide) in from.iter().zip(to) {
            *wide = (*x).into();
        }
    }

    fn narrow_all(from: &[f32], to: &mut [Self]) {
        for (x, narrow) in from.iter().zip(to) {
            *narrow = Self::narrow(*x);
        }
    }

    fn to_network(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.to_be_bytes());
    }

    fn from_network(bytes: &[u8]) -> Self {
        bytes.try_into().map_or(0, Self::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_bad_element_is_found<E: Float>(largest: f32) {
        for len in 1..140 {
            for at in 0..len {
                let mut elements = vec![E::narrow(largest); len];
                assert_eq!(check_elements(&elements), Ok(()));
                elements[at] = E::narrow(f32::NAN);
                let refused = Err(Invalid::NotANumber(E::TYPE));
                assert_eq!(check_elements(&elements), refused);
                elements[at] = E::narrow(f32::NEG_INFINITY);
                assert_eq!(check_elements(&elements), Err(Invalid::Infinite(E::TYPE)));
            }
        }
    }

    #[test]
    fn one_bad_element_is_found_at_every_place() {
        one_bad_element_is_found::<f32>(f32::MAX);
        one_bad_element_is_found::<f16>(65_504.0);
    }

    #[test]
    fn every_float16_is_what_it_was_once_it_was_widened() {
        let all: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
        let mut wide = vec![0.0; all.len()];
        f16::widen_all(&all, &mut wide);
        let mut back = vec![f16::ZERO; all.len()];
        f16::narrow_all(&wide, &mut back);
        for ((half, wide), back) in all.iter().zip(&wide).zip(&back) {
            if half.is_nan() {
                assert!(wide.is_nan() && back.is_nan());
            } else {
                assert_eq!(half.to_bits(), back.to_bits());
                assert_eq!(half.widen().to_bits(), wide.to_bits());
            }
        }
    }

    #[test]
    fn float16_rounds_to_the_nearest_and_ties_to_even() {
        for (x, bits) in [
            (65_519.0, 0x7BFF),
            (65_520.0, 0x7C00),
            (1.0 + 1.0 / 2048.0, 0x3C00),
            (1.0 + 3.0 / 2048.0, 0x3C02),
            (2.0_f32.powi(-24), 1),
            (2.0_f32.powi(-25), 0),
            (1.5 * 2.0_f32.powi(-25), 1),
            (-0.0, 0x8000),
        ] {
            assert_eq!(f16::narrow(x).to_bits(), bits, "{x}");
            let mut all = [f16::ZERO; 9];
            f16::narrow_all(&[x; 9], &mut all);
            assert!(all.iter().all(|half| half.to_bits() == bits), "{x}");
        }
    }

    #[test]
    fn int8_rounds_to_the_nearest_and_ties_to_even_and_ends_at_its_ends() {
        let (low, high) = (-128.5_f32, 127.5_f32);
        for (x, near) in [
            (0.5, Some(0)),
            (1.5, Some(2)),
            (-2.5, Some(-2)),
            (0.4999, Some(0)),
            (-0.0, Some(0)),
            (high.next_down(), Some(127)),
            (high, None),
            (low, Some(-128)),
            (low.next_down(), None),
            (1e30, None),
            (f32::NAN, None),
            (f32::NEG_INFINITY, None),
        ] {
            assert_eq!(i8::is_near(x), near.is_some(), "{x}");
            let mut all = [0.0; 37];
            assert!(i8::are_near(&all));
            all[30] = x;
            assert_eq!(i8::are_near(&all), near.is_some(), "{x}");
            if let Some(near) = near {
                assert_eq!(i8::narrow(x), near, "{x}");
            }
        }
    }

    #[test]
    fn every_int8_is_what_it_was_once_it_was_widened() {
        let all: Vec<i8> = (i8::MIN..=i8::MAX).collect();
        let wide = i8::widened(&all);
        assert!(i8::are_near(&wide) && wide.iter().all(|x| i8::is_written(*x)));
        let mut back = vec![0; all.len()];
        i8::narrow_all(&wide, &mut back);
        assert_eq!(back, all);
    }
}
