//! Codes of rows around the centres of their lists, and estimates of distances by them.
//!
//! With a row `x` of the list with centre `c`, `y = x - c`, the mean `m` of all rows and `S = sum b_i (c - m)_i`,
//! a query's sums of `b_i (s q - m)_i` from one lookup table serve all lists:
//!
//! | metric | distance | base | slope | constant, exact for the list | standard error |
//! |---|---|---|---|---|---|
//! | L2, cosine | `\|x - q\|^2` | `\|y\|^2 - slope S` | slope | `\|q - c\|^2` | `error \|q - c\|` |
//! | inner product | `-<x, s q>` | `-<y, c> - slope S / 2` | slope / 2 | `-<c, s q>` | `error \|s q - c\| / 2` |
//!
//! slope and error are those of `quantize/code.rs`. Under inner product the query is made as long as rows are on
//! average, by `s`: the error is a share of `|s q - c|`, and that of the order of two rows the same divided by `s`.

use crate::quantize::{
    Factors, LookupTable, StoredKernels, encode, from_bf16, signed_sum, standard_error, to_bf16,
};
use crate::values::{DenseVectors, Metric, Values, code_dims};

use super::blocks::RowCode;
use super::shape::CENTRE_FORM;

/// What encodes the rows of an index, and prepares queries for their codes.
pub struct Coder {
    pub vectors: DenseVectors,
    bits: usize,
    /// The mean of all rows, as a point.
    mean: Vec<f32>,
    centres: StoredKernels,
}

/// A point that others are encoded around.
pub struct CodeOrigin {
    pub point: Vec<f32>,
    /// From the mean, as it is encoded.
    offset: Vec<f32>,
    squared: f32,
}

/// A query, prepared for many estimates.
pub struct Query {
    /// As it is measured.
    pub point: Vec<f32>,
    /// `s` times the point.
    scaled: Vec<f32>,
    /// For `s q - m`.
    pub table: LookupTable,
    /// Estimates are `s` times as large as distances: this makes distances of them.
    pub unscaled: f32,
}

/// What all rows of a list have in common, for a query.
#[derive(Clone, Copy, Debug)]
pub struct ListTerms {
    /// The list's part of all distances.
    pub constant: f32,
    /// By what standard errors are multiplied.
    pub away: f32,
}

impl Coder {
    /// Codes of `bits` bits, with a mean that is a point of `vectors`.
    pub fn new(vectors: DenseVectors, bits: usize, mean: Vec<f32>) -> Self {
        Self {
            vectors,
            bits,
            mean,
            centres: *CENTRE_FORM.kernels(),
        }
    }

    /// The mean of all rows.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    fn is_product(&self) -> bool {
        self.vectors.metric() == Metric::InnerProduct
    }

    /// Prepares a point for the codes of others.
    pub fn origin(&self, point: Vec<f32>) -> CodeOrigin {
        CodeOrigin {
            offset: self.vectors.offset(&point, &self.mean),
            squared: self.vectors.dot(&point, &point),
            point,
        }
    }

    /// The code of a point around an origin. One whose numbers overflow is as near as can be, so that it is measured.
    pub fn code(&self, point: &[f32], origin: &CodeOrigin) -> RowCode {
        let mut bits = vec![0; self.bits / 8];
        let offset = self.vectors.offset(point, &origin.point);
        let factors = encode(&offset, self.bits, &mut bits);
        let sum = signed_sum(&offset, self.bits, &origin.offset);
        let error = standard_error(factors, 1.0, self.bits, code_dims(self.vectors.dims()));
        let Factors { squared, slope } = factors;
        let (base, slope, error) = if self.is_product() {
            let along = self.vectors.dot(point, &origin.point) - origin.squared;
            (-along, slope / 2.0, error / 2.0)
        } else {
            (squared, slope, error)
        };
        // The base is computed from the slope as rounded, so that what cancels out cancels out.
        let slope = from_bf16(to_bf16(slope));
        let base = base - slope * sum;
        if base.is_finite() && slope.is_finite() && error.is_finite() {
            return RowCode {
                base,
                slope,
                error: above(error),
                bits,
            };
        }
        RowCode {
            base: -f32::MAX,
            bits,
            ..RowCode::default()
        }
    }

    /// The code of a centre around the mean: for squared distances, whatever the metric.
    pub fn code_of_centre(&self, centre: &[f32]) -> RowCode {
        let mut bits = vec![0; self.bits / 8];
        let offset = self.vectors.offset(centre, &self.mean);
        let Factors { squared, slope } = encode(&offset, self.bits, &mut bits);
        if !squared.is_finite() || !slope.is_finite() {
            return RowCode {
                base: f32::MAX,
                bits,
                ..RowCode::default()
            };
        }
        RowCode {
            base: squared,
            slope,
            error: 0.0,
            bits,
        }
    }

    /// The squared distance of a query from the mean: what is the same in the estimates for all centres.
    pub fn squared_from_mean(&self, query: &Query) -> f32 {
        self.vectors.l2_squared(&query.scaled, &self.mean)
    }

    /// By what the lists of a query are sorted, from the squared distance of a list's centre.
    pub fn nearness(&self, squared_distance: f32, squared_length: f32) -> f32 {
        if self.is_product() {
            (squared_distance - squared_length) / 2.0
        } else {
            squared_distance
        }
    }

    /// Prepares a query. `length` is that of rows on average, where it is known.
    pub fn query(&self, point: Vec<f32>, length: f32) -> Query {
        let own = self.vectors.unit(&point).sqrt();
        let scale = length / own;
        let scale = if self.is_product() && scale.is_normal() {
            scale
        } else {
            1.0
        };
        let scaled: Vec<f32> = point.iter().map(|x| scale * x).collect();
        let mut table = LookupTable::new();
        table.fill(&self.vectors.offset(&scaled, &self.mean), self.bits);
        Query {
            point,
            scaled,
            table,
            unscaled: 1.0 / scale,
        }
    }

    /// The squared distance of a query from a stored centre.
    pub fn squared_from(&self, query: &Query, own: &[u8], scale: f32) -> f32 {
        (self.centres.l2_squared)(&query.scaled, own, scale)
    }

    /// What the rows around a stored centre have in common.
    pub fn terms_of(&self, query: &Query, own: &[u8], scale: f32) -> ListTerms {
        let squared = self.squared_from(query, own, scale);
        let constant = if self.is_product() {
            -(self.centres.inner_product)(&query.scaled, own, scale)
        } else {
            squared
        };
        ListTerms {
            constant,
            away: squared.max(0.0).sqrt(),
        }
    }
}

/// The smallest bfloat16 that is not smaller than a number that is not negative.
pub fn above(number: f32) -> f32 {
    let rounded = from_bf16(to_bf16(number));
    if rounded >= number {
        rounded
    } else {
        from_bf16(to_bf16(number).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Draws;
    use crate::ivf::directory::stored_centre;
    use crate::quantize::{Form, LANES, Lanes, estimate, write_lane};

    fn points(count: usize, dims: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut draws = Draws(seed);
        #[expect(clippy::cast_possible_truncation, reason = "a small number")]
        let mut one = || (0..6).map(|_| draws.share() - 0.5).sum::<f64>() as f32;
        (0..count)
            .map(|_| (0..dims).map(|_| one() + 0.3).collect())
            .collect()
    }

    #[test]
    fn most_distances_are_within_their_errors() {
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            for dims in [20, 384, 500] {
                let vectors = DenseVectors::new(metric, Form::F32, dims, 7);
                let values = points(80, dims, 1);
                let rows: Vec<Vec<f32>> = values.iter().filter_map(|v| vectors.point(v)).collect();
                let bits = code_dims(dims).next_multiple_of(16);
                let coder = Coder::new(vectors, bits, rows[0].clone());
                let query = coder.query(rows[2].clone(), 5.0);
                let (centre, stored) = stored_centre(&rows[1]);
                let origin = coder.origin(centre);
                let scale = f32::from_ne_bytes([stored[0], stored[1], stored[2], stored[3]]);
                let terms = coder.terms_of(&query, &stored[4..], scale);
                let mut off = 0.0;
                for point in &rows[3..] {
                    let code = coder.code(point, &origin);
                    let mut block = vec![0; crate::quantize::code_bytes(bits)];
                    write_lane(&mut block, 0, &code.bits);
                    let mut bases = [0; 4 * LANES];
                    bases[..4].copy_from_slice(&code.base.to_ne_bytes());
                    let mut slopes = [0; 2 * LANES];
                    slopes[..2].copy_from_slice(&to_bf16(code.slope).to_ne_bytes());
                    let lanes = Lanes {
                        codes: &block,
                        bases: &bases,
                        slopes: &slopes,
                    };
                    let mut out = [0.0; LANES];
                    estimate(&query.table, lanes, terms.constant, &mut out);
                    let mut own = vec![0; Form::F32.bytes(dims)];
                    let scale = coder.vectors.store(point, &mut own);
                    let distance = coder.vectors.distance(&query.point, &own, scale);
                    let error = (out[0] * query.unscaled - distance).abs();
                    off += error / (code.error * terms.away * query.unscaled);
                }
                // The mean of |x| for a normal x is sqrt(2 / pi).
                let mean = off / 77.0;
                assert!((0.5..1.1).contains(&mean), "{metric:?} {dims}: {mean}");
            }
        }
    }
}
