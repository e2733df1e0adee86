//! Stored forms: whole vectors as float32, float16 or int8, rounded or as they are.

#![allow(unsafe_code, reason = "bytes as float32")]

use half::f16;
use half::slice::HalfFloatSliceExt;

/// How a vector is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// As it is.
    F32 = 0,
    /// 11 significant bits an element, scaled so that the largest is near 1.
    F16 = 1,
    /// Steps of a 127th of the largest element.
    Int8 = 2,
    /// Int8 as it is: of vectors of whole numbers from -128 to 127, or those times any one number.
    Whole = 3,
}

impl Form {
    /// The form that a byte names.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::F32, Self::F16, Self::Int8, Self::Whole]
            .into_iter()
            .find(|form| *form as u8 == byte)
    }

    /// Bytes of a vector.
    #[must_use]
    pub fn bytes(self, dims: usize) -> usize {
        match self {
            Self::F32 => 4 * dims,
            Self::F16 => 2 * dims,
            Self::Int8 | Self::Whole => dims,
        }
    }

    /// Writes a vector and gives its scale.
    pub fn encode(self, vector: &[f32], out: &mut [u8]) -> f32 {
        let largest = vector.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        match self {
            Self::F32 => {
                for (x, place) in vector.iter().zip(out.as_chunks_mut().0) {
                    *place = x.to_ne_bytes();
                }
                1.0
            }
            Self::F16 => {
                let scale = power_above(largest);
                for (x, place) in vector.iter().zip(out.as_chunks_mut().0) {
                    let x = x.clamp(-LARGEST_ROUNDED, LARGEST_ROUNDED);
                    *place = f16::from_f32(x / scale).to_ne_bytes();
                }
                scale
            }
            Self::Int8 => in_steps(vector, step(largest), out),
            Self::Whole => in_steps(vector, whole_step(vector, largest), out),
        }
    }

    /// How much one element of a vector that was written with this scale may be off.
    #[must_use]
    pub fn rounding(self, scale: f32) -> f32 {
        match self {
            Self::F32 | Self::Whole => 0.0,
            // Half a step of the numbers from 0.5 to 1.
            Self::F16 => scale / 4096.0,
            Self::Int8 => scale / 2.0,
        }
    }

    /// Reads a vector.
    pub fn decode(self, stored: &[u8], scale: f32, out: &mut [f32]) {
        match self {
            Self::F32 => {
                for (x, bytes) in out.iter_mut().zip(stored.as_chunks().0) {
                    *x = f32::from_ne_bytes(*bytes);
                }
            }
            Self::F16 => {
                let (blocks, rest) = out.as_chunks_mut::<8>();
                let (stored, stored_rest) = stored.as_chunks::<16>();
                let one = |bytes: &[u8; 2]| f16::from_ne_bytes(*bytes);
                for (block, bytes) in blocks.iter_mut().zip(stored) {
                    // Eight at once: one instruction.
                    let halves: [f16; 8] = std::array::from_fn(|i| one(&bytes.as_chunks().0[i]));
                    halves.convert_to_f32_slice(block);
                    for x in block.iter_mut() {
                        *x *= scale;
                    }
                }
                for (x, bytes) in rest.iter_mut().zip(stored_rest.as_chunks().0) {
                    *x = one(bytes).to_f32() * scale;
                }
            }
            Self::Int8 | Self::Whole => {
                for (x, byte) in out.iter_mut().zip(stored) {
                    *x = f32::from(i8::from_ne_bytes([*byte])) * scale;
                }
            }
        }
    }
}

/// Above this, rounding could give what float32 cannot hold.
const LARGEST_ROUNDED: f32 = 3.4e38;

/// Float32 as it lies in memory; none where it is not aligned.
#[must_use]
pub fn as_floats(bytes: &[u8]) -> &[f32] {
    // SAFETY: any bits are a float32.
    let (before, floats, _) = unsafe { bytes.align_to() };
    if before.is_empty() { floats } else { &[] }
}

/// The power of two above the largest element, so that all are below 1; 1 for zero.
fn power_above(largest: f32) -> f32 {
    if largest == 0.0 || !largest.is_finite() {
        return 1.0;
    }
    // Of the largest finite numbers the power above is not finite.
    let exponent = (largest.to_bits() >> 23).min(252) + 1;
    f32::from_bits(exponent.max(2) << 23)
}

/// A 127th of the largest element; 1 for zero.
fn step(largest: f32) -> f32 {
    let step = largest.min(LARGEST_ROUNDED) / 127.0;
    if step > 0.0 && step.is_finite() {
        step
    } else {
        1.0
    }
}

/// Writes a vector in steps and gives the step.
fn in_steps(vector: &[f32], step: f32, out: &mut [u8]) -> f32 {
    for (x, place) in vector.iter().zip(out) {
        #[expect(clippy::cast_possible_truncation, reason = "-128 to 127, saturating")]
        let rounded = (x / step).round() as i8;
        *place = rounded.to_ne_bytes()[0];
    }
    step
}

/// A step of which all elements are whole multiples, up to 128; the largest such step. The largest element is
/// one of these 128 multiples of it, so 128 steps are tried. If the vector is whole numbers times some number,
/// a wrong step is detected: it leaves an element at least a 128th off a whole number.
fn whole_step(vector: &[f32], largest: f32) -> f32 {
    let whole = |x: f32| (x - x.round()).abs() < 1.0 / 512.0;
    let mut steps = (1..=128_u8).map(|multiple| largest / f32::from(multiple));
    let found = steps.find(|step| vector.iter().all(|x| whole(x / step)));
    found.unwrap_or_else(|| step(largest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMS: [Form; 4] = [Form::F32, Form::F16, Form::Int8, Form::Whole];

    /// The scale of a vector, and what is read of it.
    fn round_trip(form: Form, vector: &[f32]) -> (f32, Vec<f32>) {
        let mut stored = vec![0; form.bytes(vector.len())];
        let scale = form.encode(vector, &mut stored);
        let mut decoded = vec![f32::NAN; vector.len()];
        form.decode(&stored, scale, &mut decoded);
        (scale, decoded)
    }

    proptest! {
        #[test]
        fn what_is_read_is_near_what_was_written(
            vector in prop::collection::vec(-1.0_f32..1.0, 1..50), power in -100_i32..120
        ) {
            let vector: Vec<f32> = vector.iter().map(|x| x * 2.0_f32.powi(power)).collect();
            let largest = vector.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            for (form, bound) in [(Form::F32, 0.0), (Form::F16, largest / 2048.0), (Form::Int8, largest / 253.0)] {
                let (_, decoded) = round_trip(form, &vector);
                for (x, y) in vector.iter().zip(&decoded) {
                    prop_assert!((x - y).abs() <= bound, "{:?} {} {}", form, x, y);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn int8_is_stored_as_it_is_whatever_it_is_scaled_by(
            bytes in prop::collection::vec(any::<i8>(), 1..50), scale in 1e-4_f32..1e4
        ) {
            let largest = bytes.iter().fold(0, |largest, x| largest.max(x.unsigned_abs()));
            for by in [1.0, scale] {
                let vector: Vec<f32> = bytes.iter().map(|x| f32::from(*x) * by).collect();
                let (_, decoded) = round_trip(Form::Whole, &vector);
                for (x, y) in vector.iter().zip(&decoded) {
                    prop_assert!((x - y).abs() <= f32::from(largest) * by * 3e-7, "{} {}", x, y);
                }
            }
        }
    }

    #[test]
    fn extremes_stay_finite_and_zero_stays_zero() {
        for largest in [
            0.0,
            f32::MIN_POSITIVE / 64.0,
            1e-30,
            65_504.0,
            1e30,
            f32::MAX,
        ] {
            for form in FORMS {
                let (scale, decoded) = round_trip(form, &[largest, -largest, 0.0]);
                assert!(
                    scale.is_finite() && scale > 0.0,
                    "{form:?} {largest} {scale}"
                );
                assert!(decoded.iter().all(|x| x.is_finite()), "{form:?} {largest}");
                assert!(decoded[2].abs() <= 0.0);
                let error = (decoded[0] - largest).abs();
                assert!(
                    error <= largest / 127.0 || largest < 1e-37,
                    "{form:?} {largest} {error}"
                );
            }
        }
    }

    #[test]
    fn a_byte_names_its_form() {
        for form in FORMS {
            assert_eq!(Form::from_byte(form as u8), Some(form));
        }
        assert_eq!(Form::from_byte(4), None);
    }
}
