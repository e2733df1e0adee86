//! Input and output: the text and binary forms of a type, and its type modifier.

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use super::call::Call;
use super::operand::{Operand, SqlType};
use crate::pg::error::Failure;
use crate::vector::check_modifier;

/// `TYPE_in(cstring, oid, integer)`.
#[expect(clippy::unnecessary_wraps, reason = "one shape for all bodies")]
pub fn input<T: SqlType>(call: &Call) -> Result<Datum, Failure> {
    // SAFETY: the catalogue declares argument 0 of an input function as a C string.
    let literal = unsafe { CStr::from_ptr(call.datum(0).cast_mut_ptr()) }.to_bytes();
    Ok(match T::input(literal, call.declared_dims(2)) {
        Ok(new) => new,
        Err(invalid) => {
            Failure::from(invalid).save(call.context());
            Datum::null()
        }
    })
}

/// `TYPE_out(TYPE)`.
pub fn output<T: SqlType>(call: &Call) -> Result<Datum, Failure> {
    let mut literal = T::output(T::view(&call.held::<T>(0)?));
    literal.push(0);
    // SAFETY: the allocation is as long as what is copied into it.
    unsafe {
        let out: *mut u8 = pg_sys::palloc(literal.len()).cast();
        out.copy_from_nonoverlapping(literal.as_ptr(), literal.len());
        Ok(Datum::from(out))
    }
}

/// `TYPE_typmod_in(cstring[])`.
pub fn typmod_in<T: SqlType>(call: &Call) -> Result<i32, Failure> {
    let mut count = 0;
    // SAFETY: the catalogue declares the argument as an array of C strings; the integers that come
    // back are `count` in number.
    let modifiers = unsafe {
        let array = pg_sys::pg_detoast_datum(call.datum(0).cast_mut_ptr());
        let first = pg_sys::ArrayGetIntegerTypmods(array.cast(), &raw mut count);
        std::slice::from_raw_parts(first, count as usize)
    };
    check_modifier(T::TYPE, modifiers).map_err(Failure::Modifier)
}

/// `TYPE_recv(internal, oid, integer)`.
pub fn receive<T: SqlType>(call: &Call) -> Result<Datum, Failure> {
    let message: pg_sys::StringInfo = call.datum(0).cast_mut_ptr();
    // SAFETY: the server passes a message whose cursor lies inside its data.
    let rest = unsafe {
        let left = ((*message).len - (*message).cursor) as usize;
        std::slice::from_raw_parts((*message).data.add((*message).cursor as usize).cast(), left)
    };
    let (new, taken) = T::receive(rest, call.declared_dims(2))?;
    // SAFETY: as above; these bytes were found in the message.
    unsafe { (*message).cursor += taken as i32 };
    Ok(new)
}

/// `TYPE_send(TYPE)`.
pub fn send<T: SqlType>(call: &Call) -> Result<Datum, Failure> {
    Ok(T::send(<T as Operand>::view(&call.held::<T>(0)?)))
}
