//! A store whose user is interrupted by others at a page of choice, before it waits for writers, or
//! stopped after some commits.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use vector_ext::page::{Bytes, Change, MemoryStore, PageError, PageStore};

type Work<'s> = Box<dyn FnOnce() + Send + 's>;
type Hook<'s> = Box<dyn Fn() + Send + Sync + 's>;

/// Pages that others use beside it.
pub struct Interrupted<'s> {
    pages: &'s MemoryStore,
    reads: AtomicU64,
    commits: AtomicU64,
    work: Mutex<Option<Work<'s>>>,
    /// Done before each wait for writers.
    before_wait: Option<Hook<'s>>,
}

impl<'s> Interrupted<'s> {
    /// `work` is done before the read, or the start of a change, that comes after `reads` others.
    pub fn reading(pages: &'s MemoryStore, reads: u64, work: impl FnOnce() + Send + 's) -> Self {
        Self {
            pages,
            reads: reads.into(),
            commits: u64::MAX.into(),
            work: Mutex::new(Some(Box::new(work))),
            before_wait: None,
        }
    }

    /// Nothing is written after so many commits.
    pub fn writing(pages: &'s MemoryStore, commits: u64) -> Self {
        Self {
            pages,
            reads: u64::MAX.into(),
            commits: commits.into(),
            work: Mutex::new(None),
            before_wait: None,
        }
    }

    /// `hook` is done before each wait for writers as well.
    pub fn before_wait(self, hook: impl Fn() + Send + Sync + 's) -> Self {
        Self {
            before_wait: Some(Box::new(hook)),
            ..self
        }
    }

    fn interrupt(&self) {
        if !count_down(&self.reads) {
            let work = self.work.lock().unwrap().take();
            if let Some(work) = work {
                work();
            }
        }
    }

    /// Whether the work was done.
    pub fn happened(&self) -> bool {
        self.work.lock().unwrap().is_none()
    }
}

fn count_down(left: &AtomicU64) -> bool {
    let one_less = |left: u64| left.checked_sub(1);
    let counted = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
    counted.is_ok()
}

impl PageStore for Interrupted<'_> {
    type Guard<'a>
        = <MemoryStore as PageStore>::Guard<'a>
    where
        Self: 'a;
    type Change<'a>
        = Stopped<'a>
    where
        Self: 'a;
    type Writer<'a>
        = <MemoryStore as PageStore>::Writer<'a>
    where
        Self: 'a;

    fn blocks(&self) -> Result<u32, PageError> {
        self.pages.blocks()
    }

    fn read(&self, block: u32) -> Result<Self::Guard<'_>, PageError> {
        self.interrupt();
        self.pages.read(block)
    }

    fn prefetch(&self, block: u32, bytes: Range<usize>) {
        self.pages.prefetch(block, bytes);
    }

    fn change(&self) -> Stopped<'_> {
        self.interrupt();
        Stopped {
            change: self.pages.change(),
            commits: &self.commits,
        }
    }

    fn writer(&self) -> Self::Writer<'_> {
        self.pages.writer()
    }

    fn wait_for_writers(&self) {
        if let Some(hook) = &self.before_wait {
            hook();
        }
        self.pages.wait_for_writers();
    }
}

/// A change that comes to nothing where no commit is left.
pub struct Stopped<'a> {
    change: <MemoryStore as PageStore>::Change<'a>,
    commits: &'a AtomicU64,
}

impl Change for Stopped<'_> {
    fn page(&mut self, block: u32) -> Result<&mut Bytes, PageError> {
        self.change.page(block)
    }

    fn append(&mut self) -> Result<(u32, &mut Bytes), PageError> {
        self.change.append()
    }

    fn commit(self) -> Result<(), PageError> {
        if count_down(self.commits) {
            self.change.commit()
        } else {
            Err(PageError::Crashed)
        }
    }
}
