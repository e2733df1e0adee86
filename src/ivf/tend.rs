//! Tending: lists that are too long are split, lists that are too short are merged with their neighbours.
//!
//! What a list should have is the rows that there are, divided by the lists that there should be. Everything that is to
//! be done is seen from the lists themselves, so an operation that has ended goes on where the next one begins.

use std::collections::{BTreeMap, HashSet};

use crate::index::{Error, Poll};
use crate::page::PageStore;

use super::border::{NEIGHBOURS, Surroundings};
use super::index::ListIndex;
use super::lanes::DirectoryLanes;
use super::options::ListsOptions;
use super::regroup::{ReadValue, Regroup, RowSource};
use super::vacuum::{SeenList, Walked};

/// A list is split where it has more than so many times half of the rows that a list should have: with twice of what it
/// should have, an index that grew has three lists where a built one has four (`MEASURED.md`).
const TOO_LONG_HALVES: usize = 3;

/// A list is merged where it has less than one in so many of the rows that a list should have.
const TOO_SHORT_OF: usize = 8;

/// Rows that a list should have at least, where the rows alone decide: fewer are read as fast as their centre.
const FEW_ROWS: usize = 128;

/// The most lists that one becomes at once.
const PARTS: usize = 32;

/// What [`ListIndex::tend`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tended {
    /// Lists that were split.
    pub split: u64,
    /// Lists that were merged with others, but for rows whose values could not be read.
    pub merged: u64,
    /// Rows that are in another list than before, other than the parts of their own.
    pub moved: u64,
    /// Rows that were written anew: those of all lists that were regrouped.
    pub written: u64,
    /// Whether lists are left that the budget did not suffice for.
    pub more: bool,
}

/// What lists should be like.
#[derive(Clone, Copy, Debug)]
struct TendGoal {
    lists: usize,
    /// Rows from which on a list is too long.
    long: usize,
    /// Rows below which a list is too short.
    short: usize,
    /// Rows of a part.
    each: usize,
}

/// Tending under way.
struct Tender {
    lists: BTreeMap<u32, SeenList>,
    /// Lists for which nothing can be done, by their numbers.
    tried: HashSet<u32>,
    lanes: DirectoryLanes,
    goal: TendGoal,
    report: Tended,
}

impl Tender {
    /// The shortest list that is too short.
    fn shortest(&self) -> Option<SeenList> {
        let short = self.left().filter(|list| list.rows < self.goal.short);
        short.min_by_key(|list| list.rows).copied()
    }

    /// The longest list that is too long, and how many parts it should have.
    fn longest(&self) -> Option<(SeenList, usize)> {
        let room = (self.goal.lists + 1).saturating_sub(self.lists.len());
        let long = self.left().filter(|list| list.rows > self.goal.long);
        let longest = long.max_by_key(|list| list.rows).copied()?;
        let each = self.goal.each.max(1);
        let parts = (longest.rows + each / 2) / each;
        (room >= 2).then(|| (longest, parts.clamp(2, room.min(PARTS))))
    }

    fn left(&self) -> impl Iterator<Item = &SeenList> {
        let lists = self.lists.values();
        lists.filter(|list| !self.tried.contains(&list.head.number))
    }
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Splits lists that are too long for the rows that there are, and merges those that are too short with their
    /// neighbours. Rows near the new borders go to the nearest list.
    ///
    /// Lists are looked for until `budget` rows were written anew; the last regrouping may exceed it. An index without
    /// long codes asks `values` for the values of rows; one that is not there stays in its list, which then stays too.
    /// Neither this nor `poll` is called while a page is locked. Nobody else may vacuum or tend the index meanwhile.
    ///
    /// # Errors
    /// Where pages cannot be read or written, or `values` or `poll` end it. What was done is kept.
    pub fn tend(
        &self,
        budget: u64,
        values: ReadValue<'_>,
        poll: Poll<'_>,
    ) -> Result<Tended, Error> {
        let retired = self.roots()?.retired;
        let frees = retired != 0 && self.store.is_past(retired);
        let ownerless = if frees {
            Some(self.begin_walk()?)
        } else {
            None
        };
        let mut walked = Walked::default();
        self.walk_lists(&mut walked, poll, &mut |_, page, list, _| {
            list.rows += page.lanes.taken().count();
            Ok(())
        })?;
        if let Some(ownerless) = ownerless {
            self.free_past(&ownerless, &walked.used, poll)?;
        }
        let rows: usize = walked.lists.iter().map(|list| list.rows).sum();
        let mut tender = Tender {
            goal: self.goal(rows),
            lists: (walked.lists.into_iter())
                .map(|list| (list.head.number, list))
                .collect(),
            tried: HashSet::new(),
            lanes: self.free_lanes()?,
            report: Tended::default(),
        };
        let mut source = RowSource { values, poll };
        while let Some(list) = tender.shortest().filter(|_| tender.lists.len() > 1) {
            if tender.report.written >= budget {
                tender.report.more = true;
                return Ok(tender.report);
            }
            (source.poll)()?;
            self.merge(list, &mut tender, &mut source)?;
        }
        while let Some((list, parts)) = tender.longest() {
            if tender.report.written >= budget {
                tender.report.more = true;
                return Ok(tender.report);
            }
            (source.poll)()?;
            self.split(list, parts, &mut tender, &mut source)?;
        }
        Ok(tender.report)
    }

    fn goal(&self, rows: usize) -> TendGoal {
        let asked = self.parameters.asked;
        let options = ListsOptions {
            lists: asked,
            ..ListsOptions::default()
        };
        let lists = options.lists_of(rows as u64).max(1);
        let each = (rows / lists).max(FEW_ROWS);
        let should = if asked > 0 { rows / lists } else { each };
        TendGoal {
            lists,
            long: TOO_LONG_HALVES * each / 2,
            short: should.div_ceil(TOO_SHORT_OF),
            each,
        }
    }

    /// Gives the rows of a list to its neighbours.
    fn merge(
        &self,
        list: SeenList,
        tender: &mut Tender,
        source: &mut RowSource<'_>,
    ) -> Result<(), Error> {
        let around = Surroundings {
            lists: &tender.lists,
            longest: tender.goal.long.saturating_sub(list.rows),
        };
        let regroup = self.ending(list, Vec::new(), &around, source)?;
        tender.report.merged += u64::from(self.take(list, regroup, tender, source)?);
        Ok(())
    }

    /// Gives the rows of a list to new lists and to its neighbours.
    fn split(
        &self,
        list: SeenList,
        parts: usize,
        tender: &mut Tender,
        source: &mut RowSource<'_>,
    ) -> Result<(), Error> {
        let parts = parts.min(self.parameters.shape.lists.lanes() - NEIGHBOURS);
        let centres = self.learn(&list, parts, source)?;
        let regroup = if centres.len() < 2 {
            None
        } else {
            let around = Surroundings {
                lists: &tender.lists,
                longest: tender.goal.long,
            };
            self.ending(list, centres, &around, source)?
        };
        tender.report.split += u64::from(self.take(list, regroup, tender, source)?);
        Ok(())
    }

    /// Does what was found for a list. False where nothing was.
    fn take(
        &self,
        list: SeenList,
        regroup: Option<Regroup>,
        tender: &mut Tender,
        source: &mut RowSource<'_>,
    ) -> Result<bool, Error> {
        let Some(regroup) = regroup else {
            tender.tried.insert(list.head.number);
            return Ok(false);
        };
        let kept = regroup.kept.iter().map(|old| old.seen.head.number);
        let old: Vec<u32> = kept.chain([list.head.number]).collect();
        let regrouped = self.regroup(regroup, source, &mut tender.lanes)?;
        for number in old {
            tender.lists.remove(&number);
        }
        for list in regrouped.lists {
            tender.lists.insert(list.head.number, list);
        }
        tender.tried.extend(regrouped.left);
        tender.report.moved += regrouped.moved;
        tender.report.written += regrouped.written;
        Ok(true)
    }
}
