//! Distances of Postgres' own type `bit`, whose bytes are (`src/include/utils/varbit.h`):
//! `int32 varlena header | int32 bits | byte * bits / 8`, padded with zero bits.

use pgrx::pg_sys::Datum;

use super::detoast::{Detoasted, contents};
use super::operand::{Operand, Span};
use crate::pg::error::Failure;
use crate::vector::{Invalid, Type};

/// Bytes of a 4-byte header.
const VARHDRSZ: usize = 4;

/// The type `bit`.
pub struct Bit;

/// A row of bits where it lies.
#[derive(Clone, Copy, Debug)]
pub struct BitString<'v> {
    /// How many.
    pub count: usize,
    /// Eight a byte.
    pub bytes: &'v [u8],
}

/// Reads what follows a header; None where the number of bits and the size do not agree.
#[inline]
fn read(contents: &[u8]) -> Option<BitString<'_>> {
    let (count, bytes) = contents.split_first_chunk()?;
    let count = usize::try_from(u32::from_ne_bytes(*count)).ok()?;
    (bytes.len() == count.div_ceil(8)).then_some(BitString { count, bytes })
}

/// A `bit` argument; its bytes were checked.
pub struct HeldBits(Detoasted);

impl Operand for Bit {
    type Held = HeldBits;
    type View<'v> = BitString<'v>;

    unsafe fn hold(datum: Datum) -> Result<HeldBits, Failure> {
        // SAFETY: the caller vouches for the datum.
        let value = unsafe { Detoasted::new(datum) };
        let found = value.contents();
        if read(found).is_none() {
            let (of, size) = (Type::Bit, VARHDRSZ + found.len());
            let count = found.first_chunk().map_or(0, |c| u32::from_ne_bytes(*c));
            let count = count as usize;
            return Err(Failure::Corrupted { of, count, size });
        }
        Ok(HeldBits(value))
    }

    fn view(held: &HeldBits) -> BitString<'_> {
        // `hold` found the value to be right.
        read(held.0.contents()).unwrap_or(BitString {
            count: 0,
            bytes: &[],
        })
    }

    /// Up to a thousand bits have a short header in tables, and their bytes any address.
    #[inline]
    unsafe fn in_place<'v>(datum: Datum) -> Option<BitString<'v>> {
        // SAFETY: the caller vouches for the datum.
        unsafe { contents(datum) }.and_then(read)
    }

    #[inline]
    fn span(view: BitString<'_>) -> Span {
        Span {
            start: view.bytes.as_ptr(),
            len: view.bytes.len(),
        }
    }

    #[inline]
    fn check_same(a: BitString<'_>, b: BitString<'_>) -> Result<(), Invalid> {
        let (left, right) = (a.count, b.count);
        if left == right {
            Ok(())
        } else {
            Err(Invalid::DifferentBits { left, right })
        }
    }
}
