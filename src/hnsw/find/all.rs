//! List of every row, in no order: for a query that is equally far from all, and to compare index and table.

use std::collections::VecDeque;

use crate::index::{Error, Tid};
use crate::page::PageStore;

use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::Node;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::Space;

/// A walk over all slots.
pub struct Listing<'i, 's, S, V> {
    index: &'i Index<'s, S, V>,
    group: u32,
    tids: VecDeque<Tid>,
    skips_killed: bool,
}

impl<'s, S: PageStore, V: Space> Index<'s, S, V> {
    /// Starts a list of all rows.
    #[must_use]
    pub fn list(&self) -> Listing<'_, 's, S, V> {
        Listing {
            index: self,
            group: 0,
            tids: VecDeque::new(),
            skips_killed: false,
        }
    }
}

impl<S: PageStore, V: Space> Listing<'_, '_, S, V> {
    /// Leaves out rows that were killed ([`Index::kill`]).
    pub fn skip_killed(&mut self) {
        self.skips_killed = true;
    }

    /// The next row; None where there is none left.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub fn next_row(&mut self) -> Result<Option<Tid>, Error> {
        let pages = &self.index.pages;
        while self.tids.is_empty() && self.group < pages.roots()?.groups {
            for number in pages.group(self.group) {
                let (own, more) = pages.read(number, |node: Node<'_>| {
                    let ground = node.live() && node.level() == 0;
                    let tids = node.tids().enumerate().filter(|_| ground);
                    let killed = if self.skips_killed { node.killed() } else { 0 };
                    let live = tids.filter(|(at, _)| killed >> at & 1 == 0);
                    let own: Vec<Tid> = live.map(|(_, tid)| tid).collect();
                    (own, ground && node.link() != NONE)
                })?;
                if more {
                    let tids = self.index.pages.tids(number)?;
                    self.tids.try_reserve(tids.len())?;
                    self.tids.extend(tids);
                } else {
                    self.tids.extend(own);
                }
            }
            self.group += 1;
        }
        Ok(self.tids.pop_front())
    }
}
