//! Filtered search: rows that pass a filter. They come from the search, which asks the filter about each row that
//! it finds, or, where that would cost more, from the rows that other indexes shortlist, or from the table.
//!
//! A search does not know whether the filter has to do with the vectors. If it has nothing to do with them, the
//! share of rows that pass tells how far the search must go. If all rows that pass are far away, the search
//! would first meet nearly all others; so it stops once it has spent as much as the shortlist would cost, and
//! sooner if far fewer rows pass than expected.
//!
//! | file | what it holds |
//! |---|---|
//! | `prices.rs` | what the ways cost |
//! | `shortlist.rs` | rows that other indexes list, by distance |
//! | `table.rs` | rows of the table, read in its order, by distance |

pub mod prices;
pub mod shortlist;
pub mod table;

use std::collections::TryReserveError;
use std::rc::Rc;

use pgrx::pg_sys;

use crate::index::{Continue, Tid};
use crate::pg::am::counters::Way;
use crate::pg::am::filter::prices::{Prices, Sofar};
use crate::pg::am::filter::shortlist::{Given, Shortlist};
use crate::pg::am::filter::table::ReadTable;
use crate::pg::am::heap::source::ScanRows;
use crate::pg::am::method::{Cost, FoundRow, RankedRows};
use crate::pg::am::opened::Opened;
use crate::pg::am::passes::{Listed, Passes};
use crate::pg::error::Failure;
use crate::pg::storage::check_for_interrupts;
use crate::search::{Bounded, Refined, Source, Within};

/// Bytes of memory that a shortlisted row takes: its place, its bound, its distance.
const LISTED_ROW_BYTES: usize = 32;

/// Where rows come from.
enum RowsFrom {
    /// The search.
    Search,
    /// The search, whatever it costs.
    SearchAlone,
    /// Other indexes.
    Shortlist(Box<Shortlist>),
    /// The table.
    Table(Box<ReadTable>),
}

/// A search for rows that pass a filter.
pub struct Filtered {
    from: RowsFrom,
    prices: Prices,
    /// Whether the index can rank a shortlist.
    ranks: bool,
    /// Rows that the filter was asked about.
    asked: u64,
    given: Given,
    /// No row passes that is farther.
    within: Within,
}

/// What a search for rows that pass a filter leaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending {
    /// The number of nodes that the index should have read by now to learn to rank.
    pub learns: u64,
    /// Rows that it could not rank.
    pub missed: usize,
}

/// Why a search gives no row.
enum Stop {
    /// It has failed.
    Failed(Failure),
    /// Others are likely to find what is left at less cost.
    Turned(Turn),
}

/// Who finds what a search has not found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Other indexes.
    ToShortlist,
    /// The table, from its first page to its last.
    ToTable,
}

impl From<TryReserveError> for Stop {
    fn from(error: TryReserveError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The rows of a search. The filter is asked about a row before the row is measured, so that rows which do not
/// pass are mostly never measured.
struct Asked<'a, 'r> {
    rows: &'a mut ScanRows<'r>,
    passes: &'a mut dyn Passes,
    filtered: &'a mut Filtered,
}

impl Source for Asked<'_, '_> {
    type Row = FoundRow;
    type Error = Stop;

    fn is_ready(&self) -> bool {
        self.rows.is_ready()
    }

    fn floor(&self) -> f64 {
        self.rows.floor()
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Stop> {
        check_for_interrupts();
        match self.filtered.better(self.rows, self.passes) {
            Some(turn) => Err(Stop::Turned(turn)),
            None => Ok(self.rows.next()?),
        }
    }

    fn admits(&mut self, row: &FoundRow) -> Result<bool, Stop> {
        self.filtered.asked += 1;
        // SAFETY: the scan is going on, as who asks for rows says, and no page is held.
        let passes = unsafe { self.rows.ask(row.tid, self.passes) };
        if passes.is_none() {
            self.rows.note_dead(*row);
        }
        Ok(passes == Some(true))
    }

    fn puts_late_rows_last(&self) -> bool {
        self.rows.puts_late_rows_last()
    }

    fn measure(&mut self, row: &FoundRow) -> Result<Option<f64>, Stop> {
        Ok(self.rows.measure(row)?)
    }
}

impl Filtered {
    /// A search for rows of a scan.
    ///
    /// # Safety
    /// The scan is going on, and its search begins.
    ///
    /// # Errors
    /// Where pages make no sense.
    pub unsafe fn new(
        rows: &mut ScanRows<'_>,
        opened: &Opened,
        passes: &mut dyn Passes,
    ) -> Result<Self, Failure> {
        // SAFETY: the caller says so.
        let (table, within) = unsafe { ((*rows.scan).heapRelation, passes.within()) };
        rows.stream.limit(within);
        // SAFETY: as above.
        let prices = unsafe { Prices::new(table, within.distance, opened, passes) };
        rows.stream
            .expect_rows(prices.wanted / passes.share().max(f64::EPSILON));
        let ranks = match opened.index().ranks() {
            Some(ranks) if prices.listed.is_some() => ranks.can_rank()?,
            Some(_) | None => false,
        };
        Ok(Self {
            from: RowsFrom::Search,
            ranks,
            prices,
            asked: 0,
            given: Given::default(),
            within,
        })
    }

    /// The next row.
    ///
    /// # Safety
    /// The scan is going on.
    ///
    /// # Errors
    /// Those of the search.
    pub unsafe fn next(
        &mut self,
        rows: &mut ScanRows<'_>,
        refined: &mut Refined<FoundRow>,
        passes: &mut dyn Passes,
        opened: &Rc<Opened>,
    ) -> Result<Option<FoundRow>, Failure> {
        loop {
            match &mut self.from {
                // SAFETY: as the caller says.
                RowsFrom::Shortlist(shortlist) => return unsafe { shortlist.next(rows, passes) },
                RowsFrom::Table(table) => {
                    // SAFETY: the same.
                    return unsafe { table.next(rows, passes, opened.index()) };
                }
                RowsFrom::Search | RowsFrom::SearchAlone => {}
            }
            let mut asked = Asked {
                rows,
                passes,
                filtered: self,
            };
            match refined.next(&mut asked) {
                Ok(row) => {
                    if let Some(row) = row {
                        self.note_given(row.tid)?;
                    }
                    return Ok(row);
                }
                // SAFETY: as the caller says.
                Err(Stop::Turned(turn)) => unsafe { self.turn(turn, rows, passes, opened) }?,
                Err(Stop::Failed(failure)) => return Err(failure),
            }
        }
    }

    /// Remembers a row that a shortlist must not give again.
    fn note_given(&mut self, tid: Tid) -> Result<(), Failure> {
        if matches!(self.from, RowsFrom::Search | RowsFrom::SearchAlone) {
            self.given.rows.try_reserve(1)?;
            self.given.rows.insert(tid);
            self.given.last = Some(tid);
        }
        Ok(())
    }

    /// Where to turn, if another way is likely to find the remaining rows at less cost than the search, or
    /// would have found all rows at less than the search has cost.
    fn better(&self, rows: &ScanRows<'_>, passes: &dyn Passes) -> Option<Turn> {
        if !rows.stream.has_order() {
            return None;
        }
        let shortlist = match (self.prices.listed, &self.from) {
            (Some(listed), RowsFrom::Search) => Some(listed),
            _ => None,
        };
        if rows.stream.go_on() == Continue::Never {
            let always = shortlist.is_some_and(|listed| listed.always);
            return always.then_some(Turn::ToShortlist);
        }
        let sofar = Sofar {
            asked: self.asked,
            given: self.given.rows.len(),
            spent: rows.stream.cost().visits() + self.asked as f64,
        };
        if let Some(listed) = shortlist {
            let cost = self.prices.shortlist(listed, self.ranks);
            if self.prices.is_shortlist_better(cost, passes.share(), sofar) {
                return Some(Turn::ToShortlist);
            }
        }
        (sofar.spent > self.prices.table).then_some(Turn::ToTable)
    }

    /// Turns to others for what is left.
    unsafe fn turn(
        &mut self,
        turn: Turn,
        rows: &mut ScanRows<'_>,
        passes: &mut dyn Passes,
        opened: &Rc<Opened>,
    ) -> Result<(), Failure> {
        // SAFETY: as the caller says.
        self.from = unsafe {
            match turn {
                Turn::ToShortlist => self.shortlist(rows, passes, opened)?,
                Turn::ToTable => {
                    let given = self.take_given(rows);
                    let table = ReadTable::new(rows, given, passes, opened.index())?;
                    RowsFrom::Table(Box::new(table))
                }
            }
        };
        Ok(())
    }

    /// What was given, for those who give the rest.
    fn take_given(&mut self, rows: &ScanRows<'_>) -> Given {
        let mut given = std::mem::take(&mut self.given);
        if rows.stream.go_on() != Continue::Strict {
            given.last = None;
        }
        given
    }

    /// Takes what other indexes shortlist.
    unsafe fn shortlist(
        &mut self,
        rows: &mut ScanRows<'_>,
        passes: &mut dyn Passes,
        opened: &Rc<Opened>,
    ) -> Result<RowsFrom, Failure> {
        // SAFETY: a setting, read by the backend's thread.
        let most = unsafe { pg_sys::work_mem } as usize * 1024 / LISTED_ROW_BYTES;
        // SAFETY: others can shortlist, as `is_shortlist_better` has found; the caller says that the scan is going on.
        let Some(tids) = (unsafe { passes.shortlist(most) }) else {
            return Ok(RowsFrom::SearchAlone);
        };
        let given = self.take_given(rows);
        let listed = tids.len();
        // SAFETY: the caller keeps the index open as long as this search; the scan is ordered by one value.
        unsafe {
            let query = (*(*rows.scan).orderByData).sk_argument;
            let ranked = if self.ranks {
                opened.rank(query, &tids)?
            } else {
                None
            };
            let mut ranked = ranked.unwrap_or_else(|| RankedRows {
                stream: None,
                unknown: tids,
            });
            if let Some(stream) = &mut ranked.stream {
                stream.limit(self.within);
                let listed = listed as f64 / self.prices.rows;
                let share = passes.share().min(listed).max(f64::EPSILON);
                stream.expect_rows(self.prices.wanted / share);
            }
            let shortlist = Shortlist::new(rows, ranked, given, passes, opened.index())?;
            Ok(RowsFrom::Shortlist(Box::new(shortlist)))
        }
    }

    /// What it has cost besides the search.
    pub fn cost(&self) -> Cost {
        match &self.from {
            RowsFrom::Shortlist(shortlist) => shortlist.cost().ranked,
            RowsFrom::Search | RowsFrom::SearchAlone | RowsFrom::Table(_) => Cost::default(),
        }
    }

    /// How it has come to its rows.
    pub fn way(&self) -> Way {
        match &self.from {
            RowsFrom::Shortlist(shortlist) if shortlist.is_ranked() => Way::Ranked,
            RowsFrom::Shortlist(_) => Way::Listed,
            RowsFrom::Table(_) => Way::Read,
            RowsFrom::Search | RowsFrom::SearchAlone => Way::Walked,
        }
    }

    /// What a search that has cost so much would leave if it ended now.
    #[must_use]
    pub fn ending(&self, cost: Cost) -> Ending {
        let fetched = match &self.from {
            RowsFrom::Shortlist(shortlist) => shortlist.cost().fetched,
            RowsFrom::Search | RowsFrom::SearchAlone | RowsFrom::Table(_) => 0,
        };
        let listing = match &self.from {
            RowsFrom::Shortlist(_) => self.prices.listed.map_or(0.0, Listed::cost),
            RowsFrom::Search | RowsFrom::SearchAlone | RowsFrom::Table(_) => 0.0,
        };
        let searching = cost.visits() + self.asked as f64;
        let spent = searching + listing + self.prices.fetched * fetched as f64;
        let ranking = self.prices.listed.map_or(f64::INFINITY, Prices::ranking);
        let in_vain = if self.ranks { 0.0 } else { spent - ranking };
        Ending {
            learns: Prices::learning(in_vain, spent),
            missed: if self.ranks { fetched } else { 0 },
        }
    }
}

impl ScanRows<'_> {
    /// Whether a row passes; None where the scan does not see it.
    pub(in crate::pg::am) unsafe fn ask(
        &mut self,
        tid: Tid,
        passes: &mut dyn Passes,
    ) -> Option<bool> {
        let scan = self.scan;
        // SAFETY: the caller says that the scan is going on and no page is held.
        unsafe { self.exact().passes(scan, tid, passes) }
    }

    /// Has the row that was not seen last killed if it is dead to everybody.
    pub(in crate::pg::am) fn note_dead(&mut self, row: FoundRow) {
        // SAFETY: the scan is going on: a row was fetched.
        let dead = unsafe { self.exact().was_dead() };
        self.dead.note(dead.then_some(row));
    }
}
