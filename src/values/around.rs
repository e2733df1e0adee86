//! Codes of points around another one, and what makes distances of them.
//!
//! With a point `x`, an origin `u` near it, `y = x - u` (rotated), the centre `c` of all points and
//! `S = sum b_i (u - c)_i`, a query's sums of `b_i (q - c)_i` from one lookup table serve all origins, for
//! [`encode`] gives `slope * (sum - S) ~ -2 <y, q - u>`:
//!
//! | metric | distance | base | slope | constant, exact for the origin |
//! |---|---|---|---|---|
//! | L2, cosine | `\|x - q\|^2` | `\|y\|^2 - slope S` | slope | `\|q - u\|^2` |
//! | inner product | `-<x, q>` | `-<y, u> - slope S / 2` | slope / 2 | `-<u, q>` |
//!
//! Cosine is L2 of unit vectors: `\|x - q\|^2 / 2 = 1 - cos`.

use crate::quantize::{Factors, encode, from_bf16, signed_sum, to_bf16};

use super::{DenseVectors, Metric};

/// A point that others are encoded around.
pub struct CodeOrigin {
    point: Vec<f32>,
    /// `u - c`, as it is encoded.
    offset: Vec<f32>,
    /// `|u|^2`
    squared: f32,
}

impl CodeOrigin {
    /// The point itself.
    #[must_use]
    pub fn point(&self) -> &[f32] {
        &self.point
    }
}

/// A point less the origin of its code, as it is encoded.
pub struct CodedOffset {
    /// Its coordinates; those that a code has bits for come first.
    pub coordinates: Vec<f32>,
    /// The squared length of the part that is in none of the coordinates; 0 where they are all.
    pub beside: f32,
}

/// What makes distances of a code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeTerms {
    /// The point's own part of its distance.
    pub base: f32,
    /// The factor of the sum of its bits, as bfloat16 holds it.
    pub slope: f32,
    /// Of the coordinates of `y`.
    pub factors: Factors,
}

impl DenseVectors {
    /// Prepares a point for the codes of others. `centre` is that of all points.
    #[must_use]
    pub fn origin(&self, point: Vec<f32>, centre: &[f32]) -> CodeOrigin {
        let offset = self.offset(&point, centre);
        self.origin_at(point, offset)
    }

    /// The same, from `u - c` as it is encoded.
    #[must_use]
    pub fn origin_at(&self, point: Vec<f32>, offset: Vec<f32>) -> CodeOrigin {
        CodeOrigin {
            offset,
            squared: self.dot(&point, &point),
            point,
        }
    }

    /// Encodes a point around an origin, by eight bits for each byte of `code`.
    pub fn encode_around(&self, point: &[f32], origin: &CodeOrigin, code: &mut [u8]) -> CodeTerms {
        let offset = CodedOffset {
            coordinates: self.offset(point, &origin.point),
            beside: 0.0,
        };
        self.encode_at(point, origin, &offset, code)
    }

    /// The same, from `y` as it is encoded.
    pub fn encode_at(
        &self,
        point: &[f32],
        origin: &CodeOrigin,
        offset: &CodedOffset,
        code: &mut [u8],
    ) -> CodeTerms {
        let bits = 8 * code.len();
        let factors = encode(&offset.coordinates, bits, code);
        let sum = signed_sum(&offset.coordinates, bits, &origin.offset);
        let Factors { squared, slope } = factors;
        let (base, slope) = match self.metric() {
            Metric::L2 | Metric::Cosine => (squared + offset.beside, slope),
            Metric::InnerProduct => {
                let along = self.dot(point, &origin.point) - origin.squared;
                (-along, slope / 2.0)
            }
        };
        // The base is computed from the slope as rounded, so that what cancels out cancels out.
        let slope = from_bf16(to_bf16(slope));
        CodeTerms {
            base: base - slope * sum,
            slope,
            factors,
        }
    }
}
