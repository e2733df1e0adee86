//! Splits: a list that has become too long gives its rows to several new ones, in one change of the directory. So an
//! index that was made on an empty table gets lists as its rows come.
//!
//! The new centres are learned from the long codes of some rows, and every row is encoded anew around its own. What is
//! written beside the old list is seen by nobody until the heads change (`rewrite.rs`).

use crate::cluster::{Centres, Draws, Vectors, lloyd_centres};
use crate::index::{Error, Fallible, Poll};
use crate::page::{self, Change, PageStore, field};
use crate::values::Values;

use super::blocks::{CodePage, CodePageMut};
use super::coder::CodeOrigin;
use super::directory::{ListHead, ListPlace, NewList, set_list, stored_centre};
use super::index::ListIndex;
use super::insert::{NewRow, changed};
use super::meta::{self, KIND_CENTRES, KIND_LISTS, KIND_META, META, NONE};
use super::options::ListsOptions;
use super::radii::stored_off;
use super::rewrite::{Cursor, ListWriter};
use super::shape::SCALE_BYTES;
use super::vacuum::{SeenList, Walked};

/// A list is split where it has more than so many times the rows that a list should have.
const TOO_LONG: usize = 2;

/// Rows that a list has at least, where the rows alone decide: fewer are read as fast as their centre.
const FEW_ROWS: usize = 256;

/// The most lists that one becomes at once.
const PARTS: usize = 32;

/// Rows that the centres of a split are learned from, for each of them.
const LEARNED_PER_PART: usize = 64;

/// A part of a split.
struct Part {
    centre: Vec<f32>,
    stored: Vec<u8>,
    origin: CodeOrigin,
    writer: ListWriter,
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Splits lists that are too long for the rows that there are. Gives how many there were. Nobody else may vacuum
    /// the index or split its lists meanwhile.
    ///
    /// # Errors
    /// Where pages cannot be read or written, or `poll` ends it. What was done is kept.
    pub fn tend(&self, poll: Poll<'_>) -> Result<u64, Error> {
        if self.parameters.shape.long.is_none() {
            // The values are in the table only.
            return Ok(0);
        }
        let mut walked = Walked::default();
        self.walk_lists(&mut walked, poll, &mut |_, page, list, _| {
            list.rows += page.lanes.taken().count();
            Ok(())
        })?;
        let rows: usize = walked.lists.iter().map(|list| list.rows).sum();
        let options = ListsOptions {
            lists: self.parameters.asked,
            ..ListsOptions::default()
        };
        let wanted = options.lists_of(rows as u64);
        let each = (rows / wanted.max(1)).max(FEW_ROWS);
        let mut split = 0;
        for list in &walked.lists {
            poll()?;
            let room =
                (wanted + 1).saturating_sub(usize::try_from(self.roots()?.lists).unwrap_or(0));
            if list.rows > TOO_LONG * each && room >= 2 {
                let parts = (list.rows / each).min(PARTS).min(room);
                split += u64::from(self.split(list, parts.max(2), poll)?);
            }
        }
        Ok(split)
    }

    /// Splits a list. False where its rows are all alike.
    fn split(&self, list: &SeenList, parts: usize, poll: Poll<'_>) -> Result<bool, Error> {
        let centres = self.learn(list, parts, poll)?;
        if centres.len() < 2 {
            return Ok(false);
        }
        let mut parts = Vec::new();
        for centre in 0..centres.len() {
            let (centre, stored) = stored_centre(centres.vectors().get(centre));
            parts.push(Part {
                origin: self.coder.origin(centre.clone()),
                centre,
                stored,
                writer: ListWriter::new(self.next_number()?),
            });
        }
        let lanes = self.lanes_for(parts.len())?;
        for (part, place) in parts.iter().zip(&lanes) {
            self.write_centre(*place, &part.stored)?;
        }
        let all: Vec<f32> = parts
            .iter()
            .flat_map(|part| part.centre.iter().copied())
            .collect();
        let centres = Centres::new(self.parameters.dims, all);
        let mut cursor = Cursor::start(list.head.first);
        loop {
            self.each_row(&mut cursor, &mut |row| {
                poll()?;
                let point = self.point_of(&row.long);
                let nearest = centres
                    .nearest(&point)
                    .map_or(0, |nearest| nearest.centre as usize);
                let Some(part) = parts.get_mut(nearest) else {
                    return Ok(());
                };
                let row = NewRow {
                    code: self.coder.code(&point, &part.origin),
                    radii: self.coder.radii(&point, &part.origin, self.off(&row.long)),
                    ..row
                };
                self.write_row(&mut part.writer, &row)
            })?;
            for part in &mut parts {
                self.flush(&mut part.writer)?;
            }
            if self.swap_parts(list, cursor, &parts, &lanes)? {
                return Ok(true);
            }
        }
    }

    /// How far a row's value may be from its point, as its long code has that.
    fn off(&self, long: &[u8]) -> f32 {
        stored_off(&self.coder.vectors, f32::from_ne_bytes(field(long, 0)))
    }

    /// A row's point, as its long code has it.
    pub(in crate::ivf) fn point_of(&self, long: &[u8]) -> Vec<f32> {
        let scale = f32::from_ne_bytes(field(long, 0));
        let own = long.get(SCALE_BYTES..).unwrap_or_default();
        self.coder.vectors.load(own, scale)
    }

    /// Centres of a list's rows, learned from some of them.
    fn learn(&self, list: &SeenList, parts: usize, poll: Poll<'_>) -> Result<Centres, Error> {
        let dims = self.parameters.dims;
        let mut draws = Draws(u64::from(list.head.number) ^ self.parameters.seed);
        let mut left = (parts * LEARNED_PER_PART).min(list.rows);
        let (mut sample, mut at) = (Vec::new(), 0);
        self.each_row(&mut Cursor::start(list.head.first), &mut |row| {
            poll()?;
            if draws.below(list.rows.saturating_sub(at)) < left {
                sample.try_extend(self.point_of(&row.long))?;
                left -= 1;
            }
            at += 1;
            Ok(())
        })?;
        let vectors = Vectors {
            dims,
            elements: &sample,
        };
        let all: Vec<u32> = (0..u32::try_from(vectors.len()).unwrap_or(u32::MAX)).collect();
        let found = lloyd_centres(vectors, &all, parts, &mut draws, &|| false);
        Ok(Centres::new(dims, found))
    }

    /// Lanes of one page of the directory that no list has had: of the last page, or of a new one behind it.
    fn lanes_for(&self, count: usize) -> Result<Vec<ListPlace>, Error> {
        let shape = self.parameters.shape.lists;
        let mut last = self.roots()?.directory;
        let used = loop {
            let page = self.page(last, KIND_LISTS)?;
            match page::next(&page) {
                NONE => break CodePage::new(&page, shape).used(),
                next => last = next,
            }
        };
        let (block, first) = if used + count <= shape.lanes() {
            (last, used)
        } else {
            (self.append_directory(last)?, 0)
        };
        let lane = |lane: usize| u16::try_from(lane).unwrap_or(u16::MAX);
        let lanes = (first..first + count).map(|at| ListPlace {
            block,
            lane: lane(at),
        });
        Ok(lanes.collect())
    }

    fn append_directory(&self, last: u32) -> Result<u32, Error> {
        let block = self.new_page(KIND_LISTS)?;
        let mut change = self.store.change();
        change.page(last.min(block))?;
        change.page(last.max(block))?;
        let page = changed(&mut change, block, KIND_LISTS)?;
        CodePageMut::new(page, self.parameters.shape.lists).clear(0);
        page::set_next(page, NONE);
        page::set_next(changed(&mut change, last, KIND_LISTS)?, block);
        change.commit()?;
        Ok(block)
    }

    /// Writes the centre of a lane, which no list has yet.
    fn write_centre(&self, place: ListPlace, stored: &[u8]) -> Result<(), Error> {
        let shape = self.parameters.shape;
        let at = shape.centres.place(place.lane.into());
        for (part, bytes) in (at.page..).zip(stored.chunks(page::CONTENT_BYTES)) {
            let page = self.page(place.block, KIND_LISTS)?;
            let mut block = CodePage::new(&page, shape.lists).owned(part);
            drop(page);
            if block == 0 {
                block = self.new_page(KIND_CENTRES)?;
                let mut change = self.store.change();
                let page = changed(&mut change, place.block, KIND_LISTS)?;
                CodePageMut::new(page, shape.lists).set_owned(part, block);
                change.commit()?;
            }
            let mut change = self.store.change();
            let page = changed(&mut change, block, KIND_CENTRES)?;
            let end = at.offset + bytes.len();
            if let Some(room) = page::content_mut(page).get_mut(at.offset..end) {
                room.copy_from_slice(bytes);
            }
            if page::lower(page) < end {
                page::set_lower(page, end);
            }
            change.commit()?;
        }
        Ok(())
    }

    /// Puts the parts in the place of a list whose rows up to the cursor they have. False where rows have come since.
    fn swap_parts(
        &self,
        list: &SeenList,
        cursor: Cursor,
        parts: &[Part],
        places: &[ListPlace],
    ) -> Result<bool, Error> {
        let shape = self.parameters.shape.lists;
        let Some(new) = places.first().map(|place| place.block) else {
            return Ok(false);
        };
        let mut change = self.store.change();
        let mut blocks = [META, list.place.block, new, cursor.block()];
        blocks.sort_unstable();
        for block in blocks {
            change.page(block)?;
        }
        if !self.close_at(&mut change, cursor)? {
            return Ok(false);
        }
        let page = changed(&mut change, list.place.block, KIND_LISTS)?;
        CodePageMut::new(page, shape).clear_lane(list.place.lane.into());
        let page = changed(&mut change, new, KIND_LISTS)?;
        for (part, place) in parts.iter().zip(places) {
            let head = ListHead {
                first: part.writer.first,
                last: part.writer.last,
                rows: part.writer.rows,
                number: part.writer.number(),
                squared: self.coder.vectors.dot(&part.centre, &part.centre),
                radii: part.writer.radii,
            };
            let list = NewList {
                shape,
                centre: &part.centre,
                head,
            };
            set_list(page, &self.coder, place.lane.into(), &list);
            let used = CodePage::new(page, shape)
                .used()
                .max(usize::from(place.lane) + 1);
            CodePageMut::new(page, shape).set_used(used);
        }
        let page = changed(&mut change, META, KIND_META)?;
        let mut roots = meta::roots(page);
        roots.version = roots.version.wrapping_add(1);
        roots.lists += u32::try_from(parts.len()).unwrap_or(1) - 1;
        // Read under the lock of the directory's pages: a scan that has seen the old list began before.
        roots.retired = self.store.horizon();
        meta::write_roots(page, &roots);
        change.commit()?;
        Ok(true)
    }
}
