//! `avg`: its state is `double precision[]`, `{count, sum of element 1, sum of element 2, ...}`.
//! `sum` is the function behind `+`, and of int8 another end of the same state.

use pgrx::pg_sys::Datum;

use super::array::{Array, new_float8};
use super::call::{Call, IntoResult};
use super::datum::NewDatum;
use crate::pg::error::Failure;
use crate::vector::{Element, Invalid, Type, check_declared, check_dims, dense};

/// An array argument.
fn array(call: &Call, index: usize) -> Array {
    // SAFETY: the catalogue declares the argument as an array.
    unsafe { Array::from_datum(call.datum(index)) }
}

/// `sum + addend`, which must not exceed float64.
fn plus(sum: f64, addend: f64) -> Result<f64, Invalid> {
    let sum = sum + addend;
    if sum.is_infinite() {
        Err(Invalid::Overflow)
    } else {
        Ok(sum)
    }
}

/// Adds one row to a state of the same dimensions.
fn step<E: Element>(state: &mut [f64], vector: &[E]) -> Result<(), Invalid> {
    state[0] += 1.0;
    for (sum, element) in state[1..].iter_mut().zip(vector) {
        *sum = plus(*sum, f64::from(element.widen()))?;
    }
    Ok(())
}

/// The step of `avg`; changes the state in place where an aggregate calls.
pub fn accumulate<E: Element>(call: &Call) -> Result<Datum, Failure> {
    let mut array = array(call, 0);
    let state = array.as_state(E::TYPE, "accum")?;
    let vector = call.held::<E>(1)?;
    if state.len() == 1 {
        let elements = vector.iter().map(|x| f64::from(x.widen()));
        return Ok(new_float8(state[0] + 1.0, elements));
    }
    check_declared(Some(state.len() - 1), vector.len())?;
    if !call.is_aggregate() {
        let mut copy = state.to_vec();
        step(&mut copy, &vector)?;
        return Ok(new_float8(copy[0], copy[1..].iter().copied()));
    }
    step(state, &vector)?;
    Ok(array.datum())
}

/// The mean, or NULL of no rows.
pub fn mean<E: Element>(call: &Call) -> Result<Datum, Failure> {
    let mut array = array(call, 0);
    let state = array.as_state(E::TYPE, "avg")?;
    let (count, sums) = (state[0], &state[1..]);
    if count == 0.0 {
        return Ok(call.null());
    }
    let means = sums.iter().map(|sum| sum / count);
    Ok(vector_of::<E>(means)?.into_result())
}

/// The sum as a vector of float32, or NULL of no rows.
pub fn total<E: Element>(call: &Call) -> Result<Datum, Failure> {
    let mut array = array(call, 0);
    let state = array.as_state(E::TYPE, "sum")?;
    let (count, sums) = (state[0], &state[1..]);
    if count == 0.0 {
        return Ok(call.null());
    }
    Ok(vector_of::<f32>(sums.iter().copied())?.into_result())
}

/// These numbers as elements.
fn vector_of<E: Element>(
    numbers: impl ExactSizeIterator<Item = f64>,
) -> Result<NewDatum<E>, Failure> {
    check_dims(E::TYPE, numbers.len())?;
    let numbers: Vec<f32> = numbers.map(dense::narrow).collect();
    let mut new = NewDatum::zeros(numbers.len());
    dense::narrow_all(&numbers, &mut new)?;
    Ok(new)
}

/// Checks that a state, which may be of no rows and so of no dimensions, has not more than a vector.
fn check_most(dims: usize) -> Result<(), Invalid> {
    if dims > Type::Vector.max_dims() {
        Err(Invalid::TooManyDims(Type::Vector))
    } else {
        Ok(())
    }
}

sql_functions! {
    /// Joins the states of two workers, of whatever type.
    fn vector_combine(call) -> Datum {
        let (mut left, mut right) = (array(call, 0), array(call, 1));
        let a = left.as_state(Type::Vector, "combine")?;
        let b = right.as_state(Type::Vector, "combine")?;
        check_most(a.len() - 1)?;
        check_most(b.len() - 1)?;
        let sums = if a[0] == 0.0 {
            b[1..].to_vec()
        } else if b[0] == 0.0 {
            a[1..].to_vec()
        } else {
            check_declared(Some(a.len() - 1), b.len() - 1)?;
            a[1..].iter().zip(&b[1..]).map(|(a, b)| plus(*a, *b)).collect::<Result<_, _>>()?
        };
        Ok(new_float8(a[0] + b[0], sums.into_iter()))
    }
}
