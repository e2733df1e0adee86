//! Growth of an outline, page by page: a caller makes as much of it at a time as it has time for.

use crate::index::{Error, Fallible, Tid, with_room};
use crate::page::PageStore;

use super::codes::Codes;
use super::sorting::Sorting;
use super::{Outline, PlacedRow};
use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::Node;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::{PointOf, Space};
use crate::values::Values;

/// Steps of sorting that are counted as a node that is read.
const STEPS_PER_NODE: usize = 8;

/// An outline that is not yet whole.
pub struct Growing {
    codes: Codes,
    vacuums: u32,
    stage: GrowthStage,
}

/// What is done with its rows.
enum GrowthStage {
    /// They are read, in any order, from this group on.
    Reading {
        rows: Vec<PlacedRow>,
        group: u32,
        /// Groups that there were when it was looked last.
        groups: u32,
    },
    /// All are read.
    Sorting(Sorting),
}

/// What has become of an outline.
pub enum Grown {
    /// There is more to do.
    Growing(Growing),
    /// It is whole.
    Whole(Outline),
}

/// What was done for an outline.
pub struct Growth {
    /// What has become of it.
    pub grown: Grown,
    /// The number of nodes that were read. Sorting their rows is counted as reading nodes, by the time that it
    /// takes.
    pub nodes: u64,
}

/// Bytes that a row takes besides its code: with its place, and where its part begins.
const ROW_BYTES: usize = size_of::<PlacedRow>() + 8;

/// A node as it was read.
struct ReadNode<P> {
    number: u32,
    point: P,
    tids: Vec<Tid>,
    more: bool,
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Nodes that an outline has, at most, and bytes of the levels of each. None where values have no
    /// codes of their own.
    fn outline_size(&self) -> Result<Option<(usize, usize)>, Error> {
        let Some(levels) = self.space.centred_bytes() else {
            return Ok(None);
        };
        let nodes = u64::from(self.pages.roots()?.groups) * u64::from(self.shape().slots());
        Ok(Some((usize::try_from(nodes).unwrap_or(usize::MAX), levels)))
    }

    /// Bytes that an outline takes if each row has a node of its own; None where there is none.
    ///
    /// # Errors
    /// Where the meta page cannot be read.
    pub fn outline_bytes(&self) -> Result<Option<usize>, Error> {
        let size = self.outline_size()?;
        Ok(size.map(|(nodes, levels)| {
            nodes.saturating_mul(ROW_BYTES.saturating_add(Codes::bytes_each(levels)))
        }))
    }

    /// Begins an outline.
    ///
    /// # Errors
    /// Where the meta page cannot be read, or there is no memory.
    pub fn begin_outline(&self) -> Result<Growing, Error> {
        // Before anything else is read.
        let roots = self.pages.roots()?;
        let (nodes, levels) = self.outline_size()?.unwrap_or_default();
        Ok(Growing {
            codes: Codes::new(levels, nodes).map_err(|_| Error::Memory)?,
            vacuums: roots.vacuums,
            stage: GrowthStage::Reading {
                rows: with_room(nodes)?,
                group: 0,
                groups: roots.groups,
            },
        })
    }

    /// Whether an outline can be used: no vacuum has come since it was begun.
    ///
    /// # Errors
    /// Where the meta page cannot be read.
    pub fn is_current(&self, outline: &Outline) -> Result<bool, Error> {
        Ok(self.pages.roots()?.vacuums == outline.vacuums)
    }

    /// Reads at least `nodes` more nodes, if there are as many, and then sorts their rows. Begins anew if a
    /// vacuum has come since it began. `poll` is called between pages.
    ///
    /// # Errors
    /// Where pages cannot be read, there is no memory, or `poll` ends it.
    pub fn grow_outline(
        &self,
        mut growing: Growing,
        nodes: u64,
        poll: &mut dyn FnMut() -> Result<(), Error>,
    ) -> Result<Growth, Error> {
        let roots = self.pages.roots()?;
        if roots.vacuums != growing.vacuums {
            growing = self.begin_outline()?;
        }
        let mut done = 0;
        while done < nodes {
            poll()?;
            done += match growing.stage {
                GrowthStage::Reading { group, .. } if group < roots.groups => {
                    self.outline_group(group, &mut growing)?
                }
                GrowthStage::Reading { .. } => {
                    growing.begin_sorting()?;
                    0
                }
                GrowthStage::Sorting(ref mut sorting) if sorting.steps_left() > 0 => {
                    sorting.go_on(STEPS_PER_NODE)?;
                    1
                }
                GrowthStage::Sorting(_) => break,
            };
        }
        if let GrowthStage::Reading { groups, .. } = &mut growing.stage {
            *groups = roots.groups;
        }
        Ok(Growth {
            grown: growing.finish_if_sorted()?,
            nodes: done,
        })
    }

    /// Reads the nodes of a group, and says how many it may have.
    fn outline_group(&self, group: u32, growing: &mut Growing) -> Result<u64, Error> {
        let mut seen = with_room(self.shape().slots() as usize)?;
        self.pages.each(group, |number, node: Node<'_>| {
            if node.live() && node.level() == 0 {
                seen.push(ReadNode {
                    number,
                    point: self.space.values().load(node.own(), node.scale()),
                    tids: node.tids().collect(),
                    more: node.link() != NONE,
                });
            }
        })?;
        for mut node in seen {
            if node.more {
                node.tids = self.pages.tids(node.number)?;
            }
            growing.add(&self.space, &node)?;
        }
        growing.stage.next_group();
        Ok(u64::from(self.shape().slots()))
    }
}

impl Growing {
    /// Bytes that it takes, and will take if it grows no more.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let rows = match &self.stage {
            GrowthStage::Reading { rows, .. } => rows.capacity(),
            GrowthStage::Sorting(sorting) => sorting.rows(),
        };
        self.codes.bytes() + ROW_BYTES * rows
    }

    /// The part of its work that is done, 0 to 1, as far as it is known.
    #[must_use]
    pub fn share(&self) -> f64 {
        // Reading takes nearly all of it.
        match &self.stage {
            GrowthStage::Reading { group, groups, .. } => {
                0.9 * f64::from(*group) / f64::from((*groups).max(1))
            }
            GrowthStage::Sorting(sorting) => 0.9 + 0.1 * sorting.share(),
        }
    }

    /// Adds a node's rows.
    fn add<V: Space>(&mut self, space: &V, node: &ReadNode<PointOf<V>>) -> Result<(), Error> {
        let GrowthStage::Reading { rows, .. } = &mut self.stage else {
            return Ok(());
        };
        let code = self
            .codes
            .push(|code| space.centred_code(&node.point, code));
        if let Some(code) = code {
            let row = |tid: &Tid| PlacedRow {
                place: tid.place(),
                node: node.number,
                code,
            };
            rows.try_extend(node.tids.iter().map(row))?;
        }
        Ok(())
    }

    fn begin_sorting(&mut self) -> Result<(), Error> {
        if let GrowthStage::Reading { rows, .. } = &mut self.stage {
            self.stage = GrowthStage::Sorting(Sorting::new(std::mem::take(rows))?);
        }
        Ok(())
    }

    fn finish_if_sorted(self) -> Result<Grown, Error> {
        Ok(match self.stage {
            GrowthStage::Sorting(sorting) if sorting.steps_left() == 0 => Grown::Whole(Outline {
                places: sorting.finish()?,
                codes: self.codes,
                vacuums: self.vacuums,
            }),
            GrowthStage::Sorting(_) | GrowthStage::Reading { .. } => Grown::Growing(self),
        })
    }
}

impl GrowthStage {
    fn next_group(&mut self) {
        if let Self::Reading { group, .. } = self {
            *group += 1;
        }
    }
}
