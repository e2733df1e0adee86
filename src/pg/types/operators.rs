//! Arithmetic and order.

use std::cmp::Ordering;

use pgrx::pg_sys::Datum;

use super::call::{Call, IntoResult};
use super::datum::{New, new_varlena};
use crate::pg::error::Failure;
use crate::vector::{Invalid, dense};

/// A new vector that `operation` fills from both operands.
fn combine(
    call: &Call,
    operation: impl FnOnce(&[f32], &[f32], &mut [f32]) -> Result<(), Invalid>,
) -> Result<New, Failure> {
    let (left, right) = (call.vector(0)?, call.vector(1)?);
    let mut new = New::zeros(left.len());
    operation(&left, &right, &mut new)?;
    Ok(new)
}

fn order(call: &Call) -> Result<Ordering, Failure> {
    Ok(dense::compare(&call.vector(0)?, &call.vector(1)?))
}

sql_functions! {
    /// The number of dimensions.
    fn vector_dims(call) -> i32 {
        Ok(call.vector(0)?.len() as i32)
    }

    /// The Euclidean norm.
    fn vector_norm(call) -> f64 {
        Ok(dense::norm(&call.vector(0)?))
    }

    /// The vector scaled to length 1.
    fn l2_normalize(call) -> New {
        let vector = call.vector(0)?;
        let mut new = New::zeros(vector.len());
        dense::normalize(&vector, &mut new)?;
        Ok(new)
    }

    /// One bit an element, as `bit(n)`.
    fn binary_quantize(call) -> Datum {
        let vector = call.vector(0)?;
        let bytes = dense::quantized_bytes(vector.len());
        Ok(new_varlena(&[vector.len() as i32], bytes, |out| dense::binary_quantize(&vector, out)))
    }

    /// `subvector(vector, start, count)`.
    fn subvector(call) -> New {
        let vector = call.vector(0)?;
        let range = dense::subvector(vector.len(), call.integer(1), call.integer(2))?;
        Ok(New::from_slice(&vector[range]))
    }

    /// `+`, and the step of `sum`: an aggregate's state is changed in place.
    fn vector_add(call) -> Datum {
        if call.is_aggregate() {
            let (mut sum, addend) = (call.vector(0)?, call.vector(1)?);
            // SAFETY: an aggregate's state belongs to the transition function that is called.
            if let Some(state) = unsafe { sum.as_state() } {
                dense::add_assign(state, &addend)?;
                return Ok(sum.datum());
            }
        }
        combine(call, dense::add).map(IntoResult::into_result)
    }

    /// `-`.
    fn vector_sub(call) -> New {
        combine(call, dense::sub)
    }

    /// `*`, element by element.
    fn vector_mul(call) -> New {
        combine(call, dense::mul)
    }

    /// `||`.
    fn vector_concat(call) -> New {
        let (left, right) = (call.vector(0)?, call.vector(1)?);
        let mut new = New::zeros(dense::concat_dims(&left, &right)?);
        let (head, tail) = new.split_at_mut(left.len());
        head.copy_from_slice(&left);
        tail.copy_from_slice(&right);
        Ok(new)
    }

    /// `<`.
    fn vector_lt(call) -> bool {
        Ok(order(call)?.is_lt())
    }

    /// `<=`.
    fn vector_le(call) -> bool {
        Ok(order(call)?.is_le())
    }

    /// `=`.
    fn vector_eq(call) -> bool {
        Ok(order(call)?.is_eq())
    }

    /// `<>`.
    fn vector_ne(call) -> bool {
        Ok(order(call)?.is_ne())
    }

    /// `>=`.
    fn vector_ge(call) -> bool {
        Ok(order(call)?.is_ge())
    }

    /// `>`.
    fn vector_gt(call) -> bool {
        Ok(order(call)?.is_gt())
    }

    /// The btree support function: -1, 0 or 1.
    fn vector_cmp(call) -> i32 {
        Ok(order(call)? as i32)
    }
}
