//! Radii of a list: how near to its centre its rows are, and how far. With them the least distance that a row of the
//! list can have from a query is known without reading the list.
//!
//! Let `r` be the distance of a row `x` from the centre `c`, between `least` and `most`, and `q` a query.
//!
//! | metric | a row's distance | no less than | by |
//! |---|---|---|---|
//! | L2, cosine | `\|x - q\|^2` | `max(0, \|q - c\| - most, least - \|q - c\|)^2` | triangle inequality |
//! | inner product | `-<x, q>` | `-<c, q> - most \|q\|` | Cauchy and Schwarz |

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::page::field;
use crate::quantize::{from_bf16, to_bf16};
use crate::values::{CodeOrigin, DenseVectors, Metric, Values};

use super::coder::{Coder, ListTerms, Query, above};

/// What sums of float32, and a rotation, may be off by, as a share of the lengths in them.
const ROUNDING_SHARE: f32 = 1e-5;

/// Between what distances from a centre rows are. They are no squares, whatever the metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Radii {
    /// No row is nearer.
    pub least: f32,
    /// No row is farther.
    pub most: f32,
}

impl Radii {
    /// Of no row.
    pub const NONE: Self = Self {
        least: f32::INFINITY,
        most: 0.0,
    };

    /// Of rows of which nothing is known.
    pub const UNKNOWN: Self = Self {
        least: 0.0,
        most: f32::INFINITY,
    };

    /// Of the rows of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    /// Whether rows with those of the other have these as well.
    #[must_use]
    pub fn hold(self, other: Self) -> bool {
        self.least <= other.least && self.most >= other.most
    }

    /// As two bfloat16, rounded so that no row is left out.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        let [a, b] = to_bf16(below(self.least)).to_ne_bytes();
        let [c, d] = to_bf16(above(self.most)).to_ne_bytes();
        [a, b, c, d]
    }

    /// What was written. What cannot have been is unknown.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 4]) -> Self {
        let [least, most] = [0, 2].map(|at| from_bf16(u16::from_ne_bytes(field(&bytes, at))));
        if least >= 0.0 && most >= 0.0 {
            return Self { least, most };
        }
        Self::UNKNOWN
    }
}

/// How far a row is from a centre. Its value is at most `off` away from `point`.
pub fn radii_of(vectors: &DenseVectors, point: &[f32], centre: &[f32], off: f32) -> Radii {
    let far = vectors.l2_squared(point, centre).sqrt();
    let lengths = vectors.dot(point, point).sqrt() + vectors.dot(centre, centre).sqrt();
    let off = off + ROUNDING_SHARE * (far + lengths);
    if !far.is_finite() || !off.is_finite() {
        return Radii::UNKNOWN;
    }
    Radii {
        least: (far - off).max(0.0),
        most: far + off,
    }
}

/// The radii of a list, to which several threads add rows.
pub struct SharedRadii {
    /// Bits of float32, which sort as these do, as none is negative.
    least: AtomicU32,
    most: AtomicU32,
}

impl Default for SharedRadii {
    fn default() -> Self {
        let Radii { least, most } = Radii::NONE;
        Self {
            least: least.to_bits().into(),
            most: most.to_bits().into(),
        }
    }
}

impl SharedRadii {
    /// Adds a row.
    pub fn add(&self, row: Radii) {
        self.least.fetch_min(row.least.to_bits(), Relaxed);
        self.most.fetch_max(row.most.to_bits(), Relaxed);
    }

    /// Of all rows that were added.
    pub fn get(&self) -> Radii {
        let [least, most] =
            [&self.least, &self.most].map(|bits| f32::from_bits(bits.load(Relaxed)));
        Radii { least, most }
    }
}

/// The largest bfloat16 that is not larger than a number that is not negative.
fn below(number: f32) -> f32 {
    let rounded = from_bf16(to_bf16(number));
    if rounded <= number {
        rounded
    } else {
        from_bf16(to_bf16(number).saturating_sub(1))
    }
}

impl Coder {
    /// How far a row is from the centre of its list. Its value is at most `off` away from `point`.
    pub fn radii(&self, point: &[f32], origin: &CodeOrigin, off: f32) -> Radii {
        radii_of(&self.vectors, point, origin.point(), off)
    }

    /// A distance that no row of a list is below.
    pub fn least_distance(&self, query: &Query, terms: ListTerms, radii: Radii) -> f32 {
        let length = self.vectors.unit(&query.point).sqrt();
        if self.vectors.metric() == Metric::InnerProduct {
            let along = terms.constant * query.unscaled;
            let reach = radii.most * length;
            let least = along - reach - ROUNDING_SHARE * (along.abs() + reach);
            return if least.is_nan() {
                f32::NEG_INFINITY
            } else {
                least
            };
        }
        let gap = (terms.away - radii.most).max(radii.least - terms.away);
        let gap = gap - ROUNDING_SHARE * (terms.away + length);
        if terms.away.is_finite() && gap > 0.0 {
            gap * gap
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_holds_what_was_known(least: f32, more in 0.0_f32..1e30) {
            prop_assume!(!least.is_nan());
            let radii = Radii { least: least.abs(), most: least.abs() + more };
            let read = Radii::from_bytes(radii.to_bytes());
            prop_assert!(read.hold(radii), "{radii:?} {read:?}");
            prop_assert!(!radii.most.is_finite() || read.most <= 1.01 * radii.most + 1e-38);
            prop_assert!(read.least >= 0.99 * radii.least - 1e-38);
        }
    }

    #[test]
    fn what_is_no_number_is_unknown() {
        assert_eq!(Radii::from_bytes([0xFF; 4]), Radii::UNKNOWN);
        assert_eq!(Radii::from_bytes(Radii::NONE.to_bytes()), Radii::NONE);
        assert_eq!(Radii::from_bytes(Radii::UNKNOWN.to_bytes()), Radii::UNKNOWN);
        let row = Radii {
            least: 1.0,
            most: 2.0,
        };
        assert_eq!(Radii::NONE.with(row), row);
        assert!(Radii::UNKNOWN.hold(row) && !Radii::NONE.hold(row));
    }
}
