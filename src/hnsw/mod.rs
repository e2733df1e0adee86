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
//! | `meta.rs` | Meta page, the first one: what the index is, and where a walk starts |
//! | `outline/` | Outline: an index in memory, which ranks rows whose places are known |
//! | `census.rs` | Census: what an index holds, counted |
//! | `check.rs` | Check: what searches, inserts and vacuums rely on, and a dump for tests |
//! | `builder/` | Build: many rows at once |

mod builder;
mod census;
mod change;
mod check;
mod find;
mod index;
mod meta;
mod nodes;
mod outline;
mod spaces;

pub use builder::{Builder, build_into};
pub use census::{Census, Constants};
pub use change::insert::Inserted;
pub use check::Report;
pub use find::all::Listing;
pub use find::scan::{Row, Scan};
pub use index::{Index, Options};
pub use nodes::shape::Shape;
pub use outline::{Growing, Grown, Growth, Outline, Ranked, Ranking};
pub use spaces::bits::{BitMetric, Bits};
pub use spaces::dense::{Dense, Metric};
pub use spaces::manhattan::Manhattan;
pub use spaces::plain::{Measure, Plain};
pub use spaces::space::{PointOf, Sketches, Space, ValueOf, Values};
pub use spaces::sparse::{SparseMetric, SparseVectors};

pub use crate::quantize::Form;
