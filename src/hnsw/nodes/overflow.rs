//! Long values: those that a node has no room for. The node has the first bytes; the others lie in slots of their
//! own that are chained from it.
//!
//! ```text
//! value: 0 bytes u32 | 4 first slot of its rest u32, NONE in a value that is whole | 8 ...
//! slot:  0 state u8 | 2 bytes u16 | 4 owner u32 | 8 next u32 | 12 bytes of the value
//! ```
//!
//! A chain is written once: after its node's slot was reserved, before the node comes alive. It is
//! freed before its node, whose slot is not given out until then: so a slot of a rest always belongs
//! to the node whose number it has, never to one that was there before. Who reads a chain and finds
//! it gone has a node that is gone as well.

use crate::index::Error;
use crate::page::{CONTENT_BYTES, PageError, PageStore};

use crate::hnsw::index::Index;
use crate::hnsw::nodes::node::{Node, SlotState, corrupt, field, set_field};
use crate::hnsw::nodes::pages::{NodePart, Pages};
use crate::hnsw::nodes::shape::{NONE, Shape};
use crate::hnsw::spaces::space::{Space, Values};

/// Bytes of a value before its elements: how long it is, and where its rest is.
pub const VALUE_HEADER: usize = 8;

/// Bytes that a value has at most.
const MAX_BYTES: usize = 1 << 17;

const REST_AT: usize = 4;
const SLOT_HEADER: usize = 12;

/// How long a value is, by its first bytes.
pub fn extent(own: &[u8]) -> usize {
    let bytes = u32::from_ne_bytes(field(own, 0));
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Starts a value that is whole: `own` has room for all of it.
pub fn write_header(own: &mut [u8]) {
    let bytes = u32::try_from(own.len()).unwrap_or(u32::MAX);
    set_field(own, 0, bytes.to_ne_bytes());
    set_rest(own, NONE);
}

/// Where the rest of a value is.
pub fn first(own: &[u8]) -> u32 {
    u32::from_ne_bytes(field(own, REST_AT))
}

/// Says where the rest of a value is.
pub fn set_rest(own: &mut [u8], first: u32) {
    set_field(own, REST_AT, first.to_ne_bytes());
}

/// Bytes of a value that one slot takes. It lies on one page.
pub fn capacity(shape: &Shape) -> usize {
    shape.bytes().min(CONTENT_BYTES) - SLOT_HEADER
}

/// Slots that a value of so many bytes takes besides its node.
pub fn slots(shape: &Shape, bytes: usize) -> usize {
    bytes.saturating_sub(shape.own).div_ceil(capacity(shape))
}

/// A slot of a rest, to read.
#[derive(Clone, Copy)]
pub struct RestSlot<'a>(pub &'a [u8]);

impl<'a> RestSlot<'a> {
    pub fn is_rest(self) -> bool {
        self.0.first() == Some(&(SlotState::Rest as u8))
    }

    fn is_of(self, owner: u32) -> bool {
        self.is_rest() && self.owner() == owner
    }

    pub fn owner(self) -> u32 {
        u32::from_ne_bytes(field(self.0, 4))
    }

    pub fn next(self) -> u32 {
        u32::from_ne_bytes(field(self.0, 8))
    }

    pub fn bytes(self) -> &'a [u8] {
        let len = usize::from(u16::from_ne_bytes(field(self.0, 2)));
        self.0
            .get(SLOT_HEADER..SLOT_HEADER + len)
            .unwrap_or_default()
    }
}

/// A slot with a part of a value.
pub fn new_slot(shape: &Shape, owner: u32, next: u32, part: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; shape.bytes()];
    let len = u16::try_from(part.len()).unwrap_or(u16::MAX);
    set_field(&mut bytes, 0, [SlotState::Rest as u8]);
    set_field(&mut bytes, 2, len.to_ne_bytes());
    set_field(&mut bytes, 4, owner.to_ne_bytes());
    set_field(&mut bytes, 8, next.to_ne_bytes());
    if let Some(place) = bytes.get_mut(SLOT_HEADER..SLOT_HEADER + part.len()) {
        place.copy_from_slice(part);
    }
    bytes
}

/// A copy of a node.
pub struct Copied {
    /// The node's bytes.
    pub bytes: Vec<u8>,
    /// The index's shape, but for the length of the value.
    pub shape: Shape,
}

impl Copied {
    /// A copy of a node.
    pub fn new(node: Node<'_>) -> Self {
        Self {
            bytes: node.bytes.to_vec(),
            shape: *node.shape,
        }
    }

    /// The node.
    pub fn node(&self) -> Node<'_> {
        Node {
            bytes: &self.bytes,
            shape: &self.shape,
        }
    }
}

impl<S: PageStore> Pages<'_, S> {
    /// Shows a node with all of its value, as if it had room for that. None where the slot holds no
    /// node that can be walked through. Adds the slots that it reads to `reads`.
    ///
    /// # Errors
    /// As [`Pages::hold`], and where a live node's value has no end.
    pub fn whole<V: Space, T>(
        &self,
        space: &V,
        number: u32,
        reads: &mut u64,
        read: impl FnOnce(Node<'_>) -> T,
    ) -> Result<Option<T>, PageError> {
        *reads += 1;
        let held = self.hold(number)?;
        let shape = *self.shape();
        let bytes = held.bytes(&shape);
        let node = Node {
            bytes,
            shape: &shape,
        };
        if !node.walkable() {
            return Ok(None);
        }
        let own = space.values().extent(node.own());
        if own <= shape.own {
            let shape = &shape.showing(own);
            return Ok(Some(read(Node { bytes, shape })));
        }
        let copied = Copied::new(node);
        drop(held);
        let whole = self.complete(space, number, copied, reads)?;
        Ok(whole.map(|whole| read(whole.node())))
    }

    /// Completes a copy of a node with the rest of its value. None if the rest is gone.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub fn complete<V: Space>(
        &self,
        space: &V,
        number: u32,
        mut copied: Copied,
        reads: &mut u64,
    ) -> Result<Option<Copied>, PageError> {
        let extent = space.values().extent(copied.node().own());
        if extent <= copied.shape.own {
            copied.shape.own = extent;
            return Ok(Some(copied));
        }
        if extent > MAX_BYTES {
            return Err(corrupt(number, &format!("a value of {extent} bytes")));
        }
        let head = copied.node().own().to_vec();
        // A second try, for the node may have been replaced by one of the same bytes while its chain was read.
        for _ in 0..2 {
            if let Some(rest) = self.rest_of(number, &head, extent, reads)? {
                copied.bytes.truncate(copied.shape.own_at() + head.len());
                copied.bytes.extend(rest);
                copied.shape.own = extent;
                let at = copied.shape.own_at();
                set_rest(copied.bytes.get_mut(at..).unwrap_or_default(), NONE);
                return Ok(Some(copied));
            }
            let same = |now: Node<'_>| now.live() && now.own() == head;
            if !self.read(number, same)? {
                return Ok(None);
            }
        }
        Err(corrupt(number, "a part of its value is not there"))
    }

    /// The bytes of a value beyond `head`. None if the chain is not that of the node.
    fn rest_of(
        &self,
        number: u32,
        head: &[u8],
        extent: usize,
        reads: &mut u64,
    ) -> Result<Option<Vec<u8>>, PageError> {
        let missing = extent - head.len();
        let (mut found, mut next) = (Vec::with_capacity(missing), first(head));
        while found.len() < missing {
            if next == NONE {
                return Ok(None);
            }
            *reads += 1;
            let before = found.len();
            let after = self.read(next, |slot| {
                let slot = RestSlot(slot.bytes);
                slot.is_of(number).then(|| {
                    found.extend_from_slice(slot.bytes());
                    slot.next()
                })
            })?;
            match after {
                Some(after) if found.len() > before => next = after,
                _ => return Ok(None),
            }
        }
        Ok((found.len() == missing && next == NONE).then_some(found))
    }
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Puts a new node whose whole value is `own` where there is room, and gives its number. A node
    /// whose value is longer than its room is reserved first and comes alive last: a crash leaves a
    /// reserved slot and parts of a value, which the next vacuum frees.
    pub(in crate::hnsw) fn create_node(&self, mut node: Vec<u8>, own: &[u8]) -> Result<u32, Error> {
        let shape = self.shape();
        let Some(rest) = own.get(shape.own..).filter(|rest| !rest.is_empty()) else {
            return self.pages.create(&node);
        };
        let mut reserved = vec![0; shape.bytes()];
        set_field(&mut reserved, 0, [SlotState::Reserved as u8]);
        let number = self.pages.create(&reserved)?;
        let mut next = NONE;
        for part in rest.chunks(capacity(shape)).rev() {
            next = self.pages.create(&new_slot(shape, number, next, part))?;
        }
        set_rest(node.get_mut(shape.own_at()..).unwrap_or_default(), next);
        let mut edit = self.pages.change();
        edit.node(number, NodePart::Head, |slot| {
            if slot.bytes.len() == node.len() {
                slot.bytes.copy_from_slice(&node);
            }
        })?;
        edit.commit()?;
        Ok(number)
    }

    /// Shows a node with all of its value.
    pub(in crate::hnsw) fn whole<T>(
        &self,
        number: u32,
        reads: &mut u64,
        read: impl FnOnce(Node<'_>) -> T,
    ) -> Result<Option<T>, PageError> {
        self.pages.whole(&self.space, number, reads, read)
    }
}
