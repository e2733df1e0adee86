//! Insert: a row goes behind the others of the list whose centre is nearest, in one change of at most four pages.
//!
//! | what is there | what the change holds |
//! |---|---|
//! | a lane on the list's last page, and room on its page of long codes | both |
//! | a lane, and no room | the page, and a new page of long codes |
//! | a lane, and no other row as near to the centre or as far | the directory as well |
//! | no lane, or a closed page | the last page, the directory, a new page of rows, a new page of long codes |
//!
//! A page is looked at without a lock, and changed only if nothing has changed there since. New pages come from those
//! that are free, by a change of their own, or from the end of the store.

use crate::index::{Error, Tid};
use crate::page::{self, Bytes, Change, PageError, PageStore};

use super::blocks::{CodePage, CodePageMut, RowCode};
use super::directory::{KnownList, ListHead};
use super::index::ListIndex;
use super::meta::{self, KIND_FREE, KIND_LISTS, KIND_LONG, KIND_META, KIND_ROWS, META, NONE};
use super::radii::Radii;
use super::value::ListValue;

/// A page that a change holds, which must be of a kind.
pub(in crate::ivf) fn changed(
    change: &mut impl Change,
    block: u32,
    kind: u16,
) -> Result<&mut Bytes, PageError> {
    let page = change.page(block)?;
    page::verify(page, meta::mark(block, kind))?;
    Ok(page)
}

/// Appends a page and formats it.
pub(in crate::ivf) fn append_formatted(
    change: &mut impl Change,
    kind: u16,
) -> Result<u32, PageError> {
    let (block, page) = change.append()?;
    page::format(page, meta::mark(block, kind));
    Ok(block)
}

/// A row as it will lie in its list.
pub(in crate::ivf) struct NewRow {
    pub tid: Tid,
    pub code: RowCode,
    /// Its long code, where the index has any.
    pub long: Vec<u8>,
    /// How far it is from the centre of its list.
    pub radii: Radii,
}

/// The end of a list, as an insert has seen it.
struct ListEnd {
    /// Its last page; [`NONE`] where it has none.
    block: u32,
    /// The lane to fill, as many as there are where the page is full or closed.
    lane: usize,
    /// The page for the long code, zero where there is none yet.
    long: u32,
    /// Of the list's rows. They grow as long as the list has its number.
    radii: Radii,
}

/// What has become of an attempt.
enum Attempt {
    Done,
    /// The list has changed: look at its end again.
    Again,
    /// The list is gone: look for another.
    Gone,
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Adds a row. False where its value has no place in the metric, and the row is not in the index.
    ///
    /// A crash leaves the row in whole or not at all, and perhaps a page that nothing leads to, which the next vacuum
    /// frees.
    ///
    /// # Errors
    /// Where the value has another size or kind, pages cannot be read or written, or no number is left.
    pub fn insert<'v>(&self, value: impl Into<ListValue<'v>>, tid: Tid) -> Result<bool, Error> {
        let value: ListValue<'v> = value.into();
        let Some(point) = value.point(&self.parameters, &self.coder.vectors)? else {
            return Ok(false);
        };
        let _writer = self.store.writer();
        let long = self.parameters.shape.long;
        let long = long.map_or_else(Vec::new, |_| self.coder.long_code(&point));
        loop {
            let list = self.nearest_list(&point)?;
            let centre = self.centre(&list)?;
            let origin = self.coder.origin(centre);
            let row = NewRow {
                tid,
                code: self.coder.code(&point, &origin),
                long: long.clone(),
                radii: self.coder.radii(&point, &origin, 0.0),
            };
            if self.append(&list, &row)? {
                return Ok(true);
            }
        }
    }

    /// The list whose centre is nearest to a point.
    fn nearest_list(&self, point: &[f32]) -> Result<KnownList, Error> {
        let none = || PageError::Corrupt {
            block: META,
            reason: "no list".into(),
        };
        let lists = self.nearest_lists(point, 1)?;
        Ok(lists.first().copied().ok_or_else(none)?)
    }

    /// Puts a row behind the others of a list; false where that list is no longer there.
    pub(in crate::ivf) fn append(&self, list: &KnownList, row: &NewRow) -> Result<bool, Error> {
        loop {
            let Some(end) = self.end_of(list)? else {
                return Ok(false);
            };
            let attempt = if end.block == NONE || end.lane >= self.parameters.shape.rows.lanes() {
                self.append_page(list, &end, row)?
            } else {
                self.append_lane(list, &end, row)?
            };
            match attempt {
                Attempt::Done => return Ok(true),
                Attempt::Again => {}
                Attempt::Gone => return Ok(false),
            }
        }
    }

    /// Where the next row of a list goes; None where the list is no longer there.
    fn end_of(&self, list: &KnownList) -> Result<Option<ListEnd>, Error> {
        let page = self.page(list.place.block, KIND_LISTS)?;
        let lanes = CodePage::new(&page, self.parameters.shape.lists);
        let head = ListHead::from_bytes(lanes.subject(list.place.lane.into()));
        if !lanes.is_taken(list.place.lane.into()) || head.number != list.head.number {
            return Ok(None);
        }
        drop(page);
        if head.last == NONE {
            return Ok(Some(ListEnd {
                block: NONE,
                lane: 0,
                long: 0,
                radii: head.radii,
            }));
        }
        let page = self.page(head.last, KIND_ROWS)?;
        let lanes = CodePage::new(&page, self.parameters.shape.rows);
        // A list whose rows are being copied elsewhere is still there until its head changes; who adds a page to it
        // changes its head, so that whoever copies it sees the row.
        let lane = if lanes.is_closed() {
            self.parameters.shape.rows.lanes()
        } else {
            lanes.used()
        };
        let long = self
            .parameters
            .shape
            .long
            .map_or(0, |long| lanes.owned(long.place(lane).page));
        Ok(Some(ListEnd {
            block: head.last,
            lane,
            long,
            radii: head.radii,
        }))
    }

    /// Fills a lane of the list's last page.
    fn append_lane(&self, list: &KnownList, end: &ListEnd, row: &NewRow) -> Result<Attempt, Error> {
        let wants_page = self.parameters.shape.long.is_some() && end.long == 0;
        let fresh = if wants_page {
            self.take_free(KIND_LONG)?
        } else {
            None
        };
        let mut change = self.store.change();
        let widened = (!end.radii.hold(row.radii)).then_some(list.place.block);
        let mut blocks = [end.block, fresh.unwrap_or(end.long), widened.unwrap_or(0)];
        blocks.sort_unstable();
        for block in blocks.into_iter().filter(|block| *block != 0) {
            change.page(block)?;
        }
        if widened.is_some() && !self.widen(&mut change, list, row.radii)? {
            return Ok(Attempt::Gone);
        }
        let page = changed(&mut change, end.block, KIND_ROWS)?;
        let lanes = CodePage::new(page, self.parameters.shape.rows);
        if lanes.is_closed() || lanes.owner() != list.head.number {
            return Ok(Attempt::Again);
        }
        let long_page = self
            .parameters
            .shape
            .long
            .map(|long| long.place(end.lane).page);
        let owned = long_page.map_or(0, |page| lanes.owned(page));
        if lanes.used() != end.lane || owned != end.long || page::next(page) != NONE {
            return Ok(Attempt::Again);
        }
        let long = match (wants_page, fresh) {
            (true, None) => append_formatted(&mut change, KIND_LONG)?,
            (true, Some(fresh)) => fresh,
            (false, _) => end.long,
        };
        self.fill_lane(&mut change, (end.block, long), end.lane, row)?;
        change.commit()?;
        Ok(Attempt::Done)
    }

    /// Notes in a list's head how far a row is from its centre. False where the list is no longer there. The change
    /// holds the page of the directory.
    fn widen(
        &self,
        change: &mut S::Change<'_>,
        list: &KnownList,
        radii: Radii,
    ) -> Result<bool, Error> {
        let lane = usize::from(list.place.lane);
        let page = changed(change, list.place.block, KIND_LISTS)?;
        let mut lanes = CodePageMut::new(page, self.parameters.shape.lists);
        let mut head = ListHead::from_bytes(lanes.read().subject(lane));
        if !lanes.read().is_taken(lane) || head.number != list.head.number {
            return Ok(false);
        }
        head.radii = head.radii.with(radii);
        lanes.set_subject(lane, head.to_bytes());
        Ok(true)
    }

    /// Adds a page to the list, with the row as its first.
    fn append_page(&self, list: &KnownList, end: &ListEnd, row: &NewRow) -> Result<Attempt, Error> {
        let fresh = self.take_free(KIND_ROWS)?;
        let long = match (fresh, self.parameters.shape.long) {
            (Some(_), Some(_)) => self.take_free(KIND_LONG)?,
            _ => None,
        };
        let mut change = self.store.change();
        let directory = list.place.block;
        let mut blocks = [Some(directory), Some(end.block), fresh, long];
        blocks.sort_unstable();
        for block in blocks.into_iter().flatten().filter(|block| *block != NONE) {
            change.page(block)?;
        }
        let lane = usize::from(list.place.lane);
        let page = changed(&mut change, directory, KIND_LISTS)?;
        let lanes = CodePage::new(page, self.parameters.shape.lists);
        let mut head = ListHead::from_bytes(lanes.subject(lane));
        if !lanes.is_taken(lane) || head.number != list.head.number {
            return Ok(Attempt::Gone);
        }
        if head.last != end.block {
            return Ok(Attempt::Again);
        }
        let block = match fresh {
            Some(block) => block,
            None => append_formatted(&mut change, KIND_ROWS)?,
        };
        let long = match (long, self.parameters.shape.long) {
            (Some(long), _) => long,
            (None, Some(_)) => append_formatted(&mut change, KIND_LONG)?,
            (None, None) => 0,
        };
        head.radii = head.radii.with(row.radii);
        if end.block == NONE {
            head.first = block;
        } else {
            page::set_next(change.page(end.block)?, block);
            let lanes = u32::try_from(self.parameters.shape.rows.lanes()).unwrap_or(0);
            head.rows = head.rows.saturating_add(lanes);
        }
        head.last = block;
        let page = change.page(directory)?;
        CodePageMut::new(page, self.parameters.shape.lists).set_subject(lane, head.to_bytes());
        let page = change.page(block)?;
        CodePageMut::new(page, self.parameters.shape.rows).clear(list.head.number);
        self.fill_lane(&mut change, (block, long), 0, row)?;
        change.commit()?;
        Ok(Attempt::Done)
    }

    /// Writes a row into a lane and its long code into the page for it. The change holds both pages.
    fn fill_lane(
        &self,
        change: &mut S::Change<'_>,
        (block, long): (u32, u32),
        lane: usize,
        row: &NewRow,
    ) -> Result<(), PageError> {
        let shape = self.parameters.shape;
        let mut lanes = CodePageMut::new(change.page(block)?, shape.rows);
        lanes.set_code(lane, &row.code);
        lanes.set_subject(lane, row.tid.0);
        lanes.set_used(lane + 1);
        let Some(pages) = shape.long else {
            return Ok(());
        };
        let place = pages.place(lane);
        lanes.set_owned(place.page, long);
        let page = change.page(long)?;
        let end = place.offset + row.long.len();
        if let Some(room) = page::content_mut(page).get_mut(place.offset..end) {
            room.copy_from_slice(&row.long);
        }
        if page::lower(page) < end {
            page::set_lower(page, end);
        }
        Ok(())
    }

    /// Takes the first free page, for whoever asked; nothing leads to it until that one says so. None where no page is
    /// free.
    pub(in crate::ivf) fn take_free(&self, kind: u16) -> Result<Option<u32>, Error> {
        loop {
            let free = self.roots()?.first_free;
            if free == NONE {
                return Ok(None);
            }
            let mut change = self.store.change();
            let mut roots = meta::roots(changed(&mut change, META, KIND_META)?);
            if roots.first_free != free {
                continue;
            }
            let page = changed(&mut change, free, KIND_FREE)?;
            roots.first_free = page::next(page);
            page::format(page, meta::mark(free, kind));
            meta::write_roots(change.page(META)?, &roots);
            change.commit()?;
            return Ok(Some(free));
        }
    }
}
