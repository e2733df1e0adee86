//! Codes of points relative to the centre of all, for points that no link leads to: an outline has them.

use crate::quantize::LevelQuery;

/// The part of a point that its levels do not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct CentredCode {
    /// The point's own part of its distance: `distance = constant + base + slope * sum`, where the constant is
    /// the query's and `sum` is that of the levels.
    pub base: f32,
    /// The factor of the sum of its levels.
    pub slope: f32,
    /// The standard error of the distance, for a query at distance 1 from the centre.
    pub error: f32,
}

/// A query for codes of points around the centre.
pub struct CentredQuery {
    /// For their levels.
    pub levels: LevelQuery,
    /// The query's part of all distances.
    pub constant: f32,
    /// How far the query is from the centre.
    pub length: f32,
    /// The factor of distances in the end: the query may be a multiple of the one that was asked.
    pub unscaled: f32,
}
