//! Outlines of indexes, which a backend keeps: made with a part of the time that searches behind filters
//! have taken for want of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::hnsw::{Error, Growing, Grown, Index, Outline, Space};
use crate::pg::error::Failure;
use crate::pg::guc;
use crate::pg::storage::{PgStore, check_for_interrupts};

thread_local! {
    /// Bytes of all outlines.
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// What there is of an outline.
#[derive(Default)]
enum Part {
    #[default]
    None,
    Growing(Growing),
    Whole(Rc<Outline>),
}

/// An index's outline.
#[derive(Default)]
pub struct Outlined {
    part: RefCell<Part>,
    /// Bytes that were set aside for it.
    bytes: Cell<usize>,
    /// Rows that were looked for since it is whole, and were not in it.
    missed: Cell<usize>,
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
        let outline = match &*self.part.borrow() {
            Part::Whole(outline) => Rc::clone(outline),
            Part::None | Part::Growing(_) => return Ok(None),
        };
        if guc::outline_memory() >= self.bytes.get() && index.is_current(&outline)? {
            return Ok(Some(outline));
        }
        self.forget();
        Ok(None)
    }

    /// Makes so many nodes more of it, if it is not whole.
    ///
    /// # Errors
    /// Where pages make no sense.
    pub fn grow<V: Space>(&self, index: &Index<'_, PgStore, V>, nodes: u64) -> Result<(), Failure> {
        if nodes == 0 {
            return Ok(());
        }
        let growing = match self.part.take() {
            Part::None if !self.set_aside(index)? => return Ok(()),
            Part::None => index.begin_outline()?,
            Part::Growing(growing) => growing,
            whole @ Part::Whole(_) => {
                self.part.replace(whole);
                return Ok(());
            }
        };
        let mut poll = || -> Result<(), Error> {
            check_for_interrupts();
            Ok(())
        };
        let grown = index.grow_outline(growing, nodes, &mut poll)?;
        self.part.replace(match grown {
            Grown::Growing(growing) => Part::Growing(growing),
            Grown::Whole(outline) => Part::Whole(Rc::new(outline)),
        });
        Ok(())
    }

    /// Notes rows that are not in it. Where more are missed than it has, it begins anew: fetching a row from the
    /// table costs more than learning where it is.
    pub fn note_missed(&self, rows: usize) {
        self.missed.set(self.missed.get() + rows);
        let known = match &*self.part.borrow() {
            Part::Whole(outline) => outline.rows(),
            Part::None | Part::Growing(_) => usize::MAX,
        };
        if self.missed.get() > known {
            self.forget();
        }
    }

    /// Sets memory aside; false where there is not enough.
    fn set_aside<V: Space>(&self, index: &Index<'_, PgStore, V>) -> Result<bool, Failure> {
        let Some(bytes) = index.outline_bytes()? else {
            return Ok(false);
        };
        let all = BYTES.get() - self.bytes.get() + bytes;
        let enough = all <= guc::outline_memory();
        if enough {
            BYTES.set(all);
            self.bytes.set(bytes);
        }
        Ok(enough)
    }

    fn forget(&self) {
        self.part.take();
        self.missed.set(0);
        BYTES.set(BYTES.get() - self.bytes.take());
    }
}

impl Drop for Outlined {
    fn drop(&mut self) {
        self.forget();
    }
}
