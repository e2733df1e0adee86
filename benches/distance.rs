//! The distance kernels at the dimensions of real models: `cargo bench --bench distance`.
//!
//! `plain` is the oracle's loop, `simsimd` the library's kernel, `chosen` what the extension runs.

mod sample;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sample::sample;
use vector_ext::distance::{Kernels, plain, simd};

fn kernels(c: &mut Criterion) {
    let sets: [(&str, Kernels); 3] = [
        ("plain", plain::KERNELS),
        ("simsimd", simd::SIMSIMD),
        ("chosen", *simd::kernels()),
    ];
    for metric in ["l2", "inner_product", "cosine", "l1"] {
        let mut group = c.benchmark_group(metric);
        for dims in [128_usize, 384, 768, 1536, 3072] {
            let (a, b) = (sample(dims, 1), sample(dims, 2));
            group.throughput(Throughput::Elements(dims as u64));
            for (name, set) in &sets {
                group.bench_function(BenchmarkId::new(*name, dims), |bench| {
                    bench.iter(|| {
                        let (a, b) = (black_box(&a[..]), black_box(&b[..]));
                        match metric {
                            "l2" => set.l2(a, b),
                            "inner_product" => f64::from((set.inner_product)(a, b)),
                            "cosine" => set.cosine(a, b),
                            _ => f64::from((set.l1)(a, b)),
                        }
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = kernels
}
criterion_main!(benches);
