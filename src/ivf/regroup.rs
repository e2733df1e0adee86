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
    /// A list that ends: its rows go to the nearest of the others.
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
    /// The lists that there are now in the place of the old ones, in the order of the parts.
    pub lists: Vec<SeenList>,
    /// Rows that were written.
    pub written: u64,
    /// Rows that are in another list than before, and not in one that begins in the place of theirs.
    pub moved: u64,
}

/// A list that is being written.
struct Part {
    origin: CodeOrigin,
    stored: Vec<u8>,
    place: ListPlace,
    writer: ListWriter,
}

/// An old list that is being copied.
struct Copied {
    list: OldList,
    cursor: Cursor,
    /// The part that it becomes; None for the one that ends.
    part: Option<usize>,
}

/// A regrouping under way.
struct Work {
    copied: Vec<Copied>,
    parts: Vec<Part>,
    centres: Centres,
    added: usize,
    moves: HashMap<Tid, usize>,
    moved: u64,
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Does a regrouping. None where nothing was done: a list without rows, which ends and has no other beside it, has
    /// got some.
    ///
    /// # Errors
    /// Where pages cannot be read or written, or the source ends it. What was written is led to by nothing then.
    pub(in crate::ivf) fn regroup(
        &self,
        regroup: Regroup,
        source: &mut RowSource<'_>,
        lanes: &mut DirectoryLanes,
    ) -> Result<Option<Regrouped>, Error> {
        let mut work = self.start(regroup, lanes)?;
        if work.parts.is_empty() {
            let ended = self.end_empty(&mut work)?;
            return Ok(ended.then(Regrouped::default));
        }
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
        let lists = work.parts.iter().map(|part| {
            let head = self.head_of(part);
            SeenList {
                place: part.place,
                head,
                rows: head.rows as usize,
                dead: 0,
            }
        });
        let lists: Vec<SeenList> = lists.collect();
        Ok(Some(Regrouped {
            written: lists.iter().map(|list| list.rows as u64).sum(),
            moved: work.moved,
            lists,
        }))
    }

    /// Takes lists out of the directory, unless one of them has a row.
    fn end_empty(&self, work: &mut Work) -> Result<bool, Error> {
        let mut any = false;
        for copied in &mut work.copied {
            self.each_row(&mut copied.cursor, &mut |_| {
                any = true;
                Ok(())
            })?;
        }
        for at in 0..work.copied.len() {
            any = any || !self.close(work, at)?;
        }
        Ok(!any && self.swap(work)?)
    }

    fn start(&self, regroup: Regroup, lanes: &mut DirectoryLanes) -> Result<Work, Error> {
        let Regroup {
            ended,
            added,
            kept,
            moves,
        } = regroup;
        let count = added.len();
        let kept = kept.into_iter().zip(count..);
        let kept = kept.map(|(list, part)| (list, Some(part)));
        let mut copied: Vec<Copied> = (ended.map(|list| (list, None)).into_iter().chain(kept))
            .map(|(list, part)| Copied {
                cursor: Cursor::start(list.seen.head.first),
                list,
                part,
            })
            .collect();
        let heads: Vec<&mut SeenList> = copied
            .iter_mut()
            .map(|copied| &mut copied.list.seen)
            .collect();
        let mut places = self.gather(heads, count, lanes)?.into_iter();
        let number = self.next_numbers(count + copied.len())?;
        let mut parts = Vec::new();
        for (centre, number) in added.iter().zip(number..) {
            let (centre, stored) = stored_centre(centre);
            let Some(place) = places.next() else {
                break;
            };
            self.write_centre(place, &stored)?;
            parts.push(self.part(centre, stored, place, number));
        }
        let kept = copied.iter().filter(|copied| copied.part.is_some());
        for (copied, number) in kept.zip(number + u32::try_from(count).unwrap_or(0)..) {
            let centre = copied.list.origin.point().to_vec();
            parts.push(self.part(centre, Vec::new(), copied.list.seen.place, number));
        }
        let all = parts
            .iter()
            .flat_map(|part| part.origin.point().iter().copied());
        Ok(Work {
            copied,
            centres: Centres::new(self.parameters.dims, all.collect()),
            parts,
            added: count,
            moves,
            moved: 0,
        })
    }

    fn part(&self, centre: Vec<f32>, stored: Vec<u8>, place: ListPlace, number: u32) -> Part {
        Part {
            origin: self.coder.origin(centre),
            stored,
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
            let to = match own {
                None => None,
                Some(own) => Some(work.moves.get(&row.tid).copied().unwrap_or(own)),
            };
            if to == own && own.is_some() {
                return self.write_to(work, own.unwrap_or(0), &row);
            }
            let point = self.point_of_row(&row, source)?;
            let to = match (to, &point) {
                (Some(to), Some(_)) => to,
                // Its value cannot be read any more: it stays.
                (Some(_), None) => return self.write_to(work, own.unwrap_or(0), &row),
                (None, Some(point)) => nearest_of(work.centres.nearest(point)),
                (None, None) => self.nearest_by_code(work, at, &row),
            };
            let (Some(part), Some(copied)) = (work.parts.get(to), work.copied.get(at)) else {
                return Ok(());
            };
            let code = match &point {
                Some(point) => self.coder.code_of_long(&row.long, point, &part.origin),
                None => self
                    .coder
                    .recode(&row.code, &copied.list.origin, &part.origin),
            };
            work.moved += u64::from(own.is_some() || to >= work.added);
            self.write_to(work, to, &NewRow { code, ..row })
        })?;
        if let Some(copied) = work.copied.get_mut(at) {
            copied.cursor = cursor;
        }
        Ok(())
    }

    fn write_to(&self, work: &mut Work, part: usize, row: &NewRow) -> Result<(), Error> {
        match work.parts.get_mut(part) {
            Some(part) => self.write_row(&mut part.writer, row),
            None => Ok(()),
        }
    }

    /// The part that the code of a row suits best.
    fn nearest_by_code(&self, work: &Work, at: usize, row: &NewRow) -> usize {
        let Some(copied) = work.copied.get(at) else {
            return 0;
        };
        let far = |part: &Part| {
            let from = &copied.list.origin;
            let offset = self.coder.guessed_offset(&row.code, from, &part.origin);
            self.coder.vectors.dot(&offset, &offset)
        };
        let far = work.parts.iter().map(far).enumerate();
        let nearest = far.min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.map_or(0, |(part, _)| part)
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
            if copied.part.is_none() {
                lanes.clear_lane(lane);
            }
        }
        for part in &work.parts {
            let head = self.head_of(part);
            let page = changed(&mut change, part.place.block, KIND_LISTS)?;
            let lane = usize::from(part.place.lane);
            if part.stored.is_empty() {
                CodePageMut::new(page, shape).set_subject(lane, head.to_bytes());
                continue;
            }
            let list = NewList {
                shape,
                centre: part.origin.point(),
                head,
            };
            set_list(page, &self.coder, lane, &list);
        }
        let page = changed(&mut change, META, KIND_META)?;
        let mut roots = meta::roots(page);
        let ended = work.copied.len() + work.added - work.parts.len();
        roots.version = roots.version.wrapping_add(1);
        roots.lists = roots
            .lists
            .wrapping_add(u32::try_from(work.added).unwrap_or(0));
        roots.lists = roots
            .lists
            .saturating_sub(u32::try_from(ended).unwrap_or(0));
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

fn nearest_of(nearest: Option<crate::cluster::Nearest>) -> usize {
    nearest.map_or(0, |nearest| nearest.centre as usize)
}

/// Of a list that nobody but this operation may take out of the directory.
pub(in crate::ivf) fn gone(place: ListPlace, number: u32) -> PageError {
    PageError::Corrupt {
        block: place.block,
        reason: format!("list {number} is gone").into(),
    }
}
