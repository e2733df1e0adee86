//! The access method `hnsw` on real servers.
//!
//! | file | what it holds |
//! |---|---|
//! | `admin.rs` | the functions for people who run an index |
//! | `beyond.rs` | rows that the table does not have |
//! | `build.rs` | memory, progress and threads of builds |
//! | `cancel.rs` | cancelled statements end at once and leave nothing behind |
//! | `churn.rs` | an index that is changed for long |
//! | `crash.rs` | kill -9 in the middle of builds, inserts and vacuums |
//! | `damage.rs` | pages that are not what they should be |
//! | `ddl.rs` | made and rebuilt while others write, moved, emptied, dumped |
//! | `domains.rs` | domains, fields of composites, generated columns, defaults |
//! | `extremes.rs` | numbers at the ends of float32 |
//! | `filters.rs` | filters and LIMIT |
//! | `generic.rs` | what the planner chooses before it knows parameters, and where rows have no vector |
//! | `memory.rs` | statements that the system gives no memory |
//! | `plans.rs` | what the planner chooses |
//! | `recall.rs` | recall and order by operator class, stored form and dimensions |
//! | `rows.rs` | rows of all kinds; scans that begin again or are held open |
//! | `standby.rs` | a standby answers as its primary, and takes its place |
//! | `stress.rs` | writers, readers and vacuums at once |
//! | `transactions.rs` | savepoints, isolation, HOT |
//! | `types.rs` | every operator class of every type |

mod admin;
mod beyond;
mod build;
mod cancel;
mod churn;
mod crash;
mod damage;
mod ddl;
mod domains;
mod extremes;
mod filters;
mod generic;
mod memory;
mod plans;
mod recall;
mod rows;
mod standby;
mod stress;
mod transactions;
mod types;
