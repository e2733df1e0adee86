//! Ground: the walk of a scan on the lowest level, and what it notes of the nodes that it visits.

use std::cmp::Ordering;

use crate::index::Tid;
use crate::page::PageStore;
use crate::search::{Graph, Key, Offers};

use crate::hnsw::find::descent::{Level, Met};
use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::{INLINE_TIDS, Node};
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::{Probe, Space};

/// A node that was visited, with what it says of its rows.
#[derive(Clone, Copy)]
pub(in crate::hnsw) struct VisitedNode {
    pub distance: f32,
    pub scale: f32,
    pub number: u32,
    pub tids: [Tid; INLINE_TIDS],
    pub killed: u8,
    /// How many tids there are.
    pub count: u8,
    /// Whether there are rows in chunks.
    pub more: bool,
}

impl VisitedNode {
    pub fn new(number: u32, node: Node<'_>, distance: f32) -> Self {
        let mut found = Self {
            distance,
            scale: node.scale(),
            number,
            tids: [Tid([0; 6]); INLINE_TIDS],
            killed: node.killed(),
            count: 0,
            more: node.live() && node.link() != NONE,
        };
        for (place, tid) in found.tids.iter_mut().zip(node.tids()) {
            *place = tid;
            found.count += 1;
        }
        found
    }

    /// Nearest first.
    pub fn order(a: &Self, b: &Self) -> Ordering {
        Key::new(a.distance, a.number).cmp(&Key::new(b.distance, b.number))
    }
}

/// A level without one of its nodes.
pub(in crate::hnsw) struct Without<L> {
    pub level: L,
    pub node: u32,
    /// Where the walk begins, whose links are followed in any case.
    pub start: u32,
}

impl<L: Graph> Graph for Without<L> {
    type Error = L::Error;

    fn visit(&mut self, number: u32, candidates: &mut impl Offers) -> Result<(), L::Error> {
        if number == self.node && number != self.start {
            return Ok(());
        }
        self.level.visit(number, candidates)
    }

    fn announce(&mut self, number: u32) {
        self.level.announce(number);
    }
}

/// A walk on the ground that notes what it visits, but for `left_out`.
pub(in crate::hnsw) fn ground<'i, 's, S: PageStore, V: Space>(
    index: &'i Index<'s, S, V>,
    probe: &'i mut Probe<V::Query>,
    found: &'i mut Vec<VisitedNode>,
    left_out: u32,
) -> Level<'i, 's, S, V, impl FnMut(u32, Node<'_>, f32)> {
    Level {
        index,
        height: 0,
        probe,
        see: move |number, node: Node<'_>, distance| {
            if number != left_out {
                found.push(VisitedNode::new(number, node, distance));
            }
        },
        met: Met::default(),
    }
}
