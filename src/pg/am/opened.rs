//! Indexes that this backend has open: parameters, centre and rotation are read and made once.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use pgrx::pg_sys;

use super::method::{Method, Search};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;

/// Indexes that are kept; beyond, those that no scan uses go.
const KEPT: usize = 64;

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

struct Entry {
    token: u64,
    opened: Rc<Opened>,
}

thread_local! {
    static OPENED: RefCell<HashMap<pg_sys::Oid, Entry>> = RefCell::default();
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
        if all.len() >= KEPT {
            all.retain(|_, entry| Rc::strong_count(&entry.opened) > 1);
        }
        let opened = Rc::clone(&opened);
        all.insert(oid, Entry { token, opened });
    });
    Ok(opened)
}

/// Forgets an index whose pages are about to be written anew.
pub fn forget(oid: pg_sys::Oid) {
    OPENED.with_borrow_mut(|all| all.remove(&oid));
}
