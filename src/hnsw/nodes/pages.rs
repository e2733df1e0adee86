//! Pages of nodes: nodes are found, read and changed here.

use crate::page::{
    self, Bytes, CONTENT_BYTES, Change, PAGE_BYTES, PageError, PageStore, SPECIAL_AT,
};

use crate::hnsw::nodes::meta::{
    self, KIND_META, KIND_NODE_REST, KIND_NODES, META, Parameters, Roots,
};
use crate::hnsw::nodes::node::{MAX_LEVEL, Node, NodeMut, SlotState, state};
use crate::hnsw::nodes::shape::{NONE, Shape, Slot};

/// An index's pages.
pub struct Pages<'s, S> {
    /// Where they are.
    pub store: &'s S,
    /// What they hold.
    pub parameters: Parameters,
}

/// A node that is held: under its page's lock, or copied together where it takes several pages.
pub enum Held<'s, S: PageStore + 's> {
    /// One page, and the node's first byte in its content.
    Page(S::Guard<'s>, usize),
    /// A copy.
    Copied(Vec<u8>),
}

impl<S: PageStore> Held<'_, S> {
    /// The node's bytes.
    pub fn bytes(&self, shape: &Shape) -> &[u8] {
        match self {
            Self::Page(page, at) => slot(page::content(page), *at, shape),
            Self::Copied(bytes) => bytes,
        }
    }
}

pub(in crate::hnsw) fn slot<'a>(content: &'a [u8], at: usize, shape: &Shape) -> &'a [u8] {
    // Of a node that takes several pages, what lies on the first.
    let end = (at + shape.bytes()).min(content.len());
    content.get(at..end).unwrap_or_default()
}

/// The part of a node that a change may touch.
#[derive(Clone, Copy, Debug)]
pub enum NodePart {
    /// Header and tables.
    Head,
    /// Header, tables and the codes of one block.
    Block(usize),
}

impl<'s, S: PageStore> Pages<'s, S> {
    /// The shape of the nodes.
    pub fn shape(&self) -> &Shape {
        &self.parameters.shape
    }

    /// The roots as they are now.
    ///
    /// # Errors
    /// Where the meta page cannot be read, or says a level that no node has.
    pub fn roots(&self) -> Result<Roots, PageError> {
        let page = self.store.read(META)?;
        page::verify_header(&page, self.parameters.mark(META, KIND_META))?;
        let roots = meta::roots(&page);
        if roots.top > MAX_LEVEL {
            let (block, reason) = (META, format!("top level {}", roots.top).into());
            return Err(PageError::Corrupt { block, reason });
        }
        Ok(roots)
    }

    /// A page under a shared lock. A page of zeros is not part of the index: whatever leads to a page, a link
    /// or the count of groups, is written with it or after it.
    #[inline]
    fn page(&self, block: u32, kind: u16) -> Result<S::Guard<'s>, PageError> {
        let page = self.store.read(block)?;
        page::verify(&page, self.parameters.mark(block, kind))?;
        Ok(page)
    }

    /// Holds a node, whatever its state.
    ///
    /// # Errors
    /// Where its page does not exist or its bytes make no sense.
    pub fn hold(&self, number: u32) -> Result<Held<'s, S>, PageError> {
        let shape = self.shape();
        let Slot { block, at } = shape.slot_of(number);
        let page = self.page(block, KIND_NODES)?;
        let state = state(slot(page::content(&page), at, shape), number)?;
        if shape.pages() == 1 {
            return Ok(Held::Page(page, at));
        }
        let mut bytes = page::content(&page).to_vec();
        drop(page);
        if state.is_walkable() {
            for rest in 1..shape.pages() {
                let page = self.page(block + rest, KIND_NODE_REST)?;
                bytes.extend_from_slice(page::content(&page));
            }
        }
        // Anything else lies on the first page. If a crash has left a node that was being written, the other
        // pages may not be there.
        bytes.resize(shape.bytes(), 0);
        Ok(Held::Copied(bytes))
    }

    /// Reads a node.
    ///
    /// # Errors
    /// As [`hold`](Self::hold).
    pub fn read<T>(&self, number: u32, read: impl FnOnce(Node<'_>) -> T) -> Result<T, PageError> {
        let held = self.hold(number)?;
        let shape = self.shape();
        Ok(read(Node {
            bytes: held.bytes(shape),
            shape,
        }))
    }

    /// Shows all slots of a group, those of one page under one lock.
    ///
    /// # Errors
    /// As [`hold`](Self::hold).
    pub fn each(&self, group: u32, mut show: impl FnMut(u32, Node<'_>)) -> Result<(), PageError> {
        let shape = self.shape();
        if shape.pages() > 1 {
            return self
                .group(group)
                .try_for_each(|number| self.read(number, |node| show(number, node)));
        }
        let page = self.page(self.block(group), KIND_NODES)?;
        let content = page::content(&page);
        for number in self.group(group) {
            let bytes = slot(content, shape.slot_of(number).at, shape);
            state(bytes, number)?;
            show(number, Node { bytes, shape });
        }
        Ok(())
    }

    /// Brings a node's header and value closer.
    pub fn prefetch_value(&self, number: u32) {
        let shape = self.shape();
        if number == NONE || shape.pages() > 1 {
            return;
        }
        let Slot { block, at } = shape.slot_of(number);
        let start = page::HEADER_BYTES + at;
        self.store.prefetch(block, start..start + 1);
        self.store
            .prefetch(block, start + shape.own_at()..start + shape.bytes());
    }

    /// Prefetches one of four parts of a node. Memory answers only so many requests at once (16 cache lines on
    /// common CPUs), and requests beyond that hold up everything else. So a node is asked for part by part,
    /// between the steps of the visit before it.
    pub fn prefetch(&self, number: u32, part: usize) {
        if number == NONE {
            return;
        }
        let shape = self.shape();
        let Slot { block, at } = shape.slot_of(number);
        let quarter = shape.bytes().div_ceil(4).next_multiple_of(64);
        let start = page::HEADER_BYTES + at + part * quarter;
        let end = (start + quarter).min(page::HEADER_BYTES + at + shape.bytes());
        if part == 0 {
            // What the page says of itself.
            self.store.prefetch(block, SPECIAL_AT..PAGE_BYTES);
        }
        self.store.prefetch(block, start..end.min(PAGE_BYTES));
    }

    /// Notes that a vacuum has removed its rows.
    ///
    /// # Errors
    /// Where the meta page cannot be changed.
    pub fn count_vacuum(&self) -> Result<(), PageError> {
        let mut edit = self.change();
        let mut roots = edit.roots()?;
        roots.vacuums = roots.vacuums.wrapping_add(1);
        edit.set_roots(&roots)?;
        edit.commit()
    }

    /// Starts a change.
    pub fn change(&self) -> Edit<'_, 's, S> {
        Edit {
            pages: self,
            change: self.store.change(),
        }
    }

    /// The numbers of a group's slots.
    pub fn group(&self, group: u32) -> impl Iterator<Item = u32> + use<S> {
        let shape = self.parameters.shape;
        let block = self.block(group);
        (0..shape.slots()).map(move |slot| shape.number(block, slot))
    }

    /// The numbers of the slots of all groups, which are so many.
    pub fn slots(&self, groups: u32) -> impl Iterator<Item = u32> {
        (0..groups).flat_map(|group| self.group(group))
    }

    /// The first block of a group. A group that no index has gives a block that no index has.
    pub fn block(&self, group: u32) -> u32 {
        let pages = group.saturating_mul(self.shape().pages());
        self.parameters.first().saturating_add(pages)
    }
}

/// A change of pages that is in progress.
pub struct Edit<'p, 's, S: PageStore + 's> {
    pages: &'p Pages<'s, S>,
    change: S::Change<'s>,
}

impl<S: PageStore> Edit<'_, '_, S> {
    /// Locks the meta page and reads the roots.
    ///
    /// # Errors
    /// Where the page cannot be locked.
    pub fn roots(&mut self) -> Result<Roots, PageError> {
        Ok(meta::roots(self.page(META, KIND_META)?))
    }

    /// Changes the roots.
    ///
    /// # Errors
    /// As [`roots`](Self::roots).
    pub fn set_roots(&mut self, roots: &Roots) -> Result<(), PageError> {
        meta::write_roots(self.change.page(META)?, roots);
        Ok(())
    }

    /// Locks a page of a kind.
    ///
    /// # Errors
    /// As [`Change::page`], and where it is no page of that kind.
    pub fn page(&mut self, block: u32, kind: u16) -> Result<&mut Bytes, PageError> {
        let page = self.change.page(block)?;
        page::verify(page, self.pages.parameters.mark(block, kind))?;
        Ok(page)
    }

    /// Makes an empty page of a new one.
    ///
    /// # Errors
    /// As [`Change::page`], and where it is not new.
    pub fn format_new(&mut self, block: u32, kind: u16) -> Result<(), PageError> {
        if !page::is_new(self.change.page(block)?) {
            let reason = "a page beyond those that the meta page knows".into();
            return Err(PageError::Corrupt { block, reason });
        }
        self.format(block, kind)
    }

    /// Makes an empty page, whatever lay there.
    ///
    /// # Errors
    /// As [`Change::page`].
    pub fn format(&mut self, block: u32, kind: u16) -> Result<(), PageError> {
        let page = self.change.page(block)?;
        page::format(page, self.pages.parameters.mark(block, kind));
        Ok(())
    }

    pub(in crate::hnsw) fn write_slot(
        &mut self,
        block: u32,
        at: usize,
        bytes: &[u8],
    ) -> Result<(), PageError> {
        let page = self.change.page(block)?;
        let end = at + bytes.len();
        if let Some(place) = page::content_mut(page).get_mut(at..end) {
            place.copy_from_slice(bytes);
        }
        if page::lower(page) < end {
            page::set_lower(page, end);
        }
        Ok(())
    }

    /// Changes one part of a node.
    ///
    /// # Errors
    /// Where its pages cannot be locked or its bytes make no sense.
    pub fn node<T>(
        &mut self,
        number: u32,
        part: NodePart,
        edit: impl FnOnce(&mut NodeMut<'_>) -> T,
    ) -> Result<T, PageError> {
        let shape = self.pages.parameters.shape;
        let Slot { block, at } = shape.slot_of(number);
        let page = self.page(block, KIND_NODES)?;
        if shape.pages() == 1 {
            let content = page::content_mut(page);
            let bytes = content.get_mut(at..at + shape.bytes()).unwrap_or_default();
            state(bytes, number)?;
            return Ok(edit(&mut NodeMut {
                bytes,
                shape: &shape,
            }));
        }
        self.spanning_node(number, part, edit)
    }

    fn spanning_node<T>(
        &mut self,
        number: u32,
        part: NodePart,
        edit: impl FnOnce(&mut NodeMut<'_>) -> T,
    ) -> Result<T, PageError> {
        let shape = self.pages.parameters.shape;
        let touched = match part {
            NodePart::Head => 0..1,
            NodePart::Block(b) => {
                let codes = shape.codes_at(b);
                codes / CONTENT_BYTES..(codes + shape.code_bytes()).div_ceil(CONTENT_BYTES)
            }
        };
        let mut bytes = vec![0; shape.bytes()];
        let blocks = || std::iter::once(0).chain(touched.clone().filter(|page| *page > 0));
        let block = |page: usize| number + u32::try_from(page).unwrap_or(0);
        for page in blocks() {
            let kind = if page == 0 {
                KIND_NODES
            } else {
                KIND_NODE_REST
            };
            let content = page::content(self.page(block(page), kind)?);
            let part = bytes
                .chunks_mut(CONTENT_BYTES)
                .nth(page)
                .unwrap_or_default();
            part.copy_from_slice(content.get(..part.len()).unwrap_or_default());
        }
        state(&bytes, number)?;
        let result = edit(&mut NodeMut {
            bytes: &mut bytes,
            shape: &shape,
        });
        for page in blocks() {
            let part = bytes.chunks(CONTENT_BYTES).nth(page).unwrap_or_default();
            self.write_slot(block(page), 0, part)?;
        }
        Ok(result)
    }

    /// Brings a node to life that was written into a reserved slot.
    ///
    /// # Errors
    /// As [`node`](Self::node).
    pub fn enliven(&mut self, number: u32) -> Result<(), PageError> {
        self.node(number, NodePart::Head, |node| {
            node.set_state(SlotState::Live);
        })
    }

    /// Frees a slot and chains its page to those with room.
    ///
    /// # Errors
    /// Where the meta page or the node's cannot be locked.
    pub fn free(&mut self, number: u32) -> Result<(), PageError> {
        let mut roots = self.roots()?;
        let block = self.pages.shape().slot_of(number).block;
        let page = self.change.page(block)?;
        let had_room = !self.pages.free_slots(page, block)?.is_empty();
        if !had_room {
            page::set_next(page, roots.free);
            roots.free = block;
            self.set_roots(&roots)?;
        }
        self.node(number, NodePart::Head, |node| {
            node.set_state(SlotState::Free);
        })
    }

    /// Makes the change happen, as one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn commit(self) -> Result<(), PageError> {
        self.change.commit()
    }
}
