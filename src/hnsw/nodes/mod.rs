//! Nodes: how they lie on pages, how large they are, and what lies beside them.
//!
//! | file | what it holds |
//! |---|---|
//! | `shape.rs` | how large a node is, and where its number says that it lies |
//! | `node.rs` | the bytes of one node |
//! | `tids.rs` | the rows of a node |
//! | `overflow.rs` | values that are longer than a node has room for |
//! | `pages.rs` | nodes on pages: found, changed |
//! | `allocate.rs` | slots for new nodes |

pub mod allocate;
pub mod node;
pub mod overflow;
pub mod pages;
pub mod shape;
pub mod tids;
