//! The pages of an index that was built.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::page::{self, Bytes, CONTENT_BYTES, PAGE_BYTES};

use super::super::error::Error;
use super::super::index::write_head;
use super::super::meta::{KIND_NODE_REST, KIND_NODES, Parameters, Roots};
use super::super::node::{INLINE_TIDS, Link, NodeMut, Tid};
use super::super::shape::NONE;
use super::super::space::Space;
use super::super::tids::{capacity, new_chunk};
use super::graph::Links;
use super::order::{Order, Place};
use super::{Progress, Sink};

/// Groups of pages that are made at once.
const BATCH: usize = 256;

/// What lies in a slot.
enum Slot {
    Node(Place),
    /// Tids of the value whose node has this number.
    Chunk(Vec<Tid>, u32, u32),
}

/// Writes all pages in order.
pub fn pages<V: Space>(
    links: &Links<'_, V>,
    parameters: &Parameters,
    pool: &ThreadPool,
    progress: &Progress,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let order = Order::new(links, parameters);
    let (chunks, chains) = chunks(links, parameters, &order);
    let mut slots: Vec<Slot> = order
        .places
        .iter()
        .map(|place| Slot::Node(*place))
        .collect();
    slots.extend(chunks);
    let on_page = parameters.shape.slots() as usize;
    let entry = *links.entry.lock().unwrap_or_else(PoisonError::into_inner);
    let groups = slots.len().div_ceil(on_page);
    let full = slots.len().is_multiple_of(on_page);
    let groups = u32::try_from(groups).map_err(|_| Error::Full)?;
    let roots = Roots {
        entry: entry.map_or(NONE, |(value, level)| order.number(value, level)),
        top: entry.map_or(0, |(_, level)| level),
        groups,
        free: if full {
            NONE
        } else {
            parameters.first() + groups - 1
        },
    };
    write_head(parameters, &roots, links.space.centre(), |page| {
        sink.page(page)
    })?;
    let contents: Vec<&[Slot]> = slots.chunks(on_page).collect();
    let chain = |value: u32| chains.get(&value).copied().unwrap_or(NONE);
    for batch in contents.chunks(BATCH) {
        if progress.cancel.load(Relaxed) {
            return Err(Error::Cancelled);
        }
        let make = |slots: &&[Slot]| group(links, parameters, &order, &chain, slots);
        let written: Vec<Vec<Bytes>> = pool.install(|| batch.par_iter().map(make).collect());
        sink.poll()?;
        for page in written.iter().flatten() {
            sink.page(page)?;
            progress.written.fetch_add(1, Relaxed);
        }
    }
    Ok(())
}

/// Chunks for values with more rows than a node holds, and the first chunk of each such value.
fn chunks<V: Space>(
    links: &Links<'_, V>,
    parameters: &Parameters,
    order: &Order,
) -> (Vec<Slot>, std::collections::HashMap<u32, u32>) {
    let room = capacity(&parameters.shape);
    let (mut chunks, mut chains) = (Vec::new(), std::collections::HashMap::new());
    for value in links.rows.values_with_more(INLINE_TIDS) {
        let tids = links.rows.tids(value);
        let mut next = NONE;
        for part in tids[INLINE_TIDS..].chunks(room) {
            let owner = order.number(value, 0);
            let number = order.number_at(order.places.len() + chunks.len());
            chunks.push(Slot::Chunk(part.to_vec(), owner, next));
            next = number;
        }
        chains.insert(value, next);
    }
    (chunks, chains)
}

/// The pages of one group: one page with its slots, or the pages of one node.
fn group<V: Space>(
    links: &Links<'_, V>,
    parameters: &Parameters,
    order: &Order,
    chain: &(dyn Fn(u32) -> u32 + Sync),
    slots: &[Slot],
) -> Vec<Bytes> {
    let mut content = Vec::with_capacity(CONTENT_BYTES);
    for slot in slots {
        match slot {
            Slot::Node(place) => content.extend(node(links, parameters, order, chain, *place)),
            Slot::Chunk(tids, owner, next) => {
                content.extend(new_chunk(&parameters.shape, *owner, *next, tids));
            }
        }
    }
    let kinds = std::iter::once(KIND_NODES).chain(std::iter::repeat(KIND_NODE_REST));
    let parts = content.chunks(CONTENT_BYTES).zip(kinds);
    parts
        .map(|(part, kind)| {
            let mut page = [0; PAGE_BYTES];
            page::format(&mut page, kind);
            page::set_lower(&mut page, part.len());
            if let Some(place) = page::content_mut(&mut page).get_mut(..part.len()) {
                place.copy_from_slice(part);
            }
            page
        })
        .collect()
}

fn node<V: Space>(
    links: &Links<'_, V>,
    parameters: &Parameters,
    order: &Order,
    chain: &(dyn Fn(u32) -> u32 + Sync),
    Place { value, level }: Place,
) -> Vec<u8> {
    let mut bytes = vec![0; parameters.shape.bytes()];
    let mut node = NodeMut {
        bytes: &mut bytes,
        shape: &parameters.shape,
    };
    let down = match level {
        0 => chain(value),
        level => order.number(value, level - 1),
    };
    node.format(level, down);
    if level == 0 {
        node.set_tids(&links.rows.tids(value));
    }
    let (own, scale) = links.rows.own(value as usize);
    node.set_scale(scale);
    let place = node.own_mut();
    place.copy_from_slice(&own[..place.len()]);
    let from = links.space.load(&own[..parameters.shape.own], scale);
    for (lane, (to, distance)) in links.neighbours(value, level).into_iter().enumerate() {
        let (own, scale) = links.rows.own(to as usize);
        let point = links.space.load(&own[..parameters.shape.own], scale);
        let link = Link {
            number: order.number(to, level),
            distance,
            code: links.space.code(&point, &from),
        };
        node.set_lane(lane, &link);
    }
    bytes
}
