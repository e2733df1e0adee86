//! From the entry down to one level.

use crate::page::{PageError, PageStore};
use crate::quantize::nearer;
use crate::search::{Beam, Graph, Offers, walk};

use super::index::Index;
use super::node::Node;
use super::shape::{BLOCK_LANES, NONE};
use super::space::{Probe, Space};

/// Candidates kept on levels above the one that is asked for: one alone is led astray by estimates.
const UPPER_BEAM: usize = 1;

/// A walk on one level, showing each node it visits.
pub(super) struct Level<'i, 's, S, V: Space, F> {
    pub index: &'i Index<'s, S, V>,
    pub height: u8,
    pub probe: &'i mut Probe<V::Query>,
    pub see: F,
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
        let mut elsewhere = false;
        let space = &self.index.space;
        space.look(pages, number, self.probe, |node, distance| {
            // A slot that was freed and taken by a node of another level.
            elsewhere = node.level() != level;
            if !elsewhere {
                see(number, node, distance);
            }
        })?;
        pages.prefetch(self.probe.upcoming, 2);
        if !elsewhere {
            let near = &self.probe.near;
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
struct Step {
    distance: f32,
    below: u32,
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Walks from the entry to the level above `level`, and gives the node of `level`
    /// where to go on; None where the index has no such level.
    pub(super) fn descend(
        &self,
        probe: &mut Probe<V::Query>,
        level: u8,
    ) -> Result<Option<u32>, PageError> {
        let roots = self.pages.roots()?;
        if roots.entry == NONE || roots.top < level {
            return Ok(None);
        }
        let mut beam = Beam::new(UPPER_BEAM);
        let mut start = roots.entry;
        for above in (level..roots.top).rev().map(|below| below + 1) {
            let mut best: Option<Step> = None;
            beam.clear(UPPER_BEAM);
            beam.push(f32::MAX, start);
            let mut level = Level {
                index: self,
                height: above,
                probe,
                see: |_, node: Node<'_>, distance| {
                    if best.is_none_or(|best| distance < best.distance) {
                        let below = node.link();
                        best = Some(Step { distance, below });
                    }
                },
            };
            walk(&mut level, &mut beam)?;
            match best {
                Some(step) => start = step.below,
                None => return Ok(None),
            }
        }
        Ok(Some(start))
    }
}
