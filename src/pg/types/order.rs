//! Order: the comparison operators and what btree calls.

use std::cmp::Ordering;

use super::call::Call;
use super::operand::SqlType;
use crate::pg::error::Failure;

fn order<T: SqlType>(call: &Call) -> Result<Ordering, Failure> {
    let (left, right) = (call.held::<T>(0)?, call.held::<T>(1)?);
    Ok(T::compare(T::view(&left), T::view(&right)))
}

/// `<`.
pub fn lt<T: SqlType>(call: &Call) -> Result<bool, Failure> {
    Ok(order::<T>(call)?.is_lt())
}

/// `<=`.
pub fn le<T: SqlType>(call: &Call) -> Result<bool, Failure> {
    Ok(order::<T>(call)?.is_le())
}

/// `=`.
pub fn eq<T: SqlType>(call: &Call) -> Result<bool, Failure> {
    Ok(order::<T>(call)?.is_eq())
}

/// `<>`.
pub fn ne<T: SqlType>(call: &Call) -> Result<bool, Failure> {
    Ok(order::<T>(call)?.is_ne())
}

/// `>=`.
pub fn ge<T: SqlType>(call: &Call) -> Result<bool, Failure> {
    Ok(order::<T>(call)?.is_ge())
}

/// `>`.
pub fn gt<T: SqlType>(call: &Call) -> Result<bool, Failure> {
    Ok(order::<T>(call)?.is_gt())
}

/// The btree support function: -1, 0 or 1.
pub fn cmp<T: SqlType>(call: &Call) -> Result<i32, Failure> {
    Ok(order::<T>(call)? as i32)
}
