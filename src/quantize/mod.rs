//! CODES: smaller vectors. Knows values and distances; nothing of indexes or pages.
//!
//! | file | what it holds |
//! |---|---|
//! | `rotation.rs` | a random orthogonal map, so that every coordinate tells as much as any other |
//! | `code.rs` | one bit a coordinate, and the two numbers that make distances of it |
//! | `directions.rs` | the few directions in which vectors vary most |
//! | `block.rs` | 32 codes interleaved, and the lookup table of a query |
//! | `scan.rs` | the kernels that score a block in one pass |
//! | `levels.rs` | two bits a coordinate, for values that are looked at one by one |
//! | `packed.rs` | two to seven bits a coordinate, for vectors that are measured one by one |
//! | `stored.rs` | whole vectors as float32, float16 or int8 |
//! | `sums.rs` | distances to them |
//! | `int8.rs` | bytes as int8, and their products, for building |
//!
//! `RaBitQ` is Gao and Long, SIGMOD 2024; `FastScan` is André, Kermarrec and Le Scouarnec, VLDB 2015.

mod block;
mod code;
mod directions;
mod int8;
mod levels;
mod packed;
mod rotation;
mod scan;
mod stored;
mod sums;

pub use block::{LANES, Lanes, LookupTable, code_bytes, read_lane, write_lane};
pub use code::{Factors, encode, from_bf16, signed_sum, standard_error, to_bf16};
pub use directions::PrincipalDirections;
pub use int8::{as_signed, inner_product};
pub use levels::{LevelQuery, Levels, encode_levels, level_bytes};
pub use packed::{PackedFactors, PackedForm};
pub use rotation::{Rotation, mixed};
pub use scan::{Estimate, Nearer, estimate, nearer};
pub use stored::{Form, as_floats};
pub use sums::{StoredKernels, StoredSum};
