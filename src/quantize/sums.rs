//! Sums: distances from a float32 query to stored vectors.

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::sync::LazyLock;

use half::f16;

use super::stored::Form;

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
    /// Sum of absolute differences.
    pub l1: StoredSum,
}

impl Form {
    /// The kernels for this CPU.
    #[must_use]
    pub fn kernels(self) -> &'static StoredKernels {
        let [f32, f16, int8] = &*CHOSEN;
        match self {
            Self::F32 => f32,
            Self::F16 => f16,
            Self::Int8 | Self::Whole => int8,
        }
    }
}

static CHOSEN: LazyLock<[StoredKernels; 3]> = LazyLock::new(choose);

fn choose() -> [StoredKernels; 3] {
    #[cfg(target_arch = "x86_64")]
    {
        let halves = is_x86_feature_detected!("f16c") && is_x86_feature_detected!("fma");
        if is_x86_feature_detected!("avx512f") && halves {
            return avx512::KERNELS;
        }
        if is_x86_feature_detected!("avx2") && halves {
            return avx2::KERNELS;
        }
    }
    portable::KERNELS
}

/// The loops as one would write them on paper.
mod portable {
    use super::{StoredKernels, f16};

    pub const KERNELS: [StoredKernels; 3] = [
        StoredKernels {
            l2_squared: |q, x, scale| l2(q, x, |x| scale * f32::from_ne_bytes(x)),
            inner_product: |q, x, scale| scale * dot(q, x, f32::from_ne_bytes),
            l1: |q, x, scale| l1(q, x, |x| scale * f32::from_ne_bytes(x)),
        },
        StoredKernels {
            l2_squared: |q, x, scale| l2(q, x, |x| scale * f16::from_ne_bytes(x).to_f32()),
            inner_product: |q, x, scale| scale * dot(q, x, |x| f16::from_ne_bytes(x).to_f32()),
            l1: |q, x, scale| l1(q, x, |x| scale * f16::from_ne_bytes(x).to_f32()),
        },
        StoredKernels {
            l2_squared: |q, x, scale| l2(q, x, |x| scale * f32::from(i8::from_ne_bytes(x))),
            inner_product: |q, x, scale| scale * dot(q, x, |x| f32::from(i8::from_ne_bytes(x))),
            l1: |q, x, scale| l1(q, x, |x| scale * f32::from(i8::from_ne_bytes(x))),
        },
    ];

    fn l2<const N: usize>(query: &[f32], stored: &[u8], read: impl Fn([u8; N]) -> f32) -> f32 {
        let pairs = query.iter().zip(stored.as_chunks::<N>().0);
        pairs.map(|(q, x)| (q - read(*x)) * (q - read(*x))).sum()
    }

    fn dot<const N: usize>(query: &[f32], stored: &[u8], read: impl Fn([u8; N]) -> f32) -> f32 {
        let pairs = query.iter().zip(stored.as_chunks::<N>().0);
        pairs.map(|(q, x)| q * read(*x)).sum()
    }

    fn l1<const N: usize>(query: &[f32], stored: &[u8], read: impl Fn([u8; N]) -> f32) -> f32 {
        let pairs = query.iter().zip(stored.as_chunks::<N>().0);
        pairs.map(|(q, x)| (q - read(*x)).abs()).sum()
    }
}

/// One sum over registers of `LANES` elements, four of them independent, so that no addition waits
/// for the last. Reached only through `choose`, which has tested for the features.
#[cfg(target_arch = "x86_64")]
macro_rules! sum {
    ($name:ident, $features:literal, $load:ident, |$scale:ident, $q:ident, $x:ident, $sum:ident| $step:expr, $end:expr) => {
        fn $name(query: &[f32], stored: &[u8], scale: f32) -> f32 {
            #[target_feature(enable = $features)]
            fn with(query: &[f32], stored: &[u8], scale: f32) -> f32 {
                let $scale = all(scale);
                let step = |$q, $x, $sum| $step;
                let (elements, _) = stored.as_chunks();
                let shared = query.len().min(elements.len());
                let (queries, query_rest) = query[..shared].as_chunks::<LANES>();
                let (elements, rest) = elements[..shared].as_chunks::<LANES>();
                let mut sums = [all(0.0); 4];
                let (fours, last) = queries.as_chunks::<4>();
                let (stored_fours, stored_last) = elements.as_chunks::<4>();
                for (queries, elements) in fours.iter().zip(stored_fours) {
                    for i in 0..4 {
                        sums[i] = step(floats(&queries[i]), $load(&elements[i]), sums[i]);
                    }
                }
                for (query, elements) in last.iter().zip(stored_last) {
                    sums[0] = step(floats(query), $load(elements), sums[0]);
                }
                if !rest.is_empty() {
                    // Zeros, which add nothing to any sum.
                    let (mut padded, mut stored) = ([0.0; LANES], [Default::default(); LANES]);
                    padded[..rest.len()].copy_from_slice(query_rest);
                    stored[..rest.len()].copy_from_slice(rest);
                    sums[1] = step(floats(&padded), $load(&stored), sums[1]);
                }
                $end(scale, total(&sums))
            }
            // SAFETY: `choose` hands this out only where the CPU has the features.
            unsafe { with(query, stored, scale) }
        }
    };
}

/// The sums of all forms, from what a register of the room can do.
#[cfg(target_arch = "x86_64")]
macro_rules! sums_for {
    ($features:literal) => {
        use super::StoredKernels;

        pub const KERNELS: [StoredKernels; 3] = [
            StoredKernels { l2_squared: f32_l2, inner_product: f32_dot, l1: f32_l1 },
            StoredKernels { l2_squared: f16_l2, inner_product: f16_dot, l1: f16_l1 },
            StoredKernels { l2_squared: i8_l2, inner_product: i8_dot, l1: i8_l1 },
        ];

        sums_for!(@form $features, f32_l2, f32_dot, f32_l1, singles);
        sums_for!(@form $features, f16_l2, f16_dot, f16_l1, halves);
        sums_for!(@form $features, i8_l2, i8_dot, i8_l1, bytes);
    };
    (@form $features:literal, $l2:ident, $dot:ident, $l1:ident, $load:ident) => {
        sum!(
            $l2, $features, $load,
            |scale, q, x, sum| {
                let difference = less(q, scale, x);
                more(difference, difference, sum)
            },
            |_, sum| sum
        );
        sum!($dot, $features, $load, |_scale, q, x, sum| more(q, x, sum), |scale, sum| scale * sum);
        sum!($l1, $features, $load, |scale, q, x, sum| size(less(q, scale, x), sum), |_, sum| sum);
    };
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512, _mm_loadu_si128, _mm256_loadu_si256, _mm512_abs_ps, _mm512_add_ps,
        _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps, _mm512_cvtph_ps, _mm512_fmadd_ps,
        _mm512_fnmadd_ps, _mm512_loadu_ps, _mm512_reduce_add_ps, _mm512_set1_ps,
    };

    const LANES: usize = 16;

    sums_for!("avx512f,f16c,fma");

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn all(x: f32) -> __m512 {
        _mm512_set1_ps(x)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn floats(x: &[f32; LANES]) -> __m512 {
        // SAFETY: 64 bytes, which need no alignment.
        unsafe { _mm512_loadu_ps(x.as_ptr()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn singles(x: &[[u8; 4]; LANES]) -> __m512 {
        // SAFETY: 64 bytes, which need no alignment.
        unsafe { _mm512_loadu_ps(x.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn halves(x: &[[u8; 2]; LANES]) -> __m512 {
        // SAFETY: 32 bytes, which need no alignment.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(x.as_ptr().cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn bytes(x: &[[u8; 1]; LANES]) -> __m512 {
        // SAFETY: 16 bytes, which need no alignment.
        let bytes = unsafe { _mm_loadu_si128(x.as_ptr().cast()) };
        _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))
    }

    /// `q - scale * x`
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn less(q: __m512, scale: __m512, x: __m512) -> __m512 {
        _mm512_fnmadd_ps(scale, x, q)
    }

    /// `sum + a * b`
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn more(a: __m512, b: __m512, sum: __m512) -> __m512 {
        _mm512_fmadd_ps(a, b, sum)
    }

    /// `sum + |a|`
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn size(a: __m512, sum: __m512) -> __m512 {
        _mm512_add_ps(sum, _mm512_abs_ps(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn total(sums: &[__m512; 4]) -> f32 {
        let [a, b, c, d] = *sums;
        _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256, _mm_loadl_epi64, _mm_loadu_si128, _mm256_add_ps, _mm256_andnot_ps,
        _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps, _mm256_cvtph_ps, _mm256_fmadd_ps,
        _mm256_fnmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps,
    };

    const LANES: usize = 8;

    sums_for!("avx2,f16c,fma");

    #[inline]
    #[target_feature(enable = "avx2")]
    fn all(x: f32) -> __m256 {
        _mm256_set1_ps(x)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn floats(x: &[f32; LANES]) -> __m256 {
        // SAFETY: 32 bytes, which need no alignment.
        unsafe { _mm256_loadu_ps(x.as_ptr()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn singles(x: &[[u8; 4]; LANES]) -> __m256 {
        // SAFETY: 32 bytes, which need no alignment.
        unsafe { _mm256_loadu_ps(x.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn halves(x: &[[u8; 2]; LANES]) -> __m256 {
        // SAFETY: 16 bytes, which need no alignment.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(x.as_ptr().cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn bytes(x: &[[u8; 1]; LANES]) -> __m256 {
        // SAFETY: 8 bytes, which need no alignment.
        let bytes = unsafe { _mm_loadl_epi64(x.as_ptr().cast()) };
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes))
    }

    /// `q - scale * x`
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn less(q: __m256, scale: __m256, x: __m256) -> __m256 {
        _mm256_fnmadd_ps(scale, x, q)
    }

    /// `sum + a * b`
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn more(a: __m256, b: __m256, sum: __m256) -> __m256 {
        _mm256_fmadd_ps(a, b, sum)
    }

    /// `sum + |a|`
    #[inline]
    #[target_feature(enable = "avx2")]
    fn size(a: __m256, sum: __m256) -> __m256 {
        _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0), a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn total(sums: &[__m256; 4]) -> f32 {
        let [a, b, c, d] = *sums;
        let mut eight = [0.0_f32; LANES];
        let sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
        // SAFETY: 32 bytes, which need no alignment.
        unsafe { _mm256_storeu_ps(eight.as_mut_ptr(), sum) };
        let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
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

    fn check(query: &[f32], vector: &[f32]) {
        for form in FORMS {
            let (mut stored, mut decoded) =
                (vec![0; form.bytes(vector.len())], vec![0.0; vector.len()]);
            let scale = form.encode(vector, &mut stored);
            form.decode(&stored, scale, &mut decoded);
            let size =
                plain::inner_product(query, query) + plain::inner_product(&decoded, &decoded);
            let bound = 1e-5 * size + f32::MIN_POSITIVE;
            let (l2, dot) = (
                plain::l2_squared(query, &decoded),
                plain::inner_product(query, &decoded),
            );
            let l1 = plain::l1(query, &decoded);
            let zeros = vec![0.0; query.len()];
            let sizes = plain::l1(query, &zeros) + plain::l1(&decoded, &zeros);
            for (name, kernels) in all() {
                let kernels = kernels[form as usize];
                let found = (kernels.l2_squared)(query, &stored, scale);
                assert!((found - l2).abs() <= bound, "{name} {form:?} {found} {l2}");
                let found = (kernels.inner_product)(query, &stored, scale);
                assert!(
                    (found - dot).abs() <= bound,
                    "{name} {form:?} {found} {dot}"
                );
                let error = ((kernels.l1)(query, &stored, scale) - l1).abs();
                assert!(error <= 1e-5 * sizes, "{name} {form:?} {error} {l1}");
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
}
