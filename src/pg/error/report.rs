//! Reports: errors that end a statement, soft ones, and what builds say.

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

use super::Failure;

/// Says that a build by an access method goes on in files: pgvector's words, which tools look for.
pub fn notice_spill(method: &CStr, rows: u64) {
    let method = method.to_string_lossy();
    let message =
        format!("{method} graph no longer fits into maintenance_work_mem after {rows} tuples");
    ErrorReport::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        message,
        "vector_ext",
    )
    .set_detail("The build goes on in temporary files and takes longer.")
    .set_hint("Increase maintenance_work_mem to speed up builds.")
    .report(PgLogLevel::NOTICE);
}

/// Says how many threads build an index. Postgres itself says "serially", for it knows of no workers.
pub fn tell_threads(index: &CStr, threads: usize) {
    let index = index.to_string_lossy();
    ErrorReport::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("building graph of index \"{index}\" with {threads} threads"),
        "vector_ext",
    )
    .report(PgLogLevel::DEBUG1);
}

impl Failure {
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
