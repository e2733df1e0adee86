//! What must be true of any input, whoever made it up: libFuzzer (`fuzz/src/main.rs`), or the corpora
//! and `proptest` (`tests/fuzz.rs`).

mod dense;
mod index;
mod memory;
mod modifier;
mod plain;
mod sparse;

use dense::Rounded;
use half::f16;

/// Panics where an input breaks a property.
type Run = Box<dyn Fn(&[u8]) + Send + Sync>;

/// A property of all inputs.
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: String,
    /// Asks it of an input.
    pub run: Run,
}

impl Target {
    fn new(name: impl Into<String>, run: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        let (name, run) = (name.into(), Box::new(run));
        Self { name, run }
    }
}

/// All targets. A dense type is one line: its element, and how float32 is rounded to that by another
/// way than [`Element::narrow`](vector_ext::vector::Element::narrow).
pub fn targets() -> Vec<Target> {
    let mut all = Vec::new();
    all.extend(dense::targets::<f32>(Rounded::float));
    all.extend(dense::targets::<f16>(|x| {
        Rounded::float(f16::from_f64(x.into()).to_f32())
    }));
    all.extend(dense::targets::<i8>(Rounded::int8));
    all.extend(sparse::targets());
    all.extend(index::targets());
    all.push(Target::new("modifier", modifier::modifier));
    all
}
