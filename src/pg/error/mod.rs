//! Errors as Postgres reports them: the one place that knows SQLSTATEs, details and hints, and the
//! only one that raises.
//!
//! | file | what it holds |
//! |---|---|
//! | `failure.rs` | why an SQL function gives up |
//! | `texts.rs` | SQLSTATEs, messages, details and hints |
//! | `report.rs` | errors that end a statement, soft ones, and what builds say |
//! | `guard.rs` | errors of Postgres on their way through our frames, and ours on their way to Postgres |

mod failure;
mod guard;
mod report;
mod texts;

pub use failure::{CentroidsProblem, Failure};
pub use guard::{catch, guarded};
pub use report::{notice_spill, tell_threads};
