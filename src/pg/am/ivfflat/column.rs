//! Columns: their datums as values of lists, and the distances of lists as those of an operator.

use pgrx::pg_sys::Datum;

use crate::ivf::{ListIndex, ListValue, LongForm};
use crate::pg::am::dense::{self, Floats};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;
use crate::pg::types::{Bit, Operand};
use crate::quantize::Form;
use crate::values::Metric;
use crate::vector::{Invalid, Type};

/// A type whose columns lists hold.
pub trait ListsColumn: 'static {
    /// A datum, made ready.
    type Ready;

    /// As the messages name it.
    const TYPE: Type;

    /// Makes a datum ready.
    ///
    /// # Safety
    /// It is of this type, not NULL, and outlives what is returned.
    ///
    /// # Errors
    /// Where its bytes make no sense.
    unsafe fn ready(datum: Datum) -> Result<Self::Ready, Failure>;

    /// The value in it.
    fn value(ready: &Self::Ready) -> ListValue<'_>;

    /// Checks that a value has the size of those in an index, where its bytes cannot tell.
    ///
    /// # Errors
    /// Where it has not.
    fn verify(_index: &ListIndex<'_, PgStore>, _value: &Self::Ready) -> Result<(), Failure> {
        Ok(())
    }

    /// The form of the long code that an index has where this one is asked for.
    #[must_use]
    fn form(asked: Option<LongForm>) -> Option<LongForm>;

    /// A distance, in the measure of a metric, as the operator gives it.
    fn shown(metric: Metric, distance: f32) -> f64;

    /// Bytes of a value of so many dimensions in the table.
    fn bytes(dims: usize) -> usize;
}

impl<E: Floats> ListsColumn for E {
    type Ready = E::Wide;
    const TYPE: Type = E::TYPE;

    unsafe fn ready(datum: Datum) -> Result<E::Wide, Failure> {
        // SAFETY: the caller vouches for the datum.
        Ok(E::wide(unsafe { E::hold(datum) }?))
    }

    fn value(wide: &E::Wide) -> ListValue<'_> {
        ListValue::Dense(wide)
    }

    /// Whole numbers of eight bits are stored as they are.
    fn form(asked: Option<LongForm>) -> Option<LongForm> {
        match asked {
            Some(LongForm::Stored(Form::Int8)) => E::form(Some(Form::Int8)).map(LongForm::Stored),
            other => other,
        }
    }

    fn shown(metric: Metric, distance: f32) -> f64 {
        dense::shown(metric, distance)
    }

    fn bytes(dims: usize) -> usize {
        dims * size_of::<E>()
    }
}

impl ListsColumn for Bit {
    type Ready = <Self as Operand>::Held;
    const TYPE: Type = Type::Bit;

    unsafe fn ready(datum: Datum) -> Result<Self::Ready, Failure> {
        // SAFETY: the caller vouches for the datum.
        unsafe { Self::hold(datum) }
    }

    fn value(held: &Self::Ready) -> ListValue<'_> {
        ListValue::Bits(Self::view(held).bytes)
    }

    /// Bytes do not tell how many of the last one's bits count.
    fn verify(index: &ListIndex<'_, PgStore>, value: &Self::Ready) -> Result<(), Failure> {
        let (left, right) = (index.dims(), Self::view(value).count);
        if left == right {
            Ok(())
        } else {
            Err(Failure::Value(Invalid::DifferentBits { left, right }))
        }
    }

    fn form(asked: Option<LongForm>) -> Option<LongForm> {
        asked.map(|_| LongForm::Bits)
    }

    /// The squared distance of zeros and ones is the number of those that differ.
    fn shown(_metric: Metric, distance: f32) -> f64 {
        f64::from(distance)
    }

    fn bytes(dims: usize) -> usize {
        dims.div_ceil(8)
    }
}
