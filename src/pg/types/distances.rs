//! Distances: the functions that a search calls once a row.
//!
//! A sequential scan is bound by memory, not by arithmetic: the kernel waits for the row. So while
//! one row is summed, the next is fetched ([`Stride`]), and rows that lie plain in their page take a
//! short way without the guard against errors, of which there can be none.

use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use super::bits::Bit;
use super::call::{Call, IntoResult};
use super::operand::{Operand, Span};
use super::sparse::Sparsevec;
use crate::distance::{bits, prefetch_at, sparse};
use crate::pg::error::Failure;
use crate::pg::guc::kernels;
use crate::vector::f16;

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// Where an argument lay at the last calls. Rows of a page lie at even steps, so that the next one
/// can be fetched before the executor asks for it. A wrong guess costs a few loads and no more:
/// fetching never faults.
struct Stride {
    last: AtomicUsize,
    first: AtomicUsize,
    step: AtomicIsize,
}

static LEFT: Stride = Stride::new();
static RIGHT: Stride = Stride::new();

/// Whether somebody else brings rows closer.
static KNOWN: AtomicBool = AtomicBool::new(false);

/// While this lives, no guess is made about where the next row lies, for the caller knows and prefetches it. If
/// a measurement is nested in another one, the end of the inner one puts back the outer one's switch.
pub struct NoGuess {
    known_before: bool,
}

impl NoGuess {
    /// Begins.
    pub fn new() -> Self {
        Self {
            known_before: KNOWN.swap(true, Ordering::Relaxed),
        }
    }
}

impl Drop for NoGuess {
    fn drop(&mut self) {
        KNOWN.store(self.known_before, Ordering::Relaxed);
    }
}

impl Stride {
    const fn new() -> Self {
        Self {
            last: AtomicUsize::new(0),
            first: AtomicUsize::new(0),
            step: AtomicIsize::new(0),
        }
    }

    /// Notes where this row's `len` bytes lie and fetches as many one step on.
    #[inline]
    fn advance(&self, Span { start, len }: Span) {
        // A backend has one thread: these are plain loads and stores.
        let now = start as usize;
        let moved = now.wrapping_sub(self.last.load(Ordering::Relaxed)) as isize;
        if moved == 0 || KNOWN.load(Ordering::Relaxed) {
            return;
        }
        self.last.store(now, Ordering::Relaxed);
        let page = pg_sys::BLCKSZ as usize;
        if len > page {
            return;
        }
        if moved.unsigned_abs() <= page {
            self.step.store(moved, Ordering::Relaxed);
        } else {
            // The first row of another page: the next page is as far away, if pages lie in order.
            let jump = now.wrapping_sub(self.first.load(Ordering::Relaxed)) as isize;
            self.first.store(now, Ordering::Relaxed);
            if jump.unsigned_abs() <= 8 * page {
                fetch(now.wrapping_add_signed(jump), len);
            }
        }
        let step = self.step.load(Ordering::Relaxed);
        if step != 0 {
            fetch(now.wrapping_add_signed(step), len);
        }
    }
}

/// Asks for `len` bytes at `address`, valid or not, and the line before them, where the row's header
/// lies.
#[inline]
fn fetch(address: usize, len: usize) {
    let start = std::ptr::without_provenance(address.wrapping_sub(LINE_BYTES));
    prefetch_at(start, len + 2 * LINE_BYTES);
}

/// The distance of two plain arguments of equal size; `None` sends the call the long way.
///
/// # Safety
/// `info` is the call of a strict function of two values of this type.
#[inline]
unsafe fn measure_in_place<T: Operand>(
    info: pg_sys::FunctionCallInfo,
    measure: impl FnOnce(T::View<'_>, T::View<'_>) -> f64,
) -> Option<Datum> {
    // SAFETY: the caller vouches for number and type of the arguments.
    let (left, right) = unsafe {
        let arguments = (*info).args.as_slice(2);
        (
            T::in_place(arguments[0].value)?,
            T::in_place(arguments[1].value)?,
        )
    };
    LEFT.advance(T::span(left));
    RIGHT.advance(T::span(right));
    let same = T::check_same(left, right).is_ok();
    same.then(|| measure(left, right).into_result())
}

/// The distance of any two arguments.
fn measure_any<T: Operand>(
    call: &Call,
    measure: impl FnOnce(T::View<'_>, T::View<'_>) -> f64,
) -> Result<f64, Failure> {
    let (left, right) = (call.held::<T>(0)?, call.held::<T>(1)?);
    let (left, right) = (T::view(&left), T::view(&right));
    T::check_same(left, right)?;
    Ok(measure(left, right))
}

macro_rules! distances {
    ($type:ty: $($(#[doc = $doc:literal])* $name:ident = $measure:expr;)*) => {$(
        function_record!($name);

        $(#[doc = $doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(info: pg_sys::FunctionCallInfo) -> Datum {
            #[pgrx::pg_guard]
            unsafe extern "C-unwind" fn guarded(info: pg_sys::FunctionCallInfo) -> Datum {
                // SAFETY: only the function manager calls this.
                match measure_any::<$type>(&unsafe { Call::new(info) }, $measure) {
                    Ok(distance) => distance.into_result(),
                    Err(failure) => failure.raise(),
                }
            }
            // SAFETY: the catalogue declares the function as strict, of two values of the type.
            unsafe {
                measure_in_place::<$type>(info, $measure).unwrap_or_else(|| guarded(info))
            }
        }
    )*};
}

distances! { f32:
    /// `<->`: Euclidean distance.
    l2_distance = |a, b| kernels().l2(a, b);
    /// The order of `<->` without the square root.
    vector_l2_squared_distance = |a, b| (kernels().l2_squared)(a, b).into();
    /// The inner product.
    inner_product = |a, b| (kernels().inner_product)(a, b).into();
    /// `<#>`: the inner product negated, so that smaller is nearer.
    vector_negative_inner_product = |a, b| -f64::from((kernels().inner_product)(a, b));
    /// `<=>`: cosine distance.
    cosine_distance = |a, b| kernels().cosine(a, b);
    /// The angle between unit vectors, as a share of a half turn.
    vector_spherical_distance = |a, b| kernels().spherical(a, b);
    /// `<+>`: taxicab distance.
    l1_distance = |a, b| (kernels().l1)(a, b).into();
}

distances! { f16:
    /// `<->`: Euclidean distance.
    halfvec_l2_distance = |a, b| kernels().l2(a, b);
    /// The order of `<->` without the square root.
    halfvec_l2_squared_distance = |a, b| (kernels().l2_squared)(a, b).into();
    /// The inner product.
    halfvec_inner_product = |a, b| (kernels().inner_product)(a, b).into();
    /// `<#>`: the inner product negated, so that smaller is nearer.
    halfvec_negative_inner_product = |a, b| -f64::from((kernels().inner_product)(a, b));
    /// `<=>`: cosine distance.
    halfvec_cosine_distance = |a, b| kernels().cosine(a, b);
    /// The angle between unit vectors, as a share of a half turn.
    halfvec_spherical_distance = |a, b| kernels().spherical(a, b);
    /// `<+>`: taxicab distance.
    halfvec_l1_distance = |a, b| (kernels().l1)(a, b).into();
}

distances! { i8:
    /// `<->`: Euclidean distance.
    int8vec_l2_distance = |a, b| kernels().l2(a, b);
    /// The order of `<->` without the square root.
    int8vec_l2_squared_distance = |a, b| (kernels().l2_squared)(a, b).into();
    /// The inner product.
    int8vec_inner_product = |a, b| (kernels().inner_product)(a, b).into();
    /// `<#>`: the inner product negated, so that smaller is nearer.
    int8vec_negative_inner_product = |a, b| f64::from(-(kernels().inner_product)(a, b));
    /// `<=>`: cosine distance.
    int8vec_cosine_distance = |a, b| kernels().cosine(a, b);
    /// `<+>`: taxicab distance.
    int8vec_l1_distance = |a, b| (kernels().l1)(a, b).into();
}

distances! { Sparsevec:
    /// `<->`: Euclidean distance.
    sparsevec_l2_distance = |a, b| f64::from(sparse::l2_squared(a, b)).sqrt();
    /// The order of `<->` without the square root.
    sparsevec_l2_squared_distance = |a, b| sparse::l2_squared(a, b).into();
    /// The inner product.
    sparsevec_inner_product = |a, b| sparse::inner_product(a, b).into();
    /// `<#>`: the inner product negated, so that smaller is nearer.
    sparsevec_negative_inner_product = |a, b| -f64::from(sparse::inner_product(a, b));
    /// `<=>`: cosine distance.
    sparsevec_cosine_distance = sparse::cosine;
    /// `<+>`: taxicab distance.
    sparsevec_l1_distance = |a, b| sparse::l1(a, b).into();
}

distances! { Bit:
    /// `<~>`: Hamming distance.
    hamming_distance = |a, b| bits::hamming(a.bytes, b.bytes);
    /// `<%>`: Jaccard distance.
    jaccard_distance = |a, b| bits::jaccard(a.bytes, b.bytes);
}
