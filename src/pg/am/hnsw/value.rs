//! Values: datums as values of a space, and the space's distances as those of an operator.

use pgrx::pg_sys::Datum;

use crate::hnsw::{
    Bits, Dense, Manhattan, Measure as _, Plain, Space, SparseMetric, SparseVectors, ValueOf,
    Values,
};
use crate::index::Error;
use crate::pg::am::dense::{Floats, shown};
use crate::pg::am::shown::query_first;
use crate::pg::error::Failure;
use crate::pg::types::{Bit, Operand, Sparsevec};
use crate::vector::{Invalid, Sparse, Type};

/// A space that an operator orders by.
pub trait SqlSpace: Space + 'static {
    /// A distance as the operator of the operator class gives it.
    fn shown(&self, distance: f32) -> f64 {
        distance.into()
    }
}

impl SqlSpace for Dense {
    fn shown(&self, distance: f32) -> f64 {
        shown(self.metric(), distance)
    }
}

impl SqlSpace for Plain<Manhattan> {}

impl SqlSpace for Plain<Bits> {}

impl SqlSpace for Plain<SparseVectors> {
    fn shown(&self, distance: f32) -> f64 {
        let distance = f64::from(distance);
        match self.measure().metric() {
            SparseMetric::L2 => distance.max(0.0).sqrt(),
            SparseMetric::InnerProduct | SparseMetric::Cosine | SparseMetric::L1 => distance,
        }
    }
}

/// A type whose columns hold values of a space.
pub trait Column<V: Space>: 'static {
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
    fn value(ready: &Self::Ready) -> ValueOf<'_, V>;

    /// Checks that a query has the size of the values in an index, where the space cannot tell.
    ///
    /// # Errors
    /// Where it has not.
    fn verify(_space: &V, _query: &Self::Ready) -> Result<(), Failure> {
        Ok(())
    }

    /// What an operation has failed of, in the words of this type: the query first, as pgvector says
    /// it.
    fn failure(error: Error) -> Failure {
        query_first(Self::TYPE, error)
    }
}

impl<E: Floats, V: Space<Values: for<'v> Values<Value<'v> = &'v [f32]>>> Column<V> for E {
    type Ready = E::Wide;
    const TYPE: Type = E::TYPE;

    unsafe fn ready(datum: Datum) -> Result<E::Wide, Failure> {
        // SAFETY: the caller vouches for the datum.
        Ok(E::wide(unsafe { E::hold(datum) }?))
    }

    fn value(wide: &E::Wide) -> &[f32] {
        wide
    }
}

impl Column<Plain<SparseVectors>> for Sparsevec {
    type Ready = <Self as Operand>::Held;
    const TYPE: Type = Type::Sparsevec;

    unsafe fn ready(datum: Datum) -> Result<Self::Ready, Failure> {
        // SAFETY: the caller vouches for the datum.
        unsafe { Self::hold(datum) }
    }

    fn value(held: &Self::Ready) -> Sparse<'_> {
        Self::view(held)
    }
}

impl Column<Plain<Bits>> for Bit {
    type Ready = <Self as Operand>::Held;
    const TYPE: Type = Type::Bit;

    unsafe fn ready(datum: Datum) -> Result<Self::Ready, Failure> {
        // SAFETY: the caller vouches for the datum.
        unsafe { Self::hold(datum) }
    }

    fn value(held: &Self::Ready) -> &[u8] {
        Self::view(held).bytes
    }

    /// Bytes do not tell how many of the last one's bits count.
    fn verify(space: &Plain<Bits>, query: &Self::Ready) -> Result<(), Failure> {
        let (left, right) = (Self::view(query).count, space.measure().dims() as usize);
        if left == right {
            Ok(())
        } else {
            Err(Failure::Value(Invalid::DifferentBits { left, right }))
        }
    }
}
