//! Long values: those that a node has no room for. The node has the first bytes; the others lie in slots of their
//! own that are chained from it.
//!
//! ```text
//! value: `values/long.rs`; its rest is where the first slot is
//! slot:  0 state u8 | 2 bytes u16 | 4 owner u32 | 8 next u32 | 12 bytes of the value
//! ```
//!
//! A chain is written once: after its node's slot was reserved, before the node comes alive. It is
//! freed before its node, whose slot is not given out until then: so a slot of a rest always belongs
//! to the node whose number it has, never to one that was there before. Who reads a chain and finds
//! it gone has a node that is gone as well.

use crate::page::{CONTENT_BYTES, PageError, PageStore, field, set_field};
use crate::values::{Values, long};

use crate::hnsw::nodes::node::{Node, SlotState, corrupt};
use crate::hnsw::nodes::pages::Pages;
use crate::hnsw::nodes::shape::{NONE, Shape};

/// Bytes that a value has at most.
const MAX_VALUE_BYTES: usize = 1 << 17;

const SLOT_HEADER_BYTES: usize = 12;

/// Bytes of a value that one slot takes. It lies on one page.
pub fn capacity(shape: &Shape) -> usize {
    shape.bytes().min(CONTENT_BYTES) - SLOT_HEADER_BYTES
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
            .get(SLOT_HEADER_BYTES..SLOT_HEADER_BYTES + len)
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
    if let Some(place) = bytes.get_mut(SLOT_HEADER_BYTES..SLOT_HEADER_BYTES + part.len()) {
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
    pub fn whole<T>(
        &self,
        values: &impl Values,
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
        if !node.is_walkable() {
            return Ok(None);
        }
        let own = values.extent(node.own());
        if own <= shape.own {
            let shape = &shape.showing(own);
            return Ok(Some(read(Node { bytes, shape })));
        }
        let copied = Copied::new(node);
        drop(held);
        let whole = self.complete(values, number, copied, reads)?;
        Ok(whole.map(|whole| read(whole.node())))
    }

    /// Completes a copy of a node with the rest of its value. None if the rest is gone.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub fn complete(
        &self,
        values: &impl Values,
        number: u32,
        mut copied: Copied,
        reads: &mut u64,
    ) -> Result<Option<Copied>, PageError> {
        let extent = values.extent(copied.node().own());
        if extent <= copied.shape.own {
            copied.shape.own = extent;
            return Ok(Some(copied));
        }
        if extent > MAX_VALUE_BYTES {
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
                long::set_rest(copied.bytes.get_mut(at..).unwrap_or_default(), NONE);
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
        let (mut found, mut next) = (Vec::with_capacity(missing), long::rest(head));
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
