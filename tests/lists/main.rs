//! Lists against models: what they find, what a crash leaves.
//!
//! | file | what it asks |
//! |---|---|
//! | `answers.rs` | scans with a limit, among given rows, with little memory, for a recall |
//! | `model.rs` | random inserts and vacuums beside a model |
//! | `crash.rs` | every operation cut after every commit |
//! | `meetings.rs` | splits, vacuums, inserts and scans that meet |
//! | `support.rs` | rows, indexes, checks |

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests"
)]

mod answers;
mod crash;
#[path = "../graph/interrupted.rs"]
#[expect(dead_code, reason = "some of it is for graphs")]
mod interrupted;
mod meetings;
mod model;
mod support;
