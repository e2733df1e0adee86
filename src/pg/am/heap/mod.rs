//! Heap rows: those of a table that an index finds are fetched and measured, and a table is read in its order.
//!
//! | file | what it holds |
//! |---|---|
//! | `exact.rs` | exact distances of rows, from the table |
//! | `source.rs` | the rows of a search with those distances |
//! | `prefetch.rs` | rows of a table on their way from memory |
//! | `extent.rs` | how far a table reaches |
//! | `rows.rs` | every row of a table, for builds and checks |
//! | `value.rs` | what an index has of a row |
//! | `values.rs` | that of rows by their places, for an index that is kept in shape |

pub mod exact;
pub mod extent;
pub mod prefetch;
pub mod rows;
pub mod source;
pub mod value;
pub mod values;
