//! The graph against models: what it finds, what a crash leaves, what its bytes are.
//!
//! | file | what it tests |
//! |---|---|
//! | `support.rs` | vectors from a seed, exact search, indexes small enough for debug builds |
//! | `kinds.rs` | kinds of values under their measures |
//! | `huge.rs` | values whose distances overflow |
//! | `interrupted.rs` | a store whose user is interrupted by others |
//! | `model.rs` | random inserts, deletes, vacuums and searches beside exact search |
//! | `crash.rs` | every operation cut after every commit |
//! | `chunks.rs` | equal rows: chains of chunks under churn, under readers, cut |
//! | `churn.rs` | recall after many small changes |
//! | `edges.rs` | no row, one row, equal rows, zero vectors, sorted rows, one dimension, many |
//! | `stream.rs` | scans that go on |
//! | `limits.rs` | scans that end before all rows were given |
//! | `outline.rs` | rows that are known by their places, ranked |
//! | `meetings.rs` | scans, inserts and vacuums that meet at every page |
//! | `threads.rs` | many writers and readers at once |
//! | `builds.rs` | the same index from the same rows, cancelled builds, spilled ones |
//! | `plain.rs` | bits, sparse vectors and L1: all of the above for links without codes |
//! | `classes.rs`, `datasets.rs` | operator classes, and data of shapes that real tables have |
//! | `shapes.rs` | every row within reach, and recall, on such data in every class |
//! | `ties.rs` | rows that are all as far from one another |
//! | `format.rs` | the bytes of this version, and bytes that make no sense |

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod builds;
mod chunks;
mod churn;
mod classes;
mod crash;
#[path = "../server/support/datasets.rs"]
mod datasets;
mod edges;
mod format;
mod huge;
mod interrupted;
mod kinds;
mod limits;
mod meetings;
mod model;
mod outline;
mod plain;
mod shapes;
mod stream;
mod support;
mod threads;
mod ties;
