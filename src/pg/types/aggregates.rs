//! `avg`: its state is `double precision[]`, `{count, sum of element 1, sum of element 2, ...}`.
//! (`sum` is `vector_add`.)

use pgrx::pg_sys::Datum;

use super::array::{Array, new_float8};
use super::call::{Call, IntoResult};
use super::datum::New;
use crate::vector::{Invalid, check_declared, check_dims, check_element, dense};

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

sql_functions! {
    /// The step of `avg(vector)`; changes the state in place where an aggregate calls.
    fn vector_accum(call) -> Datum {
        let mut array = array(call, 0);
        let state = array.as_state("vector_accum")?;
        let vector = call.vector(1)?;
        if state.len() == 1 {
            return Ok(new_float8(state[0] + 1.0, vector.iter().map(|x| f64::from(*x))));
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

    /// Joins the states of two workers.
    fn vector_combine(call) -> Datum {
        let (mut left, mut right) = (array(call, 0), array(call, 1));
        let a = left.as_state("vector_combine")?;
        let b = right.as_state("vector_combine")?;
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

    /// The mean, or NULL of no rows.
    fn vector_avg(call) -> Datum {
        let mut array = array(call, 0);
        let state = array.as_state("vector_avg")?;
        let (count, sums) = (state[0], &state[1..]);
        if count == 0.0 {
            return Ok(call.null());
        }
        check_dims(sums.len())?;
        let mut new = New::zeros(sums.len());
        for (element, sum) in new.iter_mut().zip(sums) {
            *element = dense::narrow(sum / count);
            check_element(*element)?;
        }
        Ok(new.into_result())
    }
}

/// Adds one row to a state of the same dimensions.
fn step(state: &mut [f64], vector: &[f32]) -> Result<(), Invalid> {
    state[0] += 1.0;
    for (sum, element) in state[1..].iter_mut().zip(vector) {
        *sum = plus(*sum, f64::from(*element))?;
    }
    Ok(())
}
