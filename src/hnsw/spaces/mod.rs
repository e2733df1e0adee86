//! Spaces: what a graph needs to know of its values, for each kind of them.
//!
//! | file | what it holds |
//! |---|---|
//! | `space.rs` | what a graph needs to know of its values |
//! | `dense/` | dense vectors with 1-bit codes |
//! | `plain.rs` | values whose links carry no codes, under any measure |
//! | `bits.rs` | bits by Hamming and Jaccard distance |
//! | `sparse.rs` | sparse vectors |
//! | `manhattan.rs` | dense vectors under L1 |
//! | `extremes.rs` | vectors so long that squares of their elements overflow |

pub mod bits;
pub mod dense;
pub mod extremes;
pub mod manhattan;
pub mod plain;
pub mod space;
pub mod sparse;
