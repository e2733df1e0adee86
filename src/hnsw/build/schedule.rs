//! In which order values are linked, and by how many threads.
//!
//! Values of higher levels come first: they are drawn at random, and the graph of them leads
//! everywhere. Then the others, along a tour through that graph: those that begin their search at
//! the same value come one after the other, so that the sketches and links that one has read are
//! still in the core's cache for the next. That takes a fifth off the time of a build, and the graph
//! is as good as one of values in random order.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rayon::ThreadPool;
use rayon::slice::ParallelSliceMut;

use super::super::error::Error;
use super::super::fallible::{Fallible, collected, with_room};
use super::super::space::Space;
use super::graph::{Links, Scratch};
use super::{Progress, Sink, Steps};

/// Values that one thread links before others join in: while a thread that has searched waits for a
/// core, a small graph becomes another.
const ALONE: usize = 1_000;

/// Values that a thread takes at once. They are near each other, and two threads that link
/// neighbours at the same time do not see each other's.
const RUN: usize = 64;

/// How often the calling thread looks up.
const POLL: Duration = Duration::from_millis(20);

/// Who builds a graph.
pub struct Crew<'c> {
    pub pool: &'c ThreadPool,
    pub progress: &'c Progress,
    pub sink: &'c mut dyn Sink,
}

impl Crew<'_> {
    /// Does a piece of work on so many threads, while the calling thread polls.
    fn work(&mut self, threads: usize, work: impl Fn() + Sync) -> Result<(), Error> {
        let cancel = &self.progress.cancel;
        let (ended, ends) = mpsc::channel();
        let polled: Result<(), Error> = self.pool.in_place_scope(|scope| {
            for _ in 0..threads {
                let (work, ended) = (&work, ended.clone());
                scope.spawn(move |_| {
                    work();
                    // Nobody listens where polling has failed.
                    let _ = ended.send(());
                });
            }
            drop(ended);
            while let Ok(()) | Err(RecvTimeoutError::Timeout) = ends.recv_timeout(POLL) {
                let polled = self.sink.poll();
                polled.inspect_err(|_| cancel.store(true, Relaxed))?;
            }
            Ok(())
        });
        polled?;
        if cancel.load(Relaxed) {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    /// Does something with all items, in runs that one thread takes at a time.
    fn each<T: Sync, S>(
        &mut self,
        threads: usize,
        items: &[T],
        start: impl Fn() -> Result<S, Error> + Sync,
        work: impl Fn(&mut S, &T) + Sync,
    ) -> Result<(), Error> {
        let cancel = &self.progress.cancel;
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(None);
        self.work(threads, || {
            let mut state = match start() {
                Ok(state) => state,
                Err(error) => {
                    // The others find no more to do.
                    next.store(items.len(), Relaxed);
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return;
                }
            };
            let runs = std::iter::from_fn(|| items.get(next.fetch_add(RUN, Relaxed)..));
            for run in runs.take_while(|run| !run.is_empty()) {
                for item in run.iter().take(RUN) {
                    if cancel.load(Relaxed) {
                        return;
                    }
                    work(&mut state, item);
                }
            }
        })?;
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.map_or(Ok(()), Err)
    }

    /// Does something with all items by all threads, but the first `alone` of them by one.
    fn each_but_first<T: Sync, S>(
        &mut self,
        alone: usize,
        items: &[T],
        start: impl Fn() -> Result<S, Error> + Sync,
        work: impl Fn(&mut S, &T) + Sync,
    ) -> Result<(), Error> {
        let (first, others) = items.split_at(alone.min(items.len()));
        self.each(1, first, &start, &work)?;
        self.each(self.pool.current_num_threads(), others, start, work)
    }
}

impl<V: Space> Links<'_, V> {
    /// Links all values with a beam of `ef`, until it is cancelled.
    pub fn insert_all(&self, ef: usize, crew: &mut Crew<'_>) -> Result<(), Error> {
        let linked = &crew.progress.linked;
        let scratch = || Scratch::new(self.rows.len(), ef);
        let upper = self.upper()?;
        crew.each_but_first(ALONE, &upper, scratch, |scratch, value| {
            self.insert(*value, scratch);
            linked.fetch_add(1, Relaxed);
        })?;
        let stops = self.stops(&upper, &mut Steps::new(crew.sink))?;
        let tour = self.tour(&stops, crew)?;
        let alone = ALONE.saturating_sub(upper.len());
        crew.each_but_first(alone, &tour, scratch, |scratch, (stop, value)| {
            if let Some(start) = stops.get(*stop as usize) {
                self.insert_on_ground(*value, *start, scratch);
            }
            linked.fetch_add(1, Relaxed);
        })
    }

    /// Values of higher levels; the first value where there are none.
    fn upper(&self) -> Result<Vec<u32>, Error> {
        let values = (0_u32..).zip(self.levels);
        let upper = values.filter(|(_, level)| **level > 0);
        let mut upper: Vec<u32> = collected(upper.map(|(value, _)| value))?;
        if upper.is_empty() && !self.levels.is_empty() {
            upper.push(0);
        }
        Ok(upper)
    }

    /// Values of higher levels along their links: the nearest that was not there yet comes next.
    fn stops(&self, upper: &[u32], steps: &mut Steps<'_>) -> Result<Vec<u32>, Error> {
        let (mut order, mut seen) = (with_room(upper.len())?, HashSet::new());
        let mut stack: Vec<u32> = collected(upper.iter().rev().copied())?;
        while let Some(value) = stack.pop() {
            seen.try_reserve(1)?;
            if !seen.insert(value) {
                continue;
            }
            steps.step()?;
            order.try_push(value)?;
            if self.level(value) > 0 {
                let mut near = self.neighbours(value, 1);
                near.sort_by(|a, b| b.1.total_cmp(&a.1));
                stack.try_extend(near.into_iter().map(|(to, _)| to))?;
            }
        }
        Ok(order)
    }

    /// All other values, each behind the place of the stop where its search begins, in order.
    fn tour(&self, stops: &[u32], crew: &mut Crew<'_>) -> Result<Vec<(u32, u32)>, Error> {
        let mut place = HashMap::new();
        place.try_reserve(stops.len())?;
        place.extend(stops.iter().copied().zip(0_u32..));
        let values = (0_u32..).zip(self.levels).map(|(value, _)| value);
        let others: Vec<u32> = collected(values.filter(|value| !place.contains_key(value)))?;
        let tour = Mutex::new(with_room(others.len())?);
        let locked = || tour.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = crew.pool.current_num_threads();
        let scratch = || Scratch::new(self.rows.len(), 1);
        crew.each(threads, &others, scratch, |scratch, value| {
            let stop = self.descend(*value, scratch);
            let stop = stop.and_then(|stop| place.get(&stop));
            locked().push((stop.copied().unwrap_or(0), *value));
        })?;
        crew.work(1, || locked().par_sort_unstable())?;
        Ok(tour.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
