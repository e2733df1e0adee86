//! Lists against models: what they find, what a crash leaves.
//!
//! | file | what it asks |
//! |---|---|
//! | `model.rs` | random inserts and vacuums beside a model |
//! | `crash.rs` | every operation cut after every commit |
//! | `support.rs` | rows, indexes, checks |

mod crash;
mod model;
mod support;
