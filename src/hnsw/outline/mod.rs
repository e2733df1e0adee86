//! Outline: an index in memory. It has for each row the place in the table, the node, and a code of two bits a
//! coordinate around the centre of all vectors. A search that knows the places of the rows that pass a filter ranks
//! these rows by their codes, and reads only the nodes that may be among the nearest (`ranking.rs`).
//!
//! It is made of what was in the index at some time, a part at a time (`grow.rs`), and nobody tells it of
//! changes:
//!
//! - A row that has come since is not in it.
//! - A place may be that of another row by now, which lies elsewhere. That takes a vacuum between, and those
//!   are counted on the meta page, once their rows are removed and before their places are given to others.
//!   So who has a snapshot, and then finds that none was counted since the outline was begun, sees no
//!   row of which it is wrong.
//! - A row that is gone is not seen by whoever fetches it.

mod codes;
mod grow;
mod places;
mod ranking;
mod sorting;

pub use grow::{Growing, Grown, Growth};
pub use ranking::{Ranked, Ranking};

use codes::Codes;
use places::Places;

/// A row: where it is in the table and in the index.
#[derive(Clone, Copy, Debug)]
struct PlacedRow {
    /// In the table ([`Tid::place`](crate::index::Tid::place)).
    place: u64,
    node: u32,
    /// The number of its code: rows of a node have one.
    code: u32,
}

/// All rows of an index.
pub struct Outline {
    places: Places,
    codes: Codes,
    /// Vacuums that the index had seen when it was begun.
    vacuums: u32,
}

impl Outline {
    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.places.len()
    }
}
