//! Rotation: a random orthogonal map, so that every coordinate tells as much as any other.

#![allow(
    unsafe_code,
    reason = "calling a function compiled for a CPU feature that was tested for"
)]

use std::f32::consts::FRAC_1_SQRT_2;

use std::sync::LazyLock;

use crate::distance::wide::widened;

/// Rounds of signs and mixing; two spread a coordinate over all others, four leave no pattern.
const ROUNDS: usize = 4;

/// Random signs and fast Hadamard transforms, `O(d log d)`.
///
/// A round flips signs, transforms the largest power of two of coordinates, in turn the first and
/// the last ones, and where that is not all of them, mixes the first half with the second. Every
/// step keeps lengths and inner products. The same `dims` and seed give the same map everywhere.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// `ROUNDS` times `dims` factors, 1 or -1.
    signs: Vec<f32>,
    dims: usize,
    /// The largest power of two that is at most `dims`.
    power: usize,
}

impl Rotation {
    /// The map for `dims` dimensions, at least one, that a seed gives.
    #[must_use]
    pub fn new(dims: usize, seed: u64) -> Self {
        let mut state = seed;
        let mut sign = || {
            if next(&mut state) >> 63 == 0 {
                1.0
            } else {
                -1.0
            }
        };
        Self {
            signs: (0..ROUNDS * dims).map(|_| sign()).collect(),
            dims,
            power: 1 << dims.max(1).ilog2(),
        }
    }

    /// Rotates `vector` in place. Vectors of another length stay as they are.
    pub fn apply(&self, vector: &mut [f32]) {
        if vector.len() != self.dims || self.dims == 0 {
            return;
        }
        rotate(vector, &self.signs, self.power);
    }

    /// Rotates `vector` back in place. Vectors of another length stay as they are.
    pub fn undo(&self, vector: &mut [f32]) {
        if vector.len() != self.dims || self.dims == 0 {
            return;
        }
        rotate_back(vector, &self.signs, self.power);
    }
}

widened!(fn rotate(vector: &mut [f32], signs: &[f32], power: usize) = rotate_plainly);

#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn rotate_plainly(vector: &mut [f32], signs: &[f32], power: usize) {
    for (round, signs) in signs.chunks_exact(vector.len()).enumerate() {
        for (x, sign) in vector.iter_mut().zip(signs) {
            *x *= sign;
        }
        let rest = vector.len() - power;
        let start = if round % 2 == 0 { 0 } else { rest };
        hadamard(&mut vector[start..start + power]);
        if rest > 0 {
            mix(vector);
        }
    }
}

widened!(fn rotate_back(vector: &mut [f32], signs: &[f32], power: usize) = rotate_back_plainly);

/// Each step is its own inverse, so the same steps are taken, the last one first.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn rotate_back_plainly(vector: &mut [f32], signs: &[f32], power: usize) {
    for (round, signs) in signs.chunks_exact(vector.len()).enumerate().rev() {
        let rest = vector.len() - power;
        let start = if round % 2 == 0 { 0 } else { rest };
        if rest > 0 {
            mix(vector);
        }
        hadamard(&mut vector[start..start + power]);
        for (x, sign) in vector.iter_mut().zip(signs) {
            *x *= sign;
        }
    }
}

/// The generator splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed(*state)
}

/// The last step of that: numbers that follow each other give numbers that look random.
#[must_use]
pub fn mixed(number: u64) -> u64 {
    let z = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Coordinates of a register.
const ROTATED_TOGETHER: usize = 16;

/// The orthonormal Walsh-Hadamard transform; the length is a power of two.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn hadamard(vector: &mut [f32]) {
    let (blocks, _) = vector.as_chunks_mut::<ROTATED_TOGETHER>();
    BLOCKS(blocks);
    let mut half = if vector.len() < ROTATED_TOGETHER {
        1
    } else {
        ROTATED_TOGETHER
    };
    while half < vector.len() {
        for pair in vector.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (x, y) in left.iter_mut().zip(right) {
                (*x, *y) = (*x + *y, *x - *y);
            }
        }
        half *= 2;
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 16,384")]
    let scale = 1.0 / (vector.len() as f32).sqrt();
    for x in vector {
        *x *= scale;
    }
}

/// The transform of 16 coordinates, for each block.
type Blocks = fn(&mut [[f32; ROTATED_TOGETHER]]);

static BLOCKS: LazyLock<Blocks> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        return x86::transform_blocks;
    }
    transform_blocks
});

fn transform_blocks(blocks: &mut [[f32; ROTATED_TOGETHER]]) {
    for block in blocks {
        for half in [1, 2, 4, 8] {
            let left: [f32; ROTATED_TOGETHER] = std::array::from_fn(|i| block[i & !half]);
            let right: [f32; ROTATED_TOGETHER] = std::array::from_fn(|i| block[i | half]);
            for i in 0..ROTATED_TOGETHER {
                let sign = if i & half == 0 { 1.0 } else { -1.0 };
                block[i] = left[i] + sign * right[i];
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_permute_ps, _mm512_shuffle_f32x4,
        _mm512_storeu_ps,
    };

    use super::ROTATED_TOGETHER;

    pub fn transform_blocks(blocks: &mut [[f32; ROTATED_TOGETHER]]) {
        // SAFETY: handed out where the CPU has the feature.
        unsafe { transform_blocks_with(blocks) }
    }

    /// Signs of the second operand of each sum: a product with one is exact, and so is this.
    const fn signs(half: usize) -> [f32; ROTATED_TOGETHER] {
        let mut signs = [1.0; ROTATED_TOGETHER];
        let mut i = 0;
        while i < ROTATED_TOGETHER {
            if i & half != 0 {
                signs[i] = -1.0;
            }
            i += 1;
        }
        signs
    }

    #[target_feature(enable = "avx512f")]
    fn transform_blocks_with(blocks: &mut [[f32; ROTATED_TOGETHER]]) {
        // SAFETY: 64 bytes; the loads need no alignment.
        let load = |floats: &[f32; ROTATED_TOGETHER]| unsafe { _mm512_loadu_ps(floats.as_ptr()) };
        let signs = const { [signs(1), signs(2), signs(4), signs(8)] };
        let signs: [__m512; 4] = [
            load(&signs[0]),
            load(&signs[1]),
            load(&signs[2]),
            load(&signs[3]),
        ];
        for block in blocks {
            let mut x = load(block);
            x = _mm512_fmadd_ps(x, signs[0], _mm512_permute_ps::<0b10_11_00_01>(x));
            x = _mm512_fmadd_ps(x, signs[1], _mm512_permute_ps::<0b01_00_11_10>(x));
            x = _mm512_fmadd_ps(x, signs[2], _mm512_shuffle_f32x4::<0b10_11_00_01>(x, x));
            x = _mm512_fmadd_ps(x, signs[3], _mm512_shuffle_f32x4::<0b01_00_11_10>(x, x));
            // SAFETY: 64 bytes; the store needs no alignment.
            unsafe { _mm512_storeu_ps(block.as_mut_ptr(), x) };
        }
    }
}

/// Turns each coordinate of the first half with one of the second by 45 degrees. The middle one of
/// an odd number stays.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn mix(vector: &mut [f32]) {
    let half = vector.len() / 2;
    let (left, right) = vector.split_at_mut(vector.len() - half);
    for (x, y) in left.iter_mut().zip(right) {
        (*x, *y) = ((*x + *y) * FRAC_1_SQRT_2, (*x - *y) * FRAC_1_SQRT_2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::plain;
    use proptest::prelude::*;

    fn rotated(rotation: &Rotation, vector: &[f32]) -> Vec<f32> {
        let mut vector = vector.to_vec();
        rotation.apply(&mut vector);
        vector
    }

    proptest! {
        #[test]
        fn products_and_lengths_are_kept(
            pairs in prop::collection::vec((-1.0_f32..1.0, -1.0_f32..1.0), 1..400), seed: u64
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let rotation = Rotation::new(a.len(), seed);
            let (x, y) = (rotated(&rotation, &a), rotated(&rotation, &b));
            let size = plain::inner_product(&a, &a) + plain::inner_product(&b, &b);
            let change = plain::inner_product(&a, &b) - plain::inner_product(&x, &y);
            prop_assert!(change.abs() <= 1e-5 * size, "{} of {}", change, size);
            let change = plain::l2_squared(&a, &b) - plain::l2_squared(&x, &y);
            prop_assert!(change.abs() <= 2e-5 * size, "{} of {}", change, size);
            let mut back = x;
            rotation.undo(&mut back);
            for (x, back) in a.iter().zip(&back) {
                prop_assert!((x - back).abs() <= 1e-5 * size.sqrt(), "{} {}", x, back);
            }
        }
    }

    #[test]
    fn one_coordinate_is_spread_over_all() {
        for dims in [64_u16, 100, 128, 384, 768, 1_000, 1_536, 16_000] {
            let rotation = Rotation::new(dims.into(), 42);
            for hot in [0, dims / 3, dims - 1] {
                let mut vector = vec![0.0; dims.into()];
                vector[usize::from(hot)] = 1.0;
                rotation.apply(&mut vector);
                let largest = vector.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
                assert!(
                    largest < 6.0 / f32::from(dims).sqrt(),
                    "{dims} {hot} {largest}"
                );
                let half = plain::inner_product(
                    &vector[..usize::from(dims / 2)],
                    &vector[..usize::from(dims / 2)],
                );
                assert!((0.25..0.75).contains(&half), "{dims} {hot} {half}");
            }
        }
    }

    #[test]
    fn blocks_are_transformed_alike_by_all() {
        let mut state = 5;
        let mut random =
            || f32::from(u16::try_from(next(&mut state) >> 48).unwrap()) / 256.0 - 128.0;
        let mut blocks: Vec<[f32; ROTATED_TOGETHER]> =
            (0..9).map(|_| std::array::from_fn(|_| random())).collect();
        let mut plain = blocks.clone();
        transform_blocks(&mut plain);
        BLOCKS(&mut blocks);
        assert_eq!(blocks, plain);
    }

    #[test]
    fn a_seed_gives_one_map() {
        let vector: Vec<f32> = (0..100_u8).map(f32::from).collect();
        let at = |seed| rotated(&Rotation::new(100, seed), &vector);
        assert_eq!(at(7), at(7));
        assert_ne!(at(7), at(8));
    }
}
