//! Regrouping: the rows of some lists go to new pages, into the same lists and others, and one change of the directory
//! puts these in the place of the old ones. Splits, merges and the rewriting of lists with dead rows are regroupings.
//!
//! 1. *Gather*: the heads of the lists come onto as few pages of the directory as one change holds (`lanes.rs`).
//! 2. *Copy*: every row is written to its new list. Nothing leads to these pages.
//! 3. *Close*: the last page of each old list is closed, by a change of its own that sees whether rows have come since;
//!    if so, they are copied first. A row that comes to a closed list opens a page behind it, which changes its head.
//! 4. *Swap*: one change sees that no head has changed, and puts the new heads into the directory. Where one has
//!    changed, the rows that have come are copied, and so on from step 3.
//!
//! A scan reads the directory as it was at one moment, and so it reads the old lists or the new ones. The old pages
//! stay as they are for scans that began before; a later vacuum frees them.

use std::collections::HashMap;

use crate::cluster::Centres;
use crate::index::{Error, Poll, Tid};
use crate::page::{Change, PageError, PageStore};
use crate::values::Values;

use super::blocks::{CodePage, CodePageMut};
use super::directory::{ListHead, ListPlace, NewList, set_list, stored_centre};
use super::index::ListIndex;
use super::insert::{NewRow, changed};
use super::lanes::DirectoryLanes;
use super::meta::{self, KIND_LISTS, KIND_META, META, NONE};
use super::radii::Radii;
use super::rewrite::{Cursor, ListWriter};
use super::vacuum::SeenList;
use crate::values::CodeOrigin;

/// Reads the value of a row from the table. None where it cannot be seen.
pub type ReadValue<'r> = &'r mut dyn FnMut(Tid) -> Result<Option<Vec<f32>>, Error>;

/// What an operation that copies rows asks of its caller. No page is locked meanwhile.
pub(in crate::ivf) struct RowSource<'r> {
    /// Asked where there are no long codes.
    pub values: ReadValue<'r>,
    /// Asked between rows.
    pub poll: Poll<'r>,
}

/// What becomes of some lists.
#[derive(Default)]
pub(in crate::ivf) struct Regroup {
    /// A list that ends: its rows go to the nearest of the others. Where some have no values that can be read, or there
    /// is no other, it stays with these, for their codes are true around its centre alone.
    pub ended: Option<OldList>,
    /// The centres of lists that begin.
    pub added: Vec<Vec<f32>>,
    /// Lists that keep their centres.
    pub kept: Vec<OldList>,
    /// Where rows of these go, as a number among those added and, behind them, those kept. Others stay.
    pub moves: HashMap<Tid, usize>,
}

/// A list whose rows are copied.
pub(in crate::ivf) struct OldList {
    pub seen: SeenList,
    pub origin: CodeOrigin,
}

/// What a regrouping has done.
#[derive(Default)]
pub(in crate::ivf) struct Regrouped {
    /// The lists that there are now in the place of the old ones.
    pub lists: Vec<SeenList>,
    /// The number of the one that should have ended, where it has rows left.
    pub left: Option<u32>,
    /// Rows that were written.
    pub written: u64,
    /// Rows that are in another list than before, and not in one that begins in the place of theirs.
    pub moved: u64,
}

/// A list that is being written.
struct Part {
    origin: CodeOrigin,
    place: ListPlace,
    writer: ListWriter,
}

/// An old list that is being copied.
struct CopiedList {
    list: OldList,
    cursor: Cursor,
    /// The part that it becomes.
    part: usize,
}

/// A regrouping under way. Its parts are those added, those kept, and what is left of the list that ends.
struct Work {
    copied: Vec<CopiedList>,
    parts: Vec<Part>,
    /// Of all but the list that ends.
    centres: Centres,
    added: usize,
    moves: HashMap<Tid, usize>,
    moved: u64,
}

impl Work {
    /// The part of the list that ends.
    fn ending(&self) -> usize {
        self.centres.len()
    }

    /// Those that the directory will have, with their numbers among all.
    fn lasting(&self) -> impl Iterator<Item = (usize, &Part)> {
        let parts = self.parts.iter().enumerate();
        parts.filter(|(at, part)| *at < self.ending() || part.writer.rows > 0)
    }
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Does a regrouping.
    ///
    /// # Errors
    /// Where pages cannot be read or written, or the source ends it. What was written is led to by nothing then.
    pub(in crate::ivf) fn regroup(
        &self,
        regroup: Regroup,
        source: &mut RowSource<'_>,
        lanes: &mut DirectoryLanes,
    ) -> Result<Regrouped, Error> {
        let mut work = self.start(regroup, lanes)?;
        for at in 0..work.copied.len() {
            self.copy(&mut work, at, source)?;
        }
        loop {
            for at in 0..work.copied.len() {
                while !self.close(&work, at)? {
                    self.copy(&mut work, at, source)?;
                }
            }
            for part in &mut work.parts {
                self.flush(&mut part.writer)?;
            }
            if self.swap(&work)? {
                break;
            }
            (source.poll)()?;
        }
        let lists = work.lasting().map(|(_, part)| {
            let head = self.head_of(part);
            SeenList {
                place: part.place,
                head,
                rows: head.rows as usize,
                dead: 0,
            }
        });
        let lists: Vec<SeenList> = lists.collect();
        Ok(Regrouped {
            written: lists.iter().map(|list| list.rows as u64).sum(),
            left: lists.get(work.ending()).map(|list| list.head.number),
            moved: work.moved,
            lists,
        })
    }

    fn start(&self, regroup: Regroup, lanes: &mut DirectoryLanes) -> Result<Work, Error> {
        let Regroup {
            ended,
            added,
            kept,
            moves,
        } = regroup;
        let (count, stays) = (added.len(), kept.len());
        let old = kept.into_iter().chain(ended).zip(count..);
        let mut copied: Vec<CopiedList> = old
            .map(|(list, part)| CopiedList {
                cursor: Cursor::start(list.seen.head.first),
                list,
                part,
            })
            .collect();
        let heads = copied.iter_mut().map(|copied| &mut copied.list.seen);
        let places = self.gather(heads.collect(), count, lanes)?;
        let mut numbers = self.next_numbers(count + copied.len())?..;
        let mut parts = Vec::new();
        for ((centre, place), number) in added.iter().zip(places).zip(&mut numbers) {
            let (centre, stored) = stored_centre(centre);
            self.write_centre(place, &stored)?;
            parts.push(self.part(centre, place, number));
        }
        for (copied, number) in copied.iter().zip(numbers) {
            let centre = copied.list.origin.point().to_vec();
            parts.push(self.part(centre, copied.list.seen.place, number));
        }
        let lasting = parts.iter().take(count + stays);
        let centres = lasting.flat_map(|part| part.origin.point().iter().copied());
        Ok(Work {
            centres: Centres::new(self.parameters.dims, centres.collect()),
            copied,
            parts,
            added: count,
            moves,
            moved: 0,
        })
    }

    fn part(&self, centre: Vec<f32>, place: ListPlace, number: u32) -> Part {
        Part {
            origin: self.coder.origin(centre),
            place,
            writer: ListWriter::new(number),
        }
    }

    /// What the directory will say of a part.
    fn head_of(&self, part: &Part) -> ListHead {
        let centre = part.origin.point();
        part.writer.head(self.coder.vectors.dot(centre, centre))
    }

    /// Copies the rows of an old list from its cursor on.
    fn copy(&self, work: &mut Work, at: usize, source: &mut RowSource<'_>) -> Result<(), Error> {
        let Some(copied) = work.copied.get(at) else {
            return Ok(());
        };
        let mut cursor = copied.cursor;
        if cursor.block() == NONE {
            cursor = Cursor::start(self.head_at(copied.list.seen.place)?.first);
        }
        let own = copied.part;
        self.each_row(&mut cursor, &mut |row| {
            (source.poll)()?;
            let (to, row) = self.placed(work, own, row, source)?;
            if to != own {
                work.moved += u64::from(own != work.ending() || to >= work.added);
            }
            match work.parts.get_mut(to) {
                Some(part) => self.write_row(&mut part.writer, &row),
                None => Ok(()),
            }
        })?;
        if let Some(copied) = work.copied.get_mut(at) {
            copied.cursor = cursor;
        }
        Ok(())
    }

    /// Where a row of an old list goes, and as what. It stays as it is where its value cannot be read.
    fn placed(
        &self,
        work: &Work,
        own: usize,
        row: NewRow,
        source: &mut RowSource<'_>,
    ) -> Result<(usize, NewRow), Error> {
        let ends = own == work.ending();
        let to = work.moves.get(&row.tid).copied();
        if !ends && to.is_none_or(|to| to == own) {
            return Ok((own, row));
        }
        let Some(point) = self.point_of_row(&row, source)? else {
            return Ok((own, row));
        };
        let nearest = || work.centres.nearest(&point);
        let to = to.or_else(|| nearest().map(|nearest| nearest.centre as usize));
        let Some((to, part)) = to.and_then(|to| Some((to, work.parts.get(to)?))) else {
            return Ok((own, row));
        };
        let off = self.coder.off_of_long(&row.long);
        let row = NewRow {
            code: self.coder.code_of_long(&row.long, &point, &part.origin),
            radii: self.coder.radii(&point, &part.origin, off),
            ..row
        };
        Ok((to, row))
    }

    /// A row's point: from its long code, or where there is none from the table. None where that does not have it.
    pub(in crate::ivf) fn point_of_row(
        &self,
        row: &NewRow,
        source: &mut RowSource<'_>,
    ) -> Result<Option<Vec<f32>>, Error> {
        if self.parameters.shape.long.is_some() {
            return Ok(Some(self.coder.point_of(&row.long)));
        }
        let Some(value) = (source.values)(row.tid)? else {
            return Ok(None);
        };
        self.coder.vectors.verify(&value)?;
        Ok(self.coder.vectors.point(&value))
    }

    /// Closes an old list, if all its rows were copied.
    fn close(&self, work: &Work, at: usize) -> Result<bool, Error> {
        let Some(copied) = work.copied.get(at) else {
            return Ok(true);
        };
        if copied.cursor.block() == NONE {
            // A list without pages: its first row changes its head.
            return Ok(self.head_at(copied.list.seen.place)?.first == NONE);
        }
        self.close_at(copied.cursor)
    }

    /// Puts the new lists in the place of the old ones. False where a row has come to one of these since.
    fn swap(&self, work: &Work) -> Result<bool, Error> {
        let shape = self.parameters.shape.lists;
        let old = work
            .copied
            .iter()
            .map(|copied| copied.list.seen.place.block);
        let new = work.parts.iter().map(|part| part.place.block);
        let mut blocks: Vec<u32> = old.chain(new).chain([META]).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let mut change = self.store.change();
        for block in blocks {
            change.page(block)?;
        }
        let radii = work.parts.iter().map(|part| part.writer.radii);
        let mut radii: Vec<Radii> = radii.collect();
        for copied in &work.copied {
            let SeenList { place, head, .. } = copied.list.seen;
            let page = changed(&mut change, place.block, KIND_LISTS)?;
            let lane = usize::from(place.lane);
            let mut lanes = CodePageMut::new(page, shape);
            let now = ListHead::from_bytes(lanes.read().subject(lane));
            if !lanes.read().is_taken(lane) || now.number != head.number {
                return Err(gone(place, head.number).into());
            }
            if now.last != copied.cursor.block() {
                return Ok(false);
            }
            if copied.part == work.ending() {
                lanes.clear_lane(lane);
            }
            // Rows that have stayed are around the same centre.
            if let Some(radii) = radii.get_mut(copied.part) {
                *radii = radii.with(now.radii);
            }
        }
        for (at, part) in work.lasting() {
            let head = ListHead {
                radii: radii.get(at).copied().unwrap_or(Radii::UNKNOWN),
                ..self.head_of(part)
            };
            let page = changed(&mut change, part.place.block, KIND_LISTS)?;
            let lane = usize::from(part.place.lane);
            let list = NewList {
                shape,
                centre: part.origin.point(),
                head,
            };
            set_list(page, &self.coder, lane, &list);
        }
        let page = changed(&mut change, META, KIND_META)?;
        let mut roots = meta::roots(page);
        let lasting = u32::try_from(work.lasting().count()).unwrap_or(0);
        let copied = u32::try_from(work.copied.len()).unwrap_or(0);
        roots.version = roots.version.wrapping_add(1);
        roots.lists = roots.lists.saturating_add(lasting).saturating_sub(copied);
        // Read under the lock of the directory's pages: a scan that has seen the old lists began before.
        roots.retired = self.store.horizon();
        meta::write_roots(page, &roots);
        change.commit()?;
        Ok(true)
    }

    /// The head in a lane of the directory.
    pub(in crate::ivf) fn head_at(&self, place: ListPlace) -> Result<ListHead, PageError> {
        let page = self.page(place.block, KIND_LISTS)?;
        let lanes = CodePage::new(&page, self.parameters.shape.lists);
        Ok(ListHead::from_bytes(lanes.subject(place.lane.into())))
    }
}

/// Of a list that nobody but this operation may take out of the directory.
pub(in crate::ivf) fn gone(place: ListPlace, number: u32) -> PageError {
    PageError::Corrupt {
        block: place.block,
        reason: format!("list {number} is gone").into(),
    }
}
