//! Census: what an index holds, counted in one pass over its slots.

use crate::index::Error;
use crate::page::{PageError, PageStore};
use crate::quantize::Form;
use crate::values::kind;

use crate::hnsw::index::Index;
use crate::hnsw::nodes::meta::Parameters;
use crate::hnsw::nodes::node::{Node, SlotState, state};
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::Space;

/// Counts of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Live nodes of each level, the ground first.
    pub nodes: Vec<u64>,
    /// Rows.
    pub rows: u64,
    /// Nodes without rows that are still walked through.
    pub dead: u64,
    /// Slots that are free.
    pub free: u64,
}

/// What never changes about an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constants {
    /// Elements of a value.
    pub dims: u32,
    /// Links asked for, per node and level.
    pub m: u16,
    /// How dense vectors are stored.
    pub form: Option<Form>,
    /// Of the pages.
    pub format: u8,
}

/// What is counted of a slot.
struct CountedSlot {
    state: Result<SlotState, PageError>,
    level: u8,
    /// Rows of the node itself.
    rows: usize,
    /// Whether there are rows in chunks.
    more: bool,
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// What never changes.
    #[must_use]
    pub fn constants(&self) -> Constants {
        let Parameters {
            format,
            kind,
            dims,
            m,
            form,
            ..
        } = self.pages.parameters;
        // The others are stored as they are.
        let is_dense = kind == kind::DENSE || kind == kind::MANHATTAN;
        Constants {
            dims,
            m,
            form: Form::from_byte(form).filter(|_| is_dense),
            format: format as u8,
        }
    }

    /// Counts nodes and rows. Others may change the index meanwhile.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub fn census(&self) -> Result<Census, Error> {
        let (pages, mut census) = (&self.pages, Census::default());
        for number in pages.slots(pages.roots()?.groups) {
            let slot = pages.read(number, |node: Node<'_>| CountedSlot {
                state: state(node.bytes, number),
                level: node.level(),
                rows: node.tids().count(),
                more: node.level() == 0 && node.link() != NONE,
            })?;
            match slot.state? {
                SlotState::Free => census.free += 1,
                SlotState::Dead => census.dead += 1,
                SlotState::Live => {
                    let level = usize::from(slot.level);
                    census.nodes.resize(census.nodes.len().max(level + 1), 0);
                    census.nodes[level] += 1;
                    let rows = if slot.more {
                        self.pages.tids(number)?.len()
                    } else {
                        slot.rows
                    };
                    census.rows += if level == 0 { rows as u64 } else { 0 };
                }
                SlotState::Reserved | SlotState::Tids | SlotState::Rest => {}
            }
        }
        Ok(census)
    }
}
