//! Dense vectors in a graph: links carry 1-bit codes (codes.rs).

mod codes;

use codes::DenseQuery;

use crate::page::{PageError, PageStore};
use crate::quantize::{Form, level_bytes};
use crate::values::{CodeOrigin, DenseVectors, Metric, Values, code_dims, extremes};

use crate::hnsw::nodes::meta::{LONGEST_SCALED, Lengths};
use crate::hnsw::nodes::node::{Code, Node};
use crate::hnsw::nodes::pages::Pages;
use crate::hnsw::nodes::shape::Shape;
use crate::hnsw::spaces::centred::{CentredCode, CentredQuery};
use crate::hnsw::spaces::space::{Probe, Space};

/// Candidates beyond those asked for: estimates lead a walk astray.
const MORE_CANDIDATES: usize = 8;

/// In small tables the nearest are closer to the rest than estimates can tell, so more candidates are kept.
/// Their number is multiplied by `(MANY_NODES / nodes) ^ (CROWDING_POWER * CROWDING_BITS / bits)`, `nodes` being
/// clamped to `FEW_NODES ..= MANY_NODES`; the error of a code falls with its number of bits.
const MANY_NODES: u64 = 100_000;
const FEW_NODES: u64 = 1_000;
const CROWDING_POWER: f64 = 0.3;
const CROWDING_BITS: usize = 384;

/// Under inner product, the more unequal the lengths of values, the less do products of the nearest differ
/// beside what estimates are off by: there are more candidates by the logarithm of the lengths' ratio, up to so
/// many times more. Values of one length need none.
const MOST_FOR_UNEVEN: f64 = 2.0;

/// Dense vectors of one size under one metric, linked with codes.
pub struct Dense {
    vectors: DenseVectors,
    bits: usize,
    centre: Vec<f32>,
}

impl Dense {
    /// A space of `dims` dimensions. Its centre is the origin until [`with_centre`](Self::with_centre) or
    /// [`settle`](Space::settle) sets it.
    #[must_use]
    pub fn new(metric: Metric, form: Form, dims: usize, seed: u64, shape: &Shape) -> Self {
        Self {
            vectors: DenseVectors::new(metric, form, dims, seed),
            bits: shape.bits,
            centre: vec![0.0; dims],
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
        self.vectors.metric()
    }

    /// How vectors are stored.
    #[must_use]
    pub fn form(&self) -> Form {
        self.vectors.form()
    }

    /// Dimensions.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.vectors.dims()
    }
}

impl Space for Dense {
    type Values = DenseVectors;
    type Query = DenseQuery;
    type Origin = CodeOrigin;

    fn values(&self) -> &DenseVectors {
        &self.vectors
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few thousand"
    )]
    fn widened_ef(&self, ef: usize, nodes: u64, lengths: &Lengths) -> usize {
        let fewer = MANY_NODES as f64 / nodes.clamp(FEW_NODES, MANY_NODES) as f64;
        let power = CROWDING_POWER * CROWDING_BITS as f64 / self.bits.max(1) as f64;
        let uneven = 1.0 + f64::from(lengths.ratio()).ln().min(MOST_FOR_UNEVEN);
        ((ef + MORE_CANDIDATES) as f64 * fewer.powf(power) * uneven) as usize
    }

    /// Under inner product: the error of an estimate is a share of `|x - u| |scale q - u|`, and that of the
    /// order of two rows the same divided by `scale`. With a `q` as long as what is found it is smallest,
    /// and it does not depend on the length that the query came with, as the order of rows does not.
    fn length(&self, point: &Vec<f32>) -> Option<f32> {
        let length = || extremes::saturated(self.vectors.unit(point)).sqrt();
        (self.vectors.metric() == Metric::InnerProduct).then(length)
    }

    fn query(&self, point: Vec<f32>, scale: f32) -> DenseQuery {
        self.prepare(point, scale)
    }

    fn point_of<'q>(&self, query: &'q DenseQuery) -> &'q Vec<f32> {
        &query.point
    }

    fn origin(&self, from: Vec<f32>) -> CodeOrigin {
        self.origin_of(from)
    }

    fn code(&self, point: &Vec<f32>, origin: &CodeOrigin) -> Code {
        self.encode(point, origin)
    }

    fn centred_bytes(&self) -> Option<usize> {
        Some(level_bytes(code_dims(self.vectors.dims())))
    }

    fn centred_code(&self, point: &Vec<f32>, code: &mut [u8]) -> CentredCode {
        self.encentred_code(point, code)
    }

    fn centred_query(&self, point: &Vec<f32>, scale: f32) -> Option<CentredQuery> {
        Some(self.prepare_centred(point, scale))
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
            // Queries are scaled to at most LONGEST. Beside a longer centre they would be rounded away, so the
            // origin is taken.
            if self.vectors.metric() == Metric::InnerProduct
                && extremes::product_of_lengths(&self.centre, &self.centre).sqrt() > LONGEST_SCALED
            {
                self.centre.fill(0.0);
            }
        }
    }

    fn centre(&self) -> &[f32] {
        &self.centre
    }

    fn look<S: PageStore>(
        &self,
        pages: &Pages<'_, S>,
        number: u32,
        probe: &mut Probe<DenseQuery>,
        see: impl FnOnce(Node<'_>, f32),
    ) -> Result<(), PageError> {
        let shape = pages.shape();
        let Probe {
            query,
            near,
            upcoming,
        } = probe;
        near.reads += 1;
        let held = pages.hold(number)?;
        let node = Node {
            bytes: held.bytes(shape),
            shape,
        };
        if node.is_walkable() {
            let distance = self
                .vectors
                .distance(&query.point, node.own(), node.scale());
            pages.prefetch(*upcoming, 1);
            see(node, distance);
            self.score(query, node, distance, near);
        } else {
            near.clear();
        }
        Ok(())
    }
}
