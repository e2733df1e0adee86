//! Which neighbours a node keeps: those that no nearer neighbour leads to (the relative
//! neighbourhood rule; Malkov and Yashunin, 2018, algorithm 4).

use crate::page::{PageError, PageStore};

use super::error::Error;
use super::index::Index;
use super::node::{Link, Node};
use super::pages::Part;
use super::shape::BLOCK_LANES;
use super::space::{Near, Space};

/// A node that was seen and may become a neighbour.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub number: u32,
    pub distance: f32,
    pub scale: f32,
    /// Where its stored value starts in the candidates' bytes.
    pub own: usize,
}

/// Nodes that an insert has seen on a level.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub list: Vec<Candidate>,
    bytes: Vec<u8>,
}

impl Candidates {
    /// Takes a node that may be linked to.
    pub fn see(&mut self, number: u32, node: Node<'_>, distance: f32) {
        if node.live() {
            self.list.push(Candidate {
                number,
                distance,
                scale: node.scale(),
                own: self.bytes.len(),
            });
            self.bytes.extend_from_slice(node.own());
        }
    }

    /// The stored value of a candidate.
    pub fn own(&self, candidate: &Candidate, len: usize) -> &[u8] {
        self.bytes
            .get(candidate.own..candidate.own + len)
            .unwrap_or_default()
    }

    /// Sorts by distance; a node that was seen twice counts once.
    pub fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            a.distance
                .total_cmp(&b.distance)
                .then(a.number.cmp(&b.number))
        });
        self.list.dedup_by_key(|candidate| candidate.number);
    }
}

/// What to do with the lanes of a node so that another becomes its neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// The lane to fill.
    pub lane: usize,
    /// Lanes to empty, for the new neighbour leads there.
    pub empty: Vec<usize>,
}

/// Decides from one page whether a node takes a neighbour at `distance`; `near` holds how far that
/// one is from the node's neighbours. With `must` it takes it in any case.
pub(super) fn place(node: Node<'_>, near: &Near, distance: f32, must: bool) -> Option<Placement> {
    let max = node.max_degree();
    if node.degree() < max {
        let mut lanes = 0..node.shape.lanes;
        let lane = lanes.find(|lane| near.numbers.get(*lane) == Some(&super::shape::NONE))?;
        return Some(Placement {
            lane,
            empty: Vec::new(),
        });
    }
    let leads = |(lane, _, to): (usize, u32, f32)| node.distance(lane) <= distance && to < distance;
    if !must && near.iter().any(leads) {
        return None;
    }
    let led = |&(lane, _, to): &(usize, u32, f32)| {
        node.distance(lane) > distance && to < node.distance(lane)
    };
    let mut empty: Vec<usize> = near.iter().filter(led).map(|(lane, ..)| lane).collect();
    let lane = match empty.pop() {
        Some(lane) => lane,
        None => {
            let farthest = |a: &usize, b: &usize| node.distance(*a).total_cmp(&node.distance(*b));
            let lane = near.iter().map(|(lane, ..)| lane).max_by(farthest)?;
            (must || node.distance(lane) > distance).then_some(lane)?
        }
    };
    Some(Placement { lane, empty })
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Keeps of sorted candidates those that none of the nearer ones kept leads to, at most `max`.
    pub(super) fn select(&self, candidates: &Candidates, max: usize) -> Vec<(Link, V::Point)> {
        let own = self.shape().own;
        let mut kept: Vec<(Link, V::Point)> = Vec::new();
        for candidate in &candidates.list {
            if kept.len() == max {
                break;
            }
            let bytes = candidates.own(candidate, own);
            let leads = |(_, point): &(Link, V::Point)| {
                self.space.distance(point, bytes, candidate.scale) < candidate.distance
            };
            if kept.iter().any(leads) {
                continue;
            }
            let point = self.space.load(bytes, candidate.scale);
            let link = Link {
                number: candidate.number,
                distance: candidate.distance,
                code: self.space.code(&point),
            };
            kept.push((link, point));
        }
        kept
    }

    /// Makes `link` a neighbour of `number`, as far as that one keeps it. `query` is the value that
    /// `link` leads to. Looks without a lock, and changes the page only if nothing has changed there
    /// since.
    pub(super) fn link_back(
        &self,
        number: u32,
        link: &Link,
        query: &mut V::Query,
        near: &mut Near,
        must: bool,
    ) -> Result<(), Error> {
        loop {
            let mut tables = Vec::new();
            let mut placement = None;
            self.look_for_placement(number, query, near, |node, near| {
                tables.extend_from_slice(node.tables());
                let known = near.numbers.contains(&link.number);
                placement = (node.live() && !known)
                    .then(|| place(node, near, link.distance, must))
                    .flatten();
            })?;
            let Some(placement) = placement else {
                return Ok(());
            };
            let mut edit = self.pages.change();
            let part = Part::Block(placement.lane / BLOCK_LANES);
            let same = edit.node(number, part, |node| {
                let same = node.read().live() && node.read().tables() == tables;
                if same {
                    node.set_lane(placement.lane, link);
                    placement
                        .empty
                        .iter()
                        .for_each(|lane| node.clear_lane(*lane));
                }
                same
            })?;
            if same {
                edit.commit()?;
                return Ok(());
            }
        }
    }

    /// Shows a node together with how far its neighbours are from a query.
    pub(super) fn look_for_placement(
        &self,
        number: u32,
        query: &mut V::Query,
        near: &mut Near,
        show: impl FnOnce(Node<'_>, &Near),
    ) -> Result<(), PageError> {
        let mut copy = Vec::new();
        self.space
            .look(&self.pages, number, query, near, |node, _| {
                copy.extend_from_slice(node.bytes);
            })?;
        if !copy.is_empty() {
            let shape = self.pages.shape();
            show(
                Node {
                    bytes: &copy,
                    shape,
                },
                near,
            );
        }
        Ok(())
    }
}
