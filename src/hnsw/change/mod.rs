//! Changes: rows that come, rows that go, and the links that follow.
//!
//! | file | what it holds |
//! |---|---|
//! | `insert.rs` | Insert: one row more |
//! | `add.rs` | Additions: a new node with all of its value, one more row of a node |
//! | `select.rs` | Selection of neighbours: which ones a node keeps |
//! | `link.rs` | Links back: how a node becomes the neighbour of others |
//! | `near.rs` | Nearest live nodes of a value, whatever a vacuum does |
//! | `kill.rs` | Kill: rows that were seen dead to everybody, which scans leave out |
//! | `vacuum.rs` | Vacuum: takes rows out of the index |
//! | `chain.rs` | Chunks of tids in a vacuum, which must not grow in number |
//! | `repair.rs` | Repair: which links take the place of those to dead nodes |
//! | `reach.rs` | Reachability: nodes that no link leads to are linked to |

pub mod add;
pub mod chain;
pub mod insert;
pub mod kill;
pub mod link;
pub mod near;
pub mod reach;
pub mod repair;
pub mod select;
pub mod vacuum;
