//! Links back: how a node becomes the neighbour of others, each of which decides from its own page. A link is given
//! up only where another way takes its place, so that every node that could be reached stays within reach.

use crate::index::Error;
use crate::page::{PageError, PageStore};

use crate::hnsw::index::Index;
use crate::hnsw::nodes::meta::KIND_NODES;
use crate::hnsw::nodes::node::{Link, Node};
use crate::hnsw::nodes::overflow::Copied;
use crate::hnsw::nodes::pages::NodePart;
use crate::hnsw::nodes::shape::{BLOCK_LANES, NONE};
use crate::hnsw::spaces::space::{Near, NearLane, PointOf, Probe, Space};
use crate::values::Values;

/// What to do with the lanes of a node so that another becomes its neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hnsw) struct Placement {
    /// The lane to fill.
    pub lane: usize,
    /// Lanes to empty, for the new neighbour links to the same nodes.
    pub empty: Vec<usize>,
    /// The node that loses its link though the new neighbour does not link to it.
    pub orphan: Option<u32>,
}

/// When a node takes a new neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hnsw) enum Demand {
    /// If no nearer neighbour leads to the new one.
    IfBetter,
    /// In any case.
    Always,
}

/// A node's lanes, as a new neighbour sees them.
#[derive(Clone, Copy)]
pub(in crate::hnsw) struct LinkLanes<'a> {
    /// Neighbours, [`NONE`] in empty lanes.
    pub numbers: &'a [u32],
    /// How far each is from the node.
    pub distances: &'a [f32],
}

impl LinkLanes<'_> {
    /// A lane that is empty, where the node has fewer than `max` neighbours.
    pub fn free(&self, max: usize) -> Option<usize> {
        let taken = self
            .numbers
            .iter()
            .filter(|number| **number != NONE)
            .count();
        let free = self.numbers.iter().position(|number| *number == NONE);
        free.filter(|_| taken < max)
    }

    /// Decides whether a full node takes a neighbour at `distance`. It does not if a nearer neighbour leads to the new
    /// one, unless that is on [`Demand::Always`]. It gives up the link to a neighbour that the new one leads to, or
    /// else to the farthest. `to` gives the distance of the neighbour in a lane from the new one; it is asked as often
    /// as needed. `linked` tells whether the new one links to a node: such a link is given up first, for the way over
    /// the new one takes its place.
    pub fn displace(
        &self,
        distance: f32,
        demand: Demand,
        mut to: impl FnMut(usize) -> f32,
        linked: impl Fn(u32) -> bool,
    ) -> Option<Placement> {
        let lanes = || {
            let all = self.numbers.iter().zip(self.distances).enumerate();
            let all = all.map(|(lane, (number, distance))| NearLane {
                lane,
                number: *number,
                distance: *distance,
            });
            all.filter(|old| old.number != NONE)
        };
        let mut nearer = lanes().filter(|old| old.distance <= distance);
        if demand == Demand::IfBetter && nearer.any(|old| to(old.lane) <= distance) {
            return None;
        }
        let farther = lanes().filter(|old| old.distance > distance);
        let led = farther.filter(|old| to(old.lane) < old.distance);
        let (mut empty, mut instead) = (Vec::new(), None);
        for old in led {
            if linked(old.number) {
                empty.push(old.lane);
            } else {
                instead = Some(old);
            }
        }
        if let Some(lane) = empty.pop() {
            let orphan = None;
            return Some(Placement {
                lane,
                empty,
                orphan,
            });
        }
        let farthest = || {
            let farthest = lanes().max_by(|a, b| a.distance.total_cmp(&b.distance))?;
            let takes = demand == Demand::Always || farthest.distance > distance;
            takes.then_some(farthest)
        };
        let lost = instead.or_else(farthest)?;
        Some(Placement {
            lane: lost.lane,
            empty,
            orphan: (!linked(lost.number)).then_some(lost.number),
        })
    }
}

/// Decides from one page whether a node takes a neighbour. `near` holds the distances from that one to the
/// node's neighbours.
fn decide<V: Space>(
    node: Node<'_>,
    near: &Near,
    new: &Newcomer<'_, V>,
    distance: f32,
) -> Option<Placement> {
    let distances: Vec<f32> = (0..node.shape.lanes)
        .map(|lane| node.distance(lane))
        .collect();
    let lanes = LinkLanes {
        numbers: &near.numbers,
        distances: &distances,
    };
    let to = |lane: usize| near.distances.get(lane).copied().unwrap_or(f32::INFINITY);
    match lanes.free(node.max_degree()) {
        Some(lane) => Some(Placement {
            lane,
            empty: Vec::new(),
            orphan: None,
        }),
        None => lanes.displace(distance, new.demand, to, |number| {
            new.links.contains(&number)
        }),
    }
}

/// A node that others shall link to.
pub(in crate::hnsw) struct Newcomer<'n, V: Space> {
    pub number: u32,
    /// Its value as it is stored.
    pub point: &'n PointOf<V>,
    /// What it links to.
    pub links: Vec<u32>,
    /// The nodes of `links` to which others have given up their links: the new node is the way to them now.
    pub leads: Vec<u32>,
    /// Whether the next one that is asked takes it in any case.
    pub demand: Demand,
    /// Whether it is alive. If not, its slot is reserved, and the first link to it brings it to life.
    pub alive: bool,
}

/// What a node says to a newcomer.
enum Answer {
    /// It links to it already.
    Has,
    Refuses,
    Takes(Decision),
}

/// How a node takes a newcomer.
struct Decision {
    placement: Placement,
    link: Link,
    /// The tables from which it was decided.
    tables: Vec<u8>,
    /// Nodes that lose their link, though the newcomer links to them.
    led: Vec<u32>,
}

fn links_to(node: Node<'_>, number: u32) -> bool {
    node.neighbours().any(|(_, to)| to == number)
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Makes `new` a neighbour of `number`, if that node takes it; false if it does not. Looks without a lock,
    /// and changes the page only if nothing has changed there since.
    pub(in crate::hnsw) fn link_back(
        &self,
        number: u32,
        distance: f32,
        new: &mut Newcomer<'_, V>,
        probe: &mut Probe<V::Query>,
    ) -> Result<bool, Error> {
        loop {
            let Decision {
                placement,
                link,
                tables,
                led,
            } = match self.ask(number, distance, new, probe)? {
                Answer::Has => return Ok(true),
                Answer::Refuses => return Ok(false),
                Answer::Takes(decision) => decision,
            };
            if let Some(orphan) = placement.orphan
                && !self.take_over(orphan, new, &mut probe.near.reads)?
            {
                return Ok(false);
            }
            let mut edit = self.pages.change();
            let [home, there] =
                [new.number, number].map(|number| self.shape().slot_of(number).block);
            if !new.alive && home < there {
                // Pages are locked in their order.
                edit.page(home, KIND_NODES)?;
            }
            let part = NodePart::Block(placement.lane / BLOCK_LANES);
            let same = edit.node(number, part, |node| {
                // A node that has died since it was chosen links back too: the vacuum waits for this insert,
                // and then links to nodes that cannot be reached.
                let same = node.read().is_walkable() && node.read().tables() == tables;
                if same {
                    node.set_lane(placement.lane, &link);
                    let empty = placement.empty.iter();
                    empty.for_each(|lane| node.clear_lane(*lane));
                }
                same
            })?;
            if same {
                if !new.alive {
                    edit.enliven(new.number)?;
                }
                edit.commit()?;
                new.alive = true;
                new.leads.extend(led);
                return Ok(true);
            }
        }
    }

    /// What a node does about a newcomer, by its own page.
    fn ask(
        &self,
        number: u32,
        distance: f32,
        new: &Newcomer<'_, V>,
        probe: &mut Probe<V::Query>,
    ) -> Result<Answer, Error> {
        let mut answer = Answer::Refuses;
        self.look_for_placement(number, probe, |node, near| {
            if near.numbers.contains(&new.number) {
                answer = Answer::Has;
            } else if let Some(placement) = decide(node, near, new, distance) {
                let from = self.space.values().load(node.own(), node.scale());
                let lost = placement.empty.iter().chain([&placement.lane]);
                let lost = lost.filter_map(|lane| near.numbers.get(*lane).copied());
                answer = Answer::Takes(Decision {
                    link: Link {
                        number: new.number,
                        distance,
                        code: self.space.code(new.point, &self.space.origin(from)),
                    },
                    tables: node.tables().to_vec(),
                    led: lost.filter(|number| *number != NONE).collect(),
                    placement,
                });
            }
        })?;
        Ok(answer)
    }

    /// Links the newcomer to a node that is about to lose another node's link. False if the newcomer has no
    /// room: then all its links are ways that others have given up.
    fn take_over(
        &self,
        orphan: u32,
        new: &mut Newcomer<'_, V>,
        reads: &mut u64,
    ) -> Result<bool, Error> {
        let mut level = None;
        let link = self.whole(orphan, reads, |node| {
            level = node.live().then(|| node.level());
            Link {
                number: orphan,
                distance: self
                    .space
                    .values()
                    .distance(new.point, node.own(), node.scale()),
                code: self.space.code(
                    &self.space.values().load(node.own(), node.scale()),
                    &self.space.origin(new.point.clone()),
                ),
            }
        })?;
        let (Some(link), Some(level)) = (link, level) else {
            // It is going anyway.
            return Ok(true);
        };
        loop {
            // The other node may have come meanwhile, and the newcomer have linked back to it.
            let mut is_linked = false;
            let lane = self.pages.read(new.number, |node| {
                is_linked = links_to(node, orphan);
                let fits = node.live() == new.alive && node.level() == level;
                let lane = fits.then(|| Self::spare_lane(node, new))?;
                lane.map(|lane| (lane, node.neighbour(lane)))
            })?;
            if is_linked {
                return Ok(true);
            }
            let Some((lane, before)) = lane else {
                return Ok(false);
            };
            let mut edit = self.pages.change();
            let same = edit.node(new.number, NodePart::Block(lane / BLOCK_LANES), |node| {
                let read = node.read();
                let same = read.live() == new.alive
                    && read.neighbour(lane) == before
                    && !links_to(read, orphan);
                if same {
                    node.set_lane(lane, &link);
                }
                same
            })?;
            if same {
                edit.commit()?;
                new.links.retain(|number| *number != before);
                new.links.push(orphan);
                return Ok(true);
            }
        }
    }

    /// A lane of the newcomer that is free, or the farthest that nobody relies on.
    fn spare_lane(node: Node<'_>, new: &Newcomer<'_, V>) -> Option<usize> {
        let free = (0..node.shape.lanes).find(|lane| node.neighbour(*lane) == NONE);
        if node.degree() < node.max_degree() {
            return free;
        }
        let spare = node.neighbours().filter(|(_, to)| !new.leads.contains(to));
        let farthest =
            spare.max_by(|(a, _), (b, _)| node.distance(*a).total_cmp(&node.distance(*b)));
        farthest.map(|(lane, _)| lane)
    }

    /// Shows a node together with how far its neighbours are from a query.
    pub(in crate::hnsw) fn look_for_placement(
        &self,
        number: u32,
        probe: &mut Probe<V::Query>,
        show: impl FnOnce(Node<'_>, &Near),
    ) -> Result<(), PageError> {
        let mut copied = None;
        self.space.look(&self.pages, number, probe, |node, _| {
            copied = Some(Copied::new(node));
        })?;
        if let Some(copied) = copied {
            show(copied.node(), &probe.near);
        }
        Ok(())
    }
}
