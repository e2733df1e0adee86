//! Vector types, SIMD distances and vector indexes for PostgreSQL.
//!
//! `src/README.md` is the map: which room holds what, and who may call whom.

pub mod bulk;
pub mod cluster;
pub mod distance;
pub mod hnsw;
pub mod index;
pub mod ivf;
pub mod page;
pub mod quantize;
pub mod search;
pub mod values;
pub mod vector;

#[cfg(feature = "postgres")]
mod pg;
