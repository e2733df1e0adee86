//! Which neighbours a node keeps: those that no nearer neighbour leads to (the relative
//! neighbourhood rule; Malkov and Yashunin, 2018, algorithm 4).

use std::ops::Range;

use crate::page::{PageError, PageStore};

use super::error::Error;
use super::index::Index;
use super::node::{Link, Node};
use super::pages::Part;
use super::rest::Copied;
use super::shape::{BLOCK_LANES, NONE};
use super::space::{Near, Probe, Space};

/// A node that was seen and may become a neighbour.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub number: u32,
    pub distance: f32,
    pub scale: f32,
    /// Where its stored value is in the candidates' bytes.
    own: Range<usize>,
}

/// Nodes that an insert has seen on a level.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub list: Vec<Candidate>,
    bytes: Vec<u8>,
}

impl Candidates {
    /// Takes a node that may be linked to, with all of its value.
    pub fn see(&mut self, number: u32, node: Node<'_>, distance: f32) {
        if node.live() {
            self.list.push(Candidate {
                number,
                distance,
                scale: node.scale(),
                own: self.bytes.len()..self.bytes.len() + node.own().len(),
            });
            self.bytes.extend_from_slice(node.own());
        }
    }

    /// The stored value of a candidate.
    pub fn own(&self, candidate: &Candidate) -> &[u8] {
        self.bytes.get(candidate.own.clone()).unwrap_or_default()
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

/// A node's lanes, as a new neighbour sees them.
#[derive(Clone, Copy)]
pub(super) struct Lanes<'a> {
    /// Neighbours, [`NONE`] in empty lanes.
    pub numbers: &'a [u32],
    /// How far each is from the node.
    pub distances: &'a [f32],
}

impl Lanes<'_> {
    /// A lane that is empty, where the node has fewer than `max` neighbours.
    pub fn free(&self, max: usize) -> Option<usize> {
        let taken = self
            .numbers
            .iter()
            .filter(|number| **number != NONE)
            .count();
        let free = self.numbers.iter().position(|number| *number == NONE);
        free.filter(|_| taken < max)
    }

    /// Decides whether a full node takes a neighbour at `distance`: not if a nearer one leads to
    /// it, except that it `must`; then in place of those that it leads to, or of the farthest. `to`
    /// tells how far the neighbour in a lane is from the new one; it is asked as often as needed.
    pub fn displace(
        &self,
        distance: f32,
        must: bool,
        mut to: impl FnMut(usize) -> f32,
    ) -> Option<Placement> {
        let lanes = || {
            let all = self.numbers.iter().zip(self.distances).enumerate();
            all.filter(|(_, (number, _))| **number != NONE)
                .map(|(lane, (_, from))| (lane, *from))
        };
        let mut nearer = lanes().filter(|(_, from)| *from <= distance);
        if !must && nearer.any(|(lane, _)| to(lane) < distance) {
            return None;
        }
        let farther = lanes().filter(|(_, from)| *from > distance);
        let led = farther.filter(|(lane, from)| to(*lane) < *from);
        let mut empty: Vec<usize> = led.map(|(lane, _)| lane).collect();
        if let Some(lane) = empty.pop() {
            return Some(Placement { lane, empty });
        }
        let (lane, from) = lanes().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (must || from > distance).then_some(Placement { lane, empty })
    }
}

/// Decides from one page whether a node takes a neighbour at `distance`; `near` holds how far that
/// one is from the node's neighbours.
fn place(node: Node<'_>, near: &Near, distance: f32, must: bool) -> Option<Placement> {
    let distances: Vec<f32> = (0..node.shape.lanes)
        .map(|lane| node.distance(lane))
        .collect();
    let lanes = Lanes {
        numbers: &near.numbers,
        distances: &distances,
    };
    let to = |lane: usize| near.distances.get(lane).copied().unwrap_or(f32::INFINITY);
    match lanes.free(node.max_degree()) {
        Some(lane) => Some(Placement {
            lane,
            empty: Vec::new(),
        }),
        None => lanes.displace(distance, must, to),
    }
}

/// A node that others shall link to.
pub(super) struct Newcomer<'n, V: Space> {
    pub number: u32,
    /// Its value as it is stored.
    pub point: &'n V::Point,
    /// How far it is from the node that shall link to it.
    pub distance: f32,
    /// Whether that one takes it in any case.
    pub must: bool,
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Keeps of sorted candidates those that none of the nearer ones kept leads to, at most `max`, as
    /// links from the point `from`.
    pub(super) fn select(&self, candidates: &Candidates, from: &V::Point, max: usize) -> Vec<Link> {
        let mut kept: Vec<(Link, V::Point)> = Vec::new();
        let origin = self.space.origin(from.clone());
        for candidate in &candidates.list {
            if kept.len() == max {
                break;
            }
            let bytes = candidates.own(candidate);
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
                code: self.space.code(&point, &origin),
            };
            kept.push((link, point));
        }
        kept.into_iter().map(|(link, _)| link).collect()
    }

    /// Makes `new` a neighbour of `number`, as far as that one keeps it. Looks without a lock, and
    /// changes the page only if nothing has changed there since.
    pub(super) fn link_back(
        &self,
        number: u32,
        new: &Newcomer<'_, V>,
        probe: &mut Probe<V::Query>,
    ) -> Result<(), Error> {
        loop {
            let mut tables = Vec::new();
            let mut decided = None;
            self.look_for_placement(number, probe, |node, near| {
                if node.live() && !near.numbers.contains(&new.number) {
                    tables.extend_from_slice(node.tables());
                    decided = place(node, near, new.distance, new.must).map(|placement| {
                        let from = self.space.load(node.own(), node.scale());
                        let link = Link {
                            number: new.number,
                            distance: new.distance,
                            code: self.space.code(new.point, &self.space.origin(from)),
                        };
                        (placement, link)
                    });
                }
            })?;
            let Some((placement, link)) = decided else {
                return Ok(());
            };
            let mut edit = self.pages.change();
            let part = Part::Block(placement.lane / BLOCK_LANES);
            let same = edit.node(number, part, |node| {
                let same = node.read().live() && node.read().tables() == tables;
                if same {
                    node.set_lane(placement.lane, &link);
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
        probe: &mut Probe<V::Query>,
        show: impl FnOnce(Node<'_>, &Near),
    ) -> Result<(), PageError> {
        let mut copied = None;
        self.space.look(&self.pages, number, probe, |node, _| {
            copied = Some(Copied::new(node));
        })?;
        if let Some(copied) = copied {
            show(copied.node(), &probe.near);
        }
        Ok(())
    }
}
