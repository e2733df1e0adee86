//! Lanes of the directory: which of them are free, and how heads come together on few pages.
//!
//! A lane whose list was split or merged is free again when no scan can use its centre any more. A change holds the
//! meta page and three of the directory, so the heads of lists that change together must lie on three: those that do
//! not are moved, each by a change of its own. The rows of such a list stay where they are.

use std::collections::HashMap;

use crate::index::Error;
use crate::page::{self, Change, PageStore};

use super::blocks::{CodePage, CodePageMut};
use super::directory::{
    KnownList, ListHead, ListPlace, NewList, centre_place, set_list, stored_centre,
};
use super::index::ListIndex;
use super::insert::changed;
use super::meta::{self, KIND_CENTRES, KIND_LISTS, KIND_META, META, NONE};
use super::regroup::gone;
use super::vacuum::SeenList;

/// Pages of the directory that a change holds beside the meta page.
const HELD: usize = page::MAX_PAGES - 1;

/// The free lanes of a directory, for an operation that alone may take any.
#[derive(Default)]
pub(in crate::ivf) struct DirectoryLanes {
    /// In the order of their chain.
    pages: Vec<FreeLanes>,
}

/// The free lanes of a page, the first last.
struct FreeLanes {
    block: u32,
    lanes: Vec<u16>,
}

impl FreeLanes {
    fn take(&mut self) -> Option<ListPlace> {
        let block = self.block;
        let lane = self.lanes.pop()?;
        Some(ListPlace { block, lane })
    }
}

/// Where heads come together.
struct Meeting {
    /// Of the pages with free lanes; None for a page that is not there yet.
    page: Option<usize>,
    /// Which heads move there.
    moving: Vec<usize>,
}

/// How many of some heads are on each page, those with the most first.
fn counted(blocks: &[u32]) -> Vec<(u32, usize)> {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for block in blocks {
        *counts.entry(*block).or_default() += 1;
    }
    let mut counts: Vec<(u32, usize)> = counts.into_iter().collect();
    counts.sort_unstable_by_key(|(block, count)| (usize::MAX - count, *block));
    counts
}

impl DirectoryLanes {
    /// Where heads on these pages come together, so that the fewest move and `added` others find lanes there.
    fn meeting(&self, blocks: &[u32], added: usize) -> Meeting {
        let counts = counted(blocks);
        let moving = |to: Option<u32>| -> Vec<usize> {
            let others = counts.iter().filter(|(block, _)| Some(*block) != to);
            let held: Vec<u32> = others.take(HELD - 1).map(|(block, _)| *block).collect();
            let stays = |block: u32| Some(block) == to || held.contains(&block);
            (0..blocks.len())
                .filter(|at| blocks.get(*at).is_some_and(|block| !stays(*block)))
                .collect()
        };
        let pages = self.pages.iter().enumerate().map(|(at, page)| {
            let moving = moving(Some(page.block));
            let fits = added + moving.len() <= page.lanes.len();
            let page = Some(at);
            (fits, Meeting { page, moving })
        });
        let fitting = pages.filter(|(fits, _)| *fits).map(|(_, meeting)| meeting);
        let fewest = fitting.min_by_key(|meeting| meeting.moving.len());
        fewest.unwrap_or_else(|| Meeting {
            page: None,
            moving: moving(None),
        })
    }
}

impl<S: PageStore> ListIndex<'_, S> {
    /// The free lanes of the directory. Lists that were split or merged have left theirs: these are free if all scans
    /// that began before are gone. An insert that has read another centre in a lane meanwhile finds another number
    /// there.
    pub(in crate::ivf) fn free_lanes(&self) -> Result<DirectoryLanes, Error> {
        let shape = self.parameters.shape.lists;
        let roots = self.roots()?;
        let past = self.store.is_past(roots.retired);
        let (mut pages, mut block) = (Vec::new(), roots.directory);
        while block != NONE {
            let page = self.page(block, KIND_LISTS)?;
            let lanes = CodePage::new(&page, shape);
            let is_free = |lane: &usize| *lane >= lanes.used() || past && !lanes.is_taken(*lane);
            let free = (0..shape.lanes()).rev().filter(is_free);
            pages.push(FreeLanes {
                block,
                lanes: free.filter_map(|lane| u16::try_from(lane).ok()).collect(),
            });
            block = page::next(&page);
        }
        Ok(DirectoryLanes { pages })
    }

    /// Brings the heads of some lists onto so few pages that one change holds them, with `added` free lanes on one of
    /// these, which are given.
    pub(in crate::ivf) fn gather(
        &self,
        mut lists: Vec<&mut SeenList>,
        added: usize,
        lanes: &mut DirectoryLanes,
    ) -> Result<Vec<ListPlace>, Error> {
        let blocks: Vec<u32> = lists.iter().map(|list| list.place.block).collect();
        if added == 0 && counted(&blocks).len() <= HELD {
            return Ok(Vec::new());
        }
        let Meeting { page, moving } = lanes.meeting(&blocks, added);
        let page = match page {
            Some(page) => page,
            None => self.append_directory(lanes)?,
        };
        let Some(free) = lanes.pages.get_mut(page) else {
            return Ok(Vec::new());
        };
        for at in moving {
            if let (Some(list), Some(place)) = (lists.get_mut(at), free.take()) {
                self.move_head(list, place)?;
            }
        }
        Ok((0..added).filter_map(|_| free.take()).collect())
    }

    /// Adds a page to the directory. Gives which it is among those with free lanes.
    fn append_directory(&self, lanes: &mut DirectoryLanes) -> Result<usize, Error> {
        let shape = self.parameters.shape.lists;
        let last = lanes.pages.last().map_or(META, |page| page.block);
        let block = self.new_page(KIND_LISTS)?;
        let mut change = self.store.change();
        change.page(last.min(block))?;
        change.page(last.max(block))?;
        let page = changed(&mut change, block, KIND_LISTS)?;
        CodePageMut::new(page, shape).clear(0);
        page::set_next(page, NONE);
        page::set_next(changed(&mut change, last, KIND_LISTS)?, block);
        change.commit()?;
        let free = (0..shape.lanes()).rev();
        lanes.pages.push(FreeLanes {
            block,
            lanes: free.filter_map(|lane| u16::try_from(lane).ok()).collect(),
        });
        Ok(lanes.pages.len() - 1)
    }

    /// Moves the head of a list into a free lane.
    fn move_head(&self, list: &mut SeenList, place: ListPlace) -> Result<(), Error> {
        let shape = self.parameters.shape.lists;
        let old = list.place;
        let centre = self.centre(&self.known(old)?)?;
        let (centre, stored) = stored_centre(&centre);
        self.write_centre(place, &stored)?;
        let mut change = self.store.change();
        let mut blocks = [META, old.block, place.block];
        blocks.sort_unstable();
        for block in blocks {
            change.page(block)?;
        }
        let page = changed(&mut change, old.block, KIND_LISTS)?;
        let mut lanes = CodePageMut::new(page, shape);
        let head = ListHead::from_bytes(lanes.read().subject(old.lane.into()));
        if !lanes.read().is_taken(old.lane.into()) || head.number != list.head.number {
            return Err(gone(old, list.head.number).into());
        }
        lanes.clear_lane(old.lane.into());
        let page = changed(&mut change, place.block, KIND_LISTS)?;
        let moved = NewList {
            shape,
            centre: &centre,
            head,
        };
        set_list(page, &self.coder, place.lane.into(), &moved);
        let page = changed(&mut change, META, KIND_META)?;
        let mut roots = meta::roots(page);
        roots.version = roots.version.wrapping_add(1);
        // The old lane's centre is read by scans that began before.
        roots.retired = self.store.horizon();
        meta::write_roots(page, &roots);
        change.commit()?;
        list.place = place;
        Ok(())
    }

    /// The list in a lane.
    pub(in crate::ivf) fn known(&self, place: ListPlace) -> Result<KnownList, Error> {
        let shape = self.parameters.shape;
        let page = self.page(place.block, KIND_LISTS)?;
        let lanes = CodePage::new(&page, shape.lists);
        Ok(KnownList {
            place,
            head: ListHead::from_bytes(lanes.subject(place.lane.into())),
            estimate: 0.0,
            centre: centre_place(lanes, place.lane.into(), shape.centres),
        })
    }

    /// Writes the centre of a free lane.
    pub(in crate::ivf) fn write_centre(
        &self,
        place: ListPlace,
        stored: &[u8],
    ) -> Result<(), Error> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(free: &[(u32, u16)]) -> DirectoryLanes {
        let page = |(block, lanes): &(u32, u16)| FreeLanes {
            block: *block,
            lanes: (0..*lanes).collect(),
        };
        DirectoryLanes {
            pages: free.iter().map(page).collect(),
        }
    }

    #[test]
    fn heads_meet_where_the_fewest_move() {
        let free = lanes(&[(1, 0), (2, 9), (3, 4), (4, 9)]);
        let meeting = |blocks: &[u32], added| {
            let Meeting { page, moving } = free.meeting(blocks, added);
            (page, moving)
        };
        assert_eq!(meeting(&[1, 2, 2], 2), (Some(1), vec![]));
        // One of the four pages is left out, not that with two heads.
        assert_eq!(meeting(&[1, 1, 2, 3, 4], 3), (Some(1), vec![4]));
        assert_eq!(meeting(&[1, 5, 6, 7, 7, 7], 7), (Some(1), vec![1, 2]));
        assert_eq!(meeting(&[1, 5, 6, 7], 8), (None, vec![2, 3]));
        assert_eq!(meeting(&[1], 10), (None, vec![]));
    }
}
