//! NUMBERS: how far apart two values are. Knows values; nothing of indexes, pages or Postgres.
//!
//! | file | what it holds |
//! |---|---|
//! | `avx2.rs` | the kernels that run on float32 with AVX2 |
//! | `bits.rs` | Hamming and Jaccard distance of bits |
//! | `half.rs` | the kernels that run on float16 |
//! | `int8.rs` | the kernels that run on int8 |
//! | `plain.rs` | loops as one would write them on paper: the oracle, and the kernels of last resort |
//! | `prefetch.rs` | bytes that are asked for before they are needed |
//! | `products.rs` | inner products of many float32 vectors with many others |
//! | `simd.rs` | the kernels that run on float32: simsimd's, and ours where simsimd has none that serves |
//! | `sparse.rs` | sums over two sparse vectors |
//! | `wide.rs` | one loop compiled for several sets of CPU features |
//!
//! [`Kernels`] is the one table of dense vectors, for each kind of element: a metric is looked up once, at the door,
//! and gives a plain function pointer. Sums of floats are float32, as pgvector's are, so that both overflow to infinity
//! at the same values. Sums of int8 are int32, and exact. What follows the sum (square root, quotient) is float64.
//! Callers check that both operands have the same length; a kernel given two lengths answers NaN or reads the shorter
//! one, and never beyond.

#[cfg(target_arch = "x86_64")]
mod avx2;
pub mod bits;
pub mod half;
pub mod int8;
pub mod plain;
mod prefetch;
mod products;
pub mod simd;
pub mod sparse;
pub(crate) mod wide;

pub use prefetch::{prefetch, prefetch_at};
pub use products::inner_products;

use std::f64::consts::PI;

use crate::vector::{Element, f16};

/// An element that there are kernels for.
pub trait Measured: Element {
    /// What a kernel sums up to.
    type Total: Copy + Into<f64>;

    /// The kernels for this CPU.
    fn fastest() -> &'static Kernels<Self>;

    /// The oracle.
    fn plain() -> &'static Kernels<Self>;
}

impl Measured for f32 {
    type Total = Self;

    fn fastest() -> &'static Kernels {
        simd::kernels()
    }

    fn plain() -> &'static Kernels {
        &plain::KERNELS
    }
}

impl Measured for f16 {
    type Total = f32;

    fn fastest() -> &'static Kernels<Self> {
        half::kernels()
    }

    fn plain() -> &'static Kernels<Self> {
        &plain::HALVES
    }
}

impl Measured for i8 {
    type Total = i32;

    fn fastest() -> &'static Kernels<Self> {
        int8::kernels()
    }

    fn plain() -> &'static Kernels<Self> {
        &plain::WHOLE
    }
}

/// A sum over two vectors of equal length.
pub type Sum<E = f32> = fn(&[E], &[E]) -> <E as Measured>::Total;

/// The three sums that cosine needs.
pub type Cosines<E = f32> = fn(&[E], &[E]) -> CosineSums<<E as Measured>::Total>;

/// Product of two vectors and both squared norms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CosineSums<T> {
    /// `a . b`
    pub product: T,
    /// `a . a`
    pub left: T,
    /// `b . b`
    pub right: T,
}

impl<T> CosineSums<T> {
    /// The sums by a kernel of one sum.
    #[inline]
    fn of<E>(a: &[E], b: &[E], dot: impl Fn(&[E], &[E]) -> T) -> Self {
        Self {
            product: dot(a, b),
            left: dot(a, a),
            right: dot(b, b),
        }
    }
}

/// One set of kernels.
#[derive(Clone, Copy, Debug)]
pub struct Kernels<E: Measured = f32> {
    /// Sum of squared differences.
    pub l2_squared: Sum<E>,
    /// Sum of products.
    pub inner_product: Sum<E>,
    /// Sum of absolute differences.
    pub l1: Sum<E>,
    /// Product and both squared norms.
    pub cosines: Cosines<E>,
}

impl<E: Measured> Kernels<E> {
    /// Euclidean distance.
    #[must_use]
    pub fn l2(&self, a: &[E], b: &[E]) -> f64 {
        (self.l2_squared)(a, b).into().sqrt()
    }

    /// `1 - cos`, from 0 to 2; NaN where a vector is zero.
    #[must_use]
    pub fn cosine(&self, a: &[E], b: &[E]) -> f64 {
        let sums = (self.cosines)(a, b);
        let similarity = sums.product.into() / (sums.left.into() * sums.right.into()).sqrt();
        1.0 - similarity.clamp(-1.0, 1.0)
    }

    /// The angle between two unit vectors as a share of a half turn, from 0 to 1.
    #[must_use]
    pub fn spherical(&self, a: &[E], b: &[E]) -> f64 {
        let product: f64 = (self.inner_product)(a, b).into();
        product.clamp(-1.0, 1.0).acos() / PI
    }
}
