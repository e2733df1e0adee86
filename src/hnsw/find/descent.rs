//! Descent: from the entry down to one level.

use crate::page::{PageError, PageStore};
use crate::quantize::nearer;
use crate::search::{Beam, Graph, Offers, walk};

use crate::hnsw::index::Index;
use crate::hnsw::nodes::meta::Roots;
use crate::hnsw::nodes::node::{Node, corrupt};
use crate::hnsw::nodes::shape::{BLOCK_LANES, NONE};
use crate::hnsw::spaces::space::{Probe, Space};

/// Candidates kept on levels above the one that is asked for. Two cost three more pages a query and find as
/// much (`MEASURED.md`).
const UPPER_BEAM: usize = 1;

/// How often a walk starts over because a vacuum has freed the node where it was to start. The links of
/// the level above lead to live nodes only before a vacuum frees the others, so the next start is there,
/// unless another vacuum has come in between: each time.
pub(in crate::hnsw) const ATTEMPTS: usize = 16;

/// What a walk on one level has met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::hnsw) struct Met {
    pub live: bool,
    pub dead: bool,
    /// A slot that holds no node of this level any more.
    gone: bool,
}

impl Met {
    /// Whether the walk has lost its way: vacuum has freed the slot that led to live nodes.
    pub fn is_lost(self) -> bool {
        self.gone && !self.live
    }
}

/// A walk on one level, showing each node it visits.
pub(in crate::hnsw) struct Level<'i, 's, S, V: Space, F> {
    pub index: &'i Index<'s, S, V>,
    pub height: u8,
    pub probe: &'i mut Probe<V::Query>,
    pub see: F,
    pub met: Met,
}

impl<S, V, F> Graph for Level<'_, '_, S, V, F>
where
    S: PageStore,
    V: Space,
    F: FnMut(u32, Node<'_>, f32),
{
    type Error = PageError;

    fn visit(&mut self, number: u32, candidates: &mut impl Offers) -> Result<(), PageError> {
        let (pages, level, see) = (&self.index.pages, self.height, &mut self.see);
        let (mut here, mut elsewhere) = (false, false);
        let (space, met) = (&self.index.space, &mut self.met);
        space.look(pages, number, self.probe, |node, distance| {
            // A slot that was freed and taken by a node of another level.
            elsewhere = node.level() != level;
            if !elsewhere {
                here = true;
                let met = if node.live() {
                    &mut met.live
                } else {
                    &mut met.dead
                };
                *met = true;
                see(number, node, distance);
            }
        })?;
        self.met.gone |= !here;
        pages.prefetch(self.probe.upcoming, 2);
        if !elsewhere {
            let near = &self.probe.near;
            candidates.make_room(near.numbers.len())?;
            let numbers = near.numbers.chunks(BLOCK_LANES);
            for (numbers, distances) in numbers.zip(near.distances.as_chunks().0) {
                let near = nearer(distances, candidates.bound());
                candidates.offer(numbers, distances, near);
            }
        }
        pages.prefetch(self.probe.upcoming, 3);
        self.probe.upcoming = NONE;
        Ok(())
    }

    fn announce(&mut self, number: u32) {
        self.probe.upcoming = number;
        self.index.pages.prefetch(number, 0);
    }
}

/// The distance of the nearest node that a walk has seen on a level, and the node below it.
#[derive(Clone, Copy, Debug)]
struct DescentStep {
    distance: f32,
    below: u32,
}

/// Where a descent has come to.
enum Descent {
    /// The node of the level that was asked for where a walk may start.
    At(u32),
    /// A node that was freed when the walk came to it.
    Lost(u32),
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Walks from the entry to the level above `level`, and gives the node of `level`
    /// where to go on; None where the index has no such level.
    ///
    /// A vacuum may free a node between the read of what leads to it and its own: then the descent starts
    /// over. That holds for the node that this gives too, so a walk that [is lost](Met::is_lost)
    /// asks again.
    pub(in crate::hnsw) fn descend(
        &self,
        probe: &mut Probe<V::Query>,
        level: u8,
    ) -> Result<Option<u32>, PageError> {
        let mut gone = NONE;
        for _ in 0..ATTEMPTS {
            let roots = self.pages.roots()?;
            if roots.entry == NONE || roots.top < level {
                return Ok(None);
            }
            match self.descend_from(&roots, probe, level)? {
                Descent::At(start) => return Ok(Some(start)),
                Descent::Lost(start) => gone = start,
            }
        }
        Err(no_start(gone))
    }

    fn descend_from(
        &self,
        roots: &Roots,
        probe: &mut Probe<V::Query>,
        level: u8,
    ) -> Result<Descent, PageError> {
        let mut beam = Beam::new(UPPER_BEAM);
        let mut start = roots.entry;
        for above in (level..roots.top).rev().map(|below| below + 1) {
            let mut best: Option<DescentStep> = None;
            beam.clear(UPPER_BEAM);
            beam.push(f32::MAX, start);
            let mut level = Level {
                index: self,
                height: above,
                probe,
                see: |_, node: Node<'_>, distance| {
                    if best.is_none_or(|best| distance < best.distance) {
                        let below = node.link();
                        best = Some(DescentStep { distance, below });
                    }
                },
                met: Met::default(),
            };
            walk(&mut level, &mut beam)?;
            match best {
                Some(step) => start = step.below,
                None => return Ok(Descent::Lost(start)),
            }
        }
        Ok(Descent::At(start))
    }
}

/// The error of a walk whose start is no node, however often it asks for one.
pub(in crate::hnsw) fn no_start(number: u32) -> PageError {
    corrupt(number, "no node where a walk starts")
}
