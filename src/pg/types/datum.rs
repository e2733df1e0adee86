//! The bytes of a vector in Postgres' memory:
//! `int32 varlena header | int16 dims | int16 0 | float32 * dims`, aligned to 4, native byte order.

use std::ops::{Deref, DerefMut};

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use super::call::IntoResult;
use crate::pg::error::Failure;

#[repr(C)]
struct Header {
    varlena: i32,
    dims: i16,
    unused: i16,
}

const HEADER: usize = size_of::<Header>();

fn size_of_dims(dims: usize) -> usize {
    HEADER + dims * size_of::<f32>()
}

/// The dimensions of a plain value, which its size bears out.
///
/// # Safety
/// `start` points at a varlena with a 4-byte header.
#[inline]
unsafe fn checked_dims(start: *const Header) -> Result<usize, Failure> {
    // SAFETY: the caller vouches for the header.
    let size = unsafe { pgrx::varsize_4b(start.cast()) };
    let mut dims = 0;
    if size >= HEADER {
        // SAFETY: the value is large enough to have the field.
        dims = usize::from(unsafe { (*start).dims } as u16);
    }
    if size == size_of_dims(dims) && dims > 0 {
        Ok(dims)
    } else {
        Err(Failure::Corrupted { dims, size })
    }
}

/// A vector argument. Points into the caller's tuple where the datum is neither compressed, short
/// nor out of line; else into a copy, which goes when this does.
pub struct Borrowed {
    start: *mut Header,
    dims: usize,
    copied: bool,
}

impl Borrowed {
    /// # Safety
    /// `datum` is a vector that is not NULL and outlives this value.
    ///
    /// # Errors
    /// [`Failure::Corrupted`] where header and size contradict each other.
    #[inline]
    pub unsafe fn from_datum(datum: Datum) -> Result<Self, Failure> {
        let given: *mut pg_sys::varlena = datum.cast_mut_ptr();
        // SAFETY: the caller vouches for the datum; a plain header needs no detoasting.
        let plain = unsafe {
            if pgrx::varatt_is_4b_u(given) {
                given
            } else {
                pg_sys::pg_detoast_datum(given)
            }
        };
        let start: *mut Header = plain.cast();
        // SAFETY: a detoasted value has a 4-byte header.
        let dims = unsafe { checked_dims(start) }?;
        Ok(Self {
            start,
            dims,
            copied: plain != given,
        })
    }

    /// As [`Self::from_datum`], but `None` where the value would need detoasting or is corrupted:
    /// calls no function that could raise an error.
    ///
    /// # Safety
    /// `datum` is a vector that is not NULL and outlives this value.
    #[inline]
    pub unsafe fn in_place<'a>(datum: Datum) -> Option<&'a [f32]> {
        let start: *mut Header = datum.cast_mut_ptr();
        // SAFETY: the caller vouches for the datum; sizes are read only from a plain header.
        unsafe {
            if !pgrx::varatt_is_4b_u(start.cast()) {
                return None;
            }
            let dims = checked_dims(start).ok()?;
            Some(std::slice::from_raw_parts(start.add(1).cast(), dims))
        }
    }

    /// The elements for change in place, where they are not a copy.
    ///
    /// # Safety
    /// Nobody else reads the datum, as with the state of an aggregate.
    pub unsafe fn as_state(&mut self) -> Option<&mut [f32]> {
        if self.copied {
            return None;
        }
        // SAFETY: `from_datum` has checked the size, and the caller vouches for the access.
        Some(unsafe { std::slice::from_raw_parts_mut(self.start.add(1).cast(), self.dims) })
    }

    /// The datum itself.
    pub fn datum(&self) -> Datum {
        Datum::from(self.start)
    }

    /// Gives up a copy, so that the datum can be returned.
    pub fn keep(mut self) -> Datum {
        self.copied = false;
        self.datum()
    }
}

impl Deref for Borrowed {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        // SAFETY: `from_datum` has checked that the elements lie inside the value.
        unsafe { std::slice::from_raw_parts(self.start.add(1).cast(), self.dims) }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // While unwinding, the transaction's end frees the memory.
        if self.copied && !std::thread::panicking() {
            // SAFETY: the copy was allocated by `pg_detoast_datum` and is referred to by us alone.
            unsafe { pg_sys::pfree(self.start.cast()) };
        }
    }
}

/// A new vector in the current memory context, zero until it is filled.
pub struct New {
    start: *mut Header,
    dims: usize,
}

impl New {
    /// Allocates a vector of `dims` elements; `dims` has passed `check_dims`.
    pub fn zeros(dims: usize) -> Self {
        let size = size_of_dims(dims);
        // SAFETY: the allocation has room for the header, and is as aligned as any.
        unsafe {
            let start: *mut Header = pg_sys::palloc0(size).cast();
            pgrx::set_varsize_4b(start.cast(), size as i32);
            (*start).dims = dims as i16;
            Self { start, dims }
        }
    }

    /// A copy of `elements`.
    pub fn from_slice(elements: &[f32]) -> Self {
        let mut new = Self::zeros(elements.len());
        new.copy_from_slice(elements);
        new
    }
}

impl Deref for New {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `zeros` has allocated and cleared the elements.
        unsafe { std::slice::from_raw_parts(self.start.add(1).cast(), self.dims) }
    }
}

impl DerefMut for New {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: `zeros` has allocated and cleared the elements, and we alone refer to them.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(1).cast(), self.dims) }
    }
}

impl IntoResult for New {
    fn into_result(self) -> Datum {
        Datum::from(self.start)
    }
}

/// A new varlena value of any type: `head` words of the type's own header, then `body` bytes, all
/// zero until `fill` is called with the body.
pub fn new_varlena(head: &[i32], body: usize, fill: impl FnOnce(&mut [u8])) -> Datum {
    let words = 1 + head.len();
    let size = words * size_of::<i32>() + body;
    // SAFETY: the allocation has room for length word, head and body.
    unsafe {
        let start: *mut i32 = pg_sys::palloc0(size).cast();
        pgrx::set_varsize_4b(start.cast(), size as i32);
        for (i, word) in head.iter().enumerate() {
            *start.add(1 + i) = *word;
        }
        fill(std::slice::from_raw_parts_mut(
            start.add(words).cast(),
            body,
        ));
        Datum::from(start)
    }
}
