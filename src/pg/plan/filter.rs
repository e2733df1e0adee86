//! The filter of an index scan, for the index to ask.

use pgrx::pg_sys;

use super::{list, raw};
use crate::pg::am::{Listed, Passes, Tid};
use crate::pg::error::catch;

/// The filter of an index scan in a running plan.
pub struct Filter {
    /// The node of the plan that has the filter.
    pub scan: *mut pg_sys::IndexScanState,
    /// Share of rows that the planner expects to pass.
    pub share: f64,
    /// Rows that the query wants, below 0 where nobody knows.
    pub wanted: f64,
    /// What the bitmap is expected to have.
    pub listed: Option<Listed>,
    /// What other indexes know of the filter, or null.
    pub bitmap: *mut pg_sys::PlanState,
    /// Where it counts the rows it has checked.
    pub checked: *mut u64,
}

impl Passes for Filter {
    /// Evaluates the scan's own filter, as its executor does: one clause after the other in the order
    /// that the planner has given them, ending with the first that is not true. So no clause sees a row
    /// that a security barrier or a row level policy hides.
    unsafe fn passes(&mut self, slot: *mut pg_sys::TupleTableSlot) -> bool {
        // SAFETY: nodes of a plan stay as long as their query runs, and the scan is going on. The filter
        // is evaluated where the scan itself would; it puts its own row there before it looks.
        unsafe {
            *self.checked += 1;
            let context = (*self.scan).ss.ps.ps_ExprContext;
            (*context).ecxt_scantuple = slot;
            let qual = (*self.scan).ss.ps.qual;
            catch(|| raw::ExecQualAndReset(qual, context))
        }
    }

    fn share(&self) -> f64 {
        self.share
    }

    fn wanted(&self) -> Option<f64> {
        (self.wanted >= 0.0).then_some(self.wanted)
    }

    fn listed(&self) -> Option<Listed> {
        self.listed
    }

    unsafe fn shortlist(&mut self, most: usize) -> Option<Vec<Tid>> {
        // A search makes one shortlist, and before another search begins the node rescans its children.
        // SAFETY: the plan is running; the node stays as long as it.
        unsafe {
            let table = (*self.scan).ss.ss_currentRelation;
            list::Lists { table, most }.read(self.bitmap)
        }
    }
}
