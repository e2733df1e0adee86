//! The searches, exact and through the index, and what the index says of itself, on 100 columns.

use postgres::{Client, Row};

use super::search::{self, Both, EXECUTIONS, INDEX, Values};
use super::support::Result;
use super::support::passages::Question;

const NEAREST: &str = "SELECT id, title, body, embedding <=> $1 AS distance
    FROM passages
    ORDER BY embedding <=> $1 LIMIT 10";

/// The filtered search: which question, and the search itself.
const FILTERED: (usize, &str) = (
    9,
    "SELECT id, title, body, embedding <=> $1 AS distance
    FROM passages WHERE corpus = 'wordnet' AND size >= 3
    ORDER BY embedding <=> $1 LIMIT 10",
);

/// Other ways to run it.
const SETTINGS: [(&str, &str); 3] = [
    ("hnsw.iterative_scan", "off"),
    ("hnsw.iterative_scan", "relaxed_order"),
    ("hnsw.ef_search", "400"),
];

const WIDTH: usize = 100;

/// What a column of `vector_index_info` means.
const MEANINGS: [(&str, &str); 11] = [
    ("rows", "in the index"),
    ("nodes", "different vectors"),
    (
        "levels",
        "of the graph; a search walks from the highest down",
    ),
    ("dims", "of a vector"),
    ("storage", "of vectors: f32, f16 or int8"),
    ("m", "links of a vector"),
    ("bytes", "of all pages"),
    ("dead", "vectors that the next vacuum frees"),
    ("free", "places that the next inserts take"),
    ("format", "of the pages"),
    (
        "build_memory",
        "bytes that a rebuild takes of maintenance_work_mem",
    ),
];

/// Answers each question both ways, and compares.
pub fn answers(client: &mut Client, questions: &[Question]) -> Result<()> {
    println!("Ten questions, by exact search and through the index, in one session:\n");
    println!("    {NEAREST};\n");
    println!(
        "Exact search measures every row (SET enable_indexscan = off). Times are medians of {EXECUTIONS}"
    );
    println!(
        "executions of the prepared statement, as the client sees them; recall is how many of the exact"
    );
    println!("ten the index finds. The three nearest are shown.\n");
    heading("question");
    let (mut exact, mut indexed, mut found, mut wanted) = (0.0, 0.0, 0, 0);
    for question in questions {
        let both = Both::ask(client, NEAREST, &[&question.embedding])?;
        let ids = both.exact.ids()?;
        if !question.truth.iter().all(|id| ids.contains(id)) {
            return Err(format!("{}: exact search misses a neighbour", question.text).into());
        }
        (exact, indexed) = (
            exact + milliseconds(&both.exact),
            indexed + milliseconds(&both.indexed),
        );
        (found, wanted) = (found + both.found()?, wanted + both.exact.rows.len());
        line_of(&question.text, &both)?;
        passages(&both.indexed.rows, 3)?;
    }
    println!();
    line("all ten questions", (exact, indexed), (found, wanted));
    println!();
    Ok(())
}

/// Answers a question under a filter, and shows that the filter leaves no place of LIMIT empty.
pub fn filtered(client: &mut Client, questions: &[Question]) -> Result<()> {
    let (number, query) = FILTERED;
    let question = &questions[number];
    let values: Values = &[&question.embedding];
    println!("A filter is plain SQL. The search goes on until LIMIT is filled:\n");
    println!("    {query};\n");
    heading("question");
    let both = Both::ask(client, query, values)?;
    let (rows, wanted) = (both.indexed.rows.len(), both.exact.rows.len());
    if rows < wanted {
        return Err(format!("the filter leaves {rows} rows of {wanted}").into());
    }
    line_of(&format!("{}: {rows} rows", question.text), &both)?;
    passages(&both.indexed.rows, rows)?;
    println!();
    for (setting, value) in SETTINGS {
        client.batch_execute(&format!("SET {setting} = {value}"))?;
        let both = Both::ask(client, query, values)?;
        client.batch_execute(&format!("RESET {setting}"))?;
        let rows = both.indexed.rows.len();
        line_of(&format!("SET {setting} = {value}: {rows} rows"), &both)?;
    }
    println!(
        "\nWithout iterative scans a search ends with its hnsw.ef_search candidates, 40 by default, and"
    );
    println!(
        "leaves places empty where the filter drops them. A search that goes on far misses some of the"
    );
    println!(
        "nearest rows; more candidates find them. How Postgres runs it as it is set at first:\n"
    );
    let explain = format!("EXPLAIN (ANALYZE, COSTS OFF) {query}");
    for plan_line in search::explain(client, &explain, values)? {
        println!("    {}", cut(&plan_line, WIDTH - 4));
    }
    println!();
    Ok(())
}

/// Prints what the index holds.
pub fn info(client: &mut Client) -> Result<()> {
    println!("What the index says of itself: SELECT * FROM vector_index_info('{INDEX}')\n");
    let query = "SELECT key, value FROM vector_index_info($1::text::regclass) AS info,
        json_each_text(row_to_json(info))";
    for row in client.query(query, &[&INDEX])? {
        let column: &str = row.try_get(0)?;
        // What only lists have is NULL.
        let Some(value) = row.try_get::<_, Option<&str>>(1)? else {
            continue;
        };
        let meaning = MEANINGS.iter().find(|(name, _)| *name == column);
        let meaning = meaning.map_or("", |(_, meaning)| meaning);
        println!("  {column:<14}{value:>10}  {meaning}");
    }
    Ok(())
}

fn milliseconds(answer: &search::Answer) -> f64 {
    answer.taken.as_secs_f64() * 1e3
}

fn heading(title: &str) {
    let columns = format!(
        "{:>11}{:>13}{:>11}{:>11}",
        "exact", "index", "faster", "recall"
    );
    println!("{title:<54}{columns}");
    println!("{}", "-".repeat(WIDTH));
}

fn line_of(title: &str, both: &Both) -> Result<()> {
    let times = (milliseconds(&both.exact), milliseconds(&both.indexed));
    line(title, times, (both.found()?, both.exact.rows.len()));
    Ok(())
}

/// A line under the heading: milliseconds by exact search and through the index; rows that the index
/// found, of so many.
fn line(title: &str, (exact, indexed): (f64, f64), (found, wanted): (usize, usize)) {
    let faster = format!("{:.1}x", exact / indexed);
    let recall = format!("{found}/{wanted}");
    println!("{title:<54}{exact:>8.2} ms{indexed:>10.2} ms{faster:>11}{recall:>11}");
}

/// Prints the first passages of an answer.
fn passages(rows: &[Row], count: usize) -> Result<()> {
    for row in rows.iter().take(count) {
        let distance: f64 = row.try_get("distance")?;
        let (title, body): (&str, &str) = (row.try_get("title")?, row.try_get("body")?);
        println!(
            "  {distance:.3}  {:<24}  {}",
            cut(title, 24),
            cut(body, WIDTH - 35)
        );
    }
    Ok(())
}

/// As much of the text as `width` characters hold.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 3).chain("...".chars()).collect()
}
