//! Nodes: how they lie on pages, how large they are, and what lies beside them.
//!
//! | file | what it holds |
//! |---|---|
//! | `meta.rs` | Meta page, the first one: what the index is, and where a walk starts |
//! | `shape.rs` | Shape of nodes: how large one is, and where its number says that it lies |
//! | `node.rs` | Node: its bytes on a page |
//! | `tids.rs` | Tids: the rows of a node |
//! | `overflow.rs` | Long values: those that a node has no room for |
//! | `pages.rs` | Pages of nodes: nodes are found, read and changed |
//! | `allocate.rs` | Allocation: slots for new nodes |

pub mod allocate;
pub mod meta;
pub mod node;
pub mod overflow;
pub mod pages;
pub mod shape;
pub mod tids;
