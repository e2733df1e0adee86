//! Vacuum: takes rows out of the index. Its cost depends on the number of rows that are gone: pages that hold none
//! of them are read once and not written.
//!
//! 1. *Rows*: every slot is read; tids of dead rows are removed, and chunks of tids freed (chain.rs);
//!    a node that has no row left is marked dead, and so are the nodes above it. Dead nodes are still
//!    walked through.
//! 2. *Wait* until every insert that may have seen them alive is gone. Later ones link to no dead
//!    node.
//! 3. *Links*: the entry, if it is dead, becomes another node. Nodes that link to dead ones get what those
//!    linked to instead. Then what cannot be reached from the entry any more is linked to (reach.rs).
//! 4. *Wait* again, for inserts that may have come by way of dead nodes.
//! 5. *Slots* of dead nodes are freed, the rests of their values first, and those that a crash has
//!    left.
//!
//! A crash between any two changes leaves dead nodes that the next vacuum finds.

use std::collections::{BTreeSet, HashSet};

use crate::index::{Error, Fallible, Poll, Tid, Vacuumed, collected};
use crate::page::{PageError, PageStore};
use crate::search::Numbers;

use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::{Node, SlotState, state};
use crate::hnsw::nodes::overflow::RestSlot;
use crate::hnsw::nodes::pages::NodePart;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::nodes::tids::Chunk;
use crate::hnsw::spaces::space::Space;

/// What the first pass has seen.
#[derive(Default)]
pub(in crate::hnsw) struct FirstPass {
    pub dead: Numbers,
    /// Nodes above the ground.
    above: BTreeSet<UpperNode>,
    /// Slots that may have been left by a crash.
    pub reserved: HashSet<u32>,
    /// Parts of values of nodes that are dead or reserved.
    pub rests: Vec<u32>,
    chunks: HashSet<u32>,
    pub chained: HashSet<u32>,
    /// Chunks that were freed: an insert may have chained them to another node since.
    pub unchained: HashSet<u32>,
    pub report: Vacuumed,
}

/// A live node above the ground. Those of lower levels come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct UpperNode {
    level: u8,
    number: u32,
    /// The node that it lies on.
    below: u32,
}

/// What the first pass reads of a slot.
struct SeenSlot {
    state: Result<SlotState, PageError>,
    level: u8,
    link: u32,
    tids: Vec<Tid>,
}

/// The node whose value a slot has a part of.
pub(in crate::hnsw) fn rest_owner(slot: Node<'_>) -> Option<u32> {
    let rest = RestSlot(slot.bytes);
    rest.is_rest().then(|| rest.owner())
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Removes the rows for which `gone` is true. `poll` is called often, and never while a page is locked.
    ///
    /// # Errors
    /// Where pages cannot be read or written, or `poll` ends it. What was done is kept, and the
    /// next vacuum does the rest.
    pub fn vacuum(
        &self,
        gone: &mut dyn FnMut(Tid) -> bool,
        poll: Poll<'_>,
    ) -> Result<Vacuumed, Error> {
        let groups = self.pages.roots()?.groups;
        let mut seen = FirstPass::default();
        for number in self.pages.slots(groups) {
            poll()?;
            self.remove_rows(number, gone, &mut seen)?;
        }
        self.mark_dead_above(&mut seen)?;
        // Outlines remember the places of rows, and must notice before these places are given to others.
        self.pages.count_vacuum()?;
        self.pages.store.wait_for_writers();
        if !seen.dead.is_empty() || !seen.reserved.is_empty() {
            self.replace_entry(&seen)?;
            let groups = self.pages.roots()?.groups;
            for group in 0..groups {
                poll()?;
                self.repair(group, &mut seen)?;
            }
            seen.report.connected = self.connect(poll, &mut seen.report.reads)?;
            // Inserts that began before links were replaced may still be where only dead nodes led them.
            self.pages.store.wait_for_writers();
        }
        self.free_all(&mut seen, poll)?;
        Ok(seen.report)
    }

    /// First pass, one slot.
    fn remove_rows(
        &self,
        number: u32,
        gone: &mut dyn FnMut(Tid) -> bool,
        seen: &mut FirstPass,
    ) -> Result<(), Error> {
        seen.report.reads += 1;
        let SeenSlot {
            state,
            level,
            link,
            tids,
        } = self.pages.read(number, |node: Node<'_>| SeenSlot {
            state: state(node.bytes, number),
            level: node.level(),
            link: node.link(),
            tids: node.tids().collect(),
        })?;
        match state? {
            SlotState::Free | SlotState::Rest => {}
            SlotState::Reserved => {
                seen.reserved.try_reserve(1)?;
                seen.reserved.insert(number);
            }
            SlotState::Tids => {
                seen.chunks.try_reserve(1)?;
                seen.chunks.insert(number);
            }
            SlotState::Dead => {
                seen.dead.insert(number);
            }
            SlotState::Live if level > 0 => {
                seen.above.insert(UpperNode {
                    level,
                    number,
                    below: link,
                });
            }
            SlotState::Live => {
                let kept: Vec<Tid> = tids.iter().copied().filter(|tid| !gone(*tid)).collect();
                seen.report.removed += (tids.len() - kept.len()) as u64;
                seen.report.left += kept.len() as u64;
                if kept.len() < tids.len() || (kept.is_empty() && link == NONE) {
                    self.keep_rows(number, &tids, &kept, seen)?;
                }
                if link != NONE {
                    let left = self.shrink_chain(number, gone, seen)?;
                    if kept.is_empty() && left == 0 {
                        self.keep_rows(number, &[], &[], seen)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Leaves `kept` of the tids that were seen in a node; without any it is dead.
    fn keep_rows(
        &self,
        number: u32,
        tids: &[Tid],
        kept: &[Tid],
        seen: &mut FirstPass,
    ) -> Result<(), Error> {
        let mut edit = self.pages.change();
        let dead = edit.node(number, NodePart::Head, |node| {
            // Rows that were added since are kept too.
            let now: Vec<Tid> = node.read().tids().collect();
            let added = now.into_iter().filter(|tid| !tids.contains(tid));
            let all: Vec<Tid> = kept.iter().copied().chain(added).collect();
            node.set_tids(&all);
            let dead = all.is_empty() && node.read().link() == NONE;
            if dead {
                node.set_state(SlotState::Dead);
            }
            dead
        })?;
        edit.commit()?;
        if dead {
            seen.dead.insert(number);
        }
        Ok(())
    }

    /// Nodes above dead ones are dead.
    fn mark_dead_above(&self, seen: &mut FirstPass) -> Result<(), Error> {
        for UpperNode { number, below, .. } in std::mem::take(&mut seen.above) {
            if seen.dead.contains(below) {
                let mut edit = self.pages.change();
                edit.node(number, NodePart::Head, |node| {
                    node.set_state(SlotState::Dead);
                })?;
                edit.commit()?;
                seen.dead.insert(number);
            }
        }
        Ok(())
    }

    /// Makes another node the entry if the entry is dead: the highest node that is live.
    fn replace_entry(&self, seen: &FirstPass) -> Result<(), Error> {
        let roots = self.pages.roots()?;
        if !seen.dead.contains(roots.entry) {
            return Ok(());
        }
        let mut best: Option<(u8, u32)> = None;
        for number in self.pages.slots(roots.groups) {
            let level = self
                .pages
                .read(number, |node| node.live().then(|| node.level()))?;
            if let Some(level) = level
                && best.is_none_or(|(highest, _)| level > highest)
            {
                best = Some((level, number));
            }
        }
        let mut edit = self.pages.change();
        let mut now = edit.roots()?;
        if now.entry == roots.entry {
            let (top, entry) = best.unwrap_or((0, NONE));
            (now.entry, now.top) = (entry, top);
            edit.set_roots(&now)?;
            edit.commit()?;
        }
        Ok(())
    }

    /// Last pass: frees dead nodes, which nothing links to any more, and slots that a crash has left.
    fn free_all(&self, seen: &mut FirstPass, poll: Poll<'_>) -> Result<(), Error> {
        for number in std::mem::take(&mut seen.rests) {
            poll()?;
            // Its node was being written when it was seen reserved, and may be alive by now.
            let owner = self.pages.read(number, rest_owner)?;
            let alive = |owner| self.pages.read(owner, |node| node.live());
            if !owner.map_or(Ok(true), alive)? {
                self.free_slot(number)?;
                seen.report.freed += 1;
            }
        }
        let mut slots: Vec<u32> = collected(seen.dead.iter())?;
        slots.try_extend(seen.chunks.difference(&seen.chained).copied())?;
        slots.try_extend(seen.reserved.iter().copied())?;
        slots.sort_unstable();
        for number in slots {
            poll()?;
            let still = self.pages.read(number, |slot| {
                let state = state(slot.bytes, number);
                // A chunk that was not chained when it was seen may be by now.
                matches!(state, Ok(SlotState::Dead | SlotState::Reserved))
                    || matches!(state, Ok(SlotState::Tids)) && Chunk(slot.bytes).owner() != NONE
            })?;
            if still && !self.is_chained(number)? {
                self.free_slot(number)?;
                seen.report.freed += 1;
            }
        }
        Ok(())
    }

    /// Whether a slot is a chunk that its owner leads to.
    fn is_chained(&self, number: u32) -> Result<bool, Error> {
        let owner = self.pages.read(number, |slot| {
            let tids = matches!(state(slot.bytes, number), Ok(SlotState::Tids));
            tids.then(|| Chunk(slot.bytes).owner())
        })?;
        let Some(owner) = owner else {
            return Ok(false);
        };
        let first = |node: Node<'_>| if node.live() { node.link() } else { NONE };
        let (mut next, mut chunks) = (self.pages.read(owner, first)?, HashSet::new());
        while next != NONE && chunks.insert(next) {
            if next == number {
                return Ok(true);
            }
            let after = self.pages.read(next, |slot| {
                let chunk = Chunk(slot.bytes);
                if chunk.is_of(owner) {
                    chunk.next()
                } else {
                    NONE
                }
            })?;
            next = after;
        }
        Ok(false)
    }
}
