//! Vacuum's report: what one has done.

use super::Error;

/// Asked between pages: whether to go on.
pub type Poll<'p> = &'p mut dyn FnMut() -> Result<(), Error>;

/// What a vacuum has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vacuumed {
    /// Rows removed.
    pub removed: u64,
    /// Rows left.
    pub left: u64,
    /// Nodes that got other links.
    pub repaired: u64,
    /// Nodes that could not be reached any more, and were linked to.
    pub connected: u64,
    /// Slots freed.
    pub freed: u64,
    /// Nodes read, more than one time each where several passes need them.
    pub reads: u64,
}
