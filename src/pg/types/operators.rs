//! Operators: dimensions of any type; arithmetic and parts of dense vectors.

use pgrx::pg_sys::Datum;

use super::call::{Call, IntoResult};
use super::datum::NewDatum;
use super::detoast::new_varlena;
use super::operand::SqlType;
use crate::pg::error::Failure;
use crate::vector::{Element, Float, Invalid, dense};

/// A new vector that `operation` fills from both operands.
fn combine<E: Float>(
    call: &Call,
    operation: impl FnOnce(&[E], &[E], &mut [E]) -> Result<(), Invalid>,
) -> Result<NewDatum<E>, Failure> {
    let (left, right) = (call.held::<E>(0)?, call.held::<E>(1)?);
    let mut new = NewDatum::zeros(left.len());
    operation(&left, &right, &mut new)?;
    Ok(new)
}

/// The number of dimensions.
pub fn dims<T: SqlType>(call: &Call) -> Result<i32, Failure> {
    Ok(T::dims(T::view(&call.held::<T>(0)?)) as i32)
}

/// The Euclidean norm.
pub fn norm<E: Element>(call: &Call) -> Result<f64, Failure> {
    Ok(dense::norm::<E>(&call.held::<E>(0)?))
}

/// The vector scaled to length 1.
pub fn normalize<E: Float>(call: &Call) -> Result<NewDatum<E>, Failure> {
    let vector = call.held::<E>(0)?;
    let mut new = NewDatum::zeros(vector.len());
    dense::normalize(&vector, &mut new)?;
    Ok(new)
}

/// One bit an element, as `bit(n)`.
pub fn binary_quantize<E: Element>(call: &Call) -> Result<Datum, Failure> {
    let vector = call.held::<E>(0)?;
    let bytes = dense::quantized_bytes(vector.len());
    let head = [vector.len() as i32];
    Ok(new_varlena(&head, bytes, |out| {
        dense::binary_quantize(&vector, out);
    }))
}

/// `subvector(vector, start, count)`.
pub fn subvector<E: Element>(call: &Call) -> Result<NewDatum<E>, Failure> {
    let vector = call.held::<E>(0)?;
    let range = dense::subvector(E::TYPE, vector.len(), call.integer(1), call.integer(2))?;
    Ok(NewDatum::from_slice(&vector[range]))
}

/// `+`, and the step of `sum`: an aggregate's state is changed in place.
pub fn add<E: Float>(call: &Call) -> Result<Datum, Failure> {
    if call.is_aggregate() {
        let (mut sum, addend) = (call.held::<E>(0)?, call.held::<E>(1)?);
        // SAFETY: an aggregate's state belongs to the transition function that is called.
        if let Some(state) = unsafe { sum.as_state() } {
            dense::add_assign(state, &addend)?;
            return Ok(sum.datum());
        }
    }
    combine::<E>(call, dense::add).map(IntoResult::into_result)
}

/// `-`.
pub fn sub<E: Float>(call: &Call) -> Result<NewDatum<E>, Failure> {
    combine(call, dense::sub)
}

/// `*`, element by element.
pub fn mul<E: Float>(call: &Call) -> Result<NewDatum<E>, Failure> {
    combine(call, dense::mul)
}

/// `||`.
pub fn concat<E: Element>(call: &Call) -> Result<NewDatum<E>, Failure> {
    let (left, right) = (call.held::<E>(0)?, call.held::<E>(1)?);
    let mut new = NewDatum::zeros(dense::concat_dims(&left, &right)?);
    let (head, tail) = new.split_at_mut(left.len());
    head.copy_from_slice(&left);
    tail.copy_from_slice(&right);
    Ok(new)
}
