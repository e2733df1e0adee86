//! Centroids that were learned elsewhere: read from a table, as the owner of the table that is indexed, for a build
//! runs as that one.

use std::ffi::CString;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReportable;
use pgrx::spi::SpiClient;
use pgrx::{IntoDatum, PgList, Spi, pg_sys};

use crate::index::Fallible;
use crate::ivf::MAX_LISTS;
use crate::pg::error::{CentroidsProblem, Failure};

/// The columns of a relation that can be read as float32: vectors, and arrays of numbers. Their table's name comes with
/// them.
const COLUMNS: &str = "
SELECT pg_catalog.format('%I', a.attname), pg_catalog.format('%I.%I', n.nspname, c.relname)
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE a.attrelid OPERATOR(pg_catalog.=) $1 AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2
   AND NOT a.attisdropped
   AND (a.atttypid OPERATOR(pg_catalog.=) ANY (ARRAY['pg_catalog.float4[]', 'pg_catalog.float8[]']::pg_catalog.regtype[]::pg_catalog.oid[])
        OR EXISTS (SELECT FROM pg_catalog.pg_cast k
                    WHERE k.castsource OPERATOR(pg_catalog.=) a.atttypid
                      AND k.casttarget OPERATOR(pg_catalog.=) 'pg_catalog.float4[]'::pg_catalog.regtype::pg_catalog.oid))";

/// Rows that are fetched at a time.
const FETCHED: i64 = 1_000;

/// The centroids in a table, of `dims` dimensions each, one after the other.
///
/// # Errors
/// Where the name has no schema, the table has not one column of vectors, or a value has no place among centroids.
/// PostgreSQL's own, where there is no such table, or it must not be read.
pub fn read(table: &str, dims: usize) -> Result<Vec<f32>, Failure> {
    let wrong = |problem| Failure::Centroids {
        table: table.to_owned(),
        problem,
    };
    let oid = relation(table).ok_or(wrong(CentroidsProblem::Schema))?;
    Spi::connect(|client| {
        // SAFETY: the argument is of the type that is named.
        let argument = unsafe { DatumWithOid::new(oid.into_datum(), pg_sys::OIDOID) };
        let columns = client.select(COLUMNS, None, &[argument]).unwrap_or_report();
        let columns: Vec<[String; 2]> = columns
            .map(|row| [1, 2].map(|at| row.get(at).unwrap_or_report().unwrap_or_default()))
            .collect();
        let [[column, table]] = columns.as_slice() else {
            return Err(wrong(CentroidsProblem::Columns(columns.len())));
        };
        vectors(client, column, table, dims).map_err(|failed| match failed {
            Unread::Problem(problem) => wrong(problem),
            Unread::Failed(failure) => failure,
        })
    })
}

/// Why centroids were not read.
enum Unread {
    Problem(CentroidsProblem),
    Failed(Failure),
}

impl From<CentroidsProblem> for Unread {
    fn from(problem: CentroidsProblem) -> Self {
        Self::Problem(problem)
    }
}

fn vectors(
    client: &SpiClient<'_>,
    column: &str,
    table: &str,
    dims: usize,
) -> Result<Vec<f32>, Unread> {
    let statement = format!("SELECT ({column})::pg_catalog.float4[] FROM {table}");
    let mut cursor = client.open_cursor(statement.as_str(), &[]);
    let (mut elements, mut count) = (Vec::new(), 0);
    loop {
        let rows = cursor.fetch(FETCHED).unwrap_or_report();
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let vector: Option<Vec<Option<f32>>> = row.get(1).unwrap_or_report();
            let vector = vector.ok_or(CentroidsProblem::Null)?;
            if vector.len() != dims {
                return Err(CentroidsProblem::Dimensions {
                    found: vector.len(),
                    expected: dims,
                }
                .into());
            }
            count += 1;
            if count > MAX_LISTS {
                return Err(CentroidsProblem::TooMany(MAX_LISTS).into());
            }
            for x in vector {
                let x = x.ok_or(CentroidsProblem::Null)?;
                if !x.is_finite() {
                    return Err(CentroidsProblem::NotFinite.into());
                }
                elements
                    .try_push(x)
                    .map_err(|error| Unread::Failed(error.into()))?;
            }
        }
    }
    if count == 0 {
        return Err(CentroidsProblem::Empty.into());
    }
    Ok(elements)
}

/// The relation that a name with its schema means; None where there is no schema.
fn relation(name: &str) -> Option<pg_sys::Oid> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name lives as long as this; what is parsed lives in the context of the statement.
    unsafe {
        #[cfg(feature = "pg15")]
        let names = pg_sys::stringToQualifiedNameList(name.as_ptr());
        #[cfg(not(feature = "pg15"))]
        let names = pg_sys::stringToQualifiedNameList(name.as_ptr(), std::ptr::null_mut());
        if PgList::<pg_sys::Node>::from_pg(names).len() < 2 {
            return None;
        }
        let range = pg_sys::makeRangeVarFromNameList(names);
        let lock = pg_sys::AccessShareLock as i32;
        Some(pg_sys::RangeVarGetRelidExtended(
            range,
            lock,
            0,
            None,
            std::ptr::null_mut(),
        ))
    }
}
