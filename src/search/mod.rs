//! FINDING: what the indexes share when they look for the nearest. Knows distances and node
//! numbers; nothing of pages or codes.
//!
//! | file | what it holds |
//! |---|---|
//! | `key.rs` | a distance and a number in one sortable word |
//! | `beam.rs` | the nearest candidates so far, and which of them were visited |
//! | `walk.rs` | best-first search over anything that can be visited |

mod beam;
mod key;
mod walk;

pub use beam::Beam;
pub use key::{Key, MAX_NUMBER};
pub use walk::{Graph, walk};
