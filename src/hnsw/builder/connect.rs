//! Reachability in a build: every value can be reached from the entry by links of its level. Pruning and threads
//! leave a few values out of reach; they leave many where some values are nearer to all others than those are to
//! one another. These are linked here, and every value that was reached stays reached.

use std::sync::PoisonError;

use crate::bulk::Steps;
use crate::index::{Error, filled, with_room};

use super::graph::{BuildLink, Links, SearchStart};
use super::walk::Scratch;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::Space;

/// The values that were reached on a level: each one's parent in a tree of links, [`NONE`] if there is none
/// yet. The root is its own parent.
struct Tree {
    level: u8,
    parents: Vec<u32>,
    stack: Vec<u32>,
}

impl Tree {
    fn is_reached(&self, value: u32) -> bool {
        let parent = self.parents.get(value as usize);
        parent.is_some_and(|parent| *parent != NONE)
    }

    /// Whether the tree needs the link from one value to another.
    fn needs(&self, from: u32, to: u32) -> bool {
        self.parents.get(to as usize) == Some(&from)
    }

    /// Takes a value in; it is new.
    fn reach(&mut self, value: u32, parent: u32) {
        if let Some(place) = self.parents.get_mut(value as usize)
            && *place == NONE
        {
            *place = parent;
            self.stack.push(value);
        }
    }
}

impl<V: Space> Links<'_, V> {
    /// Makes every value reachable from the entry, level by level.
    pub fn connect(&self, ef: usize, steps: &mut Steps<'_>) -> Result<(), Error> {
        let entry = *self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(SearchStart {
            value: entry,
            level: top,
        }) = entry
        else {
            return Ok(());
        };
        let mut scratch = Scratch::new(self.rows.len(), ef)?;
        for level in 0..=top {
            let mut tree = Tree {
                level,
                parents: filled(NONE, self.rows.len())?,
                stack: with_room(self.rows.len())?,
            };
            tree.reach(entry, entry);
            self.follow(&mut tree, steps)?;
            for (value, own) in (0_u32..).zip(self.lists.levels) {
                if *own >= level && !tree.is_reached(value) {
                    let parent = self.adopt(value, entry, &tree, &mut scratch);
                    tree.reach(value, parent);
                    self.follow(&mut tree, steps)?;
                }
            }
        }
        Ok(())
    }

    /// Follows links from what was reached last.
    fn follow(&self, tree: &mut Tree, steps: &mut Steps<'_>) -> Result<(), Error> {
        while let Some(value) = tree.stack.pop() {
            steps.step()?;
            for near in self.neighbours(value, tree.level) {
                tree.reach(near.value, value);
            }
        }
        Ok(())
    }

    /// Links `value` from a value that was reached, and gives that one: a near one that has a free lane, or a
    /// link that the tree does not need.
    fn adopt(&self, value: u32, entry: u32, tree: &Tree, scratch: &mut Scratch) -> u32 {
        let mut near = self.neighbours(value, tree.level);
        near.retain(|near| tree.is_reached(near.value));
        near.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let mut linked = near.iter().find(|near| self.link_over(**near, value, tree));
        if linked.is_none() {
            let from = SearchStart {
                value: entry,
                level: tree.level,
            };
            self.search(value, from, scratch.ef(), scratch);
            near = scratch.nearest.iter().map(|key| (*key).into()).collect();
            near.retain(|near| tree.is_reached(near.value));
            linked = near.iter().find(|near| self.link_over(**near, value, tree));
        }
        if let Some(from) = linked {
            return from.value;
        }
        // There is room somewhere: a tree of `n` values needs `n - 1` links, and each value has several.
        let mut others = (0_u32..).zip(self.lists.levels).map(|(from, _)| from);
        let from = others.find(|from| {
            let near = BuildLink {
                value: *from,
                distance: self.distance(*from, value),
            };
            tree.is_reached(*from) && self.link_over(near, value, tree)
        });
        from.unwrap_or(entry)
    }

    /// Makes `value` a neighbour of another one if that has a free lane or a link that the tree does not need.
    /// Of the latter the farthest is given up.
    fn link_over(&self, near: BuildLink, value: u32, tree: &Tree) -> bool {
        let (from, distance) = (near.value, near.distance);
        let lanes = self.lanes(from, tree.level);
        let taken = lanes.iter().flatten().count();
        let free = lanes.iter().position(Option::is_none);
        let free = free.filter(|_| taken < self.lists.degrees[usize::from(tree.level > 0)]);
        let spare = || {
            let spare = lanes.iter().enumerate();
            let spare = spare.filter_map(|(lane, link)| link.map(|link| (lane, link)));
            let spare = spare.filter(|(_, link)| !tree.needs(from, link.value));
            let farthest = spare.max_by(|(_, a), (_, b)| a.distance.total_cmp(&b.distance));
            farthest.map(|(lane, _)| lane)
        };
        let lane = free.or_else(spare);
        if let Some(lane) = lane {
            self.set(from, tree.level, lane, Some(BuildLink { value, distance }));
        }
        lane.is_some()
    }
}
