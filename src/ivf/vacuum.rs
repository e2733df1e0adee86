//! Vacuum: takes rows out of their lists. It reads the pages of codes once, writes those that have a dead row, and
//! writes a list anew that has too many of them.
//!
//! 1. *Wait* for the inserts that are under way, so that a page which nothing leads to afterwards belongs to
//!    nobody.
//! 2. *Rows*: every lane is read; those of dead rows leave all searches.
//! 3. *Lists* of which too much is dead are written anew beside the old pages, and their heads changed. Scans that
//!    began before go on reading the old pages.
//! 4. *Pages* that nothing leads to are freed, if nobody can read them any more: those that an earlier vacuum has taken
//!    out of their lists, and those that a crash has left.

use std::collections::HashSet;

use crate::index::{Error, Fallible, Poll, Tid, Vacuumed};
use crate::page::{self, Bytes, Change, PageError, PageStore};

use super::blocks::{CodePage, CodePageMut};
use super::directory::{ListHead, ListPlace};
use super::index::ListIndex;
use super::insert::changed;
use super::lanes::DirectoryLanes;
use super::meta::{self, KIND_FREE, KIND_LISTS, KIND_META, KIND_ROWS, META, NONE};
use super::regroup::{Regroup, RowSource};

/// A list is written anew if more than one of so many lanes is dead.
const DEAD_OF: usize = 3;

/// What a vacuum has seen of a list.
#[derive(Clone, Copy, Debug)]
pub(in crate::ivf) struct SeenList {
    pub place: ListPlace,
    pub head: ListHead,
    pub rows: usize,
    pub dead: usize,
}

/// A page of rows, as a walk has read it. It is not locked.
pub(in crate::ivf) struct SeenPage<'p> {
    pub block: u32,
    pub next: u32,
    pub lanes: CodePage<'p>,
}

/// Shown every page of rows, with its list and what is to be asked between pages.
pub(in crate::ivf) type ShowPage<'f, I> =
    &'f mut dyn FnMut(&I, &SeenPage<'_>, &mut SeenList, Poll<'_>) -> Result<(), Error>;

/// What a vacuum takes out, and what it reports.
struct Removal<'r> {
    gone: &'r mut dyn FnMut(Tid) -> bool,
    report: Vacuumed,
}

/// How often the chain of free pages is read again where inserts take some meanwhile.
const ATTEMPTS: usize = 100;

/// Pages that a walk may find to belong to nobody.
#[derive(Debug)]
pub(in crate::ivf) struct Ownerless {
    /// They are among so many first ones.
    blocks: u32,
    /// Not among these, which are free or were taken since.
    free: HashSet<u32>,
    /// When the last of them were given up; 0 where none were since some were freed.
    retired: u64,
}

/// What a walk through all lists has seen.
#[derive(Default)]
pub(in crate::ivf) struct Walked {
    pub lists: Vec<SeenList>,
    /// Pages that something leads to.
    pub used: HashSet<u32>,
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Removes the rows for which `gone` is true. `poll` is called often, and never while a page is locked.
    ///
    /// # Errors
    /// Where pages cannot be read or written, or `poll` ends it. What was done is kept, and the next vacuum does the
    /// rest.
    pub fn vacuum(
        &self,
        gone: &mut dyn FnMut(Tid) -> bool,
        poll: Poll<'_>,
    ) -> Result<Vacuumed, Error> {
        let mut removal = Removal {
            gone,
            report: Vacuumed::default(),
        };
        let ownerless = self.begin_walk()?;
        let mut walked = Walked::default();
        self.walk_lists(&mut walked, poll, &mut |index, page, list, poll| {
            index.remove_rows(page, list, &mut removal, poll)
        })?;
        removal.report.freed += self.free_past(&ownerless, &walked.used, poll)?;
        for list in &walked.lists {
            poll()?;
            if list.dead * DEAD_OF > list.rows + list.dead {
                self.rewrite(*list, poll)?;
            }
        }
        Ok(removal.report)
    }

    /// Begins a walk after which pages can be freed that it has not come by.
    ///
    /// The free pages are noted before the inserts that are under way are waited for. One that begins later takes new
    /// pages from these, or from behind the end, so none that is freed. What an earlier one has taken is led to by the
    /// time that the walk begins, or belongs to nobody.
    pub(in crate::ivf) fn begin_walk(&self) -> Result<Ownerless, Error> {
        let mut ownerless = Ownerless {
            blocks: self.store.blocks()?,
            retired: self.roots()?.retired,
            free: HashSet::new(),
        };
        self.walk_free(&mut ownerless.free)?;
        self.store.wait_for_writers();
        Ok(ownerless)
    }

    /// Frees the pages that a walk has not come by, if no scan reads them any more. Gives how many.
    pub(in crate::ivf) fn free_past(
        &self,
        ownerless: &Ownerless,
        used: &HashSet<u32>,
        poll: Poll<'_>,
    ) -> Result<u64, Error> {
        let retired = ownerless.retired;
        if !self.store.is_past(retired) {
            return Ok(0);
        }
        if retired != 0 {
            self.store.end_scans_before(retired);
        }
        let freed = self.free_unused(ownerless, used, poll)?;
        if retired != 0 {
            let mut change = self.store.change();
            let mut roots = meta::roots(changed(&mut change, META, KIND_META)?);
            if roots.retired == retired {
                roots.retired = 0;
                meta::write_roots(change.page(META)?, &roots);
                change.commit()?;
            }
        }
        Ok(freed)
    }

    /// Writes the live rows of a list to new pages.
    fn rewrite(&self, list: SeenList, poll: Poll<'_>) -> Result<(), Error> {
        let regroup = Regroup {
            kept: vec![self.old_list(list)?],
            ..Regroup::default()
        };
        let mut source = RowSource {
            values: &mut |_| Ok(None),
            poll,
        };
        self.regroup(regroup, &mut source, &mut DirectoryLanes::default())?;
        Ok(())
    }

    /// Notes the pages of the chain of free ones. Gives how many there are.
    pub(in crate::ivf) fn walk_free(&self, used: &mut HashSet<u32>) -> Result<u64, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(free) = self.try_walk_free(used)? {
                return Ok(free);
            }
        }
        Err(PageError::Corrupt {
            block: META,
            reason: "free pages are taken faster than they are read".into(),
        }
        .into())
    }

    /// None where an insert has taken a page of the chain meanwhile. What was noted until then is led to by that insert
    /// or is free.
    fn try_walk_free(&self, used: &mut HashSet<u32>) -> Result<Option<u64>, Error> {
        let (mut block, mut free) = (self.roots()?.first_free, HashSet::new());
        while block != NONE {
            let page = self.store.read(block)?;
            if page::verify(&page, meta::mark(block, KIND_FREE)).is_err() {
                drop(page);
                if self.roots()?.first_free == block {
                    self.page(block, KIND_FREE)?;
                }
                return Ok(None);
            }
            let next = page::next(&page);
            drop(page);
            free.try_reserve(1)?;
            used.try_reserve(1)?;
            if !free.insert(block) {
                return Err(chained_twice(block).into());
            }
            used.insert(block);
            block = next;
        }
        Ok(Some(free.len() as u64))
    }

    /// Shows every page of rows, list by list.
    pub(in crate::ivf) fn walk_lists(
        &self,
        walked: &mut Walked,
        poll: Poll<'_>,
        show: ShowPage<'_, Self>,
    ) -> Result<(), Error> {
        walked.used.extend(0..=self.parameters.fixed_pages());
        let mut directory = self.roots()?.directory;
        while directory != NONE {
            poll()?;
            let (lists, next) = self.lists_of_page(directory, &mut walked.used)?;
            for mut list in lists {
                let mut block = list.head.first;
                while block != NONE {
                    poll()?;
                    let copy: Box<Bytes> = Box::new(*self.page(block, KIND_ROWS)?);
                    let page = SeenPage {
                        block,
                        next: page::next(&copy),
                        lanes: CodePage::new(&copy, self.parameters.shape.rows),
                    };
                    use_page(&page, &list, &mut walked.used)?;
                    show(self, &page, &mut list, poll)?;
                    block = page.next;
                }
                walked.lists.try_push(list)?;
            }
            directory = next;
        }
        Ok(())
    }

    /// The lists of a page of the directory, and the next page.
    fn lists_of_page(
        &self,
        block: u32,
        used: &mut HashSet<u32>,
    ) -> Result<(Vec<SeenList>, u32), Error> {
        let shape = self.parameters.shape;
        let page = self.page(block, KIND_LISTS)?;
        let lanes = CodePage::new(&page, shape.lists);
        used.try_reserve(1 + shape.lists.owned)?;
        if !used.insert(block) {
            return Err(chained_twice(block).into());
        }
        used.extend(lanes.all_owned());
        let lists = lanes.taken().map(|lane| SeenList {
            place: ListPlace {
                block,
                lane: u16::try_from(lane).unwrap_or(u16::MAX),
            },
            head: ListHead::from_bytes(lanes.subject(lane)),
            rows: 0,
            dead: 0,
        });
        Ok((lists.collect(), page::next(&page)))
    }

    /// Takes the dead rows of a page out of searches.
    fn remove_rows(
        &self,
        page: &SeenPage<'_>,
        list: &mut SeenList,
        removal: &mut Removal<'_>,
        poll: Poll<'_>,
    ) -> Result<(), Error> {
        let SeenPage { block, lanes, .. } = *page;
        let Removal { gone, report } = removal;
        report.reads += 1;
        let taken = lanes.taken();
        let rows: Vec<(usize, Tid)> = taken.map(|lane| (lane, Tid(lanes.subject(lane)))).collect();
        // No row will come to the other lanes of a page with another behind it.
        let ended = if page.next == NONE {
            lanes.used()
        } else {
            lanes.shape.lanes()
        };
        list.dead += ended - rows.len();
        poll()?;
        let dead: Vec<(usize, Tid)> = rows.iter().copied().filter(|(_, tid)| gone(*tid)).collect();
        list.rows += rows.len() - dead.len();
        list.dead += dead.len();
        report.left += (rows.len() - dead.len()) as u64;
        report.removed += dead.len() as u64;
        if dead.is_empty() {
            return Ok(());
        }
        let mut change = self.store.change();
        let page = changed(&mut change, block, KIND_ROWS)?;
        let mut lanes = CodePageMut::new(page, self.parameters.shape.rows);
        for (lane, tid) in dead {
            if lanes.read().is_taken(lane) && lanes.read().subject(lane) == tid.0 {
                lanes.bury(lane);
            }
        }
        Ok(change.commit()?)
    }

    /// Frees pages that nothing leads to. Gives how many.
    fn free_unused(
        &self,
        ownerless: &Ownerless,
        used: &HashSet<u32>,
        poll: Poll<'_>,
    ) -> Result<u64, Error> {
        let mut freed = 0;
        let is_unused = |block: &u32| !used.contains(block) && !ownerless.free.contains(block);
        for block in (0..ownerless.blocks).filter(is_unused) {
            poll()?;
            let mut change = self.store.change();
            let mut roots = meta::roots(changed(&mut change, META, KIND_META)?);
            let page = change.page(block)?;
            page::format(page, meta::mark(block, KIND_FREE));
            page::set_next(page, roots.first_free);
            roots.first_free = block;
            meta::write_roots(change.page(META)?, &roots);
            change.commit()?;
            freed += 1;
        }
        Ok(freed)
    }
}

/// Notes a page of a list with those that it owns.
fn use_page(page: &SeenPage<'_>, list: &SeenList, used: &mut HashSet<u32>) -> Result<(), Error> {
    let SeenPage { block, lanes, .. } = *page;
    if lanes.owner() != list.head.number {
        let reason = format!("of list {}, not {}", lanes.owner(), list.head.number).into();
        return Err(PageError::Corrupt { block, reason }.into());
    }
    used.try_reserve(1 + lanes.shape.owned)?;
    if !used.insert(block) {
        return Err(chained_twice(block).into());
    }
    used.extend(lanes.all_owned());
    Ok(())
}

fn chained_twice(block: u32) -> PageError {
    PageError::Corrupt {
        block,
        reason: "something else leads here as well".into(),
    }
}
