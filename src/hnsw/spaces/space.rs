//! Space: what a graph needs to know of its values. Everything else is the same for all of them.

use crate::index::Error;
use crate::page::{PageError, PageStore};

use crate::hnsw::meta::Lengths;
use crate::hnsw::nodes::node::{Code, Node};
use crate::hnsw::nodes::pages::Pages;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::outline::{Alone, AloneQuery};

/// Values of a kind under a metric: what they are, and how far apart. All that an index does with them rests on this.
///
/// A *value* is what a user has; a *point* is the same made ready to be measured (normalised, rotated); its *stored*
/// form lies in a node.
///
/// Distances, and what they may be off by, are in the *measure* of the space, which orders as the operator does and may
/// be cheaper: L2 squared, the inner product negated, cosine of dense vectors as L2 squared of unit vectors, which is
/// twice the operator's. All others (L1, Hamming, Jaccard, cosine of sparse vectors) are as the operator gives them.
pub trait Values: Sync {
    /// As a user gives it.
    type Value<'v>: Copy;
    /// Ready to be measured.
    type Point: Clone + Send + Sync;

    /// Whether a value has the size of those in the index.
    ///
    /// # Errors
    /// Where it has another.
    fn verify(&self, value: Self::Value<'_>) -> Result<(), Error>;

    /// Makes a value ready. None where it has no place in this metric: a zero vector has no angle.
    fn point(&self, value: Self::Value<'_>) -> Option<Self::Point>;

    /// Bytes of a point's stored form.
    fn stored_bytes(&self, point: &Self::Point) -> usize;

    /// Whether stored forms differ in size.
    fn varies(&self) -> bool {
        false
    }

    /// The size in bytes of a stored value of which a node holds `own`. It is more than `own` if the node has
    /// only a part.
    fn extent(&self, own: &[u8]) -> usize {
        own.len()
    }

    /// Writes the stored form, which takes all of `own`, and gives its scale.
    fn store(&self, point: &Self::Point, own: &mut [u8]) -> f32;

    /// Reads the stored form.
    fn load(&self, own: &[u8], scale: f32) -> Self::Point;

    /// How far a stored value is from a point, in the space's measure. Smaller is nearer.
    fn distance(&self, point: &Self::Point, own: &[u8], scale: f32) -> f32;

    /// The size of distances between points like this one, in the space's measure: of L2 and inner product the squared
    /// length of the point. Rounding is a share of it. Zero where distances are not rounded.
    fn unit(&self, point: &Self::Point) -> f32;

    /// The size, in the space's measure, of which the rounding error in the distance of the two points is a share.
    fn spread(&self, point: &Self::Point, _other: &Self::Point) -> f32 {
        self.unit(point)
    }

    /// How much, in the space's measure, the distance of a value that was stored with this scale may be off.
    fn doubt(&self, _point: &Self::Point, _distance: f32, _scale: f32) -> f32 {
        0.0
    }
}

/// Values with small stand-ins, by which builds measure.
pub trait Sketches: Values {
    /// Bytes of a sketch; None where the stored form serves, with its scale as the first number.
    fn sketch_bytes(&self) -> Option<usize> {
        None
    }

    /// Writes a small stand-in with which graphs are built, and gives two numbers that belong to it.
    fn sketch(&self, _point: &Self::Point, _sketch: &mut [u8]) -> [f32; 2] {
        [0.0; 2]
    }

    /// The distance of two values, as far as their sketches tell it.
    fn sketch_distance(&self, a: Sketch<'_>, b: Sketch<'_>) -> f32;
}

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
    fn candidates(&self, ef: usize, nodes: u64, lengths: &Lengths) -> usize;

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
    fn alone_bytes(&self) -> Option<usize> {
        None
    }

    /// Writes the code of a point that stands alone.
    fn code_alone(&self, _point: &PointOf<Self>, _code: &mut [u8]) -> Alone {
        Alone::default()
    }

    /// Prepares a query for codes of points that stand alone, with `scale` as in [`query`](Self::query).
    fn query_alone(&self, _point: &PointOf<Self>, _scale: f32) -> Option<AloneQuery> {
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

/// A stand-in for a value.
#[derive(Clone, Copy, Debug)]
pub struct Sketch<'a> {
    /// [`Sketches::sketch_bytes`] bytes, or the stored form.
    pub bytes: &'a [u8],
    /// What [`Sketches::sketch`] gave, or scale and zero.
    pub numbers: [f32; 2],
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

    /// Lane, number and distance of each neighbour.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u32, f32)> {
        let both = self.numbers.iter().zip(&self.distances);
        let lanes = both.enumerate().map(|(lane, (n, d))| (lane, *n, *d));
        lanes.filter(|(_, number, _)| *number != NONE)
    }
}
