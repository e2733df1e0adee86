//! Casts: length coercion, dense vectors of other elements, and arrays both ways.

use pgrx::pg_sys::Datum;

use super::array::{Array, new_float4};
use super::call::Call;
use super::datum::NewDatum;
use super::operand::SqlType;
use crate::pg::error::Failure;
use crate::vector::{Element, check_declared, check_dims, dense};

/// `TYPE(TYPE, typmod, explicit)`: checks the dimensions.
pub fn coerce<T: SqlType>(call: &Call) -> Result<Datum, Failure> {
    let held = call.held::<T>(0)?;
    check_declared(call.declared_dims(1), T::dims(T::view(&held)))?;
    Ok(T::keep(held))
}

/// A new vector of these elements, which the type modifier argument allows.
pub fn convert<E: Element>(call: &Call, elements: &[f32]) -> Result<NewDatum<E>, Failure> {
    check_dims(E::TYPE, elements.len())?;
    check_declared(call.declared_dims(1), elements.len())?;
    let mut new = NewDatum::zeros(elements.len());
    dense::narrow_all(elements, &mut new)?;
    Ok(new)
}

/// `array_to_TYPE(anynumber[], typmod, explicit)`.
pub fn from_array<E: Element>(call: &Call) -> Result<NewDatum<E>, Failure> {
    // SAFETY: the catalogue declares the argument as an array.
    let elements = unsafe { Array::from_datum(call.datum(0)) }.into_floats()?;
    convert(call, &elements)
}

/// `TYPE_to_float4(TYPE, typmod, explicit)`.
pub fn to_float4<E: Element>(call: &Call) -> Result<Datum, Failure> {
    let vector = call.held::<E>(0)?;
    Ok(new_float4(vector.len(), |out| E::widen_all(&vector, out)))
}

/// `halfvec_to_vector(halfvec, typmod, explicit)` and its like.
pub fn to_vector<E: Element>(call: &Call) -> Result<NewDatum, Failure> {
    let vector = call.held::<E>(0)?;
    check_declared(call.declared_dims(1), vector.len())?;
    let mut new = NewDatum::zeros(vector.len());
    E::widen_all(&vector, &mut new);
    Ok(new)
}

/// `halfvec_to_int8vec(halfvec, typmod, explicit)` and its like.
pub fn between<A: Element, B: Element>(call: &Call) -> Result<NewDatum<B>, Failure> {
    convert(call, &A::widened(&call.held::<A>(0)?))
}

/// `vector_to_halfvec(vector, typmod, explicit)` and its like.
pub fn from_vector<E: Element>(call: &Call) -> Result<NewDatum<E>, Failure> {
    convert(call, &call.held::<f32>(0)?)
}
