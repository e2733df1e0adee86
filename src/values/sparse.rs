//! Sparse vectors. A node has room for 64 elements, what a short text has of distinct words: 11 nodes
//! of 32 links lie on a page. A longer vector takes slots of the same size besides, as many as it
//! needs, so that no more than a part of one is wasted however long it is.

use crate::distance::sparse::{Pair, inner_product, l1, l2_squared, pack, unpack};
use crate::index::Error;
use crate::values::extremes::saturated;
use crate::values::{Measure, Sketch, Sketches, Values};
use crate::vector::{MAX_ELEMENTS, MAX_SPARSE_DIMS, Sparse};

use crate::values::long::{self, VALUE_HEADER};

/// The kind of this space on the meta page.
pub const KIND: u8 = 2;

/// Elements that a node has room for.
const NODE_ELEMENTS: usize = 64;

/// How near two sparse vectors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SparseMetric {
    /// Squared Euclidean distance.
    L2 = 0,
    /// Negative inner product.
    InnerProduct = 1,
    /// One less the cosine.
    Cosine = 2,
    /// Sum of absolute differences.
    L1 = 3,
}

/// Sparse vectors of some number of dimensions.
#[derive(Clone, Copy, Debug)]
pub struct SparseVectors {
    metric: SparseMetric,
    dims: u32,
    own: usize,
    kernel: fn(&[Pair], &[Pair]) -> f32,
}

impl SparseVectors {
    /// Vectors of `dims` dimensions, at most 1,000,000,000.
    #[must_use]
    pub fn new(metric: SparseMetric, dims: u32) -> Self {
        Self {
            metric,
            dims,
            own: VALUE_HEADER + NODE_ELEMENTS * size_of::<Pair>(),
            kernel: match metric {
                SparseMetric::L2 => |a, b| l2_squared(a, b),
                SparseMetric::InnerProduct => |a, b| -inner_product(a, b),
                SparseMetric::Cosine => |a, b| 1.0 - inner_product(a, b),
                SparseMetric::L1 => |a, b| l1(a, b),
            },
        }
    }

    /// The metric.
    #[must_use]
    pub fn metric(&self) -> SparseMetric {
        self.metric
    }
}

/// The elements of a stored vector.
fn elements(own: &[u8]) -> &[Pair] {
    let end = long::extent(own).clamp(VALUE_HEADER, own.len().max(VALUE_HEADER));
    let elements = own.get(VALUE_HEADER..end).unwrap_or_default();
    elements.as_chunks().0.as_chunks().0
}

fn squared(elements: impl Iterator<Item = (u32, f32)>) -> f64 {
    elements.map(|(_, x)| f64::from(x) * f64::from(x)).sum()
}

impl SparseVectors {
    /// How far two stored values are.
    fn between(&self, a: &[u8], b: &[u8]) -> f32 {
        (self.kernel)(elements(a), elements(b))
    }
}

impl Values for SparseVectors {
    type Value<'v> = Sparse<'v>;
    /// As it is stored.
    type Point = Vec<u8>;

    /// None where the vector has other dimensions or too many elements, and under cosine that of
    /// zero.
    fn verify(&self, value: Sparse<'_>) -> Result<(), Error> {
        let size = |dims: u32| usize::try_from(dims).unwrap_or(usize::MAX);
        Error::unless_equal(size(self.dims), size(value.dims))?;
        if value.values.len() > MAX_ELEMENTS {
            return Err(Error::Elements {
                found: value.values.len(),
                max: MAX_ELEMENTS,
            });
        }
        Ok(())
    }

    fn point(&self, value: Sparse<'_>) -> Option<Vec<u8>> {
        let elements = value.indices.len().min(value.values.len());
        let norm = match self.metric {
            SparseMetric::Cosine => squared(value.iter()).sqrt(),
            SparseMetric::L2 | SparseMetric::InnerProduct | SparseMetric::L1 => 1.0,
        };
        if norm <= 0.0 {
            return None;
        }
        let mut point = vec![0; VALUE_HEADER + elements * size_of::<Pair>()];
        long::write_header(&mut point);
        let places = point.get_mut(VALUE_HEADER..).unwrap_or_default();
        let places = places.as_chunks_mut().0.as_chunks_mut().0;
        for (place, (index, x)) in places.iter_mut().zip(value.iter()) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "as it was, or of a unit vector"
            )]
            let scaled = (f64::from(x) / norm) as f32;
            *place = pack(index, scaled);
        }
        Some(point)
    }

    fn stored_bytes(&self, point: &Vec<u8>) -> usize {
        point.len()
    }

    fn varies(&self) -> bool {
        true
    }

    fn extent(&self, own: &[u8]) -> usize {
        long::extent(own)
    }

    fn store(&self, point: &Vec<u8>, own: &mut [u8]) -> f32 {
        if point.len() == own.len() {
            own.copy_from_slice(point);
        }
        1.0
    }

    fn load(&self, own: &[u8], _scale: f32) -> Vec<u8> {
        own.to_vec()
    }

    fn distance(&self, point: &Vec<u8>, own: &[u8], _scale: f32) -> f32 {
        saturated(self.between(point, own))
    }

    /// Nothing is rounded but what links carry; sums differ by what cancels out in them.
    #[expect(clippy::cast_possible_truncation, reason = "a bound")]
    fn unit(&self, point: &Vec<u8>) -> f32 {
        let elements = elements(point).iter().map(|pair| unpack(*pair));
        match self.metric {
            SparseMetric::L1 => elements.map(|(_, x)| x.abs()).sum(),
            SparseMetric::L2 | SparseMetric::InnerProduct | SparseMetric::Cosine => {
                squared(elements) as f32
            }
        }
    }
}

impl Sketches for SparseVectors {
    fn sketch_distance(&self, a: Sketch<'_>, b: Sketch<'_>) -> f32 {
        saturated(self.between(a.bytes, b.bytes))
    }
}

impl Measure for SparseVectors {
    fn tag(&self) -> [u8; 3] {
        [KIND, self.metric as u8, 0]
    }

    fn dims(&self) -> u32 {
        self.dims
    }

    fn own_bytes(&self) -> usize {
        self.own
    }

    fn open([kind, metric, form]: [u8; 3], dims: u32, own: usize) -> Option<Self> {
        let metrics = [
            SparseMetric::L2,
            SparseMetric::InnerProduct,
            SparseMetric::Cosine,
            SparseMetric::L1,
        ];
        let metric = metrics.into_iter().find(|m| *m as u8 == metric)?;
        let opened = Self::new(metric, dims);
        let possible = (1..=MAX_SPARSE_DIMS).contains(&dims) && own == opened.own;
        (kind == KIND && form == 0 && possible).then_some(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(metric: SparseMetric, indices: &[u32], values: &[f32]) -> Option<Vec<u8>> {
        let dims = 100;
        let value = Sparse {
            dims,
            indices,
            values,
        };
        SparseVectors::new(metric, dims).point(value)
    }

    #[test]
    fn dimensions_that_no_vector_has_open_no_index() {
        let own = SparseVectors::new(SparseMetric::L2, 5).own_bytes();
        let opened = |dims| SparseVectors::open([KIND, 0, 0], dims, own).is_some();
        assert!(opened(1) && opened(MAX_SPARSE_DIMS));
        assert!(!opened(0) && !opened(MAX_SPARSE_DIMS + 1));
    }

    #[test]
    fn a_unit_vector_is_at_no_distance_from_its_multiples() {
        let metric = SparseMetric::Cosine;
        let vectors = SparseVectors::new(metric, 100);
        let a = point(metric, &[3, 50], &[3.0, -4.0]).unwrap();
        let b = point(metric, &[3, 50], &[6e30, -8e30]).unwrap();
        assert!(vectors.distance(&a, &b, 1.0).abs() <= 1e-6);
        let c = point(metric, &[4], &[1.0]).unwrap();
        assert!((vectors.distance(&a, &c, 1.0) - 1.0).abs() <= 0.0);
        assert_eq!(point(metric, &[], &[]), None);
    }

    #[test]
    fn whatever_the_bytes_are_there_is_a_distance() {
        let metric = SparseMetric::L1;
        let vectors = SparseVectors::new(metric, 100);
        let whole = point(metric, &[1, 2, 3], &[1.0, 2.0, 3.0]).unwrap();
        for len in 0..=whole.len() {
            let part = &whole[..len];
            let kept = len.saturating_sub(VALUE_HEADER) / 8;
            assert_eq!(elements(part).len(), kept, "{len}");
            assert!(vectors.distance(&whole, part, 1.0) >= 0.0);
        }
        for extent in [0_u32, 1, 7, 8, 15, 31, 33, u32::MAX] {
            let mut other = whole.clone();
            other[..4].copy_from_slice(&extent.to_ne_bytes());
            assert!(elements(&other).len() <= 3, "{extent}");
        }
    }
}
