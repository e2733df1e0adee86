//! GRAPH: a navigable graph on pages, one page a hop. `README.md` has pictures, lock order, and what
//! a crash leaves.
//!
//! | file | what it holds |
//! |---|---|
//! | `shape.rs` | how large a node is, and where its number says that it lies |
//! | `node.rs` | the bytes of one node |
//! | `meta.rs` | the first page: parameters, entry, free slots |
//! | `pages.rs` | nodes on pages: found, changed |
//! | `allocate.rs` | slots for new nodes |
//! | `space.rs` | what a graph needs to know of its values |
//! | `rest.rs` | values that are longer than a node has room for |
//! | `dense/` | dense vectors with 1-bit codes |
//! | `huge.rs` | vectors so long that squares of their elements overflow |
//! | `plain.rs` | values whose links carry no codes, under any measure |
//! | `bits.rs` | bits by Hamming and Jaccard distance |
//! | `sparse.rs` | sparse vectors |
//! | `manhattan.rs` | dense vectors under L1 |
//! | `index.rs` | an index: made, opened |
//! | `descent.rs` | from the entry down to one level |
//! | `scan.rs` | the nearest rows, as a stream |
//! | `trust.rs` | how many of the rows that were found may be given |
//! | `limits.rs` | where a stream ends before all rows were given |
//! | `sweep.rs` | the rows that a stream has not found by links |
//! | `list.rs` | every row, in no order |
//! | `outline/` | rows whose places in the table are known, by distance |
//! | `insert.rs` | a row more |
//! | `kill.rs` | a row that scans leave out |
//! | `select.rs` | which neighbours a node keeps |
//! | `link.rs` | which nodes link back, and what they give up for it |
//! | `near.rs` | live nodes near a value, whatever a vacuum does |
//! | `reach.rs` | what links lead to, and links to what they do not |
//! | `tids.rs` | the rows of a node |
//! | `vacuum.rs` | rows less |
//! | `chain.rs` | the same for chunks of tids, which must not grow in number |
//! | `repair.rs` | which links take the place of those to dead nodes |
//! | `census.rs` | what an index holds, counted |
//! | `check.rs` | every invariant, and a dump for tests |
//! | `builder/` | many rows at once |

mod allocate;
mod bits;
mod builder;
mod census;
mod chain;
mod check;
mod dense;
mod descent;
mod huge;
mod index;
mod insert;
mod kill;
mod limits;
mod link;
mod list;
mod manhattan;
mod meta;
mod near;
mod node;
mod outline;
mod pages;
mod plain;
mod reach;
mod repair;
mod rest;
mod scan;
mod select;
mod shape;
mod space;
mod sparse;
mod sweep;
mod tids;
mod trust;
mod vacuum;

pub use bits::{BitMetric, Bits};
pub use builder::{Builder, build_into};
pub use census::{Census, Constants};
pub use check::Report;
pub use dense::{Dense, Metric};
pub use index::{Index, Options};
pub use insert::Inserted;
pub use list::Listing;
pub use manhattan::Manhattan;
pub use outline::{Growing, Grown, Growth, Outline, Ranked, Ranking};
pub use plain::{Measure, Plain};
pub use scan::{Row, Scan};
pub use shape::Shape;
pub use space::Space;
pub use sparse::{SparseMetric, SparseVectors};

pub use crate::quantize::Form;
