//! Routine: the table of callbacks that Postgres asks an access method's handler for.

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::pg::am::build;
use crate::pg::am::cost;
use crate::pg::am::insert;
use crate::pg::am::method::Method;
use crate::pg::am::scan;
use crate::pg::am::vacuum;
use crate::pg::error::guarded;

/// As `amoptions`.
unsafe extern "C-unwind" fn options<M: Method>(
    options: Datum,
    validate: bool,
) -> *mut pg_sys::bytea {
    // SAFETY: as Postgres calls.
    unsafe { guarded(|| Ok(M::options(options, validate))) }
}

/// As `amvalidate`: operator classes are checked where an index is made or opened.
unsafe extern "C-unwind" fn validate(_class: pg_sys::Oid) -> bool {
    true
}

/// The callbacks of a method. A field that is zero means that the method cannot do it: order by more than one
/// column, go backward, be unique, include columns, return values, give bitmaps.
pub fn routine<M: Method>() -> *mut pg_sys::IndexAmRoutine {
    let size = size_of::<pg_sys::IndexAmRoutine>();
    // SAFETY: zeros are a valid table; it is filled in before anybody else sees it.
    let table: &mut pg_sys::IndexAmRoutine = unsafe { &mut *pg_sys::palloc0(size).cast() };
    table.type_ = pg_sys::NodeTag::T_IndexAmRoutine;
    table.amsupport = M::SUPPORT_FUNCTIONS;
    table.amcanorderbyop = true;
    table.amoptionalkey = true;
    #[cfg(feature = "pg18")]
    {
        table.amcanbuildparallel = true;
    }
    table.amparallelvacuumoptions = pg_sys::VACUUM_OPTION_PARALLEL_BULKDEL as u8;
    table.ambuild = Some(build::build::<M>);
    table.ambuildempty = Some(build::build_empty::<M>);
    table.ambuildphasename = Some(build::phase_name::<M>);
    table.aminsert = Some(insert::insert::<M>);
    table.ambulkdelete = Some(vacuum::bulk_delete::<M>);
    table.amvacuumcleanup = Some(vacuum::vacuum_cleanup::<M>);
    table.amcostestimate = Some(cost::estimate::<M>);
    table.amoptions = Some(options::<M>);
    table.amvalidate = Some(validate);
    table.ambeginscan = Some(scan::begin::<M>);
    table.amrescan = Some(scan::rescan::<M>);
    table.amgettuple = Some(scan::get_tuple::<M>);
    table.amendscan = Some(scan::end::<M>);
    table
}

macro_rules! handlers {
    ($($(#[doc = $doc:literal])* fn $name:ident for $method:ty;)*) => {$(
        function_record!($name);

        $(#[doc = $doc])*
        #[pgrx::pg_guard]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(_info: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
            pgrx::pg_sys::Datum::from($crate::pg::am::routine::routine::<$method>())
        }
    )*};
}

pub(in crate::pg::am) use handlers;
