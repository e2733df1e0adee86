//! Left-out row: searches pass it by, so that it can be a query about the others as if it were not in the index.
//!
//! It would not do to leave it out of the answer only. A search that meets the row goes on by its links, which
//! lead to its neighbours, and so finds more than for a query that is no row.

use std::cell::Cell;

use crate::index::Tid;
use crate::pg::am::method::FoundRow;

thread_local! {
    static ROW: Cell<Option<LeftOutRow>> = const { Cell::new(None) };
}

/// A row, and its node once a search has found it.
#[derive(Clone, Copy)]
struct LeftOutRow {
    tid: Tid,
    node: Option<u32>,
}

/// While this lives, searches of this backend note the node of a row when they find it. From then on they pass
/// the node by, with all rows in it, which have the same value.
pub struct LeftOut(Tid);

impl LeftOut {
    /// Begins. There is one at a time.
    pub fn row(tid: Tid) -> Self {
        ROW.set(Some(LeftOutRow { tid, node: None }));
        Self(tid)
    }

    /// Whether the node is known, and so passed by.
    pub fn is_known(&self) -> bool {
        ROW.get()
            .is_some_and(|row| row.tid == self.0 && row.node.is_some())
    }
}

impl Drop for LeftOut {
    fn drop(&mut self) {
        ROW.set(None);
    }
}

/// The node that a search passes by.
pub(in crate::pg::am) fn node() -> Option<u32> {
    ROW.get()?.node
}

/// Notes where a row was found.
pub(in crate::pg::am) fn note(found: &FoundRow) {
    if let Some(row) = ROW.get()
        && row.tid == found.tid
    {
        let node = found.node;
        ROW.set(Some(LeftOutRow { node, ..row }));
    }
}
