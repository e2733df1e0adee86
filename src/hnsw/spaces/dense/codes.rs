//! Codes of links, and estimates of distances by them.
//!
//! A link from node `u` to node `x` carries the code of `x - u` (rotated), so that estimates are the better the nearer
//! `u` and `x` are, however far all of them lie from the origin. `values/around.rs` has the formulas; the constant is
//! exact at a visit of `u`.

use std::borrow::Cow;

use crate::quantize::{Lanes, LevelQuery, LookupTable, encode_levels, estimate};

use super::Dense;
use crate::hnsw::nodes::node::{Code, Estimator, Node};
use crate::hnsw::nodes::shape::{BLOCK_LANES, NONE};
use crate::hnsw::spaces::centred::{CentredCode, CentredQuery};
use crate::hnsw::spaces::space::Near;
use crate::values::{CodeOrigin, CodeTerms, Metric, Values, extremes};

/// A node is near where its squared distance is so much smaller than the query's from the centre.
const NEAR_RATIO: f32 = 256.0;

/// A vector, rotated, and its lookup tables.
pub struct DenseQuery {
    pub(super) point: Vec<f32>,
    /// Of `q - c`.
    table: LookupTable,
    /// `|q - c|^2`
    squared: f32,
    /// Of `q - u`, for nodes so near that the other is too rough.
    fine: LookupTable,
    /// Estimates are of distances from `scale q`, divided by it.
    scale: f32,
}

/// A vector times a number.
fn scaled(point: &[f32], scale: f32) -> Cow<'_, [f32]> {
    if scale.to_bits() == 1.0_f32.to_bits() {
        return Cow::Borrowed(point);
    }
    point.iter().map(|x| x * scale).collect()
}

impl Dense {
    /// Fills a query's lookup table.
    pub(super) fn prepare(&self, point: Vec<f32>, scale: f32) -> DenseQuery {
        let mut table = LookupTable::new();
        let offset = self.vectors.offset(&scaled(&point, scale), &self.centre);
        table.fill(&offset, self.bits);
        DenseQuery {
            point,
            table,
            squared: extremes::saturated(self.vectors.dot(&offset, &offset)),
            fine: LookupTable::new(),
            scale,
        }
    }

    /// See [`Space::origin`](crate::hnsw::Space::origin).
    pub(super) fn origin_of(&self, from: Vec<f32>) -> CodeOrigin {
        self.vectors.origin(from, &self.centre)
    }

    /// See [`Space::code`](crate::hnsw::Space::code).
    pub(super) fn encode(&self, point: &[f32], origin: &CodeOrigin) -> Code {
        let mut bits = vec![0; self.bits / 8];
        let estimator = self.estimator(point, origin, &mut bits);
        if estimator.base.is_finite() && estimator.slope.is_finite() {
            let estimator = Some(estimator);
            return Code { estimator, bits };
        }
        self.code_widely(point, origin.point())
    }

    /// Base and slope of the estimate for a point, as the page will have them; writes its bits.
    fn estimator(&self, point: &[f32], origin: &CodeOrigin, bits: &mut [u8]) -> Estimator {
        let CodeTerms { base, slope, .. } = self.vectors.encode_around(point, origin, bits);
        Estimator { base, slope }
    }

    /// See [`Space::centred_code`](crate::hnsw::Space::centred_code). With the centre as `u` in the table of
    /// `values/around.rs`.
    pub(super) fn encentred_code(&self, point: &[f32], code: &mut [u8]) -> CentredCode {
        let levels = encode_levels(&self.vectors.offset(point, &self.centre), code);
        match self.metric() {
            Metric::L2 | Metric::Cosine => CentredCode {
                base: levels.squared,
                slope: levels.slope,
                error: levels.error,
            },
            Metric::InnerProduct => CentredCode {
                base: self.vectors.dot(&self.centre, &self.centre)
                    - self.vectors.dot(point, &self.centre),
                slope: levels.slope / 2.0,
                error: levels.error / 2.0,
            },
        }
    }

    /// See [`Space::centred_query`](crate::hnsw::Space::centred_query).
    pub(super) fn prepare_centred(&self, point: &[f32], scale: f32) -> CentredQuery {
        let point = &scaled(point, scale);
        let offset = self.vectors.offset(point, &self.centre);
        let squared = self.vectors.dot(&offset, &offset);
        CentredQuery {
            levels: LevelQuery::new(&offset),
            constant: match self.metric() {
                Metric::L2 | Metric::Cosine => squared,
                Metric::InnerProduct => -self.vectors.dot(&self.centre, point),
            },
            length: squared.sqrt(),
            unscaled: 1.0 / scale,
        }
    }

    /// The code of a point where a number on the way to it overflows.
    #[cold]
    fn code_widely(&self, point: &[f32], from: &[f32]) -> Code {
        let ([point, from, centre], unit) = extremes::shrunk([point, from, &self.centre], 2);
        let origin = self.vectors.origin(from.into_owned(), &centre);
        let mut bits = vec![0; self.bits / 8];
        let Estimator { base, slope } = self.estimator(&point, &origin, &mut bits);
        let (base, slope) = (base * unit * unit, extremes::saturated_slope(slope * unit));
        let away = self.vectors.l2_squared(&point, origin.point()) * unit * unit;
        let (base, slope) = match self.metric() {
            Metric::InnerProduct => (extremes::saturated(base), slope),
            // No float32 holds the point's distance from the node. Where one holds the node's own distance from a
            // query, the point is far from that query.
            Metric::L2 | Metric::Cosine if away == f32::INFINITY => (extremes::FAR, 0.0),
            Metric::L2 | Metric::Cosine if base.is_finite() => (base, slope),
            Metric::L2 | Metric::Cosine => (extremes::FAR, slope),
        };
        let estimator = Some(Estimator { base, slope });
        Code { estimator, bits }
    }

    /// Estimates the distances to all lanes of a node that is `distance` away.
    pub(super) fn score(
        &self,
        query: &mut DenseQuery,
        node: Node<'_>,
        distance: f32,
        near: &mut Near,
    ) {
        if self.metric() != Metric::InnerProduct && distance * NEAR_RATIO < query.squared {
            self.score_near(query, node, distance, near);
        } else {
            Self::score_far(query, node, distance, near);
        }
    }

    /// With a table of its own, whose 8 bits cover `q - u` and not `q - c`. Then `S` is 0,
    /// and the base is the neighbour's distance from the node.
    fn score_near(&self, query: &mut DenseQuery, node: Node<'_>, distance: f32, near: &mut Near) {
        let own = self.vectors.load(node.own(), node.scale());
        query
            .fine
            .fill(&self.vectors.offset(&query.point, &own), self.bits);
        near.fill(node);
        let blocks = near.distances.as_chunks_mut::<BLOCK_LANES>().0;
        for (block, out) in blocks.iter_mut().enumerate() {
            let Some(lanes) = node.lanes(block) else {
                continue;
            };
            let mut bases = *lanes.bases;
            for (lane, base) in bases.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let lane = block * BLOCK_LANES + lane;
                if node.neighbour(lane) != NONE {
                    *base = node.distance(lane).to_ne_bytes();
                }
            }
            let lanes = Lanes {
                bases: &bases,
                ..lanes
            };
            estimate(&query.fine, lanes, distance, out);
        }
    }

    /// With the table that serves all nodes.
    fn score_far(query: &DenseQuery, node: Node<'_>, distance: f32, near: &mut Near) {
        near.fill(node);
        let blocks = near.distances.as_chunks_mut::<BLOCK_LANES>().0;
        for (block, out) in blocks.iter_mut().enumerate() {
            if let Some(lanes) = node.lanes(block) {
                estimate(&query.table, lanes, query.scale * distance, out);
            }
        }
        if query.scale.to_bits() != 1.0_f32.to_bits() {
            let unscaled = 1.0 / query.scale;
            near.distances.iter_mut().for_each(|far| *far *= unscaled);
        }
    }
}
