//! Seeded vectors in clusters, tables of them, and what an index answers beside exact search.

use pgvector::Vector;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};
use postgres::{Client, GenericClient};

use super::Result;
use super::passages::vector_type;

/// Random numbers that are the same everywhere (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    /// From 0 up to 1.
    pub fn unit(&mut self) -> f32 {
        f32::from(u16::try_from(self.bits() >> 48).unwrap_or(0)) / 65_536.0
    }

    /// About normal, of variance 1.
    pub fn normal(&mut self) -> f32 {
        ((0..6).map(|_| self.unit()).sum::<f32>() - 3.0) * std::f32::consts::SQRT_2
    }
}

/// Vectors around `centres` points, spread in sixteen directions and a little in all: what models give
/// has many dimensions, and few that matter at a place.
#[derive(Clone, Debug)]
pub struct Clusters {
    centres: Vec<Vec<f32>>,
    directions: Vec<Vec<f32>>,
    random: Random,
}

const DIRECTIONS: usize = 16;
const SPREAD: f32 = 0.4;
const NOISE: f32 = 0.1;

impl Clusters {
    /// The same for the same seed and dimensions.
    pub fn new(seed: u64, dims: usize, centres: usize) -> Self {
        let mut random = Random(seed);
        let mut centre = || (0..dims).map(|_| random.normal()).collect();
        let centres = (0..centres).map(|_| centre()).collect();
        let directions = (0..DIRECTIONS).map(|_| centre()).collect();
        Self {
            centres,
            directions,
            random,
        }
    }

    /// The next vector.
    pub fn vector(&mut self) -> Vector {
        let at = usize::try_from(self.random.below(self.centres.len() as u64)).unwrap_or(0);
        let mut vector = self.centres[at].clone();
        for direction in &self.directions {
            let step = SPREAD * self.random.normal();
            for (x, d) in vector.iter_mut().zip(direction) {
                *x += step * d;
            }
        }
        for x in &mut vector {
            *x += NOISE * self.random.normal();
        }
        Vector::from(vector)
    }

    /// The next vectors.
    pub fn vectors(&mut self, count: usize) -> Vec<Vector> {
        (0..count).map(|_| self.vector()).collect()
    }
}

/// Makes `items (id int PRIMARY KEY, v vector(dims))` with ids from 1, as text `kind` of table.
pub fn make_table(client: &mut Client, kind: &str, dims: usize, rows: &[Vector]) -> Result<()> {
    client.batch_execute(&format!(
        "DROP TABLE IF EXISTS items;
         CREATE {kind} TABLE items (id int PRIMARY KEY, v vector({dims}))"
    ))?;
    copy_rows(client, 1, rows)
}

/// Adds rows to `items` by binary COPY, with ids from `first`.
pub fn copy_rows(client: &mut Client, first: i32, rows: &[Vector]) -> Result<()> {
    let types = [Type::INT4, vector_type(client)?];
    let sink = client.copy_in("COPY items (id, v) FROM STDIN (FORMAT BINARY)")?;
    let mut writer = BinaryCopyInWriter::new(sink, &types);
    for (id, vector) in (first..).zip(rows) {
        let row: [&(dyn ToSql + Sync); 2] = [&id, vector];
        writer.write(&row)?;
    }
    writer.finish()?;
    Ok(())
}

/// Makes the planner take the index wherever it can.
pub const BY_INDEX: &str =
    "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off";

/// Keeps the planner from any index.
pub const EXACT: &str = "SET enable_indexscan = off; SET enable_bitmapscan = off;
    SET enable_seqscan = on; SET enable_sort = on";

/// Ids and distances of a query's rows.
pub type Answer = Vec<(i32, f64)>;

/// The `limit` nearest rows of `items` that meet `filter`, as the session plans it.
pub fn nearest(
    client: &mut impl GenericClient,
    operator: &str,
    query: &Vector,
    (filter, limit): (&str, i64),
) -> Result<Answer> {
    let sql = format!(
        "SELECT id, v {operator} $1 FROM items WHERE {filter} ORDER BY v {operator} $1 LIMIT $2"
    );
    let rows = client.query(&sql, &[query, &limit])?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The nearest rows by the index, whose use is checked.
pub fn by_index(client: &mut Client, operator: &str, query: &Vector, limit: i64) -> Result<Answer> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&BY_INDEX.replace("SET ", "SET LOCAL "))?;
    let plan = plan(
        &mut transaction,
        &format!("SELECT id FROM items ORDER BY v {operator} $1 LIMIT 10"),
        &[query],
    )?;
    assert!(plan.contains("Index Scan using"), "{plan}");
    let answer = nearest(&mut transaction, operator, query, ("true", limit))?;
    transaction.commit()?;
    Ok(answer)
}

/// The nearest rows by exact search.
pub fn exactly(client: &mut Client, operator: &str, query: &Vector, limit: i64) -> Result<Answer> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&EXACT.replace("SET ", "SET LOCAL "))?;
    let answer = nearest(&mut transaction, operator, query, ("true", limit))?;
    transaction.commit()?;
    Ok(answer)
}

/// What the planner would do.
pub fn plan(
    client: &mut impl GenericClient,
    query: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<String> {
    let rows = client.query(&format!("EXPLAIN (COSTS OFF) {query}"), parameters)?;
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(lines.join("\n"))
}

/// The share of the nearest rows that were found. Rows as far as the farthest of them count too.
pub fn recall(found: &[(i32, f64)], truth: &[(i32, f64)]) -> f64 {
    let Some((_, farthest)) = truth.last() else {
        return 1.0;
    };
    let hits = found
        .iter()
        .take(truth.len())
        .filter(|(_, distance)| distance <= farthest);
    share(hits.count(), truth.len())
}

/// One number as a part of another.
pub fn share(part: usize, whole: usize) -> f64 {
    let float = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    float(part) / float(whole.max(1))
}

/// Says where distances go down.
pub fn first_disorder(answer: &[(i32, f64)]) -> Option<usize> {
    answer.windows(2).position(|pair| pair[1].1 < pair[0].1)
}

/// What `vector_index_check` has to say about an index: nothing.
pub fn assert_sound(client: &mut impl GenericClient, index: &str) -> Result<()> {
    let rows = client.query(
        &format!("SELECT problem FROM vector_index_check('{index}') LIMIT 20"),
        &[],
    )?;
    let problems: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(problems.is_empty(), "{index}: {problems:#?}");
    Ok(())
}

/// A vector as SQL.
pub fn literal(vector: &Vector) -> String {
    let numbers: Vec<String> = vector.as_slice().iter().map(f32::to_string).collect();
    format!("'[{}]'::vector({})", numbers.join(","), numbers.len())
}

/// Ids of an answer, in order.
pub fn ids(answer: &[(i32, f64)]) -> Vec<i32> {
    answer.iter().map(|(id, _)| *id).collect()
}

/// Every row of `items` comes by the index exactly once.
pub fn assert_whole(client: &mut Client, operator: &str, query: &Vector) -> Result<()> {
    let rows: i64 = client.query_one("SELECT count(v) FROM items", &[])?.get(0);
    let settings = ["hnsw.iterative_scan", "ivfflat.iterative_scan"];
    for setting in settings {
        client.batch_execute(&format!("SET {setting} = relaxed_order"))?;
    }
    let mut found = ids(&by_index(client, operator, query, rows + 10)?);
    for setting in settings {
        client.batch_execute(&format!("RESET {setting}"))?;
    }
    let given = found.len();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), given, "a row came twice");
    assert_eq!(i64::try_from(given)?, rows, "rows by {operator}");
    Ok(())
}

/// An index on `items` that is sound, gives every row, in order, and finds what exact search does.
pub fn assert_right(client: &mut Client, index: &str, queries: &[Vector]) -> Result<()> {
    assert_sound(client, index)?;
    client.batch_execute("SET hnsw.ef_search = 400")?;
    for query in queries {
        assert_whole(client, "<->", query)?;
        client.batch_execute(
            "SET ivfflat.probes = 32768; SET ivfflat.iterative_scan = relaxed_order",
        )?;
        let (found, truth) = (
            by_index(client, "<->", query, 20)?,
            exactly(client, "<->", query, 20)?,
        );
        // In strict order rows that are found late come last, so LIMIT may leave them out.
        client.batch_execute("RESET ivfflat.iterative_scan")?;
        let strict = by_index(client, "<->", query, 20)?;
        client.batch_execute("RESET ivfflat.probes")?;
        assert_eq!(first_disorder(&strict), None, "{strict:?}");
        let recall = recall(&found, &truth);
        assert!(recall >= 0.95, "recall {recall}: {found:?}, not {truth:?}");
    }
    client.batch_execute("RESET hnsw.ef_search")?;
    Ok(())
}
