//! Plain distances, as one would write them on paper: the oracle, and the kernels of last resort.

use super::{CosineSums, Kernels};
use crate::vector::{Element, f16};

/// The oracle that every other set of kernels is tested against.
pub const KERNELS: Kernels = Kernels {
    l2_squared,
    inner_product,
    l1,
    cosines,
};

/// The oracle for float16.
pub const HALVES: Kernels<f16> = Kernels {
    l2_squared,
    inner_product,
    l1,
    cosines,
};

/// The oracle for int8, exact.
pub const WHOLE: Kernels<i8> = Kernels {
    l2_squared: |a, b| whole_sum(a, b, |a, b| (a - b) * (a - b)),
    inner_product: whole_product,
    l1: |a, b| whole_sum(a, b, |a, b| (a - b).abs()),
    cosines: |a, b| CosineSums::of(a, b, whole_product),
};

fn whole_sum(a: &[i8], b: &[i8], term: impl Fn(i32, i32) -> i32) -> i32 {
    let pairs = a.iter().zip(b);
    pairs.map(|(a, b)| term((*a).into(), (*b).into())).sum()
}

fn whole_product(a: &[i8], b: &[i8]) -> i32 {
    whole_sum(a, b, |a, b| a * b)
}

/// Sum of squared differences.
#[must_use]
pub fn l2_squared<E: Element>(a: &[E], b: &[E]) -> f32 {
    pairs(a, b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Sum of products.
#[must_use]
pub fn inner_product<E: Element>(a: &[E], b: &[E]) -> f32 {
    pairs(a, b).map(|(a, b)| a * b).sum()
}

/// Sum of absolute differences.
#[must_use]
pub fn l1<E: Element>(a: &[E], b: &[E]) -> f32 {
    pairs(a, b).map(|(a, b)| (a - b).abs()).sum()
}

/// The three sums of cosine.
#[must_use]
pub fn cosines<E: Element>(a: &[E], b: &[E]) -> CosineSums<f32> {
    CosineSums::of(a, b, inner_product)
}

fn pairs<E: Element>(a: &[E], b: &[E]) -> impl Iterator<Item = (f32, f32)> {
    a.iter().zip(b).map(|(a, b)| (a.widen(), b.widen()))
}
