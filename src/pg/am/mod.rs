//! The index access methods: what Postgres asks of an index, one file a callback.
//!
//! | file | what it holds |
//! |---|---|
//! | `method.rs` | [`Method`]: what differs between access methods |
//! | `registry.rs` | the methods that there are, and whose index an index is |
//! | `routine.rs` | the table of callbacks, made for any of them |
//! | `build.rs` | `ambuild`, `ambuildempty` |
//! | `rows.rs` | the rows of a table, for builds and checks |
//! | `insert.rs` | `aminsert` |
//! | `scan.rs` | `ambeginscan`, `amrescan`, `amgettuple`, `amendscan` |
//! | `running.rs` | a search that a scan has begun |
//! | `filtered.rs` | rows that pass a filter, by the search or by what other indexes list |
//! | `prices.rs` | what these ways cost |
//! | `table.rs` | the same from the table, read in its order |
//! | `ahead.rs` | rows of a table on their way from memory |
//! | `exact.rs` | exact distances of rows, from the table |
//! | `extent.rs` | how far a table reaches |
//! | `left_out.rs` | a row that searches pass by, to ask for it as if it were not there |
//! | `vacuum.rs` | `ambulkdelete`, `amvacuumcleanup` |
//! | `cost.rs` | `amcostestimate` |
//! | `options.rs` | `amoptions` |
//! | `opened.rs` | indexes that this backend has open |
//! | `value.rs` | columns, and their datums as values of a space |
//! | `graph.rs` | a graph behind the doors that all indexes share |
//! | `opclass.rs` | which values and which space an operator class means |
//! | `counters.rs` | what this session's scans have cost |
//! | `hnsw.rs` | the access method `hnsw` |

mod ahead;
mod build;
mod cost;
pub mod counters;
mod exact;
mod extent;
mod filtered;
mod graph;
mod hnsw;
mod insert;
mod left_out;
mod method;
mod opclass;
mod opened;
mod options;
mod outlined;
mod prices;
mod registry;
mod routine;
mod rows;
mod running;
mod scan;
mod shortlist;
mod table;
mod vacuum;
mod value;

pub use crate::index::Tid;
pub use crate::search::{Side, Step, Within, farthest};
pub use cost::missing;
pub use filtered::Passes;
pub use left_out::LeftOut;
pub use method::Search;
pub use opened::Opened;
pub use outlined::{release_all, release_beyond};
pub use prices::{Listed, WANTED};
pub use registry::Registered;
pub use rows::{TableRows, each_row};
pub use scan::{attach, learn, learned, report, sort, tid_of};
pub use table::can_read;

use crate::pg::error::guarded;
