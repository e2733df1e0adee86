//! Distances as one would write them on paper.

use super::Kernels;

/// The oracle that every other set of kernels is tested against.
pub const KERNELS: Kernels = Kernels {
    l2_squared,
    inner_product,
    l1,
    cosines,
};

/// Sum of squared differences.
#[must_use]
pub fn l2_squared(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Sum of products.
#[must_use]
pub fn inner_product(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Sum of absolute differences.
#[must_use]
pub fn l1(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
}

/// `(a . b, a . a, b . b)`.
#[must_use]
pub fn cosines(a: &[f32], b: &[f32]) -> (f32, f32, f32) {
    (
        inner_product(a, b),
        inner_product(a, a),
        inner_product(b, b),
    )
}
