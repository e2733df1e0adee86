//! The distance kernels at the dimensions of real models: `cargo bench --bench distance`.
//!
//! `plain` is the oracle's loop, `simsimd` the library's kernel, `chosen` what the extension runs.
//! simsimd has no L1 of floats or int8, so that a loop of ours for the base CPU stands in; and no cosine that
//! keeps the contract, so that three of its inner products do.

mod sample;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sample::sample;
use vector_ext::distance::{Kernels, Measured, bits, half, int8, plain, simd, sparse};
use vector_ext::vector::SparseVector;

const DIMS: [usize; 5] = [128, 384, 768, 1536, 3072];

/// The kernels of one kind of element.
fn dense<E: Measured>(c: &mut Criterion, sets: &[(&str, Kernels<E>)]) {
    type Distance<E> = fn(&Kernels<E>, &[E], &[E]) -> f64;
    let metrics: [(&str, Distance<E>); 4] = [
        ("l2", Kernels::l2),
        ("inner_product", |set, a, b| {
            (set.inner_product)(a, b).into()
        }),
        ("cosine", Kernels::cosine),
        ("l1", |set, a, b| (set.l1)(a, b).into()),
    ];
    for (metric, distance) in metrics {
        let mut group = c.benchmark_group(format!("{} {metric}", E::TYPE));
        for dims in DIMS {
            // Over the whole range of int8.
            let elements = |seed| -> Vec<E> {
                let numbers = sample(dims, seed).into_iter();
                numbers.map(|x| E::narrow(254.0 * x)).collect()
            };
            let (a, b) = (elements(1), elements(2));
            group.throughput(Throughput::Elements(dims as u64));
            for (name, set) in sets {
                group.bench_function(BenchmarkId::new(*name, dims), |bench| {
                    bench.iter(|| distance(set, black_box(&a[..]), black_box(&b[..])));
                });
            }
        }
        group.finish();
    }
}

fn kernels(c: &mut Criterion) {
    let floats = [
        ("plain", plain::KERNELS),
        ("simsimd", simd::SIMSIMD),
        ("chosen", *simd::kernels()),
    ];
    dense(c, &floats);
    let halves = [
        ("plain", plain::HALVES),
        ("simsimd", half::SIMSIMD),
        ("chosen", *half::kernels()),
    ];
    dense(c, &halves);
    let bytes = [
        ("plain", plain::WHOLE),
        ("simsimd", int8::SIMSIMD),
        ("chosen", *int8::kernels()),
    ];
    dense(c, &bytes);
}

/// Rows of bits; Hamming is simsimd's own.
fn rows_of_bits(c: &mut Criterion) {
    type Distance = fn(&[u8], &[u8]) -> f64;
    let sets: [(&str, Distance); 3] = [
        ("hamming", bits::hamming),
        ("jaccard simsimd", bits::simsimd_jaccard),
        ("jaccard chosen", bits::jaccard),
    ];
    let mut group = c.benchmark_group("bit");
    for dims in DIMS {
        let row = |seed| -> Vec<u8> {
            let bytes = sample(dims / 8, seed).into_iter();
            bytes.map(|x| x.to_bits().to_le_bytes()[1]).collect()
        };
        let (a, b) = (row(1), row(2));
        group.throughput(Throughput::Elements(dims as u64));
        for (name, distance) in sets {
            group.bench_function(BenchmarkId::new(name, dims), |bench| {
                bench.iter(|| distance(black_box(&a), black_box(&b)));
            });
        }
    }
    group.finish();
}

/// Sparse vectors of which a tenth of the elements is not zero.
fn sparse_vectors(c: &mut Criterion) {
    let mut group = c.benchmark_group("sparsevec inner_product");
    for elements in [30_usize, 100, 300, 1_000] {
        let vector = |seed| {
            let thinned = sample(elements * 10, seed).into_iter();
            let thinned: Vec<f32> = thinned.map(|x| if x > 0.4 { x } else { 0.0 }).collect();
            SparseVector::from_dense(&thinned)
        };
        let (Ok(a), Ok(b)) = (vector(1), vector(2)) else {
            continue;
        };
        group.throughput(Throughput::Elements(elements as u64));
        group.bench_function(BenchmarkId::new("chosen", elements), |bench| {
            bench
                .iter(|| sparse::inner_product(black_box(a.as_sparse()), black_box(b.as_sparse())));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = kernels, rows_of_bits, sparse_vectors
}
criterion_main!(benches);
