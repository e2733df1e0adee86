//! Rows, a question and the truth about them; databases on the cluster that `PGHOST` names.

use std::env;

use postgres::{Client, NoTls};

/// Rows of a table.
pub const ROWS: usize = 2000;
/// Elements of a vector.
pub const DIMS: usize = 16;
/// How many nearest rows are asked for.
pub const K: usize = 10;
/// An index as each client shall make it.
pub const OPTIONS: [&str; 2] = ["m=12", "ef_construction=80"];
/// An index's method, operator class and options.
pub const INDEX_QUERY: &str = "
    SELECT a.amname::text, o.opcname::text, c.reloptions
      FROM pg_class c JOIN pg_am a ON a.oid = c.relam JOIN pg_index i ON i.indexrelid = c.oid
      JOIN pg_opclass o ON o.oid = i.indclass[0]
     WHERE c.relname = 'items_index'";

/// Rows with ids from 1 on, and a question that is none of them.
pub struct Data {
    pub rows: Vec<Vec<f32>>,
    pub question: Vec<f32>,
}

impl Default for Data {
    /// A few random numbers a row, of about the same length in all, as embeddings are.
    fn default() -> Self {
        // Park and Miller's generator: the same numbers in every run.
        let mut state = 7_u64;
        let mut random = move || {
            state = state * 48271 % 2_147_483_647;
            state as f32 / 2_147_483_647.0 - 0.5
        };
        let spread: Vec<Vec<f32>> = (0..4)
            .map(|_| (0..DIMS).map(|_| random()).collect())
            .collect();
        let mut rows: Vec<Vec<f32>> = (0..=ROWS)
            .map(|_| {
                let mut wide = vec![0.0; DIMS];
                for part in &spread {
                    let share = random();
                    wide.iter_mut().zip(part).for_each(|(x, y)| *x += share * y);
                }
                let length = wide.iter().map(|x| x * x).sum::<f32>().sqrt();
                let scale = (1.0 + random() / 5.0) / length;
                wide.iter().map(|x| x * scale).collect()
            })
            .collect();
        let question = rows.pop().unwrap_or_default();
        Self { rows, question }
    }
}

impl Data {
    /// What a row's `kind` is.
    pub fn kind(id: i64) -> i32 {
        (id % 7) as i32
    }

    /// The bits of a vector: which elements are positive.
    pub fn bits(row: &[f32]) -> Vec<bool> {
        row.iter().map(|x| *x > 0.0).collect()
    }

    /// A vector with its smaller elements left out.
    pub fn sparse(row: &[f32]) -> Vec<f32> {
        row.iter()
            .map(|x| if *x > 0.1 { *x } else { 0.0 })
            .collect()
    }

    /// The distance of each row.
    pub fn distances(&self, operator: &str) -> Vec<f64> {
        self.rows
            .iter()
            .map(|row| distance(operator, row, &self.question))
            .collect()
    }

    /// The row that is nearest to the question.
    pub fn nearest(&self, operator: &str) -> i64 {
        let truth = self.distances(operator);
        let first = (0..ROWS).min_by(|a, b| truth[*a].total_cmp(&truth[*b]));
        first.map_or(0, |place| place as i64 + 1)
    }

    /// The ids are those of the K nearest, in order; one of them may be a farther one, for an index is
    /// approximate.
    pub fn assert_nearest(&self, ids: &[i64], operator: &str, chosen: impl Fn(i64) -> bool) {
        let truth = self.distances(operator);
        let mut among: Vec<f64> = (1..=ROWS as i64)
            .filter(|id| chosen(*id))
            .map(|id| truth[id as usize - 1])
            .collect();
        among.sort_by(f64::total_cmp);
        let given: Vec<f64> = ids.iter().map(|id| truth[*id as usize - 1]).collect();
        assert_eq!(ids.len(), K);
        assert!(
            given.windows(2).all(|pair| pair[1] >= pair[0] - 1e-5),
            "{given:?}"
        );
        let near = given.iter().filter(|x| **x <= among[K - 1] + 1e-5).count();
        assert!(near >= K - 1, "{given:?}, not {:?}", &among[..K]);
        assert!(ids.iter().all(|id| chosen(*id)));
    }

    /// `avg` and `sum` over the rows of kind 2.
    pub fn assert_means(&self, mean: &[f32], sum: &[f32]) {
        let rows = (1_i64..)
            .zip(&self.rows)
            .filter(|(id, _)| Self::kind(*id) == 2);
        let mut expected = vec![0.0_f64; DIMS];
        let mut count = 0.0;
        for (_, row) in rows {
            expected
                .iter_mut()
                .zip(row)
                .for_each(|(total, x)| *total += f64::from(*x));
            count += 1.0;
        }
        assert_close(sum.iter().map(|x| f64::from(*x)), &expected, 1e-3);
        expected.iter_mut().for_each(|total| *total /= count);
        assert_close(mean.iter().map(|x| f64::from(*x)), &expected, 1e-5);
    }
}

/// Equal but for rounding.
pub fn assert_close(found: impl IntoIterator<Item = f64>, expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    for (x, y) in found.iter().zip(expected) {
        assert!((x - y).abs() <= tolerance, "{x}, not {y}");
    }
}

/// What an operator gives, in f64.
pub fn distance(operator: &str, left: &[f32], right: &[f32]) -> f64 {
    let pairs = || {
        left.iter()
            .zip(right)
            .map(|(x, y)| (f64::from(*x), f64::from(*y)))
    };
    let signs = || pairs().map(|(x, y)| (x > 0.0, y > 0.0));
    let differ = || signs().filter(|(x, y)| x != y).count() as f64;
    let norm = |values: &[f32]| {
        values
            .iter()
            .map(|x| f64::from(*x).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let inner: f64 = pairs().map(|(x, y)| x * y).sum();
    match operator {
        "<->" => pairs().map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt(),
        "<#>" => -inner,
        "<=>" => 1.0 - inner / (norm(left) * norm(right)),
        "<+>" => pairs().map(|(x, y)| (x - y).abs()).sum(),
        "<~>" => differ(),
        "<%>" => differ() / signs().filter(|(x, y)| *x || *y).count().max(1) as f64,
        other => panic!("no operator {other}"),
    }
}

/// Where a database of the cluster is.
pub fn url(database: &str) -> String {
    let host = env::var("PGHOST").expect("PGHOST: run this through make test-clients");
    format!("host={host} user=postgres dbname={database}")
}

/// A database with vector_ext; it goes when this value does.
pub struct Database(&'static str);

impl Database {
    /// Makes it.
    pub fn new(name: &'static str) -> Self {
        administer(&format!("CREATE DATABASE {name}"));
        let made = Self(name);
        administer(&format!("ALTER DATABASE {name} SET hnsw.ef_search = 100"));
        let mut client = Client::connect(&made.url(), NoTls).expect("connect");
        client
            .batch_execute("CREATE EXTENSION vector_ext")
            .expect("CREATE EXTENSION");
        made
    }

    /// For `Client::connect`, and libpq.
    pub fn url(&self) -> String {
        url(self.0)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        administer(&format!("DROP DATABASE {} WITH (FORCE)", self.0));
    }
}

fn administer(statement: &str) {
    let mut client = Client::connect(&url("postgres"), NoTls).expect("connect");
    client.batch_execute(statement).expect(statement);
}
