//! Rewriting: rows are read from the pages of a list, and written to new pages that nothing leads to yet.

use crate::index::{Error, Tid};
use crate::page::{self, Bytes, Change, PAGE_BYTES, PageStore, field};

use super::blocks::{CodePage, CodePageMut};
use super::directory::ListHead;
use super::index::ListIndex;
use super::insert::{NewRow, append_formatted, changed};
use super::meta::{self, KIND_LONG, KIND_META, KIND_ROWS, META, NONE};
use super::radii::Radii;

/// Where the next row of an old list is.
#[derive(Clone, Copy, Debug)]
pub(in crate::ivf) struct Cursor {
    block: u32,
    lane: usize,
}

impl Cursor {
    /// At the first row of a list whose first page this is; [`NONE`] where there is none.
    pub fn start(block: u32) -> Self {
        Self { block, lane: 0 }
    }

    /// The page that it is on: the last one of the list when all rows were shown.
    pub fn block(self) -> u32 {
        self.block
    }
}

/// Pages of a list that nothing leads to yet.
pub(in crate::ivf) struct ListWriter {
    number: u32,
    first: u32,
    /// The page that is being filled; [`NONE`] before the first row.
    last: u32,
    bytes: Box<Bytes>,
    /// Of the rows that were written, as they were given.
    pub radii: Radii,
    long: Vec<(u32, Box<Bytes>)>,
    /// Rows that were written.
    pub rows: u32,
}

impl ListWriter {
    pub fn new(number: u32) -> Self {
        Self {
            number,
            first: NONE,
            last: NONE,
            bytes: Box::new([0; PAGE_BYTES]),
            radii: Radii::NONE,
            long: Vec::new(),
            rows: 0,
        }
    }

    /// What the directory says of the list, whose centre has this squared length.
    pub fn head(&self, squared: f32) -> ListHead {
        ListHead {
            first: self.first,
            last: self.last,
            rows: self.rows,
            number: self.number,
            squared,
            radii: self.radii,
        }
    }
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Numbers that no list has had, one behind the other. Gives the first.
    pub(in crate::ivf) fn next_numbers(&self, count: usize) -> Result<u32, Error> {
        let count = u32::try_from(count).map_err(|_| Error::Full)?;
        let mut change = self.store.change();
        let page = changed(&mut change, META, KIND_META)?;
        let mut roots = meta::roots(page);
        let number = roots.numbers;
        roots.numbers = number.checked_add(count).ok_or(Error::Full)?;
        meta::write_roots(page, &roots);
        change.commit()?;
        Ok(number)
    }

    /// Shows the live rows of a list from the cursor on, which moves to its end.
    pub(in crate::ivf) fn each_row(
        &self,
        cursor: &mut Cursor,
        show: &mut dyn FnMut(NewRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let shape = self.parameters.shape;
        while cursor.block != NONE {
            let page = self.page(cursor.block, KIND_ROWS)?;
            let copy: Box<Bytes> = Box::new(*page);
            drop(page);
            let lanes = CodePage::new(&copy, shape.rows);
            for lane in cursor.lane..lanes.used() {
                if lanes.is_taken(lane) {
                    show(NewRow {
                        tid: Tid(lanes.subject(lane)),
                        code: lanes.code(lane),
                        long: self.long_of(lanes, lane)?,
                        radii: Radii::NONE,
                    })?;
                }
            }
            cursor.lane = lanes.used();
            let next = page::next(&copy);
            if next == NONE {
                return Ok(());
            }
            (cursor.block, cursor.lane) = (next, 0);
        }
        Ok(())
    }

    /// The long code of a row.
    pub(in crate::ivf) fn long_of(
        &self,
        lanes: CodePage<'_>,
        lane: usize,
    ) -> Result<Vec<u8>, Error> {
        let Some(long) = self.parameters.shape.long else {
            return Ok(Vec::new());
        };
        let place = long.place(lane);
        let page = self.page(lanes.owned(place.page), KIND_LONG)?;
        let bytes = page::content(&page).get(place.offset..place.offset + long.bytes);
        Ok(bytes.unwrap_or_default().to_vec())
    }

    /// Puts a row behind those that were written.
    pub(in crate::ivf) fn write_row(
        &self,
        writer: &mut ListWriter,
        row: &NewRow,
    ) -> Result<(), Error> {
        let shape = self.parameters.shape;
        let used = CodePage::new(&writer.bytes, shape.rows).used();
        if writer.last == NONE || used >= shape.rows.lanes() {
            let block = self.new_page(KIND_ROWS)?;
            if writer.last == NONE {
                writer.first = block;
            } else {
                page::set_next(&mut writer.bytes, block);
                self.flush(writer)?;
            }
            writer.last = block;
            page::format(&mut writer.bytes, meta::mark(block, KIND_ROWS));
            CodePageMut::new(&mut writer.bytes, shape.rows).clear(writer.number);
            writer.long.clear();
        }
        let mut lanes = CodePageMut::new(&mut writer.bytes, shape.rows);
        let lane = lanes.read().used();
        lanes.set_code(lane, &row.code);
        lanes.set_subject(lane, row.tid.0);
        lanes.set_used(lane + 1);
        writer.rows = writer.rows.saturating_add(1);
        writer.radii = writer.radii.with(row.radii);
        let Some(long) = shape.long else {
            return Ok(());
        };
        let place = long.place(lane);
        if place.page >= writer.long.len() {
            let block = self.new_page(KIND_LONG)?;
            let mut bytes = Box::new([0; PAGE_BYTES]);
            page::format(&mut bytes, meta::mark(block, KIND_LONG));
            writer.long.push((block, bytes));
            CodePageMut::new(&mut writer.bytes, shape.rows).set_owned(place.page, block);
        }
        if let Some((_, bytes)) = writer.long.get_mut(place.page) {
            let end = place.offset + row.long.len();
            page::set_lower(bytes, end);
            if let Some(room) = page::content_mut(bytes).get_mut(place.offset..end) {
                room.copy_from_slice(&row.long);
            }
        }
        Ok(())
    }

    /// Writes the page that is being filled, with its long codes.
    pub(in crate::ivf) fn flush(&self, writer: &mut ListWriter) -> Result<(), Error> {
        if writer.last == NONE {
            return Ok(());
        }
        let rows = (writer.last, &writer.bytes);
        let long = writer.long.iter().map(|(block, bytes)| (*block, bytes));
        for (block, bytes) in long.chain([rows]) {
            let mut change = self.store.change();
            let page = change.page(block)?;
            let lsn: [u8; 8] = field(page, 0);
            *page = **bytes;
            page[..8].copy_from_slice(&lsn);
            change.commit()?;
        }
        Ok(())
    }

    /// A page that nothing leads to: a free one, or a new one at the end.
    pub(in crate::ivf) fn new_page(&self, kind: u16) -> Result<u32, Error> {
        if let Some(block) = self.take_free(kind)? {
            return Ok(block);
        }
        let mut change = self.store.change();
        let block = append_formatted(&mut change, kind)?;
        change.commit()?;
        Ok(block)
    }

    /// Closes the last page of a list. False where rows have come behind the cursor. It stays closed where the
    /// operation ends: the next row that comes opens a page behind it.
    pub(in crate::ivf) fn close_at(&self, cursor: Cursor) -> Result<bool, Error> {
        let mut change = self.store.change();
        let page = changed(&mut change, cursor.block, KIND_ROWS)?;
        let next = page::next(page);
        let mut lanes = CodePageMut::new(page, self.parameters.shape.rows);
        if next != NONE || lanes.read().used() != cursor.lane {
            return Ok(false);
        }
        if !lanes.read().is_closed() {
            lanes.close();
            change.commit()?;
        }
        Ok(true)
    }
}
