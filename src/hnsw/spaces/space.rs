//! Space: what a graph needs to know of its values. Everything else is the same for all of them.

use crate::page::{PageError, PageStore};
use crate::values::{Sketches, Values};

use crate::hnsw::nodes::meta::Lengths;
use crate::hnsw::nodes::node::{Code, Node};
use crate::hnsw::nodes::pages::Pages;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::centred::{CentredCode, CentredQuery};

/// A value as a user gives it, of a space.
pub type ValueOf<'v, V> = <<V as Space>::Values as Values>::Value<'v>;

/// A value of a space that is ready to be measured.
pub type PointOf<V> = <<V as Space>::Values as Values>::Point;

/// How a walk gets by among values: what links carry, and how a node is looked at. A *query* is a point prepared for
/// many estimates.
pub trait Space: Sync {
    /// The values.
    type Values: Sketches;
    /// Prepared for a walk.
    type Query;
    /// A node's point, prepared for the codes of its links.
    type Origin;

    /// The values.
    fn values(&self) -> &Self::Values;

    /// The number of candidates with which a walk among `nodes` nodes finds as much as a walk by exact
    /// distances does with `ef`.
    fn widened_ef(&self, ef: usize, nodes: u64, lengths: &Lengths) -> usize;

    /// The length of a point, where estimates depend on how it compares with those in the index: None
    /// elsewhere.
    fn length(&self, _point: &PointOf<Self>) -> Option<f32> {
        None
    }

    /// Prepares a point for a walk. Estimates are made for `scale` times the point, and divided by it.
    fn query(&self, point: PointOf<Self>, scale: f32) -> Self::Query;

    /// The point of a query.
    fn point_of<'q>(&self, query: &'q Self::Query) -> &'q PointOf<Self>;

    /// Bytes that a query holds besides its point, for scans that account for them.
    fn query_bytes(&self, _query: &Self::Query) -> usize {
        0
    }

    /// Prepares a node's point for the codes of its links.
    fn origin(&self, from: PointOf<Self>) -> Self::Origin;

    /// What a link to `point` carries in the node that `origin` is of.
    fn code(&self, point: &PointOf<Self>, origin: &Self::Origin) -> Code;

    /// Bytes of the code of a point that stands alone ([`Outline`](crate::hnsw::Outline)); None where there are
    /// no such codes.
    fn centred_bytes(&self) -> Option<usize> {
        None
    }

    /// Writes the code of a point that stands alone.
    fn centred_code(&self, _point: &PointOf<Self>, _code: &mut [u8]) -> CentredCode {
        CentredCode::default()
    }

    /// Prepares a query for codes of points that stand alone, with `scale` as in [`query`](Self::query).
    fn centred_query(&self, _point: &PointOf<Self>, _scale: f32) -> Option<CentredQuery> {
        None
    }

    /// Adds a point to the sum of all, from which [`settle`](Self::settle) takes the centre.
    fn accumulate(&self, _point: &PointOf<Self>, _sum: &mut Vec<f64>) {}

    /// Learns from the sum of `rows` points, before any of them is encoded.
    fn settle(&mut self, _sum: &[f64], _rows: u64) {}

    /// What stands on the pages behind the meta page.
    fn centre(&self) -> &[f32] {
        &[]
    }

    /// Visits a node. Shows it with its distance to `see`, then fills `probe.near` with its neighbours and
    /// their distances, as well as these can be told. Leaves that empty if the slot holds no node. No lock is
    /// held afterwards.
    ///
    /// # Errors
    /// Where pages cannot be read.
    fn look<S: PageStore>(
        &self,
        pages: &Pages<'_, S>,
        number: u32,
        probe: &mut Probe<Self::Query>,
        see: impl FnOnce(Node<'_>, f32),
    ) -> Result<(), PageError>;
}

/// A query on its way.
pub struct Probe<Q> {
    /// Prepared for many estimates.
    pub query: Q,
    /// What it has seen last.
    pub near: Near,
    /// The node after the one that it looks at, or [`NONE`]. Who looks brings that closer part by
    /// part: see [`Pages::prefetch`].
    pub upcoming: u32,
}

impl<Q> Probe<Q> {
    /// A query that has seen nothing yet.
    pub fn new(query: Q) -> Self {
        Self {
            query,
            near: Near::default(),
            upcoming: NONE,
        }
    }
}

/// A node's neighbours by lane, and how far each is from a query.
#[derive(Debug, Default)]
pub struct Near {
    /// Node numbers, [`NONE`] in empty lanes.
    pub numbers: Vec<u32>,
    /// Distances or their estimates, infinite in empty lanes.
    pub distances: Vec<f32>,
    /// Nodes that were read for it so far, and slots with parts of their values.
    pub reads: u64,
}

impl Near {
    /// Empties it.
    pub fn clear(&mut self) {
        self.numbers.clear();
        self.distances.clear();
    }

    /// Takes over the numbers of a node's lanes; distances are infinite until they are set.
    pub fn fill(&mut self, node: Node<'_>) {
        self.clear();
        let lanes = node.shape.lanes;
        for block in 0..node.shape.blocks() {
            let numbers = node.numbers(block).as_chunks().0;
            self.numbers
                .extend(numbers.iter().map(|number| u32::from_ne_bytes(*number)));
        }
        self.numbers.resize(lanes, NONE);
        self.distances.resize(lanes, f32::INFINITY);
    }

    /// The lanes that are not empty.
    pub fn iter(&self) -> impl Iterator<Item = NearLane> {
        let both = self.numbers.iter().zip(&self.distances).enumerate();
        let lanes = both.map(|(lane, (number, distance))| NearLane {
            lane,
            number: *number,
            distance: *distance,
        });
        lanes.filter(|near| near.number != NONE)
    }
}

/// A neighbour in its lane.
#[derive(Clone, Copy, Debug)]
pub struct NearLane {
    /// The lane.
    pub lane: usize,
    /// The neighbour's node.
    pub number: u32,
    /// How far it is.
    pub distance: f32,
}
