//! Crew: several threads work on many items, while the thread that asked for it polls.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rayon::ThreadPool;

use crate::index::Error;

use super::{Progress, Sink};

/// Items that a thread takes at once. In a graph these are values near each other, and two threads that link
/// neighbours at the same time do not see each other's links.
const ITEMS_AT_ONCE: usize = 64;

/// How often the calling thread looks up.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The threads that build, and what they report to.
pub struct Crew<'c> {
    /// The threads.
    pub pool: &'c ThreadPool,
    /// What others see of the build.
    pub progress: &'c Progress,
    /// Where its pages go, which polls.
    pub sink: &'c mut dyn Sink,
}

impl Crew<'_> {
    /// Does a piece of work on so many threads, while the calling thread polls.
    ///
    /// # Errors
    /// Those of the sink, and [`Error::Cancelled`].
    pub fn work(&mut self, threads: usize, work: impl Fn() + Sync) -> Result<(), Error> {
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
            while let Ok(()) | Err(RecvTimeoutError::Timeout) = ends.recv_timeout(POLL_INTERVAL) {
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
    ///
    /// # Errors
    /// Those of `start`, of the sink, and [`Error::Cancelled`].
    pub fn each<T: Sync, S>(
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
            let runs = std::iter::from_fn(|| items.get(next.fetch_add(ITEMS_AT_ONCE, Relaxed)..));
            for run in runs.take_while(|run| !run.is_empty()) {
                for item in run.iter().take(ITEMS_AT_ONCE) {
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

    /// Runs the work on all items by all threads, except that one thread does the first `alone` items.
    ///
    /// # Errors
    /// As [`each`](Self::each).
    pub fn each_but_first<T: Sync, S>(
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
