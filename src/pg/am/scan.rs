//! `ambeginscan`, `amrescan`, `amgettuple`, `amendscan`.

use std::rc::Rc;

use pgrx::PgMemoryContexts;
use pgrx::pg_sys;

use super::counters;
use super::exact::Exact;
use super::extent::Extent;
use super::filtered::{Filtered, Passes};
use super::guarded;
use super::method::{Cost, Found, Method, Search, Stream};
use super::opened::{self, Opened};
use crate::hnsw::Tid;
use crate::pg::error::Failure;
use crate::pg::storage::needs_wal;
use crate::search::{Bounded, Refined, Source};

/// The bytes of a heap tuple's place.
pub fn tid_of(pointer: pg_sys::ItemPointerData) -> Tid {
    // SAFETY: three numbers of two bytes.
    Tid(unsafe { std::mem::transmute::<pg_sys::ItemPointerData, [u8; 6]>(pointer) })
}

/// A heap tuple's place.
pub fn pointer_of(tid: Tid) -> pg_sys::ItemPointerData {
    // SAFETY: three numbers of two bytes, any of which are valid.
    unsafe { std::mem::transmute::<[u8; 6], pg_sys::ItemPointerData>(tid.0) }
}

/// Has a scan give only rows that pass, from its next search on.
///
/// # Safety
/// The scan is one of ours, and what the filter refers to stays as long as it.
pub unsafe fn attach(scan: pg_sys::IndexScanDesc, passes: Box<dyn Passes>) {
    // SAFETY: the caller vouches for the scan.
    unsafe { state(scan) }.passes = Some(passes);
}

/// A scan between its callbacks. It lives on Rust's heap and goes with the context it was made in, so
/// that an error leaves nothing behind. No page is held between callbacks.
#[derive(Default)]
struct State {
    search: Option<Running>,
    exact: Option<Exact>,
    passes: Option<Box<dyn Passes>>,
}

/// Dead rows that a search remembers, to kill them when it ends.
const DEAD: usize = 256;

/// A search that has begun.
struct Running {
    /// Refers to the index: dropped first.
    stream: Box<dyn Stream>,
    refined: Refined<Found>,
    /// What it knows of rows that pass a filter, if it has one.
    filtered: Option<Filtered>,
    /// The row that was given last.
    last: Option<Found>,
    /// Rows that turned out to be dead to everybody.
    dead: Vec<Found>,
    /// How far the table reaches.
    extent: Extent,
    opened: Rc<Opened>,
}

/// Makes a scan.
///
/// # Safety
/// As `ambeginscan`.
pub unsafe extern "C-unwind" fn begin<M: Method>(
    index: pg_sys::Relation,
    keys: i32,
    orders: i32,
) -> pg_sys::IndexScanDesc {
    // SAFETY: Postgres calls with an open index, in the context of the query.
    unsafe {
        guarded(|| {
            let scan = pg_sys::RelationGetIndexScan(index, keys, orders);
            let state =
                PgMemoryContexts::CurrentMemoryContext.leak_and_drop_on_delete(State::default());
            (*scan).opaque = state.cast();
            Ok(scan)
        })
    }
}

unsafe fn state<'s>(scan: pg_sys::IndexScanDesc) -> &'s mut State {
    // SAFETY: `begin` has put it there, and nobody else refers to it during a callback.
    unsafe { &mut *(*scan).opaque.cast() }
}

/// Starts it anew, with other values.
///
/// # Safety
/// As `amrescan`.
pub unsafe extern "C-unwind" fn rescan<M: Method>(
    scan: pg_sys::IndexScanDesc,
    keys: pg_sys::ScanKey,
    key_count: i32,
    orders: pg_sys::ScanKey,
    order_count: i32,
) {
    // SAFETY: Postgres calls with a scan of ours and as many keys as it says.
    unsafe {
        guarded(|| {
            let state = state(scan);
            state.end_search(scan)?;
            if let Some(exact) = &mut state.exact {
                exact.reset();
            }
            if !keys.is_null() && key_count > 0 {
                std::ptr::copy(keys, (*scan).keyData, key_count as usize);
            }
            if !orders.is_null() && order_count > 0 {
                std::ptr::copy(orders, (*scan).orderByData, order_count as usize);
            }
            Ok(())
        });
    }
}

/// Gives the next row.
///
/// # Safety
/// As `amgettuple`.
pub unsafe extern "C-unwind" fn get_tuple<M: Method>(
    scan: pg_sys::IndexScanDesc,
    direction: pg_sys::ScanDirection::Type,
) -> bool {
    // SAFETY: Postgres calls with a scan of ours.
    unsafe {
        guarded(|| {
            if direction != pg_sys::ScanDirection::ForwardScanDirection {
                return Err(Failure::Backward);
            }
            let State {
                search,
                exact,
                passes,
            } = state(scan);
            let running = match search {
                Some(running) => running,
                None => search.insert(start::<M>(scan)?),
            };
            if (*scan).kill_prior_tuple {
                running.dead.extend(running.last);
            }
            running.last = running.next(scan, exact, passes.as_deref_mut())?;
            let Some(row) = running.last else {
                return Ok(false);
            };
            (*scan).xs_heaptid = pointer_of(row.tid);
            (*scan).xs_recheck = false;
            (*scan).xs_recheckorderby = false;
            Ok(true)
        })
    }
}

impl Running {
    /// The next row.
    unsafe fn next(
        &mut self,
        scan: pg_sys::IndexScanDesc,
        exact: &mut Option<Exact>,
        passes: Option<&mut (dyn Passes + 'static)>,
    ) -> Result<Option<Found>, Failure> {
        let mut rows = Rows {
            stream: &mut *self.stream,
            scan,
            exact,
            dead: &mut self.dead,
            extent: &mut self.extent,
        };
        let refined = &mut self.refined;
        let Some(passes) = passes else {
            return refined.next(&mut rows);
        };
        // SAFETY: the caller says that the scan is going on, which keeps its table open.
        unsafe {
            let filtered = if let Some(filtered) = &mut self.filtered {
                filtered
            } else {
                let filtered = Filtered::new((*scan).heapRelation, &self.opened, passes)?;
                self.filtered.insert(filtered)
            };
            filtered.next(&mut rows, refined, passes, &self.opened)
        }
    }
}

/// Starts a search for what the scan is ordered by.
unsafe fn start<M: Method>(scan: pg_sys::IndexScanDesc) -> Result<Running, Failure> {
    // SAFETY: the caller vouches for the scan; the index stays open as long as it is.
    unsafe {
        let index = (*scan).indexRelation;
        if (*scan).numberOfOrderBys != 1 {
            return Err(Failure::NoOrder(M::NAME));
        }
        // Rows may have been vacuumed since their nodes were read; a snapshot that sees only what was
        // committed before it tells others apart that have taken their places.
        let snapshot = (*scan).xs_snapshot;
        if (*snapshot).snapshot_type != pg_sys::SnapshotType::SNAPSHOT_MVCC {
            return Err(Failure::Snapshot(M::NAME));
        }
        counters::count_index_scan(scan);
        let order = (*scan).orderByData;
        let null = (*order).sk_flags & pg_sys::SK_ISNULL as i32 != 0;
        let opened = opened::open::<M>(index)?;
        opened.store().take_reads();
        let query = (!null).then_some((*order).sk_argument);
        let stream = opened.index().scan(query, (*scan).ignore_killed_tuples)?;
        // The index lives as long as `opened`, which is kept beside the stream and dropped after it.
        let stream = std::mem::transmute::<Box<dyn Stream + '_>, Box<dyn Stream>>(stream);
        Ok(Running {
            stream,
            refined: Refined::default(),
            filtered: None,
            last: None,
            dead: Vec::new(),
            extent: Extent::default(),
            opened,
        })
    }
}

/// Ends a scan.
///
/// # Safety
/// As `amendscan`.
pub unsafe extern "C-unwind" fn end<M: Method>(scan: pg_sys::IndexScanDesc) {
    // SAFETY: Postgres calls with a scan of ours, once.
    unsafe {
        guarded(|| {
            let state = state(scan);
            state.end_search(scan)?;
            state.passes = None;
            if let Some(exact) = state.exact.take() {
                exact.close();
            }
            Ok(())
        });
    }
}

impl State {
    unsafe fn end_search(&mut self, scan: pg_sys::IndexScanDesc) -> Result<(), Failure> {
        let Some(running) = self.search.take() else {
            return Ok(());
        };
        let Running {
            stream,
            filtered,
            opened,
            dead,
            ..
        } = running;
        let Cost {
            mut nodes,
            restarts,
        } = stream.cost();
        if let Some(filtered) = filtered {
            let ending = filtered.end(nodes);
            nodes += ending.nodes;
            drop(filtered);
            // A worker ends with its query.
            // SAFETY: set once in each process, before it runs a plan.
            if unsafe { pg_sys::ParallelWorkerNumber } < 0 {
                opened.index().learn(ending.learns, ending.missed)?;
            }
        }
        let spent = counters::Spent {
            scans: 1,
            nodes,
            pages: opened.store().take_reads(),
            restarts,
            measured: self.exact.as_mut().map_or(0, Exact::take_measured),
        };
        // SAFETY: the scan's index is open.
        counters::add(unsafe { (*(*scan).indexRelation).rd_id }, spent);
        // SAFETY: as the caller says.
        unsafe { self.kill(scan, opened.index(), &dead) }
    }

    /// Has the index leave out rows that are dead. Where changes are not logged it cannot tell whether
    /// another row has taken their places.
    unsafe fn kill(
        &mut self,
        scan: pg_sys::IndexScanDesc,
        index: &dyn Search,
        dead: &[Found],
    ) -> Result<(), Failure> {
        // SAFETY: the scan is still going on.
        unsafe {
            if dead.is_empty() || !needs_wal((*scan).indexRelation) || !(*scan).ignore_killed_tuples
            {
                return Ok(());
            }
            let exact = self.exact.get_or_insert_with(|| Exact::open(scan));
            for row in dead.iter().take(DEAD) {
                if let Some(node) = row.node {
                    index.kill(node, row.tid, &mut || exact.is_dead(scan, row.tid))?;
                }
            }
        }
        Ok(())
    }
}

/// The rows of a stream, measured by the table's values where they are asked to be.
pub(super) struct Rows<'r> {
    pub stream: &'r mut dyn Stream,
    pub scan: pg_sys::IndexScanDesc,
    exact: &'r mut Option<Exact>,
    pub dead: &'r mut Vec<Found>,
    extent: &'r mut Extent,
}

impl Rows<'_> {
    /// The same scan's rows of another stream.
    pub fn of<'a>(&'a mut self, stream: &'a mut dyn Stream) -> Rows<'a> {
        Rows {
            stream,
            scan: self.scan,
            exact: self.exact,
            dead: self.dead,
            extent: self.extent,
        }
    }

    /// The table.
    ///
    /// # Safety
    /// The scan is going on.
    pub unsafe fn exact(&mut self) -> &mut Exact {
        // SAFETY: as the caller says.
        self.exact
            .get_or_insert_with(|| unsafe { Exact::open(self.scan) })
    }
}

impl Source for Rows<'_> {
    type Row = Found;
    type Error = Failure;

    fn is_ready(&self) -> bool {
        self.stream.is_ready()
    }

    fn floor(&self) -> f64 {
        self.stream.floor()
    }

    fn next(&mut self) -> Result<Option<Bounded<Found>>, Failure> {
        let row = self.stream.next()?;
        if let Some(row) = &row {
            // SAFETY: the scan is going on.
            unsafe { self.extent.verify(self.scan, row.row.tid) }?;
        }
        Ok(row)
    }

    fn measure(&mut self, row: &Found) -> Result<Option<f64>, Failure> {
        // SAFETY: the scan is going on.
        unsafe {
            let exact = self.exact.get_or_insert_with(|| Exact::open(self.scan));
            let distance = exact.measure(self.scan, row.tid);
            if distance.is_none() && exact.was_dead() {
                self.dead.push(*row);
            }
            Ok(distance)
        }
    }
}
