//! Filter of an index scan, for the index to ask.

use pgrx::pg_sys;

use super::numbers::PlanNumbers;
use super::threshold::Thresholds;
use super::{list, raw};
use crate::pg::am::{Listed, Passes, Tid, Within};
use crate::pg::error::catch;

/// The filter of an index scan in a running plan.
pub struct Filter {
    /// The node of the plan that has the filter.
    scan: *mut pg_sys::IndexScanState,
    numbers: PlanNumbers,
    /// What other indexes know of the filter, or null.
    bitmap: *mut pg_sys::PlanState,
    /// What the bitmap is expected to have.
    listed: Option<Listed>,
    /// Where it counts the rows it has checked.
    checked: *mut u64,
    thresholds: Option<Thresholds>,
}

impl Filter {
    /// The filter of a scan; the bitmap is null where other indexes know nothing of it.
    ///
    /// # Safety
    /// The nodes have begun, and stay as long as the result, and so does the count.
    pub unsafe fn new(
        scan: *mut pg_sys::IndexScanState,
        bitmap: *mut pg_sys::PlanState,
        numbers: PlanNumbers,
        checked: *mut u64,
    ) -> Self {
        // SAFETY: as the caller says.
        let listed = (!bitmap.is_null()).then(|| Listed {
            always: numbers.lists,
            ..unsafe { list::expected(bitmap, numbers.listed) }
        });
        Self {
            scan,
            numbers,
            bitmap,
            listed,
            checked,
            thresholds: None,
        }
    }

    /// Says how far rows may be that pass.
    pub fn set_thresholds(&mut self, thresholds: Thresholds) {
        self.thresholds = Some(thresholds);
    }
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
            let passes = catch(|| raw::ExecQualAndReset(qual, context));
            // As in `ExecScan`, so that EXPLAIN shows it where it shows the filter.
            if let (false, Some(shown)) = (passes, (*self.scan).ss.ps.instrument.as_mut()) {
                shown.nfiltered1 += 1.0;
            }
            passes
        }
    }

    unsafe fn within(&mut self) -> Within {
        let thresholds = self.thresholds.as_ref();
        // SAFETY: the caller says that a search begins, so the plan is running, and keys that are computed have been.
        thresholds.map_or(Within::ALL, |thresholds| unsafe { thresholds.within() })
    }

    fn share(&self) -> f64 {
        self.numbers.share
    }

    fn wanted(&self) -> Option<f64> {
        let wanted = self.numbers.wanted;
        (wanted >= 0.0).then_some(wanted)
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
