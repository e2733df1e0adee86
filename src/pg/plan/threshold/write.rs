//! Thresholds as a plan has them.

use pgrx::pg_sys;

use super::{Operation, Threshold};
use crate::pg::am::Side;
use crate::pg::plan::raw;

/// Writes thresholds behind what a plan says to its node: for each its side, the number of its steps, and those; and
/// the expressions that the node computes, each threshold's value first.
///
/// # Safety
/// Postgres plans a query.
pub unsafe fn write(thresholds: &[Threshold], mut numbers: *mut pg_sys::List) -> Written {
    let mut expressions: *mut pg_sys::List = std::ptr::null_mut();
    for threshold in thresholds {
        let count = i32::try_from(threshold.steps.len()).unwrap_or(i32::MAX);
        let side = i32::from(threshold.side == Side::AtLeast);
        let codes = threshold
            .steps
            .iter()
            .map(|(operation, _)| *operation as i32);
        // SAFETY: as the caller says.
        unsafe {
            for number in [side, count].into_iter().chain(codes) {
                numbers = raw::lappend(numbers, raw::makeInteger(number).cast());
            }
            expressions = raw::lappend(expressions, threshold.value.cast());
            for (operation, operand) in &threshold.steps {
                if *operation != Operation::Negated {
                    expressions = raw::lappend(expressions, operand.cast());
                }
            }
        }
    }
    Written {
        numbers,
        expressions,
    }
}

/// What a plan has of thresholds.
pub struct Written {
    /// Integers.
    pub numbers: *mut pg_sys::List,
    /// Expressions.
    pub expressions: *mut pg_sys::List,
}
