//! Scan: rows by distance, from the lists whose centres are nearest.
//!
//! 1. *Directory*: the distances of all centres are estimated; those that may be among the nearest are measured.
//! 2. *Codes*: the blocks of the nearest lists are scored, each row with a lower bound of its distance. The nearest few
//!    by these are kept with their places; of the others the bounds alone (`gather.rs`).
//! 3. *Long codes*: rows are measured in the order of their bounds, until no bound is below the distance of the nearest
//!    that was measured.
//!
//! When the nearest few are used up, more of the others take their place, four times as many each time. When all are,
//! the next lists are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::index::{Error, Fallible, Tid};
use crate::page::{self, PageStore};

use super::bounds::{BoundedBlocks, Margin, NearRow};
use super::coder::{ListTerms, Query};
use super::directory::{KnownList, read_centre};
use super::filter::{RowFilter, TidSet};
use super::gather::ProbedList;
use super::index::ListIndex;
use super::meta::{self, KIND_LONG, KIND_META, META, NONE};
use super::probes::{Probes, RecallTable};
use super::value::ListValue;

/// Lists that are measured for each one that is read, and some beyond: estimates of their distances may be off.
const MEASURED_LISTS: usize = 2;
const MORE_LISTS: usize = 8;

/// How many rows ahead a long code is asked for.
const AHEAD: usize = 2;

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListsRow {
    /// Where it is.
    pub tid: Tid,
    /// How far it is, in the space's measure.
    pub distance: f32,
    /// How much that may be off.
    pub doubt: f32,
    /// Which of the lists that were read it is in; the one whose centre is nearest has 0.
    pub probe: u32,
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

/// A list that was measured and not read.
#[derive(Clone, Copy)]
pub(in crate::ivf) struct MeasuredList {
    pub list: KnownList,
    pub terms: ListTerms,
}

/// A search, as a stream.
pub struct ListsScan<'i, 's, S> {
    pub(in crate::ivf) index: &'i ListIndex<'s, S>,
    pub(in crate::ivf) query: Query,
    pub(in crate::ivf) filter: RowFilter,
    probes: Probes,
    table: RecallTable,
    /// Lists that are read before the first row is given, and then at a time.
    first: usize,
    /// Lists that are read at most.
    most: usize,
    /// No row that is farther is given.
    pub(in crate::ivf) limit: f32,
    pub(in crate::ivf) margin: Margin,
    /// Bytes that what grows with the rows of the lists may take.
    pub(in crate::ivf) memory: usize,
    /// Lists that were not measured.
    lists: Vec<KnownList>,
    /// Lists that were measured and not read, the nearest last.
    measured: Vec<MeasuredList>,
    /// Lists that were read last.
    pub(in crate::ivf) group: Vec<ProbedList>,
    pub(in crate::ivf) rows: BoundedBlocks,
    /// The nearest last.
    pub(in crate::ivf) near: Vec<NearRow>,
    found: BinaryHeap<Reverse<OrderedRow>>,
    pub(in crate::ivf) cost: ScanCost,
}

impl<'s, S: PageStore> ListIndex<'s, S> {
    /// Starts a search, of a value that is dense or of bits as the index is. None where the value has no place in the
    /// metric.
    ///
    /// # Errors
    /// Where the value has another size, or pages cannot be read.
    pub fn scan<'i, 'v>(
        &'i self,
        value: impl Into<ListValue<'v>>,
        probes: Probes,
    ) -> Result<Option<ListsScan<'i, 's, S>>, Error> {
        self.scan_filtered(value.into(), RowFilter::Every, probes)
    }

    /// Starts a search that gives no other rows than these. Lists are read until it is told to stop, or as many as
    /// `probes` allows.
    ///
    /// # Errors
    /// As [`scan`](Self::scan).
    pub fn scan_among<'i, 'v>(
        &'i self,
        value: impl Into<ListValue<'v>>,
        rows: Arc<TidSet>,
        probes: Probes,
    ) -> Result<Option<ListsScan<'i, 's, S>>, Error> {
        self.scan_filtered(value.into(), RowFilter::Among(rows), probes)
    }

    /// Starts a search that leaves out these rows.
    ///
    /// # Errors
    /// As [`scan`](Self::scan).
    pub fn scan_without<'i, 'v>(
        &'i self,
        value: impl Into<ListValue<'v>>,
        rows: Arc<TidSet>,
        probes: Probes,
    ) -> Result<Option<ListsScan<'i, 's, S>>, Error> {
        self.scan_filtered(value.into(), RowFilter::Without(rows), probes)
    }

    fn scan_filtered<'i>(
        &'i self,
        value: ListValue<'_>,
        filter: RowFilter,
        probes: Probes,
    ) -> Result<Option<ListsScan<'i, 's, S>>, Error> {
        let Some(point) = value.point(&self.parameters, &self.coder.vectors)? else {
            return Ok(None);
        };
        let mut scan = self.scan_point(point, probes)?;
        scan.filter = filter;
        Ok(Some(scan))
    }

    /// Starts a search for the rows nearest to a point.
    pub(in crate::ivf) fn scan_point<'i>(
        &'i self,
        point: Vec<f32>,
        probes: Probes,
    ) -> Result<ListsScan<'i, 's, S>, Error> {
        let page = self.page(META, KIND_META)?;
        let (roots, table) = (meta::roots(&page), meta::table(&page));
        drop(page);
        let query = self.coder.query(point, roots.length);
        let margin = Margin::usual(&self.coder.directions, &query.table);
        let lists = self.lists(&query)?;
        let (first, most) = probes.of(&table, lists.len());
        Ok(ListsScan {
            index: self,
            query,
            filter: RowFilter::Every,
            probes,
            table,
            first,
            most,
            limit: f32::INFINITY,
            margin,
            memory: usize::MAX,
            lists,
            measured: Vec::new(),
            group: Vec::new(),
            rows: BoundedBlocks::default(),
            near: Vec::new(),
            found: BinaryHeap::new(),
            cost: ScanCost::default(),
        })
    }
}

impl<S: PageStore> ListIndex<'_, S> {
    /// A row by its long code, or as it was estimated where it has none.
    pub(in crate::ivf) fn measured(
        &self,
        query: &Query,
        near: &NearRow,
    ) -> Result<ListsRow, Error> {
        let (mut distance, mut doubt) = (near.bound + near.below, near.below);
        if near.bound <= -f32::MAX {
            // Something has overflowed, and nothing is known.
            (distance, doubt) = (0.0, f32::INFINITY);
        }
        if let (Some(long), true) = (self.parameters.shape.long, near.long != NONE) {
            let page = self.page(near.long, KIND_LONG)?;
            let at = usize::from(near.offset);
            let stored = page::content(&page)
                .get(at..at + long.bytes)
                .unwrap_or_default();
            let measured = self.coder.measure(query, stored);
            (distance, doubt) = (measured.distance, measured.doubt);
        }
        Ok(ListsRow {
            tid: near.tid,
            distance,
            doubt,
            probe: near.probe,
        })
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

    /// Leaves out the rows that are farther than `limit`, in the space's measure, and gives all others: every list that
    /// may hold one is read, however many were asked for. Rows come as the lists are read, by distance among those of
    /// the lists that were read together. To be called before the first row is asked for.
    ///
    /// A list is not read where none of its rows can be that near (`radii.rs`). A row of a list that is read is left
    /// out where its estimate is above the limit by 6 standard errors, and by all that codes of fewer directions than
    /// dimensions leave out.
    pub fn limit_distance(&mut self, limit: f32) {
        self.limit = limit;
        self.margin = Margin::sure(&self.index.coder.directions, &self.query.table);
    }

    /// Expects that so many rows will be asked for: chosen probes are those for the recall of as many. To be called
    /// before the first row is asked for.
    pub fn expect_rows(&mut self, rows: usize) {
        if let Probes::Chosen { recall, most, .. } = self.probes {
            let wanted = Some(rows);
            let probes = Probes::Chosen {
                recall,
                wanted,
                most,
            };
            (self.first, self.most) = probes.of(&self.table, self.lists.len());
        }
    }

    /// Limits the memory for the bounds of rows, and for rows that are near, to about so many bytes, 16 kB at least.
    /// Where it does not suffice, lists are read again when the rows that were kept are used up. To be called before
    /// the first row is asked for.
    pub fn limit_memory(&mut self, bytes: usize) {
        self.memory = bytes;
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
                && !(bound.is_none() && self.rows.more)
            {
                return Ok(self.found.pop().map(|Reverse(found)| found.0));
            }
            if let Some(near) = self.near.pop() {
                let row = OrderedRow(self.measure(&near)?);
                if row.lower() <= self.limit {
                    self.found.try_reserve(1)?;
                    self.found.push(Reverse(row));
                }
            } else if !self.rows.more && !self.read_lists()? {
                return Ok(None);
            }
        }
    }

    /// The distance of a row by its long code, or as it was estimated where it has none.
    fn measure(&mut self, near: &NearRow) -> Result<ListsRow, Error> {
        let shape = self.index.parameters.shape;
        if let (Some(next), Some(long)) = (self.near.iter().rev().nth(AHEAD - 1), shape.long)
            && next.long != NONE
        {
            let start = page::HEADER_BYTES + usize::from(next.offset);
            let bytes = start..start + long.bytes;
            self.index.store.prefetch(next.long, bytes);
        }
        let row = self.index.measured(&self.query, near)?;
        if near.long != NONE {
            self.cost.measured += 1;
            self.cost.pages += 1;
        }
        Ok(row)
    }

    /// Reads the next lists; false where there are none, or as many as may be have been read.
    fn read_lists(&mut self) -> Result<bool, Error> {
        let read = usize::try_from(self.cost.lists).unwrap_or(usize::MAX);
        let wanted = if self.limit < f32::INFINITY {
            self.first.max(1)
        } else if read == 0 {
            self.first
        } else {
            self.first.min(self.most.saturating_sub(read))
        };
        self.group.clear();
        while self.group.len() < wanted {
            let Some(MeasuredList { list, terms }) = self.next_list(wanted)? else {
                break;
            };
            self.group.try_push(ProbedList {
                block: list.head.first,
                number: list.head.number,
                probe: u32::try_from(self.cost.lists).unwrap_or(u32::MAX),
                terms,
            })?;
            self.cost.lists += 1;
        }
        if self.group.is_empty() {
            return Ok(false);
        }
        self.start_group()?;
        Ok(true)
    }

    /// The nearest list that was not read and may hold a row within the limit.
    fn next_list(&mut self, wanted: usize) -> Result<Option<MeasuredList>, Error> {
        if self.measured.is_empty() {
            self.measure_lists(wanted)?;
        }
        Ok(self.measured.pop())
    }

    /// Measures the centres that may be among the nearest; under a limit all of them.
    fn measure_lists(&mut self, wanted: usize) -> Result<(), Error> {
        let count = if self.limit < f32::INFINITY {
            self.lists.len()
        } else {
            (MEASURED_LISTS.saturating_mul(wanted))
                .saturating_add(MORE_LISTS)
                .min(self.lists.len())
        };
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
                coder.terms_of(&self.query, own, scale)
            })?;
            self.cost.pages += 1;
            // Under no limit, no least distance is above it.
            let least = coder.least_distance(&self.query, terms, list.head.radii);
            if least <= self.limit {
                self.measured.push(MeasuredList { list, terms });
            }
        }
        let order =
            |a: &MeasuredList, b: &MeasuredList| b.terms.constant.total_cmp(&a.terms.constant);
        self.measured.sort_unstable_by(order);
        Ok(())
    }
}
