//! Operator classes: which one the column of an index has, and what columns it can be of.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::pg::am::column::column;
use crate::pg::error::Failure;

type Function = unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum;

/// An operator class, identified by its support functions and not by its name: a class that a user has made may
/// use them too.
pub struct ClassEntry<T: ?Sized + 'static> {
    /// The function that measures.
    distance: Function,
    /// Whether there is one that gives lengths: values are then divided by theirs.
    normalised: bool,
    class: &'static T,
}

/// A class that measures by a function.
pub const fn entry<T: ?Sized>(distance: Function, class: &'static T) -> ClassEntry<T> {
    let normalised = false;
    ClassEntry {
        distance,
        normalised,
        class,
    }
}

/// The same, of values that are divided by their lengths.
pub const fn normalised<T: ?Sized>(distance: Function, class: &'static T) -> ClassEntry<T> {
    let normalised = true;
    ClassEntry {
        distance,
        normalised,
        class,
    }
}

/// The number of the support function that measures.
const DISTANCE: u16 = 1;
/// The number of the support function that gives lengths.
const NORM: u16 = 2;

/// The operator class of an index's column, among those that there are.
///
/// # Safety
/// The relation is an open index.
///
/// # Errors
/// Where it measures with a function that is none of theirs.
pub unsafe fn of<T: ?Sized>(
    index: pg_sys::Relation,
    classes: &[ClassEntry<T>],
) -> Result<&'static T, Failure> {
    // SAFETY: the caller vouches for the relation; the function's record lives as long as it.
    let (function, norm) = unsafe {
        let distance = pg_sys::index_getprocinfo(index, 1, DISTANCE);
        let norm = pg_sys::index_getprocid(index, 1, NORM);
        ((*distance).fn_addr, norm != pg_sys::InvalidOid)
    };
    let is = |entry: &&ClassEntry<T>| {
        let same = function.is_some_and(|f| std::ptr::fn_addr_eq(f, entry.distance));
        same && entry.normalised == norm
    };
    let entry = classes.iter().find(is).ok_or(Failure::OperatorClass)?;
    Ok(entry.class)
}

/// Dimensions of a column that an index of the named access method can be made on, which takes `max` at most.
///
/// # Errors
/// Where it cannot.
pub fn dims(index: pg_sys::Oid, max: usize, method: &'static CStr) -> Result<usize, Failure> {
    let (oid, typmod) = column(index);
    if oid == pg_sys::VARBITOID {
        return Err(Failure::VaryingBits(method));
    }
    let dims = usize::try_from(typmod).map_err(|_| Failure::NoDimensions)?;
    if dims > max {
        return Err(Failure::TooManyDimensions(method, max));
    }
    Ok(dims)
}
