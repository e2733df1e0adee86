//! Admin functions: for people who run an index.
//!
//! | file | what it holds |
//! |---|---|
//! | `relation.rs` | an index and its table, opened and locked |
//! | `owner.rs` | the table's owner, as whom that one's code runs |
//! | `result.rs` | rows that a function returns |
//! | `check.rs` | `vector_index_check` |
//! | `info.rs` | `vector_index_info`, `vector_index_prewarm`, `vector_index_scans` |
//! | `recall.rs` | `vector_index_recall` |
//! | `statements.rs` | its statements about an index |
//! | `tend.rs` | `vector_index_tend` |

mod check;
mod info;
mod owner;
mod recall;
mod relation;
mod result;
mod statements;
mod tend;
