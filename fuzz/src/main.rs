//! Feeds libFuzzer's inputs to the target that `VECTOR_EXT_FUZZ` names.

#![no_main]

mod properties;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use properties::{Target, targets};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("VECTOR_EXT_FUZZ").expect("VECTOR_EXT_FUZZ names a target");
    let named = targets().into_iter().find(|target| target.name == wanted);
    named.unwrap_or_else(|| panic!("no target {wanted}"))
});

fuzz_target!(|data: &[u8]| (TARGET.run)(data));
