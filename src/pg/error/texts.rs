//! Texts: SQLSTATEs, messages, details and hints.

use pgrx::PgSqlErrorCode;

use super::Failure;
use crate::index;
use crate::page::PageError;
use crate::vector::{Invalid, Type};

fn index_code(error: &index::Error) -> PgSqlErrorCode {
    use PgSqlErrorCode as Code;
    use index::Error;
    match error {
        Error::Page(PageError::Corrupt { .. } | PageError::Missing { .. })
        | Error::OtherSpace { .. } => Code::ERRCODE_INDEX_CORRUPTED,
        Error::Full | Error::Elements { .. } => Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        Error::Cancelled => Code::ERRCODE_QUERY_CANCELED,
        Error::Recycled { .. } => Code::ERRCODE_T_R_SERIALIZATION_FAILURE,
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

impl Failure {
    pub(super) fn code(&self) -> PgSqlErrorCode {
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
            | Self::Centroids { .. }
            | Self::Directions { .. }
            | Self::BitDirections
            | Self::SampleSize
            | Self::AnswerSize { .. } => Code::ERRCODE_INVALID_PARAMETER_VALUE,
            Self::Questions => Code::ERRCODE_SYNTAX_ERROR,
            Self::Index(error) => index_code(error),
            Self::NotAnIndex { .. } | Self::Partitioned(_) => Code::ERRCODE_WRONG_OBJECT_TYPE,
            Self::Privileges(..) => Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
            Self::InRecovery => Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
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

    pub(super) fn message(&self) -> String {
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
            Self::NotAnIndex { name, methods } => {
                format!("\"{name}\" is not an {methods} index")
            }
            Self::Partitioned(name) => format!("\"{name}\" is a partitioned index"),
            Self::Privileges(table, _) => format!("permission denied for table {table}"),
            Self::BeyondTable { index, .. } => format!("index \"{index}\" is corrupted"),
            Self::Centroids { table, .. } => format!("centroids of \"{table}\" cannot be used"),
            Self::Directions { asked, dims } => {
                format!("{asked} directions are more than the {dims} dimensions of the column")
            }
            Self::BitDirections => "columns of type bit have no directions".to_owned(),
            Self::InRecovery => "recovery is in progress".to_owned(),
            Self::SampleSize => "sample and k must be at least 1".to_owned(),
            Self::AnswerSize { most, setting } => format!("k must be at most {most}, as {setting}"),
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

    pub(super) fn detail(&self) -> Option<String> {
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
            Self::Centroids { problem, .. } => Some(problem.to_string()),
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
            | Self::NotAnIndex { .. }
            | Self::Partitioned(_)
            | Self::Directions { .. }
            | Self::BitDirections
            | Self::InRecovery
            | Self::SampleSize
            | Self::AnswerSize { .. }
            | Self::Questions
            | Self::Backward
            | Self::NoOrder(_)
            | Self::Snapshot(_) => None,
        }
    }

    pub(super) fn hint(&self) -> Option<&'static str> {
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
            Self::Index(index::Error::Recycled { .. }) => {
                Some("Run the query again. It does not happen with hot_standby_feedback.")
            }
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
            Self::Centroids { .. } => Some(
                "Name a table with its schema, one column of which has a vector for each list.",
            ),
            Self::Directions { .. } | Self::BitDirections => {
                Some("Leave directions out: codes then have a bit for every dimension.")
            }
            Self::InRecovery => Some("An index is kept in shape on the primary."),
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
            | Self::NotAnIndex { .. }
            | Self::Privileges(..)
            | Self::SampleSize
            | Self::AnswerSize { .. }
            | Self::Backward
            | Self::Snapshot(_) => None,
            Self::Questions => {
                Some("Give one SELECT, whose first column is of the type of the index.")
            }
        }
    }
}
