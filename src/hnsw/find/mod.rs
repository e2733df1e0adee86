//! Finding: from the entry to the nearest rows, and all rows where links do not lead on.
//!
//! | file | what it holds |
//! |---|---|
//! | `descent.rs` | Descent: from the entry down to one level |
//! | `scan.rs` | Scan: the nearest rows, as a stream |
//! | `ground.rs` | Ground: the walk of a scan on the lowest level, and what it notes |
//! | `rows_allowed.rs` | When rows may be given: how many of those found, by the nodes visited |
//! | `limits.rs` | Limits of a scan, where it ends before all rows were given |
//! | `sweep.rs` | Sweep: the rows that a scan has not found by links |
//! | `all.rs` | List of every row, in no order |

pub mod all;
pub mod descent;
pub mod ground;
pub mod limits;
pub mod rows_allowed;
pub mod scan;
pub mod sweep;
