//! Spaces: what a graph needs to know of its values, for each kind of them.
//!
//! | file | what it holds |
//! |---|---|
//! | `space.rs` | Space: what a graph needs to know of its values |
//! | `dense/` | Dense vectors, whose links carry 1-bit codes |
//! | `plain.rs` | Values whose links carry no codes, under any measure |
//! | `centred.rs` | Codes of values that no link leads to |

pub mod centred;
pub mod dense;
pub mod plain;
pub mod space;
