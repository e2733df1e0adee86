//! How an outline is made: node by node, as much at a time as who needs it has time for.

use crate::page::PageStore;

use super::super::error::Error;
use super::super::fallible::{Fallible, with_room};
use super::super::index::Index;
use super::super::node::{Node, Tid};
use super::super::shape::NONE;
use super::super::space::Space;
use super::codes::Codes;
use super::places::Places;
use super::{Outline, Row};

/// An outline that is not yet whole.
pub struct Growing {
    /// With their places, in any order.
    rows: Vec<(u64, Row)>,
    codes: Codes,
    /// The next group.
    group: u32,
    vacuums: u32,
}

/// What has become of an outline.
pub enum Grown {
    /// There is more to read.
    Growing(Growing),
    /// It is whole.
    Whole(Outline),
}

/// A node as it was read.
struct Seen<P> {
    point: P,
    tids: Vec<Tid>,
    more: bool,
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Nodes that an outline has, at most, and bytes of the levels of each. None where values have no
    /// codes of their own.
    fn outline_size(&self) -> Result<Option<(usize, usize)>, Error> {
        let Some(levels) = self.space.alone_bytes() else {
            return Ok(None);
        };
        let nodes = u64::from(self.pages.roots()?.groups) * u64::from(self.shape().slots());
        Ok(Some((usize::try_from(nodes).unwrap_or(usize::MAX), levels)))
    }

    /// Bytes that an outline takes; None where there is none.
    ///
    /// # Errors
    /// Where the meta page cannot be read.
    pub fn outline_bytes(&self) -> Result<Option<usize>, Error> {
        let size = self.outline_size()?;
        Ok(size.map(|(nodes, levels)| {
            nodes.saturating_mul(size_of::<(u64, Row)>() + 8 + Codes::bytes_each(levels))
        }))
    }

    /// Begins an outline.
    ///
    /// # Errors
    /// Where the meta page cannot be read.
    pub fn begin_outline(&self) -> Result<Growing, Error> {
        // Before anything else is read.
        let vacuums = self.pages.roots()?.vacuums;
        let (nodes, levels) = self.outline_size()?.unwrap_or_default();
        Ok(Growing {
            rows: with_room(nodes)?,
            codes: Codes::new(levels, nodes).map_err(|_| Error::Memory)?,
            group: 0,
            vacuums,
        })
    }

    /// Whether an outline can be used: no vacuum has come since it was begun.
    ///
    /// # Errors
    /// Where the meta page cannot be read.
    pub fn is_current(&self, outline: &Outline) -> Result<bool, Error> {
        Ok(self.pages.roots()?.vacuums == outline.vacuums)
    }

    /// Reads so many nodes more, at least, if there are as many. Begins anew where a vacuum has come
    /// since it began. `poll` is called between pages.
    ///
    /// # Errors
    /// Where pages cannot be read, or `poll` ends it.
    pub fn grow_outline(
        &self,
        mut growing: Growing,
        nodes: u64,
        poll: &mut dyn FnMut() -> Result<(), Error>,
    ) -> Result<Grown, Error> {
        let roots = self.pages.roots()?;
        if roots.vacuums != growing.vacuums {
            growing = self.begin_outline()?;
        }
        let mut left = nodes;
        while growing.group < roots.groups && left > 0 {
            poll()?;
            for number in self.pages.group(growing.group) {
                left = left.saturating_sub(1);
                self.outline_node(number, &mut growing)?;
            }
            growing.group += 1;
        }
        if growing.group < roots.groups {
            return Ok(Grown::Growing(growing));
        }
        Ok(Grown::Whole(growing.finish()?))
    }

    fn outline_node(&self, number: u32, growing: &mut Growing) -> Result<(), Error> {
        let read = |node: Node<'_>| {
            let ground = node.live() && node.level() == 0;
            ground.then(|| Seen {
                point: self.space.load(node.own(), node.scale()),
                tids: node.tids().collect(),
                more: node.link() != NONE,
            })
        };
        let Some(mut seen) = self.pages.read(number, read)? else {
            return Ok(());
        };
        if seen.more {
            seen.tids = self.tids(number)?;
        }
        let space = &self.space;
        let code = growing
            .codes
            .push(|code| space.code_alone(&seen.point, code));
        if let Some(code) = code {
            let row = Row { node: number, code };
            let rows = seen.tids.iter().map(|tid| (tid.place(), row));
            growing.rows.try_extend(rows)?;
        }
        Ok(())
    }
}

impl Growing {
    fn finish(mut self) -> Result<Outline, Error> {
        self.rows.sort_unstable_by_key(|(place, _)| *place);
        Ok(Outline {
            places: Places::new(self.rows)?,
            codes: self.codes,
            vacuums: self.vacuums,
        })
    }
}
