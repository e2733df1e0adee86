//! LISTS: rows by the nearest of some centres, in blocks of codes; a search reads the lists whose centres are nearest.
//! `README.md` has pictures, lock order, and what a crash leaves; `MEASURED.md` has the figures.
//!
//! | file | what it holds |
//! |---|---|
//! | `shape.rs` | Shape: how many rows lie on a page, and where |
//! | `blocks.rs` | Blocks: 32 codes with the numbers that make distances of them |
//! | `meta.rs` | Meta page: what the index is, and where its lists are |
//! | `coder.rs` | Codes of rows around the centres of their lists |

mod blocks;
mod coder;
mod meta;
mod shape;
