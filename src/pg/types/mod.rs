//! The SQL types: every function that `sql/` names. Each is a few lines between a datum and a pure
//! room, and is written once for all types that have it.
//!
//! | file | what it holds |
//! |---|---|
//! | `call.rs` | the door: arguments in, result or error out |
//! | `operand.rs` | what functions need of a type |
//! | `detoast.rs` | values of variable length, wherever they are stored |
//! | `datum.rs` | the bytes of a dense vector in Postgres' memory, borrowed and new |
//! | `array.rs` | one-dimensional arrays of numbers, read and made |
//! | `io.rs` | text, binary, type modifier |
//! | `order.rs` | comparison |
//! | `distances.rs` | distances, called once a row |
//! | `operators.rs` | arithmetic and parts of dense vectors |
//! | `casts.rs` | length coercion, other types, arrays |
//! | `aggregates.rs` | `avg` and `sum` |
//! | `dense.rs` | the C symbols of `vector`, `halfvec` and `int8vec` |
//! | `bits.rs` | the bytes of Postgres' own `bit` |
//! | `sparse.rs` | `sparsevec`: its bytes, casts and C symbols |

#[macro_use]
pub mod call;
mod aggregates;
mod array;
mod bits;
mod casts;
mod datum;
mod dense;
mod detoast;
pub mod distances;
mod io;
mod operand;
mod operators;
mod order;
mod sparse;

pub use bits::Bit;
pub use datum::Borrowed;
pub use operand::Operand;
pub use sparse::Sparsevec;
