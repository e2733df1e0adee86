//! Generated vectors of shapes that real tables have and benchmarks leave out: lengths that differ, rows near
//! the middle of the others, one row that is far longer, duplicates, whole numbers, sorted rows.

/// Repeatable randomness (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 (included) to 1.
    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// Normal (Box and Muller).
    fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.uniform()).cos()
    }

    fn normals(&mut self, dims: usize) -> Vec<f32> {
        (0..dims).map(|_| self.normal()).collect()
    }
}

/// How the vectors of a data set lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lie {
    /// Each element uniform from -1 to 1.
    Uniform,
    /// Around 30 centres of uneven sizes, some tight and some loose.
    Clustered,
    /// Random directions; lengths `exp(sigma * normal)`.
    Lengths(f32),
    /// Normal, but for one row a million times as long.
    Outlier,
    /// Normal, but for one row ten times as long.
    LongRow,
    /// All equal, but for ten.
    EqualButTen,
    /// A twentieth of the rows are distinct.
    Duplicates,
    /// Whole numbers from -3 to 3.
    Integers,
    /// Uniform, in ascending order of the first element.
    Sorted,
    /// Corners of a cube, and three rows near its middle.
    Middle,
    /// Products of two uniform numbers: all elements positive, most of them small.
    Products,
}

/// All shapes.
pub const SHAPES: [Lie; 13] = [
    Lie::Uniform,
    Lie::Clustered,
    Lie::Lengths(0.0),
    Lie::Lengths(0.4),
    Lie::Lengths(0.8),
    Lie::Outlier,
    Lie::LongRow,
    Lie::EqualButTen,
    Lie::Duplicates,
    Lie::Integers,
    Lie::Sorted,
    Lie::Middle,
    Lie::Products,
];

/// Rows to index, and questions that are not among them.
pub struct DataSet {
    pub rows: Vec<Vec<f32>>,
    pub questions: Vec<Vec<f32>>,
}

impl DataSet {
    /// Makes `rows` rows and `questions` questions, the same for the same arguments.
    pub fn new(shape: Lie, dims: usize, rows: usize, questions: usize) -> Self {
        let mut random = Random(17 + dims as u64);
        let mut all: Vec<Vec<f32>> = (0..rows + questions)
            .map(|at| shape.vector(&mut random, dims, at))
            .collect();
        let questions = all.split_off(rows);
        shape.finish(&mut all);
        let rows = all;
        Self { rows, questions }
    }
}

impl Lie {
    fn vector(self, random: &mut Random, dims: usize, at: usize) -> Vec<f32> {
        match self {
            Self::Uniform | Self::Sorted => {
                (0..dims).map(|_| 2.0 * random.uniform() - 1.0).collect()
            }
            Self::Clustered => clustered(random, dims),
            Self::Lengths(sigma) => {
                let (direction, length) = (random.normals(dims), (sigma * random.normal()).exp());
                let norm = direction.iter().map(|x| x * x).sum::<f32>().sqrt();
                direction.iter().map(|x| x / norm * length).collect()
            }
            Self::EqualButTen if at >= 10 => vec![0.25; dims],
            Self::EqualButTen | Self::Outlier | Self::LongRow => random.normals(dims),
            Self::Duplicates => {
                let mut distinct = Random(random.next() % 100);
                distinct.normals(dims)
            }
            Self::Integers => {
                let whole = |x: u64| (x % 7) as f32 - 3.0;
                (0..dims).map(|_| whole(random.next())).collect()
            }
            Self::Middle => {
                let corner = |x: u64| if x & 1 == 0 { 1.0 } else { -1.0 };
                (0..dims).map(|_| corner(random.next())).collect()
            }
            Self::Products => (0..dims)
                .map(|_| random.uniform() * random.uniform())
                .collect(),
        }
    }

    /// What is not drawn row by row.
    fn finish(self, rows: &mut [Vec<f32>]) {
        let middle = rows.len() / 2;
        match self {
            Self::Sorted => rows.sort_by(|a, b| a[0].total_cmp(&b[0])),
            Self::Outlier => rows[middle].iter_mut().for_each(|x| *x *= 1e6),
            Self::LongRow => rows[middle].iter_mut().for_each(|x| *x *= 10.0),
            Self::Middle => {
                for (row, at) in rows.iter_mut().zip(1_u8..=3) {
                    row.fill(0.01 * f32::from(at));
                }
            }
            Self::Uniform
            | Self::Clustered
            | Self::Lengths(_)
            | Self::EqualButTen
            | Self::Duplicates
            | Self::Integers
            | Self::Products => {}
        }
    }
}

/// Cluster `i` of 30 has a share that falls with `i`, and a spread from 0.02 to 1.
fn clustered(random: &mut Random, dims: usize) -> Vec<f32> {
    let cluster = (random.next() % 30).min(random.next() % 30);
    let mut centre = Random(5_000 + cluster);
    let spread = 0.02_f32.powf(centre.uniform());
    (0..dims)
        .map(|_| 2.0 * centre.normal() + spread * random.normal())
        .collect()
}
