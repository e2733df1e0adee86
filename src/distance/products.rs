//! Inner products of many vectors with many others: blocks of three by four, whose sums stay in registers.
//!
//! One product at a time reads two elements for each that it multiplies, which takes longer than to multiply. A block
//! reads seven registers for twelve products. Each pair has one sum, whatever the block that it is in and the place in
//! it, so that its product is the same among any others.
//!
//! CPUs with AVX-512 run the blocks of AVX2 as well. Without AVX2 it is the kernel of one product.

#![allow(
    unsafe_code,
    reason = "calling a function compiled for a CPU feature that was tested for"
)]

use std::sync::LazyLock;

use super::simd::kernels;

/// What fills the products of vectors with others.
type Products = fn(&[&[f32]], &[&[f32]], &mut [f32]);

static CHOSEN: LazyLock<Products> = LazyLock::new(choose);

/// The inner products of each vector with all others, one vector after the other. They are float32 sums, which overflow
/// to infinity. All have the same length; if not, no more than the shortest need be read. What `products` has no room
/// for is left out.
pub fn inner_products(vectors: &[&[f32]], others: &[&[f32]], products: &mut [f32]) {
    CHOSEN(vectors, others, products);
}

fn choose() -> Products {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        return blocks::inner_products;
    }
    one_by_one
}

fn one_by_one(vectors: &[&[f32]], others: &[&[f32]], products: &mut [f32]) {
    let product = kernels().inner_product;
    for (vector, products) in vectors.iter().zip(products.chunks_mut(others.len().max(1))) {
        for (other, out) in others.iter().zip(products) {
            *out = product(vector, other);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod blocks {
    use std::arch::x86_64::{
        __m128, __m256, _mm_add_ps, _mm_storeu_ps, _mm256_castps256_ps128, _mm256_extractf128_ps,
        _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_setzero_ps,
    };

    use super::super::avx2::{LANES, load};

    /// Vectors and others of a block: twelve sums, three registers of the vectors and one of the others are sixteen.
    const VECTORS: usize = 3;
    const OTHERS: usize = 4;

    /// Bytes of the others that all vectors are multiplied with before the next ones are: half of the nearest cache.
    const OTHERS_BYTES: usize = 16 << 10;

    pub fn inner_products(vectors: &[&[f32]], others: &[&[f32]], products: &mut [f32]) {
        // SAFETY: `choose` hands this out only where the CPU has the features.
        unsafe { inner_products_with(vectors, others, products) }
    }

    #[target_feature(enable = "avx2,fma")]
    fn inner_products_with(vectors: &[&[f32]], others: &[&[f32]], products: &mut [f32]) {
        let bytes = size_of::<f32>() * others.first().map_or(1, |other| other.len().max(1));
        let at_once = (OTHERS_BYTES / bytes / OTHERS).max(1) * OTHERS;
        let (threes, rest) = vectors.as_chunks::<VECTORS>();
        let alone = VECTORS * threes.len();
        for (tile, tiled) in others.chunks(at_once).enumerate() {
            // Where the first product of a row of this tile is.
            let first = |row: usize| row * others.len() + tile * at_once;
            for (at, three) in threes.iter().enumerate() {
                let Some(out) = products.get_mut(first(VECTORS * at)..) else {
                    break;
                };
                across(three, tiled, others.len(), out);
            }
            for (at, one) in rest.iter().enumerate() {
                let Some(out) = products.get_mut(first(alone + at)..) else {
                    break;
                };
                across(&[*one], tiled, others.len(), out);
            }
        }
    }

    /// The products of `N` vectors with some others, those of each `stride` behind those of the one before.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn across<const N: usize>(
        vectors: &[&[f32]; N],
        others: &[&[f32]],
        stride: usize,
        out: &mut [f32],
    ) {
        for (at, others) in others.chunks(OTHERS).enumerate() {
            // A block that is not full has its last vector more than once.
            let four = std::array::from_fn(|at| others[at.min(others.len() - 1)]);
            for (row, products) in block(vectors, &four).iter().enumerate() {
                let start = row * stride + at * OTHERS;
                let end = (start + others.len()).min(out.len());
                if let Some(out) = out.get_mut(start..end) {
                    out.copy_from_slice(&products[..out.len()]);
                }
            }
        }
    }

    /// The products of `N` vectors with four others.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn block<const N: usize>(
        vectors: &[&[f32]; N],
        others: &[&[f32]; OTHERS],
    ) -> [[f32; OTHERS]; N] {
        let mut shared = usize::MAX;
        for vector in vectors.iter().chain(others) {
            shared = shared.min(vector.len());
        }
        let steps = shared / LANES;
        let whole = |vector: &[f32]| -> *const [f32; LANES] { vector[..shared].as_ptr().cast() };
        let vectors_at = vectors.map(whole);
        let others_at = others.map(whole);
        let mut sums = [[_mm256_setzero_ps(); OTHERS]; N];
        for step in 0..steps {
            let mut own = [_mm256_setzero_ps(); N];
            for (own, vector) in own.iter_mut().zip(vectors_at) {
                // SAFETY: `whole` has seen that each vector has so many steps of lanes.
                *own = load(unsafe { &*vector.add(step) });
            }
            for other in 0..OTHERS {
                // SAFETY: as above.
                let lanes = load(unsafe { &*others_at[other].add(step) });
                for (sums, own) in sums.iter_mut().zip(own) {
                    sums[other] = _mm256_fmadd_ps(own, lanes, sums[other]);
                }
            }
        }
        let mut block = [[0.0; OTHERS]; N];
        for (at, (block, sums)) in block.iter_mut().zip(sums).enumerate() {
            *block = totals(sums);
            for (product, other) in block.iter_mut().zip(others) {
                for element in steps * LANES..shared {
                    *product = vectors[at][element].mul_add(other[element], *product);
                }
            }
        }
        block
    }

    /// The sum of all lanes of each register.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn totals(sums: [__m256; OTHERS]) -> [f32; OTHERS] {
        let pairs = [
            _mm256_hadd_ps(sums[0], sums[1]),
            _mm256_hadd_ps(sums[2], sums[3]),
        ];
        let halves = _mm256_hadd_ps(pairs[0], pairs[1]);
        let (low, high): (__m128, __m128) = (
            _mm256_castps256_ps128(halves),
            _mm256_extractf128_ps::<1>(halves),
        );
        let mut totals = [0.0; OTHERS];
        // SAFETY: four elements, aligned or not.
        unsafe { _mm_storeu_ps(totals.as_mut_ptr(), _mm_add_ps(low, high)) };
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;
    use proptest::prelude::*;

    /// Every way to compute them that this CPU can run.
    fn all() -> Vec<(&'static str, Products)> {
        vec![("chosen", *CHOSEN), ("one by one", one_by_one)]
    }

    fn vectors(elements: &[f32], dims: usize) -> Vec<&[f32]> {
        elements.chunks_exact(dims).collect()
    }

    proptest! {
        #[test]
        fn products_agree_with_the_plain_loop(
            dims in 1_usize..90,
            left in prop::collection::vec(-1e3_f32..1e3, 0..900),
            right in prop::collection::vec(-1e3_f32..1e3, 0..900),
        ) {
            let (left, right) = (vectors(&left, dims), vectors(&right, dims));
            for (name, products) in all() {
                let mut found = vec![f32::NAN; left.len() * right.len()];
                products(&left, &right, &mut found);
                let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
                for ((a, b), found) in pairs.zip(found) {
                    let size = plain::inner_product(a, a) + plain::inner_product(b, b);
                    let off = (found - plain::inner_product(a, b)).abs();
                    prop_assert!(off <= 1e-5 * size + f32::MIN_POSITIVE, "{name}: {off}");
                }
            }
        }
    }

    #[test]
    fn a_product_is_the_same_among_any_others() {
        let elements: Vec<f32> = (0_u8..=254).map(|x| f32::from(x) / 7.0 - 11.3).collect();
        for dims in [1, 8, 13, 17] {
            let all = vectors(&elements, dims);
            let mut together = vec![f32::NAN; all.len() * all.len()];
            inner_products(&all, &all, &mut together);
            for (row, vector) in all.iter().enumerate() {
                for (column, other) in all.iter().enumerate() {
                    let mut alone = [f32::NAN];
                    inner_products(&[vector], &[other], &mut alone);
                    let found = together[row * all.len() + column];
                    assert_eq!(found.to_bits(), alone[0].to_bits(), "{dims} {row} {column}");
                }
            }
        }
    }

    #[test]
    fn lengths_that_differ_and_too_little_room_do_no_harm() {
        let (long, short) = ([1.0_f32; 40], [2.0_f32; 9]);
        for (name, products) in all() {
            let mut found = [7.0; 3];
            products(&[&long, &[]], &[&short, &long[..9], &[]], &mut found);
            products(&[], &[&short], &mut found);
            products(&[&short], &[], &mut found);
            found = [7.0; 3];
            products(&[&short, &short], &[&short, &short], &mut found);
            let right = found.iter().all(|found| (found - 36.0).abs() < 1e-6);
            assert!(right, "{name}: {found:?}");
        }
    }
}
