//! Casts: length coercion, and arrays both ways.

use pgrx::pg_sys::Datum;

use super::array::{Array, new_float4};
use super::datum::New;
use crate::vector::{check_declared, check_dims, check_elements};

sql_functions! {
    /// `vector(vector, typmod, explicit)`: checks the dimensions.
    fn vector(call) -> Datum {
        let vector = call.vector(0)?;
        check_declared(call.declared_dims(1), vector.len())?;
        Ok(vector.keep())
    }

    /// `array_to_vector(anynumber[], typmod, explicit)`.
    fn array_to_vector(call) -> New {
        // SAFETY: the catalogue declares the argument as an array.
        let elements = unsafe { Array::from_datum(call.datum(0)) }.into_floats()?;
        check_dims(elements.len())?;
        check_declared(call.declared_dims(1), elements.len())?;
        check_elements(&elements)?;
        Ok(New::from_slice(&elements))
    }

    /// `vector_to_float4(vector, typmod, explicit)`.
    fn vector_to_float4(call) -> Datum {
        Ok(new_float4(&call.vector(0)?))
    }
}
