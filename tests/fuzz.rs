//! The corpora of `fuzz/`, and inputs that `proptest` makes up, under the same properties: what a
//! fuzzer has found once is looked for at every run.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests; clippy sees only some of their functions"
)]

#[path = "../fuzz/src/properties/mod.rs"]
mod properties;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use properties::{Target, targets};
use proptest::prelude::*;

fn corpora() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus"))
}

static TARGETS: LazyLock<Vec<Target>> = LazyLock::new(targets);

fn target(name: &str) -> &'static Target {
    let named = TARGETS.iter().find(|target| target.name == name);
    named.unwrap_or_else(|| panic!("no target {name}"))
}

#[test]
fn every_input_of_the_corpora_keeps_the_properties() {
    let mut broken = Vec::new();
    for target in &*TARGETS {
        let folder = corpora().join(&target.name);
        let inputs: Vec<_> = fs::read_dir(&folder).unwrap().collect();
        assert!(inputs.len() > 3, "{} has a corpus", target.name);
        for input in inputs {
            let path = input.unwrap().path();
            let data = fs::read(&path).unwrap();
            let run = AssertUnwindSafe(|| (target.run)(&data));
            if catch_unwind(run).is_err() {
                broken.push(path);
            }
        }
    }
    assert_eq!(broken, Vec::<PathBuf>::new());
}

#[test]
fn every_corpus_has_a_target() {
    let folders = fs::read_dir(corpora()).unwrap();
    let folders = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap());
    let targets = TARGETS.iter().map(|target| target.name.clone());
    assert_eq!(folders.collect::<BTreeSet<_>>(), targets.collect());
}

/// Binary forms with a header that fits, which noise hardly ever has.
fn message(kind: &str, words: &[u32]) -> Vec<u8> {
    let count = u16::try_from(words.len()).unwrap().to_be_bytes();
    let header = [count, [0, 0]].concat();
    match kind {
        "halfvec_wire" => {
            let halves = words
                .iter()
                .flat_map(|word| word.to_be_bytes().into_iter().take(2));
            [header, halves.collect()].concat()
        }
        "int8vec_wire" => [
            header,
            words.iter().map(|word| word.to_be_bytes()[0]).collect(),
        ]
        .concat(),
        "sparsevec_wire" => {
            let indices = (0_u32..).step_by(3).take(words.len());
            let header = [1_000, u32::from(u16::from_be_bytes(count)), 0].into_iter();
            let all = header.chain(indices).chain(words.iter().copied());
            all.flat_map(u32::to_be_bytes).collect()
        }
        _ => [
            header,
            words.iter().flat_map(|word| word.to_be_bytes()).collect(),
        ]
        .concat(),
    }
}

fn with_one_changed(mut data: Vec<u8>, at: prop::sample::Index, byte: u8) -> Vec<u8> {
    *at.get_mut(&mut data) = byte;
    data
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn binary_forms_keep_the_properties_and_so_do_damaged_ones(
        words in prop::collection::vec(any::<u32>(), 1..40),
        at: prop::sample::Index,
        byte: u8,
    ) {
        for kind in ["vector_wire", "halfvec_wire", "int8vec_wire", "sparsevec_wire"] {
            let (message, target) = (message(kind, &words), target(kind));
            (target.run)(&message);
            (target.run)(&with_one_changed(message, at, byte));
        }
    }

    #[test]
    fn literals_keep_the_properties_and_so_do_damaged_ones(
        numbers in prop::collection::vec("[+-]?([0-9]{1,12}\\.[0-9]{0,12}|\\.[0-9]{1,40}|[0-9]{1,9})(e[+-]?[0-9]{1,2})?", 1..12),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let pairs: Vec<String> = (2..).zip(&numbers).map(|(i, x)| format!("{i}:{x}")).collect();
        let dense = format!("[{}]", numbers.join(","));
        let sparse = format!("{{{}}}/20", pairs.join(","));
        for (kind, literal) in [
            ("vector_text", &dense),
            ("halfvec_text", &dense),
            ("int8vec_text", &dense),
            ("sparsevec_text", &sparse),
        ] {
            let target = target(kind);
            (target.run)(literal.as_bytes());
            (target.run)(&with_one_changed(literal.clone().into_bytes(), at, byte));
        }
    }
}
