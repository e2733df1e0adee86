//! List of every row, in no order: for a query that is equally far from all.

use std::collections::VecDeque;

use crate::index::{Error, Fallible, Tid};
use crate::page::{self, PageStore};

use super::blocks::CodePage;
use super::directory::ListHead;
use super::index::ListIndex;
use super::meta::{KIND_LISTS, KIND_ROWS, NONE};

/// A walk through all lists that there were when it began.
pub struct ListsListing<'i, 's, S> {
    index: &'i ListIndex<'s, S>,
    /// Lists that were not read.
    heads: Vec<ListHead>,
    /// The next page, and the list that it belongs to.
    next: u32,
    number: u32,
    tids: VecDeque<Tid>,
}

impl<'s, S: PageStore> ListIndex<'s, S> {
    /// Starts a list of all rows.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub fn list(&self) -> Result<ListsListing<'_, 's, S>, Error> {
        Ok(ListsListing {
            index: self,
            heads: self.at_one_version(Self::heads)?,
            next: NONE,
            number: 0,
            tids: VecDeque::new(),
        })
    }

    /// The heads of all lists of a directory.
    fn heads(&self, first: u32) -> Result<Vec<ListHead>, Error> {
        let (mut heads, mut block) = (Vec::new(), first);
        while block != NONE {
            let page = self.page(block, KIND_LISTS)?;
            let lanes = CodePage::new(&page, self.parameters.shape.lists);
            for lane in lanes.taken() {
                heads.try_push(ListHead::from_bytes(lanes.subject(lane)))?;
            }
            block = page::next(&page);
        }
        Ok(heads)
    }
}

impl<S: PageStore> ListsListing<'_, '_, S> {
    /// The next row; None where there is none left.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub fn next_row(&mut self) -> Result<Option<Tid>, Error> {
        while self.tids.is_empty() {
            if self.next == NONE {
                let Some(head) = self.heads.pop() else {
                    return Ok(None);
                };
                (self.next, self.number) = (head.first, head.number);
                continue;
            }
            let page = self.index.page(self.next, KIND_ROWS)?;
            let lanes = CodePage::new(&page, self.index.parameters.shape.rows);
            if lanes.owner() != self.number {
                return Err(Error::Recycled { block: self.next });
            }
            self.tids.try_reserve(lanes.used())?;
            self.tids
                .extend(lanes.taken().map(|lane| Tid(lanes.subject(lane))));
            self.next = page::next(&page);
        }
        Ok(self.tids.pop_front())
    }
}
