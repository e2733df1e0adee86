//! An index and its table, opened and locked until the transaction ends.

use std::ffi::CStr;
use std::rc::Rc;

use pgrx::pg_sys;

use crate::pg::am::{self, Opened};
use crate::pg::error::Failure;

/// What is done with an index, and so who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is read: by who may read its table.
    Read,
    /// It is read while writers wait: by who may also have them wait by LOCK TABLE.
    HoldWriters,
}

/// An open index of ours and its table. Closed when it goes; the locks stay to the transaction's end.
pub struct IndexRelation {
    /// The index.
    pub index: pg_sys::Relation,
    /// Its table.
    pub table: pg_sys::Relation,
}

impl IndexRelation {
    /// Opens an index.
    ///
    /// # Errors
    /// Where it is no index of ours. Raises where the user may not.
    pub fn open(oid: pg_sys::Oid, access: Access) -> Result<Self, Failure> {
        let reading = pg_sys::AccessShareLock as i32;
        // SAFETY: any oid may be asked for; what is opened is closed by `drop`.
        unsafe {
            let table = pg_sys::IndexGetRelation(oid, true);
            let is_index = pg_sys::get_rel_relkind(oid) as u8 == pg_sys::RELKIND_INDEX;
            if table == pg_sys::InvalidOid || !is_index {
                return Err(Failure::NotAnIndex(name(oid)));
            }
            demand(table, pg_sys::ACL_SELECT);
            let mode = match access {
                Access::Read => reading,
                Access::HoldWriters => {
                    let any = pg_sys::ACL_UPDATE | pg_sys::ACL_DELETE | pg_sys::ACL_TRUNCATE;
                    demand(table, any);
                    pg_sys::ShareLock as i32
                }
            };
            // The table first, as whoever drops it does.
            let opened = Self {
                table: pg_sys::table_open(table, mode),
                index: pg_sys::index_open(oid, reading),
            };
            if !am::is_ours(opened.index) {
                return Err(Failure::NotAnIndex(name(oid)));
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
        unsafe { am::open_any(self.index) }
    }
}

impl Drop for IndexRelation {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: opened by `open`.
            unsafe {
                pg_sys::index_close(self.index, pg_sys::NoLock as i32);
                pg_sys::table_close(self.table, pg_sys::NoLock as i32);
            }
        }
    }
}

/// Raises an error where the user has none of these rights on a table.
unsafe fn demand(table: pg_sys::Oid, rights: u32) {
    // SAFETY: a table that was there; if it is not any more, this raises an error too.
    unsafe {
        #[allow(
            clippy::useless_conversion,
            reason = "32 bits on PostgreSQL 15, then 64"
        )]
        let allowed = pg_sys::pg_class_aclcheck(table, pg_sys::GetUserId(), rights.into());
        if allowed != pg_sys::AclResult::ACLCHECK_OK {
            let kind = pg_sys::get_relkind_objtype(pg_sys::RELKIND_RELATION as _);
            pg_sys::aclcheck_error(allowed, kind, pg_sys::get_rel_name(table));
        }
    }
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
