//! Guards: errors of Postgres on their way through our frames, and ours on their way to Postgres.

use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::pg_sys;
use pgrx::pg_sys::panic::pgrx_extern_c_guard;

use super::Failure;

/// An error of Postgres on its way through our frames, with all that it says.
struct Raised(*mut pg_sys::ErrorData);

// SAFETY: it stays in the backend's only thread that calls Postgres.
unsafe impl Send for Raised {}

/// Calls into Postgres. If it raises an error, our own frames are unwound up to [`guarded`], which raises it
/// again unchanged. The guard of `pg_sys` would keep only a part of the error, and only those SQLSTATEs that
/// Postgres itself knows.
///
/// # Safety
/// The body does nothing but call functions of Postgres that have no guard, and all this is
/// within [`guarded`].
pub unsafe fn catch<T>(body: impl FnOnce() -> T) -> T {
    let mut result = MaybeUninit::uninit();
    // SAFETY: what `PG_TRY` saves and sets is saved and set here, and put back on both ways out; the
    // body's frames have nothing to drop, so that they may be jumped over. Source: `elog.h`.
    unsafe {
        let memory = pg_sys::CurrentMemoryContext;
        let (handler, contexts) = (pg_sys::PG_exception_stack, pg_sys::error_context_stack);
        let raised = cee_scape::call_with_sigsetjmp(false, |place| {
            pg_sys::PG_exception_stack = std::ptr::from_ref(place).cast_mut().cast();
            result.write(body());
            0
        });
        pg_sys::PG_exception_stack = handler;
        pg_sys::error_context_stack = contexts;
        if raised == 0 {
            return result.assume_init();
        }
        pg_sys::CurrentMemoryContext = memory;
        let error = Raised(pg_sys::CopyErrorData());
        pg_sys::FlushErrorState();
        resume_unwind(Box::new(error))
    }
}

/// The door of a callback: a panic or a failure becomes an error of Postgres, after the body has let go of all
/// it held. An error that [`catch`] caught is raised again unchanged.
///
/// # Safety
/// Postgres calls, and none of the caller's frames needs to be dropped.
pub unsafe fn guarded<T>(body: impl FnOnce() -> Result<T, Failure>) -> T {
    unsafe extern "C-unwind" {
        // Without a guard, which would make a new error of it.
        fn ReThrowError(error: *mut pg_sys::ErrorData) -> !;
    }
    // SAFETY: the closure is all that is on the caller's frame. An error that was caught is in memory
    // of the query, and is raised once all that the body had on the stack is gone.
    unsafe {
        let outcome = pgrx_extern_c_guard(|| match catch_unwind(AssertUnwindSafe(body)) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(failure)) => failure.raise(),
            Err(payload) => match payload.downcast::<Raised>() {
                Ok(raised) => Err(raised.0),
                Err(payload) => resume_unwind(payload),
            },
        });
        match outcome {
            Ok(result) => result,
            Err(error) => ReThrowError(error),
        }
    }
}
