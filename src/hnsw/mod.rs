//! GRAPH: a navigable graph on pages, one page a hop. `README.md` has pictures, lock order, and what
//! a crash leaves.
//!
//! | file | what it holds |
//! |---|---|
//! | `shape.rs` | how large a node is, and where its number says that it lies |
//! | `node.rs` | the bytes of one node |
//! | `meta.rs` | the first page: parameters, entry, free slots |
//! | `pages.rs` | nodes on pages: found, changed, given out |
//! | `space.rs` | what a graph needs to know of its values |
//! | `dense.rs` | dense vectors with 1-bit codes |
//! | `index.rs` | an index: made, opened |
//! | `descent.rs` | from the entry down to one level |
//! | `scan.rs` | the nearest rows, as a stream |
//! | `insert.rs` | a row more |
//! | `select.rs` | which neighbours a node keeps |
//! | `tids.rs` | the rows of a node |
//! | `vacuum.rs` | rows less |
//! | `check.rs` | every invariant, and a dump for tests |
//! | `build/` | many rows at once |

mod build;
mod check;
mod dense;
mod descent;
mod error;
mod index;
mod insert;
mod meta;
mod node;
mod pages;
mod scan;
mod select;
mod shape;
mod space;
mod tids;
mod vacuum;

pub use crate::quantize::Form;
pub use build::{Builder, Built, Progress, Resources, Sink, build_into};
pub use check::Report;
pub use dense::{Dense, Metric};
pub use error::Error;
pub use index::{Index, Options};
pub use insert::Inserted;
pub use node::Tid;
pub use scan::{Continue, Row, Scan};
pub use shape::Shape;
pub use space::Space;
pub use vacuum::Vacuumed;
