//! Reachability: every live node of a level can be reached from the entry's node on that level, by links of live
//! nodes alone. Builds, inserts and vacuums see to it, and vacuum proves it where it has taken nodes away.

use std::collections::TryReserveError;

use crate::index::{Error, Fallible, Poll};
use crate::page::PageStore;
use crate::search::Numbers;

use crate::hnsw::change::link::{Demand, Newcomer};
use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::Node;
use crate::hnsw::nodes::overflow::Copied;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::{Probe, Space};
use crate::values::Values;

/// Nodes that were reached.
#[derive(Default)]
pub(in crate::hnsw) struct Reached {
    numbers: Numbers,
    /// Those whose links were not followed yet.
    open: Vec<u32>,
}

impl Reached {
    fn add(&mut self, number: u32) -> Result<(), TryReserveError> {
        if self.numbers.insert(number) {
            self.open.try_push(number)?;
        }
        Ok(())
    }

    /// Whether a node was reached.
    pub fn contains(&self, number: u32) -> bool {
        self.numbers.contains(number)
    }
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Follows links from the entry's node of each level.
    ///
    /// # Errors
    /// Where pages cannot be read, or `poll` ends it.
    pub(in crate::hnsw) fn reach(&self, poll: Poll<'_>) -> Result<Reached, Error> {
        let (mut reached, mut next) = (Reached::default(), self.pages.roots()?.entry);
        while next != NONE {
            reached.add(next)?;
            let below = |node: Node<'_>| if node.level() > 0 { node.link() } else { NONE };
            next = self.pages.read(next, below)?;
        }
        self.follow(&mut reached, poll)?;
        Ok(reached)
    }

    /// Follows links from what was reached last.
    fn follow(&self, reached: &mut Reached, poll: Poll<'_>) -> Result<(), Error> {
        while let Some(number) = reached.open.pop() {
            poll()?;
            let add_all = |node: Node<'_>| {
                let live = node.neighbours().take_while(|_| node.live());
                live.map(|(_, to)| to).try_for_each(|to| reached.add(to))
            };
            self.pages.read(number, add_all)??;
        }
        Ok(())
    }

    /// Links each live node that was not reached from one that was. Gives the number of nodes that were not
    /// reached.
    ///
    /// # Errors
    /// Where pages cannot be read or changed, or `poll` ends it.
    pub(in crate::hnsw) fn connect(&self, poll: Poll<'_>, reads: &mut u64) -> Result<u64, Error> {
        let mut reached = self.reach(poll)?;
        let mut connected = 0;
        for group in 0..self.pages.roots()?.groups {
            poll()?;
            let mut missed = Vec::new();
            self.pages.each(group, |number, node| {
                *reads += 1;
                if node.live() && !reached.contains(number) {
                    missed.push(number);
                }
            })?;
            for number in missed {
                if !reached.contains(number) {
                    connected += u64::from(self.connect_node(number, &reached, reads)?);
                    reached.add(number)?;
                    self.follow(&mut reached, poll)?;
                }
            }
        }
        Ok(connected)
    }

    /// Has the nearest node that was reached, and can, link to one that was not.
    fn connect_node(&self, number: u32, reached: &Reached, reads: &mut u64) -> Result<bool, Error> {
        let copied = |node: Node<'_>| node.live().then(|| Copied::new(node));
        let Some(copied) = self.pages.read(number, copied)? else {
            return Ok(false);
        };
        let Some(copied) = self
            .pages
            .complete(self.space.values(), number, copied, reads)?
        else {
            return Ok(false);
        };
        let node = copied.node();
        let point = self.space.values().load(node.own(), node.scale());
        let mut probe = Probe::new(self.query(point.clone())?);
        let found = self.find_near(&mut probe, node.level(), self.beam)?;
        let mut newcomer = Newcomer {
            number,
            point: &point,
            links: node.neighbours().map(|(_, to)| to).collect(),
            leads: Vec::new(),
            demand: Demand::Always,
            alive: true,
        };
        for near in &found.list {
            if near.number != number
                && reached.contains(near.number)
                && self.link_back(near.number, near.distance, &mut newcomer, &mut probe)?
            {
                *reads += probe.near.reads;
                return Ok(true);
            }
        }
        *reads += probe.near.reads;
        Ok(false)
    }
}
