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
use crate::page::PageStore;

use crate::hnsw::index::Index;
use crate::hnsw::meta::KIND_NODES;
use crate::hnsw::nodes::node::{INLINE_TIDS, Node, SlotState, corrupt, field, set_field};
use crate::hnsw::nodes::pages::NodePart;
use crate::hnsw::nodes::shape::{NONE, Shape};
use crate::hnsw::spaces::space::{Space, Values};

const CHUNK_HEADER: usize = 12;

/// How often a chunk may be freed between the look at its predecessor and the look at the chunk itself. A chunk
/// comes off its chain in the change that frees it, so the next look finds another chunk. A reader looks again
/// and again only if it meets a vacuum at work each time.
const ATTEMPTS: usize = 16;

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
        let tid = |i| Tid(field(self.0, CHUNK_HEADER + 6 * i));
        (0..self.len()).map(tid).collect()
    }
}

/// Tids that a chunk holds. It lies on one page, the first of a node that takes several.
pub(in crate::hnsw) fn capacity(shape: &Shape) -> usize {
    let bytes = shape.bytes().min(crate::page::CONTENT_BYTES);
    (bytes - CHUNK_HEADER) / 6
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
        set_field(bytes, CHUNK_HEADER + 6 * i, tid.0);
    }
}

/// The bytes of a chunk that is put into a slot of its own.
pub(in crate::hnsw) fn new_chunk(shape: &Shape, owner: u32, next: u32, tids: &[Tid]) -> Vec<u8> {
    let mut bytes = vec![0; shape.bytes()];
    write_chunk(&mut bytes, owner, next, tids);
    bytes
}

/// What became of an attempt to add a row to a node.
enum Added {
    Yes,
    /// Somebody else has changed the node: look again.
    Again,
    /// The node is no longer one with rows.
    Gone,
    /// Neither the node nor its first chunk has room.
    Full,
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
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
        let (mut tids, mut next) = self.pages.read(number, own)?;
        let mut chunks = HashSet::new();
        while next != NONE {
            let chunk = self.pages.read(next, |slot| {
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
            tids.try_extend(self.pages.read(number, own)?.0)?;
        }
        Ok(Some(tids))
    }

    /// Adds a row to a node whose stored value is `own`; false where the node is no longer that one.
    pub(in crate::hnsw) fn add_tid(
        &self,
        number: u32,
        own: &[u8],
        tid: Tid,
    ) -> Result<bool, Error> {
        for _ in 0..ATTEMPTS {
            match self.try_add(number, own, tid)? {
                Added::Yes => return Ok(true),
                Added::Gone => return Ok(false),
                Added::Again => {}
                Added::Full => {
                    // The chunk takes its place in the chain below, where the chain is locked.
                    let chunk = new_chunk(self.shape(), number, number, &[tid]);
                    let chunk = self.pages.create(&chunk)?;
                    if self.chain(number, chunk)? {
                        return Ok(true);
                    }
                    // Vacuum frees the chunk: given out at once, it could be another row's when a
                    // vacuum that has seen it unchained comes to free it.
                    return Ok(false);
                }
            }
        }
        Err(corrupt(number, "a chunk of its rows is not there").into())
    }

    fn try_add(&self, number: u32, own: &[u8], tid: Tid) -> Result<Added, Error> {
        let mut edit = self.pages.change();
        let (added, chunk) = edit.node(number, NodePart::Head, |node| {
            let read = node.read();
            // Of a node of several pages, or with a rest, this shows the start only; the value was
            // compared by the caller.
            let here = self.shape().pages() == 1 && own.len() <= self.shape().own;
            let same = self.space.values().extent(read.own()) == own.len();
            let same = !here || same && read.own().starts_with(own);
            if !read.live() || !same {
                return (Added::Gone, NONE);
            }
            let mut tids: Vec<Tid> = read.tids().collect();
            if tids.contains(&tid) {
                return (Added::Yes, NONE);
            }
            if tids.len() == INLINE_TIDS {
                return (Added::Full, read.link());
            }
            tids.push(tid);
            node.set_tids(&tids);
            (Added::Yes, NONE)
        })?;
        if matches!(added, Added::Yes) {
            edit.commit()?;
            return Ok(added);
        }
        drop(edit);
        if !matches!(added, Added::Full) || chunk == NONE {
            return Ok(added);
        }
        self.try_add_to_chunk(number, chunk, tid)
    }

    fn try_add_to_chunk(&self, owner: u32, number: u32, tid: Tid) -> Result<Added, Error> {
        let room = capacity(self.shape());
        let mut edit = self.pages.change();
        let added = edit.node(number, NodePart::Head, |slot| {
            let chunk = Chunk(slot.bytes);
            if !chunk.is_of(owner) {
                return Added::Again;
            }
            let mut tids = chunk.tids();
            if tids.len() >= room {
                return Added::Full;
            }
            if !tids.contains(&tid) {
                tids.push(tid);
                set_tids(slot.bytes, &tids);
            }
            Added::Yes
        })?;
        if matches!(added, Added::Yes) {
            edit.commit()?;
        }
        Ok(added)
    }

    /// Makes `chunk` the first of a node's chain; false where the node has no rows any more.
    fn chain(&self, number: u32, chunk: u32) -> Result<bool, Error> {
        let mut edit = self.pages.change();
        let blocks = [number, chunk].map(|number| self.shape().place(number).0);
        edit.page(blocks[0].min(blocks[1]), KIND_NODES)?;
        edit.page(blocks[0].max(blocks[1]), KIND_NODES)?;
        let next = edit.node(number, NodePart::Head, |node| {
            let (live, next) = (node.read().live(), node.read().link());
            if live {
                node.set_link(chunk);
            }
            live.then_some(next)
        })?;
        let Some(next) = next else {
            return Ok(false);
        };
        edit.node(chunk, NodePart::Head, |slot| set_next(slot.bytes, next))?;
        edit.commit()?;
        Ok(true)
    }

    /// Frees a slot that nothing leads to.
    pub(in crate::hnsw) fn free_slot(&self, number: u32) -> Result<(), Error> {
        let mut edit = self.pages.change();
        edit.free(number)?;
        Ok(edit.commit()?)
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
        let found = self.pages.read(number, read)?;
        found.ok_or_else(|| corrupt(number, &format!("no tids of node {owner}")).into())
    }
}
