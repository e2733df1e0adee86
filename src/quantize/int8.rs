//! Products of int8 vectors, for building.

#![allow(unsafe_code, reason = "bytes as signed bytes")]

/// Bytes as the int8 numbers that they are.
#[must_use]
pub fn as_signed(bytes: &[u8]) -> &[i8] {
    // SAFETY: u8 and i8 have one size, one alignment, and no byte that is invalid.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

/// The inner product of two vectors of int8, exact. Of different lengths, that of the part that
/// both have.
#[must_use]
pub fn inner_product(a: &[i8], b: &[i8]) -> i32 {
    let shared = a.len().min(b.len());
    let (a, b) = (&a[..shared], &b[..shared]);
    let product = <i8 as simsimd::SpatialSimilarity>::dot(a, b).unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a 32-bit sum that simsimd has widened"
    )]
    let product = product as i32;
    product
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

    #[test]
    fn products_are_exact() {
        for len in (0..200_u16).chain([384, 768, 1_536, 16_000]) {
            let element =
                |i: u16, step: u16| i8::from_ne_bytes([i.wrapping_mul(step).to_be_bytes()[0]]);
            let a: Vec<i8> = (0..len).map(|i| element(i, 77)).collect();
            let b: Vec<i8> = (0..len).map(|i| element(i, 131)).collect();
            assert_eq!(inner_product(&a, &b), plain(&a, &b), "{len}");
            let low = vec![-128_i8; len.into()];
            assert_eq!(inner_product(&low, &low), plain(&low, &low), "{len}");
            let high = vec![127_i8; len.into()];
            assert_eq!(inner_product(&low, &high), plain(&low, &high), "{len}");
        }
    }
}
