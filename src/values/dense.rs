//! Dense vectors under L2, inner product and cosine.

use crate::distance::Kernels;
use crate::distance::simd::kernels;
use crate::index::Error;
use crate::quantize::{Form, Rotation, StoredKernels, as_floats, as_signed, inner_product};

use super::{Sketch, Sketches, Values, extremes};

/// The kind of these values on a meta page.
pub const KIND: u8 = 0;

/// How near two dense vectors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Metric {
    /// Squared Euclidean distance, which orders as the Euclidean does.
    L2 = 0,
    /// Negative inner product.
    InnerProduct = 1,
    /// Squared Euclidean distance of unit vectors.
    Cosine = 2,
}

/// Up to so many dimensions, graphs are built with float32.
const EXACT_SKETCH_DIMS: usize = 128;

/// What sums of float32 may be off by, as a share of their largest terms.
const ROUNDING_SHARE: f32 = 1e-6;

/// Bits that a code has at least: with fewer, estimates are so rough that searches lose their way. This is part of
/// the format, for shorter vectors are padded and rotated as vectors of 384 dimensions.
const MIN_BITS: usize = 384;

/// Dimensions in which vectors of `dims` dimensions are encoded: short ones are padded with zeros
/// before they are rotated, so that they have more bits than dimensions.
#[must_use]
pub fn code_dims(dims: usize) -> usize {
    dims.max(MIN_BITS)
}

/// Dense vectors of one size under one metric.
pub struct DenseVectors {
    metric: Metric,
    form: Form,
    dims: usize,
    rotation: Rotation,
    stored: StoredKernels,
    plain: &'static Kernels,
}

impl DenseVectors {
    /// Vectors of `dims` dimensions, stored as `form`; `seed` draws the rotation.
    #[must_use]
    pub fn new(metric: Metric, form: Form, dims: usize, seed: u64) -> Self {
        Self {
            metric,
            form,
            dims,
            rotation: Rotation::new(code_dims(dims), seed),
            stored: *form.kernels(),
            plain: kernels(),
        }
    }

    /// The metric.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// How vectors are stored.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Dimensions.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Builds measure short vectors as float32: int8 errs most there and saves least.
    fn sketch_form(&self) -> Form {
        if self.form == Form::Whole {
            Form::Whole
        } else if self.dims() <= EXACT_SKETCH_DIMS {
            Form::F32
        } else {
            Form::Int8
        }
    }

    /// Whether vectors are stored as they are, and rotated only to be encoded: those that are padded for
    /// that, and whole numbers, which rotated are none.
    fn is_as_it_is(&self) -> bool {
        code_dims(self.dims()) > self.dims() || self.form() == Form::Whole
    }

    /// `point - from`, as it is encoded: [`code_dims`] elements, rotated.
    #[must_use]
    pub fn offset(&self, point: &[f32], from: &[f32]) -> Vec<f32> {
        let mut offset: Vec<f32> = point.iter().zip(from).map(|(x, u)| x - u).collect();
        if self.is_as_it_is() {
            offset.resize(code_dims(self.dims()), 0.0);
            self.rotation.apply(&mut offset);
        }
        offset
    }

    /// The distance of points where a sum on the way to it overflows.
    #[cold]
    fn measure_widely(&self, a: &[f32], b: &[f32]) -> f32 {
        match self.metric {
            Metric::L2 | Metric::Cosine => extremes::l2_squared(a, b),
            Metric::InnerProduct => -extremes::inner_product(a, b),
        }
    }

    /// The inner product of two points.
    #[must_use]
    pub fn dot(&self, a: &[f32], b: &[f32]) -> f32 {
        (self.plain.inner_product)(a, b)
    }

    /// The squared distance of two points.
    #[must_use]
    pub fn l2_squared(&self, a: &[f32], b: &[f32]) -> f32 {
        (self.plain.l2_squared)(a, b)
    }
}

impl Values for DenseVectors {
    type Value<'v> = &'v [f32];
    type Point = Vec<f32>;

    fn verify(&self, value: &[f32]) -> Result<(), Error> {
        Error::unless_equal(self.dims(), value.len())
    }

    fn point(&self, value: &[f32]) -> Option<Vec<f32>> {
        let mut point = value.to_vec();
        if self.metric == Metric::Cosine {
            let squared: f64 = value.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
            if squared <= 0.0 {
                return None;
            }
            let norm = squared.sqrt();
            for x in &mut point {
                #[expect(clippy::cast_possible_truncation, reason = "elements of a unit vector")]
                let unit = (f64::from(*x) / norm) as f32;
                *x = unit;
            }
        }
        if !self.is_as_it_is() {
            extremes::map_in_place(&mut point, |point| self.rotation.apply(point));
        }
        Some(point)
    }

    fn stored_bytes(&self, _point: &Vec<f32>) -> usize {
        self.form.bytes(self.dims())
    }

    fn store(&self, point: &Vec<f32>, own: &mut [u8]) -> f32 {
        self.form.encode(point, own)
    }

    fn load(&self, own: &[u8], scale: f32) -> Vec<f32> {
        let mut point = vec![0.0; self.dims()];
        self.form.decode(own, scale, &mut point);
        point
    }

    fn distance(&self, point: &Vec<f32>, own: &[u8], scale: f32) -> f32 {
        let distance = match self.metric {
            Metric::L2 | Metric::Cosine => (self.stored.l2_squared)(point, own, scale),
            Metric::InnerProduct => -(self.stored.inner_product)(point, own, scale),
        };
        if distance.is_finite() {
            return distance;
        }
        self.measure_widely(point, &self.load(own, scale))
    }

    fn unit(&self, point: &Vec<f32>) -> f32 {
        self.dot(point, point)
    }

    fn rounding_scale(&self, point: &Vec<f32>, other: &Vec<f32>) -> f32 {
        match self.metric {
            Metric::L2 | Metric::Cosine => self.unit(point),
            Metric::InnerProduct => extremes::product_of_lengths(point, other),
        }
    }

    /// The errors `e` of rounding are at most `step` each, so `<e, v>` is at most `step sqrt(dims) |v|`;
    /// of many dimensions they are as good as independent, and by Hoeffding's inequality it is above
    /// `6 step |v|` once in 10^7 times. Float16 rounds small elements less: where vectors are rotated,
    /// and their length is known, `step` is that of an element of middle size.
    fn doubt(&self, point: &Vec<f32>, distance: f32, scale: f32) -> f32 {
        let dims = f32::from(u16::try_from(self.dims()).unwrap_or(u16::MAX));
        let (unit, away) = (self.unit(point), distance.max(0.0).sqrt());
        let mut step = self.form.rounding(scale);
        if self.form == Form::F16 && !self.is_as_it_is() && self.metric != Metric::InnerProduct {
            step = step.min((unit.sqrt() + away) / (2_048.0 * dims.sqrt()));
        }
        let along = dims.sqrt().min(6.0) * step;
        let rounded = match self.metric {
            Metric::L2 | Metric::Cosine => 2.0 * along * away + step * step * dims,
            Metric::InnerProduct => along * unit.sqrt(),
        };
        extremes::saturated(rounded + ROUNDING_SHARE * unit.max(distance.abs()))
    }
}

impl Sketches for DenseVectors {
    fn sketch_bytes(&self) -> Option<usize> {
        Some(self.sketch_form().bytes(self.dims()))
    }

    /// Int8 with its scale and the squared length that this form has, or float32.
    #[expect(clippy::cast_precision_loss, reason = "a sum of squares of int8")]
    fn sketch(&self, point: &Vec<f32>, sketch: &mut [u8]) -> [f32; 2] {
        let scale = self.sketch_form().encode(point, sketch);
        let signed = as_signed(sketch);
        [scale, scale * scale * inner_product(signed, signed) as f32]
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum of products of int8")]
    fn sketch_distance(&self, a: Sketch<'_>, b: Sketch<'_>) -> f32 {
        let as_they_are = self.sketch_form() == Form::F32;
        let product = || {
            if as_they_are {
                return self.dot(as_floats(a.bytes), as_floats(b.bytes));
            }
            let product = inner_product(as_signed(a.bytes), as_signed(b.bytes)) as f32;
            a.numbers[0] * b.numbers[0] * product
        };
        let distance = match self.metric {
            Metric::L2 | Metric::Cosine if as_they_are => {
                (self.plain.l2_squared)(as_floats(a.bytes), as_floats(b.bytes))
            }
            Metric::L2 | Metric::Cosine => a.numbers[1] + b.numbers[1] - 2.0 * product(),
            Metric::InnerProduct => -product(),
        };
        if distance.is_finite() {
            return distance;
        }
        let [a, b] = [a, b].map(|sketch| {
            let mut point = vec![0.0; self.dims()];
            let scale = sketch.numbers[0];
            self.sketch_form().decode(sketch.bytes, scale, &mut point);
            point
        });
        self.measure_widely(&a, &b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors with some elements that are much larger than others.
    fn vectors(dims: usize) -> impl Iterator<Item = Vec<f32>> {
        let mut state = 7_u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((state >> 16) as u16) / 32_768.0 - 1.0
        };
        (0..40).map(move |i| {
            let large = if i % 3 == 0 { 9.0 } else { 1.0 };
            (0..dims)
                .map(|at| next() * if at % 7 == 0 { large } else { 1.0 })
                .collect()
        })
    }

    /// Whole numbers, so that each form can store them.
    fn whole(vectors: impl Iterator<Item = Vec<f32>>) -> Vec<Vec<f32>> {
        let whole = |x: &f32| (14.0 * x).round();
        vectors.map(|v| v.iter().map(whole).collect()).collect()
    }

    #[test]
    fn whole_numbers_are_stored_as_they_are() {
        for dims in [3, 64, 384, 1536] {
            for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
                let space = DenseVectors::new(metric, Form::Whole, dims, 3);
                let mut own = vec![0; Form::Whole.bytes(dims)];
                let points = whole(vectors(dims)).into_iter();
                for point in points.filter_map(|v| space.point(&v)) {
                    let scale = space.store(&point, &mut own);
                    let loaded = space.load(&own, scale);
                    let unit = space.unit(&point).sqrt();
                    for (x, y) in point.iter().zip(&loaded) {
                        assert!((x - y).abs() <= 1e-6 * unit, "{dims} {metric:?}: {x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_distance_is_farther_off_than_its_doubt() {
        for dims in [3, 64, 384, 1536] {
            for form in [Form::F32, Form::F16, Form::Int8, Form::Whole] {
                for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
                    let stored = DenseVectors::new(metric, form, dims, 3);
                    let exact = DenseVectors::new(metric, Form::F32, dims, 3);
                    let mut own = vec![0; form.bytes(dims)];
                    let mut plain = vec![0; Form::F32.bytes(dims)];
                    let points = |v: &Vec<f32>| stored.point(v);
                    let values = whole(vectors(dims)).into_iter();
                    let points: Vec<Vec<f32>> = values.filter_map(|v| points(&v)).collect();
                    for (a, b) in points
                        .iter()
                        .flat_map(|a| points.iter().map(move |b| (a, b)))
                    {
                        let scale = stored.store(b, &mut own);
                        exact.store(b, &mut plain);
                        let distance = stored.distance(a, &own, scale);
                        let off = (distance - exact.distance(a, &plain, 1.0)).abs();
                        let doubt = stored.doubt(a, distance, scale);
                        assert!(off <= doubt, "{dims} {form:?} {metric:?}: {off} > {doubt}");
                    }
                }
            }
        }
    }
}
