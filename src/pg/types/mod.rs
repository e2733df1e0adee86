//! The SQL type `vector`: every function that `sql/` names. Each is a few lines between a datum and
//! a pure room.
//!
//! | file | what it holds |
//! |---|---|
//! | `call.rs` | the door: arguments in, result or error out |
//! | `datum.rs` | the bytes of a vector in Postgres' memory, borrowed and new |
//! | `array.rs` | one-dimensional arrays of numbers, read and made |
//! | `io.rs` | text, binary, type modifier |
//! | `distances.rs` | distances, called once a row |
//! | `operators.rs` | arithmetic and order |
//! | `casts.rs` | to and from arrays, length coercion |
//! | `aggregates.rs` | `avg` and `sum` |

#[macro_use]
pub mod call;
mod aggregates;
mod array;
mod casts;
mod datum;
pub mod distances;
mod io;
mod operators;

pub use datum::Borrowed;
