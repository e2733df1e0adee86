//! Column of an index: its type and its dimensions, as the catalogue has them. They say whether an index can be made
//! on it, and what a scan of the index costs.

use pgrx::pg_sys;

/// The type of an index's column, and its modifier: dimensions, or -1. Of a domain those of its base type.
pub fn column(index: pg_sys::Oid) -> (pg_sys::Oid, i32) {
    let (mut oid, mut typmod, mut collation) = (pg_sys::InvalidOid, -1, pg_sys::InvalidOid);
    // SAFETY: places for the answers; an index has a first column.
    unsafe {
        pg_sys::get_atttypetypmodcoll(index, 1, &raw mut oid, &raw mut typmod, &raw mut collation);
        oid = pg_sys::getBaseTypeAndTypmod(oid, &raw mut typmod);
    }
    (oid, typmod)
}

/// The type modifier of an index's column: dimensions, or -1.
pub fn typmod(index: pg_sys::Oid) -> i32 {
    let (_, typmod) = column(index);
    typmod
}
