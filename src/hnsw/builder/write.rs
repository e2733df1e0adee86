//! Write: the pages of an index that was built.

use crate::values::{Values, long};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::bulk::{Progress, Sink, Steps};
use crate::index::{Error, Fallible, Tid, collected, filled, with_room};
use crate::page::{self, Bytes, CONTENT_BYTES, PAGE_BYTES};

use super::graph::Links;
use super::order::{LevelNode, Order};
use crate::hnsw::index::write_head;
use crate::hnsw::nodes::meta::{KIND_NODE_REST, KIND_NODES, Parameters, Roots};
use crate::hnsw::nodes::node::{INLINE_TIDS, Link, NodeMut};
use crate::hnsw::nodes::overflow;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::nodes::tids::{capacity, new_chunk};
use crate::hnsw::spaces::space::Space;

/// Elements of values that are encoded, with their links, before the next poll: some ten milliseconds.
const BATCH_ELEMENTS: usize = 1 << 18;

/// What lies in a slot. Slots that belong to a node know its number.
enum SlotContent {
    Node {
        node: LevelNode,
        /// The first slot of its value's rest.
        rest: u32,
    },
    Chunk {
        tids: Vec<Tid>,
        owner: u32,
        /// The chunk behind it.
        next: u32,
    },
    /// A part of a value.
    Rest {
        value: u32,
        bytes: Range<usize>,
        owner: u32,
        /// The part behind it.
        next: u32,
    },
}

/// Writes all pages in order.
pub fn pages<V: Space>(
    links: &Links<'_, V>,
    parameters: &Parameters,
    pool: &ThreadPool,
    progress: &Progress,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let order = Order::new(links, parameters, &mut Steps::new(sink))?;
    let mut slots = nodes(links, parameters, &order)?;
    let chains = chunks(links, parameters, &order, &mut slots)?;
    let roots = roots(links, parameters, &order, slots.len())?;
    write_head(parameters, &roots, links.space.centre(), |page| {
        sink.page(page)
    })?;
    let blocks = (parameters.first()..).step_by(parameters.shape.pages() as usize);
    let groups = blocks.zip(slots.chunks(parameters.shape.slots() as usize));
    let groups = groups.map(|(block, slots)| GroupContent { block, slots });
    let groups: Vec<GroupContent<'_>> = collected(groups)?;
    let content = Content {
        links,
        parameters,
        order: &order,
        chains: &chains,
    };
    let mut batches = groups.chunks(batch_groups(parameters));
    // While a batch is written, threads make the next.
    let mut ready = Vec::new();
    loop {
        let (batch, mut next) = (batches.next(), Ok(Vec::new()));
        pool.in_place_scope(|scope| {
            let batch = batch.unwrap_or_default();
            scope.spawn(|_| next = content.batch(batch));
            write_batch(&ready, progress, sink)
        })?;
        if batch.is_none() {
            return Ok(());
        }
        ready = next?;
    }
}

/// The roots of an index with so many slots.
fn roots<V: Space>(
    links: &Links<'_, V>,
    parameters: &Parameters,
    order: &Order,
    slots: usize,
) -> Result<Roots, Error> {
    let on_page = parameters.shape.slots() as usize;
    let entry = *links.entry.lock().unwrap_or_else(PoisonError::into_inner);
    let groups = u32::try_from(slots.div_ceil(on_page)).map_err(|_| Error::Full)?;
    Ok(Roots {
        vacuums: 0,
        lengths: links.rows.lengths(),
        entry: entry.map_or(NONE, |entry| order.number(entry.value, entry.level)),
        top: entry.map_or(0, |entry| entry.level),
        groups,
        free: if slots.is_multiple_of(on_page) {
            NONE
        } else {
            parameters.first() + groups - 1
        },
    })
}

/// Groups of a batch.
fn batch_groups(parameters: &Parameters) -> usize {
    let dims = usize::try_from(parameters.dims).unwrap_or(usize::MAX);
    let elements = parameters.shape.slots() as usize * dims.clamp(256, 16_000);
    (BATCH_ELEMENTS / elements).max(8)
}

/// Hands pages to the sink.
fn write_batch(pages: &[Bytes], progress: &Progress, sink: &mut dyn Sink) -> Result<(), Error> {
    if progress.cancel.load(Relaxed) {
        return Err(Error::Cancelled);
    }
    sink.poll()?;
    for page in pages {
        sink.page(page)?;
        progress.written.fetch_add(1, Relaxed);
    }
    Ok(())
}

/// Nodes in their order, each with the rest of its value behind it.
fn nodes<V: Space>(
    links: &Links<'_, V>,
    parameters: &Parameters,
    order: &Order,
) -> Result<Vec<SlotContent>, Error> {
    let (room, part) = (parameters.shape.own, overflow::capacity(&parameters.shape));
    let mut slots = with_room(order.places.len())?;
    for place in &order.places {
        let bytes = links.rows.own(place.value as usize).0.len();
        let owner = order.number(place.value, place.level);
        let next = |slots: &Vec<SlotContent>, from: usize| {
            let more = (from < bytes).then(|| order.number_at(slots.len() + 1));
            more.unwrap_or(NONE)
        };
        slots.try_push(SlotContent::Node {
            node: *place,
            rest: next(&slots, room),
        })?;
        for from in (room..bytes).step_by(part) {
            let to = bytes.min(from + part);
            slots.try_push(SlotContent::Rest {
                value: place.value,
                bytes: from..to,
                owner,
                next: next(&slots, to),
            })?;
        }
    }
    Ok(slots)
}

/// Adds chunks for values with more rows than a node holds, and gives the first chunk of each.
fn chunks<V: Space>(
    links: &Links<'_, V>,
    parameters: &Parameters,
    order: &Order,
    slots: &mut Vec<SlotContent>,
) -> Result<HashMap<u32, u32>, Error> {
    let room = capacity(&parameters.shape);
    let mut chains = HashMap::new();
    for value in links.rows.values_with_more(INLINE_TIDS)? {
        let tids = collected(links.rows.tids(value))?;
        let mut next = NONE;
        for part in tids[INLINE_TIDS..].chunks(room) {
            let owner = order.number(value, 0);
            let number = order.number_at(slots.len());
            slots.try_push(SlotContent::Chunk {
                tids: part.to_vec(),
                owner,
                next,
            })?;
            next = number;
        }
        chains.try_reserve(1)?;
        chains.insert(value, next);
    }
    Ok(chains)
}

/// A group, its first page, and what lies in its slots.
struct GroupContent<'s> {
    block: u32,
    slots: &'s [SlotContent],
}

/// What pages are made of.
struct Content<'c, 'b, V> {
    links: &'c Links<'b, V>,
    parameters: &'c Parameters,
    order: &'c Order,
    /// The first chunk of each value that has one.
    chains: &'c HashMap<u32, u32>,
}

impl<V: Space> Content<'_, '_, V> {
    /// The pages of some groups. The memory of all of them is asked for at once. Page by page, the threads would use
    /// up the little memory that is left for others.
    fn batch(&self, groups: &[GroupContent<'_>]) -> Result<Vec<Bytes>, Error> {
        let in_group = self.parameters.shape.pages() as usize;
        let mut made = filled([0; PAGE_BYTES], groups.len() * in_group)?;
        let pages = made.par_chunks_mut(in_group).zip(groups);
        pages.for_each(|(pages, group)| {
            let content = self.group(group.slots);
            on_pages(&content, self.parameters, group.block, pages);
        });
        Ok(made)
    }

    /// The content of one group: of one page with its slots, or of the pages of one node.
    fn group(&self, slots: &[SlotContent]) -> Vec<u8> {
        let shape = &self.parameters.shape;
        let mut content = Vec::with_capacity(CONTENT_BYTES);
        for slot in slots {
            match slot {
                SlotContent::Node { node, rest } => {
                    let mut bytes = self.node(*node);
                    if *rest != NONE {
                        let own = bytes.get_mut(shape.own_at()..);
                        long::set_rest(own.unwrap_or_default(), *rest);
                    }
                    content.extend(bytes);
                }
                SlotContent::Chunk { tids, owner, next } => {
                    content.extend(new_chunk(shape, *owner, *next, tids));
                }
                SlotContent::Rest {
                    value,
                    bytes,
                    owner,
                    next,
                } => {
                    let (own, _) = self.links.rows.own(*value as usize);
                    let part = own.get(bytes.clone()).unwrap_or_default();
                    content.extend(overflow::new_slot(shape, *owner, *next, part));
                }
            }
        }
        content
    }

    /// The bytes of a node.
    fn node(&self, LevelNode { value, level }: LevelNode) -> Vec<u8> {
        let (links, order) = (self.links, self.order);
        let mut bytes = vec![0; self.parameters.shape.bytes()];
        let mut node = NodeMut {
            bytes: &mut bytes,
            shape: &self.parameters.shape,
        };
        let down = match level {
            0 => self.chains.get(&value).copied().unwrap_or(NONE),
            level => order.number(value, level - 1),
        };
        node.format(level, down);
        if level == 0 {
            let tids: Vec<Tid> = links.rows.tids(value).take(INLINE_TIDS).collect();
            node.set_tids(&tids);
        }
        let (own, scale) = links.rows.own(value as usize);
        node.set_scale(scale);
        node.set_own(own);
        let origin = links.space.origin(links.space.values().load(own, scale));
        for (lane, near) in links.neighbours(value, level).into_iter().enumerate() {
            let (own, scale) = links.rows.own(near.value as usize);
            let point = links.space.values().load(own, scale);
            let link = Link {
                number: order.number(near.value, level),
                distance: near.distance,
                code: links.space.code(&point, &origin),
            };
            node.set_lane(lane, &link);
        }
        bytes
    }
}

/// Puts a content on the pages of a group, which are zeros, the first of them at `block`.
fn on_pages(content: &[u8], parameters: &Parameters, block: u32, pages: &mut [Bytes]) {
    let kinds = std::iter::once(KIND_NODES).chain(std::iter::repeat(KIND_NODE_REST));
    let parts = content.chunks(CONTENT_BYTES).zip(kinds);
    for ((page, block), (part, kind)) in pages.iter_mut().zip(block..).zip(parts) {
        page::format(page, parameters.mark(block, kind));
        page::set_lower(page, part.len());
        if let Some(place) = page::content_mut(page).get_mut(..part.len()) {
            place.copy_from_slice(part);
        }
    }
}
