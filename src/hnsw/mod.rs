//! GRAPH: a navigable graph on pages, one page a hop. `README.md` has pictures, lock order, and what
//! a crash leaves; `MEASURED.md` has the figures.
//!
//! | file | what it holds |
//! |---|---|
//! | `nodes/` | how they lie on pages, how large they are, and what lies beside them |
//! | `spaces/` | what a graph needs to know of its values, for each kind of them |
//! | `find/` | from the entry to the nearest rows, and all rows where links do not lead on |
//! | `change/` | rows that come, rows that go, and the links that follow |
//! | `index.rs` | Index: how it is made and opened |
//! | `options.rs` | Options: what a user says of an index |
//! | `row.rs` | Row: what a scan finds |
//! | `outline/` | Outline: an index in memory, which ranks rows whose places are known |
//! | `census.rs` | Census: what an index holds, counted |
//! | `check/` | Check: what searches, inserts and vacuums rely on, and a dump for tests |
//! | `builder/` | Build: many rows at once |

mod builder;
mod census;
mod change;
mod check;
mod find;
mod index;
mod nodes;
mod options;
mod outline;
mod row;
mod spaces;

pub use builder::{Builder, build_into};
pub use census::{Census, Constants};
pub use change::insert::Inserted;
pub use check::Report;
pub use find::all::Listing;
pub use find::scan::Scan;
pub use index::Index;
pub use nodes::shape::Shape;
pub use options::Options;
pub use outline::{Growing, Grown, Growth, Outline, Ranked, Ranking};
pub use row::Row;
pub use spaces::dense::Dense;
pub use spaces::plain::Plain;
pub use spaces::space::{PointOf, Space, ValueOf};

pub use crate::quantize::Form;
pub use crate::values::{
    BitMetric, Bits, Manhattan, Measure, Metric, Sketches, SparseMetric, SparseVectors, Values,
};
