//! Errors as Postgres reports them: the one place that knows SQLSTATEs, details and hints, and the
//! only one that raises.

use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

use crate::vector::Invalid;

/// Why an SQL function gives up.
#[derive(Debug)]
pub enum Failure {
    /// A value breaks the rules of its type.
    Value(Invalid),
    /// A type modifier that no type has.
    Modifier(String),
    /// An array that cannot become a vector.
    Array(&'static str),
    /// An array with a NULL in it.
    NullInArray,
    /// A transition function was called by hand with something that is no state.
    State(&'static str),
    /// A stored value whose parts contradict each other.
    Corrupted {
        /// Dimensions in the value's header.
        dims: usize,
        /// Bytes of the value.
        size: usize,
    },
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Value(invalid)
    }
}

impl Failure {
    fn code(&self) -> PgSqlErrorCode {
        use PgSqlErrorCode as Code;
        match self {
            Self::Value(invalid) => match invalid {
                Invalid::Syntax { .. } => Code::ERRCODE_INVALID_TEXT_REPRESENTATION,
                Invalid::OutOfRange { .. } | Invalid::Overflow | Invalid::Underflow => {
                    Code::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE
                }
                Invalid::TooManyDims => Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                Invalid::Truncated => Code::ERRCODE_PROTOCOL_VIOLATION,
                Invalid::NotANumber
                | Invalid::Infinite
                | Invalid::NoDims
                | Invalid::UnexpectedDims { .. }
                | Invalid::DifferentDims { .. }
                | Invalid::Unused(_) => Code::ERRCODE_DATA_EXCEPTION,
            },
            Self::Modifier(_) => Code::ERRCODE_INVALID_PARAMETER_VALUE,
            Self::Array(_) => Code::ERRCODE_DATA_EXCEPTION,
            Self::NullInArray => Code::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            Self::State(_) => Code::ERRCODE_INTERNAL_ERROR,
            Self::Corrupted { .. } => Code::ERRCODE_DATA_CORRUPTED,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Value(invalid) => invalid.to_string(),
            Self::Modifier(message) => message.clone(),
            Self::Array(message) => (*message).to_owned(),
            Self::NullInArray => "array must not contain nulls".to_owned(),
            Self::State(function) => format!("{function}: expected state array"),
            Self::Corrupted { .. } => "vector value is corrupted".to_owned(),
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Value(Invalid::Syntax { detail, .. }) => detail.map(str::to_owned),
            Self::Corrupted { dims, size } => Some(format!(
                "The value says {dims} dimensions but has {size} bytes."
            )),
            Self::Value(_)
            | Self::Modifier(_)
            | Self::Array(_)
            | Self::NullInArray
            | Self::State(_) => None,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Corrupted { .. } => Some("Restore the row from a backup."),
            Self::Value(_)
            | Self::Modifier(_)
            | Self::Array(_)
            | Self::NullInArray
            | Self::State(_) => None,
        }
    }

    /// Ends the statement with this error.
    pub fn raise(&self) -> ! {
        let mut report = ErrorReport::new(self.code(), self.message(), "vector_ext");
        if let Some(detail) = self.detail() {
            report = report.set_detail(detail);
        }
        if let Some(hint) = self.hint() {
            report = report.set_hint(hint);
        }
        report.report(PgLogLevel::ERROR);
        unreachable!("an error report of level ERROR does not return")
    }

    /// Reports this error to a caller that asked for a soft one (`pg_input_is_valid`, COPY with
    /// `ON_ERROR`), and raises it where nobody did. Source: `errsave` in `elog.h` of Postgres.
    #[cfg(not(feature = "pg15"))]
    pub fn save(&self, context: *mut pg_sys::Node) {
        use std::ffi::CString;
        unsafe extern "C-unwind" {
            fn errcode(code: std::ffi::c_int) -> std::ffi::c_int;
        }
        // SAFETY: the call context of the function manager is null or a node.
        let soft = unsafe {
            !context.is_null() && (*context).type_ == pg_sys::NodeTag::T_ErrorSaveContext
        };
        if !soft {
            self.raise();
        }
        let text = |text: String| CString::new(text.replace('\0', " ")).unwrap_or_default();
        let message = text(self.message());
        // SAFETY: the calls come in the order of the `errsave` macro, and the strings outlive them.
        unsafe {
            if pg_sys::errsave_start(context, std::ptr::null()) {
                errcode(self.code() as std::ffi::c_int);
                pg_sys::errmsg_internal(c"%s".as_ptr(), message.as_ptr());
                if let Some(detail) = self.detail() {
                    let detail = text(detail);
                    pg_sys::errdetail_internal(c"%s".as_ptr(), detail.as_ptr());
                }
                let place = c"vector_ext".as_ptr();
                pg_sys::errsave_finish(context, place, 0, place);
            }
        }
    }

    /// PostgreSQL 15 has no soft errors: raises.
    #[cfg(feature = "pg15")]
    pub fn save(&self, _context: *mut pg_sys::Node) {
        self.raise();
    }
}
