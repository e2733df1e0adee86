//! Gathering: a scan reads lists, scores their rows and keeps those that are near.

use std::cmp::Reverse;

use crate::index::{Error, collected};
use crate::page::{self, PageStore};
use crate::quantize::LANES;

use super::blocks::CodePage;
use super::bounds::{BlockPlace, BoundedBlocks, LaneBound, MORE, RowKey, bounds, near_row};
use super::coder::ListTerms;
use super::meta::{KIND_ROWS, NONE};
use super::scan::ListsScan;

/// Rows that are kept with their places at first.
const NEAR: usize = 64;

/// Pages that the store is told of at a time.
const AHEAD: usize = 256;

/// A list that is read.
#[derive(Clone, Copy)]
pub(in crate::ivf) struct ProbedList {
    /// Its next page; [`NONE`] where there is none.
    pub block: u32,
    pub number: u32,
    /// Lists that were read before.
    pub probe: u32,
    pub terms: ListTerms,
}

impl<S: PageStore> ListsScan<'_, '_, S> {
    /// Reads the lists of the group.
    pub(in crate::ivf) fn start_group(&mut self) -> Result<(), Error> {
        self.rows = BoundedBlocks::new(NEAR, self.memory);
        self.read_group()
    }

    /// Scores all rows of the group: the first pages of all lists, then their second ones, so that the pages of a round
    /// are known before it begins.
    fn read_group(&mut self) -> Result<(), Error> {
        let lists = self.group.iter().copied();
        let mut open = collected(lists.filter(|list| list.block != NONE))?;
        while !open.is_empty() {
            let blocks: Vec<u32> = collected(open.iter().map(|list| list.block))?;
            for (at, list) in open.iter_mut().enumerate() {
                if at % AHEAD == 0 {
                    let end = (at + AHEAD).min(blocks.len());
                    let ahead = blocks.get(at..end).unwrap_or_default();
                    self.index.store.read_ahead(ahead);
                }
                list.block = self.read_page(list, blocks.get(at + 1).copied())?;
            }
            open.retain(|list| list.block != NONE);
        }
        self.rows.keep_nearest(&mut self.near);
        self.order_near()
    }

    /// Scores the rows of a page. Gives the list's next page; `after` is the one that is read after this one.
    fn read_page(&mut self, list: &ProbedList, after: Option<u32>) -> Result<u32, Error> {
        let (shape, block) = (self.index.parameters.shape, list.block);
        let page = self.index.page(block, KIND_ROWS)?;
        let lanes = CodePage::new(&page, shape.rows);
        if lanes.owner() != list.number {
            // It is given away only when no scan can need it, except on a standby whose primary does not know of the
            // scan.
            return Err(Error::Recycled { block });
        }
        self.cost.pages += 1;
        let next = page::next(&page);
        self.prefetch_block(after.unwrap_or(next), 0);
        let blocks = lanes.used().div_ceil(LANES);
        self.near.try_reserve(lanes.used())?;
        for at in 0..blocks {
            let Some(scored) = lanes.block(at) else {
                break;
            };
            if at + 1 < blocks {
                self.prefetch_block(block, at + 1);
            }
            let used = LANES.min(lanes.used() - at * LANES);
            let wanted = self.filter.wanted(&lanes.subjects(at)[..used]);
            if wanted == 0 {
                continue;
            }
            self.cost.estimated += used as u64;
            let mut bounds = bounds(&self.query, scored, list.terms, self.margin);
            self.leave_out(&mut bounds, wanted);
            let place = BlockPlace {
                page: block,
                block: u16::try_from(at).unwrap_or(u16::MAX),
                probe: list.probe,
                away: list.terms.away,
            };
            self.rows.add(bounds, place, |key, bound| {
                let bounded = LaneBound {
                    key,
                    bound,
                    below: self
                        .margin
                        .of(scored, usize::from(key.lane) % LANES, place.away),
                    probe: place.probe,
                };
                self.near
                    .push(near_row(self.index, &self.query, lanes, bounded));
            })?;
            if self.near.len() >= MORE * self.rows.width {
                self.rows.keep_nearest(&mut self.near);
            }
        }
        Ok(next)
    }

    /// Makes the bounds infinite of rows that are not wanted, and of those that are too far.
    fn leave_out(&self, bounds: &mut [f32; LANES], wanted: u32) {
        if wanted != u32::MAX {
            for (lane, bound) in bounds.iter_mut().enumerate() {
                if wanted >> lane & 1 == 0 {
                    *bound = f32::INFINITY;
                }
            }
        }
        if self.limit < f32::INFINITY {
            for bound in bounds {
                if *bound * self.query.unscaled > self.limit {
                    *bound = f32::INFINITY;
                }
            }
        }
    }

    /// Brings a block of rows closer: whoever reads it would wait for each of its cache lines.
    fn prefetch_block(&self, page: u32, block: usize) {
        if page != NONE {
            let shape = self.index.parameters.shape.rows;
            let start = page::HEADER_BYTES + shape.block_at(block);
            self.index
                .store
                .prefetch(page, start..start + shape.block_bytes());
        }
    }

    /// Sorts the rows that are near, and asks for their long codes.
    fn order_near(&mut self) -> Result<(), Error> {
        self.near.sort_unstable_by_key(|near| Reverse(near.key));
        let long = self.near.iter().rev().map(|near| near.long);
        let blocks: Vec<u32> = collected(long.filter(|block| *block != NONE).take(NEAR))?;
        self.index.store.read_ahead(&blocks);
        Ok(())
    }

    /// Takes more rows of the lists that were read.
    pub(in crate::ivf) fn take_more(&mut self) -> Result<(), Error> {
        self.rows.widen();
        if self.rows.full {
            self.rows.start_again();
            return self.read_group();
        }
        let keys = self.rows.next_keys()?;
        self.near.try_reserve(keys.len())?;
        for of_block in keys.chunk_by(|a, b| a.0 == b.0) {
            self.take_rows(of_block)?;
        }
        self.order_near()
    }

    /// Takes some rows of a block.
    fn take_rows(&mut self, keys: &[(u32, RowKey)]) -> Result<(), Error> {
        let number = keys
            .first()
            .map_or(usize::MAX, |(number, _)| *number as usize);
        let Some(place) = self.rows.blocks.get(number).copied() else {
            return Ok(());
        };
        let page = self.index.page(place.page, KIND_ROWS)?;
        let lanes = CodePage::new(&page, self.index.parameters.shape.rows);
        let number = self.group.iter().find(|list| list.probe == place.probe);
        if number.is_some_and(|list| list.number != lanes.owner()) {
            return Err(Error::Recycled { block: place.page });
        }
        self.cost.pages += 1;
        let Some(scored) = lanes.block(place.block.into()) else {
            return Ok(());
        };
        for (_, key) in keys {
            let lane = usize::from(key.lane) % LANES;
            let bounded = LaneBound {
                key: *key,
                bound: key.bound.distance(),
                below: self.margin.of(scored, lane, place.away),
                probe: place.probe,
            };
            self.near
                .push(near_row(self.index, &self.query, lanes, bounded));
        }
        Ok(())
    }
}
