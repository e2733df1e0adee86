//! INDEX: the words that every index method has: where a row is, in which order rows come, what may go wrong.
//!
//! | file | what it holds |
//! |---|---|
//! | `tid.rs` | where a row of a table is |
//! | `order.rs` | what a scan does when its first rows are used up |
//! | `vacuumed.rs` | what a vacuum has done |
//! | `error.rs` | what may go wrong |
//! | `fallible.rs` | vectors whose memory may not be there |

mod error;
mod fallible;
mod order;
mod tid;
mod vacuumed;

pub use error::Error;
pub use fallible::{Fallible, collected, filled, with_room};
pub use order::Continue;
pub use tid::Tid;
pub use vacuumed::{Poll, Vacuumed};
