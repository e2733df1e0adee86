//! What tests, demo and benchmarks need of a real server: private installations, clusters, data.
//!
//! | file | what it holds |
//! |---|---|
//! | `installation.rs` | PostgreSQL with vector_ext, without touching the system's own |
//! | `cluster.rs` | a private cluster: start, stop, kill -9, restart, standby, psql, pg_dump |
//! | `npy.rs` | arrays as NumPy stores them |
//! | `passages.rs` | the bundled passages, and loading them by binary COPY |
//! | `vectors.rs` | seeded vectors, tables of them, answers of an index beside exact search |

#![allow(dead_code, reason = "each program uses its part")]

pub mod cluster;
pub mod installation;
pub mod npy;
pub mod passages;
pub mod vectors;

/// Errors are for people to read; nobody matches on them here.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A file of the project, from its root.
pub fn project(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
