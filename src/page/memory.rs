//! Memory store: pages in memory, for tests, benchmarks and builds. Its locks are like those of Postgres: shared
//! and exclusive, one a page.

#![allow(unsafe_code, reason = "software prefetch, advice on huge pages")]

use std::mem::MaybeUninit;
use std::ops::{Deref, Range};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{
    LazyLock, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use super::layout::clear_hole;
use super::{Bytes, Change, MAX_PAGES, PAGE_BYTES, PageError, PageStore, generic_wal_bytes};

/// Pages of the first chunk; each further chunk doubles the store.
const FIRST_CHUNK_PAGES: u32 = 64;
/// Enough for 2^32 pages.
const CHUNKS: usize = 27;

/// Starts at a cache line.
#[repr(C, align(64))]
#[derive(Clone)]
struct Aligned(Bytes);

/// A page beside its lock: whoever waits for the one has the other.
type LockedPage = RwLock<Aligned>;

/// Pages in memory. Pages never move, and reading one takes its own lock only.
pub struct MemoryStore {
    chunks: [OnceLock<Box<[LockedPage]>>; CHUNKS],
    blocks: AtomicU32,
    extension: Mutex<()>,
    writers: RwLock<()>,
    logged: [AtomicU64; 3],
}

/// What changes have cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Commits.
    pub changes: u64,
    /// Pages in them that differ from before.
    pub pages: u64,
    /// Bytes that Generic WAL would log for them, full-page images aside.
    pub bytes: u64,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            blocks: AtomicU32::new(0),
            extension: Mutex::new(()),
            writers: RwLock::new(()),
            logged: [const { AtomicU64::new(0) }; 3],
        }
    }
}

/// Chunk and position in it: chunk 0 holds the first 64 pages, chunk k the next 64 * 2^(k-1).
fn chunk_of(block: u32) -> (usize, usize) {
    let scaled = block / FIRST_CHUNK_PAGES;
    let chunk = u32::BITS - scaled.leading_zeros();
    let start = match chunk {
        0 => 0,
        chunk => FIRST_CHUNK_PAGES << (chunk - 1),
    };
    (to_usize(chunk), to_usize(block - start))
}

fn chunk_len(chunk: usize) -> usize {
    to_usize(FIRST_CHUNK_PAGES) << chunk.saturating_sub(1)
}

/// Where the lock and the bytes of a [`LockedPage`] lie in it: the compiler decides.
static OFFSETS: LazyLock<Offsets> = LazyLock::new(|| {
    let slot = Box::new(RwLock::new(Aligned([0; PAGE_BYTES])));
    let start = std::ptr::from_ref(&*slot).addr();
    let page = slot.read().unwrap_or_else(PoisonError::into_inner);
    let content = page.0.as_ptr().addr() - start;
    Offsets {
        lock: if content == 0 { PAGE_BYTES } else { 0 },
        content,
    }
});

struct Offsets {
    lock: usize,
    content: usize,
}

/// Asks for huge pages, as Postgres does for its buffers: otherwise reading a few lines of each of many pages
/// waits for address translation.
fn advise_huge(memory: &mut [MaybeUninit<LockedPage>]) {
    const HUGE: usize = 2 << 20;
    let (start, bytes) = (memory.as_mut_ptr().addr(), size_of_val(memory));
    let (first, end) = (start.next_multiple_of(HUGE), (start + bytes) / HUGE * HUGE);
    if first < end {
        let at = memory.as_mut_ptr().cast::<u8>().wrapping_add(first - start);
        // SAFETY: the range lies in the slice, which nobody else has yet, and the advice leaves what
        // it holds as it is. Where the system knows no such advice nothing happens.
        unsafe { libc::madvise(at.cast(), end - first, libc::MADV_HUGEPAGE) };
    }
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a page at the end.
    ///
    /// # Errors
    /// Where the store is full.
    pub fn push(&self, page: &Bytes) -> Result<u32, PageError> {
        let (block, mut guard) = self.extend()?;
        guard.0 = *page;
        Ok(block)
    }

    /// How many pages there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.blocks.load(Ordering::Acquire)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of all pages.
    ///
    /// # Errors
    /// None that can happen to pages that are there.
    pub fn pages(&self) -> Result<Vec<Box<Bytes>>, PageError> {
        (0..self.len())
            .map(|block| Ok(Box::new(*self.read(block)?)))
            .collect()
    }

    /// What changes have cost so far.
    #[must_use]
    pub fn logged(&self) -> Logged {
        let [changes, pages, bytes] = [0, 1, 2].map(|i| self.logged[i].load(Ordering::Relaxed));
        Logged {
            changes,
            pages,
            bytes,
        }
    }

    fn slot(&self, block: u32) -> Result<&LockedPage, PageError> {
        let blocks = self.len();
        let missing = PageError::Missing { block, blocks };
        if block >= blocks {
            return Err(missing);
        }
        let (chunk, at) = chunk_of(block);
        let chunk = self.chunks.get(chunk).and_then(OnceLock::get);
        chunk.and_then(|chunk| chunk.get(at)).ok_or(missing)
    }

    /// Adds a page of zeros. It is locked before others can see that it is there.
    fn extend(&self) -> Result<(u32, RwLockWriteGuard<'_, Aligned>), PageError> {
        let _one = self
            .extension
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let block = self.blocks.load(Ordering::Acquire);
        let full = PageError::Missing {
            block,
            blocks: block,
        };
        let (chunk, at) = chunk_of(block);
        let chunk_of_slots = self.chunks.get(chunk).ok_or_else(|| full.clone())?;
        let slots = chunk_of_slots.get_or_init(|| {
            let mut slots = Vec::with_capacity(chunk_len(chunk));
            advise_huge(slots.spare_capacity_mut());
            slots.resize_with(chunk_len(chunk), || RwLock::new(Aligned([0; PAGE_BYTES])));
            slots.into_boxed_slice()
        });
        let slot = slots.get(at).ok_or_else(|| full.clone())?;
        let guard = slot.write().unwrap_or_else(PoisonError::into_inner);
        let blocks = block.checked_add(1).ok_or(full)?;
        self.blocks.store(blocks, Ordering::Release);
        Ok((block, guard))
    }
}

/// A page under a shared lock.
pub struct Guard<'a>(RwLockReadGuard<'a, Aligned>);

impl Deref for Guard<'_> {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0.0
    }
}

impl PageStore for MemoryStore {
    type Guard<'a> = Guard<'a>;
    type Change<'a> = MemoryChange<'a>;
    type Writer<'a> = RwLockReadGuard<'a, ()>;

    fn blocks(&self) -> Result<u32, PageError> {
        Ok(self.len())
    }

    fn read(&self, block: u32) -> Result<Guard<'_>, PageError> {
        let slot = self.slot(block)?;
        Ok(Guard(slot.read().unwrap_or_else(PoisonError::into_inner)))
    }

    fn prefetch(&self, block: u32, bytes: Range<usize>) {
        #[cfg(target_arch = "x86_64")]
        if let Ok(slot) = self.slot(block) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let start = std::ptr::from_ref(slot).cast::<i8>();
            let line = |at: usize| {
                // SAFETY: a prefetch reads nothing and cannot fault.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(at)) };
            };
            line(OFFSETS.lock);
            for at in (bytes.start..bytes.end.min(PAGE_BYTES)).step_by(64) {
                line(OFFSETS.content + at);
            }
        }
    }

    fn change(&self) -> MemoryChange<'_> {
        MemoryChange {
            store: self,
            held: Vec::with_capacity(MAX_PAGES),
        }
    }

    fn writer(&self) -> RwLockReadGuard<'_, ()> {
        self.writers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_writers(&self) {
        drop(self.writers.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Pages that are locked, each with the copy that is edited.
pub struct MemoryChange<'a> {
    store: &'a MemoryStore,
    held: Vec<HeldPage<'a>>,
}

/// A page that is locked.
struct HeldPage<'a> {
    block: u32,
    guard: RwLockWriteGuard<'a, Aligned>,
    copy: Box<Aligned>,
}

impl<'a> MemoryChange<'a> {
    /// The last block that is held.
    pub(super) fn last(&self) -> Option<u32> {
        self.held.last().map(|page| page.block)
    }

    fn room(&self, block: u32) -> Result<(), PageError> {
        if self.held.len() == MAX_PAGES {
            return Err(PageError::TooMany { block });
        }
        Ok(())
    }

    fn hold(&mut self, block: u32, guard: RwLockWriteGuard<'a, Aligned>) -> &mut Bytes {
        let copy = Box::new(guard.clone());
        let page = HeldPage { block, guard, copy };
        &mut self.held.push_mut(page).copy.0
    }
}

impl Change for MemoryChange<'_> {
    fn page(&mut self, block: u32) -> Result<&mut Bytes, PageError> {
        let at = self.held.iter().position(|page| page.block == block);
        if let Some(at) = at {
            return Ok(&mut self.held[at].copy.0);
        }
        if let Some(held) = self.last().filter(|held| *held > block) {
            return Err(PageError::Order { block, held });
        }
        self.room(block)?;
        let slot = self.store.slot(block)?;
        let guard = slot.write().unwrap_or_else(PoisonError::into_inner);
        Ok(self.hold(block, guard))
    }

    fn append(&mut self) -> Result<(u32, &mut Bytes), PageError> {
        self.room(self.store.blocks()?)?;
        let (block, guard) = self.store.extend()?;
        Ok((block, self.hold(block, guard)))
    }

    fn commit(self) -> Result<(), PageError> {
        let (mut pages, mut bytes) = (0, 0);
        for mut page in self.held {
            clear_hole(&mut page.copy.0);
            let logged = generic_wal_bytes(&page.guard.0, &page.copy.0);
            pages += u64::from(logged > 0);
            bytes += logged as u64;
            *page.guard = *page.copy;
        }
        for (total, more) in self.store.logged.iter().zip([1, pages, bytes]) {
            total.fetch_add(more, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Mark, set_lower};
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Duration;

    fn mark(block: u32) -> Mark {
        let (format, kind) = (Format::LATEST, 1);
        Mark {
            format,
            block,
            kind,
        }
    }

    fn store(pages: u32) -> MemoryStore {
        let store = MemoryStore::new();
        for _ in 0..pages {
            store.push(&[0; PAGE_BYTES]).unwrap();
        }
        store
    }

    #[test]
    fn chunks_follow_each_other() {
        let mut expected = (0, 0);
        for block in 0..70_000 {
            assert_eq!(chunk_of(block), expected, "{block}");
            expected.1 += 1;
            if expected.1 == chunk_len(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(chunk_of(u32::MAX).0, CHUNKS - 1);
    }

    #[test]
    fn a_change_happens_as_a_whole_or_not_at_all() {
        let store = store(5);
        let mut change = store.change();
        change.page(1).unwrap()[100] = 1;
        change.page(3).unwrap()[100] = 3;
        change.page(1).unwrap()[101] = 2;
        drop(change);
        assert_eq!(store.read(1).unwrap()[100], 0);
        let mut change = store.change();
        change.page(1).unwrap()[100] = 1;
        change.page(3).unwrap()[100] = 3;
        change.page(1).unwrap()[101] = 2;
        change.commit().unwrap();
        assert_eq!(store.read(1).unwrap()[100..102], [1, 2]);
        assert_eq!(store.read(3).unwrap()[100], 3);
    }

    /// An index that forgets `set_lower` must fail here, and not first on a server.
    #[test]
    fn what_lies_in_the_hole_is_dropped() {
        let store = store(1);
        let mut change = store.change();
        let page = change.page(0).unwrap();
        super::super::format(page, mark(0));
        set_lower(page, 10);
        super::super::content_mut(page).fill(7);
        change.commit().unwrap();
        let page = store.read(0).unwrap();
        assert_eq!(super::super::content(&page)[..10], [7; 10]);
        assert!(
            super::super::content(&page)[10..]
                .iter()
                .all(|byte| *byte == 0)
        );
    }

    #[test]
    fn an_appended_page_stays_as_zeros() {
        let store = store(1);
        let mut change = store.change();
        let (block, page) = change.append().unwrap();
        page.fill(9);
        drop(change);
        assert_eq!((block, store.blocks().unwrap()), (1, 2));
        assert!(store.read(1).unwrap().iter().all(|byte| *byte == 0));
    }

    #[test]
    fn order_number_and_place_of_blocks_are_checked() {
        let store = store(9);
        let mut change = store.change();
        change.page(4).unwrap();
        let order = PageError::Order { block: 2, held: 4 };
        assert_eq!(change.page(2).unwrap_err(), order);
        let missing = PageError::Missing {
            block: 9,
            blocks: 9,
        };
        assert_eq!(change.page(9).unwrap_err(), missing);
        for block in [5, 6, 7] {
            change.page(block).unwrap();
        }
        assert_eq!(change.page(8).unwrap_err(), PageError::TooMany { block: 8 });
        assert!(change.append().is_err());
        assert_eq!(store.blocks().unwrap(), 9);
        assert_eq!(store.read(9).err(), Some(missing));
    }

    #[test]
    fn the_log_counts_pages_that_differ() {
        let store = store(2);
        let mut change = store.change();
        for block in [0, 1] {
            super::super::format(change.page(block).unwrap(), mark(block));
            set_lower(change.page(block).unwrap(), 100);
        }
        change.commit().unwrap();
        let before = store.logged();
        let mut change = store.change();
        change.page(0).unwrap()[50] = 1;
        change.page(1).unwrap();
        change.commit().unwrap();
        let after = store.logged();
        assert_eq!(after.changes - before.changes, 1);
        assert_eq!(after.pages - before.pages, 1);
        assert_eq!(after.bytes - before.bytes, 5);
    }

    /// Moves units between pages; readers of one page never see half of a change to it.
    #[test]
    fn threads_see_whole_pages_and_never_wait_forever() {
        let store = store(8);
        thread::scope(|scope| {
            for thread in 0..4_u32 {
                let store = &store;
                scope.spawn(move || {
                    for step in 0..2_000_u32 {
                        let (a, b) = ((step + thread) % 8, (step * 3 + thread * 5) % 8);
                        let mut change = store.change();
                        let from = &mut change.page(a.min(b)).unwrap()[1_000];
                        *from = from.wrapping_sub(1);
                        let to = &mut change.page(a.max(b)).unwrap()[1_000];
                        *to = to.wrapping_add(1);
                        for block in [a.min(b), a.max(b)] {
                            let page = change.page(block).unwrap();
                            page[7_000] = page[1_000];
                        }
                        change.commit().unwrap();
                        let page = store.read(step % 8).unwrap();
                        assert_eq!(page[1_000], page[7_000]);
                    }
                });
            }
        });
        let sum = (0..8).fold(0_u8, |sum, b| {
            sum.wrapping_add(store.read(b).unwrap()[1_000])
        });
        assert_eq!(sum, 0);
    }

    #[test]
    fn waiting_for_writers_waits() {
        let store = store(1);
        let done = AtomicBool::new(false);
        let writer = store.writer();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                store.wait_for_writers();
                done.load(Ordering::SeqCst)
            });
            thread::sleep(Duration::from_millis(20));
            done.store(true, Ordering::SeqCst);
            drop(writer);
            assert!(waiting.join().unwrap());
        });
    }
}
