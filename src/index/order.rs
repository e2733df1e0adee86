//! Order: what a scan promises of the order of its rows.

/// What a scan does when the rows of its first walk are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continue {
    /// It ends.
    Never,
    /// It goes on; what is nearer than a row that it has given comes when all others have come.
    Strict,
    /// It goes on, and gives rows in the order of each walk.
    Relaxed,
}
