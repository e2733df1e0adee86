//! Build: `ambuild` and `ambuildempty`.

use std::ffi::{CStr, c_char};
use std::sync::atomic::Ordering::Relaxed;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::pg::am::heap::rows::{TableRows, each_row};
use crate::pg::am::heap::values::{FetchedValues, ValueReach};
use crate::pg::am::method::{Build, Method};
use crate::pg::am::opened;
use crate::pg::error::guarded;
use crate::pg::storage::tid_of;

use crate::bulk::{Built, Progress, Resources};
use crate::index::Error;
use crate::pg::error::{self, Failure};
use crate::pg::storage::{self, Bulk};

/// The name of a phase of a build, as `pg_stat_progress_create_index` counts them from 1.
fn phase<M: Method>(phase: i64) -> Option<&'static CStr> {
    let before = [c"initializing", c"loading tuples"];
    let mut names = before.into_iter().chain(M::BUILDING.iter().copied());
    let last = std::iter::once(c"writing pages");
    names
        .by_ref()
        .chain(last)
        .nth(usize::try_from(phase - 1).ok()?)
}

const LOADING: i64 = 2;
const BUILDING: i64 = 3;

fn report(parameter: u32, value: i64) {
    // SAFETY: the parameter is one of CREATE INDEX.
    unsafe { pg_sys::pgstat_progress_update_param(parameter as i32, value) };
}

/// Names a phase.
///
/// # Safety
/// As `ambuildphasename`.
pub unsafe extern "C-unwind" fn phase_name<M: Method>(phase: i64) -> *mut c_char {
    self::phase::<M>(phase).map_or(std::ptr::null_mut(), |name| name.as_ptr().cast_mut())
}

/// What the scan of the table hands its rows to.
struct Loader {
    method: &'static CStr,
    /// Phases between reading the table and writing pages.
    building: usize,
    builder: Box<dyn Build>,
    rows: u64,
    /// So many rows fit into memory.
    fitting: u64,
}

impl TableRows for Loader {
    unsafe fn row(&mut self, tid: pg_sys::ItemPointerData, datum: Datum) -> Result<(), Failure> {
        // SAFETY: as the caller says.
        if unsafe { self.builder.push(datum, tid_of(tid)) }? {
            self.rows += 1;
            if self.rows == self.fitting {
                error::notice_spill(self.method, self.rows);
            }
        }
        Ok(())
    }
}

/// What a build may use: memory and files as maintenance has them, and that many threads.
fn resources(threads: usize) -> Result<Resources, Failure> {
    // SAFETY: a setting, read by the backend's thread.
    let kilobytes = unsafe { pg_sys::maintenance_work_mem };
    Ok(Resources {
        threads,
        budget: kilobytes as usize * 1024,
        files: storage::files().map_err(Error::Spill)?,
    })
}

/// Threads of a build on a table: one, and as many more as its storage parameter `parallel_workers`
/// says or else `max_parallel_maintenance_workers`, which is the most in any case. Source:
/// `plan_create_index_workers` of Postgres, which for want of the parameter goes by the table's size;
/// that does not tell the work of a graph.
unsafe fn threads(heap: pg_sys::Relation) -> usize {
    // SAFETY: the caller has the table open, whose options are those of tables.
    let (most, asked) = unsafe {
        let options: *const pg_sys::StdRdOptions = (*heap).rd_options.cast();
        let asked = options
            .as_ref()
            .map_or(-1, |options| options.parallel_workers);
        (pg_sys::max_parallel_maintenance_workers, asked)
    };
    let workers = if asked < 0 { most } else { asked.min(most) };
    workers as usize + 1
}

/// Builds an index of what is in the table.
///
/// # Safety
/// As `ambuild`.
pub unsafe extern "C-unwind" fn build<M: Method>(
    heap: pg_sys::Relation,
    index: pg_sys::Relation,
    info: *mut pg_sys::IndexInfo,
) -> *mut pg_sys::IndexBuildResult {
    // SAFETY: Postgres calls with an open table and an empty index.
    unsafe {
        guarded(|| {
            let resources = resources(threads(heap))?;
            let (budget, name) = (resources.budget, &raw const (*(*index).rd_rel).relname);
            error::tell_threads(CStr::from_ptr(name.cast()), resources.threads);
            let mut builder = M::builder(index, resources)?;
            builder.begin()?;
            let fitting = budget / builder.bytes_per_row() + 1;
            let mut loader = Loader {
                method: M::NAME,
                building: M::BUILDING.len(),
                builder,
                rows: 0,
                fitting: fitting as u64,
            };
            report(pg_sys::PROGRESS_CREATEIDX_SUBPHASE, LOADING);
            let state = (&raw mut loader).cast();
            let scan = std::ptr::null_mut();
            let rows = pg_sys::table_index_build_scan(
                heap,
                index,
                info,
                true,
                true,
                Some(each_row::<Loader>),
                state,
                scan,
            );
            let built = write(index, pg_sys::ForkNumber::MAIN_FORKNUM, loader)?;
            let mut values = FetchedValues::new(heap, index, ValueReach::Everything);
            opened::open::<M>(index)?.index().calibrate(&mut values)?;
            let result: *mut pg_sys::IndexBuildResult =
                pg_sys::palloc0(size_of::<pg_sys::IndexBuildResult>()).cast();
            (*result).heap_tuples = rows;
            (*result).index_tuples = built.rows as f64;
            Ok(result)
        })
    }
}

/// Writes what was loaded into a fork.
unsafe fn write(index: pg_sys::Relation, fork: i32, loader: Loader) -> Result<Built, Failure> {
    let progress = Progress::default();
    report(pg_sys::PROGRESS_CREATEIDX_SUBPHASE, BUILDING);
    report(pg_sys::PROGRESS_CREATEIDX_TUPLES_TOTAL, loader.rows as i64);
    let (mut phase, last) = (BUILDING, BUILDING + loader.building as i64 - 1);
    let mut tell = || {
        let (linked, written) = (
            progress.linked.load(Relaxed),
            progress.written.load(Relaxed),
        );
        let writing = written > 0;
        let now = match (writing, linked > 0) {
            (true, _) => last + 1,
            (false, true) => last,
            (false, false) => BUILDING,
        };
        if now > phase {
            phase = now;
            report(pg_sys::PROGRESS_CREATEIDX_SUBPHASE, phase);
            if writing {
                // The blocks so far were the table's.
                report(pg_sys::PROGRESS_SCAN_BLOCKS_TOTAL, 0);
            }
        }
        report(pg_sys::PROGRESS_CREATEIDX_TUPLES_DONE, linked as i64);
        if writing {
            report(pg_sys::PROGRESS_SCAN_BLOCKS_DONE, written as i64);
        }
    };
    // SAFETY: the caller has the index open and nobody else uses it yet.
    let mut bulk = unsafe { Bulk::new(index, fork, &mut tell) };
    let built = loader.builder.finish(&progress, &mut bulk);
    if matches!(built, Err(Error::Cancelled)) {
        storage::check_for_interrupts();
    }
    let built = built?;
    bulk.flush();
    // SAFETY: the caller has the index open.
    opened::forget(unsafe { (*index).rd_id });
    Ok(built)
}

/// Writes an index without rows into the init fork, from which unlogged ones start after a crash.
///
/// # Safety
/// As `ambuildempty`.
pub unsafe extern "C-unwind" fn build_empty<M: Method>(index: pg_sys::Relation) {
    // SAFETY: Postgres calls with an open index.
    unsafe {
        guarded(|| {
            let mut builder = M::builder(index, resources(1)?)?;
            builder.begin()?;
            let loader = Loader {
                method: M::NAME,
                building: M::BUILDING.len(),
                builder,
                rows: 0,
                fitting: u64::MAX,
            };
            write(index, pg_sys::ForkNumber::INIT_FORKNUM, loader).map(drop)
        });
    }
}
