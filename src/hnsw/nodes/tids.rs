//! Tids: the rows of a node. Two tids lie in the node; further ones in chunks, slots of their own that are chained
//! from the node, the newest first. Inserts put chunks before all others; vacuum alone takes chunks off
//! ([`chain`](crate::hnsw::change::chain)).
//!
//! ```text
//! chunk: 0 state u8 | 2 tids u16 | 4 owner u32 | 8 next u32 | 12 tids, 6 bytes each
//! ```
//!
//! `next` of a chunk that is not chained yet is its owner, which is no chunk.

use std::collections::HashSet;

use crate::index::{Error, Fallible, Tid};
use crate::page::{PageStore, field, set_field};

use crate::hnsw::nodes::node::{Node, SlotState, corrupt};
use crate::hnsw::nodes::pages::Pages;
use crate::hnsw::nodes::shape::{NONE, Shape};

const CHUNK_HEADER_BYTES: usize = 12;

/// How often a chunk may be freed between the look at its predecessor and the look at the chunk itself. A chunk
/// comes off its chain in the change that frees it, so the next look finds another chunk. A reader looks again
/// and again only if it meets a vacuum at work each time.
pub(in crate::hnsw) const ATTEMPTS: usize = 16;

/// A slot of tids, to read.
#[derive(Clone, Copy)]
pub(in crate::hnsw) struct Chunk<'a>(pub &'a [u8]);

impl Chunk<'_> {
    /// Whether it is in the chain of a node.
    pub fn is_of(self, owner: u32) -> bool {
        let tids = self.0.first() == Some(&(SlotState::Tids as u8));
        tids && self.owner() == owner && self.next() != owner
    }

    pub fn owner(self) -> u32 {
        u32::from_ne_bytes(field(self.0, 4))
    }

    pub fn next(self) -> u32 {
        u32::from_ne_bytes(field(self.0, 8))
    }

    pub fn len(self) -> usize {
        u16::from_ne_bytes(field(self.0, 2)).into()
    }

    pub fn tids(self) -> Vec<Tid> {
        let tid = |i| Tid(field(self.0, CHUNK_HEADER_BYTES + 6 * i));
        (0..self.len()).map(tid).collect()
    }
}

/// Tids that a chunk holds. It lies on one page, the first of a node that takes several.
pub(in crate::hnsw) fn capacity(shape: &Shape) -> usize {
    let bytes = shape.bytes().min(crate::page::CONTENT_BYTES);
    (bytes - CHUNK_HEADER_BYTES) / 6
}

fn write_chunk(bytes: &mut [u8], owner: u32, next: u32, tids: &[Tid]) {
    bytes.fill(0);
    set_field(bytes, 0, [SlotState::Tids as u8]);
    set_field(bytes, 4, owner.to_ne_bytes());
    set_next(bytes, next);
    set_tids(bytes, tids);
}

/// Sets the next chunk of a chunk.
pub(in crate::hnsw) fn set_next(bytes: &mut [u8], next: u32) {
    set_field(bytes, 8, next.to_ne_bytes());
}

/// Replaces the tids of a chunk.
pub(in crate::hnsw) fn set_tids(bytes: &mut [u8], tids: &[Tid]) {
    set_field(
        bytes,
        2,
        u16::try_from(tids.len()).unwrap_or(u16::MAX).to_ne_bytes(),
    );
    for (i, tid) in tids.iter().enumerate() {
        set_field(bytes, CHUNK_HEADER_BYTES + 6 * i, tid.0);
    }
}

/// The bytes of a chunk that is put into a slot of its own.
pub(in crate::hnsw) fn new_chunk(shape: &Shape, owner: u32, next: u32, tids: &[Tid]) -> Vec<u8> {
    let mut bytes = vec![0; shape.bytes()];
    write_chunk(&mut bytes, owner, next, tids);
    bytes
}

impl<S: PageStore> Pages<'_, S> {
    /// All rows of a node. Tids that are added or removed meanwhile may or may not be among them.
    pub(in crate::hnsw) fn tids(&self, number: u32) -> Result<Vec<Tid>, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(mut tids) = self.try_tids(number)? {
                tids.sort_unstable();
                tids.dedup();
                return Ok(tids);
            }
        }
        Err(corrupt(number, "a chunk of its rows is not there").into())
    }

    /// All rows of a node; None where a chunk was freed under the feet of this reader, who holds one page at a
    /// time. Its tids went to what comes before it, which the reader may have left by then:
    ///
    /// - to the node, which is read once more at the end;
    /// - to a chunk. Where the slot that was freed is the first chunk of the node by now, all others
    ///   come after it, and the reader meets one a second time; or those that it has seen are gone,
    ///   and what they had lies ahead.
    fn try_tids(&self, number: u32) -> Result<Option<Vec<Tid>>, Error> {
        let own = |node: Node<'_>| {
            let live = node.live() && node.level() == 0;
            let tids = node.tids().filter(|_| live).collect::<Vec<_>>();
            (tids, if live { node.link() } else { NONE })
        };
        let (mut tids, mut next) = self.read(number, own)?;
        let mut chunks = HashSet::new();
        while next != NONE {
            let chunk = self.read(next, |slot| {
                let chunk = Chunk(slot.bytes);
                chunk.is_of(number).then(|| (chunk.tids(), chunk.next()))
            })?;
            let (true, Some((more, after))) = (chunks.insert(next), chunk) else {
                return Ok(None);
            };
            tids.try_extend(more)?;
            next = after;
        }
        if !chunks.is_empty() {
            tids.try_extend(self.read(number, own)?.0)?;
        }
        Ok(Some(tids))
    }

    /// The tids of a chunk and the number of the next one.
    ///
    /// # Errors
    /// Where the chunk is not in the chain of `owner`.
    pub(in crate::hnsw) fn chunk_of(
        &self,
        owner: u32,
        number: u32,
    ) -> Result<(Vec<Tid>, u32), Error> {
        let read = |slot: Node<'_>| {
            let chunk = Chunk(slot.bytes);
            chunk.is_of(owner).then(|| (chunk.tids(), chunk.next()))
        };
        let found = self.read(number, read)?;
        found.ok_or_else(|| corrupt(number, &format!("no tids of node {owner}")).into())
    }
}
