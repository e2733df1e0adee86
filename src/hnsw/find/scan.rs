//! Scan: the nearest rows, as a stream. Its walk goes on where it stopped.

use std::collections::VecDeque;

use crate::index::{Continue, Error, Fallible};
use crate::page::{PageError, PageStore};
use crate::search::{Beam, Frontier, Numbers, Offers, advance, walk};

use crate::hnsw::find::descent::{ATTEMPTS, Met, no_start};
use crate::hnsw::find::ground::{VisitedNode, Without, ground};
use crate::hnsw::find::limits::{Limits, ReachedSides};
use crate::hnsw::find::rows_allowed::RowsAllowed;
use crate::hnsw::find::sweep::Sweep;
use crate::hnsw::index::Index;
use crate::hnsw::nodes::shape::NONE;
use crate::hnsw::row::Row;
use crate::hnsw::spaces::space::{Probe, Space, ValueOf};
use crate::values::Values;
use crate::values::extremes::FARTHEST;

/// Nodes that are put in order at a time, at least.
const LEAST_PORTION: usize = 32;

/// Where a scan is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::hnsw) enum Stage {
    Start,
    /// The first walk is done.
    Walked,
    /// Going on from the candidates that it left.
    Advancing,
    /// Nothing that links lead to is left, or it takes too much memory: all slots are read.
    Sweeping(Sweep),
    /// A limit was reached: what was found and not given is given, and nothing is searched for.
    Draining,
    Ended,
}

/// A search that is going on.
pub struct Scan<'i, 's, S, V: Space> {
    pub(in crate::hnsw) index: &'i Index<'s, S, V>,
    pub(in crate::hnsw) probe: Probe<V::Query>,
    ef: usize,
    pub(in crate::hnsw) go_on: Continue,
    pub(in crate::hnsw) stage: Stage,
    beam: Beam,
    frontier: Frontier,
    /// Nodes visited, without those of a sweep.
    pub(in crate::hnsw) visited: usize,
    /// Of them, those that were given.
    given: usize,
    /// What the first walk has visited, until the frontier knows it.
    walked: Vec<u32>,
    /// Their numbers, once a sweep has begun.
    pub(in crate::hnsw) swept: Numbers,
    /// Nodes that were visited and not given, in no order.
    pub(in crate::hnsw) found: Vec<VisitedNode>,
    /// Those of them that come next, the nearest last.
    next: Vec<VisitedNode>,
    /// What is farther has to wait: nearer ones may still be found.
    pub(in crate::hnsw) horizon: f32,
    rows: VecDeque<Row>,
    /// Nodes that are nearer than one that was given before they were found.
    pub(in crate::hnsw) late: Vec<VisitedNode>,
    pub(in crate::hnsw) last: f32,
    walks: u64,
    pub(in crate::hnsw) limits: Limits,
    pub(in crate::hnsw) reached: ReachedSides,
    skips_killed: bool,
    /// A node that is passed by.
    pub(in crate::hnsw) left_out: u32,
    /// Where the first walk begins.
    start: u32,
}

impl<'s, S: PageStore, V: Space> Index<'s, S, V> {
    /// The number of candidates with which a scan finds as much as a graph without codes does with `ef`.
    ///
    /// # Errors
    /// Where the meta page cannot be read.
    pub fn widened_ef(&self, ef: usize) -> Result<usize, Error> {
        let roots = self.pages.roots()?;
        let nodes = u64::from(roots.groups) * u64::from(self.shape().slots());
        Ok(self.space.widened_ef(ef, nodes, &roots.lengths))
    }

    /// Starts a search for the rows nearest to `value`. `ef` is the number of candidates that a walk
    /// keeps: at least as many nodes are visited. None where the value has no place in the metric.
    ///
    /// # Errors
    /// Where the value has another size than those in the index.
    pub fn scan(
        &self,
        value: ValueOf<'_, V>,
        ef: usize,
        go_on: Continue,
    ) -> Result<Option<Scan<'_, 's, S, V>>, Error> {
        self.space.values().verify(value)?;
        let Some(point) = self.space.values().point(value) else {
            return Ok(None);
        };
        let ef = ef.max(1);
        Ok(Some(Scan {
            index: self,
            probe: Probe::new(self.query(point)?),
            ef,
            go_on,
            stage: Stage::Start,
            beam: match go_on {
                Continue::Never => Beam::new(ef),
                Continue::Strict | Continue::Relaxed => Beam::resumable(ef),
            },
            frontier: Frontier::default(),
            visited: 0,
            given: 0,
            walked: Vec::new(),
            swept: Numbers::default(),
            found: Vec::with_capacity(ef + ef / 4),
            next: Vec::new(),
            horizon: f32::INFINITY,
            rows: VecDeque::new(),
            late: Vec::new(),
            last: f32::NEG_INFINITY,
            walks: 0,
            limits: Limits::default(),
            reached: ReachedSides::default(),
            skips_killed: false,
            left_out: NONE,
            start: NONE,
        }))
    }
}

impl<S: PageStore, V: Space> Scan<'_, '_, S, V> {
    /// Leaves out rows that were killed ([`Index::kill`]).
    pub fn skip_killed(&mut self) {
        self.skips_killed = true;
    }

    /// Passes a node by: its rows are not given, and its links not followed, but where a walk begins with it. So
    /// a row can be asked for as if it were not there.
    pub fn leave_out(&mut self, node: u32) {
        self.left_out = node;
    }

    /// The next row; None where there is none left.
    ///
    /// # Errors
    /// Where pages cannot be read. Rows that were given stay right.
    pub fn next_row(&mut self) -> Result<Option<Row>, Error> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Ok(Some(row));
            }
            if let Some(found) = self.next.pop() {
                self.given += 1;
                self.give(&found)?;
            } else if !self.put_in_order() && !self.search()? {
                return Ok(None);
            }
        }
    }

    /// Whether the next row is known without another walk.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let mut nodes = self.next.iter().chain(self.may_be_given());
        !self.rows.is_empty() || nodes.any(|found| !self.is_beyond(found))
    }

    /// Nodes whose pages were read so far, and slots with parts of their values.
    #[must_use]
    pub fn nodes_read(&self) -> u64 {
        self.probe.near.reads
    }

    /// Walks so far: more than one where the rows of the first did not suffice, each continuing the
    /// one before.
    #[must_use]
    pub fn walks(&self) -> u64 {
        self.walks
    }

    /// Bytes that the scan holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.beam.bytes()
            + self.index.space.query_bytes(&self.probe.query)
            + self.found.capacity() * size_of::<VisitedNode>()
            + self.next.capacity() * size_of::<VisitedNode>()
            + self.frontier.bytes()
            + self.swept.bytes()
            + self.late.capacity() * size_of::<VisitedNode>()
            + self.rows.capacity() * size_of::<Row>()
    }

    /// Turns a node into its rows.
    fn give(&mut self, found: &VisitedNode) -> Result<(), Error> {
        if self.is_beyond(found) {
            self.reached.beyond = true;
            return Ok(());
        }
        self.reached.within = true;
        if self.go_on == Continue::Strict && found.distance < self.last {
            self.late.try_push(*found)?;
            return Ok(());
        }
        self.last = self.last.max(found.distance);
        let distance = found.distance;
        let doubt = self.doubt(found);
        let row = |tid| Row {
            tid,
            distance,
            doubt,
            node: found.number,
        };
        if found.more {
            self.probe.near.reads += 1;
            let tids = self.index.pages.tids(found.number)?;
            self.rows.try_reserve(tids.len())?;
            self.rows.extend(tids.into_iter().map(row));
            return Ok(());
        }
        let killed = if self.skips_killed { found.killed } else { 0 };
        let inline = found.tids.iter().take(found.count.into()).enumerate();
        let live = inline.filter(|(at, _)| killed >> at & 1 == 0);
        self.rows.extend(live.map(|(_, tid)| row(*tid)));
        Ok(())
    }

    /// Fills `found`; false where nothing is left.
    fn search(&mut self) -> Result<bool, Error> {
        match self.stage {
            Stage::Start => {
                self.stage = Stage::Walked;
                self.walk()?;
            }
            Stage::Walked if self.go_on == Continue::Never => self.stage = Stage::Ended,
            Stage::Walked | Stage::Advancing if self.is_over() => self.drain(),
            Stage::Walked => {
                let walked = std::mem::take(&mut self.walked);
                self.frontier = self.beam.frontier(walked.into_iter());
                self.stage = Stage::Advancing;
            }
            Stage::Advancing => {
                let exhausted = self.frontier.nearest() == f32::INFINITY;
                if exhausted || self.bytes() > self.limits.memory {
                    let frontier = std::mem::take(&mut self.frontier);
                    self.swept = frontier.into_visited();
                    self.stage = Stage::Sweeping(self.begin_sweep());
                } else {
                    self.advance()?;
                }
            }
            Stage::Sweeping(sweep) => {
                self.stage = match self.sweep(sweep)? {
                    Some(next) => Stage::Sweeping(next),
                    None if self.late.is_empty() => Stage::Ended,
                    None => Stage::Draining,
                };
            }
            Stage::Draining => self.give_late()?,
            Stage::Ended => return Ok(false),
        }
        Ok(true)
    }

    /// The first walk. It starts over where a vacuum has freed its start.
    fn walk(&mut self) -> Result<(), PageError> {
        let mut lost = None;
        for _ in 0..ATTEMPTS {
            self.found.clear();
            let Some(start) = self.index.descend(&mut self.probe, 0)? else {
                return Ok(());
            };
            self.start = start;
            lost = self.walk_from()?.is_lost().then_some(start);
            if lost.is_none() {
                break;
            }
        }
        if let (Some(start), true) = (lost, self.found.is_empty()) {
            return Err(no_start(start));
        }
        if self.go_on != Continue::Never {
            self.visited = self.found.len();
            self.beam.settle();
            self.walked = self.found.iter().map(|found| found.number).collect();
            self.set_horizon(self.beam.bound());
        }
        Ok(())
    }

    fn walk_from(&mut self) -> Result<Met, PageError> {
        self.walks += 1;
        self.beam.clear(self.ef);
        self.beam.push(f32::MAX, self.start);
        let (found, probe) = (&mut self.found, &mut self.probe);
        let mut walked = Without {
            level: ground(self.index, probe, found, self.left_out),
            node: self.left_out,
            start: self.start,
        };
        walk(&mut walked, &mut self.beam)?;
        Ok(walked.level.met)
    }

    /// Visits some of the nearest candidates that are left.
    fn advance(&mut self) -> Result<(), PageError> {
        self.walks += 1;
        self.reached.within = false;
        let visits = self.visits(self.ef.max(self.visited / 8));
        self.found.try_reserve(visits)?;
        self.next
            .try_reserve((self.found.len() + visits) / 8 + LEAST_PORTION)?;
        let (found, probe) = (&mut self.found, &mut self.probe);
        let mut walked = Without {
            level: ground(self.index, probe, found, self.left_out),
            node: self.left_out,
            start: self.start,
        };
        advance(&mut walked, &mut self.frontier, visits)?;
        drop(walked);
        self.visited += visits;
        self.set_horizon(self.frontier.nearest());
        Ok(())
    }

    /// Sets how far rows may be given: to `bound`, and no more rows than the number of visited nodes allows
    /// ([`RowsAllowed`]). Rows whose distance overflows wait for a sweep: estimates lead nowhere among them, so
    /// nearer rows may be anywhere.
    fn set_horizon(&mut self, bound: f32) {
        let allowed = RowsAllowed::of(self.go_on).rows(self.visited, self.ef);
        let room = allowed.saturating_sub(self.given);
        self.horizon = if room == 0 {
            f32::NEG_INFINITY
        } else if room < self.found.len() {
            let mut distances: Vec<f32> = self.found.iter().map(|found| found.distance).collect();
            let (_, farthest, _) = distances.select_nth_unstable_by(room - 1, f32::total_cmp);
            bound.min(*farthest)
        } else {
            bound
        };
        self.horizon = self.horizon.min(FARTHEST.next_down());
    }

    /// Nodes whose rows may be given now.
    fn may_be_given(&self) -> impl Iterator<Item = &VisitedNode> {
        let horizon = self.horizon;
        self.found.iter().filter(move |f| f.distance <= horizon)
    }

    /// Puts the nearest nodes that may be given in order, some of them; false where there is none.
    fn put_in_order(&mut self) -> bool {
        let count = self.may_be_given().count();
        if count == 0 {
            return false;
        }
        let some = count.min(LEAST_PORTION.max(self.found.len() / 8));
        if some < self.found.len() {
            self.found.select_nth_unstable_by(some, VisitedNode::order);
        }
        self.next.extend(self.found.drain(..some));
        self.next.sort_unstable_by(|a, b| VisitedNode::order(b, a));
        true
    }
}
