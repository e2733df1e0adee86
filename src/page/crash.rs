//! Crash store: pages in memory that stop after the n-th commit, so that tests meet every state that a crash can
//! leave, in milliseconds.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::memory::{Guard, MemoryChange, MemoryStore};
use super::{Bytes, Change, PageError, PageStore};

/// A store whose commits succeed until they are used up. Everything fails afterwards.
pub struct CrashStore {
    pages: MemoryStore,
    commits: AtomicU64,
    limit: u64,
    /// Blocks up to the last that was there at the start or that a commit has held.
    logged: AtomicU32,
}

impl CrashStore {
    /// Crashes at the commit after the `limit`-th.
    #[must_use]
    pub fn new(pages: MemoryStore, limit: u64) -> Self {
        Self {
            logged: pages.len().into(),
            pages,
            commits: AtomicU64::new(0),
            limit,
        }
    }

    /// Commits that were tried.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Whether it has crashed.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.commits() > self.limit
    }

    /// The pages that are there after the crash.
    #[must_use]
    pub fn into_pages(self) -> MemoryStore {
        self.pages
    }

    /// The pages that the log brings back, on another machine or where the file system has lost the end of
    /// the file: without those at its end that were appended and that no commit has held.
    ///
    /// # Errors
    /// None that can happen to pages that are there.
    pub fn logged_pages(&self) -> Result<MemoryStore, PageError> {
        let replayed = MemoryStore::new();
        for block in 0..self.logged.load(Ordering::SeqCst) {
            replayed.push(&*self.pages.read(block)?)?;
        }
        Ok(replayed)
    }

    fn running(&self) -> Result<(), PageError> {
        if self.crashed() {
            Err(PageError::Crashed)
        } else {
            Ok(())
        }
    }
}

impl PageStore for CrashStore {
    type Guard<'a> = Guard<'a>;
    type Change<'a> = CrashChange<'a>;
    type Writer<'a> = <MemoryStore as PageStore>::Writer<'a>;

    fn blocks(&self) -> Result<u32, PageError> {
        self.running()?;
        self.pages.blocks()
    }

    fn read(&self, block: u32) -> Result<Guard<'_>, PageError> {
        self.running()?;
        self.pages.read(block)
    }

    fn prefetch(&self, block: u32, bytes: Range<usize>) {
        self.pages.prefetch(block, bytes);
    }

    fn change(&self) -> CrashChange<'_> {
        CrashChange {
            store: self,
            change: self.pages.change(),
        }
    }

    fn writer(&self) -> Self::Writer<'_> {
        self.pages.writer()
    }

    fn wait_for_writers(&self) {
        self.pages.wait_for_writers();
    }
}

/// A change that may crash.
pub struct CrashChange<'a> {
    store: &'a CrashStore,
    change: MemoryChange<'a>,
}

impl Change for CrashChange<'_> {
    fn page(&mut self, block: u32) -> Result<&mut Bytes, PageError> {
        self.store.running()?;
        self.change.page(block)
    }

    fn append(&mut self) -> Result<(u32, &mut Bytes), PageError> {
        self.store.running()?;
        self.change.append()
    }

    fn commit(self) -> Result<(), PageError> {
        self.store.commits.fetch_add(1, Ordering::SeqCst);
        self.store.running()?;
        let held = self.change.last().map_or(0, |block| block + 1);
        self.store.logged.fetch_max(held, Ordering::SeqCst);
        self.change.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::super::PAGE_BYTES;
    use super::*;

    #[test]
    fn exactly_the_commits_before_the_crash_happened() {
        for limit in 0..6 {
            let pages = MemoryStore::new();
            pages.push(&[0; PAGE_BYTES]).unwrap();
            let store = CrashStore::new(pages, limit);
            let mut done = 0;
            for step in 1..=4 {
                let mut change = store.change();
                let edited = change.page(0).map(|page| page[100] = step);
                let appended = change.append().map(|(_, page)| page[0] = step);
                let result = edited.and(appended).and_then(|()| change.commit());
                if result.is_ok() {
                    done = step;
                } else {
                    assert_eq!(result, Err(PageError::Crashed));
                }
            }
            assert_eq!(u64::from(done), limit.min(4));
            assert_eq!(store.crashed(), limit < 4);
            assert_eq!(store.read(0).is_err(), limit < 4);
            assert_eq!(
                u64::from(store.logged_pages().unwrap().len()),
                1 + limit.min(4)
            );
            let pages = store.into_pages().pages().unwrap();
            assert_eq!(pages[0][100], done);
            // The page of the change that failed is there, and is all zero.
            assert_eq!(pages.len() as u64, 1 + (limit + 1).min(4));
            assert!(limit >= 4 || pages.last().unwrap().iter().all(|byte| *byte == 0));
        }
    }
}
