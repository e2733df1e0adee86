//! The kernels that a graph lives on, at the dimensions of real models: `cargo bench --bench quantize`.
//!
//! | group | one iteration |
//! |---|---|
//! | `estimate` | the distances to 32 codes, and which of them are near enough |
//! | `stored` | the distance from a float32 query to one stored vector |
//! | `int8` | one product of int8 vectors, ours and simsimd's |
//! | `query` | what is done once a query: rotation, lookup table |
//! | `code` | what is done once a link: signs and factors, the sum by signs |

mod sample;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sample::sample;
use vector_ext::quantize::{
    Form, LANES, Lanes, LookupTable, PackedForm, Rotation, code_bytes, encode, estimate,
    inner_product, signed_sum,
};

const DIMS: [usize; 5] = [128, 384, 768, 1_536, 3_072];

fn bytes(len: usize, seed: u32) -> Vec<u8> {
    let sample = sample(len, seed);
    sample
        .iter()
        .map(|x| x.to_bits().to_le_bytes()[2])
        .collect()
}

fn estimates(c: &mut Criterion) {
    let mut group = c.benchmark_group("estimate");
    for dims in DIMS {
        let mut table = LookupTable::new();
        table.fill(&sample(dims, 1), dims);
        let codes = bytes(code_bytes(dims), 2);
        let lanes = Lanes {
            codes: &codes,
            bases: &[0; 4 * LANES],
            slopes: &[0x3f; 2 * LANES],
        };
        group.throughput(Throughput::Elements(LANES as u64));
        group.bench_function(BenchmarkId::from_parameter(dims), |bench| {
            let mut out = [0.0; LANES];
            bench.iter(|| estimate(&table, black_box(lanes), 0.5, &mut out));
        });
    }
    group.finish();
}

fn stored(c: &mut Criterion) {
    let mut group = c.benchmark_group("stored");
    for dims in DIMS {
        let (query, vector) = (sample(dims, 1), sample(dims, 2));
        for form in [Form::F32, Form::F16, Form::Int8] {
            let mut own = vec![0; form.bytes(dims)];
            let scale = form.encode(&vector, &mut own);
            let kernels = form.kernels();
            group.throughput(Throughput::Elements(dims as u64));
            group.bench_function(BenchmarkId::new(format!("{form:?} l2"), dims), |bench| {
                bench.iter(|| (kernels.l2_squared)(black_box(&query), black_box(&own), scale));
            });
        }
        for form in (2..=7).filter_map(PackedForm::of_bits) {
            let mut own = vec![0; form.bytes(dims)];
            let scale = form.encode(&vector, &mut own);
            let name = format!("{} bits", form.bits());
            group.bench_function(BenchmarkId::new(name, dims), |bench| {
                bench.iter(|| form.inner_product(black_box(&query), black_box(&own), scale));
            });
        }
    }
    group.finish();
}

fn int8(c: &mut Criterion) {
    let mut group = c.benchmark_group("int8");
    for dims in DIMS {
        let signed =
            |seed| -> Vec<i8> { bytes(dims, seed).iter().map(|b| b.cast_signed()).collect() };
        let (a, b) = (signed(1), signed(2));
        group.throughput(Throughput::Elements(dims as u64));
        group.bench_function(BenchmarkId::new("ours", dims), |bench| {
            bench.iter(|| inner_product(black_box(&a), black_box(&b)));
        });
        group.bench_function(BenchmarkId::new("simsimd", dims), |bench| {
            bench.iter(|| <i8 as simsimd::SpatialSimilarity>::dot(black_box(&a), black_box(&b)));
        });
    }
    group.finish();
}

fn queries(c: &mut Criterion) {
    let mut group = c.benchmark_group("query");
    for dims in DIMS {
        let (rotation, sample) = (Rotation::new(dims, 7), sample(dims, 1));
        let (mut vector, mut table) = (sample.clone(), LookupTable::new());
        group.bench_function(BenchmarkId::new("rotation", dims), |bench| {
            bench.iter(|| rotation.apply(black_box(&mut vector)));
        });
        group.bench_function(BenchmarkId::new("table", dims), |bench| {
            bench.iter(|| table.fill(black_box(&sample), dims));
        });
    }
    group.finish();
}

fn codes(c: &mut Criterion) {
    let mut group = c.benchmark_group("code");
    for dims in DIMS {
        let (offset, v) = (sample(dims, 1), sample(dims, 2));
        let mut code = vec![0; dims / 8];
        group.bench_function(BenchmarkId::new("encode", dims), |bench| {
            bench.iter(|| encode(black_box(&offset), dims, &mut code));
        });
        group.bench_function(BenchmarkId::new("signed sum", dims), |bench| {
            bench.iter(|| signed_sum(black_box(&offset), dims, black_box(&v)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = estimates, stored, int8, queries, codes
}
criterion_main!(benches);
