//! Distances of Postgres' own type `bit`, whose bytes are (`src/include/utils/varbit.h`):
//! `int32 varlena header | int32 bits | byte * bits / 8`, padded with zero bits.

use pgrx::pg_sys::Datum;

use super::detoast::{Detoasted, contents};
use super::operand::Operand;
use crate::pg::error::Failure;
use crate::vector::{Invalid, Type};

#[repr(C)]
struct Header {
    varlena: i32,
    bits: u32,
}

/// The type `bit`.
pub struct Bit;

/// A row of bits where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Bits<'v> {
    /// How many.
    pub count: usize,
    /// Eight a byte.
    pub bytes: &'v [u8],
}

/// The bits at `start`, whose number their size bears out.
///
/// # Safety
/// `start` points at a varlena with a 4-byte header that outlives the result.
#[inline]
unsafe fn checked<'v>(start: *const Header) -> Result<Bits<'v>, Failure> {
    // SAFETY: the caller vouches for the header; fields are read only where the value has them.
    unsafe {
        let size = pgrx::varsize_4b(start.cast());
        let mut count = 0;
        if size >= size_of::<Header>() {
            count = (*start).bits as usize;
        }
        let bytes = count.div_ceil(8);
        if size != size_of::<Header>() + bytes {
            let of = Type::Bit;
            return Err(Failure::Corrupted { of, count, size });
        }
        let bytes = std::slice::from_raw_parts(start.add(1).cast(), bytes);
        Ok(Bits { count, bytes })
    }
}

/// A `bit` argument; its bytes were checked.
pub struct Held(Detoasted);

impl Operand for Bit {
    type Held = Held;
    type View<'v> = Bits<'v>;

    unsafe fn hold(datum: Datum) -> Result<Held, Failure> {
        // SAFETY: the caller vouches for the datum.
        let value = unsafe { Detoasted::new(datum) };
        // SAFETY: a detoasted value has a 4-byte header.
        unsafe { checked(value.start()) }?;
        Ok(Held(value))
    }

    fn view(held: &Held) -> Bits<'_> {
        let none = Bits {
            count: 0,
            bytes: &[],
        };
        // SAFETY: as in `hold`, which found the value to be right.
        unsafe { checked(held.0.start()) }.unwrap_or(none)
    }

    /// Up to a thousand bits have a short header in tables, and their bytes any address.
    #[inline]
    unsafe fn in_place<'v>(datum: Datum) -> Option<Bits<'v>> {
        // SAFETY: the caller vouches for the datum.
        let (count, bytes) = unsafe { contents(datum) }?.split_first_chunk()?;
        let count = usize::try_from(u32::from_ne_bytes(*count)).ok()?;
        (bytes.len() == count.div_ceil(8)).then_some(Bits { count, bytes })
    }

    #[inline]
    fn span(view: Bits<'_>) -> (*const u8, usize) {
        (view.bytes.as_ptr(), view.bytes.len())
    }

    #[inline]
    fn check_same(a: Bits<'_>, b: Bits<'_>) -> Result<(), Invalid> {
        let (left, right) = (a.count, b.count);
        if left == right {
            Ok(())
        } else {
            Err(Invalid::DifferentBits { left, right })
        }
    }
}
