//! Extension of a file: pages of zeros at the end of a fork.

use pgrx::pg_sys;

/// Adds a page of zeros to a fork, pinned and locked exclusively.
///
/// # Safety
/// The relation is open, and the caller holds no buffer's lock of a page that comes later.
pub(super) unsafe fn extend(relation: pg_sys::Relation, fork: i32) -> pg_sys::Buffer {
    let mode = pg_sys::ExclusiveLock as i32;
    let new = pg_sys::InvalidBlockNumber; // P_NEW
    // SAFETY: the caller vouches for the relation.
    unsafe {
        pg_sys::LockRelationForExtension(relation, mode);
        let normal = pg_sys::ReadBufferMode::RBM_NORMAL;
        let buffer = pg_sys::ReadBufferExtended(relation, fork, new, normal, std::ptr::null_mut());
        pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_EXCLUSIVE as i32);
        pg_sys::UnlockRelationForExtension(relation, mode);
        buffer
    }
}

/// Adds up to `pages` pages of zeros to a fork, pinned; at least one.
///
/// # Safety
/// The relation is open, nobody else extends this fork, and the caller holds no buffer's lock.
#[cfg(feature = "pg15")]
pub(super) unsafe fn extend_by(
    relation: pg_sys::Relation,
    fork: i32,
    _pages: usize,
) -> Vec<pg_sys::Buffer> {
    // SAFETY: the caller vouches for the relation.
    unsafe {
        let buffer = extend(relation, fork);
        pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_UNLOCK as i32);
        vec![buffer]
    }
}

/// Adds up to `pages` pages of zeros to a fork, pinned; at least one.
///
/// # Safety
/// The relation is open, nobody else extends this fork, and the caller holds no buffer's lock.
#[cfg(not(feature = "pg15"))]
pub(super) unsafe fn extend_by(
    relation: pg_sys::Relation,
    fork: i32,
    pages: usize,
) -> Vec<pg_sys::Buffer> {
    let mut buffers = vec![0; pages];
    let mut extended = 0;
    let place = pg_sys::BufferManagerRelation {
        rel: relation,
        ..Default::default()
    };
    // SAFETY: the caller vouches for the relation; there is room for as many buffers as are asked for.
    unsafe {
        pg_sys::ExtendBufferedRelBy(
            place,
            fork,
            std::ptr::null_mut(),
            pg_sys::ExtendBufferedFlags::EB_SKIP_EXTENSION_LOCK,
            pages as u32,
            buffers.as_mut_ptr(),
            &raw mut extended,
        );
    }
    buffers.truncate(extended as usize);
    buffers
}
