//! Prices: the costs of the ways to rows that pass a filter. A price of 1 is what a visit costs: reading a node of
//! the index, or fetching a row that it leads to and asking the filter. The rule that they serve is in
//! `src/pg/plan/README.md`.

use pgrx::pg_sys;

use crate::pg::am::filter::table::can_read;
use crate::pg::am::opened::Opened;
use crate::pg::am::passes::{Listed, Passes};

/// The price of fetching and measuring a shortlisted row.
const FETCHED_ROW: f64 = 2.0;

/// The price of fetching and measuring a shortlisted row whose value lies out of line: the value is found by a
/// search of the TOAST table's index.
const FETCHED_ROW_OUT_OF_LINE: f64 = 12.0;

/// The price of an entry of another index, where entries are read one by one, and where a bitmap is made of
/// them.
const SINGLE_ENTRY: f64 = 0.035;
const MERGED_ENTRY: f64 = 0.2;

/// The price of a row that the index ranks, its entry included, and of the nodes that are read for any number
/// of rows.
const RANKED_ROW: f64 = 0.07;
const RANKING_AT_LEAST: f64 = 100.0;

/// The price of a search, for each row that it asks the filter about.
const ASKED_ROW: f64 = 7.0;

/// The price of a page of the table that is read in order, and of each row of it, the filter included.
const READ_PAGE: f64 = 0.5;
const READ_ROW: f64 = 0.15;

/// The price of measuring a row of the table for a threshold, when its value lies in the row.
const MEASURED_ROW: f64 = 0.4;

/// A shortlist may cost 1.25 times as much as the search is expected to: its cost is certain, whatever the
/// filter has to do with the vectors.
const SURE_COST_FACTOR: f64 = 1.25;

/// The number of rows that a query is assumed to want where nobody knows.
pub const WANTED_ROWS: f64 = 10.0;

/// The filter runs against the query when six times fewer rows pass than expected.
const AGAINST_FACTOR: f64 = 6.0;

/// Then the search may spend a third of the shortlist's cost, or less if it has less than a third of the rows
/// wanted.
const EARLY_SHARE: f64 = 1.0 / 3.0;

/// A search may spend a tenth of its cost on learning to rank the rows that it has fetched. `LEARNED_NODE` is the
/// price of a node that is read for that.
const LEARNING_SHARE: f64 = 0.1;
const LEARNED_NODE: f64 = 1.0;

impl Listed {
    /// The price of reading the lists. It is 0 where one index gives all its rows one by one: the price of an
    /// entry is then part of the price of each row.
    pub(in crate::pg::am) fn cost(self) -> f64 {
        SINGLE_ENTRY * self.single + MERGED_ENTRY * self.merged
    }
}

/// What the ways to rows cost for one search.
#[derive(Clone, Copy)]
pub(in crate::pg::am) struct Prices {
    /// What a shortlisted row costs that is fetched and measured.
    pub fetched: f64,
    /// What it costs to read the table; infinite where that is not to be done.
    pub table: f64,
    /// What other indexes were expected to list.
    pub listed: Option<Listed>,
    /// Rows of the table.
    pub rows: f64,
    /// Rows that the query was expected to want.
    pub wanted: f64,
}

/// How far a search has come.
#[derive(Clone, Copy)]
pub(in crate::pg::am) struct Sofar {
    /// Rows that the filter was asked about.
    pub asked: u64,
    /// Rows that have passed it.
    pub given: usize,
    /// What that has cost.
    pub spent: f64,
}

impl Prices {
    /// The prices of a search for rows of a table no farther than `within`.
    ///
    /// # Safety
    /// The table is open.
    pub unsafe fn new(
        table: pg_sys::Relation,
        within: f64,
        opened: &Opened,
        passes: &dyn Passes,
    ) -> Self {
        // SAFETY: as the caller says.
        let (size, may_read) = unsafe { (Size::of(table), can_read(table)) };
        // If a row takes less space in the table than its value does, the values lie out of line.
        let row_bytes = size.pages * f64::from(pg_sys::BLCKSZ) / size.rows;
        let apart = row_bytes < opened.index().value_bytes() as f64;
        let fetched = if apart {
            FETCHED_ROW_OUT_OF_LINE
        } else {
            FETCHED_ROW
        };
        // A limit on what a search visits is one on what it reads instead, too.
        let may_read = may_read && !opened.index().has_budget();
        // What a threshold asks for is computed of each row.
        let row = match within < f64::INFINITY {
            true if apart => FETCHED_ROW_OUT_OF_LINE,
            true => MEASURED_ROW,
            false => 0.0,
        };
        let read = READ_PAGE * size.pages + (READ_ROW + row) * size.rows;
        Self {
            fetched,
            table: if may_read { read } else { f64::INFINITY },
            listed: passes.listed(),
            rows: size.rows,
            wanted: passes.wanted().unwrap_or(WANTED_ROWS).max(1.0),
        }
    }

    /// What it costs to rank a shortlist.
    pub fn ranking(listed: Listed) -> f64 {
        RANKING_AT_LEAST + listed.cost() + RANKED_ROW * listed.rows
    }

    /// Nodes that an index may read to learn to rank, after a search that has spent `spent`, `in_vain` of it
    /// more than ranking would have cost.
    pub fn learning(in_vain: f64, spent: f64) -> u64 {
        (in_vain.clamp(0.0, LEARNING_SHARE * spent) / LEARNED_NODE) as u64
    }

    /// The cost of a shortlist, whether the index ranks it or its rows are fetched.
    pub fn shortlist(&self, listed: Listed, ranks: bool) -> f64 {
        if ranks {
            Self::ranking(listed)
        } else {
            listed.cost() + self.fetched * listed.rows
        }
    }

    /// Whether a shortlist at this cost is better than going on with the search. `share` is the share of rows
    /// that are expected to pass.
    pub fn is_shortlist_better(&self, shortlist: f64, share: f64, sofar: Sofar) -> bool {
        if sofar.asked == 0 {
            let search = ASKED_ROW * self.wanted / share.max(f64::EPSILON);
            return shortlist < SURE_COST_FACTOR * search;
        }
        let expected = share * sofar.asked as f64;
        let given = sofar.given as f64;
        let against = expected > AGAINST_FACTOR && given * AGAINST_FACTOR < expected;
        let part = if against {
            EARLY_SHARE.min(given.max(1.0) / self.wanted)
        } else {
            1.0
        };
        sofar.spent > part * shortlist
    }
}

/// How large a table is.
struct Size {
    pages: f64,
    rows: f64,
}

impl Size {
    /// As large as it is now, with as many rows a page as VACUUM or ANALYZE has found.
    unsafe fn of(table: pg_sys::Relation) -> Self {
        // SAFETY: the caller says that the table is open.
        unsafe {
            let class = (*table).rd_rel;
            let fork = pg_sys::ForkNumber::MAIN_FORKNUM;
            let pages = f64::from(pg_sys::RelationGetNumberOfBlocksInFork(table, fork));
            let (known, rows) = (f64::from((*class).relpages), f64::from((*class).reltuples));
            let density = if known > 0.0 && rows > 0.0 {
                rows / known
            } else {
                20.0
            };
            Self {
                pages,
                rows: (density * pages).max(1.0),
            }
        }
    }
}
