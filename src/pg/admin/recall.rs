//! How much of what exact search finds an index finds, and how long it takes.

use std::ffi::CString;
use std::time::{Duration, Instant};

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReportable;
use pgrx::spi::SpiClient;
use pgrx::{FromDatum, IntoDatum, Spi, pg_sys};

use super::owner::AsOwner;
use super::relation::{Access, IndexRelation};
use super::result;
use crate::pg::error::Failure;

/// The settings of `hnsw.ef_search` that are measured.
const EFS: [i32; 8] = [10, 20, 40, 80, 160, 320, 640, 1000];

/// The parts of the statements, by the oid of an index. All names have their schemas.
const PARTS: &str = "
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
struct Statements {
    /// Rows as questions: parameter 1 is how many.
    sample: String,
    /// The exact answer to a question: the k-th distance and the number of rows. Parameters: the question,
    /// its own row, k.
    exact: String,
    /// The number of rows that an answer of the index has within a distance. Parameters: as `exact`, and
    /// the distance.
    hits: String,
}

impl Statements {
    fn of(index: pg_sys::Oid) -> Self {
        let [table, value, predicate, operator, of] = Spi::connect(|client| {
            let row = select(client, PARTS, &[argument(index, pg_sys::OIDOID)]).first();
            [1, 2, 3, 4, 5].map(|column| {
                let part = row.get::<String>(column).unwrap_or_report();
                part.unwrap_or_default()
            })
        });
        let rows = format!("{table} WHERE ({predicate})");
        // Questions pass as text, so that one statement does for all types.
        let distance = format!("({value}) {operator} $1::{of}");
        let nearest = format!(
            "SELECT {distance} AS d FROM {rows} AND ctid OPERATOR(pg_catalog.<>) $2
              ORDER BY {distance} LIMIT $3"
        );
        Self {
            sample: format!(
                "SELECT ctid, ({value})::pg_catalog.text FROM {rows} AND ({value}) IS NOT NULL
                  ORDER BY pg_catalog.random() LIMIT $1"
            ),
            exact: format!(
                "SELECT pg_catalog.max(d), pg_catalog.count(*) FROM ({nearest}) AS nearest
                  WHERE d OPERATOR(pg_catalog.=) d"
            ),
            hits: format!(
                "SELECT pg_catalog.count(*) FROM ({nearest}) AS nearest WHERE d OPERATOR(pg_catalog.<=) $4"
            ),
        }
    }
}

/// A value of the index, as text, and the row that has it.
struct Question {
    row: pg_sys::ItemPointerData,
    value: String,
}

impl Question {
    /// The parameters of [`Statements::exact`].
    fn arguments(&self, k: i64) -> [DatumWithOid<'_>; 3] {
        [
            argument(self.value.as_str(), pg_sys::TEXTOID),
            argument(self.row, pg_sys::TIDOID),
            argument(k, pg_sys::INT8OID),
        ]
    }
}

fn argument<'a, T: IntoDatum>(value: T, of: pg_sys::Oid) -> DatumWithOid<'a> {
    // SAFETY: the callers name the type that they hand over.
    unsafe { DatumWithOid::new(value, of) }
}

fn select<'c>(
    client: &SpiClient<'c>,
    statement: &str,
    arguments: &[DatumWithOid<'_>],
) -> pgrx::spi::SpiTupleTable<'c> {
    client.select(statement, None, arguments).unwrap_or_report()
}

/// Rows of the table, drawn at random.
fn sample(statements: &Statements, count: i32) -> Vec<Question> {
    Spi::connect(|client| {
        let arguments = [argument(i64::from(count), pg_sys::INT8OID)];
        let rows = select(client, &statements.sample, &arguments);
        let question = |row: pgrx::spi::SpiHeapTupleData<'_>| {
            Some(Question {
                row: row.get(1).unwrap_or_report()?,
                value: row.get(2).unwrap_or_report()?,
            })
        };
        rows.filter_map(question).collect()
    })
}

/// What the searches of all questions came to.
#[derive(Default)]
struct Tally {
    questions: u32,
    /// Rows that exact search has given.
    expected: i64,
    /// Of these, rows that the index has found, by setting.
    found: [i64; EFS.len()],
    /// By setting.
    spent: [Duration; EFS.len()],
}

impl Tally {
    /// Asks a question of exact search and of the index.
    fn ask(&mut self, owner: &AsOwner, statements: &Statements, question: &Question, k: i64) {
        let [value, row, most] = question.arguments(k);
        let mut arguments = vec![value, row, most];
        owner.set(c"enable_indexscan", c"off");
        owner.set(c"enable_seqscan", c"on");
        let (farthest, rows) = one::<f64, i64>(&statements.exact, &arguments);
        let (Some(farthest), Some(rows)) = (farthest, rows) else {
            return;
        };
        self.questions += 1;
        self.expected += rows;
        arguments.push(argument(farthest, pg_sys::FLOAT8OID));
        owner.set(c"enable_indexscan", c"on");
        owner.set(c"enable_seqscan", c"off");
        for (i, ef) in EFS.iter().enumerate() {
            let ef = CString::new(ef.to_string()).unwrap_or_default();
            owner.set(c"hnsw.ef_search", &ef);
            let start = Instant::now();
            let (hits, _) = one::<i64, i64>(&statements.hits, &arguments);
            self.spent[i] += start.elapsed();
            self.found[i] += hits.unwrap_or(0).min(rows);
        }
    }

    /// Recall and milliseconds of a question, by setting; None where nothing was asked.
    fn rows(&self) -> impl Iterator<Item = (i32, Option<f64>, Option<f64>)> {
        let asked = self.questions > 0;
        EFS.iter().enumerate().map(move |(i, ef)| {
            let recall = self.found[i] as f64 / self.expected as f64;
            let mean = self.spent[i].as_secs_f64() * 1_000.0 / f64::from(self.questions);
            (*ef, asked.then_some(recall), asked.then_some(mean))
        })
    }
}

/// The first columns of a statement's one row.
fn one<A, B>(statement: &str, arguments: &[DatumWithOid<'_>]) -> (Option<A>, Option<B>)
where
    A: FromDatum + IntoDatum,
    B: FromDatum + IntoDatum,
{
    Spi::connect(|client| {
        let row = select(client, statement, arguments).first();
        let second = (row.columns().unwrap_or_report() > 1).then(|| row.get(2).unwrap_or_report());
        (row.get(1).unwrap_or_report(), second.flatten())
    })
}

/// Recall and time of an index by `hnsw.ef_search`, as the owner of its table.
fn recall(relation: &IndexRelation, count: i32, k: i32) -> Tally {
    // SAFETY: the table and the index are open.
    let (owner, index) = unsafe { (AsOwner::of(relation.table), (*relation.index).rd_id) };
    owner.set(c"enable_sort", c"on");
    let statements = Statements::of(index);
    let mut tally = Tally::default();
    for question in sample(&statements, count) {
        tally.ask(&owner, &statements, &question, i64::from(k));
    }
    tally
}

sql_functions! {
    /// Rows of the table as questions, each left out of its own answer. A row that is found counts if it is
    /// no farther than the k-th by exact search.
    fn vector_index_recall(call) -> pg_sys::Datum {
        let relation = IndexRelation::open(call.relation(0), Access::Read)?;
        let (count, k) = (call.integer(1), call.integer(2));
        if count < 1 || k < 1 {
            return Err(Failure::SampleSize);
        }
        let tally = recall(&relation, count, k);
        let rows = tally.rows().filter(|(ef, ..)| *ef >= k);
        let rows = rows.map(|(ef, recall, mean)| {
            vec![
                ef.into_datum(),
                recall.into_datum(),
                mean.into_datum(),
            ]
        });
        // SAFETY: the catalogue declares these columns.
        Ok(unsafe { result::table(call.info(), rows) })
    }
}
