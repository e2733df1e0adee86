//! Distances: the functions that a search calls once a row.
//!
//! A sequential scan is bound by memory, not by arithmetic: the kernel waits for the row. So while
//! one row is summed, the next is fetched ([`Stride`]), and rows that lie plain in their page take a
//! short way without the guard against errors, of which there can be none.

use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use super::call::{Call, IntoResult};
use super::datum::Borrowed;
use crate::distance::{Kernels, prefetch_at};
use crate::pg::error::Failure;
use crate::pg::guc;
use crate::vector::check_same;

/// Bytes of a cache line.
const LINE: usize = 64;

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

impl Stride {
    const fn new() -> Self {
        Self {
            last: AtomicUsize::new(0),
            first: AtomicUsize::new(0),
            step: AtomicIsize::new(0),
        }
    }

    /// Notes where this row's `elements` lie and fetches as many bytes one step on.
    #[inline]
    fn advance(&self, elements: &[f32]) {
        // A backend has one thread: these are plain loads and stores.
        let now = elements.as_ptr() as usize;
        let moved = now.wrapping_sub(self.last.load(Ordering::Relaxed)) as isize;
        if moved == 0 {
            return;
        }
        self.last.store(now, Ordering::Relaxed);
        let page = pg_sys::BLCKSZ as usize;
        if size_of_val(elements) > page {
            return;
        }
        if moved.unsigned_abs() <= page {
            self.step.store(moved, Ordering::Relaxed);
        } else {
            // The first row of another page: the next page is as far away, if pages lie in order.
            let jump = now.wrapping_sub(self.first.load(Ordering::Relaxed)) as isize;
            self.first.store(now, Ordering::Relaxed);
            if jump.unsigned_abs() <= 8 * page {
                fetch(now.wrapping_add_signed(jump), size_of_val(elements));
            }
        }
        let step = self.step.load(Ordering::Relaxed);
        if step != 0 {
            fetch(now.wrapping_add_signed(step), size_of_val(elements));
        }
    }
}

/// Asks for `len` bytes at `address`, valid or not, and the line before them, where the row's header
/// lies.
#[inline]
fn fetch(address: usize, len: usize) {
    let start = std::ptr::without_provenance(address.wrapping_sub(LINE));
    prefetch_at(start, len + 2 * LINE);
}

/// The distance of two plain arguments of equal length; `None` sends the call the long way.
///
/// # Safety
/// `info` is the call of a strict function of two vectors.
#[inline]
unsafe fn measure_in_place(
    info: pg_sys::FunctionCallInfo,
    measure: impl FnOnce(&Kernels, &[f32], &[f32]) -> f64,
) -> Option<Datum> {
    // SAFETY: the caller vouches for number and type of the arguments.
    let (left, right) = unsafe {
        let arguments = (*info).args.as_slice(2);
        (
            Borrowed::in_place(arguments[0].value)?,
            Borrowed::in_place(arguments[1].value)?,
        )
    };
    LEFT.advance(left);
    RIGHT.advance(right);
    (left.len() == right.len()).then(|| measure(guc::kernels(), left, right).into_result())
}

/// The distance of any two arguments.
fn measure_any(
    call: &Call,
    measure: impl FnOnce(&Kernels, &[f32], &[f32]) -> f64,
) -> Result<f64, Failure> {
    let (left, right) = (call.vector(0)?, call.vector(1)?);
    check_same(&left, &right)?;
    Ok(measure(guc::kernels(), &left, &right))
}

macro_rules! distances {
    ($($(#[doc = $doc:literal])* $name:ident = $measure:expr;)*) => {$(
        function_record!($name);

        $(#[doc = $doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(info: pg_sys::FunctionCallInfo) -> Datum {
            #[pgrx::pg_guard]
            unsafe extern "C-unwind" fn guarded(info: pg_sys::FunctionCallInfo) -> Datum {
                // SAFETY: only the function manager calls this.
                match measure_any(&unsafe { Call::new(info) }, $measure) {
                    Ok(distance) => distance.into_result(),
                    Err(failure) => failure.raise(),
                }
            }
            // SAFETY: the catalogue declares the function as strict, of two vectors.
            unsafe { measure_in_place(info, $measure).unwrap_or_else(|| guarded(info)) }
        }
    )*};
}

distances! {
    /// `<->`: Euclidean distance.
    l2_distance = Kernels::l2;
    /// The order of `<->` without the square root.
    vector_l2_squared_distance = |kernels, a, b| f64::from((kernels.l2_squared)(a, b));
    /// The inner product.
    inner_product = |kernels, a, b| f64::from((kernels.inner_product)(a, b));
    /// `<#>`: the inner product negated, so that smaller is nearer.
    vector_negative_inner_product = |kernels, a, b| -f64::from((kernels.inner_product)(a, b));
    /// `<=>`: cosine distance.
    cosine_distance = Kernels::cosine;
    /// The angle between unit vectors, as a share of a half turn.
    vector_spherical_distance = Kernels::spherical;
    /// `<+>`: taxicab distance.
    l1_distance = |kernels, a, b| f64::from((kernels.l1)(a, b));
}
