//! Rows that pass a filter: by the search, which asks the filter row by row, or, where that would cost
//! more, by the rows that other indexes shortlist.
//!
//! A search does not know whether the filter has to do with the vectors. Where it has not, the share of
//! rows that pass tells how far it must go. Where all that pass are far away, it would come by nearly
//! all others first; so it stops as soon as it has spent what the shortlist would have cost, and sooner if
//! far fewer pass than expected.

use std::rc::Rc;

use pgrx::pg_sys;

use super::counters::Way;
use super::method::{Found, Ranked};
use super::opened::Opened;
use super::running::Rows;
use super::shortlist::{Given, Shortlist};
use crate::hnsw::{Continue, Tid};
use crate::pg::error::Failure;
use crate::pg::storage::check_for_interrupts;
use crate::search::Refined;

/// What the rows of a scan are filtered by.
pub trait Passes {
    /// Whether a row that the scan sees passes.
    ///
    /// # Safety
    /// The scan is going on, the slot holds a row of its table, and no page is locked.
    unsafe fn passes(&mut self, slot: *mut pg_sys::TupleTableSlot) -> bool;

    /// Share of rows that the planner expects to pass, 0 to 1.
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

/// What other indexes are expected to list.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Rows of which all of them say that they may pass.
    pub rows: f64,
    /// Entries of several indexes that are had one by one and brought together.
    pub single: f64,
    /// Entries that a bitmap is made of.
    pub merged: f64,
    /// Whether they are listed even by a scan that ends by itself, for the plan was chosen for that.
    pub always: bool,
}

/// What a shortlisted row costs that is fetched and measured, where visiting a node of the index, or fetching a
/// row that it leads to and asking the filter, costs 1.
const FETCHED: f64 = 2.0;

/// The same for values that lie out of line: each is found by a search of the index of its TOAST table.
const FETCHED_APART: f64 = 12.0;

/// What an entry of another index costs, where it is had one by one, and where a bitmap is made of them.
const SINGLE: f64 = 0.035;
const MERGED: f64 = 0.2;

/// What a row costs that the index ranks, its entry included, and what nodes it reads for any number of rows.
const RANKED: f64 = 0.07;
const RANKED_AT_LEAST: f64 = 100.0;

/// What a search costs for each row that it asks the filter about.
const ASKED: f64 = 7.0;

/// As many times more may a shortlist cost than the search is likely to: it costs that, whatever the filter has to
/// do with the vectors.
const SURE: f64 = 1.25;

/// Rows that a query is taken to want where nobody knows.
const WANTED: f64 = 10.0;

/// As many times fewer rows pass than expected where the filter runs against the query.
const AGAINST: f64 = 6.0;

/// The part of a shortlist's cost that a search may spend then, and less where it has not even that part of
/// the rows.
const EARLY: f64 = 1.0 / 3.0;

/// Bytes of memory that a shortlisted row takes: its place, its bound, its distance.
const BYTES: usize = 32;

/// Where rows come from.
enum From {
    /// The search.
    Search,
    /// The search, whatever it costs.
    SearchAlone,
    /// Other indexes.
    Shortlist(Box<Shortlist>),
}

/// A search for rows that pass a filter.
pub struct Filtered {
    from: From,
    /// Whether the index can rank a shortlist.
    ranks: bool,
    /// What a shortlisted row costs where it cannot.
    fetched: f64,
    /// What other indexes were expected to list.
    listed: Option<Listed>,
    /// Rows that the query was expected to want.
    wanted: f64,
    /// Rows that the filter was asked about.
    asked: u64,
    given: Given,
}

/// What is left of a search for rows that pass a filter.
pub struct Ending {
    /// Nodes for which the index shall learn to rank.
    pub learns: u64,
    /// Rows that it could not rank.
    pub missed: usize,
}

impl Listed {
    /// What it costs to list them, where that is not a part of what each row costs.
    fn cost(self) -> f64 {
        SINGLE * self.single + MERGED * self.merged
    }
}

impl Filtered {
    /// A search for rows of a scan.
    ///
    /// # Safety
    /// The table is open.
    ///
    /// # Errors
    /// Where pages make no sense.
    pub unsafe fn new(
        table: pg_sys::Relation,
        opened: &Opened,
        passes: &dyn Passes,
    ) -> Result<Self, Failure> {
        // SAFETY: the caller says so.
        let (pages, rows) = unsafe {
            let class = (*table).rd_rel;
            (f64::from((*class).relpages), f64::from((*class).reltuples))
        };
        // A table that has less than a value's bytes for a row has the values elsewhere.
        let row_bytes = pages * f64::from(pg_sys::BLCKSZ) / rows;
        let apart = rows > 0.0 && row_bytes < opened.index().value_bytes() as f64;
        let listed = passes.listed();
        Ok(Self {
            from: From::Search,
            ranks: listed.is_some() && opened.index().can_rank()?,
            fetched: if apart { FETCHED_APART } else { FETCHED },
            listed,
            wanted: passes.wanted().unwrap_or(WANTED).max(1.0),
            asked: 0,
            given: Given::default(),
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
        rows: &mut Rows<'_>,
        refined: &mut Refined<Found>,
        passes: &mut dyn Passes,
        opened: &Rc<Opened>,
    ) -> Result<Option<Found>, Failure> {
        loop {
            if let From::Shortlist(shortlist) = &mut self.from {
                // SAFETY: as the caller says.
                return unsafe { shortlist.next(rows, passes) };
            }
            if matches!(self.from, From::Search) && self.is_shortlist_better(rows, passes) {
                // SAFETY: as the caller says.
                self.from = unsafe { self.shortlist(rows, passes, opened) }?;
                continue;
            }
            let Some(row) = refined.next(rows)? else {
                return Ok(None);
            };
            check_for_interrupts();
            self.asked += 1;
            // SAFETY: as the caller says, and no page is held.
            match unsafe { rows.ask(row.tid, passes) } {
                Some(true) => {
                    self.note_given(row.tid);
                    return Ok(Some(row));
                }
                Some(false) => {}
                None => rows.note_dead(row),
            }
        }
    }

    /// Remembers a row that a shortlist must not give again.
    fn note_given(&mut self, tid: Tid) {
        if matches!(self.from, From::Search) && self.listed.is_some() {
            self.given.rows.insert(tid);
            self.given.last = Some(tid);
        }
    }

    /// What it costs to rank a shortlist.
    fn ranking(listed: Listed) -> f64 {
        RANKED_AT_LEAST + listed.cost() + RANKED * listed.rows
    }

    /// What a shortlist costs.
    fn cost(&self, listed: Listed) -> f64 {
        if self.ranks {
            Self::ranking(listed)
        } else {
            listed.cost() + self.fetched * listed.rows
        }
    }

    /// Whether a shortlist is likely to cost less than the search, or than it would have cost to begin with.
    fn is_shortlist_better(&self, rows: &Rows<'_>, passes: &dyn Passes) -> bool {
        let Some(listed) = self.listed else {
            return false;
        };
        if !rows.stream.has_order() {
            return false;
        }
        if rows.stream.go_on() == Continue::Never {
            return listed.always;
        }
        let shortlist = self.cost(listed);
        if self.asked == 0 {
            let search = ASKED * self.wanted / passes.share().max(f64::EPSILON);
            return shortlist < SURE * search;
        }
        let spent = rows.stream.cost().nodes as f64 + self.asked as f64;
        let expected = passes.share() * self.asked as f64;
        let given = self.given.rows.len() as f64;
        let against = expected > AGAINST && given * AGAINST < expected;
        let part = if against {
            EARLY.min(given.max(1.0) / self.wanted)
        } else {
            1.0
        };
        spent > part * shortlist
    }

    /// Takes what other indexes shortlist.
    unsafe fn shortlist(
        &mut self,
        rows: &mut Rows<'_>,
        passes: &mut dyn Passes,
        opened: &Rc<Opened>,
    ) -> Result<From, Failure> {
        // SAFETY: a setting, read by the backend's thread.
        let most = unsafe { pg_sys::work_mem } as usize * 1024 / BYTES;
        // SAFETY: others can shortlist, as `is_shortlist_better` has found; the caller says that the scan is going on.
        let Some(tids) = (unsafe { passes.shortlist(most) }) else {
            return Ok(From::SearchAlone);
        };
        let mut given = std::mem::take(&mut self.given);
        if rows.stream.go_on() != Continue::Strict {
            given.last = None;
        }
        // SAFETY: the caller keeps the index open as long as this search; the scan is ordered by one value.
        unsafe {
            let query = (*(*rows.scan).orderByData).sk_argument;
            let ranked = if self.ranks {
                opened.rank(query, &tids)?
            } else {
                None
            };
            let ranked = ranked.unwrap_or_else(|| Ranked {
                stream: None,
                strangers: tids,
            });
            let shortlist = Shortlist::new(rows, ranked, given, passes, opened.index())?;
            Ok(From::Shortlist(Box::new(shortlist)))
        }
    }

    /// Nodes that it has read besides those of the search.
    pub fn nodes(&self) -> u64 {
        match &self.from {
            From::Shortlist(shortlist) => shortlist.cost().0,
            From::Search | From::SearchAlone => 0,
        }
    }

    /// How it has come to its rows.
    pub fn way(&self) -> Way {
        match &self.from {
            From::Shortlist(shortlist) if shortlist.is_ranked() => Way::Ranked,
            From::Shortlist(_) => Way::Listed,
            From::Search | From::SearchAlone => Way::Walked,
        }
    }

    /// Ends a search that has read so many nodes.
    #[must_use]
    pub fn end(&self, nodes: u64) -> Ending {
        let fetched = match &self.from {
            From::Shortlist(shortlist) => shortlist.cost().1,
            From::Search | From::SearchAlone => 0,
        };
        let listing = match &self.from {
            From::Shortlist(_) => self.listed.map_or(0.0, Listed::cost),
            From::Search | From::SearchAlone => 0.0,
        };
        let searching = nodes as f64 + self.asked as f64;
        let spent = searching + listing + self.fetched * fetched as f64;
        let ranking = self.listed.map_or(f64::INFINITY, Self::ranking);
        let in_vain = if self.ranks { 0.0 } else { spent - ranking };
        Ending {
            learns: in_vain.max(0.0) as u64,
            missed: if self.ranks { fetched } else { 0 },
        }
    }
}

impl Rows<'_> {
    /// Whether a row passes; None where the scan does not see it.
    pub(super) unsafe fn ask(&mut self, tid: Tid, passes: &mut dyn Passes) -> Option<bool> {
        let scan = self.scan;
        // SAFETY: the caller says that the scan is going on and no page is held.
        unsafe { self.exact().passes(scan, tid, passes) }
    }

    /// Has the row that was not seen last killed if it is dead to everybody.
    pub(super) fn note_dead(&mut self, row: Found) {
        // SAFETY: the scan is going on: a row was fetched.
        let dead = unsafe { self.exact().was_dead() };
        self.dead.note(dead.then_some(row));
    }
}
