//! The nearest rows, as a stream: a walk that goes on where it stopped.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet, VecDeque};

use crate::page::{PageError, PageStore};
use crate::search::{Beam, Key, walk};

use super::descent::Level;
use super::error::Error;
use super::index::Index;
use super::node::{INLINE_TIDS, Node, Tid};
use super::shape::NONE;
use super::space::{Probe, Space};

/// What a scan does when the rows of its first walk are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continue {
    /// It ends.
    Never,
    /// It goes on, and leaves out what is nearer than a row that it has given.
    Strict,
    /// It goes on, and gives rows in the order of each walk.
    Relaxed,
}

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Where the row is.
    pub tid: Tid,
    /// How far it is, in the space's measure.
    pub distance: f32,
    /// How much that may be off, for the value is stored rounded.
    pub doubt: f32,
}

/// A node that was visited, with what it says of its rows.
#[derive(Clone, Copy)]
struct Found {
    distance: f32,
    scale: f32,
    number: u32,
    tids: [Tid; INLINE_TIDS],
    count: u8,
    /// Whether there are rows in chunks.
    more: bool,
}

impl Found {
    fn new(number: u32, node: Node<'_>, distance: f32) -> Self {
        let mut found = Self {
            distance,
            scale: node.scale(),
            number,
            tids: [Tid([0; 6]); INLINE_TIDS],
            count: 0,
            more: node.live() && node.link() != NONE,
        };
        for (place, tid) in found.tids.iter_mut().zip(node.tids()) {
            *place = tid;
            found.count += 1;
        }
        found
    }
}

/// Where a scan is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    Walking,
    /// Nothing that links lead to is left.
    Swept,
}

/// A search that is going on.
pub struct Scan<'i, 's, S, V: Space> {
    index: &'i Index<'s, S, V>,
    probe: Probe<V::Query>,
    ef: usize,
    go_on: Continue,
    stage: Stage,
    beam: Beam,
    /// Nodes that were visited, and which of them are still to be given: distance and place.
    found: Vec<Found>,
    order: BinaryHeap<Reverse<Key>>,
    /// What is farther has to wait: nearer ones may still be found by the next walk.
    horizon: f32,
    rows: VecDeque<Row>,
    visited: HashSet<u32>,
    /// Nodes of the last walk, which become part of `visited` only if there is another.
    passed: Vec<u32>,
    last: f32,
    walks: u64,
}

impl<'s, S: PageStore, V: Space> Index<'s, S, V> {
    /// Starts a search for the rows nearest to `value`. `ef` is the number of candidates that a walk
    /// keeps: at least as many nodes are visited. None where the value has no place in the metric.
    ///
    /// # Errors
    /// Where the value has another size than those in the index.
    pub fn scan(
        &self,
        value: V::Value<'_>,
        ef: usize,
        go_on: Continue,
    ) -> Result<Option<Scan<'_, 's, S, V>>, Error> {
        self.space.verify(value)?;
        let Some(point) = self.space.point(value) else {
            return Ok(None);
        };
        let ef = ef.max(1);
        Ok(Some(Scan {
            index: self,
            probe: Probe::new(self.space.query(point)),
            ef,
            go_on,
            stage: Stage::Start,
            beam: match go_on {
                Continue::Never => Beam::new(ef),
                Continue::Strict | Continue::Relaxed => Beam::resumable(ef),
            },
            found: Vec::with_capacity(ef + ef / 4),
            order: BinaryHeap::new(),
            horizon: f32::INFINITY,
            rows: VecDeque::new(),
            visited: HashSet::new(),
            passed: Vec::new(),
            last: f32::NEG_INFINITY,
            walks: 0,
        }))
    }
}

impl<S: PageStore, V: Space> Scan<'_, '_, S, V> {
    /// The next row; None where there is none left.
    ///
    /// # Errors
    /// Where pages cannot be read. Rows that were given stay right.
    pub fn next_row(&mut self) -> Result<Option<Row>, Error> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Ok(Some(row));
            }
            match self.order.peek() {
                Some(Reverse(key)) if key.distance() <= self.horizon => {
                    let found = self.found.get(key.number() as usize).copied();
                    self.order.pop();
                    if let Some(found) = found {
                        self.give(&found)?;
                    }
                }
                Some(_) | None => {
                    if !self.search()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Whether the next row is known without another walk.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let next = self.order.peek();
        !self.rows.is_empty() || next.is_some_and(|Reverse(key)| key.distance() <= self.horizon)
    }

    /// Nodes whose pages were read so far, and slots with parts of their values.
    #[must_use]
    pub fn nodes_read(&self) -> u64 {
        self.probe.near.reads
    }

    /// Walks so far: more than one where the rows of the first did not suffice.
    #[must_use]
    pub fn walks(&self) -> u64 {
        self.walks
    }

    /// Bytes that the scan holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.beam.bytes()
            + self.index.space.query_bytes(&self.probe.query)
            + self.found.capacity() * size_of::<Found>()
            + self.order.capacity() * size_of::<Key>()
            + self.visited.capacity() * size_of::<u64>()
            + self.rows.capacity() * size_of::<Row>()
    }

    /// Turns a node into its rows.
    fn give(&mut self, found: &Found) -> Result<(), Error> {
        if self.go_on == Continue::Strict && found.distance < self.last {
            return Ok(());
        }
        self.last = self.last.max(found.distance);
        let inline = found.tids.iter().take(found.count.into()).copied();
        let tids = if found.more {
            self.probe.near.reads += 1;
            self.index.tids(found.number)?
        } else {
            inline.collect()
        };
        let distance = found.distance;
        let space = &self.index.space;
        let doubt = space.doubt(space.point_of(&self.probe.query), distance, found.scale);
        let row = |tid| Row {
            tid,
            distance,
            doubt,
        };
        self.rows.extend(tids.into_iter().map(row));
        Ok(())
    }

    /// Fills `found`; false where nothing is left.
    fn search(&mut self) -> Result<bool, Error> {
        match self.stage {
            Stage::Start => {
                self.stage = Stage::Walking;
                if let Some(start) = self.index.descend(&mut self.probe, 0)? {
                    self.beam.push(f32::MAX, start);
                    self.walk()?;
                }
                Ok(true)
            }
            Stage::Walking if self.go_on == Continue::Never => Ok(false),
            Stage::Walking => {
                self.visited.extend(self.passed.drain(..));
                if self.beam.widen(self.ef, &self.visited) {
                    self.walk()?;
                } else {
                    self.stage = Stage::Swept;
                    self.sweep()?;
                }
                Ok(true)
            }
            Stage::Swept => Ok(false),
        }
    }

    fn walk(&mut self) -> Result<(), PageError> {
        self.walks += 1;
        let old = self.forget_given();
        let found = &mut self.found;
        let mut level = Level {
            index: self.index,
            height: 0,
            probe: &mut self.probe,
            see: |number, node: Node<'_>, distance| found.push(Found::new(number, node, distance)),
        };
        walk(&mut level, &mut self.beam)?;
        if self.go_on != Continue::Never {
            self.beam.settle();
            self.horizon = self.beam.bound();
            let new = self.found.iter().skip(old);
            self.passed.extend(new.map(|found| found.number));
        }
        self.put_in_order(old);
        Ok(())
    }

    /// Drops nodes whose rows were given, and says how many are left.
    fn forget_given(&mut self) -> usize {
        let kept: Vec<Found> = self
            .order
            .drain()
            .filter_map(|Reverse(key)| self.found.get(key.number() as usize).copied())
            .collect();
        self.found = kept;
        self.put_in_order(0);
        self.found.len()
    }

    /// Visits what no link has led to: after deletions, or inserts that a crash has cut, a node may
    /// be out of reach, and still no row that is there may be missing.
    fn sweep(&mut self) -> Result<(), PageError> {
        let old = self.forget_given();
        self.horizon = f32::INFINITY;
        let pages = &self.index.pages;
        let point = self.index.space.point_of(&self.probe.query);
        for number in (0..pages.roots()?.groups).flat_map(|group| pages.group(group)) {
            if self.visited.contains(&number) {
                continue;
            }
            let reads = &mut self.probe.near.reads;
            let found = self.index.whole(number, reads, |node| {
                let ground = node.live() && node.level() == 0;
                ground.then(|| {
                    let distance = self.index.space.distance(point, node.own(), node.scale());
                    Found::new(number, node, distance)
                })
            })?;
            self.found.extend(found.flatten());
        }
        self.put_in_order(old);
        Ok(())
    }

    /// Nodes from the `from`-th on are to be given.
    fn put_in_order(&mut self, from: usize) {
        let places = (0_u32..).zip(&self.found).skip(from);
        let keys = places.map(|(place, found)| Reverse(Key::new(found.distance, place)));
        if self.order.is_empty() {
            self.order = keys.collect();
        } else {
            self.order.extend(keys);
        }
    }
}
