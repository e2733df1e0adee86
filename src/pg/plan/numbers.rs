//! Numbers by which a plan tells its node what it expects.

use pgrx::pg_sys;

use super::{entries, raw};

/// Number of integers in a plan's [`PlanNumbers`]. Thresholds are written behind them.
const PLAN_NUMBERS: usize = 6;

/// A share of 1, as plans have it.
const SHARE_UNIT: f64 = 1e6;

/// The numbers that a plan gives its node, written as a list of integers, which Postgres copies and sends to
/// parallel workers.
#[derive(Clone, Copy, Debug)]
pub struct PlanNumbers {
    /// Share of rows that are expected to pass the filter, 0 to 1.
    pub share: f64,
    /// Rows that the query wants, below 0 where nobody knows.
    pub wanted: f64,
    /// Rows that the bitmap is expected to have, below 0 where there is none.
    pub listed: f64,
    /// Whether the search evaluates the filter.
    pub filters: bool,
    /// Whether the plan was chosen for the cost of its lists, so that they are read whatever a search would do.
    pub lists: bool,
    /// Whether what is above relies on sorted rows.
    pub sorts: bool,
}

impl PlanNumbers {
    /// The list. Rows beyond 1e9 are as many as that.
    ///
    /// # Safety
    /// Postgres plans a query.
    pub unsafe fn write(self) -> *mut pg_sys::List {
        let numbers: [i32; PLAN_NUMBERS] = [
            (self.share.clamp(0.0, 1.0) * SHARE_UNIT) as i32,
            self.wanted.clamp(-1.0, 1e9) as i32,
            self.listed.clamp(-1.0, 1e9) as i32,
            self.filters.into(),
            self.lists.into(),
            self.sorts.into(),
        ];
        numbers
            .into_iter()
            .fold(std::ptr::null_mut(), |list, number| {
                // SAFETY: as the caller says.
                unsafe { raw::lappend(list, raw::makeInteger(number).cast()) }
            })
    }

    /// What comes behind the numbers of a list.
    ///
    /// # Safety
    /// It is null, or one of integers.
    pub unsafe fn behind(list: *mut pg_sys::List) -> Vec<i32> {
        // SAFETY: as the caller says.
        let numbers = unsafe { entries::<pg_sys::Integer>(list).map(|number| (*number).ival) };
        numbers.skip(PLAN_NUMBERS).collect()
    }

    /// What a list says.
    ///
    /// # Safety
    /// It is null, or one of integers.
    pub unsafe fn read(list: *mut pg_sys::List) -> Self {
        // SAFETY: as the caller says.
        let mut numbers = unsafe { entries::<pg_sys::Integer>(list).map(|number| (*number).ival) };
        // In the order of `write`.
        let [share, wanted, listed, filters, lists, sorts] =
            std::array::from_fn(|_| numbers.next().unwrap_or(0));
        Self {
            share: f64::from(share) / SHARE_UNIT,
            wanted: wanted.into(),
            listed: listed.into(),
            filters: filters != 0,
            lists: lists != 0,
            sorts: sorts != 0,
        }
    }
}
