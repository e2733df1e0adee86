//! Row: what a scan finds.

use crate::index::Tid;

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Where the row is.
    pub tid: Tid,
    /// How far it is, in the space's measure.
    pub distance: f32,
    /// How much that may be off, for the value is stored rounded.
    pub doubt: f32,
    /// The node it was found in.
    pub node: u32,
}
