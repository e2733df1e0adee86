//! Values whose links carry no codes. A visit reads the neighbours themselves to learn how far they are, each once
//! in a search.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::index::Error;
use crate::page::{Format, PageError, PageStore};

use crate::hnsw::nodes::meta::{Lengths, META, Parameters};
use crate::hnsw::nodes::node::{Code, Node};
use crate::hnsw::nodes::pages::Pages;
use crate::hnsw::nodes::shape::{NONE, Shape};
use crate::hnsw::options::Options;
use crate::hnsw::spaces::space::{Probe, Space};
use crate::values::Measure;

/// Values under a measure, linked without codes.
pub struct Plain<M> {
    measure: M,
}

impl<M: Measure> Plain<M> {
    pub(in crate::hnsw) fn new(measure: M) -> Self {
        Self { measure }
    }

    /// The measure.
    pub fn measure(&self) -> &M {
        &self.measure
    }

    /// The space of an index that is there.
    pub(in crate::hnsw) fn open(parameters: &Parameters) -> Result<Self, Error> {
        let Parameters {
            kind, metric, form, ..
        } = *parameters;
        let shape = parameters.shape;
        let measure = M::open([kind, metric, form], parameters.dims, shape.own);
        let space = measure.map(Self::new);
        let space = space.ok_or(Error::OtherSpace { kind, metric, form })?;
        if shape == Shape::plain(parameters.m.into(), shape.own) && parameters.centre_pages == 0 {
            return Ok(space);
        }
        let reason = format!("nodes of {} links in shape {shape:?}", parameters.m);
        Err(Error::Page(PageError::Corrupt {
            block: META,
            reason: reason.into(),
        }))
    }

    /// What an index of such values will never change.
    pub(in crate::hnsw) fn parameters(&self, options: &Options) -> Parameters {
        let [kind, metric, form] = self.measure.tag();
        Parameters {
            format: Format::LATEST,
            kind,
            metric,
            form,
            m: options.m,
            dims: self.measure.dims(),
            seed: options.seed,
            centre_pages: 0,
            shape: Shape::plain(options.m.into(), self.measure.own_bytes()),
        }
    }
}

/// Candidates beyond those asked for. pgvector fills up a node's links with neighbours that the pruning rule
/// passes over, and its walks have more to choose from. Recall of 128 dimensions, uniform, L1, `ef` 40: 0.880,
/// with 8 more 0.908, pgvector 0.877.
const MORE_CANDIDATES: usize = 8;

/// How many neighbours ahead a whole node is prefetched; of the others only the first part is, at once.
const NEIGHBOURS_AHEAD: usize = 2;

/// Node numbers are spread by one multiplication.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A point and the nodes that were measured from it. If a slot was given to another node since, its distance is
/// that of the first node: an estimate, until the slot is visited.
pub struct PlainQuery<P> {
    point: P,
    known: HashMap<u32, f32, BuildHasherDefault<NumberHasher>>,
    /// Lanes and numbers of neighbours that are to be measured.
    fresh: Vec<(usize, u32)>,
}

impl<M: Measure> Plain<M> {
    fn measured(&self, point: &M::Point, node: Node<'_>) -> f32 {
        self.measure.distance(point, node.own(), node.scale())
    }

    /// Fills in the distances of the neighbours in `probe.near`, infinite if a slot holds no node any more.
    /// Their numbers were copied: no lock is held.
    fn measure_near<S: PageStore>(
        &self,
        pages: &Pages<'_, S>,
        probe: &mut Probe<PlainQuery<M::Point>>,
    ) -> Result<(), PageError> {
        let Probe { query, near, .. } = probe;
        let PlainQuery {
            point,
            known,
            fresh,
        } = query;
        fresh.clear();
        for (lane, number) in near.numbers.iter().enumerate() {
            if let Some(distance) = known.get(number) {
                near.distances[lane] = *distance;
            } else if *number != NONE {
                pages.prefetch(*number, 0);
                fresh.push((lane, *number));
            }
        }
        for (at, (lane, number)) in fresh.iter().enumerate() {
            if let Some((_, ahead)) = fresh.get(at + NEIGHBOURS_AHEAD) {
                (1..4).for_each(|part| pages.prefetch(*ahead, part));
            }
            let measure = |node: Node<'_>| self.measured(point, node);
            let distance = pages.whole(self.values(), *number, &mut near.reads, measure)?;
            let distance = distance.unwrap_or(f32::INFINITY);
            known.try_reserve(1)?;
            known.insert(*number, distance);
            near.distances[*lane] = distance;
        }
        Ok(())
    }
}

impl<M: Measure> Space for Plain<M> {
    type Values = M;
    type Query = PlainQuery<M::Point>;
    type Origin = ();

    fn values(&self) -> &M {
        &self.measure
    }

    fn widened_ef(&self, ef: usize, _nodes: u64, _lengths: &Lengths) -> usize {
        ef + MORE_CANDIDATES
    }

    fn query(&self, point: M::Point, _scale: f32) -> PlainQuery<M::Point> {
        PlainQuery {
            point,
            known: HashMap::default(),
            fresh: Vec::new(),
        }
    }

    fn point_of<'q>(&self, query: &'q PlainQuery<M::Point>) -> &'q M::Point {
        &query.point
    }

    fn query_bytes(&self, query: &PlainQuery<M::Point>) -> usize {
        // A number, a distance and a byte of the table's own.
        query.known.capacity() * 9
    }

    fn origin(&self, _from: M::Point) {}

    fn code(&self, _point: &M::Point, _origin: &()) -> Code {
        Code::default()
    }

    fn look<S: PageStore>(
        &self,
        pages: &Pages<'_, S>,
        number: u32,
        probe: &mut Probe<PlainQuery<M::Point>>,
        see: impl FnOnce(Node<'_>, f32),
    ) -> Result<(), PageError> {
        let Probe { query, near, .. } = probe;
        near.clear();
        query.known.try_reserve(1)?;
        let mut reads = 0;
        pages.whole(self.values(), number, &mut reads, |node| {
            // Measured again: the slot may have been given to another node.
            let distance = self.measured(&query.point, node);
            query.known.insert(number, distance);
            near.fill(node);
            see(node, distance);
        })?;
        near.reads += reads;
        self.measure_near(pages, probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{SparseMetric, SparseVectors};

    #[test]
    fn eleven_nodes_of_sparse_vectors_lie_on_a_page_and_the_largest_on_one() {
        let own = SparseVectors::new(SparseMetric::L2, 5).own_bytes();
        assert_eq!(Shape::plain(16, own).slots(), 11);
        assert!((2..=100).all(|m| Shape::plain(m, own).pages() == 1));
    }
}
