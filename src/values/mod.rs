//! VALUES OF AN INDEX: kinds of values, how they are stored, and how far apart they are. Every index method rests on
//! this.
//!
//! | file | what it holds |
//! |---|---|
//! | `dense.rs` | Dense vectors under L2, inner product and cosine |
//! | `around.rs` | Codes of points around another one, and what makes distances of them |
//! | `manhattan.rs` | L1 (Manhattan) distance of dense vectors |
//! | `bits.rs` | Bits by Hamming and Jaccard distance |
//! | `sparse.rs` | Sparse vectors |
//! | `long.rs` | Long values: how long one is that an index has in several places |
//! | `extremes.rs` | Vectors so long that squares of their elements overflow |

mod around;
mod bits;
mod dense;
pub mod extremes;
pub mod long;
mod manhattan;
mod sparse;

use crate::index::Error;

pub use around::{CodeOrigin, CodeTerms, CodedOffset};
pub use bits::{BitMetric, Bits};
pub use dense::{DenseVectors, Metric, code_dims};
pub use manhattan::Manhattan;
pub use sparse::{SparseMetric, SparseVectors};

/// Kinds of values, as the meta page of an index keeps them.
pub mod kind {
    pub use super::bits::KIND as BITS;
    pub use super::dense::KIND as DENSE;
    pub use super::manhattan::KIND as MANHATTAN;
    pub use super::sparse::KIND as SPARSE;
}

/// Values of a kind under a metric: what they are, and how far apart. All that an index does with them rests on this.
///
/// A *value* is what a user has; a *point* is the same made ready to be measured (normalised, rotated); its *stored*
/// form lies in the index.
///
/// Distances, and what they may be off by, are in a *measure* which orders as the operator does and may
/// be cheaper: L2 squared, the inner product negated, cosine of dense vectors as L2 squared of unit vectors, which is
/// twice the operator's. All others (L1, Hamming, Jaccard, cosine of sparse vectors) are as the operator gives them.
pub trait Values: Sync {
    /// As a user gives it.
    type Value<'v>: Copy;
    /// Ready to be measured.
    type Point: Clone + Send + Sync;

    /// Whether a value has the size of those in the index.
    ///
    /// # Errors
    /// Where it has another.
    fn verify(&self, value: Self::Value<'_>) -> Result<(), Error>;

    /// Makes a value ready. None where it has no place in this metric: a zero vector has no angle.
    fn point(&self, value: Self::Value<'_>) -> Option<Self::Point>;

    /// Bytes of a point's stored form.
    fn stored_bytes(&self, point: &Self::Point) -> usize;

    /// Whether stored forms differ in size.
    fn varies(&self) -> bool {
        false
    }

    /// The size in bytes of a stored value of which an index has `own` in one place. It is more than `own` if that is
    /// only a part.
    fn extent(&self, own: &[u8]) -> usize {
        own.len()
    }

    /// Writes the stored form, which takes all of `own`, and gives its scale.
    fn store(&self, point: &Self::Point, own: &mut [u8]) -> f32;

    /// Reads the stored form.
    fn load(&self, own: &[u8], scale: f32) -> Self::Point;

    /// How far a stored value is from a point, in their measure. Smaller is nearer.
    fn distance(&self, point: &Self::Point, own: &[u8], scale: f32) -> f32;

    /// The size of distances between points like this one, in their measure: of L2 and inner product the squared
    /// length of the point. Rounding is a share of it. Zero where distances are not rounded.
    fn unit(&self, point: &Self::Point) -> f32;

    /// The size, in their measure, of which the rounding error in the distance of the two points is a share.
    fn rounding_scale(&self, point: &Self::Point, _other: &Self::Point) -> f32 {
        self.unit(point)
    }

    /// How much, in their measure, the distance of a value that was stored with this scale may be off.
    fn doubt(&self, _point: &Self::Point, _distance: f32, _scale: f32) -> f32 {
        0.0
    }
}

/// Values with small stand-ins, by which builds measure.
pub trait Sketches: Values {
    /// Bytes of a sketch; None where the stored form serves, with its scale as the first number.
    fn sketch_bytes(&self) -> Option<usize> {
        None
    }

    /// Writes a small stand-in with which graphs are built, and gives two numbers that belong to it.
    fn sketch(&self, _point: &Self::Point, _sketch: &mut [u8]) -> [f32; 2] {
        [0.0; 2]
    }

    /// The distance of two values, as far as their sketches tell it.
    fn sketch_distance(&self, a: Sketch<'_>, b: Sketch<'_>) -> f32;
}

/// A stand-in for a value.
#[derive(Clone, Copy, Debug)]
pub struct Sketch<'a> {
    /// [`Sketches::sketch_bytes`] bytes, or the stored form.
    pub bytes: &'a [u8],
    /// What [`Sketches::sketch`] gave, or scale and zero.
    pub numbers: [f32; 2],
}

/// A kind of value and a distance that is measured from the values themselves. Everything that is not here is
/// the same for all such kinds.
pub trait Measure: Sketches + Sized {
    /// Kind, metric and form, as the meta page keeps them.
    fn tag(&self) -> [u8; 3];

    /// Dimensions.
    fn dims(&self) -> u32;

    /// Bytes that an index has for a value in one place.
    fn own_bytes(&self) -> usize;

    /// The measure of an index with this tag, dimensions and bytes for a value; None where
    /// that is an index of something else.
    fn open(tag: [u8; 3], dims: u32, own: usize) -> Option<Self>;
}
