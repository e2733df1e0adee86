//! Datums as values of a space, and its distances as those of an operator.

use std::ops::Deref;

use pgrx::pg_sys::Datum;

use crate::hnsw::{Dense, Error, Form, Manhattan, Metric, Plain, Space};
use crate::pg::error::Failure;
use crate::pg::types::{Borrowed, Operand};
use crate::vector::{Element, Invalid, Type, f16};

/// A space that an operator orders by.
pub trait SqlSpace: Space + 'static {
    /// A distance as the operator of the operator class gives it.
    fn shown(&self, distance: f32) -> f64 {
        distance.into()
    }
}

impl SqlSpace for Dense {
    fn shown(&self, distance: f32) -> f64 {
        let distance = f64::from(distance);
        match self.metric() {
            Metric::L2 => distance.max(0.0).sqrt(),
            Metric::InnerProduct => distance,
            Metric::Cosine => distance / 2.0,
        }
    }
}

impl SqlSpace for Plain<Manhattan> {}

/// A type whose columns hold values of a space.
pub trait Column<V: Space>: 'static {
    /// A datum, made ready.
    type Ready;

    /// Makes a datum ready.
    ///
    /// # Safety
    /// It is of this type, not NULL, and outlives what is returned.
    ///
    /// # Errors
    /// Where its bytes make no sense.
    unsafe fn ready(datum: Datum) -> Result<Self::Ready, Failure>;

    /// The value in it.
    fn value(ready: &Self::Ready) -> V::Value<'_>;

    /// What an operation has failed of, in the words of this type.
    fn failure(error: Error) -> Failure;
}

/// An element whose vectors are indexed as float32.
pub trait Floats: Element {
    /// A vector of them as float32.
    type Wide: Deref<Target = [f32]>;

    /// How an index stores what it does not rotate.
    const FORM: Form;

    /// Widens a vector.
    fn wide(vector: Borrowed<Self>) -> Self::Wide;
}

impl Floats for f32 {
    type Wide = Borrowed;
    const FORM: Form = Form::F32;

    fn wide(vector: Borrowed) -> Borrowed {
        vector
    }
}

impl Floats for f16 {
    type Wide = Vec<f32>;
    const FORM: Form = Form::F16;

    fn wide(vector: Borrowed<Self>) -> Vec<f32> {
        widened(&vector)
    }
}

fn widened<E: Element>(vector: &[E]) -> Vec<f32> {
    let mut wide = vec![0.0; vector.len()];
    E::widen_all(vector, &mut wide);
    wide
}

impl<E: Floats, V: for<'v> Space<Value<'v> = &'v [f32]>> Column<V> for E {
    type Ready = E::Wide;

    unsafe fn ready(datum: Datum) -> Result<E::Wide, Failure> {
        // SAFETY: the caller vouches for the datum.
        Ok(E::wide(unsafe { E::hold(datum) }?))
    }

    fn value(wide: &E::Wide) -> &[f32] {
        wide
    }

    fn failure(error: Error) -> Failure {
        of_type(E::TYPE, error)
    }
}

/// A failure in the words of a type: the query first, as pgvector says it.
fn of_type(of: Type, error: Error) -> Failure {
    #[allow(clippy::wildcard_enum_match_arm, reason = "one is told apart")]
    match error {
        Error::Dimensions { expected, found } => Failure::Value(Invalid::DifferentDims {
            of,
            left: found,
            right: expected,
        }),
        other => Failure::Index(other),
    }
}
