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
//! slope and error are those of `quantize/code.rs`, base and slope those of `values/around.rs`. Under inner product the
//! query is made as long as rows are on average, by `s`: the error is a share of `|s q - c|`, and that of the order of
//! two rows the same divided by `s`.

use crate::quantize::{
    Factors, LookupTable, StoredKernels, encode, from_bf16, standard_error, to_bf16,
};
use crate::values::{CodeOrigin, CodeTerms, DenseVectors, Metric, Values, code_dims};

use super::blocks::RowCode;
use super::long::{LongCodes, LongQuery};
use super::meta::ListsParameters;
use super::options::vectors;
use super::shape::CENTRE_FORM;

/// What rounding to bfloat16 takes from a number, as a share of it, at most.
const SLOPE_ROUNDING: f32 = 1.0 / 512.0;

/// What encodes the rows of an index, and prepares queries for their codes.
pub struct Coder {
    pub vectors: DenseVectors,
    bits: usize,
    /// The mean of all rows, as a point.
    mean: Vec<f32>,
    centres: StoredKernels,
    pub(super) long: LongCodes,
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
    /// For long codes.
    pub long: LongQuery,
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
    /// What encodes the rows of an index with these parameters, whose mean is a point.
    pub fn new(parameters: &ListsParameters, mean: Vec<f32>) -> Self {
        Self {
            vectors: vectors(parameters),
            bits: parameters.shape.rows.bits,
            mean,
            centres: *CENTRE_FORM.kernels(),
            long: LongCodes::new(parameters),
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
        self.vectors.origin(point, &self.mean)
    }

    /// The code of a point around an origin. One whose numbers overflow is as near as can be, so that it is measured.
    pub fn code(&self, point: &[f32], origin: &CodeOrigin) -> RowCode {
        let mut bits = vec![0; self.bits / 8];
        let CodeTerms {
            base,
            slope,
            factors,
        } = self.vectors.encode_around(point, origin, &mut bits);
        let error = standard_error(factors, 1.0, self.bits, code_dims(self.vectors.dims()));
        // The slope is rounded as well, which matters where a code is nearly the point itself.
        let error = error.hypot(SLOPE_ROUNDING * 2.0 * factors.squared.sqrt());
        let error = if self.is_product() {
            error / 2.0
        } else {
            error
        };
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

    /// A row's distance from the origin of its code: what `quantize::standard_error` makes the error of, from slope and
    /// error as they are stored. It is off by a few thousandths of itself.
    #[expect(clippy::cast_precision_loss, reason = "at most 16,000")]
    pub fn distance_by(&self, slope: f32, error: f32) -> f32 {
        let dims = code_dims(self.vectors.dims());
        let coded = self.bits.min(dims) as f32;
        let double = if self.is_product() { 2.0 } else { 1.0 };
        let [slope, error] = [slope, error].map(|factor| double * factor / 2.0);
        let across = error * error * dims.saturating_sub(1) as f32;
        (slope * slope * coded - across).max(0.0).sqrt()
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
            long: self.long_query(&point),
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

    /// What the rows around a centre have in common.
    pub fn terms_around(&self, query: &Query, centre: &[f32]) -> ListTerms {
        let squared = self.vectors.l2_squared(&query.scaled, centre);
        let constant = if self.is_product() {
            -self.vectors.dot(&query.scaled, centre)
        } else {
            squared
        };
        ListTerms {
            constant,
            away: squared.max(0.0).sqrt(),
        }
    }

    /// The squared distance of a row from a query, from an estimate or a bound of its distance; under inner product
    /// less the squared length of the row, which is the same for all queries. The query was made with length 0.
    pub fn squared_of(&self, estimate: f32, query: &Query) -> f32 {
        if self.is_product() {
            2.0 * estimate + self.vectors.dot(&query.point, &query.point)
        } else {
            estimate
        }
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
    use crate::ivf::options::ListsOptions;
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
                let options = ListsOptions {
                    form: Some(Form::F32.into()),
                    seed: 7,
                    ..ListsOptions::default()
                };
                let parameters = options.parameters(dims, metric);
                let (bits, vectors) = (parameters.shape.rows.bits, vectors(&parameters));
                let values = points(80, dims, 1);
                let rows: Vec<Vec<f32>> = values.iter().filter_map(|v| vectors.point(v)).collect();
                let coder = Coder::new(&parameters, rows[0].clone());
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
