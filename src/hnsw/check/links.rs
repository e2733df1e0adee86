//! Links: each leads to a node of its level and says what that one is, and levels lie on one another.

use std::collections::HashSet;

use crate::index::{Error, collected};
use crate::page::PageStore;
use crate::values::Values;
use crate::values::extremes::saturated;

use super::{CheckedNode, Checker};
use crate::hnsw::nodes::node::{Code, Link, Node};
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::{PointOf, Space};

/// What the second pass reads of a node.
struct LinkedNode<P> {
    point: P,
    links: Vec<Link>,
    level: u8,
}

/// What a link should say of the node that it leads to.
struct MeasuredLink {
    code: Code,
    distance: f32,
    rounding_scale: f32,
}

impl<S: PageStore, V: Space> Checker<'_, '_, S, V> {
    /// Second pass: each link leads to a node of its level and carries that node's code.
    pub(super) fn links(&mut self) -> Result<(), Error> {
        // Dead nodes are on their way: what they link to may be gone before them.
        let live = self.seen.iter().filter(|(_, seen)| seen.live);
        let mut numbers: Vec<u32> = collected(live.map(|(number, _)| *number))?;
        numbers.sort_unstable();
        for number in numbers {
            if self.broken.contains(&number) {
                continue;
            }
            let (index, space, mut reads) = (self.index, &self.index.space, 0);
            let node = index.whole(number, &mut reads, |node: Node<'_>| {
                let links = node.neighbours().map(|(lane, _)| node.read_link(lane));
                LinkedNode {
                    point: space.values().load(node.own(), node.scale()),
                    links: links.collect(),
                    level: node.level(),
                }
            })?;
            let Some(LinkedNode {
                point,
                links,
                level,
            }) = node
            else {
                continue;
            };
            let origin = space.origin(point.clone());
            let mut targets = HashSet::new();
            for link in links {
                let known = self.seen.get(&link.number);
                if known.is_none_or(|to| to.level != level) || link.number == number {
                    self.problem(
                        number,
                        &format!("links to {} that is no node there", link.number),
                    );
                    continue;
                }
                if !targets.insert(link.number) {
                    self.problem(number, &format!("links to {} twice", link.number));
                }
                if self.broken.contains(&link.number) {
                    continue;
                }
                self.measured_link(number, &point, &origin, &link)?;
            }
        }
        Ok(())
    }

    /// What a link from `number`, which has this point, says of the node that it leads to.
    fn measured_link(
        &mut self,
        number: u32,
        point: &PointOf<V>,
        origin: &V::Origin,
        link: &Link,
    ) -> Result<(), Error> {
        let (space, mut reads) = (&self.index.space, 0);
        let values = space.values();
        let measured = self.index.whole(link.number, &mut reads, |to| {
            let other = values.load(to.own(), to.scale());
            MeasuredLink {
                code: space.code(&other, origin),
                distance: values.distance(point, to.own(), to.scale()),
                rounding_scale: values.rounding_scale(point, &other),
            }
        })?;
        let Some(MeasuredLink {
            code,
            distance,
            rounding_scale,
        }) = measured
        else {
            return Ok(());
        };
        let agrees = code.agrees(&link.code, values.unit(point));
        if !agrees {
            self.problem(
                number,
                &format!("another code than that of {}", link.number),
            );
        }
        // Distances are rounded to 8 bits, and were measured from a vector that was not yet rounded itself.
        let [distance, noted] = [distance, link.distance].map(saturated);
        let size = distance.abs().max(noted.abs());
        let rounded = 0.02 * size + 0.01 * rounding_scale + f32::MIN_POSITIVE;
        if (distance - noted).abs() > rounded {
            let both = format!("{noted} for {distance}");
            self.problem(number, &format!("distance {both} to {}", link.number));
        }
        Ok(())
    }

    /// Nodes above the ground lie on one below; the entry is the highest.
    pub(super) fn levels(&mut self) {
        let mut problems = Vec::new();
        let above = |(_, seen): &(&u32, &CheckedNode)| seen.level > 0 && seen.live;
        for (number, seen) in self.seen.iter().filter(above) {
            let below = self.seen.get(&seen.down).map(|below| below.level + 1);
            if below != Some(seen.level) {
                problems.push((*number, "lies on no node of the level below"));
            }
            if seen.level > self.roots.top {
                problems.push((*number, "above the entry"));
            }
        }
        let entry = self.seen.get(&self.roots.entry).map(|entry| entry.level);
        if self.roots.entry != NONE && entry != Some(self.roots.top) {
            problems.push((
                self.roots.entry,
                "the entry is no node of the highest level",
            ));
        }
        if self.roots.entry == NONE && self.report.nodes.iter().any(|nodes| *nodes > 0) {
            problems.push((NONE, "nodes without an entry"));
        }
        problems.sort_unstable();
        for (number, what) in problems {
            self.problem(number, what);
        }
    }
}
