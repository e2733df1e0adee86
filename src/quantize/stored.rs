//! Whole vectors as float32, float16 or int8, and distances to them.

#![allow(
    unsafe_code,
    reason = "calling a function compiled for a CPU feature that was tested for"
)]

use std::sync::LazyLock;

use half::f16;

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
}

/// A sum over a query and a stored vector with its scale.
pub type StoredSum = fn(&[f32], &[u8], f32) -> f32;

/// The kernels for one form. Both operands have the same number of elements; otherwise the shorter
/// one counts.
#[derive(Clone, Copy, Debug)]
pub struct StoredKernels {
    /// Sum of squared differences.
    pub l2_squared: StoredSum,
    /// Sum of products.
    pub inner_product: StoredSum,
}

impl Form {
    /// The form that a byte names.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::F32, Self::F16, Self::Int8]
            .into_iter()
            .find(|form| *form as u8 == byte)
    }

    /// Bytes of a vector.
    #[must_use]
    pub fn bytes(self, dims: usize) -> usize {
        match self {
            Self::F32 => 4 * dims,
            Self::F16 => 2 * dims,
            Self::Int8 => dims,
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
                    let x = x.clamp(-LARGEST, LARGEST);
                    *place = f16::from_f32(x / scale).to_ne_bytes();
                }
                scale
            }
            Self::Int8 => {
                let scale = step(largest);
                for (x, place) in vector.iter().zip(out) {
                    #[expect(clippy::cast_possible_truncation, reason = "-127 to 127, saturating")]
                    let rounded = (x / scale).round() as i8;
                    *place = rounded.to_ne_bytes()[0];
                }
                scale
            }
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
                for (x, bytes) in out.iter_mut().zip(stored.as_chunks().0) {
                    *x = f16::from_ne_bytes(*bytes).to_f32() * scale;
                }
            }
            Self::Int8 => {
                for (x, byte) in out.iter_mut().zip(stored) {
                    *x = f32::from(i8::from_ne_bytes([*byte])) * scale;
                }
            }
        }
    }

    /// The kernels for this CPU.
    #[must_use]
    pub fn kernels(self) -> &'static StoredKernels {
        &CHOSEN[self as usize]
    }
}

/// Above this, rounding could give what float32 cannot hold.
const LARGEST: f32 = 3.4e38;

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
    let step = largest.min(LARGEST) / 127.0;
    if step > 0.0 && step.is_finite() {
        step
    } else {
        1.0
    }
}

static CHOSEN: LazyLock<[StoredKernels; 3]> = LazyLock::new(choose);

fn choose() -> [StoredKernels; 3] {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("f16c") {
            return avx512::KERNELS;
        }
        let f16c = is_x86_feature_detected!("f16c") && is_x86_feature_detected!("fma");
        if is_x86_feature_detected!("avx2") && f16c {
            return avx2::KERNELS;
        }
    }
    portable::KERNELS
}

/// Elements that are widened at once.
const LANES: usize = 16;

/// Independent sums, so that no addition waits for the last.
const SUMS: usize = 2;

/// Folds `step` over a query and a stored vector, `LANES` elements of `N` bytes at a time.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn fold<const N: usize>(
    query: &[f32],
    stored: &[u8],
    widen: impl Fn(&[[u8; N]; LANES]) -> [f32; LANES],
    step: impl Fn(f32, f32, f32) -> f32,
) -> f32 {
    let elements = stored.as_chunks::<N>().0;
    let shared = query.len().min(elements.len());
    let (query, query_rest) = query[..shared].as_chunks::<LANES>();
    let (elements, elements_rest) = elements[..shared].as_chunks::<LANES>();
    let mut sums = [[0.0_f32; LANES]; SUMS];
    let (queries, query_last) = query.as_chunks::<SUMS>();
    let (stored, stored_last) = elements.as_chunks::<SUMS>();
    for (queries, stored) in queries.iter().zip(stored) {
        for sum in 0..SUMS {
            let x = widen(&stored[sum]);
            for i in 0..LANES {
                sums[sum][i] = step(queries[sum][i], x[i], sums[sum][i]);
            }
        }
    }
    for (query, stored) in query_last.iter().zip(stored_last) {
        let x = widen(stored);
        for i in 0..LANES {
            sums[0][i] = step(query[i], x[i], sums[0][i]);
        }
    }
    let mut last = [[0; N]; LANES];
    last[..elements_rest.len()].copy_from_slice(elements_rest);
    let x = widen(&last);
    let rest = query_rest
        .iter()
        .zip(x)
        .fold(0.0, |sum, (q, x)| step(*q, x, sum));
    let total: [f32; LANES] = std::array::from_fn(|i| sums[0][i] + sums[1][i]);
    let eight: [f32; 8] = std::array::from_fn(|i| total[i] + total[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    (four[0] + four[2]) + (four[1] + four[3]) + rest
}

/// The kernels for one set of CPU features: safe functions that must only be reached through
/// `choose`, which has tested for the features. `$halves` widens 16 float16.
macro_rules! kernels_for {
    ($room:ident, $halves:path, $fused:expr $(, $features:literal)?) => {
        mod $room {
            use super::{StoredKernels, fold};

            pub const KERNELS: [StoredKernels; 3] = [
                StoredKernels { l2_squared: f32_l2, inner_product: f32_dot },
                StoredKernels { l2_squared: f16_l2, inner_product: f16_dot },
                StoredKernels { l2_squared: i8_l2, inner_product: i8_dot },
            ];

            kernels_for!(@form f32_l2 f32_dot, $fused, |x| x.map(f32::from_ne_bytes) $(, $features)?);
            kernels_for!(@form f16_l2 f16_dot, $fused, |x| $halves(x) $(, $features)?);
            kernels_for!(@form i8_l2 i8_dot, $fused, |x| x.map(|x| f32::from(i8::from_ne_bytes(x))) $(, $features)?);
        }
    };
    (@form $l2:ident $dot:ident, $fused:expr, |$x:ident| $widen:expr $(, $features:literal)?) => {
        fn $l2(query: &[f32], stored: &[u8], scale: f32) -> f32 {
            $(#[target_feature(enable = $features)])?
            fn with(query: &[f32], stored: &[u8], scale: f32) -> f32 {
                fold(query, stored, |$x| $widen, |q, x, sum| {
                    let difference = $fused(-scale, x, q);
                    $fused(difference, difference, sum)
                })
            }
            // SAFETY: `choose` hands this out only where the CPU has the features.
            #[allow(unused_unsafe, reason = "the portable kernels need no features")]
            unsafe { with(query, stored, scale) }
        }

        fn $dot(query: &[f32], stored: &[u8], scale: f32) -> f32 {
            $(#[target_feature(enable = $features)])?
            fn with(query: &[f32], stored: &[u8]) -> f32 {
                fold(query, stored, |$x| $widen, |q, x, sum| $fused(q, x, sum))
            }
            // SAFETY: as above.
            #[allow(unused_unsafe, reason = "the portable kernels need no features")]
            let sum = unsafe { with(query, stored) };
            scale * sum
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernels_for!(
    avx512,
    super::x86::halves512,
    f32::mul_add,
    "avx512f,avx2,f16c,fma"
);
#[cfg(target_arch = "x86_64")]
kernels_for!(avx2, super::x86::halves256, f32::mul_add, "avx2,f16c,fma");
kernels_for!(portable, super::halves, |a, b, c| a * b + c);

fn halves(x: &[[u8; 2]; LANES]) -> [f32; LANES] {
    x.map(|x| f16::from_ne_bytes(x).to_f32())
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_loadu_si128, _mm256_cvtph_ps, _mm256_loadu_si256, _mm256_storeu_ps,
        _mm512_cvtph_ps, _mm512_storeu_ps,
    };

    use super::LANES;

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn halves512(x: &[[u8; 2]; LANES]) -> [f32; LANES] {
        let mut out = [0.0; LANES];
        // SAFETY: 32 bytes in, 64 bytes out; neither needs alignment.
        unsafe {
            let halves = _mm256_loadu_si256(x.as_ptr().cast());
            _mm512_storeu_ps(out.as_mut_ptr(), _mm512_cvtph_ps(halves));
        }
        out
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    pub fn halves256(x: &[[u8; 2]; LANES]) -> [f32; LANES] {
        let mut out = [0.0; LANES];
        let (halves, _) = x.as_chunks::<8>();
        let (floats, _) = out.as_chunks_mut::<8>();
        for (halves, floats) in halves.iter().zip(floats) {
            // SAFETY: 16 bytes in, 32 bytes out; neither needs alignment.
            unsafe {
                let halves: __m128i = _mm_loadu_si128(halves.as_ptr().cast());
                _mm256_storeu_ps(floats.as_mut_ptr(), _mm256_cvtph_ps(halves));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::plain;
    use proptest::prelude::*;

    const FORMS: [Form; 3] = [Form::F32, Form::F16, Form::Int8];

    fn all() -> Vec<(&'static str, [StoredKernels; 3])> {
        let mut all = vec![("chosen", *CHOSEN), ("portable", portable::KERNELS)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c") {
                all.push(("avx2", avx2::KERNELS));
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(("avx512", avx512::KERNELS));
            }
        }
        all
    }

    fn round_trip(form: Form, vector: &[f32]) -> (Vec<u8>, f32, Vec<f32>) {
        let mut stored = vec![0; form.bytes(vector.len())];
        let scale = form.encode(vector, &mut stored);
        let mut decoded = vec![f32::NAN; vector.len()];
        form.decode(&stored, scale, &mut decoded);
        (stored, scale, decoded)
    }

    fn check(query: &[f32], vector: &[f32]) {
        for form in FORMS {
            let (stored, scale, decoded) = round_trip(form, vector);
            let size =
                plain::inner_product(query, query) + plain::inner_product(&decoded, &decoded);
            let bound = 1e-5 * size + f32::MIN_POSITIVE;
            let (l2, dot) = (
                plain::l2_squared(query, &decoded),
                plain::inner_product(query, &decoded),
            );
            for (name, kernels) in all() {
                let kernels = kernels[form as usize];
                let found = (kernels.l2_squared)(query, &stored, scale);
                assert!((found - l2).abs() <= bound, "{name} {form:?} {found} {l2}");
                let found = (kernels.inner_product)(query, &stored, scale);
                assert!(
                    (found - dot).abs() <= bound,
                    "{name} {form:?} {found} {dot}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn kernels_agree_with_the_plain_loops(
            pairs in prop::collection::vec((-1e3_f32..1e3, -1e3_f32..1e3), 1..300)
        ) {
            let (query, vector): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            check(&query, &vector);
        }

        #[test]
        fn what_is_read_is_near_what_was_written(
            vector in prop::collection::vec(-1.0_f32..1.0, 1..50), power in -100_i32..120
        ) {
            let vector: Vec<f32> = vector.iter().map(|x| x * 2.0_f32.powi(power)).collect();
            let largest = vector.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            for (form, bound) in [(Form::F32, 0.0), (Form::F16, largest / 2048.0), (Form::Int8, largest / 253.0)] {
                let (_, _, decoded) = round_trip(form, &vector);
                for (x, y) in vector.iter().zip(&decoded) {
                    prop_assert!((x - y).abs() <= bound, "{:?} {} {}", form, x, y);
                }
            }
        }
    }

    #[test]
    fn every_length_is_summed_to_its_end() {
        for len in (1..200).chain([384, 768, 1_536, 16_000]) {
            let mut query = vec![0.0_f32; len];
            query[len - 1] = 3.0;
            check(&query, &vec![0.0; len]);
            check(&vec![0.5; len], &query);
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
                let (_, scale, decoded) = round_trip(form, &[largest, -largest, 0.0]);
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
        assert_eq!(Form::from_byte(3), None);
    }
}
