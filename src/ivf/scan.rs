//! Scan: rows by distance, from the lists whose centres are nearest.
//!
//! 1. *Directory*: the distances of all centres are estimated; those that may be among the nearest are measured.
//! 2. *Codes*: the blocks of the nearest lists are scored, each row with a lower bound of its distance. The nearest few
//!    by these are kept with their places; of the others the bounds alone.
//! 3. *Long codes*: rows are measured in the order of their bounds, until no bound is below the distance of the nearest
//!    that was measured.
//!
//! When the nearest few are used up, more of the others take their place, four times as many each time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::index::{Error, Tid};
use crate::page::{self, PageError, PageStore};
use crate::quantize::LANES;

use super::blocks::CodePage;
use super::bounds::{BlockPlace, BoundedBlocks, LaneBound, NearRow, below, bounds, near_row};
use super::coder::{ListTerms, Query};
use super::directory::{KnownList, read_centre};
use super::index::ListIndex;
use super::meta::{KIND_LONG, KIND_ROWS, NONE};
use super::value::ListValue;

/// Rows that are kept with their places at first.
const NEAR: usize = 64;

/// So many times as many are collected before the farther ones are left out, and kept when the first are used up.
const MORE: usize = 4;

/// Lists that are measured for each one that is read, and some beyond: estimates of their distances may be off.
const MEASURED_LISTS: usize = 2;
const MORE_LISTS: usize = 8;

/// How many rows ahead a long code is asked for.
const AHEAD: usize = 2;

/// Which lists a scan reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    /// Lists that are read before the first row is given.
    pub first: usize,
    /// Lists that are read at most, where the rows of the first do not suffice.
    pub most: usize,
}

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListsRow {
    /// Where it is.
    pub tid: Tid,
    /// How far it is, in the space's measure.
    pub distance: f32,
    /// How much that may be off.
    pub doubt: f32,
}

/// What a scan has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanCost {
    /// Lists read.
    pub lists: u64,
    /// Rows whose distances were estimated.
    pub estimated: u64,
    /// Rows measured by their long codes.
    pub measured: u64,
    /// Pages read.
    pub pages: u64,
}

/// A row that was measured, or need not be, by the lower bound of its distance.
#[derive(Clone, Copy, Debug, PartialEq)]
struct OrderedRow(ListsRow);

impl OrderedRow {
    fn lower(&self) -> f32 {
        let lower = self.0.distance - self.0.doubt;
        // Where both overflow, nothing is known.
        if lower.is_nan() {
            f32::NEG_INFINITY
        } else {
            lower
        }
    }
}

impl Eq for OrderedRow {}

impl PartialOrd for OrderedRow {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedRow {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let order = self.lower().total_cmp(&other.lower());
        order.then(self.0.tid.cmp(&other.0.tid))
    }
}

/// A search, as a stream.
pub struct ListsScan<'i, 's, S> {
    index: &'i ListIndex<'s, S>,
    query: Query,
    probes: Probes,
    /// Lists that were not read, the nearest last. Those that were measured have their exact distance.
    lists: Vec<KnownList>,
    /// How many of the last ones were measured, with their centres' terms.
    measured: Vec<(KnownList, ListTerms)>,
    rows: BoundedBlocks,
    /// The nearest last.
    near: Vec<NearRow>,
    found: BinaryHeap<Reverse<OrderedRow>>,
    cost: ScanCost,
}

impl<'s, S: PageStore> ListIndex<'s, S> {
    /// Starts a search. None where the value has no place in the metric.
    ///
    /// # Errors
    /// Where the value has another size or kind, or pages cannot be read.
    pub fn scan<'i, 'v>(
        &'i self,
        value: impl Into<ListValue<'v>>,
        probes: Probes,
    ) -> Result<Option<ListsScan<'i, 's, S>>, Error> {
        let value: ListValue<'v> = value.into();
        let Some(point) = value.point(&self.parameters, &self.coder.vectors)? else {
            return Ok(None);
        };
        let query = self.coder.query(point, self.roots()?.length);
        let lists = self.lists(&query)?;
        Ok(Some(ListsScan {
            index: self,
            query,
            probes,
            lists,
            measured: Vec::new(),
            rows: BoundedBlocks::default(),
            near: Vec::new(),
            found: BinaryHeap::new(),
            cost: ScanCost::default(),
        }))
    }
}

impl<S: PageStore> ListsScan<'_, '_, S> {
    /// What it has cost so far.
    #[must_use]
    pub fn cost(&self) -> ScanCost {
        self.cost
    }

    /// Whether the next row is among those of the lists that were read.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.rows.more || !self.near.is_empty() || !self.found.is_empty()
    }

    /// The next row, nearest first among those of the lists that were read; None where there are no more.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub fn next_row(&mut self) -> Result<Option<ListsRow>, Error> {
        loop {
            if self.near.is_empty() && self.rows.more {
                self.take_more()?;
            }
            let bound = self.near.last().map(|near| near.bound);
            if let Some(Reverse(found)) = self.found.peek()
                && bound.is_none_or(|bound| found.lower() <= bound)
            {
                return Ok(self.found.pop().map(|Reverse(found)| found.0));
            }
            if let Some(near) = self.near.pop() {
                let row = self.measure(&near)?;
                self.found.try_reserve(1)?;
                self.found.push(Reverse(OrderedRow(row)));
            } else if !self.read_lists()? {
                return Ok(None);
            }
        }
    }

    /// The distance of a row by its long code, or as it was estimated where it has none.
    fn measure(&mut self, near: &NearRow) -> Result<ListsRow, Error> {
        if let Some(next) = self.near.iter().rev().nth(AHEAD - 1)
            && next.long != NONE
        {
            let start = page::HEADER_BYTES + usize::from(next.offset);
            let bytes = self
                .index
                .parameters
                .shape
                .long
                .map_or(0, |long| long.bytes);
            self.index.store.prefetch(next.long, start..start + bytes);
        }
        let (mut distance, mut doubt) = (near.bound + near.below, near.below);
        if let (Some(long), true) = (self.index.parameters.shape.long, near.long != NONE) {
            let page = self.index.page(near.long, KIND_LONG)?;
            let at = usize::from(near.offset);
            let stored = page::content(&page)
                .get(at..at + long.bytes)
                .unwrap_or_default();
            let measured = self.index.coder.measure(&self.query, stored);
            (distance, doubt) = (measured.distance, measured.doubt);
            self.cost.measured += 1;
            self.cost.pages += 1;
        }
        Ok(ListsRow {
            tid: near.tid,
            distance,
            doubt,
        })
    }

    /// Reads the next lists; false where there are none, or as many as may be have been read.
    fn read_lists(&mut self) -> Result<bool, Error> {
        let read = usize::try_from(self.cost.lists).unwrap_or(usize::MAX);
        let wanted = if read == 0 {
            self.probes.first
        } else {
            self.probes.first.min(self.probes.most.saturating_sub(read))
        };
        self.rows = BoundedBlocks::new(NEAR);
        let mut any = false;
        for _ in 0..wanted {
            let Some((list, terms)) = self.next_list(wanted)? else {
                break;
            };
            self.cost.lists += 1;
            any = true;
            self.read_list(&list, terms)?;
        }
        self.rows.keep_nearest(&mut self.near);
        self.near.sort_unstable_by_key(|near| Reverse(near.key));
        Ok(any)
    }

    /// The nearest list that was not read.
    fn next_list(&mut self, wanted: usize) -> Result<Option<(KnownList, ListTerms)>, Error> {
        if self.measured.is_empty() {
            let count = (MEASURED_LISTS * wanted + MORE_LISTS).min(self.lists.len());
            let coder = &self.index.coder;
            let near = |list: &KnownList| coder.nearness(list.estimate, list.head.squared);
            let order = |a: &KnownList, b: &KnownList| near(b).total_cmp(&near(a));
            let rest = self.lists.len() - count;
            if rest > 0 {
                self.lists.select_nth_unstable_by(rest, order);
            }
            self.measured.try_reserve(count)?;
            for list in self.lists.split_off(rest) {
                let terms = read_centre(self.index, &list, |own, scale| {
                    self.index.coder.terms_of(&self.query, own, scale)
                })?;
                self.cost.pages += 1;
                self.measured.push((list, terms));
            }
            let order = |a: &(KnownList, ListTerms), b: &(KnownList, ListTerms)| {
                b.1.constant.total_cmp(&a.1.constant)
            };
            self.measured.sort_unstable_by(order);
        }
        Ok(self.measured.pop())
    }

    fn read_list(&mut self, list: &KnownList, terms: ListTerms) -> Result<(), Error> {
        let shape = self.index.parameters.shape;
        let mut block = list.head.first;
        while block != NONE {
            let page = self.index.page(block, KIND_ROWS)?;
            let lanes = CodePage::new(&page, shape.rows);
            if lanes.owner() != list.head.number {
                return Err(reused(block).into());
            }
            self.cost.pages += 1;
            let blocks = lanes.used().div_ceil(LANES);
            self.cost.estimated += lanes.used() as u64;
            self.rows.bounds.try_reserve(blocks)?;
            self.rows.blocks.try_reserve(blocks)?;
            self.near.try_reserve(lanes.used())?;
            let next = page::next(&page);
            self.prefetch_block(next, 0);
            for at in 0..blocks {
                let Some(scored) = lanes.block(at) else {
                    break;
                };
                if at + 1 < blocks {
                    self.prefetch_block(block, at + 1);
                }
                let bounds = bounds(&self.query, scored, terms, lanes.used() - at * LANES);
                let place = BlockPlace {
                    page: block,
                    block: u16::try_from(at).unwrap_or(u16::MAX),
                    list: list.head.number,
                    away: terms.away,
                };
                self.rows.add(bounds, place, |lane, key, bound| {
                    let lane = at * LANES + lane;
                    let below = below(&self.query, scored, lane % LANES, terms.away);
                    self.near.push(near_row(
                        self.index,
                        &self.query,
                        lanes,
                        LaneBound {
                            lane,
                            key,
                            bound,
                            below,
                        },
                    ));
                });
                if self.near.len() >= MORE * self.rows.width {
                    self.rows.keep_nearest(&mut self.near);
                }
            }
            block = next;
        }
        Ok(())
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

    /// Takes more rows of the lists that were read.
    fn take_more(&mut self) -> Result<(), Error> {
        self.rows.width *= MORE;
        let keys = self.rows.next_keys()?;
        let (index, shape) = (self.index, self.index.parameters.shape);
        let mut at = 0;
        while let Some(key) = keys.get(at) {
            let number = key.number() as usize / LANES;
            let Some(place) = self.rows.blocks.get(number).copied() else {
                break;
            };
            let page = index.page(place.page, KIND_ROWS)?;
            let lanes = CodePage::new(&page, shape.rows);
            if lanes.owner() != place.list {
                return Err(reused(place.page).into());
            }
            self.cost.pages += 1;
            while let Some(key) = keys
                .get(at)
                .filter(|key| key.number() as usize / LANES == number)
            {
                let lane = key.number() as usize % LANES;
                let block = usize::from(place.block);
                let bound = self
                    .rows
                    .bounds
                    .get(number)
                    .map_or(f32::INFINITY, |bounds| bounds[lane]);
                if let Some(scored) = lanes.block(block) {
                    let below = below(&self.query, scored, lane, place.away);
                    let lane = block * LANES + lane;
                    self.near.push(near_row(
                        index,
                        &self.query,
                        lanes,
                        LaneBound {
                            lane,
                            key: *key,
                            bound,
                            below,
                        },
                    ));
                }
                at += 1;
            }
        }
        self.near.sort_unstable_by_key(|near| Reverse(near.key));
        Ok(())
    }
}

/// A page that belongs to another list by now. It is given away only when no scan can need it, except on a standby
/// whose primary does not know of the scan.
pub(in crate::ivf) fn reused(block: u32) -> PageError {
    PageError::Corrupt {
        block,
        reason: "a page of another list".into(),
    }
}
