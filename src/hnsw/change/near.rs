//! Nearest live nodes of a value on one level, whatever a vacuum does meanwhile.

use crate::index::Error;
use crate::page::{PageError, PageStore};
use crate::search::{Beam, Frontier, Offers, advance, walk};

use crate::hnsw::change::select::Candidates;
use crate::hnsw::find::descent::{ATTEMPTS, Level, Met, no_start};
use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::Node;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::{Probe, Space};

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// The live nodes of a level that a search with a beam of `width` visits, nearest first; on the ground
    /// none only where no live node is.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub(in crate::hnsw) fn find_near(
        &self,
        probe: &mut Probe<V::Query>,
        level: u8,
        width: usize,
    ) -> Result<Candidates, Error> {
        let mut candidates = self.candidates_on(probe, level, width)?;
        candidates.sort();
        Ok(candidates)
    }

    /// Live nodes of a level near the probe's point, in no order; on the ground none only where no live
    /// node is.
    fn candidates_on(
        &self,
        probe: &mut Probe<V::Query>,
        at: u8,
        width: usize,
    ) -> Result<Candidates, Error> {
        let mut last = (NONE, Met::default());
        for _ in 0..ATTEMPTS {
            let Some(start) = self.descend(probe, at)? else {
                return Ok(Candidates::default());
            };
            let (near, met) = self.walk_from(start, at, width, probe)?;
            if met.live {
                return Ok(near);
            }
            last = (start, met);
            if !met.is_lost() {
                break;
            }
        }
        let (start, met) = last;
        if !met.dead {
            return Err(no_start(start).into());
        }
        // The beam is full of dead nodes: rows that went together lie together.
        let far = self.first_live_from(start, at, probe)?;
        if at > 0 || !far.list.is_empty() {
            return Ok(far);
        }
        match self.any_live()? {
            Some(live) => Ok(self.walk_from(live, at, width, probe)?.0),
            None => Ok(far),
        }
    }

    fn walk_from(
        &self,
        start: u32,
        at: u8,
        width: usize,
        probe: &mut Probe<V::Query>,
    ) -> Result<(Candidates, Met), PageError> {
        let (mut candidates, mut beam) = (Candidates::default(), Beam::new(width));
        beam.push(f32::MAX, start);
        let mut level = Level {
            index: self,
            height: at,
            probe,
            see: |number, node: Node<'_>, distance| candidates.see(number, node, distance),
            met: Met::default(),
        };
        walk(&mut level, &mut beam)?;
        let met = level.met;
        Ok((candidates, met))
    }

    /// Walks on until it has met a live node, or all nodes that `start` leads to.
    fn first_live_from(
        &self,
        start: u32,
        at: u8,
        probe: &mut Probe<V::Query>,
    ) -> Result<Candidates, PageError> {
        let (mut candidates, mut frontier) = (Candidates::default(), Frontier::default());
        frontier.offer(&[start], &[f32::MAX], 1);
        let mut level = Level {
            index: self,
            height: at,
            probe,
            see: |number, node: Node<'_>, distance| candidates.see(number, node, distance),
            met: Met::default(),
        };
        while !level.met.live && frontier.nearest() < f32::INFINITY {
            advance(&mut level, &mut frontier, self.beam)?;
        }
        Ok(candidates)
    }

    /// Any live node of the ground: for a row that would otherwise have no node to link to.
    fn any_live(&self) -> Result<Option<u32>, PageError> {
        for number in self.pages.slots(self.pages.roots()?.groups) {
            if self
                .pages
                .read(number, |node| node.live() && node.level() == 0)?
            {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }
}
