//! Slots: their states, rows and values, and the chain of pages with free ones.

use std::collections::HashSet;

use crate::index::{Error, Fallible, Tid, collected};
use crate::page::{self, PageStore};
use crate::values::{Values, long};

use super::{CheckedNode, Checker, RestPart};
use crate::hnsw::nodes::meta::KIND_NODES;
use crate::hnsw::nodes::node::{Node, SlotState, state};
use crate::hnsw::nodes::overflow::RestSlot;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::Space;

/// What the first pass reads of a slot.
struct CheckedSlot {
    state: SlotState,
    level: u8,
    down: u32,
    links: Vec<u32>,
    tids: Vec<Tid>,
    /// Whether it has more links than it may have.
    excess: bool,
}

impl<S: PageStore, V: Space> Checker<'_, '_, S, V> {
    /// First pass: states, rows, and what each node links to.
    pub(super) fn slots(&mut self) -> Result<(), Error> {
        for number in self.index.pages.slots(self.roots.groups) {
            let CheckedSlot {
                state,
                level,
                down,
                links,
                tids,
                excess,
            } = self.index.pages.read(number, |node| CheckedSlot {
                state: state(node.bytes, number).unwrap_or(SlotState::Free),
                level: node.level(),
                down: node.link(),
                links: node.neighbours().map(|(_, to)| to).collect(),
                tids: node.tids().collect(),
                excess: node.degree() > node.max_degree(),
            })?;
            let mut rows = 0;
            match state {
                SlotState::Free => self.report.free += 1,
                SlotState::Reserved => {
                    self.report.orphans += 1;
                    self.reserved.insert(number);
                }
                SlotState::Rest => self.rest(number)?,
                SlotState::Tids => {
                    self.report.chunks += 1;
                    self.chunks.insert(number);
                }
                SlotState::Dead => {
                    self.report.dead += 1;
                    if !tids.is_empty() {
                        self.problem(number, "dead, but with rows");
                    }
                }
                SlotState::Live => rows = self.live(number, level, down, tids)?,
            }
            if state.is_walkable() {
                if excess {
                    self.problem(number, "more links than it may have");
                }
                self.report.links += links.len() as u64;
                let live = state == SlotState::Live;
                self.seen.try_reserve(1)?;
                self.seen.insert(
                    number,
                    CheckedNode {
                        level,
                        live,
                        links,
                        down,
                        rows,
                    },
                );
            }
        }
        Ok(())
    }

    fn rest(&mut self, number: u32) -> Result<(), Error> {
        let part = self.index.pages.read(number, |slot| {
            let slot = RestSlot(slot.bytes);
            let (owner, next) = (slot.owner(), slot.next());
            let bytes = slot.bytes().len();
            RestPart { owner, next, bytes }
        })?;
        self.report.rests += 1;
        self.rests.insert(number, part);
        Ok(())
    }

    /// Checks that values are whole: each live node's chain is its own and as long as the node says. A slot
    /// that is in no chain belongs to a node that is being written or freed.
    pub(super) fn values(&mut self) -> Result<(), Error> {
        let live = self.seen.iter().filter(|(_, seen)| seen.live);
        let mut numbers: Vec<u32> = collected(live.map(|(number, _)| *number))?;
        numbers.sort_unstable();
        let mut chained = HashSet::new();
        for number in numbers {
            let (space, own) = (&self.index.space, self.index.shape().own);
            let read = |node: Node<'_>| (space.values().extent(node.own()), long::rest(node.own()));
            let (extent, first) = self.index.pages.read(number, read)?;
            if extent <= own {
                continue;
            }
            let (mut left, mut next) = (extent - own, first);
            while let Some(part) = self.rests.get(&next)
                && part.owner == number
                && (1..=left).contains(&part.bytes)
                && chained.insert(next)
            {
                left -= part.bytes;
                next = part.next;
            }
            if left > 0 || next != NONE {
                self.problem(number, "its value is not whole");
                self.broken.insert(number);
            }
        }
        let loose = self
            .rests
            .iter()
            .filter(|(number, _)| !chained.contains(number));
        let mut problems = Vec::new();
        for (number, part) in loose {
            let dead = self.seen.get(&part.owner).is_some_and(|seen| !seen.live);
            if self.reserved.contains(&part.owner) {
                self.report.orphans += 1;
            } else if !dead {
                problems.push((*number, part.owner));
            }
        }
        for (number, owner) in problems {
            self.problem(number, &format!("no part of the value of {owner}"));
        }
        Ok(())
    }

    /// Gives how many rows a live node has.
    fn live(&mut self, number: u32, level: u8, down: u32, tids: Vec<Tid>) -> Result<u64, Error> {
        let nodes = &mut self.report.nodes;
        nodes.resize(nodes.len().max(usize::from(level) + 1), 0);
        nodes[usize::from(level)] += 1;
        if level > 0 {
            if !tids.is_empty() {
                self.problem(number, "rows above the ground");
            }
            return Ok(0);
        }
        let (mut all, mut next) = (tids, down);
        while next != NONE {
            if !self.chained.insert(next) {
                self.problem(number, "a chunk that is chained twice");
                break;
            }
            let (more, after) = self.index.pages.chunk_of(number, next)?;
            all.try_extend(more)?;
            next = after;
        }
        if all.is_empty() && down == NONE {
            self.problem(number, "live without rows");
        } else if all.is_empty() {
            // A vacuum was cut before it came to a chunk that is empty.
            self.report.dead += 1;
        }
        self.tids.try_reserve(all.len())?;
        let rows = all.len() as u64;
        self.report.rows += rows;
        for tid in all {
            if !self.tids.insert(tid) {
                self.problem(number, &format!("row {tid:?} twice"));
            }
        }
        Ok(rows)
    }

    /// Pages with free slots are chained, and no others.
    pub(super) fn free_pages(&mut self) -> Result<(), Error> {
        let pages = &self.index.pages;
        let (mut chain, mut block) = (HashSet::new(), self.roots.free);
        while block != NONE {
            if !chain.insert(block) {
                self.report
                    .problems
                    .push(format!("block {block} is chained twice"));
                break;
            }
            let page = pages.store.read(block)?;
            page::verify_header(&page, pages.parameters.mark(block, KIND_NODES))?;
            block = page::next(&page);
        }
        for group in 0..self.roots.groups {
            let mut free = false;
            for number in pages.group(group) {
                free |= pages.read(number, |slot| {
                    slot.bytes.first() == Some(&(SlotState::Free as u8))
                })?;
            }
            if free != chain.contains(&pages.block(group)) {
                let what = if free {
                    "free slots, but not"
                } else {
                    "no free slots, but"
                };
                let line = format!("block {} has {what} chained", pages.block(group));
                self.report.problems.push(line);
            }
        }
        Ok(())
    }
}
