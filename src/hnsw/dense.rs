//! Dense vectors under L2, inner product and cosine: links carry 1-bit codes.
//!
//! All codes are relative to one centre `c`, so that a vector has one code, computed once and
//! copied between pages. With `y = x - c` and `v = q - c`, both rotated, [`encode`] gives
//! `|y|^2` and a slope with `slope * sum b_i v_i ~ -2 <y, v>`, hence
//!
//! | metric | distance | base | slope | constant |
//! |---|---|---|---|---|
//! | L2, cosine | `\|x - q\|^2` | `\|y\|^2` | slope | `\|v\|^2` |
//! | inner product | `-<x, q>` | `-<y, c>` | slope / 2 | `-<c, q>` |
//!
//! Cosine is L2 of unit vectors: `\|x - q\|^2 / 2 = 1 - cos`.

use crate::distance::Kernels;
use crate::distance::simd::kernels;
use crate::page::{PageError, PageStore};
use crate::quantize::{Factors, Form, Rotation, StoredKernels, Table};
use crate::quantize::{as_signed, encode, estimate, inner_product};

use super::node::{Code, Node};
use super::pages::Pages;
use super::shape::{BLOCK_LANES, Shape, code_dims};
use super::space::{Near, Sketch, Space};

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

/// The kind of this space on the meta page.
pub const KIND: u8 = 0;

/// Dense vectors of one size under one metric.
pub struct Dense {
    metric: Metric,
    form: Form,
    bits: usize,
    rotation: Rotation,
    centre: Vec<f32>,
    stored: StoredKernels,
    plain: &'static Kernels,
}

impl Dense {
    /// A space of `dims` dimensions. `centre` is rotated; empty for the origin.
    #[must_use]
    pub fn new(metric: Metric, form: Form, dims: usize, seed: u64, shape: &Shape) -> Self {
        Self {
            metric,
            form,
            bits: shape.bits,
            rotation: Rotation::new(code_dims(dims), seed),
            centre: vec![0.0; dims],
            stored: *form.kernels(),
            plain: kernels(),
        }
    }

    /// The same space with codes relative to a rotated centre.
    #[must_use]
    pub fn with_centre(mut self, centre: Vec<f32>) -> Self {
        self.centre = centre;
        self
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
        self.centre.len()
    }

    /// `point - centre`, as it is encoded.
    fn offset(&self, point: &[f32]) -> Vec<f32> {
        let mut offset: Vec<f32> = point.iter().zip(&self.centre).map(|(x, c)| x - c).collect();
        if self.is_padded() {
            offset.resize(code_dims(self.dims()), 0.0);
            self.rotation.apply(&mut offset);
        }
        offset
    }

    /// Whether vectors are stored as they are, and rotated only to be encoded.
    fn is_padded(&self) -> bool {
        code_dims(self.dims()) > self.dims()
    }

    fn dot(&self, a: &[f32], b: &[f32]) -> f32 {
        (self.plain.inner_product)(a, b)
    }

    /// Estimates the distances to all lanes of a node.
    fn score(&self, query: &Query, node: Node<'_>, near: &mut Near) {
        near.fill(node);
        let blocks = near.distances.as_chunks_mut::<BLOCK_LANES>().0;
        for (block, out) in blocks.iter_mut().enumerate() {
            if let Some(lanes) = node.lanes(block) {
                estimate(&query.table, lanes, query.constant, out);
            }
        }
    }
}

/// A vector, rotated, and its lookup table.
pub struct Query {
    point: Vec<f32>,
    table: Table,
    constant: f32,
}

impl Space for Dense {
    type Value = [f32];
    type Point = Vec<f32>;
    type Query = Query;

    fn tag(&self) -> [u8; 3] {
        [KIND, self.metric as u8, self.form as u8]
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
        if !self.is_padded() {
            self.rotation.apply(&mut point);
        }
        Some(point)
    }

    fn query(&self, point: Vec<f32>) -> Query {
        let offset = self.offset(&point);
        let mut table = Table::new();
        table.fill(&offset, self.bits);
        let constant = match self.metric {
            Metric::L2 | Metric::Cosine => self.dot(&offset, &offset),
            Metric::InnerProduct => -self.dot(&self.centre, &point),
        };
        Query {
            point,
            table,
            constant,
        }
    }

    fn point_of<'q>(&self, query: &'q Query) -> &'q Vec<f32> {
        &query.point
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
        match self.metric {
            Metric::L2 | Metric::Cosine => (self.stored.l2_squared)(point, own, scale),
            Metric::InnerProduct => -(self.stored.inner_product)(point, own, scale),
        }
    }

    fn unit(&self, point: &Vec<f32>) -> f32 {
        self.dot(point, point)
    }

    fn code(&self, point: &Vec<f32>) -> Code {
        let offset = self.offset(point);
        let mut bits = vec![0; self.bits / 8];
        let factors = encode(&offset, self.bits, &mut bits);
        let factors = match self.metric {
            Metric::L2 | Metric::Cosine => factors,
            Metric::InnerProduct => {
                let plain: Vec<f32> = point.iter().zip(&self.centre).map(|(x, c)| x - c).collect();
                Factors {
                    squared: -self.dot(&plain, &self.centre),
                    slope: factors.slope / 2.0,
                }
            }
        };
        Code {
            factors: Some(factors),
            bits,
        }
    }

    fn accumulate(&self, point: &Vec<f32>, sum: &mut Vec<f64>) {
        sum.resize(point.len(), 0.0);
        for (sum, x) in sum.iter_mut().zip(point) {
            *sum += f64::from(*x);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a mean of float32"
    )]
    fn settle(&mut self, sum: &[f64], rows: u64) {
        if rows > 0 && sum.len() == self.centre.len() {
            let mean = sum.iter().map(|sum| (sum / rows as f64) as f32);
            self.centre = mean.map(|x| if x.is_finite() { x } else { 0.0 }).collect();
        }
    }

    fn centre(&self) -> &[f32] {
        &self.centre
    }

    fn sketch_bytes(&self) -> usize {
        self.dims()
    }

    /// The int8 form, its scale, and the squared length that this form has.
    #[expect(clippy::cast_precision_loss, reason = "a sum of squares of int8")]
    fn sketch(&self, point: &Vec<f32>, sketch: &mut [u8]) -> [f32; 2] {
        let scale = Form::Int8.encode(point, sketch);
        let signed = as_signed(sketch);
        [scale, scale * scale * inner_product(signed, signed) as f32]
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum of products of int8")]
    fn sketch_distance(&self, a: Sketch<'_>, b: Sketch<'_>) -> f32 {
        let product = inner_product(as_signed(a.bytes), as_signed(b.bytes)) as f32;
        let product = a.numbers[0] * b.numbers[0] * product;
        match self.metric {
            Metric::L2 | Metric::Cosine => a.numbers[1] + b.numbers[1] - 2.0 * product,
            Metric::InnerProduct => -product,
        }
    }

    fn look<S: PageStore>(
        &self,
        pages: &Pages<'_, S>,
        number: u32,
        query: &mut Query,
        near: &mut Near,
        see: impl FnOnce(Node<'_>, f32),
    ) -> Result<(), PageError> {
        let shape = pages.shape();
        near.reads += 1;
        let held = pages.hold(number)?;
        let node = Node {
            bytes: held.bytes(shape),
            shape,
        };
        if node.walkable() {
            see(node, self.distance(&query.point, node.own(), node.scale()));
            self.score(query, node, near);
        } else {
            near.clear();
        }
        Ok(())
    }
}
