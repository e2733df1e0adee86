//! Detoasting: values of variable length, wherever they are stored.

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

/// A value with a 4-byte header. It lies in the caller's tuple where the datum is neither compressed,
/// short nor out of line; else it is a copy, which goes when this does.
pub struct Detoasted {
    start: *mut pg_sys::varlena,
    copied: bool,
}

impl Detoasted {
    /// # Safety
    /// `datum` is of a type of variable length, not NULL, and outlives this value.
    #[inline]
    pub unsafe fn new(datum: Datum) -> Self {
        let given: *mut pg_sys::varlena = datum.cast_mut_ptr();
        // SAFETY: the caller vouches for the datum; a plain header needs no detoasting.
        let start = unsafe {
            if pgrx::varatt_is_4b_u(given) {
                given
            } else {
                pg_sys::pg_detoast_datum(given)
            }
        };
        Self {
            start,
            copied: start != given,
        }
    }

    /// Where its header is.
    #[inline]
    pub fn start<T>(&self) -> *mut T {
        self.start.cast()
    }

    /// What follows its header.
    pub fn contents(&self) -> &[u8] {
        // SAFETY: the value lives as long as this does.
        unsafe { contents(self.datum()) }.unwrap_or_default()
    }

    /// Whether it is a copy.
    pub fn is_copy(&self) -> bool {
        self.copied
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

impl Drop for Detoasted {
    fn drop(&mut self) {
        // While unwinding, the transaction's end frees the memory.
        if self.copied && !std::thread::panicking() {
            // SAFETY: the copy was allocated by `pg_detoast_datum` and is referred to by us alone.
            unsafe { pg_sys::pfree(self.start.cast()) };
        }
    }
}

/// The start of a value that needs no detoasting; `None` of any other.
///
/// # Safety
/// `datum` is of a type of variable length and not NULL.
#[inline]
pub unsafe fn plain<T>(datum: Datum) -> Option<*mut T> {
    let start: *mut T = datum.cast_mut_ptr();
    // SAFETY: the caller vouches for the datum.
    unsafe { pgrx::varatt_is_4b_u(start.cast()) }.then_some(start)
}

/// What follows the header of a value that lies in its tuple as it is, with a header of four bytes or, as
/// small values have it, of one: at any address then. `None` of any other value.
///
/// # Safety
/// `datum` is of a type of variable length, not NULL, and outlives the result.
#[inline]
pub unsafe fn contents<'v>(datum: Datum) -> Option<&'v [u8]> {
    let start: *mut pg_sys::varlena = datum.cast_mut_ptr();
    // SAFETY: the caller vouches for the datum; its header says how many bytes follow.
    unsafe {
        let short = pgrx::varatt_is_1b(start) && !pgrx::varatt_is_1b_e(start);
        (short || pgrx::varatt_is_4b_u(start)).then(|| {
            let len = pgrx::varsize_any_exhdr(start);
            std::slice::from_raw_parts(pgrx::vardata_any(start).cast(), len)
        })
    }
}

/// A new value of any type of variable length: `head` words of the type's own header, then `body`
/// bytes, all zero until `fill` is called with the body.
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
