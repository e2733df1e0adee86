//! Check: an index is compared with its table (`vector_index_check`).

use std::ffi::c_void;

use pgrx::IntoDatum;
use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use super::owner::AsOwner;
use super::relation::{Access, IndexRelation};
use super::result;
use crate::index::{Fallible, Tid};
use crate::pg::am::{Search, TableRows, each_row};
use crate::pg::error::Failure;
use crate::pg::storage::tid_of;

/// Problems that are listed; more of one kind tell nothing new.
const MOST_PROBLEMS: usize = 100;

/// What the scan of the table is compared with.
struct Comparison<'s> {
    search: &'s dyn Search,
    /// Places that the index has, sorted.
    indexed: Vec<u64>,
    missing: Vec<u64>,
}

/// As users see a ctid.
fn shown(place: u64) -> String {
    let tid = Tid::at(place);
    format!("({},{})", tid.block(), tid.offset())
}

impl TableRows for Comparison<'_> {
    unsafe fn row(&mut self, tid: pg_sys::ItemPointerData, value: Datum) -> Result<(), Failure> {
        let place = tid_of(tid).place();
        if self.indexed.binary_search(&place).is_ok() {
            return Ok(());
        }
        // SAFETY: the caller vouches for the datum.
        if unsafe { self.search.is_indexable(value) }? {
            self.missing.try_push(place)?;
        }
        Ok(())
    }
}

/// Shows every row that the query sees to a [`Comparison`]. Where writers do not wait, as on a standby, rows
/// may have come since; those that the query sees were there before the index was read.
///
/// # Safety
/// The relations are open, and the state is a comparison.
unsafe fn scan_table(relation: &IndexRelation, state: *mut c_void) {
    // SAFETY: the caller vouches for the relations. As `bt_index_check` does it, in `verify_nbtree.c`.
    unsafe {
        let info = pg_sys::BuildIndexInfo(relation.index);
        (*info).ii_Concurrent = true;
        (*info).ii_Unique = false;
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetActiveSnapshot());
        let none = std::ptr::null_mut();
        // A scan that is handed over may start amid the table: Postgres asserts that its caller allows it.
        let scan = pg_sys::table_beginscan_strat(relation.table, snapshot, 0, none, true, true);
        let callback: pg_sys::IndexBuildCallback = Some(each_row::<Comparison<'_>>);
        let (table, index) = (relation.table, relation.index);
        pg_sys::table_index_build_scan(table, index, info, true, false, callback, state, scan);
        pg_sys::UnregisterSnapshot(snapshot);
    }
}

fn problems(relation: &IndexRelation) -> Result<Vec<String>, Failure> {
    let opened = relation.search()?;
    let search = opened.index();
    let mut problems = search.problems()?;
    let mut indexed = Vec::new();
    let mut note = |tid: Tid| Ok(indexed.try_push(tid.place())?);
    search.live_rows(&mut note)?;
    indexed.sort_unstable();
    let once = !search.has_several_entries();
    let twice = indexed.windows(2).filter(|two| once && two[0] == two[1]);
    let twice = twice.map(|two| format!("row {} is there twice", shown(two[0])));
    problems.try_extend(twice)?;
    let mut comparison = Comparison {
        search,
        indexed,
        missing: Vec::new(),
    };
    // SAFETY: both relations are open, and the state is a comparison.
    unsafe { scan_table(relation, (&raw mut comparison).cast()) };
    let missing = comparison.missing.iter();
    problems.try_extend(missing.map(|place| format!("row {} is not there", shown(*place))))?;
    if problems.len() > MOST_PROBLEMS {
        let more = problems.len() - MOST_PROBLEMS;
        problems.truncate(MOST_PROBLEMS);
        problems.push(format!("{more} more"));
    }
    Ok(problems)
}

sql_functions! {
    /// What is wrong with an index: a row each, none where it is sound. Writers wait meanwhile; on a
    /// standby, where nobody can make them wait, what is being changed may look wrong.
    fn vector_index_check(call) -> Datum {
        // SAFETY: asks for a state of the server.
        let standby = unsafe { pg_sys::RecoveryInProgress() };
        let access = if standby { Access::Read } else { Access::HoldWriters };
        let relation = IndexRelation::open(call.relation(0), access)?;
        let problems = {
            // SAFETY: the table is open.
            let _owner = unsafe { AsOwner::of(relation.table) };
            problems(&relation)?
        };
        let rows = problems.into_iter().map(|problem| vec![problem.into_datum()]);
        // SAFETY: the catalogue declares this column.
        Ok(unsafe { result::table(call.info(), rows) })
    }
}
