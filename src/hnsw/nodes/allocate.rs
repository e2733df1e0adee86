//! Allocation: slots for new nodes, on pages that have free ones or on new pages.

use crate::index::Error;
use crate::page::{self, Bytes, CONTENT_BYTES, Change, PageError, PageStore};

use crate::hnsw::nodes::meta::{KIND_NODE_REST, KIND_NODES, META, Roots};
use crate::hnsw::nodes::node::{SlotState, state};
use crate::hnsw::nodes::pages::{Edit, Pages, slot};
use crate::hnsw::nodes::shape::{NONE, Slot};

impl<'s, S: PageStore> Pages<'s, S> {
    /// Puts a new node where there is room, and gives its number. `bytes` is the whole node.
    ///
    /// # Errors
    /// Where pages cannot be read or written, or no number is left.
    pub fn create(&self, bytes: &[u8]) -> Result<u32, Error> {
        loop {
            let roots = self.roots()?;
            let placed = if roots.free == NONE {
                self.create_in_new_group(roots, bytes)?
            } else {
                self.create_in_free_slot(roots, bytes)?
            };
            if let Some(number) = placed {
                return Ok(number);
            }
        }
    }

    /// None where somebody else was faster.
    fn create_in_new_group(&self, seen: Roots, bytes: &[u8]) -> Result<Option<u32>, Error> {
        let shape = self.shape();
        let block = self.block(seen.groups);
        let last = u64::from(block) + u64::from(shape.pages());
        if last > shape.max_blocks() {
            return Err(Error::Full);
        }
        // The groups before it are there. Only pages of the last one may be lost in a crash.
        let blocks = self.store.blocks()?;
        if block.saturating_sub(blocks) >= shape.pages() {
            let reason = format!("{} groups in {blocks} blocks", seen.groups).into();
            let block = META;
            return Err(PageError::Corrupt { block, reason }.into());
        }
        self.extend_to(last)?;
        let mut edit = self.change();
        let mut roots = edit.roots()?;
        if roots != seen {
            return Ok(None);
        }
        roots.groups += 1;
        // The page was never part of the index, or the meta page is an older one.
        edit.format_new(block, KIND_NODES)?;
        if shape.slots() > 1 {
            roots.free = block;
        }
        edit.set_roots(&roots)?;
        self.write_new(edit, shape.number(block, 0), bytes)
    }

    /// Appends pages until the store has `blocks` pages. A new page needs no commit: it is there, empty, and
    /// belongs to whoever takes it next.
    fn extend_to(&self, blocks: u64) -> Result<(), PageError> {
        while u64::from(self.store.blocks()?) < blocks {
            self.store.change().append()?;
        }
        Ok(())
    }

    /// None where somebody else was faster.
    fn create_in_free_slot(&self, seen: Roots, bytes: &[u8]) -> Result<Option<u32>, Error> {
        let block = seen.free;
        let free = {
            let page = self.store.read(block)?;
            self.free_slots(&page, block)?
        };
        let pages = self.shape().pages();
        if pages > 1 {
            // A crash may have taken the further pages of the last group.
            self.extend_to(u64::from(block) + u64::from(pages))?;
        }
        let mut edit = self.change();
        // The meta page comes first, and only where this takes the page's last free slot.
        let roots = if free.len() <= 1 {
            Some(edit.roots()?)
        } else {
            None
        };
        let page = edit.page(block, KIND_NODES)?;
        if self.free_slots(page, block)? != free || roots.is_some_and(|roots| roots.free != block) {
            return Ok(None);
        }
        if let Some(mut roots) = roots {
            roots.free = page::next(page);
            page::set_next(page, NONE);
            edit.set_roots(&roots)?;
        }
        if let Some(&number) = free.first() {
            return self.write_new(edit, number, bytes);
        }
        // A chained page without room: it has been taken out above, once that is committed.
        edit.commit()?;
        Ok(None)
    }

    pub(in crate::hnsw) fn free_slots(
        &self,
        page: &Bytes,
        block: u32,
    ) -> Result<Vec<u32>, PageError> {
        page::verify_header(page, self.parameters.mark(block, KIND_NODES))?;
        let shape = self.shape();
        let content = page::content(page);
        let mut free = Vec::new();
        for at in 0..shape.slots() {
            let number = shape.number(block, at);
            let bytes = slot(content, shape.slot_of(number).at, shape);
            if state(bytes, number)? == SlotState::Free {
                free.push(number);
            }
        }
        Ok(free)
    }

    /// Writes a whole node into its slot. One that takes several pages is reserved first and comes
    /// alive last, so that a crash leaves a reserved slot, which the next vacuum frees.
    fn write_new(
        &self,
        mut edit: Edit<'_, 's, S>,
        number: u32,
        bytes: &[u8],
    ) -> Result<Option<u32>, Error> {
        let Slot { block, at } = self.shape().slot_of(number);
        if self.shape().pages() == 1 {
            edit.write_slot(block, at, bytes)?;
            edit.commit()?;
            return Ok(Some(number));
        }
        edit.write_slot(block, 0, &[SlotState::Reserved as u8])?;
        edit.commit()?;
        for (rest, part) in (block..).zip(bytes.chunks(CONTENT_BYTES)).skip(1) {
            let mut edit = self.change();
            edit.format(rest, KIND_NODE_REST)?;
            edit.write_slot(rest, 0, part)?;
            edit.commit()?;
        }
        let mut edit = self.change();
        let first = bytes.get(..CONTENT_BYTES).unwrap_or(bytes);
        edit.write_slot(block, 0, first)?;
        edit.commit()?;
        Ok(Some(number))
    }
}
