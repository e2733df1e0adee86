//! Datums as values of a space, and its distances as those of an operator.

use pgrx::pg_sys::Datum;

use crate::hnsw::{Dense, Manhattan, Metric, Plain, Space};
use crate::pg::error::Failure;
use crate::pg::types::{Borrowed, Operand};

/// A space whose values come from a column.
pub trait SqlSpace: Space + 'static {
    /// A datum, borrowed or detoasted.
    type Held;

    /// Holds a datum.
    ///
    /// # Safety
    /// It is of the column's type, not NULL, and outlives what is returned.
    ///
    /// # Errors
    /// Where its bytes make no sense.
    unsafe fn hold(datum: Datum) -> Result<Self::Held, Failure>;

    /// The value in it.
    fn value(held: &Self::Held) -> Self::Value<'_>;

    /// A distance as the operator of the operator class gives it.
    fn shown(&self, distance: f32) -> f64 {
        distance.into()
    }
}

impl SqlSpace for Dense {
    type Held = Borrowed;

    unsafe fn hold(datum: Datum) -> Result<Borrowed, Failure> {
        // SAFETY: the caller vouches for the datum.
        unsafe { <f32 as Operand>::hold(datum) }
    }

    fn value(held: &Borrowed) -> &[f32] {
        held
    }

    fn shown(&self, distance: f32) -> f64 {
        let distance = f64::from(distance);
        match self.metric() {
            Metric::L2 => distance.max(0.0).sqrt(),
            Metric::InnerProduct => distance,
            Metric::Cosine => distance / 2.0,
        }
    }
}

impl SqlSpace for Plain<Manhattan> {
    type Held = Borrowed;

    unsafe fn hold(datum: Datum) -> Result<Borrowed, Failure> {
        // SAFETY: the caller vouches for the datum.
        unsafe { <f32 as Operand>::hold(datum) }
    }

    fn value(held: &Borrowed) -> &[f32] {
        held
    }
}
