//! Insert: one search, a new node, and a small change for each neighbour that links back.

use crate::index::{Error, Tid};
use crate::page::PageStore;
use crate::quantize::mixed;

use crate::hnsw::change::link::{Demand, Newcomer};
use crate::hnsw::change::select::{Candidate, Degree};
use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::{Link, MAX_LEVEL, NodeMut, SlotState};
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::{PointOf, Probe, Space, ValueOf};
use crate::values::Values;

/// A new node before it is placed: its query, its stored value, and its neighbours by level.
struct NewNode<V: Space> {
    probe: Probe<V::Query>,
    own: Vec<u8>,
    scale: f32,
    /// As it will be read.
    stored: PointOf<V>,
    neighbours: Vec<Vec<Link>>,
}

/// What an insert has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// Nodes read.
    pub reads: u64,
}

/// The level of a row, drawn from seed and tid: about one of `2 m` nodes of a level is on the next as well.
pub(in crate::hnsw) fn draw_level(seed: u64, row: u64, m: u16) -> u8 {
    let mut drawn = mixed(seed ^ row.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    // A level more each time that a digit of base 2m is zero.
    let base = 2 * u64::from(m.max(1));
    let mut level = 0;
    while level < MAX_LEVEL && drawn.is_multiple_of(base) {
        drawn /= base;
        level += 1;
    }
    level
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Adds a row. None where its value has no place in the metric (a zero vector under cosine),
    /// and the row is not in the index.
    ///
    /// A crash leaves the row in whole, or its node with some of its links, or slots that are reserved; the row's
    /// transaction is then undone, and vacuum removes what is left.
    ///
    /// # Errors
    /// Where the value has another size than those in the index, pages cannot be read or written, or
    /// no number is left.
    pub fn insert(&self, value: ValueOf<'_, V>, tid: Tid) -> Result<Option<Inserted>, Error> {
        self.space.values().verify(value)?;
        let Some(point) = self.space.values().point(value) else {
            return Ok(None);
        };
        let _writer = self.pages.store.writer();
        if let Some(length) = self.space.length(&point) {
            self.note_length(length)?;
        }
        let mut own = vec![0; self.space.values().stored_bytes(&point)];
        let scale = self.space.values().store(&point, &mut own);
        let stored = self.space.values().load(&own, scale);
        let mut new = NewNode::<V> {
            probe: Probe::new(self.query(point)?),
            own,
            scale,
            stored,
            neighbours: Vec::new(),
        };
        let level = draw_level(
            self.pages.parameters.seed,
            tid.place(),
            self.pages.parameters.m,
        );
        while !self.try_insert(&mut new, level, tid)? {}
        Ok(Some(Inserted {
            reads: new.probe.near.reads,
        }))
    }

    /// False if others have changed so much meanwhile that the insert has to be tried again.
    fn try_insert(&self, new: &mut NewNode<V>, level: u8, tid: Tid) -> Result<bool, Error> {
        let roots = self.pages.roots()?;
        // A new highest level is one above the last, and the first node lies on the ground.
        let level = if roots.entry == NONE {
            0
        } else {
            level.min(roots.top + 1)
        };
        if let Some(equal) = self.find_neighbours(new, level, roots.top)? {
            return self.add_tid(equal, &new.own, tid);
        }
        if new.neighbours.first().is_none_or(Vec::is_empty) {
            return self.insert_alone(new, roots.entry, tid);
        }
        let mut below = NONE;
        for (at, links) in (0..=level).zip(new.neighbours.clone()) {
            let rows = if at == 0 { &[tid][..] } else { &[] };
            let number = self.create_reserved(new, at, below, rows)?;
            if at > roots.top {
                self.raise(number, at)?;
            } else {
                self.link_in(number, &links, new)?;
            }
            below = number;
        }
        Ok(true)
    }

    /// Writes a node into a slot that stays reserved. It comes alive in the change by which something leads to it,
    /// so that whatever is alive can be reached, wherever a crash cuts the insert.
    fn create_reserved(
        &self,
        new: &NewNode<V>,
        level: u8,
        below: u32,
        rows: &[Tid],
    ) -> Result<u32, Error> {
        let mut bytes = self.node_bytes(new, level, below, rows);
        let mut node = NodeMut {
            bytes: &mut bytes,
            shape: self.shape(),
        };
        node.set_state(SlotState::Reserved);
        self.create_node(bytes, &new.own)
    }

    /// Adds the first row, or one that found dead nodes only, and makes it the entry. False where another became
    /// the entry.
    fn insert_alone(&self, new: &NewNode<V>, entry: u32, tid: Tid) -> Result<bool, Error> {
        let number = self.create_reserved(new, 0, NONE, &[tid])?;
        let mut edit = self.pages.change();
        let mut roots = edit.roots()?;
        if roots.entry != entry {
            return Ok(false);
        }
        (roots.entry, roots.top) = (number, 0);
        edit.set_roots(&roots)?;
        edit.enliven(number)?;
        edit.commit()?;
        Ok(true)
    }

    /// Finds the neighbours on all levels up to `level`, or, if a level has no live node, on the levels below
    /// the lowest such one: on none if the ground has none, as where all rows are gone. Gives a node that has
    /// the same value. A level above `top`, the highest that there is, has no neighbours.
    fn find_neighbours(
        &self,
        new: &mut NewNode<V>,
        level: u8,
        top: u8,
    ) -> Result<Option<u32>, Error> {
        new.neighbours = vec![Vec::new(); usize::from(level) + 1];
        for at in (0..=level).rev() {
            let candidates = self.find_near(&mut new.probe, at, self.beam)?;
            if candidates.list.is_empty() && at <= top {
                new.neighbours.truncate(at.into());
                continue;
            }
            if at == 0 {
                let equal = |candidate: &&Candidate| {
                    candidate.scale.to_bits() == new.scale.to_bits()
                        && candidates.own(candidate) == new.own
                };
                if let Some(equal) = candidates.list.iter().find(equal) {
                    return Ok(Some(equal.number));
                }
            }
            let degree = Degree::of(self.shape().degrees[usize::from(at > 0)]);
            let links = self.select(&candidates, &new.stored, degree);
            if let Some(place) = new.neighbours.get_mut(usize::from(at)) {
                *place = links;
            }
        }
        Ok(None)
    }

    /// Has the neighbours of a new node link back. The nearest one does in any case; if it cannot, the next one
    /// does. A node that none could link to is alive all the same, for it has a row.
    fn link_in(&self, number: u32, links: &[Link], new: &mut NewNode<V>) -> Result<(), Error> {
        let mut newcomer = Newcomer {
            number,
            point: &new.stored,
            links: links.iter().map(|to| to.number).collect(),
            leads: Vec::new(),
            demand: Demand::Always,
            alive: false,
        };
        for to in links {
            let linked = self.link_back(to.number, to.distance, &mut newcomer, &mut new.probe)?;
            if linked {
                newcomer.demand = Demand::IfBetter;
            }
        }
        if !newcomer.alive {
            let mut edit = self.pages.change();
            edit.enliven(number)?;
            edit.commit()?;
        }
        Ok(())
    }

    fn node_bytes(&self, new: &NewNode<V>, level: u8, below: u32, tids: &[Tid]) -> Vec<u8> {
        let mut bytes = vec![0; self.shape().bytes()];
        let mut node = NodeMut {
            bytes: &mut bytes,
            shape: self.shape(),
        };
        node.format(level, below);
        node.set_scale(new.scale);
        node.set_tids(tids);
        node.set_own(&new.own);
        let links = new.neighbours.get(usize::from(level));
        for (lane, link) in links.into_iter().flatten().enumerate() {
            node.set_lane(lane, link);
        }
        bytes
    }

    /// Notes that there is a value so long.
    fn note_length(&self, length: f32) -> Result<(), Error> {
        if self.pages.roots()?.lengths.take(length) {
            let mut edit = self.pages.change();
            let mut roots = edit.roots()?;
            if roots.lengths.take(length) {
                edit.set_roots(&roots)?;
                edit.commit()?;
            }
        }
        Ok(())
    }

    /// Brings a node of a new highest level to life, as the entry, unless another is by now.
    fn raise(&self, number: u32, level: u8) -> Result<(), Error> {
        let mut edit = self.pages.change();
        let mut roots = edit.roots()?;
        if roots.entry == NONE || roots.top < level {
            (roots.entry, roots.top) = (number, level);
            edit.set_roots(&roots)?;
        }
        edit.enliven(number)?;
        Ok(edit.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_thin_out_by_twice_m() {
        let mut counts = [0_u32; 4];
        for row in 0..320_000 {
            counts[usize::from(draw_level(7, row, 16)).min(3)] += 1;
        }
        assert!((9_500..10_200).contains(&counts[1]), "{counts:?}");
        assert!((250..370).contains(&counts[2]), "{counts:?}");
        assert!((3..20).contains(&counts[3]), "{counts:?}");
    }
}
