//! Functions for people who run an index.
//!
//! | file | what it holds |
//! |---|---|
//! | `relation.rs` | an index and its table, opened and locked |
//! | `result.rs` | rows that a function returns |
//! | `check.rs` | `vector_index_check` |
//! | `info.rs` | `vector_index_info`, `vector_index_prewarm`, `vector_index_scans` |
//!
//! `vector_index_recall` is SQL: see `sql/vector_ext.sql`.

mod check;
mod info;
mod relation;
mod result;
