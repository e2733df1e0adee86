//! Lists against models: what they find, what a crash leaves.
//!
//! | file | what it asks |
//! |---|---|
//! | `answers.rs` | scans with a limit, among given rows, with little memory, for a recall |
//! | `model.rs` | random inserts and vacuums beside a model |
//! | `long.rs` | long codes of two to seven bits an element |
//! | `bits.rs` | values of bits |
//! | `crash.rs` | every operation cut after every commit |
//! | `meetings.rs` | splits, vacuums, inserts and scans that meet |
//! | `directions.rs` | codes of fewer directions than dimensions |
//! | `dims.rs` | few dimensions, and rows far from their mean |
//! | `tending.rs` | what splits and merges make of lists, and the census of them |
//! | `support.rs` | rows, indexes, checks |

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests"
)]

mod answers;
mod bits;
mod crash;
mod dims;
mod directions;
#[path = "../graph/interrupted.rs"]
#[expect(dead_code, reason = "some of it is for graphs")]
mod interrupted;
mod long;
mod meetings;
mod model;
mod support;
mod tending;
