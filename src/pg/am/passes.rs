//! Filter of a plan: what its node tells a search of it.

use pgrx::pg_sys;

use crate::index::Tid;
use crate::search::Within;

/// What other indexes are expected to list.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Rows of which all of them say that they may pass.
    pub rows: f64,
    /// Entries of several indexes that are had one by one and brought together.
    pub single: f64,
    /// Entries that a bitmap is made of.
    pub merged: f64,
    /// Whether even a scan that ends by itself lists them, because the plan was chosen for that.
    pub always: bool,
}

/// What the rows of a scan are filtered by.
pub trait Passes {
    /// Whether a row that the scan sees passes.
    ///
    /// # Safety
    /// The scan is going on, the slot holds a row of its table, and no page is locked.
    unsafe fn passes(&mut self, slot: *mut pg_sys::TupleTableSlot) -> bool;

    /// How far rows may be that pass.
    ///
    /// # Safety
    /// A search of the scan begins.
    unsafe fn within(&mut self) -> Within;

    /// Share of rows that the planner expects to pass, 0 to 1, as far as that has nothing to do with
    /// [`within`](Self::within).
    fn share(&self) -> f64;

    /// Rows that the query wants, as far as the planner knows.
    fn wanted(&self) -> Option<f64>;

    /// What other indexes are expected to [`shortlist`](Self::shortlist); None where they cannot.
    fn listed(&self) -> Option<Listed>;

    /// All rows that other indexes say may pass, in any order; no other row passes. None where they are more
    /// than `most`.
    ///
    /// # Safety
    /// Others can shortlist, the scan is going on, and no page is locked.
    unsafe fn shortlist(&mut self, most: usize) -> Option<Vec<Tid>>;
}
