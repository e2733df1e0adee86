//! Lists against models: what they find, what a crash leaves.
//!
//! | file | what it asks |
//! |---|---|
//! | `model.rs` | random inserts and vacuums beside a model |
//! | `crash.rs` | every operation cut after every commit |
//! | `meetings.rs` | splits, vacuums, inserts and scans that meet |
//! | `tending.rs` | what splits and merges make of lists, and the census of them |
//! | `support.rs` | rows, indexes, checks |

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod crash;
#[path = "../graph/interrupted.rs"]
#[expect(dead_code, reason = "some of it is for graphs")]
mod interrupted;
mod meetings;
mod model;
mod support;
mod tending;
