//! Relations: an index and its table, opened and locked until the transaction ends.

use std::ffi::CStr;
use std::rc::Rc;

use pgrx::pg_sys;

use crate::pg::am::{Opened, Registered, names};
use crate::pg::error::Failure;

/// What is done with an index, and so who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is read: by who may read its table.
    Read,
    /// It is read while writers wait: by who may also have them wait by LOCK TABLE.
    HoldWriters,
    /// It is maintained: by who may VACUUM its table, and by one at a time.
    Maintain,
}

impl Access {
    /// The lock on the table that this takes, where the user may take it.
    fn demand(self, table: pg_sys::Oid) -> Result<i32, Failure> {
        let any = pg_sys::ACL_UPDATE | pg_sys::ACL_DELETE | pg_sys::ACL_TRUNCATE;
        let refused = |needs| Err(Failure::Privileges(name(table), needs));
        match self {
            Self::Read if !has_any(table, pg_sys::ACL_SELECT) => {
                refused("It takes SELECT on the table.")
            }
            Self::HoldWriters if !(has_any(table, pg_sys::ACL_SELECT) && has_any(table, any)) => {
                refused(
                    "It takes SELECT on the table and, because writers wait meanwhile, one of UPDATE, DELETE and \
                     TRUNCATE.",
                )
            }
            Self::Maintain if !may_maintain(table) => {
                refused("It takes to own the table, or MAINTAIN on it.")
            }
            // SAFETY: reads a flag of this process.
            Self::Maintain if unsafe { pg_sys::RecoveryInProgress() } => Err(Failure::InRecovery),
            Self::Maintain => Ok(pg_sys::ShareUpdateExclusiveLock as i32),
            Self::Read => Ok(pg_sys::AccessShareLock as i32),
            Self::HoldWriters => Ok(pg_sys::ShareLock as i32),
        }
    }
}

/// An open index of ours and its table. Closed when it goes; the locks stay to the transaction's end.
pub struct IndexRelation {
    /// The index.
    pub index: pg_sys::Relation,
    /// Its table.
    pub table: pg_sys::Relation,
    /// Its access method.
    pub method: &'static Registered,
}

impl IndexRelation {
    /// Opens an index.
    ///
    /// # Errors
    /// Where it is no index of ours, or only the parent of some, or the user may not.
    pub fn open(oid: pg_sys::Oid, access: Access) -> Result<Self, Failure> {
        let reading = pg_sys::AccessShareLock as i32;
        // SAFETY: any oid may be asked for; what is opened is closed by `drop`.
        unsafe {
            let table = pg_sys::IndexGetRelation(oid, true);
            if table == pg_sys::InvalidOid {
                return Err(Failure::NotAnIndex {
                    name: name(oid),
                    methods: names(),
                });
            }
            let mode = access.demand(table)?;
            // The table first, as whoever drops it does.
            let open = pg_sys::table_open(table, mode);
            let index = pg_sys::index_open(oid, reading);
            // Nothing kept the index before the lock: the number may be another's by now.
            let still = pg_sys::IndexGetRelation(oid, true) == table;
            let Some(method) = Registered::of_index(index).filter(|_| still) else {
                close(index, open);
                return Err(Failure::NotAnIndex {
                    name: name(oid),
                    methods: names(),
                });
            };
            let opened = Self {
                index,
                table: open,
                method,
            };
            if (*(*opened.index).rd_rel).relkind as u8 == pg_sys::RELKIND_PARTITIONED_INDEX {
                return Err(Failure::Partitioned(name(oid)));
            }
            Ok(opened)
        }
    }

    /// Its pages and what they hold.
    ///
    /// # Errors
    /// Where its first pages make no sense.
    pub fn search(&self) -> Result<Rc<Opened>, Failure> {
        // SAFETY: the index is open, and of ours.
        unsafe { self.method.open(self.index) }
    }
}

impl Drop for IndexRelation {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: opened by `open`.
            unsafe { close(self.index, self.table) }
        }
    }
}

unsafe fn close(index: pg_sys::Relation, table: pg_sys::Relation) {
    // SAFETY: the caller has opened both.
    unsafe {
        pg_sys::index_close(index, pg_sys::NoLock as i32);
        pg_sys::table_close(table, pg_sys::NoLock as i32);
    }
}

/// Whether the user may VACUUM a table.
fn may_maintain(table: pg_sys::Oid) -> bool {
    // SAFETY: as `has_any`.
    unsafe {
        let user = pg_sys::GetUserId();
        #[cfg(feature = "pg15")]
        let owns = pg_sys::pg_class_ownercheck(table, user);
        #[cfg(not(feature = "pg15"))]
        let owns = pg_sys::object_ownercheck(pg_sys::RelationRelationId, table, user);
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        let maintains = false;
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        let maintains = has_any(table, pg_sys::ACL_MAINTAIN);
        owns || maintains
    }
}

/// Whether the user has one of these rights on a table.
fn has_any(table: pg_sys::Oid, rights: u32) -> bool {
    #[allow(
        clippy::useless_conversion,
        reason = "32 bits on PostgreSQL 15, then 64"
    )]
    let rights = rights.into();
    // SAFETY: a table that was there; if it is not any more, this raises an error.
    let allowed = unsafe { pg_sys::pg_class_aclcheck(table, pg_sys::GetUserId(), rights) };
    allowed == pg_sys::AclResult::ACLCHECK_OK
}

/// The name of a relation, or its number where it has none.
fn name(oid: pg_sys::Oid) -> String {
    // SAFETY: any oid may be asked for.
    unsafe {
        let name = pg_sys::get_rel_name(oid);
        if name.is_null() {
            return oid.to_u32().to_string();
        }
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}
