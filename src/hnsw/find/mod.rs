//! Finding: from the entry to the nearest rows, and all rows where links do not lead on.
//!
//! | file | what it holds |
//! |---|---|
//! | `descent.rs` | from the entry down to one level |
//! | `scan.rs` | the nearest rows, as a stream |
//! | `trust.rs` | how many of the rows that were found may be given |
//! | `limits.rs` | where a stream ends before all rows were given |
//! | `sweep.rs` | the rows that a stream has not found by links |
//! | `all.rs` | every row, in no order |

pub mod all;
pub mod descent;
pub mod limits;
pub mod scan;
pub mod sweep;
pub mod trust;
