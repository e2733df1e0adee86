//! Sweep: the rows that a scan has not found by links. All slots are read, in several passes if the scan's memory
//! is too small for one.
//!
//! After deletions, or inserts that a crash has cut, a node may be out of reach, and still no row that
//! is there may be missing. The same way ends a scan that has become too large for its memory.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::index::Continue;
use crate::page::{PageError, PageStore};
use crate::search::Key;

use crate::hnsw::find::ground::VisitedNode;
use crate::hnsw::find::scan::Scan;
use crate::hnsw::spaces::space::Space;
use crate::values::Values;

/// Nodes that a pass keeps at least, however little memory there is.
const LEAST_SWEPT_NODES: usize = 1_024;

/// What the next pass looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hnsw) struct Sweep {
    /// Distance and number; nearer ones were given.
    low: Key,
    /// Not included.
    high: Key,
    /// Where a strict scan stood when it began: what is nearer comes last.
    late: Option<Key>,
}

impl Sweep {
    pub fn new(go_on: Continue, last: f32) -> Self {
        let start = Key::new(last, 0);
        let strict = go_on == Continue::Strict && last > f32::NEG_INFINITY;
        Self {
            low: if strict { start } else { Key::MIN },
            high: Key::MAX,
            late: strict.then_some(start),
        }
    }

    /// The pass that comes next, after one that was full up to `farthest`, or was not full.
    fn next(self, farthest: Option<Key>) -> Option<Self> {
        match (farthest, self.late) {
            (Some(farthest), _) => Some(Self {
                low: farthest.successor(),
                ..self
            }),
            (None, Some(start)) => Some(Self {
                low: Key::MIN,
                high: start,
                late: None,
            }),
            (None, None) => None,
        }
    }

    /// Whether it looks for what comes last.
    fn is_late(self) -> bool {
        self.high != Key::MAX
    }
}

struct SweptNode {
    key: Key,
    found: VisitedNode,
}

impl PartialEq for SweptNode {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for SweptNode {}

impl PartialOrd for SweptNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SweptNode {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl<S: PageStore, V: Space> Scan<'_, '_, S, V> {
    /// One pass over all slots; gives what the next one looks for.
    pub(in crate::hnsw) fn sweep(&mut self, sweep: Sweep) -> Result<Option<Sweep>, PageError> {
        if sweep.is_late() {
            self.last = f32::NEG_INFINITY;
            self.found.append(&mut self.late);
        }
        let room = (self.limits.memory / 2 / size_of::<SweptNode>()).max(LEAST_SWEPT_NODES);
        let nearest = self.nearest_unseen(sweep, room)?;
        let full = nearest.len() == room;
        let farthest = nearest.peek().map(|nearest| nearest.key).filter(|_| full);
        self.horizon = farthest.map_or(f32::INFINITY, Key::distance);
        self.found
            .extend(nearest.into_iter().map(|nearest| nearest.found));
        Ok(sweep.next(farthest).filter(|_| !self.is_spent()))
    }

    /// The nearest `room` nodes that a sweep looks for and no walk has visited.
    fn nearest_unseen(
        &mut self,
        sweep: Sweep,
        room: usize,
    ) -> Result<BinaryHeap<SweptNode>, PageError> {
        let (index, mut nearest) = (self.index, BinaryHeap::new());
        let point = index.space.point_of(&self.probe.query);
        for number in index.pages.slots(index.pages.roots()?.groups) {
            if number == self.left_out || self.swept.contains(number) {
                continue;
            }
            if self.is_spent() {
                break;
            }
            let reads = &mut self.probe.near.reads;
            let found = index.whole(number, reads, |node| {
                let ground = node.live() && node.level() == 0;
                ground.then(|| {
                    let distance = index
                        .space
                        .values()
                        .distance(point, node.own(), node.scale());
                    VisitedNode::new(number, node, distance)
                })
            })?;
            let Some(found) = found.flatten().filter(|found| !self.is_beyond(found)) else {
                continue;
            };
            let key = Key::new(found.distance, number);
            let near =
                nearest.len() < room || nearest.peek().is_some_and(|f: &SweptNode| key < f.key);
            if near && key >= sweep.low && key < sweep.high {
                nearest.try_reserve(1)?;
                nearest.push(SweptNode { key, found });
                if nearest.len() > room {
                    nearest.pop();
                }
            }
        }
        Ok(nearest)
    }
}
