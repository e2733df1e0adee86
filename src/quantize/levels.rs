//! Levels: two bits a coordinate, for values that are looked at one by one and whose order must be known well
//! before any of them is read.
//!
//! A code has 32 bytes for each 128 coordinates: byte `j` holds coordinates `j`, `j + 32`, `j + 64` and
//! `j + 96`, from its lowest bits on.

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::sync::LazyLock;

use crate::distance::simd::kernels;

/// Bits of a level.
const LEVEL_BITS: usize = 2;

/// Coordinates of a byte.
const COORDINATES_PER_BYTE: usize = 8 / LEVEL_BITS;

/// The largest level, which is the largest coordinate's: levels are odd numbers from `-HIGHEST_LEVEL` to it.
const HIGHEST_LEVEL: u8 = (1 << LEVEL_BITS) - 1;

/// Bytes of a block, and its coordinates.
const BLOCK_BYTES: usize = 32;
const BLOCK_COORDINATES: usize = COORDINATES_PER_BYTE * BLOCK_BYTES;

/// The step between levels, for coordinates of deviation 1: the best for normal ones (Max 1960, table II, 4
/// levels).
const LEVEL_STEP: f32 = 0.9957;

/// What a code's levels do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Levels {
    /// `|y|^2`.
    pub squared: f32,
    /// The factor of a sum of levels, below.
    pub slope: f32,
    /// The standard error of an estimated squared distance, where `|v|` is 1.
    pub error: f32,
}

/// Bytes of the code of a vector.
#[must_use]
pub fn level_bytes(dims: usize) -> usize {
    dims.div_ceil(BLOCK_COORDINATES) * BLOCK_BYTES
}

/// Encodes `y = x - c` (rotated), into [`level_bytes`] bytes.
///
/// Let `b` be the levels, odd numbers from -3 to 3. As with [one bit](super::encode), for a query with
/// `v = q - c`
///
/// ```text
/// |x - q|^2 = |y|^2 + |v|^2 - 2 <y, v>,    2 <y, v> ~ -slope * <b, v>,    slope = -2 |y|^2 / <b, y>
/// ```
///
/// and the standard error is `2 |y| |v| sqrt((1 - a^2) / (a^2 (D - 1)))` with `a = <b, y> / (|b| |y|)`.
pub fn encode_levels(y: &[f32], code: &mut [u8]) -> Levels {
    code.fill(0);
    let squared = (kernels().inner_product)(y, y);
    let dims = f32::from(u16::try_from(y.len().max(2)).unwrap_or(u16::MAX));
    let steps = dims.sqrt() / (LEVEL_STEP * squared.sqrt());
    let (mut along, mut length) = (0.0_f32, 0.0_f32);
    for (block, bytes) in y
        .chunks(BLOCK_COORDINATES)
        .zip(code.chunks_exact_mut(BLOCK_BYTES))
    {
        for (i, x) in block.iter().enumerate() {
            // Not-a-number and what is too large come to the ends.
            let most = f32::from(HIGHEST_LEVEL);
            let level = (x * steps + f32::midpoint(most, 1.0)).clamp(0.0, most);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 3"
            )]
            let level = level as u8;
            let b = 2.0 * f32::from(level) - most;
            along += b * x;
            length += b * b;
            bytes[i % BLOCK_BYTES] |= level << (i / BLOCK_BYTES * LEVEL_BITS);
        }
    }
    if squared <= 0.0 {
        return Levels::default();
    }
    let slope = -2.0 * squared / along;
    // |y| / a = |y|^2 |b| / <b, y> = -slope |b| / 2
    let across = (slope * slope * length / 4.0 - squared).max(0.0);
    let error = 2.0 * (across / (dims - 1.0)).sqrt();
    Levels {
        squared,
        slope,
        error,
    }
}

/// A query for such codes, in int8.
#[derive(Clone, Debug)]
pub struct LevelQuery {
    /// Coordinates of each block, in order.
    coordinates: Vec<i8>,
    scale: f32,
    /// The sum of all coordinates.
    total: i32,
    sum: LevelSum,
}

impl LevelQuery {
    /// Prepares `v = q - c` (rotated).
    #[must_use]
    pub fn new(v: &[f32]) -> Self {
        let largest = v.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let scale = largest / 127.0;
        #[expect(clippy::cast_possible_truncation, reason = "from -127 to 127")]
        let rounded = v.iter().map(|x| (x / scale).round() as i8);
        let mut coordinates: Vec<i8> = rounded.collect();
        coordinates.resize(v.len().next_multiple_of(BLOCK_COORDINATES), 0);
        Self {
            total: coordinates.iter().map(|x| i32::from(*x)).sum(),
            coordinates,
            scale,
            sum: *SUM,
        }
    }

    /// `<b, v>` for the levels `b` of a code.
    #[must_use]
    #[inline]
    pub fn sum(&self, code: &[u8]) -> f32 {
        let product = (self.sum)(code, &self.coordinates);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let sum = (2 * product - i32::from(HIGHEST_LEVEL) * self.total) as f32;
        self.scale * sum
    }
}

/// The sum of coordinates, each times its level counted from 0.
type LevelSum = fn(&[u8], &[i8]) -> i32;

static SUM: LazyLock<LevelSum> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return x86::avx2;
    }
    portable
});

fn portable(code: &[u8], query: &[i8]) -> i32 {
    let blocks = code
        .chunks_exact(BLOCK_BYTES)
        .zip(query.chunks_exact(BLOCK_COORDINATES));
    let parts = blocks.flat_map(|(code, query)| {
        let parts = query.chunks_exact(BLOCK_BYTES).enumerate();
        parts.flat_map(|(part, query)| {
            let levels = code
                .iter()
                .map(move |byte| byte >> (part * LEVEL_BITS) & HIGHEST_LEVEL);
            levels.zip(query)
        })
    });
    let products = parts.map(|(level, x)| i32::from(level) * i32::from(*x));
    products.sum()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32, _mm256_add_epi16, _mm256_add_epi32,
        _mm256_and_si256, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256,
        _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16,
        _mm256_setzero_si256, _mm256_srli_epi16,
    };

    use super::{BLOCK_BYTES, BLOCK_COORDINATES, HIGHEST_LEVEL};

    pub fn avx2(code: &[u8], query: &[i8]) -> i32 {
        // SAFETY: handed out where the CPU has the feature.
        unsafe { avx2_with(code, query) }
    }

    #[target_feature(enable = "avx2")]
    fn avx2_with(code: &[u8], query: &[i8]) -> i32 {
        let codes = code.as_chunks::<BLOCK_BYTES>().0;
        let queries = query.as_chunks::<BLOCK_COORDINATES>().0;
        let (level, ones) = (
            _mm256_set1_epi8(HIGHEST_LEVEL.cast_signed()),
            _mm256_set1_epi16(1),
        );
        let mut sums = _mm256_setzero_si256();
        for (code, query) in codes.iter().zip(queries) {
            let load = |bytes: *const u8| {
                // SAFETY: 32 bytes, of the code and of each part of the query.
                unsafe { _mm256_loadu_si256(bytes.cast()) }
            };
            let query = query.as_ptr().cast::<u8>();
            let query = [0, 1, 2, 3].map(|part| load(query.wrapping_add(part * BLOCK_BYTES)));
            let code = load(code.as_ptr());
            let parts = [
                code,
                _mm256_srli_epi16::<2>(code),
                _mm256_srli_epi16::<4>(code),
                _mm256_srli_epi16::<6>(code),
            ];
            // Each at most 2 x 3 x 127.
            let [a, b, c, d] = [0, 1, 2, 3].map(|part: usize| {
                _mm256_maddubs_epi16(_mm256_and_si256(parts[part], level), query[part])
            });
            let pairs = _mm256_add_epi16(_mm256_add_epi16(a, b), _mm256_add_epi16(c, d));
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, ones));
        }
        let upper = _mm256_extracti128_si256::<1>(sums);
        let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), upper);
        let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b0100_1110>(sums));
        _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_shuffle_epi32::<0b1011_0001>(sums)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Rotation;
    use super::*;
    use crate::distance::plain;

    proptest! {
        #[test]
        fn kernels_agree(
            code in prop::collection::vec(any::<u8>(), 0..200),
            query in prop::collection::vec(-127_i8..=127, 800),
        ) {
            prop_assert_eq!(SUM(&code, &query), portable(&code, &query));
        }

        #[test]
        fn estimates_are_as_good_as_stated(
            x in prop::collection::vec(-1.0_f32..1.0, 384),
            q in prop::collection::vec(-1.0_f32..1.0, 384),
            seed in any::<u64>(),
        ) {
            let (mut y, mut v) = (x, q);
            let rotation = Rotation::new(384, seed);
            rotation.apply(&mut y);
            rotation.apply(&mut v);
            let mut code = vec![0; level_bytes(384)];
            let levels = encode_levels(&y, &mut code);
            let length = plain::inner_product(&v, &v);
            let estimate = levels.squared + length + levels.slope * LevelQuery::new(&v).sum(&code);
            let off = (estimate - plain::l2_squared(&y, &v)).abs();
            // The query is rounded too.
            prop_assert!(off <= 6.0 * levels.error * length.sqrt() + 1e-4 * length, "{} {}", off, levels.error);
            prop_assert!(levels.error < 0.06 * levels.squared.sqrt(), "{}", levels.error);
        }

        #[test]
        fn levels_follow_coordinates(y in prop::collection::vec(-1.0_f32..1.0, 1..200)) {
            let mut code = vec![0; level_bytes(y.len())];
            let levels = encode_levels(&y, &mut code);
            // Asked for itself, a vector is nearly at distance 0, whatever its size.
            let own = 2.0 * levels.squared + levels.slope * LevelQuery::new(&y).sum(&code);
            prop_assert!(own.abs() <= 0.02 * levels.squared, "{} of {}", own, levels.squared);
        }
    }

    #[test]
    fn nothing_is_at_its_own_place() {
        let mut code = vec![0; level_bytes(5)];
        assert_eq!(encode_levels(&[0.0; 5], &mut code), Levels::default());
        assert!(LevelQuery::new(&[0.0; 5]).sum(&code).abs() <= 0.0);
    }
}
