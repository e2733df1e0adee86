//! Chunks of tids in a vacuum. It walks the chain of each node that has one, removes the tids of dead rows, and
//! moves the rest of a chunk to the chunk or node before it, if there is room. So no two neighbouring chunks would
//! fit one, and a chain is at most twice as long as its rows need, however they come and go.
//!
//! Inserts put chunks before all others meanwhile, and look at the first chunk only.

use crate::index::{Error, Tid};
use crate::page::PageStore;

use crate::hnsw::change::vacuum::FirstPass;
use crate::hnsw::index::Index;
use crate::hnsw::nodes::meta::KIND_NODES;
use crate::hnsw::nodes::node::{INLINE_TIDS, Node, NodeMut, SlotState, corrupt};
use crate::hnsw::nodes::pages::NodePart;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::nodes::tids::{Chunk, capacity, set_next, set_tids};
use crate::hnsw::spaces::space::Space;

/// What leads to a chunk.
#[derive(Clone, Copy, Debug)]
enum Before {
    Node(u32),
    Chunk(u32),
}

impl Before {
    fn number(self) -> u32 {
        let (Self::Node(number) | Self::Chunk(number)) = self;
        number
    }
}

/// A chunk in its chain.
#[derive(Clone, Copy, Debug)]
struct ChunkPlace {
    owner: u32,
    before: Before,
    chunk: u32,
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Removes tids from the chunks of a node; gives the number of tids that are left in its chain or
    /// were moved from there to the node.
    pub(in crate::hnsw) fn shrink_chain(
        &self,
        owner: u32,
        gone: &mut dyn FnMut(Tid) -> bool,
        seen: &mut FirstPass,
    ) -> Result<usize, Error> {
        let look = |node: Node<'_>| (node.tids().count(), node.link());
        let (mut rows, mut next) = self.pages.read(owner, look)?;
        let (mut before, mut left) = (Before::Node(owner), 0);
        while next != NONE {
            let chunk = next;
            seen.report.reads += 1;
            seen.chained.try_reserve(1)?;
            seen.unchained.try_reserve(1)?;
            if !seen.chained.insert(chunk) && !seen.unchained.remove(&chunk) {
                return Err(corrupt(chunk, "chained twice").into());
            }
            let (tids, after) = self.pages.chunk_of(owner, chunk)?;
            let mut removed: Vec<Tid> = tids.iter().copied().filter(|tid| gone(*tid)).collect();
            removed.sort_unstable();
            let here = tids.len() - removed.len();
            let place = ChunkPlace {
                owner,
                before,
                chunk,
            };
            if rows + here <= self.room(before) && self.merge(place, &removed)? {
                rows += here;
                seen.unchained.insert(chunk);
                seen.report.freed += 1;
            } else {
                self.remove_from_chunk(chunk, &removed)?;
                (before, rows) = (Before::Chunk(chunk), here);
            }
            seen.report.removed += removed.len() as u64;
            seen.report.left += here as u64;
            left += here;
            next = after;
        }
        Ok(left)
    }

    fn room(&self, before: Before) -> usize {
        match before {
            Before::Node(_) => INLINE_TIDS,
            Before::Chunk(_) => capacity(self.shape()),
        }
    }

    fn remove_from_chunk(&self, chunk: u32, removed: &[Tid]) -> Result<(), Error> {
        if removed.is_empty() {
            return Ok(());
        }
        let mut edit = self.pages.change();
        edit.node(chunk, NodePart::Head, |slot| {
            let mut now = Chunk(slot.bytes).tids();
            now.retain(|tid| removed.binary_search(tid).is_err());
            set_tids(slot.bytes, &now);
        })?;
        Ok(edit.commit()?)
    }

    /// Moves the tids of a chunk, except the `removed` ones, to the chunk or node before it, and frees the
    /// chunk's slot at once, for nothing else leads to it. False, with nothing changed, if there is no room any
    /// more, or a chunk was put between the two.
    fn merge(&self, place: ChunkPlace, removed: &[Tid]) -> Result<bool, Error> {
        let ChunkPlace {
            owner,
            before,
            chunk,
        } = place;
        let mut edit = self.pages.change();
        edit.roots()?;
        let blocks = [before.number(), chunk].map(|number| self.shape().slot_of(number).block);
        edit.page(blocks[0].min(blocks[1]), KIND_NODES)?;
        edit.page(blocks[0].max(blocks[1]), KIND_NODES)?;
        let (mut tids, after) = edit.node(chunk, NodePart::Head, |slot| {
            (Chunk(slot.bytes).tids(), Chunk(slot.bytes).next())
        })?;
        tids.retain(|tid| removed.binary_search(tid).is_err());
        let room = self.room(before);
        let merged = edit.node(before.number(), NodePart::Head, |slot| match before {
            Before::Node(_) => take_into_node(slot, chunk, after, &tids, room),
            Before::Chunk(_) => {
                let next = NextChunk {
                    owner,
                    chunk,
                    after,
                };
                take_into_chunk(slot, next, &tids, room)
            }
        })?;
        if merged {
            edit.free(chunk)?;
            edit.commit()?;
        }
        Ok(merged)
    }
}

/// Adds the tids of the node's first chunk to its own, and makes the next one the first. A node that
/// has neither then is dead, in the same change: none without rows is live.
fn take_into_node(
    node: &mut NodeMut<'_>,
    chunk: u32,
    after: u32,
    tids: &[Tid],
    room: usize,
) -> bool {
    let all: Vec<Tid> = node.read().tids().chain(tids.iter().copied()).collect();
    let fits = node.read().link() == chunk && all.len() <= room;
    if fits {
        if !tids.is_empty() {
            node.set_tids(&all);
        }
        node.set_link(after);
        if all.is_empty() && after == NONE {
            node.set_state(SlotState::Dead);
        }
    }
    fits
}

/// The chunk behind another in the chain of a node, and the one after it.
#[derive(Clone, Copy)]
struct NextChunk {
    owner: u32,
    chunk: u32,
    after: u32,
}

/// Adds the tids of the next chunk to those of a chunk, and makes the one after it the next.
fn take_into_chunk(slot: &mut NodeMut<'_>, next: NextChunk, tids: &[Tid], room: usize) -> bool {
    let read = Chunk(slot.bytes);
    let mut all = read.tids();
    all.extend(tids);
    let fits = read.is_of(next.owner) && read.next() == next.chunk && all.len() <= room;
    if fits {
        set_tids(slot.bytes, &all);
        set_next(slot.bytes, next.after);
    }
    fits
}
