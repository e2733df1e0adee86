//! Packed: two to seven bits an element of a rotated vector, in extended `RaBitQ` (Gao and others, SIGMOD 2025).
//!
//! Let `b` be the levels of `y`: odd numbers from `1 - 2^B` to `2^B - 1`. As with [one bit](super::encode), for a
//! query `v`
//!
//! ```text
//! |y - v|^2 ~ |y|^2 + |v|^2 - 2 scale <b, v>,    <y, v> ~ scale <b, v>,    scale = |y|^2 / <b, y>
//! ```
//!
//! The point `scale b` is `y` and an error `e` at right angles to it, `|e|^2 = scale^2 |b|^2 - |y|^2`. Because `y` is
//! rotated at random, `<e, v>` has mean zero and a standard error of `|e| |v'| / sqrt(D - 1)`, where `v'` is the part
//! of `v` at right angles to `y`.
//!
//! ```text
//! 0 |y|^2 f32 | 4 |e| f32 | for each 32 elements B times 32 bits: the lowest of each level first
//! ```

#![allow(
    unsafe_code,
    reason = "calling a function compiled for a CPU feature that was tested for"
)]

use crate::distance::simd::kernels;
use crate::distance::wide::{total, widened};

/// Bytes before the levels.
const FACTOR_BYTES: usize = 8;

/// Elements of a block.
const BLOCK: usize = 32;

/// Steps that are tried for a vector, as shares of the best step for normal coordinates: the one that leaves the least
/// error is taken.
const STEPS_TRIED: [f32; 5] = [1.0, 0.8, 0.9, 1.12, 1.25];

/// How many bits an element has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PackedForm {
    /// 4 levels.
    Two = 2,
    /// 8 levels.
    Three = 3,
    /// 16 levels.
    Four = 4,
    /// 32 levels.
    Five = 5,
    /// 64 levels.
    Six = 6,
    /// 128 levels.
    Seven = 7,
}

/// What a packed vector says beside its levels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PackedFactors {
    /// `|y|^2`.
    pub squared: f32,
    /// `|e|`, the length of the error. Infinite where a number on the way to it overflows.
    pub off: f32,
}

impl PackedForm {
    /// The form of so many bits an element; None but for 2 to 7.
    #[must_use]
    pub fn of_bits(bits: u8) -> Option<Self> {
        [
            Self::Two,
            Self::Three,
            Self::Four,
            Self::Five,
            Self::Six,
            Self::Seven,
        ]
        .into_iter()
        .find(|form| *form as u8 == bits)
    }

    /// Bits of an element.
    #[must_use]
    pub fn bits(self) -> usize {
        usize::from(self as u8)
    }

    /// Bytes of a vector.
    #[must_use]
    pub fn bytes(self, dims: usize) -> usize {
        FACTOR_BYTES + dims.div_ceil(BLOCK) * self.bits() * (BLOCK / 8)
    }

    /// The largest level.
    fn most(self) -> u8 {
        (1 << self.bits()) - 1
    }

    /// The best step between levels for normal coordinates of deviation 1 (Max 1960, table II).
    fn normal_step(self) -> f32 {
        match self {
            Self::Two => 0.9957,
            Self::Three => 0.5860,
            Self::Four => 0.3352,
            Self::Five => 0.1881,
            Self::Six => 0.1041,
            Self::Seven => 0.0569,
        }
    }

    /// Writes a rotated vector into [`PackedForm::bytes`] bytes and gives its scale.
    pub fn encode(self, y: &[f32], out: &mut [u8]) -> f32 {
        out.fill(0);
        let Some((factors, levels)) = out.split_first_chunk_mut::<FACTOR_BYTES>() else {
            return 0.0;
        };
        let squared = (kernels().inner_product)(y, y);
        let dims = f32::from(u16::try_from(y.len()).unwrap_or(u16::MAX));
        let deviation = (squared / dims).sqrt();
        let most = f32::from(self.most());
        let mut best = (0.0, 0.0, Levelled::default());
        for share in STEPS_TRIED {
            let steps = 1.0 / (share * self.normal_step() * deviation);
            let levelled = levelled(y, steps, most);
            let cosine = levelled.along / levelled.squared.sqrt();
            if cosine > best.0 {
                best = (cosine, steps, levelled);
            }
        }
        let (
            _,
            steps,
            Levelled {
                along,
                squared: length,
            },
        ) = best;
        let (mut scale, mut found) = (squared / along, PackedFactors::default());
        if scale.is_normal() && squared.is_normal() {
            self.write(y, steps, levels);
            let across = scale * scale * length - squared;
            // What rounds to less than nothing is as exact as float32 tells.
            let off = across.max(squared * f32::EPSILON).sqrt();
            found = PackedFactors { squared, off };
        } else {
            let largest = y.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            scale = 0.0;
            // It is taken to be zero: true of zero itself, and nearly of what is so small that its square is zero.
            found.off = if largest < 1.0 {
                largest * dims.sqrt()
            } else {
                f32::INFINITY
            };
        }
        let [a, b] = [found.squared.to_ne_bytes(), found.off.to_ne_bytes()];
        factors[..4].copy_from_slice(&a);
        factors[4..].copy_from_slice(&b);
        scale
    }

    fn write(self, y: &[f32], steps: f32, levels: &mut [u8]) {
        let most = f32::from(self.most());
        let blocks = levels.chunks_exact_mut(self.bits() * (BLOCK / 8));
        for (elements, planes) in y.chunks(BLOCK).zip(blocks) {
            for (i, x) in elements.iter().enumerate() {
                let level = level(*x, steps, most);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 0 to 127"
                )]
                let level = level as u8;
                for (bit, plane) in planes.chunks_exact_mut(BLOCK / 8).enumerate() {
                    if let Some(byte) = plane.get_mut(i / 8) {
                        *byte |= (level >> bit & 1) << (i % 8);
                    }
                }
            }
        }
    }

    /// What a vector says beside its levels.
    #[must_use]
    pub fn factors(self, own: &[u8]) -> PackedFactors {
        let Some((a, rest)) = own.split_first_chunk() else {
            return PackedFactors::default();
        };
        PackedFactors {
            squared: f32::from_ne_bytes(*a),
            off: rest.first_chunk().map_or(0.0, |b| f32::from_ne_bytes(*b)),
        }
    }

    /// Says that a vector stands for one from which it may be `by` away.
    pub fn widen(self, own: &mut [u8], by: f32) {
        let off = self.factors(own).off + by;
        if let Some(place) = own.get_mut(4..FACTOR_BYTES) {
            place.copy_from_slice(&off.to_ne_bytes());
        }
    }

    /// The inner product of `v` with the point `scale b`: an estimate of that with the vector.
    #[must_use]
    pub fn inner_product(self, v: &[f32], own: &[u8], scale: f32) -> f32 {
        let levels = own.get(FACTOR_BYTES..).unwrap_or_default();
        let sum = match self {
            Self::Two => two(v, levels),
            Self::Three => three(v, levels),
            Self::Four => four(v, levels),
            Self::Five => five(v, levels),
            Self::Six => six(v, levels),
            Self::Seven => seven(v, levels),
        };
        scale * sum
    }

    /// The point `scale b`: the vector and its error.
    pub fn decode(self, own: &[u8], scale: f32, out: &mut [f32]) {
        let levels = own.get(FACTOR_BYTES..).unwrap_or_default();
        let most = f32::from(self.most());
        let blocks = levels.chunks_exact(self.bits() * (BLOCK / 8));
        for (out, planes) in out.chunks_mut(BLOCK).zip(blocks) {
            for (i, x) in out.iter_mut().enumerate() {
                let planes = planes.chunks_exact(BLOCK / 8).enumerate();
                let level = planes.fold(0, |level, (bit, plane)| {
                    level | (plane[i / 8] >> (i % 8) & 1) << bit
                });
                *x = scale * (2.0 * f32::from(level) - most);
            }
        }
    }
}

/// Sums over a vector `y` and its levels `b`.
#[derive(Clone, Copy, Debug, Default)]
struct Levelled {
    /// `<b, y>`.
    along: f32,
    /// `|b|^2`.
    squared: f32,
}

/// The level of an element, counted from 0. Not-a-number and what is too large come to the ends.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn level(x: f32, steps: f32, most: f32) -> f32 {
    (x * steps + f32::midpoint(most, 1.0))
        .floor()
        .clamp(0.0, most)
}

widened!(fn levelled(y: &[f32], steps: f32, most: f32) -> Levelled = levelled_plainly);

#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn levelled_plainly(y: &[f32], steps: f32, most: f32) -> Levelled {
    let (blocks, rest) = y.as_chunks::<BLOCK>();
    let (mut along, mut squared) = ([0.0; BLOCK], [0.0; BLOCK]);
    for block in blocks {
        for i in 0..BLOCK {
            let b = 2.0 * level(block[i], steps, most) - most;
            along[i] += b * block[i];
            squared[i] += b * b;
        }
    }
    for (i, x) in rest.iter().enumerate() {
        let b = 2.0 * level(*x, steps, most) - most;
        along[i] += b * x;
        squared[i] += b * b;
    }
    Levelled {
        along: total(&along),
        squared: total(&squared),
    }
}

widened!(fn two(v: &[f32], levels: &[u8]) -> f32 = sum_plainly::<2>);
widened!(fn three(v: &[f32], levels: &[u8]) -> f32 = sum_plainly::<3>);
widened!(fn four(v: &[f32], levels: &[u8]) -> f32 = sum_plainly::<4>);
widened!(fn five(v: &[f32], levels: &[u8]) -> f32 = sum_plainly::<5>);
widened!(fn six(v: &[f32], levels: &[u8]) -> f32 = sum_plainly::<6>);
widened!(fn seven(v: &[f32], levels: &[u8]) -> f32 = sum_plainly::<7>);

/// `<b, v>` for the levels `b` of `B` bits.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn sum_plainly<const B: usize>(v: &[f32], levels: &[u8]) -> f32 {
    let (blocks, rest) = v.as_chunks::<BLOCK>();
    let (blocks_of_planes, _) = levels.as_chunks::<4>().0.as_chunks::<B>();
    let mut sums = [0.0; BLOCK];
    for (block, planes) in blocks.iter().zip(blocks_of_planes) {
        add(block, planes, &mut sums);
    }
    if let Some(planes) = blocks_of_planes.get(blocks.len()) {
        let mut padded = [0.0; BLOCK];
        for (place, x) in padded.iter_mut().zip(rest) {
            *place = *x;
        }
        add(&padded, planes, &mut sums);
    }
    total(&sums)
}

/// Adds the products of a block's elements with their levels.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn add<const B: usize>(v: &[f32; BLOCK], planes: &[[u8; 4]; B], sums: &mut [f32; BLOCK]) {
    let mut levels = [0_i32; BLOCK];
    for (bit, plane) in planes.iter().enumerate() {
        let word = i32::from_le_bytes(*plane);
        for (i, level) in levels.iter_mut().enumerate() {
            *level |= (word >> i & 1) << bit;
        }
    }
    let most = (1 << B) - 1;
    for i in 0..BLOCK {
        #[expect(clippy::cast_precision_loss, reason = "from -127 to 127")]
        let b = (2 * levels[i] - most) as f32;
        sums[i] += b * v[i];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Rotation;
    use super::*;
    use crate::distance::plain;

    const FORMS: [PackedForm; 6] = [
        PackedForm::Two,
        PackedForm::Three,
        PackedForm::Four,
        PackedForm::Five,
        PackedForm::Six,
        PackedForm::Seven,
    ];

    /// A vector's code, and its scale.
    fn packed(form: PackedForm, y: &[f32]) -> (Vec<u8>, f32) {
        let mut own = vec![0; form.bytes(y.len())];
        let scale = form.encode(y, &mut own);
        (own, scale)
    }

    proptest! {
        #[test]
        fn a_sum_is_that_of_what_is_decoded(
            pairs in prop::collection::vec((-1.0_f32..1.0, -1.0_f32..1.0), 1..200)
        ) {
            let (y, v): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            for form in FORMS {
                let (own, scale) = packed(form, &y);
                let mut decoded = vec![0.0; y.len()];
                form.decode(&own, scale, &mut decoded);
                let wanted = plain::inner_product(&decoded, &v);
                let size = plain::inner_product(&decoded, &decoded) + plain::inner_product(&v, &v);
                let found = form.inner_product(&v, &own, scale);
                prop_assert!((found - wanted).abs() <= 1e-5 * size, "{:?}: {} {}", form, found, wanted);
                // The vector itself has no error.
                let factors = form.factors(&own);
                let along = form.inner_product(&y, &own, scale);
                prop_assert!((along - factors.squared).abs() <= 1e-5 * size, "{:?} {}", form, along);
                let off: f32 = y.iter().zip(&decoded).map(|(y, x)| (y - x) * (y - x)).sum();
                prop_assert!((off.sqrt() - factors.off).abs() <= 1e-2 * factors.squared.sqrt(), "{:?} {}", form, off);
            }
        }
    }

    #[test]
    fn kernels_give_the_same_bits() {
        let v: Vec<f32> = (0..100_u8).map(|i| (f32::from(i) * 0.37).sin()).collect();
        let levels: Vec<u8> = (0..=255).map(|i: u8| i.wrapping_mul(151)).collect();
        let levels = levels.repeat(2);
        for (found, plainly) in [
            (two(&v, &levels), sum_plainly::<2>(&v, &levels)),
            (three(&v, &levels), sum_plainly::<3>(&v, &levels)),
            (four(&v, &levels), sum_plainly::<4>(&v, &levels)),
            (five(&v, &levels), sum_plainly::<5>(&v, &levels)),
            (six(&v, &levels), sum_plainly::<6>(&v, &levels)),
            (seven(&v, &levels), sum_plainly::<7>(&v, &levels)),
        ] {
            assert_eq!(found.to_bits(), plainly.to_bits());
        }
    }

    #[test]
    fn errors_are_those_of_the_best_levels_for_normal_coordinates() {
        // sqrt(1 / a^2 - 1), where 1 - a^2 is the least error of Max 1960, table II.
        let known = [0.367, 0.198, 0.108, 0.0592, 0.0323, 0.0175];
        let mut y: Vec<f32> = (0..1_024_u16).map(f32::from).collect();
        Rotation::new(1_024, 3).apply(&mut y);
        for (form, known) in FORMS.into_iter().zip(known) {
            let (own, _) = packed(form, &y);
            let PackedFactors { squared, off } = form.factors(&own);
            let share = off / squared.sqrt();
            assert!(
                (0.8 * known..1.1 * known).contains(&share),
                "{form:?}: {share}"
            );
        }
    }

    #[test]
    fn extremes_are_finite_or_not_trusted() {
        for largest in [0.0, 1e-40, 1e-30, 1e-10, 1e18, 1e25, f32::MAX] {
            for form in FORMS {
                let y: Vec<f32> = (0..40)
                    .map(|i| if i % 3 == 0 { largest } else { -largest / 2.0 })
                    .collect();
                let (own, scale) = packed(form, &y);
                let mut decoded = vec![f32::NAN; y.len()];
                form.decode(&own, scale, &mut decoded);
                let factors = form.factors(&own);
                for (x, y) in decoded.iter().zip(&y) {
                    assert!(
                        x.is_finite() && (x - y).abs() <= 1.01 * factors.off,
                        "{form:?} {largest} {x}"
                    );
                }
            }
        }
    }

    #[test]
    fn bits_name_their_form() {
        for form in FORMS {
            assert_eq!(PackedForm::of_bits(form as u8), Some(form));
        }
        assert_eq!([0, 1, 8].map(PackedForm::of_bits), [None; 3]);
    }
}
