//! Which space an operator class means.

use pgrx::pg_sys;

use crate::hnsw::Metric;
use crate::pg::error::Failure;
use crate::pg::types::distances;

/// Values and a metric that a graph knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Dense vectors.
    Dense(Metric),
    /// Dense vectors under L1.
    Manhattan,
}

/// The support function that measures.
const DISTANCE: u16 = 1;
/// The support function that gives lengths; where there is one, values are divided by theirs.
const NORM: u16 = 2;

impl Kind {
    /// The kind of an index's column. The functions of its operator class tell, not their names: an
    /// operator class of a user's own may use them too.
    ///
    /// # Safety
    /// The relation is an open index.
    ///
    /// # Errors
    /// Where the operator class measures with a function that is none of ours.
    pub unsafe fn of(index: pg_sys::Relation) -> Result<Self, Failure> {
        type Function = unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum;
        // SAFETY: the caller vouches for the relation; the function's record lives as long as it.
        let (function, normalised) = unsafe {
            let distance = pg_sys::index_getprocinfo(index, 1, DISTANCE);
            let norm = pg_sys::index_getprocid(index, 1, NORM);
            ((*distance).fn_addr, norm != pg_sys::InvalidOid)
        };
        let is = |ours: Function| function.is_some_and(|f| std::ptr::fn_addr_eq(f, ours));
        let inner = is(distances::vector_negative_inner_product);
        match () {
            () if is(distances::vector_l2_squared_distance) => Ok(Self::Dense(Metric::L2)),
            () if inner && normalised => Ok(Self::Dense(Metric::Cosine)),
            () if inner => Ok(Self::Dense(Metric::InnerProduct)),
            () if is(distances::l1_distance) => Ok(Self::Manhattan),
            () => Err(Failure::OperatorClass),
        }
    }
}

/// The type modifier of an index's column: dimensions, or -1.
pub fn typmod(index: pg_sys::Oid) -> i32 {
    let (mut oid, mut typmod, mut collation) = (pg_sys::InvalidOid, -1, pg_sys::InvalidOid);
    // SAFETY: places for the answers; an index has a first column.
    unsafe {
        pg_sys::get_atttypetypmodcoll(index, 1, &raw mut oid, &raw mut typmod, &raw mut collation);
    }
    typmod
}

/// Dimensions of an index's column.
///
/// # Errors
/// Where none are declared.
pub fn dims(index: pg_sys::Oid) -> Result<usize, Failure> {
    usize::try_from(typmod(index)).map_err(|_| Failure::NoDimensions)
}
