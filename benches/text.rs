//! The text form of 1536 numbers: `cargo bench --bench text`. `std` parses by the
//! standard library, for comparison.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vector_ext::vector::{text, wire};

fn forms(c: &mut Criterion) {
    let elements: Vec<f32> = (0_u16..1536).map(|i| f32::from(i).sin() / 20.0).collect();
    let literal = text::format(&elements);
    let mut bytes = vec![0; wire::encoded_len::<f32>(elements.len())];
    wire::encode(&elements, &mut bytes);

    let mut group = c.benchmark_group("text of 1536 numbers");
    group.throughput(Throughput::Elements(1536));
    group.bench_function("parse", |b| {
        b.iter(|| text::parse::<f32>(black_box(&literal), 1536));
    });
    group.bench_function("std", |b| {
        b.iter(|| {
            let inner = str::from_utf8(black_box(&literal[1..literal.len() - 1])).unwrap_or("");
            inner
                .split(',')
                .map(|n| n.parse().unwrap_or(0.0))
                .collect::<Vec<f32>>()
        });
    });
    group.bench_function("print", |b| b.iter(|| text::format(black_box(&elements))));
    group.bench_function("decode", |b| {
        b.iter(|| wire::decode::<f32>(black_box(&bytes), Some(1536)));
    });
    group.bench_function("encode", |b| {
        b.iter(|| wire::encode(black_box(&elements), black_box(&mut bytes)));
    });
    group.finish();
}

criterion_group!(benches, forms);
criterion_main!(benches);
