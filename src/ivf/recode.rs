//! Codes of rows whose values cannot be read, around other centres than their own.
//!
//! With a code around `c` of bits `b` (as 1 and -1), slope `s` and `y = x - c`, the estimate of a distance is that of
//! the point `z = c - s b / 2`, with a correction that is the same for all queries:
//!
//! ```text
//! |y|^2 + |q - c|^2 + s sum b_i (q - c)_i = |z - q|^2 + |y|^2 - s^2 P / 4
//! ```
//!
//! where `P` bits are coded. So `z` is encoded in the place of `x`. The new code's error has the old one added, as of
//! independent errors, for a query that is about as far from one centre as from the other.

use crate::quantize::{Factors, encode, signed_sum, standard_error};
use crate::values::code_dims;

use super::blocks::RowCode;
use super::coder::Coder;
use crate::values::CodeOrigin;

impl Coder {
    /// `z - c'` for a row's code around `from` and another origin `c'`, as it is encoded.
    pub fn guessed_offset(&self, code: &RowCode, from: &CodeOrigin, to: &CodeOrigin) -> Vec<f32> {
        let mut offset = self.vectors.offset(from.point(), to.point());
        let half = self.half_of(code);
        for (x, sign) in offset.iter_mut().zip(self.signs(code)) {
            *x += half * sign;
        }
        offset
    }

    /// The code around another origin of a row of which only the code is known. One that is as near as can be stays so.
    pub fn recode(&self, code: &RowCode, from: &CodeOrigin, to: &CodeOrigin) -> RowCode {
        if code.base <= -f32::MAX {
            return code.clone();
        }
        let signs = self.signs(code);
        let sum = |v: &[f32]| self.vectors.dot(&signs, v.get(..signs.len()).unwrap_or(v));
        let own = code.base + code.slope * sum(from.offset());
        let half = self.half_of(code);
        let offset = self.guessed_offset(code, from, to);
        let mut bits = vec![0; self.bits / 8];
        let factors = encode(&offset, self.bits, &mut bits);
        let error = standard_error(factors, 1.0, self.bits, code_dims(self.vectors.dims()));
        let shift = signed_sum(&offset, self.bits, to.offset());
        let Factors { squared, slope } = factors;
        let (base, slope, error) = if self.is_product() {
            let zero = vec![0.0; from.point().len()];
            let rotated = |point: &[f32]| self.vectors.offset(point, &zero);
            // `<x, q>` is estimated by `<z, q> + <y, c> - <z - c, c>`; `own` is `-<y, c>`.
            let along = self.vectors.dot(&offset, &rotated(to.point()));
            let correction = -own - half * sum(&rotated(from.point()));
            (-along - correction, slope / 2.0, error / 2.0)
        } else {
            #[expect(clippy::cast_precision_loss, reason = "at most 16,000")]
            let coded = signs.len() as f32;
            (squared + own - half * half * coded, slope, error)
        };
        let code = RowCode {
            base,
            slope,
            error: error.hypot(code.error),
            bits,
        };
        Self::shifted(code, shift)
    }

    /// `-s / 2`.
    fn half_of(&self, code: &RowCode) -> f32 {
        if self.is_product() {
            -code.slope
        } else {
            -code.slope / 2.0
        }
    }

    /// The bits of a code as 1 and -1.
    fn signs(&self, code: &RowCode) -> Vec<f32> {
        let coded = self.bits.min(code_dims(self.vectors.dims()));
        let sign = |at: usize| {
            let byte = code.bits.get(at / 8).copied().unwrap_or(0);
            if byte >> (at % 8) & 1 == 1 { 1.0 } else { -1.0 }
        };
        (0..coded).map(sign).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Draws;
    use crate::ivf::blocks::{CodePage, CodePageMut};
    use crate::ivf::bounds::bounds;
    use crate::ivf::shape::ListsShape;
    use crate::page::{Format, Mark, PAGE_BYTES, format};
    use crate::quantize::Form;
    use crate::values::{DenseVectors, Metric, Values};

    fn points(count: usize, dims: usize) -> Vec<Vec<f32>> {
        let mut draws = Draws(5);
        #[expect(clippy::cast_possible_truncation, reason = "a small number")]
        let mut one = || (0..6).map(|_| draws.share() - 0.5).sum::<f64>() as f32 + 0.2;
        (0..count)
            .map(|_| (0..dims).map(|_| one()).collect())
            .collect()
    }

    /// Lower bounds of a row's distance from a query, by its code around a centre.
    fn bound(coder: &Coder, shape: ListsShape, code: &RowCode, ends: [&[f32]; 2]) -> f32 {
        let [centre, query] = ends;
        let mut bytes = [0; PAGE_BYTES];
        let mark = Mark {
            format: Format::LATEST,
            block: 3,
            kind: 1,
        };
        format(&mut bytes, mark);
        let mut page = CodePageMut::new(&mut bytes, shape.rows);
        page.clear(0);
        page.set_code(0, code);
        page.set_used(1);
        let query = coder.query(query.to_vec(), 0.0);
        let terms = coder.terms_around(&query, centre);
        let block = CodePage::new(&bytes, shape.rows).block(0).unwrap();
        bounds(&query, block, terms, 1)[0]
    }

    #[test]
    fn few_rows_are_nearer_than_the_bounds_of_a_guess_and_most_are_not_much_farther() {
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            for dims in [60, 384] {
                let vectors = DenseVectors::new(metric, Form::F32, dims, 7);
                let shape = ListsShape::new(dims, None);
                let values = points(60, dims);
                let rows: Vec<Vec<f32>> = values.iter().filter_map(|v| vectors.point(v)).collect();
                let coder = Coder::new(vectors, shape.rows.bits, rows[0].clone());
                let [from, to] = [1, 2].map(|at| coder.origin(rows[at].clone()));
                let (mut nearer, mut off, mut old) = (0, 0.0, 0.0);
                for row in &rows[4..] {
                    let code = coder.code(row, &from);
                    let distance = if metric == Metric::InnerProduct {
                        -coder.vectors.dot(row, &rows[3])
                    } else {
                        coder.vectors.l2_squared(row, &rows[3])
                    };
                    let again = coder.recode(&code, &from, &to);
                    let is = bound(&coder, shape, &again, [to.point(), &rows[3]]);
                    let was = bound(&coder, shape, &code, [from.point(), &rows[3]]);
                    nearer += usize::from(is > distance);
                    off += distance - is;
                    old += distance - was;
                }
                assert!(nearer <= 2, "{metric:?} {dims}: {nearer}");
                assert!(off < 2.5 * old, "{metric:?} {dims}: {off} {old}");
            }
        }
    }
}
