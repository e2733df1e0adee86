//! Additions: a new node with all of its value, and one more row of a node that is there.

use crate::index::{Error, Tid};
use crate::page::{PageStore, set_field};
use crate::values::{Values, long};

use crate::hnsw::index::Index;
use crate::hnsw::nodes::meta::KIND_NODES;
use crate::hnsw::nodes::node::{INLINE_TIDS, SlotState, corrupt};
use crate::hnsw::nodes::overflow::{self, new_slot};
use crate::hnsw::nodes::pages::NodePart;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::nodes::tids::{ATTEMPTS, Chunk, capacity, new_chunk, set_next, set_tids};
use crate::hnsw::spaces::space::Space;

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
        for part in rest.chunks(overflow::capacity(shape)).rev() {
            next = self.pages.create(&new_slot(shape, number, next, part))?;
        }
        long::set_rest(node.get_mut(shape.own_at()..).unwrap_or_default(), next);
        let mut edit = self.pages.change();
        edit.node(number, NodePart::Head, |slot| {
            if slot.bytes.len() == node.len() {
                slot.bytes.copy_from_slice(&node);
            }
        })?;
        edit.commit()?;
        Ok(number)
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
        let blocks = [number, chunk].map(|number| self.shape().slot_of(number).block);
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
}
