//! Calls: the door between the function manager and a function of ours.

use pgrx::FromDatum;
use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use super::operand::Operand;
use crate::pg::error::Failure;

/// One call of an SQL function. Our functions are STRICT, so arguments are never NULL.
pub struct Call(pg_sys::FunctionCallInfo);

impl Call {
    /// # Safety
    /// `info` is what the function manager passed, valid for the whole call.
    pub unsafe fn new(info: pg_sys::FunctionCallInfo) -> Self {
        Self(info)
    }

    /// The argument at `index`, from 0.
    pub fn datum(&self, index: usize) -> Datum {
        // SAFETY: the catalogue declares as many arguments as our functions ask for.
        unsafe { (*self.0).args.as_slice((*self.0).nargs as usize)[index].value }
    }

    /// The call itself.
    pub fn info(&self) -> pg_sys::FunctionCallInfo {
        self.0
    }

    /// An argument of type `regclass`.
    pub fn relation(&self, index: usize) -> pg_sys::Oid {
        pg_sys::Oid::from(self.datum(index).value() as u32)
    }

    /// An `integer` argument.
    pub fn integer(&self, index: usize) -> i32 {
        self.datum(index).value() as i32
    }

    /// An argument of type `text`.
    pub fn text(&self, index: usize) -> String {
        // SAFETY: the catalogue declares this argument as text, and it is not NULL.
        unsafe { String::from_datum(self.datum(index), false) }.unwrap_or_default()
    }

    /// A declared number of dimensions from a type modifier argument; -1 declares none.
    pub fn declared_dims(&self, index: usize) -> Option<usize> {
        usize::try_from(self.integer(index)).ok()
    }

    /// An argument of a type, detoasted only where it must be.
    pub fn held<T: Operand>(&self, index: usize) -> Result<T::Held, Failure> {
        // SAFETY: the catalogue declares this argument as of this type.
        unsafe { T::hold(self.datum(index)) }
    }

    /// Whether an aggregate calls, whose state (argument 0) may then be changed in place.
    pub fn is_aggregate(&self) -> bool {
        // SAFETY: `AggCheckCallContext` reads the call and takes a null pointer for "not wanted".
        unsafe { pg_sys::AggCheckCallContext(self.0, std::ptr::null_mut()) != 0 }
    }

    /// The node that says who calls and how.
    pub fn context(&self) -> *mut pg_sys::Node {
        // SAFETY: `new` vouches for the pointer.
        unsafe { (*self.0).context }
    }

    /// Marks the result as NULL.
    pub fn null(&self) -> Datum {
        // SAFETY: `new` vouches for the pointer, and nobody else holds it.
        unsafe { (*self.0).isnull = true };
        Datum::null()
    }
}

/// A value that a function can return.
pub trait IntoResult {
    /// The datum; by-reference ones lie in the current memory context.
    fn into_result(self) -> Datum;
}

impl IntoResult for Datum {
    fn into_result(self) -> Datum {
        self
    }
}

impl IntoResult for f64 {
    fn into_result(self) -> Datum {
        Datum::from(self.to_bits())
    }
}

impl IntoResult for i32 {
    fn into_result(self) -> Datum {
        Datum::from(self)
    }
}

impl IntoResult for i64 {
    fn into_result(self) -> Datum {
        Datum::from(self)
    }
}

impl IntoResult for bool {
    fn into_result(self) -> Datum {
        Datum::from(self)
    }
}

/// The version-1 record that the function manager looks for beside the symbol `$name`.
macro_rules! function_record {
    ($name:ident) => {
        const _: () = {
            #[unsafe(export_name = concat!("pg_finfo_", stringify!($name)))]
            extern "C" fn record() -> &'static pgrx::pg_sys::Pg_finfo_record {
                const { &pgrx::pg_sys::Pg_finfo_record { api_version: 1 } }
            }
        };
    };
}

/// Declares functions that SQL can call: for each the version-1 record and the guarded C symbol,
/// both under the name that the catalogue uses. The body gets the [`Call`] and returns
/// `Result<impl IntoResult, Failure>`; errors are raised here, after the body has let go of all it
/// held.
macro_rules! sql_functions {
    ($($(#[doc = $doc:literal])* fn $name:ident($call:ident) -> $result:ty $body:block)*) => {$(
        function_record!($name);

        $(#[doc = $doc])*
        #[pgrx::pg_guard]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(
            info: pgrx::pg_sys::FunctionCallInfo,
        ) -> pgrx::pg_sys::Datum {
            #[allow(clippy::unnecessary_wraps, reason = "one shape for all bodies")]
            fn body($call: &$crate::pg::types::call::Call)
                -> Result<$result, $crate::pg::error::Failure> $body
            // SAFETY: only the function manager calls this.
            let call = unsafe { $crate::pg::types::call::Call::new(info) };
            match body(&call) {
                Ok(result) => $crate::pg::types::call::IntoResult::into_result(result),
                Err(failure) => failure.raise(),
            }
        }
    )*};
}

/// Declares functions that SQL can call, as [`sql_functions`], whose bodies are generic over a type:
/// `sql_symbols! { f32: vector_dims = super::operators::dims; }`.
macro_rules! sql_symbols {
    ($type:ty: $($name:ident = $($body:ident)::+;)*) => {$(
        function_record!($name);

        #[doc = concat!("`", stringify!($($body)::+), "` of `", stringify!($type), "`.")]
        #[pgrx::pg_guard]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(
            info: pgrx::pg_sys::FunctionCallInfo,
        ) -> pgrx::pg_sys::Datum {
            // SAFETY: only the function manager calls this.
            let call = unsafe { $crate::pg::types::call::Call::new(info) };
            match $($body)::+::<$type>(&call) {
                Ok(result) => $crate::pg::types::call::IntoResult::into_result(result),
                Err(failure) => failure.raise(),
            }
        }
    )*};
}
