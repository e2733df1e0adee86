//! Owner: code of a table's owner is run with the owner's rights alone.

use std::ffi::CStr;

use pgrx::pg_sys;

/// While this lives, the current user is the owner of a table, in a security-restricted operation. Index
/// expressions and predicates are code of the owner; they must gain nothing from the user who has them run, and
/// `search_path` holds nothing that this user could have prepared. REINDEX and ANALYZE do the same:
/// `reindex_index` in `index.c` of Postgres, and `RestrictSearchPath` from PostgreSQL 17 on.
///
/// On an error the end of the transaction or subtransaction puts everything back.
pub struct AsOwner {
    user: pg_sys::Oid,
    context: i32,
    settings: i32,
}

impl AsOwner {
    /// Becomes the owner of a table.
    ///
    /// # Safety
    /// The relation is an open table.
    pub unsafe fn of(table: pg_sys::Relation) -> Self {
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        // SAFETY: the caller vouches for the table; the rest is state of this backend.
        let owner = unsafe {
            pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut context);
            let restricted = context | pg_sys::SECURITY_RESTRICTED_OPERATION as i32;
            pg_sys::SetUserIdAndSecContext((*(*table).rd_rel).relowner, restricted);
            Self {
                user,
                context,
                settings: pg_sys::NewGUCNestLevel(),
            }
        };
        owner.set(c"search_path", c"pg_catalog, pg_temp");
        owner
    }

    /// Changes a setting until this goes.
    #[allow(clippy::unused_self, reason = "it puts back what is changed")]
    pub fn set(&self, name: &CStr, value: &CStr) {
        let source = pg_sys::GucSource::PGC_S_SESSION;
        // SAFETY: C strings; the level of settings that the value belongs to is open.
        unsafe {
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                source,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
    }
}

impl Drop for AsOwner {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: what `of` has found and opened.
            unsafe {
                pg_sys::AtEOXact_GUC(false, self.settings);
                pg_sys::SetUserIdAndSecContext(self.user, self.context);
            }
        }
    }
}
