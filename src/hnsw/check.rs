//! Check: every invariant of an index, and a dump for tests.
//!
//! A crash may leave nodes that nothing links to, chunks that nothing chains and slots that are
//! reserved: they are counted, for vacuum frees them. Everything else that is not as it must be is
//! a problem.

use crate::values::{Values, long};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::Write as _;

use crate::index::{Error, Fallible, Tid, collected};
use crate::page::{self, PageStore};

use crate::hnsw::index::Index;
use crate::hnsw::nodes::meta::{KIND_NODES, Roots};
use crate::hnsw::nodes::node::{Code, Link, Node, SlotState, state};
use crate::hnsw::nodes::overflow::RestSlot;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::spaces::space::{PointOf, Space};
use crate::values::extremes::saturated;

/// What [`Index::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Live nodes of each level, the ground first.
    pub nodes: Vec<u64>,
    /// Rows.
    pub rows: u64,
    /// Links.
    pub links: u64,
    /// Nodes without rows that are still walked through.
    pub dead: u64,
    /// Slots that are free.
    pub free: u64,
    /// Slots of further tids.
    pub chunks: u64,
    /// Slots with parts of values.
    pub rests: u64,
    /// Slots, chunks and parts of values that a crash has left.
    pub orphans: u64,
    /// Live nodes of the ground that no walk can reach.
    pub unreachable: u64,
    /// Their rows.
    pub unreachable_rows: u64,
    /// What is wrong, one line each.
    pub problems: Vec<String>,
}

/// What is kept of a node while others are checked.
struct CheckedNode {
    level: u8,
    live: bool,
    links: Vec<u32>,
    down: u32,
    /// Of a live node of the ground.
    rows: u64,
}

/// What the first pass reads of a slot.
struct CheckedSlot {
    state: SlotState,
    level: u8,
    down: u32,
    links: Vec<u32>,
    tids: Vec<Tid>,
    /// Whether it has more links than it may have.
    excess: bool,
}

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

/// A slot with a part of a value.
struct RestPart {
    owner: u32,
    next: u32,
    bytes: usize,
}

struct Checker<'i, 's, S, V> {
    index: &'i Index<'s, S, V>,
    roots: Roots,
    report: Report,
    seen: HashMap<u32, CheckedNode>,
    tids: HashSet<Tid>,
    chunks: HashSet<u32>,
    chained: HashSet<u32>,
    reserved: HashSet<u32>,
    rests: BTreeMap<u32, RestPart>,
    /// Nodes whose values are not whole.
    broken: HashSet<u32>,
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Checks everything. Nothing may be inserted or vacuumed meanwhile.
    ///
    /// # Errors
    /// Where pages cannot be read or hold no slots at all. What is wrong within slots is reported.
    pub fn check(&self) -> Result<Report, Error> {
        let mut checker = Checker {
            index: self,
            roots: self.pages.roots()?,
            report: Report::default(),
            seen: HashMap::new(),
            tids: HashSet::new(),
            chunks: HashSet::new(),
            chained: HashSet::new(),
            reserved: HashSet::new(),
            rests: BTreeMap::new(),
            broken: HashSet::new(),
        };
        checker.slots()?;
        checker.values()?;
        checker.links()?;
        checker.levels();
        checker.free_pages()?;
        checker.reach()?;
        let chunks = checker.chunks.difference(&checker.chained).count();
        checker.report.orphans += chunks as u64;
        Ok(checker.report)
    }

    /// A text of every node in order of its number: level, rows, neighbours by distance.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub fn dump(&self) -> Result<String, Error> {
        let roots = self.pages.roots()?;
        let mut text = format!("entry {} top {}\n", roots.entry.cast_signed(), roots.top);
        for number in self.pages.slots(roots.groups) {
            self.pages.read(number, |node| {
                if !node.is_walkable() {
                    return;
                }
                let mut links: Vec<_> = node.neighbours().collect();
                links.sort_by(|(a, _), (b, _)| node.distance(*a).total_cmp(&node.distance(*b)));
                let tids: Vec<u64> = node.tids().map(Tid::place).collect();
                let _ = write!(text, "{number} level {} rows {tids:?} to", node.level());
                for (lane, to) in links {
                    let _ = write!(text, " {to}@{:.3}", node.distance(lane));
                }
                text.push('\n');
            })?;
        }
        Ok(text)
    }
}

impl<S: PageStore, V: Space> Checker<'_, '_, S, V> {
    fn problem(&mut self, number: u32, what: &str) {
        self.report.problems.push(format!("node {number}: {what}"));
    }

    /// First pass: states, rows, and what each node links to.
    fn slots(&mut self) -> Result<(), Error> {
        for number in self.index.pages.slots(self.roots.groups) {
            let CheckedSlot {
                state,
                level,
                down,
                links,
                tids,
                excess,
            } = self.index.pages.read(number, |node| CheckedSlot {
                state: state(node.bytes, number).unwrap_or(SlotState::Free),
                level: node.level(),
                down: node.link(),
                links: node.neighbours().map(|(_, to)| to).collect(),
                tids: node.tids().collect(),
                excess: node.degree() > node.max_degree(),
            })?;
            let mut rows = 0;
            match state {
                SlotState::Free => self.report.free += 1,
                SlotState::Reserved => {
                    self.report.orphans += 1;
                    self.reserved.insert(number);
                }
                SlotState::Rest => self.rest(number)?,
                SlotState::Tids => {
                    self.report.chunks += 1;
                    self.chunks.insert(number);
                }
                SlotState::Dead => {
                    self.report.dead += 1;
                    if !tids.is_empty() {
                        self.problem(number, "dead, but with rows");
                    }
                }
                SlotState::Live => rows = self.live(number, level, down, tids)?,
            }
            if state.is_walkable() {
                if excess {
                    self.problem(number, "more links than it may have");
                }
                self.report.links += links.len() as u64;
                let live = state == SlotState::Live;
                self.seen.try_reserve(1)?;
                self.seen.insert(
                    number,
                    CheckedNode {
                        level,
                        live,
                        links,
                        down,
                        rows,
                    },
                );
            }
        }
        Ok(())
    }

    fn rest(&mut self, number: u32) -> Result<(), Error> {
        let part = self.index.pages.read(number, |slot| {
            let slot = RestSlot(slot.bytes);
            let (owner, next) = (slot.owner(), slot.next());
            let bytes = slot.bytes().len();
            RestPart { owner, next, bytes }
        })?;
        self.report.rests += 1;
        self.rests.insert(number, part);
        Ok(())
    }

    /// Checks that values are whole: each live node's chain is its own and as long as the node says. A slot
    /// that is in no chain belongs to a node that is being written or freed.
    fn values(&mut self) -> Result<(), Error> {
        let live = self.seen.iter().filter(|(_, seen)| seen.live);
        let mut numbers: Vec<u32> = collected(live.map(|(number, _)| *number))?;
        numbers.sort_unstable();
        let mut chained = HashSet::new();
        for number in numbers {
            let (space, own) = (&self.index.space, self.index.shape().own);
            let read = |node: Node<'_>| (space.values().extent(node.own()), long::rest(node.own()));
            let (extent, first) = self.index.pages.read(number, read)?;
            if extent <= own {
                continue;
            }
            let (mut left, mut next) = (extent - own, first);
            while let Some(part) = self.rests.get(&next)
                && part.owner == number
                && (1..=left).contains(&part.bytes)
                && chained.insert(next)
            {
                left -= part.bytes;
                next = part.next;
            }
            if left > 0 || next != NONE {
                self.problem(number, "its value is not whole");
                self.broken.insert(number);
            }
        }
        let loose = self
            .rests
            .iter()
            .filter(|(number, _)| !chained.contains(number));
        let mut problems = Vec::new();
        for (number, part) in loose {
            let dead = self.seen.get(&part.owner).is_some_and(|seen| !seen.live);
            if self.reserved.contains(&part.owner) {
                self.report.orphans += 1;
            } else if !dead {
                problems.push((*number, part.owner));
            }
        }
        for (number, owner) in problems {
            self.problem(number, &format!("no part of the value of {owner}"));
        }
        Ok(())
    }

    /// Gives how many rows a live node has.
    fn live(&mut self, number: u32, level: u8, down: u32, tids: Vec<Tid>) -> Result<u64, Error> {
        let nodes = &mut self.report.nodes;
        nodes.resize(nodes.len().max(usize::from(level) + 1), 0);
        nodes[usize::from(level)] += 1;
        if level > 0 {
            if !tids.is_empty() {
                self.problem(number, "rows above the ground");
            }
            return Ok(0);
        }
        let (mut all, mut next) = (tids, down);
        while next != NONE {
            if !self.chained.insert(next) {
                self.problem(number, "a chunk that is chained twice");
                break;
            }
            let (more, after) = self.index.pages.chunk_of(number, next)?;
            all.try_extend(more)?;
            next = after;
        }
        if all.is_empty() && down == NONE {
            self.problem(number, "live without rows");
        } else if all.is_empty() {
            // A vacuum was cut before it came to a chunk that is empty.
            self.report.dead += 1;
        }
        self.tids.try_reserve(all.len())?;
        let rows = all.len() as u64;
        self.report.rows += rows;
        for tid in all {
            if !self.tids.insert(tid) {
                self.problem(number, &format!("row {tid:?} twice"));
            }
        }
        Ok(rows)
    }

    /// Second pass: each link leads to a node of its level and carries that node's code.
    fn links(&mut self) -> Result<(), Error> {
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
    fn levels(&mut self) {
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

    /// Pages with free slots are chained, and no others.
    fn free_pages(&mut self) -> Result<(), Error> {
        let pages = &self.index.pages;
        let (mut chain, mut block) = (HashSet::new(), self.roots.free);
        while block != NONE {
            if !chain.insert(block) {
                self.report
                    .problems
                    .push(format!("block {block} is chained twice"));
                break;
            }
            let page = pages.store.read(block)?;
            page::verify_header(&page, pages.parameters.mark(block, KIND_NODES))?;
            block = page::next(&page);
        }
        for group in 0..self.roots.groups {
            let mut free = false;
            for number in pages.group(group) {
                free |= pages.read(number, |slot| {
                    slot.bytes.first() == Some(&(SlotState::Free as u8))
                })?;
            }
            if free != chain.contains(&pages.block(group)) {
                let what = if free {
                    "free slots, but not"
                } else {
                    "no free slots, but"
                };
                let line = format!("block {} has {what} chained", pages.block(group));
                self.report.problems.push(line);
            }
        }
        Ok(())
    }

    /// What walks from the entry can reach, going down wherever that is possible.
    fn reach(&mut self) -> Result<(), Error> {
        let mut reached = HashSet::new();
        let mut queue = VecDeque::from([self.roots.entry]);
        while let Some(number) = queue.pop_front() {
            if let Some(seen) = self.seen.get(&number)
                && !reached.contains(&number)
            {
                reached.try_reserve(1)?;
                reached.insert(number);
                queue.try_reserve(seen.links.len() + 1)?;
                queue.extend(&seen.links);
                if seen.level > 0 {
                    queue.push_back(seen.down);
                }
            }
        }
        let ground = self
            .seen
            .iter()
            .filter(|(_, seen)| seen.level == 0 && seen.live);
        for (_, seen) in ground.filter(|(number, _)| !reached.contains(number)) {
            self.report.unreachable += 1;
            self.report.unreachable_rows += seen.rows;
        }
        Ok(())
    }
}
