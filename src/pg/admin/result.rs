//! Result: the rows that a function returns.

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

/// A row: a datum a column, None for NULL.
pub type ResultRow = Vec<Option<Datum>>;

/// Splits a row as Postgres takes it.
fn columns(row: &ResultRow) -> (Vec<Datum>, Vec<bool>) {
    let values = row.iter().map(|column| column.unwrap_or(Datum::null()));
    (values.collect(), row.iter().map(Option::is_none).collect())
}

/// Returns many rows of a function that is declared as `RETURNS TABLE`.
///
/// # Safety
/// `info` is the call of such a function, whose columns are of the rows' types.
pub unsafe fn table(
    info: pg_sys::FunctionCallInfo,
    rows: impl IntoIterator<Item = ResultRow>,
) -> Datum {
    // SAFETY: the caller vouches for the call.
    unsafe {
        pg_sys::InitMaterializedSRF(info, pg_sys::MAT_SRF_USE_EXPECTED_DESC);
        let result: *mut pg_sys::ReturnSetInfo = (*info).resultinfo.cast();
        for row in rows {
            let (mut values, mut nulls) = columns(&row);
            let (values, nulls) = (values.as_mut_ptr(), nulls.as_mut_ptr());
            pg_sys::tuplestore_putvalues((*result).setResult, (*result).setDesc, values, nulls);
        }
    }
    Datum::null()
}

/// Returns the one row of a function with OUT parameters.
///
/// # Safety
/// As [`table`].
pub unsafe fn row(info: pg_sys::FunctionCallInfo, row: &ResultRow) -> Datum {
    let (mut values, mut nulls) = columns(row);
    // SAFETY: the caller vouches for the call.
    unsafe {
        let mut descriptor = std::ptr::null_mut();
        pg_sys::get_call_result_type(info, std::ptr::null_mut(), &raw mut descriptor);
        let descriptor = pg_sys::BlessTupleDesc(descriptor);
        let tuple = pg_sys::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
        pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data)
    }
}
