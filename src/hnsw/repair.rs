//! Vacuum's second pass: links to dead nodes become links to what those linked to.

use std::collections::{HashMap, HashSet};

use crate::page::PageStore;
use crate::search::Numbers;

use super::error::Error;
use super::index::Index;
use super::node::{Link, Node};
use super::pages::Part;
use super::rest::Copied;
use super::select::{Candidates, Newcomer};
use super::shape::{BLOCK_LANES, NONE};
use super::space::{Probe, Space};
use super::vacuum::{Poll, Seen, rest_owner};

/// Candidates that are measured for each link that is lost.
const MEASURED: usize = 4;

/// Links that a node may get beyond those that it loses: it had room for them, and candidates are at
/// hand.
const MORE: usize = 2;

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Notes what dead nodes link to: the second pass looks who else does.
    pub(super) fn bereave(&self, seen: &mut Seen, poll: Poll<'_>) -> Result<(), Error> {
        for number in seen.dead.iter() {
            poll()?;
            seen.report.reads += 1;
            let read = |node: Node<'_>| node.neighbours().map(|(_, to)| to).collect::<Vec<u32>>();
            let neighbours = self.pages.read(number, read)?;
            for to in neighbours {
                if !seen.dead.contains(to) {
                    seen.bereft.insert(to);
                }
            }
        }
        Ok(())
    }

    /// Lets the nearest neighbour of a node that no other links to any more link to it.
    pub(super) fn adopt(&self, number: u32, seen: &mut Seen) -> Result<(), Error> {
        seen.report.reads += 1;
        let copied = |node: Node<'_>| node.live().then(|| Copied::new(node));
        let Some(copied) = self.pages.read(number, copied)? else {
            return Ok(());
        };
        let (space, reads) = (&self.space, &mut seen.report.reads);
        let Some(copied) = self.pages.complete(space, number, copied, reads)? else {
            return Ok(());
        };
        let node = copied.node();
        let point = space.load(node.own(), node.scale());
        let mut probe = Probe::new(space.query(space.load(node.own(), node.scale())));
        let mut near: Vec<(f32, u32)> = node
            .neighbours()
            .map(|(lane, to)| (node.distance(lane), to))
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (distance, to) in near {
            seen.report.reads += 1;
            if self
                .pages
                .read(to, |to| to.live() && to.level() == node.level())?
            {
                let newcomer = Newcomer {
                    number,
                    point: &point,
                    distance,
                    must: true,
                };
                self.link_back(to, &newcomer, &mut probe)?;
                seen.report.repaired += 1;
                break;
            }
        }
        seen.report.reads += probe.near.reads;
        Ok(())
    }

    /// Second pass, one slot. A node: what it linked to by way of dead neighbours it now links to
    /// itself. A part of a value: it will be freed with its node.
    pub(super) fn repair(&self, number: u32, seen: &mut Seen) -> Result<(), Error> {
        loop {
            seen.report.reads += 1;
            let read = |node: Node<'_>| {
                let mut hit = false;
                if node.live() {
                    for (_, to) in node.neighbours() {
                        seen.bereft.remove(to);
                        hit |= seen.dead.contains(to);
                    }
                }
                (hit.then(|| Copied::new(node)), rest_owner(node))
            };
            let (copied, owner) = self.pages.read(number, read)?;
            if owner.is_some_and(|of| seen.dead.contains(of) || seen.reserved.contains(&of)) {
                seen.rests.push(number);
            }
            let Some(copied) = copied else {
                return Ok(());
            };
            let (space, reads) = (&self.space, &mut seen.report.reads);
            let Some(copied) = self.pages.complete(space, number, copied, reads)? else {
                return Ok(());
            };
            let node = copied.node();
            let links = self.replacements(number, node, seen)?;
            for link in &links {
                seen.bereft.remove(link.number);
            }
            if self.relink(number, node, &links, &seen.dead)? {
                seen.report.repaired += 1;
                return Ok(());
            }
        }
    }

    /// Chooses among the live neighbours of dead neighbours: those that no neighbour that stays
    /// leads to, nearest first, at most [`MORE`] than are lost.
    fn replacements(
        &self,
        number: u32,
        node: Node<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Link>, Error> {
        let point = self.space.load(node.own(), node.scale());
        let mut probe = Probe::new(self.space.query(point));
        let mut scores = HashMap::new();
        let kept: HashSet<u32> = node.neighbours().map(|(_, to)| to).collect();
        let mut lost: Vec<u32> = kept
            .iter()
            .copied()
            .filter(|to| seen.dead.contains(*to))
            .collect();
        lost.sort_unstable();
        // A dead neighbour's neighbours may be dead as well: then theirs.
        let mut asked: HashSet<u32> = lost.iter().copied().collect();
        let mut wave = lost.clone();
        for _ in 0..3 {
            let mut next = Vec::new();
            for dead in wave {
                self.space.look(&self.pages, dead, &mut probe, |_, _| {})?;
                for (_, to, distance) in probe.near.iter() {
                    if seen.dead.contains(to) {
                        if asked.insert(to) {
                            next.push(to);
                        }
                    } else if to != number && !kept.contains(&to) {
                        scores.insert(to, distance);
                    }
                }
            }
            if !scores.is_empty() {
                break;
            }
            wave = next;
            wave.truncate(32);
        }
        let mut scores: Vec<(u32, f32)> = scores.into_iter().collect();
        // Estimates order them.
        scores.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        scores.truncate(MEASURED * lost.len() + MORE);
        let links = self.choose(node.level(), &mut probe, &scores, lost.len() + MORE);
        seen.report.reads += probe.near.reads;
        links
    }

    /// Reads nodes and keeps at most `max` of them as neighbours of the probe's point.
    fn choose(
        &self,
        level: u8,
        probe: &mut Probe<V::Query>,
        nodes: &[(u32, f32)],
        max: usize,
    ) -> Result<Vec<Link>, Error> {
        let point = self.space.point_of(&probe.query);
        let mut candidates = Candidates::default();
        for (to, _) in nodes {
            self.whole(*to, &mut probe.near.reads, |node| {
                if node.live() && node.level() == level {
                    let distance = self.space.distance(point, node.own(), node.scale());
                    candidates.see(*to, node, distance);
                }
            })?;
        }
        candidates.sort();
        Ok(self.select(&candidates, point, max))
    }

    /// Puts links in the place of those to dead nodes, and into free lanes; false where the node has changed since it
    /// was read. Lanes of one block change at once.
    fn relink(
        &self,
        number: u32,
        was: Node<'_>,
        links: &[Link],
        dead: &Numbers,
    ) -> Result<bool, Error> {
        let mut lost: Vec<usize> = was
            .neighbours()
            .filter(|(_, to)| dead.contains(*to))
            .map(|(lane, _)| lane)
            .collect();
        let free = was.max_degree().saturating_sub(was.degree());
        let lanes = 0..was.shape.lanes;
        lost.extend(lanes.filter(|lane| was.neighbour(*lane) == NONE).take(free));
        let mut tables = was.tables().to_vec();
        for block in 0..self.shape().blocks() {
            let here = lost
                .iter()
                .enumerate()
                .filter(|(_, lane)| **lane / BLOCK_LANES == block);
            let here: Vec<(usize, usize)> = here.map(|(i, lane)| (i, *lane)).collect();
            if here.is_empty() {
                continue;
            }
            let mut edit = self.pages.change();
            let after = edit.node(number, Part::Block(block), |node| {
                if !node.read().live() || node.read().tables() != tables {
                    return None;
                }
                for (i, lane) in here {
                    match links.get(i) {
                        Some(link) => node.set_lane(lane, link),
                        None if was.neighbour(lane) != NONE => node.clear_lane(lane),
                        None => {}
                    }
                }
                Some(node.read().tables().to_vec())
            })?;
            let Some(after) = after else {
                return Ok(false);
            };
            tables = after;
            edit.commit()?;
        }
        Ok(true)
    }
}
