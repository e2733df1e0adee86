//! Outlines of indexes, which a backend keeps. They are paid for by the searches behind filters that would have
//! needed them: each spends a part of its own cost on reading nodes into the outline.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::hnsw::{Growing, Grown, Index, Outline, Space};
use crate::index::Error;
use crate::pg::am::hnsw::settings;
use crate::pg::am::method::Learned;
use crate::pg::error::Failure;
use crate::pg::storage::{PgStore, check_for_interrupts, polling};

thread_local! {
    /// Those of all indexes that are open.
    static KEPT: RefCell<Vec<Weak<KeptOutline>>> = const { RefCell::new(Vec::new()) };
}

/// Gives back the memory of all outlines. Searches that use one keep it until they end.
pub fn release_all() {
    each(KeptOutline::forget);
}

/// Gives back the memory of all outlines if they take more than so many bytes.
pub fn release_beyond(bytes: usize) {
    if used() > bytes {
        release_all();
    }
}

/// Bytes that were set aside for all outlines.
fn used() -> usize {
    let mut used = 0;
    each(|kept| used += kept.bytes.get());
    used
}

fn each(mut see: impl FnMut(&KeptOutline)) {
    KEPT.with_borrow(|all| {
        for kept in all.iter().filter_map(Weak::upgrade) {
            see(&kept);
        }
    });
}

/// What there is of an outline.
#[derive(Default)]
enum OutlinePart {
    #[default]
    Nothing,
    Growing(Growing),
    Whole(Rc<Outline>),
}

/// An index's outline.
pub struct Outlined(Rc<KeptOutline>);

/// What is kept of it.
#[derive(Default)]
struct KeptOutline {
    part: RefCell<OutlinePart>,
    /// Bytes that were set aside for it.
    bytes: Cell<usize>,
    /// The setting under which it turned out to be too large.
    refused: Cell<Option<usize>>,
    /// Nodes that were read although nobody had paid for them: pages are read whole.
    ahead: Cell<u64>,
    /// Rows that were looked for since it is whole, and were not in it.
    missed: Cell<usize>,
}

impl Default for Outlined {
    fn default() -> Self {
        let kept = Rc::default();
        KEPT.with_borrow_mut(|all| {
            all.retain(|kept| kept.strong_count() > 0);
            all.push(Rc::downgrade(&kept));
        });
        Self(kept)
    }
}

impl Outlined {
    /// The outline, if it is whole and no vacuum has come since.
    ///
    /// # Errors
    /// Where pages make no sense.
    pub fn current<V: Space>(
        &self,
        index: &Index<'_, PgStore, V>,
    ) -> Result<Option<Rc<Outline>>, Failure> {
        let outline = match &*self.0.part.borrow() {
            OutlinePart::Whole(outline) => Rc::clone(outline),
            OutlinePart::Nothing | OutlinePart::Growing(_) => return Ok(None),
        };
        if index.is_current(&outline)? {
            return Ok(Some(outline));
        }
        self.0.forget();
        Ok(None)
    }

    /// Adds `nodes` nodes to it, if it is not whole. It may add a page more or less; the surplus is subtracted
    /// the next time.
    ///
    /// # Errors
    /// Where pages make no sense.
    pub fn grow<V: Space>(
        &self,
        index: &Index<'_, PgStore, V>,
        nodes: u64,
    ) -> Result<Learned, Failure> {
        let kept = &*self.0;
        let ahead = kept.ahead.get().min(nodes);
        kept.ahead.set(kept.ahead.get() - ahead);
        let nodes = nodes - ahead;
        if nodes == 0 {
            return Ok(self.learned(0));
        }
        let part = match kept.part.take() {
            OutlinePart::Nothing if !kept.has_room(index)? => return Ok(self.learned(0)),
            whole @ OutlinePart::Whole(_) => {
                kept.part.replace(whole);
                return Ok(self.learned(0));
            }
            part @ (OutlinePart::Nothing | OutlinePart::Growing(_)) => part,
        };
        let growing = match part {
            OutlinePart::Growing(growing) => Ok(growing),
            OutlinePart::Nothing | OutlinePart::Whole(_) => index.begin_outline(),
        };
        let growth = growing.and_then(|growing| {
            index.grow_outline(growing, nodes, &mut polling(&mut check_for_interrupts))
        });
        let growth = match growth {
            // A search can do without.
            Err(Error::Memory) => {
                kept.refuse();
                return Ok(self.learned(0));
            }
            Err(error) => {
                // What there was of it went into this.
                kept.forget();
                return Err(error.into());
            }
            Ok(growth) => growth,
        };
        kept.ahead.set(growth.nodes.saturating_sub(nodes));
        let part = match growth.grown {
            Grown::Whole(outline) => OutlinePart::Whole(Rc::new(outline)),
            Grown::Growing(growing) if kept.set_aside(growing.bytes()) => {
                OutlinePart::Growing(growing)
            }
            Grown::Growing(_) => {
                kept.refuse();
                return Ok(self.learned(growth.nodes));
            }
        };
        kept.part.replace(part);
        Ok(self.learned(growth.nodes))
    }

    /// What there is of it, after so many nodes were read for it.
    fn learned(&self, nodes: u64) -> Learned {
        let share = match &*self.0.part.borrow() {
            OutlinePart::Nothing => 0.0,
            OutlinePart::Growing(growing) => growing.share(),
            OutlinePart::Whole(_) => 1.0,
        };
        Learned { nodes, share }
    }

    /// Notes that rows were looked for which it does not have. If more rows were missed than it has, it begins
    /// anew: to fetch a row from the table costs more than to learn its node.
    pub fn note_missed(&self, rows: usize) {
        let kept = &*self.0;
        kept.missed.set(kept.missed.get() + rows);
        let known = match &*kept.part.borrow() {
            OutlinePart::Whole(outline) => outline.rows(),
            OutlinePart::Nothing | OutlinePart::Growing(_) => usize::MAX,
        };
        if kept.missed.get() > known {
            kept.forget();
        }
    }
}

impl KeptOutline {
    /// Sets memory aside for an outline that begins; false where there is not enough.
    fn has_room<V: Space>(&self, index: &Index<'_, PgStore, V>) -> Result<bool, Failure> {
        if self.refused.get() == Some(settings::outline_memory()) {
            return Ok(false);
        }
        let bytes = index.outline_bytes()?;
        Ok(bytes.is_some_and(|bytes| self.set_aside(bytes)))
    }

    /// Sets so much memory aside for it; false where there is not enough.
    fn set_aside(&self, bytes: usize) -> bool {
        let others = used() - self.bytes.get();
        let enough = others.saturating_add(bytes) <= settings::outline_memory();
        if enough {
            self.bytes.set(bytes);
        }
        enough
    }

    /// Does without an outline until the setting changes: it has turned out to be too large.
    fn refuse(&self) {
        self.forget();
        self.refused.set(Some(settings::outline_memory()));
    }

    fn forget(&self) {
        self.part.take();
        self.missed.set(0);
        self.ahead.set(0);
        self.bytes.set(0);
        self.refused.set(None);
    }
}
