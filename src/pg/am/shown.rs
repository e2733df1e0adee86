//! Distances as operators give them, and what is said of them: bounds, limits, failures.

use crate::index::Error;
use crate::pg::am::method::FoundRow;
use crate::pg::error::Failure;
use crate::search::{Bounded, ordered, unordered};
use crate::vector::{Invalid, Type};

/// A row at a measured distance that may be off by so much, with its bounds as they are shown.
pub fn within_doubt(
    row: FoundRow,
    (distance, doubt): (f32, f32),
    shown: impl Fn(f32) -> f64,
) -> Bounded<FoundRow> {
    Bounded {
        row,
        // Where both overflow, nothing is known.
        lower: or(shown(distance - doubt), f64::NEG_INFINITY),
        upper: or(shown(distance + doubt), f64::INFINITY),
    }
}

fn or(bound: f64, unknown: f64) -> f64 {
    if bound.is_nan() { unknown } else { bound }
}

/// A distance in float32 may be off by this share of itself, for sums of 16,000 numbers are rounded at each
/// step. A row at just `d` must not be lost to a condition `<= d`.
const ROUNDED_SHARE: f64 = 1.0 / 65_536.0;

/// The largest distance in a measure that is shown as `distance` or less, apart from rounding; negative infinity
/// if there is none. The shown distance grows with the measured one, so the largest is found by halving.
pub fn measured_within(distance: f64, shown: impl Fn(f32) -> f64) -> f32 {
    let limit = distance + ROUNDED_SHARE * distance.abs();
    let is_within = |measure: f32| shown(measure) <= limit;
    if is_within(f32::MAX) {
        return f32::INFINITY;
    }
    let (mut low, mut high) = (ordered(f32::MIN), ordered(f32::MAX));
    if !is_within(f32::MIN) {
        return f32::NEG_INFINITY;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_within(unordered(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    unordered(low)
}

/// What an operation on values of a type has failed of, in the words of that type. Where dimensions differ, those of
/// the query are named first, as pgvector's `hnsw` names them.
pub fn query_first(of: Type, error: Error) -> Failure {
    failure(error, |left, right| Invalid::DifferentDims {
        of,
        left,
        right,
    })
}

/// As [`query_first`], but those of the column are named first, as pgvector's `ivfflat` names them.
pub fn column_first(of: Type, error: Error) -> Failure {
    failure(error, |right, left| Invalid::DifferentDims {
        of,
        left,
        right,
    })
}

/// A failure; `different` says that a query and a column differ in dimensions.
fn failure(error: Error, different: impl FnOnce(usize, usize) -> Invalid) -> Failure {
    #[allow(clippy::wildcard_enum_match_arm, reason = "one is told apart")]
    match error {
        Error::Dimensions { expected, found } => Failure::Value(different(found, expected)),
        other => Failure::Index(other),
    }
}
