//! Lists against models: what they find, what a crash leaves.
//!
//! | file | what it asks |
//! |---|---|
//! | `model.rs` | random inserts and vacuums beside a model |
//! | `crash.rs` | every operation cut after every commit |
//! | `support.rs` | rows, indexes, checks |

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod crash;
mod model;
mod support;
