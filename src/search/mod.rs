//! FINDING: what the indexes share when they look for the nearest. Knows distances and node
//! numbers; nothing of pages or codes.
//!
//! | file | what it holds |
//! |---|---|
//! | `key.rs` | a distance and a number in one sortable word |
//! | `beam.rs` | the nearest candidates so far, and which of them were visited |
//! | `frontier.rs` | all candidates, for walks that go on |
//! | `lanes.rs` | loops over integers that are compared many at once |
//! | `walk.rs` | best-first search over anything that can be visited |
//! | `refine.rs` | rows by exact distance, from a stream with bounds |
//! | `threshold.rs` | how far a row may be that a comparison lets pass |

mod beam;
mod frontier;
mod key;
mod lanes;
mod refine;
mod threshold;
mod walk;

pub use beam::{Beam, MAX_OFFER};
pub use frontier::{Frontier, Numbers};
pub use key::{Key, MAX_NUMBER, ordered, unordered};
pub use refine::{Bounded, MeasuredRow, Refined, Source};
pub use threshold::{Side, Step, Within, farthest};
pub use walk::{Graph, Offers, advance, walk};
