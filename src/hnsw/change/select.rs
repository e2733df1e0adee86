//! Selection of neighbours: a node keeps those that no nearer neighbour leads to (the relative neighbourhood rule;
//! Malkov and Yashunin, 2018, algorithm 4), and more where these are few.
//!
//! The rule alone fails where one node is nearer to all others than those are to one another: a row near
//! the middle of all, or a long one under inner product. Every node then keeps that one, which has room for
//! a few dozen links of its own. So where the rule keeps fewer than [`Degree::least`], it is applied again
//! to those that it has passed over, as if those that are kept were not there. That gives neighbours in all
//! directions; the nearest that were passed over would lie in one tight group, and walks would stay in it.
//!
//! A neighbour that is just as near to a candidate as the node is leads there, too. Distances of bits are often equal:
//! where many rows are as far from one another as all of them from their middle, they would otherwise keep links to
//! nothing else.

use std::ops::Range;

use crate::page::PageStore;

use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::{Link, Node};
use crate::hnsw::spaces::space::{PointOf, Space};
use crate::values::Values;

/// A node that was seen and may become a neighbour.
#[derive(Clone, Debug)]
pub(in crate::hnsw) struct Candidate {
    pub number: u32,
    pub distance: f32,
    pub scale: f32,
    /// Where its stored value is in the candidates' bytes.
    own: Range<usize>,
}

/// Nodes that an insert has seen on a level.
#[derive(Debug, Default)]
pub(in crate::hnsw) struct Candidates {
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

/// How many neighbours a node keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hnsw) struct Degree {
    /// At most.
    pub max: usize,
    /// At least, as far as there are candidates.
    pub least: usize,
}

/// A node gets at least three eighths of the links that it may have, if there are candidates.
const LEAST_EIGHTHS: usize = 3;

impl Degree {
    /// Of a node that may have `max` links.
    pub fn of(max: usize) -> Self {
        let least = (LEAST_EIGHTHS * max).div_ceil(8);
        Self { max, least }
    }

    /// What is left of the degree where a node has `links` links already and gets at most `more` new ones.
    pub fn beside(self, links: usize, more: usize) -> Self {
        let max = self.max.saturating_sub(links).min(more);
        let least = self.least.saturating_sub(links).min(max);
        Self { max, least }
    }

    /// Chooses among `count` candidates, the nearest first. `leads(near, far)` says whether one candidate
    /// leads to another that is farther from the node.
    pub fn choose(self, count: usize, mut leads: impl FnMut(usize, usize) -> bool) -> Vec<usize> {
        let mut kept: Vec<usize> = Vec::with_capacity(self.max.min(count));
        let (mut left, mut room): (Vec<usize>, _) = ((0..count).collect(), self.max);
        loop {
            let first = kept.len();
            let mut passed_over = Vec::new();
            for candidate in left {
                if kept.len() >= room {
                    break;
                }
                if kept[first..].iter().any(|near| leads(*near, candidate)) {
                    passed_over.push(candidate);
                } else {
                    kept.push(candidate);
                }
            }
            if passed_over.is_empty() || kept.len() >= self.least {
                return kept;
            }
            (left, room) = (passed_over, self.least);
        }
    }
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Chooses among sorted candidates, as links from the point `from`.
    pub(in crate::hnsw) fn select(
        &self,
        candidates: &Candidates,
        from: &PointOf<V>,
        degree: Degree,
    ) -> Vec<Link> {
        let origin = self.space.origin(from.clone());
        let list = &candidates.list;
        let mut points: Vec<Option<PointOf<V>>> = vec![None; list.len()];
        let load = |candidate: &Candidate| {
            self.space
                .values()
                .load(candidates.own(candidate), candidate.scale)
        };
        let kept = degree.choose(list.len(), |near, other| {
            let (Some(nearer), Some(point), Some(candidate)) =
                (list.get(near), points.get_mut(near), list.get(other))
            else {
                return false;
            };
            let point = point.get_or_insert_with(|| load(nearer));
            let bytes = candidates.own(candidate);
            self.space.values().distance(point, bytes, candidate.scale) <= candidate.distance
        });
        let mut link = |at: usize| {
            let candidate = list.get(at)?;
            let point = points
                .get_mut(at)?
                .take()
                .unwrap_or_else(|| load(candidate));
            Some(Link {
                number: candidate.number,
                distance: candidate.distance,
                code: self.space.code(&point, &origin),
            })
        };
        kept.into_iter().filter_map(&mut link).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on a line, from a node at zero.
    fn choose(points: &[f32], degree: Degree) -> Vec<f32> {
        let leads =
            |near: usize, far: usize| (points[near] - points[far]).abs() < points[far].abs();
        let chosen = degree.choose(points.len(), leads);
        chosen.into_iter().map(|at| points[at]).collect()
    }

    #[test]
    fn keeps_what_no_nearer_one_leads_to_and_then_what_was_passed_over() {
        let points = [1.0, -1.5, 2.0, 3.0, -4.0];
        let degree = |max, least| Degree { max, least };
        assert_eq!(choose(&points, degree(4, 0)), [1.0, -1.5]);
        assert_eq!(choose(&points, degree(4, 3)), [1.0, -1.5, 2.0]);
        assert_eq!(choose(&points, degree(4, 4)), [1.0, -1.5, 2.0, -4.0]);
        assert_eq!(choose(&points, degree(9, 9)), [1.0, -1.5, 2.0, -4.0, 3.0]);
        assert_eq!(choose(&points, degree(1, 1)), [1.0]);
        assert_eq!(choose(&points, degree(0, 0)), [0.0; 0]);
    }

    #[test]
    fn a_node_that_has_links_needs_fewer() {
        let degree = Degree::of(32);
        assert_eq!((degree.max, degree.least), (32, 12));
        let beside = degree.beside(10, 5);
        assert_eq!((beside.max, beside.least), (5, 2));
        let beside = degree.beside(31, 5);
        assert_eq!((beside.max, beside.least), (1, 0));
    }
}
