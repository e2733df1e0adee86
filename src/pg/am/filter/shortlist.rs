//! Shortlist: rows that other indexes say may pass, by distance. The index ranks them if it can; otherwise each of
//! them is fetched and measured.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet, VecDeque};

use pgrx::pg_sys;

use crate::index::{Continue, Tid};
use crate::pg::am::heap::exact::Exact;
use crate::pg::am::heap::prefetch::HeapPrefetch;
use crate::pg::am::heap::source::ScanRows;
use crate::pg::am::method::{Cost, FoundRow, RankedRows, Search, Stream};
use crate::pg::am::passes::Passes;
use crate::pg::error::Failure;
use crate::pg::storage::check_for_interrupts;
use crate::pg::types::distances::NoGuess;
use crate::search::{Bounded, MeasuredRow, Refined, Within};

/// What a search that ends has given.
#[derive(Default)]
pub struct Given {
    /// Rows that must not come again.
    pub rows: HashSet<Tid>,
    /// The last row given, if rows that are nearer than it must come when all others have come.
    pub last: Option<Tid>,
}

/// What a shortlist has cost.
pub struct ShortlistCost {
    /// What the index has read for those that it has ranked.
    pub ranked: Cost,
    /// Rows that the index did not know.
    pub fetched: usize,
}

/// Rows of a shortlist.
pub struct Shortlist {
    rows: Merged,
    refined: Refined<FoundRow>,
    given: HashSet<Tid>,
    /// What is nearer than this comes late.
    nearest: Option<f64>,
    late: VecDeque<FoundRow>,
    measured: usize,
}

impl Shortlist {
    /// Takes what the index has ranked, and measures all others.
    ///
    /// # Safety
    /// The scan is going on, and no page is locked.
    ///
    /// # Errors
    /// Where the index cannot tell whether it has a value.
    pub unsafe fn new(
        rows: &mut ScanRows<'_>,
        mut ranked: RankedRows<'static>,
        given: Given,
        passes: &mut dyn Passes,
        index: &dyn Search,
    ) -> Result<Self, Failure> {
        let scan = rows.scan;
        // In the order of the table.
        ranked.unknown.sort_unstable_by_key(|tid| tid.place());
        // SAFETY: as the caller says.
        let (nearest, others) = unsafe {
            let last = given.last;
            let nearest = last.and_then(|tid| rows.exact().measure(scan, tid));
            (nearest, measure(rows, &ranked.unknown, passes, index)?)
        };
        Ok(Self {
            measured: others.len(),
            rows: Merged {
                ranked: ranked.stream,
                ahead: None,
                others: others.into(),
            },
            refined: Refined::default(),
            given: given.rows,
            nearest,
            late: VecDeque::new(),
        })
    }

    /// The next row.
    ///
    /// # Safety
    /// The scan is going on, and no page is locked.
    ///
    /// # Errors
    /// Where pages make no sense.
    pub unsafe fn next(
        &mut self,
        rows: &mut ScanRows<'_>,
        passes: &mut dyn Passes,
    ) -> Result<Option<FoundRow>, Failure> {
        let scan = rows.scan;
        loop {
            check_for_interrupts();
            let next = self.refined.next(&mut rows.of(&mut self.rows))?;
            let Some(row) = next else {
                return Ok(self.late.pop_front());
            };
            if self.given.contains(&row.tid) {
                continue;
            }
            // SAFETY: as the caller says, and no page is held.
            match unsafe { rows.ask(row.tid, passes) } {
                Some(true) => {}
                Some(false) => continue,
                None => {
                    rows.note_dead(row);
                    continue;
                }
            }
            if let Some(nearest) = self.nearest {
                // SAFETY: as the caller says.
                let distance = unsafe { rows.exact().measure(scan, row.tid) };
                if distance.is_some_and(|distance| distance < nearest) {
                    self.late.try_reserve(1)?;
                    self.late.push_back(row);
                    continue;
                }
                self.nearest = None;
            }
            return Ok(Some(row));
        }
    }

    /// Whether the index has ranked it.
    pub fn is_ranked(&self) -> bool {
        self.rows.ranked.is_some()
    }

    /// What it has cost.
    pub fn cost(&self) -> ShortlistCost {
        ShortlistCost {
            ranked: self.rows.cost(),
            fetched: self.measured,
        }
    }
}

/// Fetches rows, and measures those that pass. Those that have no place in the index are left out, as by a search: a
/// row without a distance never comes from an index.
unsafe fn measure(
    rows: &mut ScanRows<'_>,
    tids: &[Tid],
    passes: &mut dyn Passes,
    index: &dyn Search,
) -> Result<Vec<Reverse<MeasuredRow<Tid>>>, Failure> {
    let scan = rows.scan;
    let mut measured = Vec::new();
    measured.try_reserve_exact(tids.len())?;
    // SAFETY: the caller says that the scan is going on and no page is locked.
    unsafe {
        let exact = rows.exact();
        let mut prefetch = HeapPrefetch::new((*scan).heapRelation, tids);
        let _no_guess = NoGuess::new();
        for (at, &tid) in tids.iter().enumerate() {
            if at % 64 == 0 {
                check_for_interrupts();
            }
            prefetch.advance(at);
            if exact.passes(scan, tid, passes) != Some(true) {
                continue;
            }
            if let Some(distance) = has_distance(exact, scan, index)? {
                measured.push(Reverse(MeasuredRow { distance, row: tid }));
            }
        }
    }
    Ok(measured)
}

/// The distance of the row that was fetched last; None where it has no place in the index.
///
/// # Safety
/// The scan is going on, and has seen the row.
///
/// # Errors
/// Where the index cannot tell.
pub(in crate::pg::am) unsafe fn has_distance(
    exact: &mut Exact,
    scan: pg_sys::IndexScanDesc,
    index: &dyn Search,
) -> Result<Option<f64>, Failure> {
    // SAFETY: as the caller says.
    unsafe {
        let Some(distance) = exact.measure_held(scan) else {
            return Ok(None);
        };
        // The operator cannot tell the distance where squares overflow either; but such a row is in the index.
        if distance.is_nan() {
            let is_indexable = exact.with_value(|value| index.is_indexable(value));
            if !is_indexable.transpose()?.unwrap_or(false) {
                return Ok(None);
            }
        }
        Ok(Some(distance))
    }
}

/// Rows that were ranked, among others that were measured.
struct Merged {
    ranked: Option<Box<dyn Stream>>,
    /// The next row of those.
    ahead: Option<Bounded<FoundRow>>,
    others: BinaryHeap<Reverse<MeasuredRow<Tid>>>,
}

impl Stream for Merged {
    fn is_ready(&self) -> bool {
        true
    }

    fn floor(&self) -> f64 {
        f64::INFINITY
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure> {
        if let (None, Some(ranked)) = (&self.ahead, &mut self.ranked) {
            self.ahead = ranked.next()?;
        }
        let other = self.others.peek().map(|Reverse(row)| bound(row.distance));
        match (&self.ahead, other) {
            (Some(row), Some(other)) if row.lower <= other => Ok(self.ahead.take()),
            (_, Some(other)) => Ok(self.others.pop().map(|Reverse(row)| Bounded {
                row: FoundRow {
                    tid: row.row,
                    node: None,
                },
                lower: other,
                upper: other,
            })),
            (_, None) => Ok(self.ahead.take()),
        }
    }

    /// Of the others only those that pass were measured.
    fn limit(&mut self, within: Within) {
        if let Some(ranked) = &mut self.ranked {
            ranked.limit(within);
        }
    }

    fn go_on(&self) -> Continue {
        Continue::Never
    }

    fn finds_late(&self) -> bool {
        self.ranked
            .as_ref()
            .is_some_and(|ranked| ranked.finds_late())
    }

    fn cost(&self) -> Cost {
        let ranked = self.ranked.as_ref();
        ranked.map_or_else(Cost::default, |ranked| ranked.cost())
    }
}

/// Where squares overflow: last, as in a sort.
fn bound(distance: f64) -> f64 {
    if distance.is_nan() {
        f64::INFINITY
    } else {
        distance
    }
}
