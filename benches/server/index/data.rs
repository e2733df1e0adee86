//! Rows, questions, and the rows that are truly nearest to them.

use std::collections::HashSet;

use pgvector::Vector;
use rayon::prelude::*;
use vector_ext::distance::simd::kernels;

use super::support::npy::read_floats;
use super::support::{Result, project};
use super::{Arguments, K, change};

/// Nearest rows known of each question: some of them will not be in the table yet, or no longer.
const KNOWN: usize = 200;
/// Questions that pass over the rows together.
const TOGETHER: usize = 16;

/// What is indexed, inserted and asked. The id of a row is its place.
pub struct Data {
    /// What the folder is called.
    pub name: String,
    /// Rows to index, then rows to insert.
    pub rows: Vec<Vector>,
    /// How many of them are there before the index is built.
    pub built: usize,
    /// What is asked; none of them is a row.
    pub questions: Vec<Vector>,
}

impl Data {
    /// Reads the folder, or the bundled sample.
    pub fn read(arguments: &Arguments) -> Result<Self> {
        let (folder, [base, questions]) = match &arguments.data {
            Some(folder) => (folder.clone(), ["base", "queries"]),
            None => (project("demo"), ["embeddings", "questions"]),
        };
        let read = |name: &str, count: usize| -> Result<Vec<Vector>> {
            let matrix = read_floats(&folder.join(format!("{name}.f16.npy")))?;
            let rows = matrix.rows().take(count);
            Ok(rows.map(|row| Vector::from(row.to_vec())).collect())
        };
        let mut rows = read(base, arguments.rows.unwrap_or(usize::MAX))?;
        let built = rows.len();
        if built < KNOWN {
            return Err(format!("fewer than {KNOWN} rows").into());
        }
        let fresh = (0..change::rows_needed(arguments)).map(|i| mixed(&rows[..built], i));
        let fresh: Vec<Vector> = fresh.collect();
        rows.extend(fresh);
        let folder = folder.canonicalize()?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: arguments.name.clone().unwrap_or_else(|| name.into_owned()),
            rows,
            built,
            questions: read(questions, arguments.questions)?,
        })
    }

    /// Elements of a vector.
    pub fn dims(&self) -> usize {
        self.rows.first().map_or(0, |row| row.as_slice().len())
    }
}

/// A row to insert: one of the base and half of another, as a text on two subjects would be.
fn mixed(base: &[Vector], number: usize) -> Vector {
    let pick = |salt: usize| {
        let mixed = (2 * number + salt + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        base[(mixed >> 32) % base.len()].as_slice()
    };
    let pairs = pick(0).iter().zip(pick(1));
    Vector::from(pairs.map(|(a, b)| a + b / 2.0).collect::<Vec<f32>>())
}

/// A row with its cosine distance to a question.
type Near = (f64, usize);

/// The nearest rows of each question, nearest first.
pub struct Truth(Vec<Vec<Near>>);

impl Truth {
    /// Measures every row, those to be inserted as well.
    pub fn find(data: &Data) -> Self {
        let rows: Vec<Vec<f32>> = data.rows.par_iter().map(unit).collect();
        let groups = data.questions.par_chunks(TOGETHER);
        Self(
            groups
                .flat_map_iter(|group| nearest(data, &rows, group))
                .collect(),
        )
    }

    /// The ids that count as right while the rows of `here` are in the table: the nearest `K`, and
    /// whatever is exactly as near as the last of them.
    pub fn answers(&self, here: impl Fn(usize) -> bool) -> Result<Vec<HashSet<i64>>> {
        let answer = |known: &Vec<Near>| -> Result<HashSet<i64>> {
            let left: Vec<Near> = known.iter().copied().filter(|(_, id)| here(*id)).collect();
            let last = left.get(K - 1).ok_or("too few nearest rows are known")?.0;
            let near = left.iter().filter(|(distance, _)| *distance <= last);
            near.map(|(_, id)| Ok(i64::try_from(*id)?)).collect()
        };
        self.0.iter().map(answer).collect()
    }
}

fn unit(vector: &Vector) -> Vec<f32> {
    let elements = vector.as_slice();
    let norm = (kernels().inner_product)(elements, elements).sqrt();
    elements.iter().map(|element| element / norm).collect()
}

/// A first choice by float32, ordered by float64.
fn nearest(data: &Data, rows: &[Vec<f32>], group: &[Vector]) -> Vec<Vec<Near>> {
    let questions: Vec<Vec<f32>> = group.iter().map(unit).collect();
    let mut chosen: Vec<Vec<(f32, usize)>> = vec![Vec::new(); group.len()];
    let mut bounds = vec![f32::NEG_INFINITY; group.len()];
    for (id, row) in rows.iter().enumerate() {
        for ((question, chosen), bound) in questions.iter().zip(&mut chosen).zip(&mut bounds) {
            let cosine = (kernels().inner_product)(question, row);
            if cosine > *bound {
                chosen.push((cosine, id));
            }
            if chosen.len() == 4 * KNOWN {
                chosen.select_nth_unstable_by(2 * KNOWN, |a, b| b.0.total_cmp(&a.0));
                chosen.truncate(2 * KNOWN);
                *bound = chosen.iter().map(|near| near.0).fold(f32::MAX, f32::min);
            }
        }
    }
    let order = |(question, chosen): (&Vector, Vec<(f32, usize)>)| {
        let exact = |(_, id): (f32, usize)| (cosine_distance(question, &data.rows[id]), id);
        let mut known: Vec<Near> = chosen.into_iter().map(exact).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        known.truncate(KNOWN);
        known
    };
    group.iter().zip(chosen).map(order).collect()
}

fn cosine_distance(a: &Vector, b: &Vector) -> f64 {
    let (mut product, mut left, mut right) = (0.0, 0.0, 0.0);
    for (a, b) in a.as_slice().iter().zip(b.as_slice()) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        product += a * b;
        left += a * a;
        right += b * b;
    }
    1.0 - product / (left * right).sqrt()
}
