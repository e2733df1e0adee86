//! NUMBERS: how far apart two values are. Knows values; nothing of indexes, pages or Postgres.
//!
//! | file | what it holds |
//! |---|---|
//! | `bits.rs` | Hamming and Jaccard distance of bits |
//! | `plain.rs` | loops as one would write them on paper: the oracle, and the kernels of last resort |
//! | `prefetch.rs` | bytes that are asked for before they are needed |
//! | `simd.rs` | the kernels that run: simsimd's, and ours where simsimd has none that serves |
//! | `sparse.rs` | sums over two sparse vectors |
//! | `wide.rs` | one loop compiled for several sets of CPU features |
//!
//! [`Kernels`] is the one table: a metric is looked up once, at the door, and gives a plain function
//! pointer. Sums are float32, as pgvector's are, so that both overflow to infinity at the same
//! values; what follows the sum (square root, quotient) is float64. Callers check that both
//! operands have the same length; a kernel given two lengths answers NaN or reads the shorter one,
//! and never beyond.

pub mod bits;
pub mod plain;
mod prefetch;
pub mod simd;
pub mod sparse;
pub(crate) mod wide;

pub use prefetch::{prefetch, prefetch_at};

use std::f64::consts::PI;

/// A sum over two vectors of equal length.
pub type Sum = fn(&[f32], &[f32]) -> f32;

/// The three sums that cosine needs: `(a . b, a . a, b . b)`.
pub type Cosines = fn(&[f32], &[f32]) -> (f32, f32, f32);

/// One set of kernels.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    /// Sum of squared differences.
    pub l2_squared: Sum,
    /// Sum of products.
    pub inner_product: Sum,
    /// Sum of absolute differences.
    pub l1: Sum,
    /// Product and both squared norms.
    pub cosines: Cosines,
}

impl Kernels {
    /// Euclidean distance.
    #[must_use]
    pub fn l2(&self, a: &[f32], b: &[f32]) -> f64 {
        f64::from((self.l2_squared)(a, b)).sqrt()
    }

    /// `1 - cos`, from 0 to 2; NaN where a vector is zero.
    #[must_use]
    pub fn cosine(&self, a: &[f32], b: &[f32]) -> f64 {
        let (product, a_squared, b_squared) = (self.cosines)(a, b);
        let similarity = f64::from(product) / (f64::from(a_squared) * f64::from(b_squared)).sqrt();
        1.0 - similarity.clamp(-1.0, 1.0)
    }

    /// The angle between two unit vectors as a share of a half turn, from 0 to 1.
    #[must_use]
    pub fn spherical(&self, a: &[f32], b: &[f32]) -> f64 {
        f64::from((self.inner_product)(a, b))
            .clamp(-1.0, 1.0)
            .acos()
            / PI
    }
}
