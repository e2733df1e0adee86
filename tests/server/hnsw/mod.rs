//! The access method `hnsw` on real servers.
//!
//! | file | what it holds |
//! |---|---|
//! | `admin.rs` | the functions for people who run an index |
//! | `beyond.rs` | rows that the table does not have |
//! | `build.rs` | memory, progress and threads of builds |
//! | `churn.rs` | an index that is changed for long |
//! | `damage.rs` | pages that are not what they should be |
//! | `filters.rs` | filters and LIMIT |
//! | `generic.rs` | what the planner chooses before it knows parameters, and where rows have no vector |
//! | `plans.rs` | what the planner chooses |
//! | `recall.rs` | recall and order by operator class, stored form and dimensions |
//! | `rows.rs` | many equal rows |
//! | `standby.rs` | a standby that stops within an insert |
//! | `types.rs` | every operator class of every type |

mod admin;
mod beyond;
mod build;
mod churn;
mod damage;
mod filters;
mod generic;
mod plans;
mod recall;
mod rows;
mod standby;
mod types;
