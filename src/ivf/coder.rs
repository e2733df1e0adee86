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
//! slope and error are those of `quantize/code.rs`, base and slope those of `values/around.rs`; where codes have fewer
//! directions than dimensions, the signs and sums are of these, and the error is that of `directions.rs`. Under inner
//! product the query is made as long as rows are on average, by `s`: the error is a share of `|s q - c|`, and that of
//! the order of two rows the same divided by `s`.

use crate::quantize::{Factors, LookupTable, StoredKernels, encode, from_bf16, to_bf16};
use crate::values::{CodeOrigin, CodeTerms, DenseVectors, Metric};

use super::blocks::RowCode;
use super::directions::{CodeSize, Directions};
use super::long::{LongCodes, LongQuery};
use super::meta::ListsParameters;
use super::options::vectors;
use super::shape::CENTRE_FORM;

/// What rounding to bfloat16 takes from a number, as a share of it, at most.
const SLOPE_ROUNDING: f32 = 1.0 / 512.0;

/// What encodes the rows of an index, and prepares queries for their codes.
pub struct Coder {
    pub vectors: DenseVectors,
    /// Of rows.
    codes: CodeSize,
    /// Bits of the codes of centres.
    centre_bits: usize,
    pub(super) directions: Directions,
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
    /// For `s q - m`, and the codes of rows.
    pub table: LookupTable,
    /// For the codes of centres, where these have other directions.
    centre_table: Option<LookupTable>,
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

impl Query {
    /// The table for the codes of centres.
    pub fn centre_table(&self) -> &LookupTable {
        self.centre_table.as_ref().unwrap_or(&self.table)
    }
}

impl Coder {
    /// What encodes the rows of an index with these parameters, whose mean is a point.
    pub fn new(parameters: &ListsParameters, mean: Vec<f32>, directions: Directions) -> Self {
        Self {
            vectors: vectors(parameters),
            codes: CodeSize {
                bits: parameters.shape.rows.bits,
                dims: parameters.dims,
            },
            centre_bits: parameters.shape.lists.bits,
            directions,
            mean,
            centres: *CENTRE_FORM.kernels(),
            long: LongCodes::new(parameters),
        }
    }

    /// The same with another widening of the errors of principal directions.
    pub fn widened(self, widening: f32) -> Self {
        let directions = match self.directions {
            Directions::Principal(principal) => Directions::Principal(principal.widened(widening)),
            Directions::Random => Directions::Random,
        };
        Self { directions, ..self }
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
        let offset = self.directions.coded(&self.vectors, &point, &self.mean);
        self.vectors.origin_at(point, offset.coordinates)
    }

    /// The code of a point around an origin. One whose numbers overflow is as near as can be, so that it is measured.
    pub fn code(&self, point: &[f32], origin: &CodeOrigin) -> RowCode {
        let mut bits = vec![0; self.codes.bits / 8];
        let directions = &self.directions;
        let offset = directions.coded(&self.vectors, point, origin.point());
        let CodeTerms {
            base,
            slope,
            factors,
        } = (self.vectors).encode_at(point, origin, &offset, &mut bits);
        let error = directions.standard_error(factors, offset.beside, self.codes);
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

    /// A row's distance from the origin of its code, from slope and error as they are stored.
    pub fn distance_by(&self, slope: f32, error: f32) -> f32 {
        let double = if self.is_product() { 2.0 } else { 1.0 };
        (self.directions).distance_by(double * slope, double * error, self.codes)
    }

    /// The code of a centre around the mean: for squared distances, whatever the metric.
    pub fn code_of_centre(&self, centre: &[f32]) -> RowCode {
        let mut bits = vec![0; self.centre_bits / 8];
        let offset = self.vectors.offset(centre, &self.mean);
        let Factors { squared, slope } = encode(&offset, self.centre_bits, &mut bits);
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

    /// `s` for a query, where `length` is that of rows on average.
    pub fn scale(&self, point: &[f32], length: f32) -> f32 {
        let scale = length / self.vectors.dot(point, point).sqrt();
        if self.is_product() && scale.is_normal() {
            scale
        } else {
            1.0
        }
    }

    /// Prepares a query. `length` is that of rows on average, where it is known.
    pub fn query(&self, point: Vec<f32>, length: f32) -> Query {
        let scale = self.scale(&point, length);
        let scaled: Vec<f32> = point.iter().map(|x| scale * x).collect();
        let offset = self.directions.coded(&self.vectors, &scaled, &self.mean);
        let mut table = LookupTable::new();
        table.fill(&offset.coordinates, self.codes.bits);
        let centre_table = (self.centre_bits != self.codes.bits).then(|| {
            let mut table = LookupTable::new();
            table.fill(&self.vectors.offset(&scaled, &self.mean), self.centre_bits);
            table
        });
        Query {
            centre_table,
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
    use crate::bulk::{Files, Progress, Resources};
    use crate::cluster::Draws;
    use crate::index::Tid;
    use crate::ivf::bounds::Margin;
    use crate::ivf::build::{ListsBuilder, build_into};
    use crate::ivf::directory::stored_centre;
    use crate::ivf::index::ListIndex;
    use crate::ivf::options::ListsOptions;
    use crate::page::MemoryStore;
    use crate::quantize::{Form, LANES, Lanes, estimate, write_lane};
    use crate::values::Values;

    fn points(count: usize, dims: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut draws = Draws(seed);
        #[expect(clippy::cast_possible_truncation, reason = "a small number")]
        let mut one = || (0..6).map(|_| draws.share() - 0.5).sum::<f64>() as f32;
        (0..count)
            .map(|_| (0..dims).map(|_| one() + 0.3).collect())
            .collect()
    }

    /// A distance, `s` times as large, by a code as it lies on a page.
    fn estimated(query: &Query, code: &RowCode, terms: ListTerms) -> f32 {
        let mut block = vec![0; crate::quantize::code_bytes(8 * code.bits.len())];
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
        out[0]
    }

    /// By principal directions errors are not normal, and rows near a query are farther by their codes than they are.
    #[test]
    fn few_rows_are_nearer_than_bounds_by_principal_directions() {
        let dims = 200;
        // Coordinate i varies by 1 / (1 + i / 10).
        let mut values = points(3_100, dims, 5);
        for value in &mut values {
            for (x, i) in value.iter_mut().zip(0_u16..) {
                *x = (*x - 0.3) / (1.0 + f32::from(i) / 10.0);
            }
        }
        let (questions, rows) = values.split_at(100);
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            for directions in [128, 48, 16] {
                let index = ListsOptions {
                    directions,
                    lists: 1,
                    ..ListsOptions::default()
                };
                let (near, all) = beyond_bounds(&index, metric, rows, questions);
                assert!(near <= 0.004, "{metric:?} {directions}: {near}");
                assert!(all <= 0.0025, "{metric:?} {directions}: {all}");
            }
        }
    }

    /// The shares of rows that are nearer than their bounds: of the twenty nearest to each question, and of all.
    fn beyond_bounds(
        options: &ListsOptions,
        metric: Metric,
        rows: &[Vec<f32>],
        questions: &[Vec<f32>],
    ) -> (f64, f64) {
        let resources = Resources {
            threads: 1,
            budget: 1 << 30,
            files: Files {
                folder: std::env::temp_dir(),
                limit: 0,
            },
        };
        let mut builder = ListsBuilder::new(rows[0].len(), metric, options, resources);
        for (row, tid) in rows.iter().zip(0..) {
            builder.push(row, Tid::at(tid)).unwrap();
        }
        let store = MemoryStore::new();
        build_into(builder, &store, &Progress::default()).unwrap();
        let index = ListIndex::open(&store).unwrap();
        assert!(index.principal_directions().is_some());
        let (coder, length) = (&index.coder, index.roots().unwrap().length);
        let origin = coder.origin(stored_centre(coder.mean()).0);
        let points = rows.iter().filter_map(|row| coder.vectors.point(row));
        let encoded: Vec<(RowCode, Vec<f32>)> = points
            .map(|point| (coder.code(&point, &origin), point))
            .collect();
        let (mut near, mut all) = (0, 0);
        for question in questions {
            let query = coder.query(coder.vectors.point(question).unwrap(), length);
            let terms = coder.terms_around(&query, origin.point());
            let margin = Margin::usual(&coder.directions, &query.table);
            let mut found: Vec<(f32, bool)> = Vec::new();
            for (code, point) in &encoded {
                let distance = match metric {
                    Metric::InnerProduct => -coder.vectors.dot(&query.scaled, point),
                    Metric::L2 | Metric::Cosine => coder.vectors.l2_squared(&query.point, point),
                };
                let below = margin.below(code.error, code.slope, terms.away);
                found.push((distance, distance < estimated(&query, code, terms) - below));
            }
            all += found.iter().filter(|row| row.1).count();
            found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            near += found[..20].iter().filter(|row| row.1).count();
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let share = |beyond: usize, of: usize| beyond as f64 / (of * questions.len()) as f64;
        (share(near, 20), share(all, rows.len()))
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
                let vectors = vectors(&parameters);
                let values = points(80, dims, 1);
                let rows: Vec<Vec<f32>> = values.iter().filter_map(|v| vectors.point(v)).collect();
                let coder = Coder::new(&parameters, rows[0].clone(), Directions::Random);
                let query = coder.query(rows[2].clone(), 5.0);
                let (centre, stored) = stored_centre(&rows[1]);
                let origin = coder.origin(centre);
                let scale = f32::from_ne_bytes([stored[0], stored[1], stored[2], stored[3]]);
                let terms = coder.terms_of(&query, &stored[4..], scale);
                let mut off = 0.0;
                for point in &rows[3..] {
                    let code = coder.code(point, &origin);
                    let estimated = estimated(&query, &code, terms) * query.unscaled;
                    let mut own = vec![0; Form::F32.bytes(dims)];
                    let scale = coder.vectors.store(point, &mut own);
                    let distance = coder.vectors.distance(&query.point, &own, scale);
                    off +=
                        (estimated - distance).abs() / (code.error * terms.away * query.unscaled);
                }
                // The mean of |x| for a normal x is sqrt(2 / pi).
                let mean = off / 77.0;
                assert!((0.5..1.1).contains(&mean), "{metric:?} {dims}: {mean}");
            }
        }
    }
}
