//! Code: one bit a coordinate, and the two numbers that make distances of it.

#![allow(
    unsafe_code,
    reason = "calling a function compiled for a CPU feature that was tested for"
)]

use crate::distance::simd::kernels;

use crate::distance::wide::{total, widened};

/// What a code's bits do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Factors {
    /// `|x - c|^2`.
    pub squared: f32,
    /// The factor of the sum of signs, below.
    pub slope: f32,
}

/// Encodes `offset = x - c` (rotated) by the signs of its first `bits` coordinates; `code` has
/// `bits / 8` bytes. Bit `i` is set where coordinate `i` is not negative; bits beyond the last
/// coordinate are set.
///
/// Let `b` be the signs of the `P` coordinates that are coded, as 1 and -1, and `y = offset`. For a
/// query with `v = q - c`,
///
/// ```text
/// |x - q|^2 = |y|^2 + |v|^2 - 2 <y, v>,    2 <y, v> ~ -slope * sum b_i v_i,
/// slope = -2 |y|^2 / sum_{i < P} |y_i|
/// ```
///
/// `v` is the sum of a part along `y` and one at right angles to it. The first gives
/// `-slope * <b, y> <y, v> / |y|^2 = 2 <y, v>` exactly; the second has mean zero, because the
/// rotation is random (Gao and Long, SIGMOD 2024, theorem 3.2). Where `P` is less than the
/// dimensions the code is that of a random projection, and the same holds.
pub fn encode(offset: &[f32], bits: usize, code: &mut [u8]) -> Factors {
    let squared = (kernels().inner_product)(offset, offset);
    let sizes = signs(&offset[..offset.len().min(bits)], code);
    let slope = if sizes > 0.0 {
        -2.0 * squared / sizes
    } else {
        0.0
    };
    Factors { squared, slope }
}

/// `sum b_i v_i` for the signs `b` with which [`encode`] encodes `offset` by `bits` bits.
#[must_use]
pub fn signed_sum(offset: &[f32], bits: usize, v: &[f32]) -> f32 {
    let coded = offset.len().min(bits).min(v.len());
    sum_by_signs(&offset[..coded], &v[..coded])
}

widened!(
    /// Writes a bit for each coordinate and gives the sum of their sizes.
    fn signs(offset: &[f32], code: &mut [u8]) -> f32 = signs_plainly
);
widened!(fn sum_by_signs(offset: &[f32], v: &[f32]) -> f32 = sum_by_signs_plainly);

#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn signs_plainly(offset: &[f32], code: &mut [u8]) -> f32 {
    let (blocks, rest) = offset.as_chunks::<32>();
    let (words, _) = code.as_chunks_mut::<4>();
    let mut sums = [0.0_f32; 32];
    for (block, word) in blocks.iter().zip(words) {
        let mut bits = 0_u32;
        for i in 0..32 {
            sums[i] += block[i].abs();
            bits |= u32::from(block[i] < 0.0) << i;
        }
        *word = (!bits).to_le_bytes();
    }
    let (_, code_rest) = code.split_at_mut(code.len().min(4 * blocks.len()));
    code_rest.fill(0xFF);
    for (byte, part) in code_rest.iter_mut().zip(rest.chunks(8)) {
        for (bit, x) in part.iter().enumerate() {
            *byte &= !(u8::from(*x < 0.0) << bit);
        }
    }
    total(&sums) + rest.iter().map(|x| x.abs()).sum::<f32>()
}

#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn sum_by_signs_plainly(offset: &[f32], v: &[f32]) -> f32 {
    let (signs, signs_rest) = offset.as_chunks::<32>();
    let (values, values_rest) = v.as_chunks::<32>();
    let signed = |sign: f32, value: f32| if sign < 0.0 { -value } else { value };
    let mut sums = [0.0_f32; 32];
    for (signs, values) in signs.iter().zip(values) {
        for i in 0..32 {
            sums[i] += signed(signs[i], values[i]);
        }
    }
    let rest = signs_rest.iter().zip(values_rest);
    total(&sums) + rest.map(|(sign, value)| signed(*sign, *value)).sum::<f32>()
}

/// The standard error of an estimated squared distance: `2 |y| |v| sqrt((1 - a^2) / (a^2 (D - 1)))`,
/// where `a = <b, y> / (|b| |y|)` is the cosine between offset and code, `P` bits of `dims` are
/// coded and `query` is `|v|`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "at most 16,000")]
pub fn standard_error(factors: Factors, query: f32, bits: usize, dims: usize) -> f32 {
    if factors.slope == 0.0 || dims < 2 {
        return 0.0;
    }
    // |y| / a = |y|^2 |b| / <b, y> = -slope |b| / 2
    let coded = bits.min(dims) as f32;
    let along = factors.slope * factors.slope * coded / 4.0;
    2.0 * query * ((along - factors.squared).max(0.0) / (dims - 1) as f32).sqrt()
}

/// Rounds to bfloat16, ties to even.
#[must_use]
pub fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = if value.is_nan() {
        bits | 1 << 22
    } else {
        bits.wrapping_add(0x7FFF + (bits >> 16 & 1))
    };
    u16::try_from(rounded >> 16).unwrap_or(u16::MAX)
}

/// Widens bfloat16.
#[must_use]
pub fn from_bf16(value: u16) -> f32 {
    f32::from_bits(u32::from(value) << 16)
}

#[cfg(test)]
mod tests {
    use super::super::Rotation;
    use super::*;
    use crate::distance::plain;
    use proptest::prelude::*;

    fn random(state: &mut u64, dims: usize) -> Vec<f32> {
        let mut uniform = || {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            f32::from(u16::try_from(*state >> 48).unwrap()) / 32_768.0 - 1.0
        };
        (0..dims).map(|_| uniform()).collect()
    }

    fn sum(code: &[u8], query: &[f32]) -> f32 {
        let sign = |i: usize| {
            if code[i / 8] >> (i % 8) & 1 == 1 {
                1.0
            } else {
                -1.0
            }
        };
        let coded = query.iter().take(code.len() * 8).enumerate();
        coded.map(|(i, v)| sign(i) * v).sum()
    }

    /// Mean and deviation of the error, both in units of the stated standard error.
    fn errors(dims: usize, bits: usize) -> (f32, f32) {
        let (mut state, mut total, mut spread) = (dims as u64, 0.0, 0.0);
        let rounds = 3_000_u16;
        for seed in 0..rounds {
            // Random vectors that are near each other, rotated anew each time.
            let x = random(&mut state, dims);
            let noise = random(&mut state, dims);
            let q: Vec<f32> = x
                .iter()
                .zip(&noise)
                .map(|(x, n)| 0.3 * x + 0.7 * n)
                .collect();
            let rotation = Rotation::new(dims, seed.into());
            let (mut y, mut v) = (x, q);
            rotation.apply(&mut y);
            rotation.apply(&mut v);
            let mut code = vec![0; bits / 8];
            let factors = encode(&y, bits, &mut code);
            let length = plain::inner_product(&v, &v);
            let estimate = factors.squared + length + factors.slope * sum(&code, &v);
            let stated = standard_error(factors, length.sqrt(), bits, dims);
            // The part of the query along the vector has no error.
            let cosine = plain::inner_product(&y, &v) / (factors.squared * length).sqrt();
            let stated = stated * (1.0 - cosine * cosine).sqrt();
            let error = (estimate - plain::l2_squared(&y, &v)) / stated;
            total += error;
            spread += error * error;
        }
        let rounds = f32::from(rounds);
        (total / rounds, (spread / rounds).sqrt())
    }

    #[test]
    fn estimates_are_unbiased_and_as_good_as_stated() {
        for (dims, bits) in [(64, 64), (100, 112), (384, 384), (384, 256), (1_536, 512)] {
            let (mean, deviation) = errors(dims, bits);
            assert!(mean.abs() < 0.08, "{dims} {bits}: mean {mean}");
            assert!(
                (0.8..1.2).contains(&deviation),
                "{dims} {bits}: {deviation}"
            );
        }
    }

    #[test]
    fn zero_is_its_own_estimate() {
        let mut code = [0; 2];
        let factors = encode(&[0.0; 5], 16, &mut code);
        assert_eq!(factors, Factors::default());
        assert_eq!(code, [0xFF; 2]);
        assert!(standard_error(factors, 1.0, 16, 5).abs() <= 0.0);
    }

    proptest! {
        #[test]
        fn bits_are_signs(offset in prop::collection::vec(-1.0_f32..1.0, 1..100)) {
            let bits = offset.len().next_multiple_of(16);
            let mut code = vec![0; bits / 8];
            let factors = encode(&offset, bits, &mut code);
            for (i, x) in offset.iter().enumerate() {
                prop_assert_eq!(code[i / 8] >> (i % 8) & 1 == 1, *x >= 0.0);
            }
            let by_bits = sum(&code, &offset);
            prop_assert!((signed_sum(&offset, bits, &offset) - by_bits).abs() <= 1e-4);
            // Asked for itself, a vector is at distance 0.
            let own = 2.0 * factors.squared + factors.slope * sum(&code, &offset);
            prop_assert!(own.abs() <= 1e-5 * factors.squared);
        }

        #[test]
        fn bf16_is_the_nearest(value in -1e30_f32..1e30) {
            let (found, down) = (from_bf16(to_bf16(value)), value.to_bits() >> 16);
            let candidates = [down, down + 1].map(|b| f32::from_bits(b << 16));
            let best = candidates.map(|c| (c - value).abs()).into_iter().fold(f32::MAX, f32::min);
            prop_assert!((found - value).abs() <= best);
        }
    }

    #[test]
    fn bf16_keeps_what_is_not_finite() {
        assert!(from_bf16(to_bf16(f32::NAN)).is_nan());
        assert_eq!(
            from_bf16(to_bf16(f32::INFINITY)).to_bits(),
            f32::INFINITY.to_bits()
        );
        assert_eq!(from_bf16(to_bf16(-2.0)).to_bits(), (-2.0_f32).to_bits());
    }
}
