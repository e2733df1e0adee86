//! Order of nodes on pages: which node gets which number. Nodes that are visited together share a page, and the
//! parts of a value that its node has no room for come right behind the node.

use std::collections::VecDeque;

use crate::bulk::Steps;
use crate::index::{Error, Fallible, collected, filled, with_room};

use super::graph::Links;
use crate::hnsw::nodes::meta::Parameters;
use crate::hnsw::nodes::overflow;
use crate::hnsw::nodes::shape::Shape;
use crate::hnsw::spaces::space::Space;

/// A node: a value on a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelNode {
    /// The number of the value among those of the build.
    pub value: u32,
    /// The level, 0 on the ground.
    pub level: u8,
}

/// Nodes in the order of their slots, and where each is.
pub struct Order {
    /// The nodes, in the order of their slots.
    pub places: Vec<LevelNode>,
    /// By value: the number of its node on the ground.
    ground: Vec<u32>,
    /// By value: the numbers of its nodes above the ground, the lowest first.
    above: Vec<Vec<u32>>,
    shape: Shape,
    /// The first block of nodes.
    first: u32,
}

impl Order {
    /// Highest levels first, for every walk begins there; then the ground, a value with its nearest
    /// neighbours on a page, page after page along the links.
    pub fn new<V: Space>(
        links: &Links<'_, V>,
        parameters: &Parameters,
        steps: &mut Steps<'_>,
    ) -> Result<Self, Error> {
        let slots = parameters.shape.slots();
        let mut above: Vec<LevelNode> = Vec::new();
        for (value, level) in (0_u32..).zip(links.lists.levels) {
            above.try_extend((1..=*level).map(|level| LevelNode { value, level }))?;
        }
        above.sort_by_key(|node| (std::cmp::Reverse(node.level), node.value));
        let mut places: Vec<LevelNode> = with_room(above.len() + links.lists.levels.len())?;
        places.extend(above);
        // Slots that a value takes.
        let width = |value: u32| {
            let (own, _) = links.rows.own(value as usize);
            1 + overflow::slots(&parameters.shape, own.len())
        };
        let taken = places.iter().map(|place| width(place.value)).sum();
        let room = Room {
            slots: slots as usize,
            taken,
        };
        places.extend(ground(links, &room, &width, steps)?);
        let lists = links
            .lists
            .levels
            .iter()
            .map(|level| vec![0; (*level).into()]);
        let mut order = Self {
            ground: filled(0, links.lists.levels.len())?,
            above: collected(lists)?,
            places,
            shape: parameters.shape,
            first: parameters.first(),
        };
        let mut slot = 0;
        for at in 0..order.places.len() {
            let (number, place) = (order.number_at(slot), order.places[at]);
            slot += width(place.value);
            let value = place.value as usize;
            match usize::from(place.level) {
                0 => order.ground[value] = number,
                level => order.above[value][level - 1] = number,
            }
        }
        Ok(order)
    }

    /// The number of the slot that is the `at`-th.
    pub fn number_at(&self, at: usize) -> u32 {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let slots = self.shape.slots();
        let block = self.first + at / slots * self.shape.pages();
        self.shape.number(block, at % slots)
    }

    /// The number of a node.
    pub fn number(&self, value: u32, level: u8) -> u32 {
        match usize::from(level) {
            0 => self.ground[value as usize],
            level => self.above[value as usize][level - 1],
        }
    }
}

/// Slots of a page, and those that are taken before the ground.
struct Room {
    slots: usize,
    taken: usize,
}

/// The values of the ground; each takes `width` slots.
fn ground<V: Space>(
    links: &Links<'_, V>,
    room: &Room,
    width: &dyn Fn(u32) -> usize,
    steps: &mut Steps<'_>,
) -> Result<Vec<LevelNode>, Error> {
    let Room { slots, mut taken } = *room;
    let values = u32::try_from(links.lists.levels.len()).unwrap_or(u32::MAX);
    let mut placed = filled(false, links.lists.levels.len())?;
    let mut order = with_room(links.lists.levels.len())?;
    let mut queue = VecDeque::new();
    for start in 0..values {
        queue.try_reserve(1)?;
        queue.push_back(start);
        while let Some(value) = queue.pop_front() {
            steps.step()?;
            if std::mem::replace(&mut placed[value as usize], true) {
                continue;
            }
            order.push(LevelNode { value, level: 0 });
            taken += width(value);
            let mut near = links.neighbours(value, 0);
            near.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            queue.try_reserve(near.len() * (near.len() + 1))?;
            for neighbour in near.into_iter().map(|near| near.value) {
                let has_room = !taken.is_multiple_of(slots);
                if placed[neighbour as usize] {
                    continue;
                }
                if has_room {
                    placed[neighbour as usize] = true;
                    order.push(LevelNode {
                        value: neighbour,
                        level: 0,
                    });
                    taken += width(neighbour);
                    let next = links.neighbours(neighbour, 0);
                    queue.extend(next.into_iter().map(|next| next.value));
                } else {
                    queue.push_back(neighbour);
                }
            }
        }
    }
    Ok(order)
}
