//! Limits of a scan, where it ends before it has given all rows: the number of nodes that it may read, and the
//! distance up to which rows are wanted.

use crate::index::{Continue, Error};
use crate::page::PageStore;

use crate::hnsw::find::ground::VisitedNode;
use crate::hnsw::find::scan::{Scan, Stage};
use crate::hnsw::find::sweep::Sweep;
use crate::hnsw::spaces::space::Space;
use crate::values::Values;

/// What a scan may take, and what it looks for.
#[derive(Clone, Copy, Debug)]
pub(in crate::hnsw) struct Limits {
    /// Bytes of memory.
    pub memory: usize,
    /// Nodes read.
    pub nodes: u64,
    /// The distance, in the space's measure, up to which rows are wanted.
    pub distance: f32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: usize::MAX,
            nodes: u64::MAX,
            distance: f32::INFINITY,
        }
    }
}

/// On which sides of [`Limits::distance`] nodes have come.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::hnsw) struct ReachedSides {
    /// One beyond it would have been given.
    pub beyond: bool,
    /// One within it was given since the search went on.
    pub within: bool,
}

impl<S: PageStore, V: Space> Scan<'_, '_, S, V> {
    /// Bounds the memory of a scan that goes on. A scan that would need more reads the index in the order of
    /// its pages, several times if it must, and still gives every row.
    pub fn limit_memory(&mut self, bytes: usize) {
        self.limits.memory = bytes;
    }

    /// Bounds the number of nodes that a scan reads. When it has read them, it gives the rows found by then, in
    /// order.
    pub fn limit_nodes(&mut self, nodes: u64) {
        self.limits.nodes = nodes;
    }

    /// Leaves out rows that are farther than `distance` for sure, in the space's measure. The scan ends when it
    /// would give a row beyond `distance` after the first walk; later it ends when a step has also found none
    /// within. So it gives at least the rows that a scan without this limit would give before the first one
    /// beyond.
    pub fn limit_distance(&mut self, distance: f32) {
        self.limits.distance = distance;
    }

    /// How much the distance of a node may be off.
    pub(in crate::hnsw) fn doubt(&self, found: &VisitedNode) -> f32 {
        let space = &self.index.space;
        let point = space.point_of(&self.probe.query);
        space.values().doubt(point, found.distance, found.scale)
    }

    /// Whether a node is farther than rows are wanted.
    pub(in crate::hnsw) fn is_beyond(&self, found: &VisitedNode) -> bool {
        let limit = self.limits.distance;
        found.distance > limit && found.distance - self.doubt(found) > limit
    }

    /// Whether it has read as many nodes as it may.
    pub(in crate::hnsw) fn is_spent(&self) -> bool {
        self.nodes_read() >= self.limits.nodes
    }

    /// Whether it shall not search on.
    pub(in crate::hnsw) fn is_over(&self) -> bool {
        let passed = self.stage == Stage::Walked || !self.reached.within;
        self.is_spent() || (self.reached.beyond && passed)
    }

    /// So many visits, or as many as are left.
    pub(in crate::hnsw) fn visits(&self, wanted: usize) -> usize {
        let left = self.limits.nodes.saturating_sub(self.nodes_read()).max(1);
        usize::try_from(left).map_or(wanted, |left| wanted.min(left))
    }

    /// Gives all that was found, however little the search has seen around it.
    pub(in crate::hnsw) fn drain(&mut self) {
        self.horizon = f32::INFINITY;
        self.stage = Stage::Draining;
    }

    /// The sweep that begins now. If the scan may not read all slots, no slot is read twice to give late rows
    /// in order; these rows wait among the late ones.
    pub(in crate::hnsw) fn begin_sweep(&self) -> Sweep {
        if self.limits.nodes == u64::MAX {
            Sweep::new(self.go_on, self.last)
        } else {
            Sweep::new(Continue::Relaxed, self.last)
        }
    }

    /// Gives the rows that are nearer than a row given before them, and ends.
    pub(in crate::hnsw) fn give_late(&mut self) -> Result<(), Error> {
        self.found.try_reserve(self.late.len())?;
        self.last = f32::NEG_INFINITY;
        self.found.append(&mut self.late);
        self.horizon = f32::INFINITY;
        self.stage = Stage::Ended;
        Ok(())
    }
}
