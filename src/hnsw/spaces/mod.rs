//! Spaces: what a graph needs to know of its values, for each kind of them.
//!
//! | file | what it holds |
//! |---|---|
//! | `space.rs` | Space: what a graph needs to know of its values |
//! | `dense/` | Dense vectors, whose links carry 1-bit codes |
//! | `plain.rs` | Values whose links carry no codes, under any measure |
//! | `bits.rs` | Bits by Hamming and Jaccard distance |
//! | `sparse.rs` | Sparse vectors |
//! | `manhattan.rs` | L1 (Manhattan) distance of dense vectors |
//! | `extremes.rs` | Overflow: vectors so long that squares of their elements overflow |

pub mod bits;
pub mod dense;
pub mod extremes;
pub mod manhattan;
pub mod plain;
pub mod space;
pub mod sparse;
