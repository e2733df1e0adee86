//! Changes: rows that come, rows that go, and the links that follow.
//!
//! | file | what it holds |
//! |---|---|
//! | `insert.rs` | a row more |
//! | `select.rs` | which neighbours a node keeps |
//! | `link.rs` | which nodes link back, and what they give up for it |
//! | `near.rs` | live nodes near a value, whatever a vacuum does |
//! | `kill.rs` | a row that scans leave out |
//! | `vacuum.rs` | rows less |
//! | `chain.rs` | the same for chunks of tids, which must not grow in number |
//! | `repair.rs` | which links take the place of those to dead nodes |
//! | `reach.rs` | what links lead to, and links to what they do not |

pub mod chain;
pub mod insert;
pub mod kill;
pub mod link;
pub mod near;
pub mod reach;
pub mod repair;
pub mod select;
pub mod vacuum;
