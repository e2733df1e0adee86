//! Errors as Postgres reports them: the one place that knows SQLSTATEs, details and hints, and the
//! only one that raises.

use std::collections::TryReserveError;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::pg_sys;
use pgrx::pg_sys::panic::{ErrorReport, pgrx_extern_c_guard};
use pgrx::{PgLogLevel, PgSqlErrorCode};

use crate::index;
use crate::page::PageError;
use crate::vector::{Invalid, Type};

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
    /// Type and function, as in `vector_accum`.
    State(Type, &'static str),
    /// A stored value whose parts contradict each other.
    Corrupted {
        /// The type of the value.
        of: Type,
        /// Stored elements, as the value's header has it.
        count: usize,
        /// Bytes of the value.
        size: usize,
    },
    /// An operation on an index failed.
    Index(index::Error),
    /// An index on a column without declared dimensions.
    NoDimensions,
    /// An index of the named access method on a column of more dimensions than it takes.
    TooManyDimensions(&'static CStr, usize),
    /// An index of the named access method on bits of varying number.
    VaryingBits(&'static CStr),
    /// `ef_construction` below twice `m`.
    EfConstruction,
    /// An operator class whose distance function is none of ours.
    OperatorClass,
    /// A relation, named, that is no index of ours.
    NotAnIndex(String),
    /// An index, named, that has partitions in the place of pages.
    Partitioned(String),
    /// The user lacks rights on a table, named; which they are.
    Privileges(String, &'static str),
    /// Recall of fewer than one question or row.
    SampleSize,
    /// More rows are asked for than any setting of a search finds.
    AnswerSize,
    /// What shall give questions is not one query.
    Questions,
    /// An index gives a row in a block that its table does not have.
    BeyondTable {
        /// The name of the index.
        index: String,
        /// The block of the row.
        block: u32,
        /// Blocks of the table.
        blocks: u32,
    },
    /// A scan backward.
    Backward,
    /// A scan of the named access method without ORDER BY.
    NoOrder(&'static CStr),
    /// A scan of the named access method with a snapshot that is not MVCC.
    Snapshot(&'static CStr),
}

impl From<index::Error> for Failure {
    fn from(error: index::Error) -> Self {
        Self::Index(error)
    }
}

impl From<TryReserveError> for Failure {
    fn from(error: TryReserveError) -> Self {
        Self::Index(error.into())
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Value(invalid)
    }
}

fn index_code(error: &index::Error) -> PgSqlErrorCode {
    use PgSqlErrorCode as Code;
    use index::Error;
    match error {
        Error::Page(PageError::Corrupt { .. } | PageError::Missing { .. })
        | Error::OtherSpace { .. } => Code::ERRCODE_INDEX_CORRUPTED,
        Error::Full | Error::Elements { .. } => Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        Error::Cancelled => Code::ERRCODE_QUERY_CANCELED,
        Error::Memory => Code::ERRCODE_OUT_OF_MEMORY,
        Error::Dimensions { .. } => Code::ERRCODE_DATA_EXCEPTION,
        Error::Threads(_) => Code::ERRCODE_INSUFFICIENT_RESOURCES,
        Error::Spill(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            Code::ERRCODE_DISK_FULL
        }
        Error::Spill(_) => Code::ERRCODE_IO_ERROR,
        Error::SpillLimit { .. } => Code::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        Error::Page(_) => Code::ERRCODE_INTERNAL_ERROR,
    }
}

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
    fn code(&self) -> PgSqlErrorCode {
        use PgSqlErrorCode as Code;
        match self {
            Self::Value(invalid) => match invalid {
                Invalid::Syntax { .. } | Invalid::Fraction { .. } => {
                    Code::ERRCODE_INVALID_TEXT_REPRESENTATION
                }
                Invalid::OutOfRange { .. } | Invalid::Overflow | Invalid::Underflow => {
                    Code::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE
                }
                Invalid::TooManyDims(_) | Invalid::TooManyElements => {
                    Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED
                }
                Invalid::Truncated => Code::ERRCODE_PROTOCOL_VIOLATION,
                Invalid::NotANumber(_)
                | Invalid::Infinite(_)
                | Invalid::NoDims(_)
                | Invalid::NegativeElements
                | Invalid::MoreElementsThanDims
                | Invalid::IndexOutOfBounds
                | Invalid::IndicesDescend
                | Invalid::IndexTwice
                | Invalid::ZeroElement
                | Invalid::UnexpectedDims { .. }
                | Invalid::DifferentDims { .. }
                | Invalid::DifferentBits { .. }
                | Invalid::Unused(_) => Code::ERRCODE_DATA_EXCEPTION,
            },
            Self::Modifier(_)
            | Self::NoDimensions
            | Self::EfConstruction
            | Self::SampleSize
            | Self::AnswerSize => Code::ERRCODE_INVALID_PARAMETER_VALUE,
            Self::Questions => Code::ERRCODE_SYNTAX_ERROR,
            Self::Index(error) => index_code(error),
            Self::NotAnIndex(_) | Self::Partitioned(_) => Code::ERRCODE_WRONG_OBJECT_TYPE,
            Self::Privileges(..) => Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
            Self::BeyondTable { .. } => Code::ERRCODE_INDEX_CORRUPTED,
            Self::TooManyDimensions(..) => Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            Self::OperatorClass
            | Self::VaryingBits(_)
            | Self::Backward
            | Self::NoOrder(_)
            | Self::Snapshot(_) => Code::ERRCODE_FEATURE_NOT_SUPPORTED,
            Self::Array(_) => Code::ERRCODE_DATA_EXCEPTION,
            Self::NullInArray => Code::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            Self::State(..) => Code::ERRCODE_INTERNAL_ERROR,
            Self::Corrupted { .. } => Code::ERRCODE_DATA_CORRUPTED,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Value(invalid) => invalid.to_string(),
            Self::Modifier(message) => message.clone(),
            Self::Array(message) => (*message).to_owned(),
            Self::NullInArray => "array must not contain nulls".to_owned(),
            Self::State(of, function) => format!("{of}_{function}: expected state array"),
            Self::Corrupted { of, .. } => format!("{of} value is corrupted"),
            Self::Index(index::Error::Page(
                PageError::Corrupt { .. } | PageError::Missing { .. },
            )) => "index is corrupted".to_owned(),
            // In the words of Postgres' own temporary files.
            Self::Index(index::Error::SpillLimit { limit }) => {
                let limit = limit / 1024;
                format!("temporary file size exceeds \"temp_file_limit\" ({limit}kB)")
            }
            Self::Index(error) => error.to_string(),
            Self::NoDimensions => "column does not have dimensions".to_owned(),
            Self::TooManyDimensions(method, max) => format!(
                "column cannot have more than {max} dimensions for {} index",
                method.to_string_lossy()
            ),
            Self::VaryingBits(method) => {
                format!("type not supported for {} index", method.to_string_lossy())
            }
            Self::EfConstruction => {
                "ef_construction must be greater than or equal to 2 * m".to_owned()
            }
            Self::NotAnIndex(name) => format!("\"{name}\" is not an hnsw index"),
            Self::Partitioned(name) => format!("\"{name}\" is a partitioned index"),
            Self::Privileges(table, _) => format!("permission denied for table {table}"),
            Self::BeyondTable { index, .. } => format!("index \"{index}\" is corrupted"),
            Self::SampleSize => "sample and k must be at least 1".to_owned(),
            Self::AnswerSize => "k must be at most 1000, as hnsw.ef_search".to_owned(),
            Self::Questions => "questions are not a single query".to_owned(),
            Self::OperatorClass => "operator class is not supported".to_owned(),
            Self::Backward => "index scans go forward only".to_owned(),
            Self::NoOrder(method) => {
                format!(
                    "cannot scan {} index without order",
                    method.to_string_lossy()
                )
            }
            Self::Snapshot(method) => format!(
                "non-MVCC snapshots are not supported with {}",
                method.to_string_lossy()
            ),
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Value(Invalid::Syntax { detail, .. }) => detail.map(str::to_owned),
            Self::Value(
                Invalid::OutOfRange {
                    of: Type::Int8vec, ..
                }
                | Invalid::Fraction { .. },
            ) => Some("Elements are whole numbers from -128 to 127.".to_owned()),
            Self::Corrupted { count, size, .. } => Some(format!(
                "The value says {count} elements but has {size} bytes."
            )),
            Self::Index(index::Error::Page(
                error @ (PageError::Corrupt { .. } | PageError::Missing { .. }),
            )) => Some(format!("Found in {error}.")),
            Self::OperatorClass => {
                Some("Its first support function is none that the index knows.".to_owned())
            }
            Self::Privileges(_, needs) => Some((*needs).to_owned()),
            Self::BeyondTable { block, blocks, .. } => Some(format!(
                "It has a row in block {block} of a table of {blocks} blocks."
            )),
            Self::Value(_)
            | Self::Modifier(_)
            | Self::Array(_)
            | Self::NullInArray
            | Self::State(..)
            | Self::Index(_)
            | Self::NoDimensions
            | Self::TooManyDimensions(..)
            | Self::VaryingBits(_)
            | Self::EfConstruction
            | Self::NotAnIndex(_)
            | Self::Partitioned(_)
            | Self::SampleSize
            | Self::AnswerSize
            | Self::Questions
            | Self::Backward
            | Self::NoOrder(_)
            | Self::Snapshot(_) => None,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Value(Invalid::OutOfRange {
                of: Type::Int8vec, ..
            }) => Some("Scale the vector into that range, or store it as halfvec or vector."),
            Self::Value(Invalid::Fraction { .. }) => {
                Some("A cast rounds: write '[...]'::vector::int8vec.")
            }
            Self::Corrupted { .. } => Some("Restore the row from a backup."),
            Self::Index(index::Error::Page(_) | index::Error::OtherSpace { .. })
            | Self::BeyondTable { .. } => Some("REINDEX the index."),
            Self::Index(index::Error::Full) => Some("Partition the table."),
            Self::Index(index::Error::Spill(_)) => Some(
                "Increase maintenance_work_mem, or make room in the tablespaces of temp_tablespaces.",
            ),
            Self::Index(index::Error::SpillLimit { .. }) => {
                Some("Increase maintenance_work_mem or temp_file_limit.")
            }
            Self::NoDimensions => Some(
                "Declare them, as in vector(3), or index an expression like (embedding::vector(3)).",
            ),
            Self::OperatorClass => {
                Some("Use one of the operator classes that the extension has made.")
            }
            Self::NoOrder(_) => Some("Add ORDER BY with a distance operator."),
            Self::Partitioned(_) => {
                Some("Ask the indexes of its partitions: pg_partition_tree lists them.")
            }
            Self::Value(_)
            | Self::Modifier(_)
            | Self::Array(_)
            | Self::NullInArray
            | Self::State(..)
            | Self::Index(_)
            | Self::TooManyDimensions(..)
            | Self::VaryingBits(_)
            | Self::EfConstruction
            | Self::NotAnIndex(_)
            | Self::Privileges(..)
            | Self::SampleSize
            | Self::AnswerSize
            | Self::Backward
            | Self::Snapshot(_) => None,
            Self::Questions => {
                Some("Give one SELECT, whose first column is of the type of the index.")
            }
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
