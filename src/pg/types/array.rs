//! One-dimensional arrays of numbers in Postgres' memory (`src/include/utils/array.h`):
//! `int32 varlena | int32 ndim | int32 data offset, 0 without NULLs | oid | int32 dim | int32 lower`.

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;

use super::detoast::new_varlena;
use crate::pg::error::Failure;
use crate::vector::{Type, dense};

/// Length, in words, of the header before the elements, without the length word.
const HEADER_WORDS: usize = 5;

/// A detoasted array argument.
pub struct Array(*mut pg_sys::ArrayType);

impl Array {
    /// # Safety
    /// `datum` is an array that is not NULL and outlives this value.
    pub unsafe fn from_datum(datum: Datum) -> Self {
        // SAFETY: an array is a varlena.
        Self(unsafe { pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast() })
    }

    fn element_type(&self) -> pg_sys::Oid {
        // SAFETY: `from_datum` has detoasted the header.
        unsafe { (*self.0).elemtype }
    }

    fn dimensions(&self) -> i32 {
        // SAFETY: as above.
        unsafe { (*self.0).ndim }
    }

    fn has_nulls(&self) -> bool {
        // SAFETY: the function reads the array's header and null bitmap.
        unsafe { pg_sys::array_contains_nulls(self.0) }
    }

    /// The elements as stored; `T` is the C type of the element type, fixed in size. Empty for an
    /// array of no dimensions, and where a null bitmap shifts them.
    fn stored<T: Copy>(&mut self) -> &mut [T] {
        // SAFETY: without a null bitmap the elements follow the one dimension's length and lower
        // bound at a multiple of 8, and their number is the dimension's length.
        unsafe {
            if (*self.0).ndim != 1 || (*self.0).dataoffset != 0 {
                return &mut [];
            }
            let words: *mut i32 = self.0.cast();
            let count = *words.add(HEADER_WORDS - 1) as usize;
            std::slice::from_raw_parts_mut(words.add(HEADER_WORDS + 1).cast(), count)
        }
    }

    /// The elements as float32, whatever number type they have.
    ///
    /// # Errors
    /// [`Failure::Array`], [`Failure::NullInArray`].
    pub fn into_floats(mut self) -> Result<Vec<f32>, Failure> {
        if self.dimensions() > 1 {
            return Err(Failure::Array("array must be 1-D"));
        }
        if self.has_nulls() {
            return Err(Failure::NullInArray);
        }
        // A null bitmap without a NULL shifts the elements. SAFETY: the header is detoasted.
        if unsafe { (*self.0).dataoffset } != 0 {
            return self.deconstructed();
        }
        match self.element_type() {
            pg_sys::FLOAT4OID => Ok(self.stored::<f32>().to_vec()),
            pg_sys::FLOAT8OID => Ok(self
                .stored::<f64>()
                .iter()
                .map(|x| dense::narrow(*x))
                .collect()),
            pg_sys::INT2OID => Ok(self.stored::<i16>().iter().map(|x| f32::from(*x)).collect()),
            pg_sys::INT4OID => Ok(self
                .stored::<i32>()
                .iter()
                .map(|x| dense::from_integer(*x))
                .collect()),
            _ => self.deconstructed(),
        }
    }

    /// As [`Self::into_floats`], datum by datum.
    fn deconstructed(&self) -> Result<Vec<f32>, Failure> {
        let of = self.element_type();
        let (mut len, mut by_value, mut align) = (0_i16, false, 0);
        let (mut elements, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: the out-pointers are ours, and the array matches its own element type.
        let datums = unsafe {
            pg_sys::get_typlenbyvalalign(of, &raw mut len, &raw mut by_value, &raw mut align);
            pg_sys::deconstruct_array(
                self.0,
                of,
                i32::from(len),
                by_value,
                align,
                &raw mut elements,
                std::ptr::null_mut(),
                &raw mut count,
            );
            if count == 0 {
                &[]
            } else {
                std::slice::from_raw_parts(elements, count as usize)
            }
        };
        match of {
            // SAFETY: the array is of numerics.
            pg_sys::NUMERICOID => Ok(unsafe { numerics(datums) }),
            _ => datums.iter().map(|datum| number(*datum, of)).collect(),
        }
    }

    /// The state of a float8 aggregate, `{count, sum, sum ...}`, for change in place.
    ///
    /// # Errors
    /// [`Failure::State`] with the type and what its function does with the state.
    pub fn as_state(&mut self, of: Type, step: &'static str) -> Result<&mut [f64], Failure> {
        let fits = self.element_type() == pg_sys::FLOAT8OID;
        let state = self.stored::<f64>();
        if fits && !state.is_empty() {
            Ok(state)
        } else {
            Err(Failure::State(of, step))
        }
    }

    /// The array itself.
    pub fn datum(&self) -> Datum {
        Datum::from(self.0)
    }
}

mod raw {
    use super::{Datum, pg_sys};

    // The bindings wrap them, each call in a guard of its own.
    unsafe extern "C-unwind" {
        pub fn DirectFunctionCall1Coll(
            function: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> Datum,
            collation: pg_sys::Oid,
            argument: Datum,
        ) -> Datum;
        pub fn numeric_float4(info: pg_sys::FunctionCallInfo) -> Datum;
    }
}

/// As Postgres casts them, all under one guard: it costs a fifth of a cast.
///
/// # Safety
/// The datums are numerics.
unsafe fn numerics(datums: &[Datum]) -> Vec<f32> {
    let mut floats = vec![0.0; datums.len()];
    // SAFETY: `numeric_float4` is strict and the caller vouches for the datums. What it raises passes over
    // nothing that must be dropped.
    unsafe {
        pg_guard_ffi_boundary(|| {
            for (float, datum) in floats.iter_mut().zip(datums) {
                let cast =
                    raw::DirectFunctionCall1Coll(raw::numeric_float4, pg_sys::InvalidOid, *datum);
                *float = f32::from_bits(cast.value() as u32);
            }
        });
    }
    floats
}

fn number(datum: Datum, of: pg_sys::Oid) -> Result<f32, Failure> {
    match of {
        pg_sys::FLOAT4OID => Ok(f32::from_bits(datum.value() as u32)),
        pg_sys::FLOAT8OID => Ok(dense::narrow(f64::from_bits(datum.value() as u64))),
        pg_sys::INT2OID => Ok(f32::from(datum.value() as i16)),
        pg_sys::INT4OID => Ok(dense::from_integer(datum.value() as i32)),
        _ => Err(Failure::Array("unsupported array type")),
    }
}

/// A new one-dimensional array without NULLs whose elements `fill` writes.
fn new_array(of: pg_sys::Oid, count: usize, width: usize, fill: impl FnOnce(&mut [u8])) -> Datum {
    let head = [1, 0, of.to_u32() as i32, count as i32, 1];
    new_varlena(&head, count * width, fill)
}

/// A new `real[]` whose elements `fill` writes.
pub fn new_float4(count: usize, fill: impl FnOnce(&mut [f32])) -> Datum {
    new_array(pg_sys::FLOAT4OID, count, size_of::<f32>(), |out| {
        // SAFETY: the elements follow six words of an allocation that is as aligned as any; all bits
        // are a float32.
        fill(unsafe { out.align_to_mut().1 });
    })
}

/// A new `smallint[]`.
pub fn new_int2(elements: &[i8]) -> Datum {
    new_array(pg_sys::INT2OID, elements.len(), size_of::<i16>(), |out| {
        for (bytes, x) in out.as_chunks_mut().0.iter_mut().zip(elements) {
            *bytes = i16::from(*x).to_ne_bytes();
        }
    })
}

/// A new `integer[]`.
pub fn new_int4(elements: &[i8]) -> Datum {
    new_array(pg_sys::INT4OID, elements.len(), size_of::<i32>(), |out| {
        for (bytes, x) in out.as_chunks_mut().0.iter_mut().zip(elements) {
            *bytes = i32::from(*x).to_ne_bytes();
        }
    })
}

/// A new `double precision[]`: `first`, then the rest.
pub fn new_float8(first: f64, rest: impl ExactSizeIterator<Item = f64>) -> Datum {
    new_array(pg_sys::FLOAT8OID, rest.len() + 1, size_of::<f64>(), |out| {
        for (bytes, element) in out
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(std::iter::once(first).chain(rest))
        {
            *bytes = element.to_ne_bytes();
        }
    })
}
