//! Statements about an index, which tell the distances of the nearest rows.

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReportable;
use pgrx::spi::SpiClient;
use pgrx::{IntoDatum, Spi, pg_sys};

/// The parts of the statements, by the oid of an index. All names have their schemas.
const STATEMENT_PARTS: &str = "
SELECT pg_catalog.format('%I.%I', s.nspname, r.relname),
       pg_catalog.pg_get_indexdef(i.indexrelid, 1, true),
       coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), 'true'),
       pg_catalog.format('OPERATOR(%I.%s)', n.nspname, o.oprname),
       pg_catalog.format_type(t.atttypid, t.atttypmod)
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) i.indrelid
  JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) r.relnamespace
  JOIN pg_catalog.pg_attribute t ON t.attrelid OPERATOR(pg_catalog.=) i.indexrelid
   AND t.attnum OPERATOR(pg_catalog.=) 1::pg_catalog.int2
  JOIN pg_catalog.pg_opclass c ON c.oid OPERATOR(pg_catalog.=) i.indclass[0]
  JOIN pg_catalog.pg_amop a ON a.amopfamily OPERATOR(pg_catalog.=) c.opcfamily
   AND a.amopstrategy OPERATOR(pg_catalog.=) 1::pg_catalog.int2
  JOIN pg_catalog.pg_operator o ON o.oid OPERATOR(pg_catalog.=) a.amopopr
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) o.oprnamespace
 WHERE i.indexrelid OPERATOR(pg_catalog.=) $1";

/// Statements about an index. They run as the owner of its table.
pub struct Statements {
    /// Rows as questions, drawn at random: parameter 1 is how many.
    pub sample: String,
    /// The distances of the nearest rows. Parameters: the question, and how many.
    nearest: String,
    /// How far a question is from itself: parameter 1.
    own: String,
}

impl Statements {
    pub fn of(index: pg_sys::Oid) -> Self {
        let [table, value, predicate, operator, of] = Spi::connect(|client| {
            let row = select(client, STATEMENT_PARTS, &[argument(index, pg_sys::OIDOID)]).first();
            [1, 2, 3, 4, 5].map(|column| {
                let part = row.get::<String>(column).unwrap_or_report();
                part.unwrap_or_default()
            })
        });
        let rows = format!("{table} WHERE ({predicate})");
        // Questions pass as text, so that one statement does for all types.
        let distance = format!("({value}) {operator} $1::{of}");
        Self {
            sample: format!(
                "SELECT ctid, ({value})::pg_catalog.text FROM {rows} AND ({value}) IS NOT NULL
                  ORDER BY pg_catalog.random() LIMIT $1"
            ),
            nearest: format!("SELECT {distance} FROM {rows} ORDER BY {distance} LIMIT $2"),
            own: format!("SELECT $1::{of} {operator} $1::{of}"),
        }
    }

    /// The distances of the rows that come first; not those of rows that have none.
    pub fn nearest(&self, question: &str, count: usize) -> Vec<f64> {
        let arguments = [
            argument(question, pg_sys::TEXTOID),
            argument(count as i64, pg_sys::INT8OID),
        ];
        distances(&self.nearest, &arguments)
    }

    pub fn own(&self, question: &str) -> Option<f64> {
        let own = distances(&self.own, &[argument(question, pg_sys::TEXTOID)]);
        own.first().copied()
    }
}

pub fn argument<'a, T: IntoDatum>(value: T, of: pg_sys::Oid) -> DatumWithOid<'a> {
    // SAFETY: the callers name the type that they hand over.
    unsafe { DatumWithOid::new(value, of) }
}

pub fn select<'c>(
    client: &SpiClient<'c>,
    statement: &str,
    arguments: &[DatumWithOid<'_>],
) -> pgrx::spi::SpiTupleTable<'c> {
    client.select(statement, None, arguments).unwrap_or_report()
}

/// Numbers that a statement gives.
fn distances(statement: &str, arguments: &[DatumWithOid<'_>]) -> Vec<f64> {
    Spi::connect(|client| {
        let rows = select(client, statement, arguments);
        let numbers = rows.filter_map(|row| row.get::<f64>(1).unwrap_or_report());
        numbers.filter(|number| !number.is_nan()).collect()
    })
}
