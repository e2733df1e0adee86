//! Repair: vacuum's second pass. A link to a dead node is replaced by links to the neighbours of that node.

use std::ops::Range;

use crate::index::Error;
use crate::page::PageStore;
use crate::search::{Key, Numbers};

use crate::hnsw::change::select::{Candidates, Degree};
use crate::hnsw::change::vacuum::{FirstPass, rest_owner};
use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::{Link, NodeMut};
use crate::hnsw::nodes::overflow::Copied;
use crate::hnsw::nodes::pages::NodePart;
use crate::hnsw::nodes::shape::{BLOCK_LANES, NONE};
use crate::hnsw::spaces::space::{Probe, Space};
use crate::values::Values;

/// Candidates that are measured for each link that is lost.
const MEASURED_PER_LINK: usize = 3;

/// Links that a node may get beyond those that it loses: it had room for them, and candidates are at
/// hand.
const MORE_LINKS: usize = 2;

/// A node with seven eighths of the links that it may have has enough: the other lanes become free, and inserts
/// fill them with nodes that are nearer than any neighbour of the dead.
const ENOUGH_EIGHTHS: usize = 7;

/// A node that has lost most of its links searches for neighbours as a new value does, for the neighbours of
/// dead nodes are mostly dead as well. The beam is `1 + dead / live` times as wide, up to this.
const MOST_WIDENING: usize = 4;

/// How often the dead neighbours of dead neighbours are asked, if no live one was found, and how many of them.
const WAVES: usize = 3;
const WAVE_NODES: usize = 32;

/// A node that links to dead ones.
struct LinksLost {
    number: u32,
    /// As it was read, with all of its value.
    copied: Copied,
    /// As they will be found if nobody else changes them.
    tables: Vec<u8>,
    /// Lanes to fill: those of dead neighbours, then free ones.
    lanes: Vec<usize>,
    /// What they get, as far as that goes.
    links: Vec<Link>,
}

impl LinksLost {
    fn new(number: u32, copied: Copied, dead: &Numbers) -> Self {
        let node = copied.node();
        let lost = node.neighbours().filter(|(_, to)| dead.contains(*to));
        let mut lanes: Vec<usize> = lost.map(|(lane, _)| lane).collect();
        let free = node.max_degree().saturating_sub(node.degree());
        let empty = (0..node.shape.lanes).filter(|lane| node.neighbour(*lane) == NONE);
        lanes.extend(empty.take(free));
        let tables = node.tables().to_vec();
        Self {
            number,
            copied,
            tables,
            lanes,
            links: Vec::new(),
        }
    }

    /// Lanes of some blocks, with what they get.
    fn lanes_of(&self, blocks: Range<usize>) -> impl Iterator<Item = (usize, Option<&Link>)> {
        let lanes = self.lanes.iter().enumerate();
        let lanes = lanes.map(|(at, lane)| (*lane, self.links.get(at)));
        lanes.filter(move |(lane, _)| blocks.contains(&(lane / BLOCK_LANES)))
    }

    /// Changes its lanes of some blocks. False where somebody else has changed it.
    fn relink(&mut self, node: &mut NodeMut<'_>, blocks: Range<usize>) -> bool {
        if !node.read().live() || node.read().tables() != self.tables {
            return false;
        }
        for (lane, link) in self.lanes_of(blocks) {
            match link {
                Some(link) => node.set_lane(lane, link),
                None if node.read().neighbour(lane) != NONE => node.clear_lane(lane),
                None => {}
            }
        }
        self.tables.clear();
        self.tables.extend_from_slice(node.read().tables());
        true
    }
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Second pass, one group. A node: what it linked to by way of dead neighbours it now links to
    /// itself. A part of a value: it will be freed with its node.
    pub(in crate::hnsw) fn repair(&self, group: u32, seen: &mut FirstPass) -> Result<(), Error> {
        loop {
            let mut nodes = self.links_lost(group, seen)?;
            for node in &mut nodes {
                self.replace(node, seen)?;
            }
            let done = self.relink(&mut nodes)?;
            seen.report.repaired += done as u64;
            if done == nodes.len() {
                return Ok(());
            }
        }
    }

    /// The nodes of a group that link to dead ones.
    fn links_lost(&self, group: u32, seen: &mut FirstPass) -> Result<Vec<LinksLost>, Error> {
        let mut nodes = Vec::new();
        self.pages.each(group, |number, node| {
            seen.report.reads += 1;
            if rest_owner(node)
                .is_some_and(|of| seen.dead.contains(of) || seen.reserved.contains(&of))
            {
                seen.rests.push(number);
            }
            if !node.live() {
                return;
            }
            let mut hit = false;
            for (_, to) in node.neighbours() {
                hit |= seen.dead.contains(to);
            }
            if hit {
                nodes.push((number, Copied::new(node)));
            }
        })?;
        let reads = &mut seen.report.reads;
        let whole = nodes.into_iter().map(|(number, copied)| {
            let copied = self
                .pages
                .complete(self.space.values(), number, copied, reads)?;
            Ok(copied.map(|copied| LinksLost::new(number, copied, &seen.dead)))
        });
        whole.filter_map(Result::transpose).collect()
    }

    /// Chooses new links among the live neighbours of dead neighbours, or, if most links are lost, among all
    /// nodes: at most [`MORE_LINKS`] more than are lost. None if enough links are left.
    fn replace(&self, of: &mut LinksLost, seen: &mut FirstPass) -> Result<(), Error> {
        let node = of.copied.node();
        let links: Vec<u32> = node.neighbours().map(|(_, to)| to).collect();
        let dead = links.iter().copied().filter(|to| seen.dead.contains(*to));
        let mut lost: Vec<u32> = dead.collect();
        lost.sort_unstable();
        let left = links.len() - lost.len();
        if 8 * left >= ENOUGH_EIGHTHS * node.max_degree() {
            return Ok(());
        }
        let more = lost.len() + MORE_LINKS;
        let degree = Degree::of(node.max_degree()).beside(left, more);
        let point = self.space.values().load(node.own(), node.scale());
        let mut probe = Probe::new(self.query(point)?);
        let known = |to| to == of.number || links.contains(&to);
        of.links = if lost.len() > left {
            let width = self.beam * (1 + lost.len() / left.max(1)).min(MOST_WIDENING);
            let mut found = self.find_near(&mut probe, node.level(), width)?;
            found.list.retain(|near| !known(near.number));
            self.select(&found, self.space.point_of(&probe.query), degree)
        } else {
            let found = self.beyond(lost, &seen.dead, known, &mut probe)?;
            self.choose(node.level(), &mut probe, &found, degree)?
        };
        seen.report.reads += probe.near.reads;
        Ok(())
    }

    /// The nearest live neighbours of dead nodes, by estimates, that are not known yet: at most [`MEASURED_PER_LINK`]
    /// for each node asked. If all neighbours are dead, their neighbours are asked.
    fn beyond(
        &self,
        mut asked: Vec<u32>,
        dead: &Numbers,
        known: impl Fn(u32) -> bool,
        probe: &mut Probe<V::Query>,
    ) -> Result<Vec<u32>, Error> {
        let max = MEASURED_PER_LINK * asked.len() + MORE_LINKS;
        let (mut found, mut wave) = (Vec::new(), 0..asked.len());
        for _ in 0..WAVES {
            for at in wave.clone() {
                let Some(&number) = asked.get(at) else {
                    break;
                };
                probe.upcoming = asked.get(at + 1).copied().unwrap_or(NONE);
                self.space.look(&self.pages, number, probe, |_, _| {})?;
                for near in probe.near.iter() {
                    if !dead.contains(near.number) {
                        found.push(Key::new(near.distance, near.number));
                    } else if !asked.contains(&near.number) {
                        asked.push(near.number);
                    }
                }
            }
            found.retain(|key| !known(key.number()));
            if !found.is_empty() {
                break;
            }
            wave = wave.end..asked.len().min(wave.end + WAVE_NODES);
        }
        found.sort_unstable();
        let mut nearest = Vec::with_capacity(max);
        for key in found {
            if nearest.len() < max && !nearest.contains(&key.number()) {
                nearest.push(key.number());
            }
        }
        Ok(nearest)
    }

    /// Reads nodes and keeps some of them as neighbours of the probe's point.
    fn choose(
        &self,
        level: u8,
        probe: &mut Probe<V::Query>,
        nodes: &[u32],
        degree: Degree,
    ) -> Result<Vec<Link>, Error> {
        let point = self.space.point_of(&probe.query);
        let mut candidates = Candidates::default();
        for (at, to) in nodes.iter().enumerate() {
            self.pages
                .prefetch_value(nodes.get(at + 1).copied().unwrap_or(NONE));
            self.whole(*to, &mut probe.near.reads, |node| {
                if node.live() && node.level() == level {
                    let distance = self
                        .space
                        .values()
                        .distance(point, node.own(), node.scale());
                    candidates.see(*to, node, distance);
                }
            })?;
        }
        candidates.sort();
        Ok(self.select(&candidates, point, degree))
    }

    /// Replaces links to dead nodes and fills free lanes. Gives the number of nodes that are done; the others
    /// were changed by somebody else meanwhile. Nodes of one page change at once; of a node that takes several
    /// pages, one block of lanes does.
    fn relink(&self, nodes: &mut [LinksLost]) -> Result<usize, Error> {
        let mut done = vec![true; nodes.len()];
        for blocks in self.shape().parts() {
            let mut edit = self.pages.change();
            let mut any = false;
            for (of, done) in nodes.iter_mut().zip(&mut done) {
                if !*done || of.lanes_of(blocks.clone()).next().is_none() {
                    continue;
                }
                let part = NodePart::Block(blocks.start);
                *done = edit.node(of.number, part, |node| of.relink(node, blocks.clone()))?;
                any |= *done;
            }
            if any {
                edit.commit()?;
            }
        }
        Ok(done.into_iter().filter(|done| *done).count())
    }
}
