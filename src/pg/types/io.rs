//! Text, binary and type modifier.

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use super::call::{Call, IntoResult};
use super::datum::{New, new_varlena};
use crate::pg::error::Failure;
use crate::vector::{Invalid, check_declared, dense, text, wire};

fn parse(call: &Call) -> Result<New, Invalid> {
    // SAFETY: the catalogue declares argument 0 of an input function as a C string.
    let literal = unsafe { CStr::from_ptr(call.datum(0).cast_mut_ptr()) }.to_bytes();
    let declared = call.declared_dims(2);
    let elements = text::parse(literal, declared.unwrap_or(literal.len() / 8))?;
    check_declared(declared, elements.len())?;
    Ok(New::from_slice(&elements))
}

sql_functions! {
    /// `vector_in(cstring, oid, integer)`.
    fn vector_in(call) -> Datum {
        Ok(match parse(call) {
            Ok(new) => new.into_result(),
            Err(invalid) => {
                Failure::from(invalid).save(call.context());
                Datum::null()
            }
        })
    }

    /// `vector_out(vector)`.
    fn vector_out(call) -> Datum {
        let mut literal = text::format(&call.vector(0)?);
        literal.push(0);
        // SAFETY: the allocation is as long as what is copied into it.
        unsafe {
            let out: *mut u8 = pg_sys::palloc(literal.len()).cast();
            out.copy_from_nonoverlapping(literal.as_ptr(), literal.len());
            Ok(Datum::from(out))
        }
    }

    /// `vector_typmod_in(cstring[])`.
    fn vector_typmod_in(call) -> i32 {
        let mut count = 0;
        // SAFETY: the catalogue declares the argument as an array of C strings; the integers that
        // come back are `count` in number.
        let modifiers = unsafe {
            let array = pg_sys::pg_detoast_datum(call.datum(0).cast_mut_ptr());
            let first = pg_sys::ArrayGetIntegerTypmods(array.cast(), &raw mut count);
            std::slice::from_raw_parts(first, count as usize)
        };
        dense::check_modifier(modifiers).map_err(Failure::Modifier)
    }

    /// `vector_recv(internal, oid, integer)`.
    fn vector_recv(call) -> New {
        let message: pg_sys::StringInfo = call.datum(0).cast_mut_ptr();
        // SAFETY: the server passes a message whose cursor lies inside its data.
        let rest = unsafe {
            let left = ((*message).len - (*message).cursor) as usize;
            std::slice::from_raw_parts((*message).data.add((*message).cursor as usize).cast(), left)
        };
        let elements = wire::decode(rest, call.declared_dims(2))?;
        // SAFETY: as above; `decode` has found these bytes in the message.
        unsafe { (*message).cursor += wire::encoded_len(elements.len()) as i32 };
        Ok(New::from_slice(&elements))
    }

    /// `vector_send(vector)`.
    fn vector_send(call) -> Datum {
        let vector = call.vector(0)?;
        Ok(new_varlena(&[], wire::encoded_len(vector.len()), |out| wire::encode(&vector, out)))
    }
}
