//! Conflicts on a standby: what reads pages there that the primary is about to use again must end.
//!
//! The primary knows the snapshots of its own, and not those of a standby (but for `hot_standby_feedback`). Generic WAL
//! has no way to tell a standby which snapshots a change conflicts with. A record of nbtree that does nothing else has:
//! its replay ends the queries whose snapshots are not younger than a transaction, with SQLSTATE 40001, after
//! `max_standby_streaming_delay`. It names the relation in messages only, and looks at no page.
//!
//! Sources: `_bt_log_reuse_page` in `nbtpage.c`, `btree_xlog_reuse_page` in `nbtxlog.c`, `xl_btree_reuse_page` in
//! `nbtxlog.h`.

use std::mem::offset_of;

use pgrx::pg_sys;

use super::bulk::needs_wal;
use super::calls::Locator;

/// `XLOG_BTREE_REUSE_PAGE`.
const REUSE_PAGE: u8 = 0xD0;

/// `xl_btree_reuse_page`.
#[repr(C)]
struct ReusePage {
    locator: Locator,
    block: u32,
    /// Snapshots that are not younger than this transaction conflict.
    horizon: u64,
    /// From PostgreSQL 16 on.
    is_catalogue: bool,
}

#[cfg(feature = "pg15")]
const RECORD_BYTES: usize = offset_of!(ReusePage, is_catalogue);
#[cfg(not(feature = "pg15"))]
const RECORD_BYTES: usize = offset_of!(ReusePage, is_catalogue) + 1;

/// Has standbys end the queries that may read pages of a relation which were given up before a transaction.
///
/// # Safety
/// The relation is open, and no page is locked.
pub unsafe fn end_standby_scans(relation: pg_sys::Relation, horizon: u64) {
    let record = ReusePage {
        // SAFETY: the caller has it open.
        locator: unsafe { Locator::of(relation) },
        block: 0,
        horizon,
        is_catalogue: false,
    };
    let start = (&raw const record).cast_mut().cast();
    // SAFETY: as above; the record lives until it is inserted, and is as long as the version's.
    unsafe {
        if !needs_wal(relation) || pg_sys::wal_level < pg_sys::WalLevel::WAL_LEVEL_REPLICA as i32 {
            return;
        }
        pg_sys::XLogBeginInsert();
        pg_sys::XLogRegisterData(start, RECORD_BYTES as _);
        pg_sys::XLogInsert(pg_sys::RmgrIds::RM_BTREE_ID as u8, REUSE_PAGE);
    }
}
