//! Datum of a dense vector: its bytes in Postgres' memory, `int32 varlena header | int16 dims | int16 0 | element *
//! dims`, aligned to 4, native byte order.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use super::call::IntoResult;
use super::detoast::{Detoasted, new_varlena, plain};
use super::operand::{Operand, Span, SqlType};
use crate::pg::error::Failure;
use crate::vector::{Element, Invalid, Type, check_declared, check_same, dense, text, wire};

#[repr(C)]
struct DenseHeader {
    varlena: i32,
    dims: i16,
    unused: i16,
}

const DENSE_HEADER_BYTES: usize = size_of::<DenseHeader>();

fn size_of_dims<E>(dims: usize) -> usize {
    DENSE_HEADER_BYTES + dims * size_of::<E>()
}

/// The dimensions of a plain value, which its size bears out.
///
/// # Safety
/// `start` points at a varlena with a 4-byte header.
#[inline]
unsafe fn checked_dims<E: Element>(start: *const DenseHeader) -> Result<usize, Failure> {
    // SAFETY: the caller vouches for the header.
    let size = unsafe { pgrx::varsize_4b(start.cast()) };
    let mut dims = 0;
    if size >= DENSE_HEADER_BYTES {
        // SAFETY: the value is large enough to have the field.
        dims = usize::from(unsafe { (*start).dims } as u16);
    }
    if size == size_of_dims::<E>(dims) && dims > 0 {
        Ok(dims)
    } else {
        let (of, count) = (E::TYPE, dims);
        Err(Failure::Corrupted { of, count, size })
    }
}

/// A dense vector argument.
pub struct Borrowed<E = f32> {
    value: Detoasted,
    dims: usize,
    of: PhantomData<E>,
}

impl<E> Borrowed<E> {
    /// The elements for change in place, where they are not a copy.
    ///
    /// # Safety
    /// Nobody else reads the datum, as with the state of an aggregate.
    pub unsafe fn as_state(&mut self) -> Option<&mut [E]> {
        if self.value.is_copy() {
            return None;
        }
        let start = self.value.start::<DenseHeader>();
        // SAFETY: `hold` has checked the size, and the caller vouches for the access.
        Some(unsafe { std::slice::from_raw_parts_mut(start.add(1).cast(), self.dims) })
    }

    /// The datum itself.
    pub fn datum(&self) -> Datum {
        self.value.datum()
    }
}

impl<E> Deref for Borrowed<E> {
    type Target = [E];

    #[inline]
    fn deref(&self) -> &[E] {
        let start = self.value.start::<DenseHeader>();
        // SAFETY: `hold` has checked that the elements lie inside the value.
        unsafe { std::slice::from_raw_parts(start.add(1).cast(), self.dims) }
    }
}

impl<E: Element> Operand for E {
    type Held = Borrowed<E>;
    type View<'v> = &'v [E];

    #[inline]
    unsafe fn hold(datum: Datum) -> Result<Borrowed<E>, Failure> {
        // SAFETY: the caller vouches for the datum.
        let value = unsafe { Detoasted::new(datum) };
        // SAFETY: a detoasted value has a 4-byte header.
        let dims = unsafe { checked_dims::<E>(value.start()) }?;
        let of = PhantomData;
        Ok(Borrowed { value, dims, of })
    }

    #[inline]
    fn view(held: &Borrowed<E>) -> &[E] {
        held
    }

    #[inline]
    unsafe fn in_place<'v>(datum: Datum) -> Option<&'v [E]> {
        // SAFETY: the caller vouches for the datum; sizes are read only from a plain header.
        unsafe {
            let start: *mut DenseHeader = plain(datum)?;
            let dims = checked_dims::<E>(start).ok()?;
            Some(std::slice::from_raw_parts(start.add(1).cast(), dims))
        }
    }

    #[inline]
    fn span(view: &[E]) -> Span {
        Span {
            start: view.as_ptr().cast(),
            len: size_of_val(view),
        }
    }

    #[inline]
    fn check_same(a: &[E], b: &[E]) -> Result<(), Invalid> {
        check_same(E::TYPE, a.len(), b.len())
    }
}

impl<E: Element> SqlType for E {
    const TYPE: Type = E::TYPE;

    fn input(literal: &[u8], declared: Option<usize>) -> Result<Datum, Invalid> {
        let elements = text::parse::<E>(literal, declared.unwrap_or(literal.len() / 8))?;
        check_declared(declared, elements.len())?;
        Ok(NewDatum::from_slice(&elements).into_result())
    }

    fn output(view: &[E]) -> Vec<u8> {
        text::format(view)
    }

    fn receive(bytes: &[u8], declared: Option<usize>) -> Result<(Datum, usize), Invalid> {
        let elements = wire::decode::<E>(bytes, declared)?;
        let taken = wire::encoded_len::<E>(elements.len());
        Ok((NewDatum::from_slice(&elements).into_result(), taken))
    }

    fn send(view: &[E]) -> Datum {
        let bytes = wire::encoded_len::<E>(view.len());
        new_varlena(&[], bytes, |out| wire::encode(view, out))
    }

    fn dims(view: &[E]) -> usize {
        view.len()
    }

    #[inline]
    fn compare(a: &[E], b: &[E]) -> Ordering {
        dense::compare(a, b)
    }

    fn keep(held: Borrowed<E>) -> Datum {
        held.value.keep()
    }
}

/// A new dense vector in the current memory context, zero until it is filled.
pub struct NewDatum<E = f32> {
    start: *mut DenseHeader,
    dims: usize,
    of: PhantomData<E>,
}

impl<E: Element> NewDatum<E> {
    /// Allocates a vector of `dims` elements; `dims` has passed `check_dims`.
    pub fn zeros(dims: usize) -> Self {
        let size = size_of_dims::<E>(dims);
        let of = PhantomData;
        // SAFETY: the allocation has room for the header, and is as aligned as any.
        unsafe {
            let start: *mut DenseHeader = pg_sys::palloc0(size).cast();
            pgrx::set_varsize_4b(start.cast(), size as i32);
            (*start).dims = dims as i16;
            Self { start, dims, of }
        }
    }

    /// A copy of `elements`.
    pub fn from_slice(elements: &[E]) -> Self {
        let mut new = Self::zeros(elements.len());
        new.copy_from_slice(elements);
        new
    }
}

impl<E> Deref for NewDatum<E> {
    type Target = [E];

    fn deref(&self) -> &[E] {
        // SAFETY: `zeros` has allocated and cleared the elements, which any bits are.
        unsafe { std::slice::from_raw_parts(self.start.add(1).cast(), self.dims) }
    }
}

impl<E> DerefMut for NewDatum<E> {
    fn deref_mut(&mut self) -> &mut [E] {
        // SAFETY: `zeros` has allocated and cleared the elements, and we alone refer to them.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(1).cast(), self.dims) }
    }
}

impl<E> IntoResult for NewDatum<E> {
    fn into_result(self) -> Datum {
        Datum::from(self.start)
    }
}
