//! Reach: the nodes of the ground that no walk from the entry can come to.

use std::collections::{HashSet, VecDeque};

use crate::index::Error;
use crate::page::PageStore;

use super::Checker;
use crate::hnsw::spaces::space::Space;

impl<S: PageStore, V: Space> Checker<'_, '_, S, V> {
    /// What walks from the entry can reach, going down wherever that is possible.
    pub(super) fn reach(&mut self) -> Result<(), Error> {
        let mut reached = HashSet::new();
        let mut queue = VecDeque::from([self.roots.entry]);
        while let Some(number) = queue.pop_front() {
            if let Some(seen) = self.seen.get(&number)
                && !reached.contains(&number)
            {
                reached.try_reserve(1)?;
                reached.insert(number);
                queue.try_reserve(seen.links.len() + 1)?;
                queue.extend(&seen.links);
                if seen.level > 0 {
                    queue.push_back(seen.down);
                }
            }
        }
        let ground = self
            .seen
            .iter()
            .filter(|(_, seen)| seen.level == 0 && seen.live);
        for (_, seen) in ground.filter(|(number, _)| !reached.contains(number)) {
            self.report.unreachable += 1;
            self.report.unreachable_rows += seen.rows;
        }
        Ok(())
    }
}
