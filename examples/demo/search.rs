//! A search, timed, and the proof that it came the way it should.

use std::time::{Duration, Instant};

use postgres::types::ToSql;
use postgres::{Client, Row};

use super::support::Result;

/// The index, by name.
pub const INDEX: &str = "passages_embedding";

/// Executions of each prepared statement; times are their medians.
pub const EXECUTIONS: usize = 25;

/// Parameters of a query.
pub type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The rows of a search, and how long it took.
pub struct Answer {
    /// Nearest first.
    pub rows: Vec<Row>,
    /// The median, from the client's side.
    pub taken: Duration,
}

impl Answer {
    /// The column `id` of the rows.
    pub fn ids(&self) -> Result<Vec<i64>> {
        let ids = self.rows.iter().map(|row| row.try_get("id"));
        Ok(ids.collect::<std::result::Result<_, _>>()?)
    }
}

/// The same search both ways.
pub struct Both {
    /// Every row measured.
    pub exact: Answer,
    /// Through the index.
    pub indexed: Answer,
}

impl Both {
    /// Searches both ways, in the same session.
    pub fn ask(client: &mut Client, query: &str, values: Values) -> Result<Self> {
        client.batch_execute("SET enable_indexscan = off")?;
        let exact = ask(client, query, values, false)?;
        client.batch_execute("RESET enable_indexscan")?;
        let indexed = ask(client, query, values, true)?;
        Ok(Self { exact, indexed })
    }

    /// How many of the exact answer's rows the index found.
    pub fn found(&self) -> Result<usize> {
        let indexed = self.indexed.ids()?;
        let exact = self.exact.ids()?;
        Ok(exact.iter().filter(|id| indexed.contains(id)).count())
    }
}

/// Prepares and executes. The statement is planned anew, under the settings of now.
fn ask(client: &mut Client, query: &str, values: Values, indexed: bool) -> Result<Answer> {
    check_plan(&plan(client, query, values)?, indexed)?;
    let statement = client.prepare(query)?;
    let scans = scans(client)?;
    let mut rows = Vec::new();
    let mut times = Vec::with_capacity(EXECUTIONS);
    for _ in 0..EXECUTIONS {
        let started = Instant::now();
        rows = client.query(&statement, values)?;
        times.push(started.elapsed());
    }
    // The server may plan a prepared statement anew at any execution: so it counts as well.
    let scans = self::scans(client)? - scans;
    let expected = if indexed { EXECUTIONS } else { 0 };
    if scans != i64::try_from(expected)? {
        return Err(format!("{scans} searches of the index where {expected} are due").into());
    }
    times.sort_unstable();
    let taken = times[EXECUTIONS / 2];
    Ok(Answer { rows, taken })
}

/// How often this session has searched the index.
fn scans(client: &mut Client) -> Result<i64> {
    let query = "SELECT coalesce(sum(scans), 0)::bigint FROM vector_index_scans
                  WHERE index = $1::text::regclass";
    Ok(client.query_one(query, &[&INDEX])?.try_get(0)?)
}

/// What EXPLAIN says, line by line.
pub fn plan(client: &mut Client, query: &str, values: Values) -> Result<Vec<String>> {
    explain(client, &format!("EXPLAIN (COSTS OFF) {query}"), values)
}

/// The lines that an EXPLAIN answers, vectors shortened.
pub fn explain(client: &mut Client, query: &str, values: Values) -> Result<Vec<String>> {
    let lines = client.query(query, values)?;
    let lines = lines
        .iter()
        .map(|line| Ok(without_vectors(line.try_get(0)?)));
    lines.collect()
}

/// A plan's line with its vectors shortened.
fn without_vectors(line: &str) -> String {
    match (line.find("'["), line.find("]'")) {
        (Some(start), Some(end)) if start < end => {
            format!("{}'[...]{}", &line[..start], &line[end + 1..])
        }
        _ => line.to_owned(),
    }
}

/// An error unless the plan searches through the index, or does not, as it should.
pub fn check_plan(plan: &[String], indexed: bool) -> Result<()> {
    let scan = format!("Index Scan using {INDEX}");
    if plan.iter().any(|line| line.contains(&scan)) == indexed {
        return Ok(());
    }
    let plan = plan.join("\n");
    Err(if indexed {
        format!("a search does not use the index:\n{plan}").into()
    } else {
        format!("an exact search uses the index:\n{plan}").into()
    })
}
