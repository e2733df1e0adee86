//! Open indexes of this backend: parameters, centre and rotation are read and made once.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::index::{Continue, Tid};
use crate::pg::am::method::{Cost, FoundRow, Killed, Method, RankedRows, Search, Stream};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;
use crate::search::{Bounded, Within};

/// Indexes that are kept; beyond, those that no scan uses go.
const KEPT_INDEXES: usize = 64;

/// An open index. Used while its relation is.
pub struct Opened {
    /// Refers to the store: dropped first.
    index: Box<dyn Search>,
    store: Box<PgStore>,
}

impl Opened {
    /// The index.
    pub fn index(&self) -> &dyn Search {
        &*self.index
    }

    /// Its pages.
    pub fn store(&self) -> &PgStore {
        &self.store
    }
}

/// A stream that keeps the index that it reads.
struct KeptStream {
    /// Refers to the index: dropped first.
    stream: Box<dyn Stream>,
    _opened: Rc<Opened>,
}

impl KeptStream {
    fn boxed<'s>(stream: Box<dyn Stream + 's>, opened: &'s Rc<Opened>) -> Box<dyn Stream> {
        // SAFETY: it refers to what the `Rc` has, which does not move, and is kept here until the stream is gone.
        let stream =
            unsafe { std::mem::transmute::<Box<dyn Stream + 's>, Box<dyn Stream>>(stream) };
        Box::new(Self {
            stream,
            _opened: Rc::clone(opened),
        })
    }
}

impl Stream for KeptStream {
    fn is_ready(&self) -> bool {
        self.stream.is_ready()
    }

    fn floor(&self) -> f64 {
        self.stream.floor()
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure> {
        self.stream.next()
    }

    fn limit(&mut self, within: Within) {
        self.stream.limit(within);
    }

    fn expect_rows(&mut self, rows: f64) {
        self.stream.expect_rows(rows);
    }

    fn go_on(&self) -> Continue {
        self.stream.go_on()
    }

    fn finds_late(&self) -> bool {
        self.stream.finds_late()
    }

    fn has_order(&self) -> bool {
        self.stream.has_order()
    }

    fn cost(&self) -> Cost {
        self.stream.cost()
    }
}

impl Opened {
    /// As [`Search::scan`]; the stream keeps the index.
    ///
    /// # Safety
    /// As there, and the relation stays open as long as rows are asked for.
    ///
    /// # Errors
    /// As there.
    pub unsafe fn scan(
        self: &Rc<Self>,
        query: Option<Datum>,
        killed: Killed,
    ) -> Result<Box<dyn Stream>, Failure> {
        // SAFETY: as the caller says.
        let stream = unsafe { self.index.scan(query, killed) }?;
        Ok(KeptStream::boxed(stream, self))
    }

    /// As [`Ranks::rank`](crate::pg::am::method::Ranks::rank); the stream keeps the index.
    ///
    /// # Safety
    /// As there, and the relation stays open as long as rows are asked for.
    ///
    /// # Errors
    /// As there.
    pub unsafe fn rank(
        self: &Rc<Self>,
        query: Datum,
        tids: &[Tid],
    ) -> Result<Option<RankedRows<'static>>, Failure> {
        let Some(ranks) = self.index.ranks() else {
            return Ok(None);
        };
        // SAFETY: as the caller says.
        let ranked = unsafe { ranks.rank(query, tids) }?;
        Ok(ranked.map(|ranked| RankedRows {
            stream: ranked.stream.map(|stream| KeptStream::boxed(stream, self)),
            unknown: ranked.unknown,
        }))
    }
}

struct OpenedEntry {
    token: u64,
    opened: Rc<Opened>,
}

thread_local! {
    static OPENED: RefCell<HashMap<pg_sys::Oid, OpenedEntry>> = RefCell::default();
    static TOKENS: Cell<u64> = const { Cell::new(0) };
}

/// Opens an index, or gives it again.
///
/// What is kept is valid as long as the relation cache keeps a token of ours beside its entry
/// (`rd_amcache`): Postgres drops that whenever anything about the index may have changed.
///
/// # Safety
/// The relation is an open index of this method, as long as the result is used.
///
/// # Errors
/// Where its first pages make no sense.
pub unsafe fn open<M: Method>(index: pg_sys::Relation) -> Result<Rc<Opened>, Failure> {
    // SAFETY: the caller vouches for the relation; what is cached is ours.
    let (oid, cached) = unsafe { ((*index).rd_id, (*index).rd_amcache.cast::<u64>()) };
    if !cached.is_null() {
        // SAFETY: not null, so it is the token that was put there below.
        let token = unsafe { *cached };
        let kept = OPENED.with_borrow(|opened| {
            let entry = opened.get(&oid).filter(|entry| entry.token == token)?;
            (entry.opened.store.relation() == index).then(|| Rc::clone(&entry.opened))
        });
        if let Some(kept) = kept {
            return Ok(kept);
        }
    }
    // SAFETY: the caller keeps the relation open.
    let store = Box::new(unsafe { PgStore::new(index) });
    // SAFETY: the store does not move, and is dropped after the index that refers to it.
    let lasting: &'static PgStore = unsafe { &*std::ptr::from_ref(&*store) };
    // SAFETY: as the caller says.
    let searched = unsafe { M::open(lasting) }?;
    let opened = Rc::new(Opened {
        index: searched,
        store,
    });
    let token = TOKENS.replace(TOKENS.get() + 1) + 1;
    // SAFETY: the relation is open; its own context outlives the pointer, which Postgres frees.
    unsafe {
        let place = if cached.is_null() {
            pg_sys::MemoryContextAlloc((*index).rd_indexcxt, size_of::<u64>()).cast()
        } else {
            cached
        };
        *place = token;
        (*index).rd_amcache = place.cast();
    }
    OPENED.with_borrow_mut(|all| {
        if all.len() >= KEPT_INDEXES {
            all.retain(|_, entry| Rc::strong_count(&entry.opened) > 1);
        }
        let opened = Rc::clone(&opened);
        all.insert(oid, OpenedEntry { token, opened });
    });
    Ok(opened)
}

/// Forgets an index whose pages are about to be written anew.
pub fn forget(oid: pg_sys::Oid) {
    OPENED.with_borrow_mut(|all| all.remove(&oid));
}
