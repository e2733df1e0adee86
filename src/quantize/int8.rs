//! Products of int8 vectors, for building.

#![allow(
    unsafe_code,
    reason = "bytes as signed bytes; vector instructions of a CPU feature that was tested for"
)]

use std::sync::LazyLock;

/// Bytes as the int8 numbers that they are.
#[must_use]
pub fn as_signed(bytes: &[u8]) -> &[i8] {
    // SAFETY: u8 and i8 have one size, one alignment, and no byte that is invalid.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

type Product = fn(&[i8], &[i8]) -> i32;

static CHOSEN: LazyLock<Product> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
            return x86::vnni;
        }
        if is_x86_feature_detected!("avx2") {
            return x86::avx2;
        }
    }
    simsimd
});

/// The inner product of two vectors of int8, exact. Of different lengths, that of the part that
/// both have. simsimd's kernel widens to 16 bits and answers in float64: half as fast from 384
/// dimensions on where the CPU has VNNI.
#[must_use]
#[inline]
pub fn inner_product(a: &[i8], b: &[i8]) -> i32 {
    let shared = a.len().min(b.len());
    CHOSEN(&a[..shared], &b[..shared])
}

fn simsimd(a: &[i8], b: &[i8]) -> i32 {
    let product = <i8 as simsimd::SpatialSimilarity>::dot(a, b).unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a 32-bit sum that simsimd has widened"
    )]
    let product = product as i32;
    product
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{_mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32};
    use std::arch::x86_64::{
        _mm_loadu_si128, _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cvtepi8_epi16,
        _mm256_extracti128_si256, _mm256_madd_epi16, _mm256_setzero_si256, _mm512_add_epi32,
        _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_set1_epi8,
        _mm512_setzero_si512, _mm512_slli_epi32, _mm512_sub_epi32, _mm512_xor_si512,
    };

    pub fn vnni(a: &[i8], b: &[i8]) -> i32 {
        // SAFETY: handed out where the CPU has the features.
        unsafe { vnni_with(a, b) }
    }

    pub fn avx2(a: &[i8], b: &[i8]) -> i32 {
        // SAFETY: handed out where the CPU has the feature.
        unsafe { avx2_with(a, b) }
    }

    /// The instruction takes one unsigned operand: `(a + 128) b` is summed, and 128 times the sum of
    /// `b` taken off.
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn vnni_with(a: &[i8], b: &[i8]) -> i32 {
        let (a_blocks, a_rest) = a.as_chunks::<64>();
        let (b_blocks, b_rest) = b.as_chunks::<64>();
        // SAFETY: 64 bytes; the load needs no alignment.
        let load = |block: &[i8; 64]| unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        let (flip, ones) = (_mm512_set1_epi8(-128), _mm512_set1_epi8(1));
        let (mut products, mut sums) = ([_mm512_setzero_si512(); 2], _mm512_setzero_si512());
        let (a_pairs, a_last) = a_blocks.as_chunks::<2>();
        let (b_pairs, b_last) = b_blocks.as_chunks::<2>();
        for (a, b) in a_pairs.iter().zip(b_pairs) {
            for i in 0..2 {
                let b = load(&b[i]);
                let unsigned = _mm512_xor_si512(load(&a[i]), flip);
                products[i] = _mm512_dpbusd_epi32(products[i], unsigned, b);
                sums = _mm512_dpbusd_epi32(sums, ones, b);
            }
        }
        let mut add = |a: &[i8; 64], b: &[i8; 64]| {
            let b = load(b);
            products[0] = _mm512_dpbusd_epi32(products[0], _mm512_xor_si512(load(a), flip), b);
            sums = _mm512_dpbusd_epi32(sums, ones, b);
        };
        for (a, b) in a_last.iter().zip(b_last) {
            add(a, b);
        }
        if !a_rest.is_empty() {
            let (mut a, mut b) = ([0; 64], [0; 64]);
            a[..a_rest.len()].copy_from_slice(a_rest);
            b[..b_rest.len()].copy_from_slice(b_rest);
            add(&a, &b);
        }
        let products = _mm512_add_epi32(products[0], products[1]);
        let products = _mm512_sub_epi32(products, _mm512_slli_epi32::<7>(sums));
        _mm512_reduce_add_epi32(products)
    }

    #[target_feature(enable = "avx2")]
    fn avx2_with(a: &[i8], b: &[i8]) -> i32 {
        let (a_blocks, a_rest) = a.as_chunks::<16>();
        let (b_blocks, b_rest) = b.as_chunks::<16>();
        let load = |block: &[i8; 16]| {
            // SAFETY: 16 bytes; the load needs no alignment.
            _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(block.as_ptr().cast()) })
        };
        let mut sums = _mm256_setzero_si256();
        for (a, b) in a_blocks.iter().zip(b_blocks) {
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(load(a), load(b)));
        }
        let four = _mm_add_epi32(
            _mm256_castsi256_si128(sums),
            _mm256_extracti128_si256::<1>(sums),
        );
        let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
        let one = _mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two));
        let rest = a_rest.iter().zip(b_rest);
        let rest: i32 = rest.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        _mm_cvtsi128_si32(one) + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(a: &[i8], b: &[i8]) -> i32 {
        a.iter()
            .zip(b)
            .map(|(a, b)| i32::from(*a) * i32::from(*b))
            .sum()
    }

    fn all() -> Vec<(&'static str, Product)> {
        let mut all: Vec<(&'static str, Product)> =
            vec![("chosen", inner_product), ("simsimd", simsimd)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            all.push(("avx2", x86::avx2));
        }
        all
    }

    #[test]
    fn products_are_exact() {
        for len in (0..200_u16).chain([384, 768, 1_536, 16_000]) {
            let element =
                |i: u16, step: u16| i8::from_ne_bytes([i.wrapping_mul(step).to_be_bytes()[0]]);
            let a: Vec<i8> = (0..len).map(|i| element(i, 77)).collect();
            let b: Vec<i8> = (0..len).map(|i| element(i, 131)).collect();
            let low = vec![-128_i8; len.into()];
            let high = vec![127_i8; len.into()];
            for (name, product) in all() {
                assert_eq!(product(&a, &b), plain(&a, &b), "{name} {len}");
                assert_eq!(product(&low, &low), plain(&low, &low), "{name} {len}");
                assert_eq!(product(&low, &high), plain(&low, &high), "{name} {len}");
            }
        }
    }
}
