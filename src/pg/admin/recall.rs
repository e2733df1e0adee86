//! Recall: how much of the rows of exact search an index finds, and how long it takes.
//!
//! A user wants to know the recall of future queries, and those are not in the index. So a row that serves as a
//! query is passed by in the graph ([`LeftOut`]), and neither it nor its equals count.

use std::ffi::CString;
use std::time::{Duration, Instant};

use pgrx::pg_sys::panic::ErrorReportable;
use pgrx::{IntoDatum, Spi, pg_sys};

use super::owner::AsOwner;
use super::relation::{Access, IndexRelation};
use super::result;
use super::statements::{Statements, argument, select};
use crate::pg::am::{Effort, LeftOut, Tid, can_read};
use crate::pg::error::Failure;
use crate::pg::storage::{first_version, tid_of};
use crate::pg::types::call::Call;

/// How many values of the method's setting are measured.
const MEASURED_VALUES: usize = 8;

/// A measurement that will take longer says so.
const LONG_MEASUREMENT: Duration = Duration::from_secs(5);

/// Rows beyond `k` that exact search gives at first: as many may equal the question.
const ROOM_FOR_EQUALS: usize = 16;

/// A value as text, and the row that has it if it is one.
struct Question {
    value: String,
    row: Option<pg_sys::ItemPointerData>,
}

/// What exact search answers.
struct Truth {
    /// How far the k-th row is, or the last.
    farthest: f64,
    /// How many there are, k at most.
    rows: usize,
    /// How far rows are that do not count: those that equal the question.
    own: Option<f64>,
    /// How many those are.
    equals: usize,
}

/// Questions of the caller's own, from a query whose first column has them. It runs with the rights of the current
/// user.
///
/// # Errors
/// Where that is not a single query.
fn asked(query: &str, count: i32) -> Result<Vec<Question>, Failure> {
    let query = single(query)?;
    // Its own columns may have any name, and it may end with a comment.
    let statement = format!(
        "SELECT vector_index_question::pg_catalog.text FROM ({query}
         ) AS vector_index_asked (vector_index_question) WHERE vector_index_question IS NOT NULL LIMIT {count}"
    );
    let questions = Spi::connect(|client| {
        let rows = select(client, &statement, &[]);
        let question = |row: pgrx::spi::SpiHeapTupleData<'_>| {
            let value = row.get(1).unwrap_or_report()?;
            Some(Question { value, row: None })
        };
        rows.filter_map(question).collect()
    });
    Ok(questions)
}

/// The text of a query without what ends it.
///
/// # Errors
/// Where it is not one, or more than one.
fn single(query: &str) -> Result<&str, Failure> {
    let text = CString::new(query).map_err(|_| Failure::Questions)?;
    // SAFETY: the text lives until the parser has read it; a list that it gives has statements.
    let (start, length) = unsafe {
        let mode = pg_sys::RawParseMode::RAW_PARSE_DEFAULT;
        let statements = pg_sys::raw_parser(text.as_ptr(), mode);
        if statements.is_null() || (*statements).length != 1 {
            return Err(Failure::Questions);
        }
        let statement: *const pg_sys::RawStmt = (*(*statements).elements).ptr_value.cast();
        if (*(*statement).stmt).type_ != pg_sys::NodeTag::T_SelectStmt {
            return Err(Failure::Questions);
        }
        ((*statement).stmt_location, (*statement).stmt_len)
    };
    let rest = query.get(usize::try_from(start).unwrap_or(0)..);
    let rest = rest.unwrap_or_default();
    // A length of zero stands for all that is left.
    let length = usize::try_from(length).unwrap_or(0);
    Ok(rest.get(..length).filter(|_| length > 0).unwrap_or(rest))
}

/// Rows of the table, drawn at random.
fn sample(statements: &Statements, count: i32) -> Vec<Question> {
    Spi::connect(|client| {
        let arguments = [argument(i64::from(count), pg_sys::INT8OID)];
        let rows = select(client, &statements.sample, &arguments);
        let question = |row: pgrx::spi::SpiHeapTupleData<'_>| {
            Some(Question {
                row: Some(row.get(1).unwrap_or_report()?),
                value: row.get(2).unwrap_or_report()?,
            })
        };
        rows.filter_map(question).collect()
    })
}

/// What was measured with a setting; None where nothing was asked.
struct RecallRow {
    effort: i32,
    recall: Option<f64>,
    /// Of a search.
    milliseconds: Option<f64>,
}

/// A measurement that is going on, as the owner of the table.
struct Measurement<'o> {
    owner: &'o AsOwner,
    effort: Effort,
    table: pg_sys::Relation,
    statements: Statements,
    /// Rows that an answer has.
    k: usize,
    questions: u32,
    /// Rows that exact search has given.
    expected: usize,
    /// Of these, rows that the index has found, by setting.
    found: [usize; MEASURED_VALUES],
    /// By setting.
    spent: [Duration; MEASURED_VALUES],
}

impl Measurement<'_> {
    /// Asks a question of exact search and of the index.
    fn ask(&mut self, question: &Question) {
        let Some(truth) = self.exact(question) else {
            return;
        };
        self.questions += 1;
        self.expected += truth.rows;
        self.owner.set(c"enable_indexscan", c"on");
        self.owner.set(c"enable_seqscan", c"off");
        let left_out = question.row.map(|row| LeftOut::row(self.indexed(row)));
        // A search that is not measured finds the row's node, and brings pages and catalogues into memory.
        self.find(question, &truth, MEASURED_VALUES - 1, self.k + truth.equals);
        // Rows that are as near as the row itself take places of an answer, if they are not left out with it.
        let equals = if left_out.is_some_and(|left_out| left_out.is_known()) {
            self.equals(question, &truth)
        } else {
            truth.equals
        };
        let most = self.k + equals;
        for at in 0..MEASURED_VALUES {
            let start = Instant::now();
            let hits = self.find(question, &truth, at, most);
            self.spent[at] += start.elapsed();
            self.found[at] += hits;
        }
    }

    /// The place that indexes have of a row.
    fn indexed(&self, row: pg_sys::ItemPointerData) -> Tid {
        let tid = tid_of(row);
        // SAFETY: the table is open; the place is one of its rows where it is a heap.
        let place = unsafe {
            if can_read(self.table) {
                first_version(self.table, tid)
            } else {
                None
            }
        };
        place.unwrap_or(tid)
    }

    /// Rows as near as the question itself that a search still finds.
    fn equals(&self, question: &Question, truth: &Truth) -> usize {
        let found = (self.statements).nearest(&question.value, self.k + truth.equals);
        let is_equal = |distance: &&f64| Some(**distance) == truth.own;
        found.iter().filter(is_equal).count()
    }

    /// What the index finds of the rows that exact search has found.
    fn find(&self, question: &Question, truth: &Truth, setting: usize, most: usize) -> usize {
        let value = CString::new(self.effort.measured[setting].to_string()).unwrap_or_default();
        self.owner.set(self.effort.setting, &value);
        let found = self.statements.nearest(&question.value, most);
        let counts =
            |distance: &&f64| **distance <= truth.farthest && Some(**distance) != truth.own;
        found.iter().filter(counts).count().min(truth.rows)
    }

    /// The answer of exact search; None where no row has a distance.
    fn exact(&self, question: &Question) -> Option<Truth> {
        self.owner.set(c"enable_indexscan", c"off");
        self.owner.set(c"enable_seqscan", c"on");
        let own = question
            .row
            .and_then(|_| self.statements.own(&question.value));
        let mut most = self.k + ROOM_FOR_EQUALS;
        loop {
            let all = self.statements.nearest(&question.value, most);
            let others = all.iter().filter(|distance| Some(**distance) != own);
            let others: Vec<f64> = others.copied().take(self.k).collect();
            if others.len() == self.k || all.len() < most {
                return Some(Truth {
                    farthest: others.last().copied()?,
                    rows: others.len(),
                    own,
                    equals: all
                        .iter()
                        .filter(|distance| Some(**distance) == own)
                        .count(),
                });
            }
            most *= 8;
        }
    }

    /// A row for each setting.
    fn rows(&self) -> impl Iterator<Item = RecallRow> {
        let asked = self.questions > 0;
        self.effort
            .measured
            .iter()
            .enumerate()
            .map(move |(at, effort)| {
                let recall = self.found[at] as f64 / self.expected as f64;
                let mean = self.spent[at].as_secs_f64() * 1_000.0 / f64::from(self.questions);
                RecallRow {
                    effort: *effort,
                    recall: asked.then(|| rounded(recall, 1e4)),
                    milliseconds: asked.then(|| rounded(mean, 1e3)),
                }
            })
    }
}

/// A number with as many digits as are worth to be read.
fn rounded(number: f64, per_unit: f64) -> f64 {
    (number * per_unit).round() / per_unit
}

/// Asks all questions. What will take long says so after the first of them.
fn measure(measurement: &mut Measurement<'_>, questions: &[Question]) {
    let start = Instant::now();
    for (at, question) in questions.iter().enumerate() {
        measurement.ask(question);
        let all = start.elapsed() * u32::try_from(questions.len()).unwrap_or(u32::MAX);
        if at == 0 && all > LONG_MEASUREMENT {
            pgrx::notice!(
                "{} questions will take about {} s: exact search reads all rows for each",
                questions.len(),
                all.as_secs()
            );
        }
    }
}

/// Where questions come from.
enum Asks {
    /// Rows of the table.
    Rows,
    /// A query of the caller's.
    Query(String),
}

/// Recall and time of an index by its method's setting, from so many questions at most. A row that is found counts if
/// it is no farther than the k-th by exact search.
fn recall(call: &Call, asks: &Asks, count: i32, k: i32) -> Result<pg_sys::Datum, Failure> {
    let relation = IndexRelation::open(call.relation(0), Access::Read)?;
    if count < 1 || k < 1 {
        return Err(Failure::SampleSize);
    }
    let effort = relation.method.effort;
    let most = effort.measured.into_iter().max().unwrap_or(0);
    if !effort.counts.gives(most, k) {
        let setting = effort.setting.to_string_lossy().into_owned();
        return Err(Failure::AnswerSize { most, setting });
    }
    // The temporary index of another session raises an error here; statements about it would find nothing.
    relation.search()?;
    let asked = match asks {
        Asks::Query(query) => Some(asked(query, count)?),
        Asks::Rows => None,
    };
    // SAFETY: the table and the index are open.
    let (owner, index) = unsafe { (AsOwner::of(relation.table), (*relation.index).rd_id) };
    owner.set(c"enable_sort", c"on");
    let mut measurement = Measurement {
        owner: &owner,
        effort,
        table: relation.table,
        statements: Statements::of(index),
        k: k as usize,
        questions: 0,
        expected: 0,
        found: Default::default(),
        spent: Default::default(),
    };
    let questions = asked.unwrap_or_else(|| sample(&measurement.statements, count));
    measure(&mut measurement, &questions);
    let gives = |row: &RecallRow| effort.counts.gives(row.effort, k);
    let rows = measurement.rows().filter(gives).map(|row| {
        vec![
            row.effort.into_datum(),
            row.recall.into_datum(),
            row.milliseconds.into_datum(),
        ]
    });
    // SAFETY: the catalogue declares these columns.
    Ok(unsafe { result::table(call.info(), rows) })
}

sql_functions! {
    /// Rows as questions.
    fn vector_index_recall(call) -> pg_sys::Datum {
        recall(call, &Asks::Rows, call.integer(1), call.integer(2))
    }

    /// Questions of the caller's own.
    fn vector_index_recall_asked(call) -> pg_sys::Datum {
        let query = Asks::Query(call.text(1));
        recall(call, &query, call.integer(2), call.integer(3))
    }
}
