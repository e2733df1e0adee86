//! Method: what differs between access methods. Everything else is the same for all of them.

use std::ffi::CStr;
use std::ops::AddAssign;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::bulk::{Built, Progress, Resources, Sink};
use crate::index::{Continue, Error, Tid, Vacuumed};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;
use crate::search::{Bounded, Within};

/// An access method.
pub trait Method: 'static {
    /// Its name.
    const NAME: &'static CStr;
    /// Support functions of an operator class.
    const SUPPORT_FUNCTIONS: u16;
    /// What a build does between reading the table and writing pages, as its progress shows it: all of it, or what
    /// comes before the first value is linked and what comes after.
    const BUILDING: &'static [&'static CStr];
    /// By what a user trades time for recall.
    const EFFORT: Effort;

    /// Reads the options of an index.
    ///
    /// # Safety
    /// As `amoptions`.
    unsafe fn options(options: Datum, validate: bool) -> *mut pg_sys::bytea;

    /// Starts a build.
    ///
    /// # Safety
    /// The relation is an open index of this method.
    ///
    /// # Errors
    /// Where its column cannot be indexed.
    unsafe fn builder(
        index: pg_sys::Relation,
        resources: Resources,
    ) -> Result<Box<dyn Build>, Failure>;

    /// Opens an index.
    ///
    /// # Safety
    /// The store's relation is an open index of this method, whenever the result is used.
    ///
    /// # Errors
    /// Where its first pages make no sense.
    unsafe fn open(store: &'static PgStore) -> Result<Box<dyn Search>, Failure>;

    /// What a scan will cost.
    fn estimate(index: &IndexSize) -> Visits;

    /// Registers its settings, once, when the library is loaded.
    fn define_settings();

    /// Gives back the memory of what this session has learned of indexes of this method.
    fn discard();

    /// Whether plans shall tell scans what their rows are filtered by, as the session is set.
    fn takes_filters() -> bool;

    /// Whether scans go on, as the session is set, where the rows that they find first do not suffice.
    fn goes_on() -> bool;
}

/// What a planner knows of an index.
#[derive(Clone, Copy, Debug)]
pub struct IndexSize {
    /// Rows.
    pub rows: f64,
    /// Pages.
    pub pages: f64,
    /// Dimensions of the column.
    pub dims: f64,
}

/// What a scan visits.
#[derive(Clone, Copy, Debug)]
pub struct Visits {
    /// Nodes or lists' entries until the first rows are given.
    pub first: f64,
    /// Until all rows are.
    pub all: f64,
    /// Pages that one visit touches.
    pub pages: f64,
    /// What one visit computes, in the cost of an operator.
    pub operators: f64,
}

/// A setting by which a user trades time for recall, and which of its values are worth a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The setting.
    pub setting: &'static CStr,
    /// What it counts.
    pub counts: EffortCounts,
    /// Values; the last is the largest that may be set.
    pub measured: [i32; 8],
}

/// What a setting counts by which a user trades time for recall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffortCounts {
    /// Candidates: a search finds no more rows.
    Rows,
    /// Lists, of any number of rows.
    Lists,
}

impl EffortCounts {
    /// Whether an answer of `k` rows can be asked for with this value.
    pub fn gives(self, value: i32, k: i32) -> bool {
        self == Self::Lists || value >= k
    }
}

/// A build that collects rows.
pub trait Build {
    /// Reads what the build takes besides rows, before the first of them.
    ///
    /// # Errors
    /// Where that cannot be used.
    fn begin(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Adds a row, with as many entries as its value gives. False where it gives none.
    ///
    /// # Safety
    /// The datum is of the column's type and not NULL.
    ///
    /// # Errors
    /// Where the value cannot be indexed, or a spill file fails.
    unsafe fn push(&mut self, datum: Datum, tid: Tid) -> Result<bool, Failure>;

    /// Bytes of memory a row.
    fn bytes_per_row(&self) -> usize;

    /// Builds and writes.
    ///
    /// # Errors
    /// Cancelled, those of the sink, or of a spill file.
    fn finish(self: Box<Self>, progress: &Progress, sink: &mut dyn Sink) -> Result<Built, Error>;
}

/// What a search does with rows that were killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killed {
    /// It leaves them out.
    Skip,
    /// It gives them: on a standby, rows that are dead on the primary may still be in use.
    Show,
}

/// The values of an index's rows, as its table has them.
pub trait TableValues {
    /// Hands the value of a row to `look`. False where it cannot be seen, or not be read now.
    fn see(&mut self, tid: Tid, look: &mut dyn FnMut(Datum)) -> bool;
}

/// An open index.
pub trait Search {
    /// Starts a search. A query that is NULL is equally far from all rows.
    ///
    /// # Safety
    /// The datum is of the column's type and not NULL.
    ///
    /// # Errors
    /// Where the query cannot be compared with what is in the index.
    unsafe fn scan<'s>(
        &'s self,
        query: Option<Datum>,
        killed: Killed,
    ) -> Result<Box<dyn Stream + 's>, Failure>;

    /// Adds a row, with as many entries as its value gives. False where it gives none.
    ///
    /// # Safety
    /// The datum is of the column's type and not NULL.
    ///
    /// # Errors
    /// Where the value cannot be indexed.
    unsafe fn insert(&self, datum: Datum, tid: Tid) -> Result<bool, Failure>;

    /// Removes rows, with all their entries. `poll` is called often, and never while a page is locked.
    ///
    /// # Errors
    /// Where pages make no sense.
    fn vacuum(
        &self,
        gone: &mut dyn FnMut(Tid) -> bool,
        poll: &mut dyn FnMut(),
    ) -> Result<Vacuumed, Failure>;

    /// Keeps it in shape after a vacuum, or when it is asked to. Nobody else vacuums or tends it meanwhile. `values` is
    /// asked for what the index itself does not have. `poll` is called often. Neither is called while a page is locked.
    ///
    /// # Errors
    /// Where pages or values make no sense.
    fn tend(
        &self,
        _values: &mut dyn TableValues,
        _poll: &mut dyn FnMut(),
    ) -> Result<TendReport, Failure> {
        Ok(TendReport::default())
    }

    /// Measures what searches need to know of it, after a build. `values` is asked for what the index itself does not
    /// have.
    ///
    /// # Errors
    /// Where pages or values make no sense.
    fn calibrate(&self, _values: &mut dyn TableValues) -> Result<(), Failure> {
        Ok(())
    }

    /// Bytes of a value in the index: no more than it has in the table.
    fn value_bytes(&self) -> usize;

    /// Whether a search may visit no more than the session is set to.
    fn has_budget(&self) -> bool;

    /// What is in it.
    ///
    /// # Errors
    /// Where pages make no sense.
    fn describe(&self) -> Result<Description, Failure>;

    /// How it leaves out dead rows before a vacuum removes them, if it does.
    fn kills(&self) -> Option<&dyn Kills> {
        None
    }

    /// How it ranks rows that others have found, if it does.
    fn ranks(&self) -> Option<&dyn Ranks> {
        None
    }

    /// What is wrong with it, a line each. Nothing may change it meanwhile.
    ///
    /// # Errors
    /// Where pages make no sense at all.
    fn problems(&self) -> Result<Vec<String>, Failure>;

    /// Whether a row may have several entries, for several vectors or terms.
    fn has_several_entries(&self) -> bool {
        false
    }

    /// Shows every row that was not killed, once an entry.
    ///
    /// # Errors
    /// Where pages make no sense, and those of `see`.
    fn live_rows(&self, see: &mut dyn FnMut(Tid) -> Result<(), Failure>) -> Result<(), Failure>;

    /// Whether a row with this value is in the index.
    ///
    /// # Safety
    /// The datum is of the column's type and not NULL.
    ///
    /// # Errors
    /// Where the value cannot be indexed.
    unsafe fn is_indexable(&self, datum: Datum) -> Result<bool, Failure>;
}

/// An index that leaves out dead rows before a vacuum removes them.
pub trait Kills {
    /// Notes that a row is dead to everybody, if `still_dead` says so, so that searches leave it out.
    ///
    /// # Errors
    /// Where pages make no sense.
    fn kill(
        &self,
        node: u32,
        tid: Tid,
        still_dead: &mut dyn FnMut() -> bool,
    ) -> Result<(), Failure>;
}

/// An index that ranks rows whose places in the table are known.
pub trait Ranks {
    /// Whether this session can [rank](Self::rank) rows by now.
    ///
    /// # Errors
    /// Where pages make no sense.
    fn can_rank(&self) -> Result<bool, Failure>;

    /// Ranks rows. None where they cannot be ranked.
    ///
    /// # Safety
    /// The datum is of the column's type and not NULL.
    ///
    /// # Errors
    /// Where the query cannot be compared with what is in the index.
    unsafe fn rank<'s>(
        &'s self,
        query: Datum,
        tids: &[Tid],
    ) -> Result<Option<RankedRows<'s>>, Failure>;

    /// Reads `nodes` nodes to learn to [rank](Self::rank) rows. Begins to learn anew if `missed` rows, with
    /// those missed before, are too many that could not be ranked.
    ///
    /// # Errors
    /// Where pages make no sense.
    fn learn(&self, nodes: u64, missed: usize) -> Result<Learned, Failure>;
}

/// What was done to keep an index in shape.
#[derive(Clone, Copy, Debug, Default)]
pub struct TendReport {
    /// Lists that were split.
    pub split: u64,
    /// Lists that others have taken the rows of.
    pub merged: u64,
    /// Rows that went to a nearer list.
    pub moved: u64,
}

/// An index, described.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Rows.
    pub rows: u64,
    /// Distinct values.
    pub values: u64,
    /// Of a graph.
    pub graph: Option<GraphShape>,
    /// Of lists.
    pub lists: Option<ListSizes>,
    /// Elements of a value.
    pub dims: u32,
    /// How values are stored.
    pub storage: &'static str,
    /// Places without rows that searches still come by.
    pub dead: u64,
    /// Places that are free.
    pub free: u64,
    /// Of the pages.
    pub format: u8,
}

/// What a graph has and others do not.
#[derive(Clone, Copy, Debug)]
pub struct GraphShape {
    /// Levels.
    pub levels: usize,
    /// Links that a node is asked to have.
    pub m: u16,
}

/// What lists have and others do not.
#[derive(Clone, Copy, Debug)]
pub struct ListSizes {
    /// Lists.
    pub lists: u64,
    /// Rows of the list that has the fewest.
    pub least: u64,
    /// Rows of the list in the middle.
    pub median: u64,
    /// Rows of the list that has the most.
    pub largest: u64,
    /// The mean distance of rows from their centres, over that at the build, if both are known.
    pub drift: Option<f64>,
    /// Rows that the centres were learned from.
    pub trained: u64,
    /// When that was, in microseconds since 2000-01-01 UTC; 0 where it is not known.
    pub made: i64,
}

/// A row that a stream has found.
#[derive(Clone, Copy, Debug)]
pub struct FoundRow {
    /// Where it is in the table.
    pub tid: Tid,
    /// Where it is in the index, if it can be killed there.
    pub node: Option<u32>,
}

/// What an index has learned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Learned {
    /// Nodes that were read for it.
    pub nodes: u64,
    /// The part that is known of what there is to learn, 0 to 1.
    pub share: f64,
}

/// Rows that were ranked.
pub struct RankedRows<'s> {
    /// Rows that the index knows, if it was asked.
    pub stream: Option<Box<dyn Stream + 's>>,
    /// The others.
    pub unknown: Vec<Tid>,
}

/// Rows, nearest first, each once however many entries it has.
pub trait Stream {
    /// Whether the next row is known without further search.
    fn is_ready(&self) -> bool;

    /// What is found by further search is not nearer than this.
    fn floor(&self) -> f64;

    /// The next row with bounds of its distance, as the operator gives it.
    ///
    /// # Errors
    /// Where pages make no sense.
    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure>;

    /// Leaves out rows that are farther for sure, and ends once the stream has come past that distance. Must be
    /// called before the first row is asked for.
    fn limit(&mut self, within: Within);

    /// Tells how many rows will be asked for, where it is known, because a filter drops some. Must be called before the
    /// first row is asked for.
    fn expect_rows(&mut self, _rows: f64) {}

    /// What the stream does when its first rows are used up. A stream without an order ends.
    fn go_on(&self) -> Continue;

    /// Whether a row may come after farther ones that is to come last, as the setting for iterative scans asks. A
    /// stream that puts such rows last by itself has none.
    fn finds_late(&self) -> bool;

    /// Whether rows have an order: not where all are as far.
    fn has_order(&self) -> bool {
        true
    }

    /// What it has cost so far.
    fn cost(&self) -> Cost;
}

/// What a search has cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Nodes visited.
    pub nodes: u64,
    /// What was read of lists.
    pub probed: Probed,
    /// Times that it went on after its first rows did not suffice.
    pub restarts: u64,
}

/// What searches have read of lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probed {
    /// Lists.
    pub lists: u64,
    /// Rows whose distances were estimated.
    pub estimated: u64,
    /// Rows that were measured by their long codes.
    pub refined: u64,
}

/// The prices of a list, of a row that is estimated there, and of one that is measured by its long code, where a node
/// that is visited costs 1.
const PROBED_LIST: f64 = 0.3;
const ESTIMATED_ROW: f64 = 0.004;
const REFINED_ROW: f64 = 0.3;

impl Cost {
    /// As many nodes as could have been visited for it.
    pub fn visits(&self) -> f64 {
        let Probed {
            lists,
            estimated,
            refined,
        } = self.probed;
        self.nodes as f64
            + PROBED_LIST * lists as f64
            + ESTIMATED_ROW * estimated as f64
            + REFINED_ROW * refined as f64
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.probed += other.probed;
        self.restarts += other.restarts;
    }
}

impl AddAssign for Probed {
    fn add_assign(&mut self, other: Self) {
        self.lists += other.lists;
        self.estimated += other.estimated;
        self.refined += other.refined;
    }
}
