//! Our codes by themselves: how many of the nearest ten rows are among the first ten by a code, and after the first 40
//! or 100 are measured exactly. `run.py` gives the lists, so that its peers read the same rows.
//!
//! Prints a JSON line for each code: what it is, its bytes a row without the row's place, and recalls.

#![expect(clippy::cast_precision_loss, reason = "counts are small")]

#[path = "../../tests/server/support/mod.rs"]
mod support;

use std::path::PathBuf;

use clap::Parser;
use support::Result;
use support::npy::{Matrix, read_floats, read_integers};
use vector_ext::distance::simd::kernels;
use vector_ext::quantize::{Factors, PackedForm, Rotation, encode, from_bf16, signed_sum, to_bf16};

/// Nearest rows asked for.
const K: usize = 10;

/// Rows that are measured exactly.
const REFINED: [usize; 2] = [40, 100];

/// Bytes of a one-bit code beside its bits: base, slope and error.
const FACTOR_BYTES: usize = 8;

/// Bytes of a packed code's scale.
const SCALE_BYTES: usize = 4;

const SEED: u64 = 7;

/// Recall of our codes on the lists in a folder.
#[derive(Parser)]
struct Arguments {
    /// Folder with base.f16.npy, queries.f16.npy and truth.i32.npy
    #[arg(long)]
    data: PathBuf,
    /// Folder with centres.f16.npy, the list of each row in lists.i32.npy, and directions.f16.npy: the principal
    /// directions of rows around their centres, most variance first
    #[arg(long)]
    lists: PathBuf,
    /// Lists read for a query
    #[arg(long, default_value_t = 48)]
    probes: usize,
    /// Bytes that one-bit codes have
    #[arg(long, num_args = 1.., default_values_t = [64, 32, 16])]
    bytes: Vec<usize>,
    /// What cargo passes to benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

/// Rows by their lists.
struct Set {
    base: Matrix<f32>,
    queries: Matrix<f32>,
    truth: Matrix<i32>,
    centres: Matrix<f32>,
    lists: Vec<Vec<usize>>,
    probes: usize,
}

/// A code of all rows.
trait RowCodes {
    /// What a query has for a list, and for all.
    type Prepared;

    fn prepare(&self, query: &[f32], centre: &[f32]) -> Self::Prepared;

    /// An estimate of a row's squared distance.
    fn distance(&self, row: usize, prepared: &Self::Prepared) -> f32;
}

fn less(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn squared(a: &[f32]) -> f32 {
    (kernels().inner_product)(a, a)
}

/// Bits of the first coordinates of a row around its centre.
struct Signs {
    bits: usize,
    directions: Directions,
    rows: Vec<SignedRow>,
}

struct SignedRow {
    /// The signs of these are the bits.
    coded: Vec<f32>,
    base: f32,
    slope: f32,
}

/// In which directions the coordinates of a code are taken.
enum Directions {
    /// Random ones, of all dimensions.
    Random(Rotation),
    /// Those with most variance, rotated at random among themselves.
    Principal(Vec<Vec<f32>>, Rotation),
}

impl Directions {
    fn apply(&self, mut offset: Vec<f32>) -> Vec<f32> {
        match self {
            Self::Random(rotation) => rotation.apply(&mut offset),
            Self::Principal(directions, rotation) => {
                let dot = kernels().inner_product;
                offset = directions.iter().map(|along| dot(along, &offset)).collect();
                rotation.apply(&mut offset);
            }
        }
        offset
    }
}

impl Signs {
    fn new(set: &Set, bits: usize, directions: Directions) -> Self {
        let base: Vec<&[f32]> = set.base.rows().collect();
        let mut rows: Vec<SignedRow> = Vec::new();
        rows.resize_with(base.len(), || SignedRow {
            coded: Vec::new(),
            base: 0.0,
            slope: 0.0,
        });
        for (members, centre) in set.lists.iter().zip(set.centres.rows()) {
            for row in members {
                let offset = less(base[*row], centre);
                let length = squared(&offset);
                let mut coded = directions.apply(offset);
                let mut code = vec![0; bits.div_ceil(8)];
                let Factors { slope, .. } = encode(&coded, bits, &mut code);
                coded.truncate(bits);
                rows[*row] = SignedRow {
                    coded,
                    base: length,
                    slope: from_bf16(to_bf16(slope)),
                };
            }
        }
        Self {
            bits,
            directions,
            rows,
        }
    }
}

impl RowCodes for Signs {
    type Prepared = (Vec<f32>, f32);

    fn prepare(&self, query: &[f32], centre: &[f32]) -> Self::Prepared {
        let offset = less(query, centre);
        let length = squared(&offset);
        (self.directions.apply(offset), length)
    }

    fn distance(&self, row: usize, (v, length): &Self::Prepared) -> f32 {
        let row = &self.rows[row];
        row.base + length + row.slope * signed_sum(&row.coded, self.bits, v)
    }
}

/// Several bits a coordinate of a row around the mean of all.
struct Packed {
    form: PackedForm,
    rotation: Rotation,
    mean: Vec<f32>,
    rows: Vec<(Vec<u8>, f32)>,
}

impl Packed {
    fn new(set: &Set, form: PackedForm) -> Self {
        let dims = set.base.width;
        let mut mean = vec![0.0; dims];
        for row in set.base.rows() {
            for (mean, x) in mean.iter_mut().zip(row) {
                *mean += x / set.base.rows().len() as f32;
            }
        }
        let rotation = Rotation::new(dims, SEED);
        let rows = set.base.rows().map(|row| {
            let mut offset = less(row, &mean);
            rotation.apply(&mut offset);
            let mut own = vec![0; form.bytes(dims)];
            let scale = form.encode(&offset, &mut own);
            (own, scale)
        });
        let rows = rows.collect();
        Self {
            form,
            rotation,
            mean,
            rows,
        }
    }
}

impl RowCodes for Packed {
    type Prepared = (Vec<f32>, f32);

    fn prepare(&self, query: &[f32], _centre: &[f32]) -> Self::Prepared {
        let mut v = less(query, &self.mean);
        self.rotation.apply(&mut v);
        let length = squared(&v);
        (v, length)
    }

    fn distance(&self, row: usize, (v, length): &Self::Prepared) -> f32 {
        let (own, scale) = &self.rows[row];
        let product = self.form.inner_product(v, own, *scale);
        length + self.form.factors(own).squared - 2.0 * product
    }
}

impl Set {
    fn read(arguments: &Arguments) -> Result<Self> {
        let (data, lists) = (&arguments.data, &arguments.lists);
        let centres = read_floats(&lists.join("centres.f16.npy"))?;
        let mut members = vec![Vec::new(); centres.rows().len()];
        for (row, list) in read_integers(&lists.join("lists.i32.npy"))?
            .rows()
            .enumerate()
        {
            members[list[0].unsigned_abs() as usize].push(row);
        }
        Ok(Self {
            base: read_floats(&data.join("base.f16.npy"))?,
            queries: read_floats(&data.join("queries.f16.npy"))?,
            truth: read_integers(&data.join("truth.i32.npy"))?,
            centres,
            lists: members,
            probes: arguments.probes,
        })
    }

    /// The lists that a query reads.
    fn nearest_lists(&self, query: &[f32]) -> Vec<usize> {
        let l2 = kernels().l2_squared;
        let mut far: Vec<(f32, usize)> =
            self.centres.rows().map(|c| l2(query, c)).zip(0..).collect();
        far.sort_by(|a, b| a.0.total_cmp(&b.0));
        far.truncate(self.probes);
        far.into_iter().map(|(_, list)| list).collect()
    }

    /// Recalls by a code: of its first ten, and of the ten nearest among as many as are refined.
    fn recalls(&self, codes: &impl RowCodes) -> [f64; 1 + REFINED.len()] {
        let base: Vec<&[f32]> = self.base.rows().collect();
        let centres: Vec<&[f32]> = self.centres.rows().collect();
        let mut hits = [0; 1 + REFINED.len()];
        for (query, truth) in self.queries.rows().zip(self.truth.rows()) {
            let mut found: Vec<(f32, usize)> = Vec::new();
            for list in self.nearest_lists(query) {
                let prepared = codes.prepare(query, centres[list]);
                let rows = self.lists[list].iter();
                found.extend(rows.map(|row| (codes.distance(*row, &prepared), *row)));
            }
            found.sort_by(|a, b| a.0.total_cmp(&b.0));
            let truth: Vec<usize> = truth[..K]
                .iter()
                .map(|row| row.unsigned_abs() as usize)
                .collect();
            let right = |found: &[(f32, usize)]| {
                let found = found.iter().take(K);
                found.filter(|(_, row)| truth.contains(row)).count()
            };
            hits[0] += right(&found);
            for (hits, refined) in hits[1..].iter_mut().zip(REFINED) {
                let mut first = found[..refined.min(found.len())].to_vec();
                for (distance, row) in &mut first {
                    *distance = (kernels().l2_squared)(query, base[*row]);
                }
                first.sort_by(|a, b| a.0.total_cmp(&b.0));
                *hits += right(&first);
            }
        }
        let all = (self.queries.rows().len() * K) as f64;
        hits.map(|hits| hits as f64 / all)
    }

    fn print(&self, code: &str, bytes: usize, codes: &impl RowCodes) {
        let [alone, forty, hundred] = self.recalls(codes);
        println!(
            r#"{{"code":"{code}","bytes":{bytes},"alone":{alone:.4},"refined40":{forty:.4},"refined100":{hundred:.4}}}"#
        );
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let set = Set::read(&arguments)?;
    let dims = set.base.width;
    let directions = read_floats(&arguments.lists.join("directions.f16.npy"))?;
    let random = || Directions::Random(Rotation::new(dims, SEED));
    let all = dims.next_multiple_of(16);
    set.print(
        "1 bit",
        all / 8 + FACTOR_BYTES,
        &Signs::new(&set, all, random()),
    );
    for bytes in &arguments.bytes {
        let bits = 8 * bytes.saturating_sub(FACTOR_BYTES);
        if bits == 0 || bits >= dims {
            continue;
        }
        let code = format!("1 bit of {bits} random directions");
        set.print(&code, *bytes, &Signs::new(&set, bits, random()));
        let first = directions.rows().take(bits).map(<[f32]>::to_vec).collect();
        let principal = Directions::Principal(first, Rotation::new(bits, SEED));
        let code = format!("1 bit of {bits} principal directions");
        set.print(&code, *bytes, &Signs::new(&set, bits, principal));
    }
    for form in [PackedForm::Two, PackedForm::Three, PackedForm::Four] {
        let code = format!("{} bits", form.bits());
        let bytes = SCALE_BYTES + form.bytes(dims);
        set.print(&code, bytes, &Packed::new(&set, form));
    }
    Ok(())
}
