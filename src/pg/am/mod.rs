//! The index access methods: what Postgres asks of an index, one file a callback.
//!
//! | file | what it holds |
//! |---|---|
//! | `method.rs` | [`Method`](method::Method): what differs between access methods |
//! | `registry.rs` | the methods that there are, and whose index an index is |
//! | `routine.rs` | the table of callbacks, made for any of them |
//! | `build.rs` | `ambuild`, `ambuildempty` |
//! | `insert.rs` | `aminsert` |
//! | `scan/` | `ambeginscan`, `amrescan`, `amgettuple`, `amendscan`, and the search that one has begun |
//! | `vacuum.rs` | `ambulkdelete`, `amvacuumcleanup` |
//! | `cost.rs` | `amcostestimate` |
//! | `filter/` | rows that pass a filter: by the search, by what other indexes list, or from the table; and all prices |
//! | `heap/` | rows of the table: fetched, measured, read in their order |
//! | `opened.rs` | indexes that this backend has open |
//! | `column.rs` | the column of an index |
//! | `passes.rs` | what a plan tells a search of its filter |
//! | `counters.rs` | what this session's scans have cost |
//! | `left_out.rs` | a row that searches pass by, to ask for it as if it were not there |
//! | `opclass.rs` | the operator class of an index |
//! | `dense.rs`, `shown.rs` | dense vectors as indexes take them; distances as operators give them |
//! | `everything.rs` | all rows, for a query that is as far from each |
//! | `iterative.rs` | whether a scan goes on: the setting that every method has |
//! | `hnsw/`, `ivfflat/` | the access methods |
//!
//! Doors do not know a method: only `registry.rs` names them.

mod build;
mod column;
mod cost;
pub mod counters;
mod dense;
mod everything;
mod filter;
mod heap;
mod hnsw;
mod insert;
mod iterative;
mod ivfflat;
mod left_out;
mod method;
mod opclass;
mod opened;
mod passes;
mod registry;
mod routine;
mod scan;
mod shown;
mod vacuum;

pub use crate::index::Tid;
pub use crate::search::{Side, Step, Within, farthest};
pub use cost::missing;
pub use filter::prices::WANTED_ROWS;
pub use filter::table::can_read;
pub use heap::rows::{TableRows, each_row};
pub use heap::values::{FetchedValues, ValueReach};
pub use left_out::LeftOut;
pub use method::{Effort, Search};
pub use opened::Opened;
pub use passes::{Listed, Passes};
pub use registry::{Registered, define_settings, discard, names};
pub use scan::{attach, learn, learned, report, sort};
