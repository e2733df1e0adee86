//! Sparse type: `sparsevec`, whose bytes are, in native order, `int32 varlena header | int32 dims | int32 count |
//! int32 0 | int32 index * count | float32 * count`.

use std::cmp::Ordering;

use pgrx::pg_sys::Datum;

use super::array::Array;
use super::call::{Call, IntoResult};
use super::casts;
use super::datum::NewDatum;
use super::detoast::{Detoasted, new_varlena, plain};
use super::operand::{Operand, Span, SqlType};
use crate::pg::error::Failure;
use crate::vector::sparse::{text, wire};
use crate::vector::{
    Element, Invalid, Sparse, SparseVector, Type, check_declared, check_dims, check_same, f16,
};

#[repr(C)]
struct SparseHeader {
    varlena: i32,
    dims: u32,
    count: u32,
    unused: i32,
}

/// Bytes of an index with its value.
const PAIR_BYTES: usize = 8;

/// The type `sparsevec`.
pub struct Sparsevec;

/// The vector at `start`, whose number of elements its size bears out.
///
/// # Safety
/// `start` points at a varlena with a 4-byte header that outlives the result.
#[inline]
unsafe fn checked<'v>(start: *const SparseHeader) -> Result<Sparse<'v>, Failure> {
    // SAFETY: the caller vouches for the header; fields are read only where the value has them.
    unsafe {
        let size = pgrx::varsize_4b(start.cast());
        let (mut dims, mut count) = (0, 0);
        if size >= size_of::<SparseHeader>() {
            (dims, count) = ((*start).dims, (*start).count as usize);
        }
        if dims == 0 || size != size_of::<SparseHeader>() + count * PAIR_BYTES {
            let of = Type::Sparsevec;
            return Err(Failure::Corrupted { of, count, size });
        }
        let indices: *const u32 = start.add(1).cast();
        Ok(Sparse {
            dims,
            indices: std::slice::from_raw_parts(indices, count),
            values: std::slice::from_raw_parts(indices.add(count).cast(), count),
        })
    }
}

fn new(vector: Sparse<'_>) -> Datum {
    let count = vector.values.len();
    let head = [vector.dims as i32, count as i32, 0];
    new_varlena(&head, count * PAIR_BYTES, |out| {
        let indices = vector.indices.iter().copied();
        let values = vector.values.iter().map(|x| x.to_bits());
        let words = out.as_chunks_mut().0.iter_mut();
        for (bytes, word) in words.zip(indices.chain(values)) {
            *bytes = word.to_ne_bytes();
        }
    })
}

impl IntoResult for SparseVector {
    fn into_result(self) -> Datum {
        new(self.as_sparse())
    }
}

/// A `sparsevec` argument; its bytes were checked.
pub struct HeldSparse(Detoasted);

impl Operand for Sparsevec {
    type Held = HeldSparse;
    type View<'v> = Sparse<'v>;

    unsafe fn hold(datum: Datum) -> Result<HeldSparse, Failure> {
        // SAFETY: the caller vouches for the datum.
        let value = unsafe { Detoasted::new(datum) };
        // SAFETY: a detoasted value has a 4-byte header.
        unsafe { checked(value.start()) }?;
        Ok(HeldSparse(value))
    }

    fn view(held: &HeldSparse) -> Sparse<'_> {
        let zero = Sparse {
            dims: 0,
            indices: &[],
            values: &[],
        };
        // SAFETY: as in `hold`, which found the value to be right.
        unsafe { checked(held.0.start()) }.unwrap_or(zero)
    }

    #[inline]
    unsafe fn in_place<'v>(datum: Datum) -> Option<Sparse<'v>> {
        // SAFETY: the caller vouches for the datum; a plain value has a 4-byte header.
        unsafe { checked(plain(datum)?).ok() }
    }

    #[inline]
    fn span(view: Sparse<'_>) -> Span {
        Span {
            start: view.indices.as_ptr().cast(),
            len: view.values.len() * PAIR_BYTES,
        }
    }

    #[inline]
    fn check_same(a: Sparse<'_>, b: Sparse<'_>) -> Result<(), Invalid> {
        check_same(Type::Sparsevec, a.dims as usize, b.dims as usize)
    }
}

impl SqlType for Sparsevec {
    const TYPE: Type = Type::Sparsevec;

    fn input(literal: &[u8], declared: Option<usize>) -> Result<Datum, Invalid> {
        text::parse(literal, declared).map(IntoResult::into_result)
    }

    fn output(view: Sparse<'_>) -> Vec<u8> {
        text::format(view)
    }

    fn receive(bytes: &[u8], declared: Option<usize>) -> Result<(Datum, usize), Invalid> {
        let vector = wire::decode(bytes, declared)?;
        let taken = wire::encoded_len(vector.values.len());
        Ok((vector.into_result(), taken))
    }

    fn send(view: Sparse<'_>) -> Datum {
        let bytes = wire::encoded_len(view.values.len());
        new_varlena(&[], bytes, |out| wire::encode(view, out))
    }

    fn dims(view: Sparse<'_>) -> usize {
        view.dims as usize
    }

    fn compare(a: Sparse<'_>, b: Sparse<'_>) -> Ordering {
        a.compare(b)
    }

    fn keep(held: HeldSparse) -> Datum {
        held.0.keep()
    }
}

/// The dense vector of a sparse one, which the type modifier argument allows.
fn to_dense<E: Element>(call: &Call) -> Result<NewDatum<E>, Failure> {
    let held = call.held::<Sparsevec>(0)?;
    let vector = Sparsevec::view(&held);
    // Before so many are allocated.
    check_dims(E::TYPE, vector.dims as usize)?;
    let mut elements = vec![0.0; vector.dims as usize];
    vector.spread(&mut elements);
    casts::convert(call, &elements)
}

/// The sparse vector of dense elements, which the type modifier argument allows.
fn from_dense(call: &Call, elements: &[f32]) -> Result<SparseVector, Failure> {
    check_dims(Type::Sparsevec, elements.len())?;
    check_declared(call.declared_dims(1), elements.len())?;
    Ok(SparseVector::from_dense(elements)?)
}

sql_symbols! { Sparsevec:
    sparsevec_in = super::io::input;
    sparsevec_out = super::io::output;
    sparsevec_typmod_in = super::io::typmod_in;
    sparsevec_recv = super::io::receive;
    sparsevec_send = super::io::send;
    sparsevec_vector_dims = super::operators::dims;
    sparsevec_lt = super::order::lt;
    sparsevec_le = super::order::le;
    sparsevec_eq = super::order::eq;
    sparsevec_ne = super::order::ne;
    sparsevec_ge = super::order::ge;
    sparsevec_gt = super::order::gt;
    sparsevec_cmp = super::order::cmp;
    sparsevec = super::casts::coerce;
}

sql_functions! {
    /// The Euclidean norm.
    fn sparsevec_l2_norm(call) -> f64 {
        Ok(Sparsevec::view(&call.held::<Sparsevec>(0)?).norm())
    }

    /// The vector scaled to length 1.
    fn sparsevec_l2_normalize(call) -> SparseVector {
        Ok(Sparsevec::view(&call.held::<Sparsevec>(0)?).normalize()?)
    }

    /// `array_to_sparsevec(anynumber[], typmod, explicit)`.
    fn array_to_sparsevec(call) -> SparseVector {
        // SAFETY: the catalogue declares the argument as an array.
        let elements = unsafe { Array::from_datum(call.datum(0)) }.into_floats()?;
        from_dense(call, &elements)
    }

    /// `vector_to_sparsevec(vector, typmod, explicit)`.
    fn vector_to_sparsevec(call) -> SparseVector {
        from_dense(call, &call.held::<f32>(0)?)
    }

    /// `halfvec_to_sparsevec(halfvec, typmod, explicit)`.
    fn halfvec_to_sparsevec(call) -> SparseVector {
        from_dense(call, &f16::widened(&call.held::<f16>(0)?))
    }

    /// `sparsevec_to_vector(sparsevec, typmod, explicit)`.
    fn sparsevec_to_vector(call) -> NewDatum {
        to_dense(call)
    }

    /// `sparsevec_to_halfvec(sparsevec, typmod, explicit)`.
    fn sparsevec_to_halfvec(call) -> NewDatum<f16> {
        to_dense(call)
    }
}
