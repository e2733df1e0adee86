//! Thresholds: conditions that no row fulfils beyond some distance, so that a search by that distance can end there.
//!
//! `e <=> q < r`, `1 - (e <=> q) > s`, `(e <#> q) * -1 >= s`, `e <-> q BETWEEN a AND b`: a comparison of float64, one
//! side of which is the distance that the scan is ordered by, or float64 arithmetic on it and values that are the same
//! for all rows. Those values are computed when a search begins: constants, parameters, values of outer rows.
//!
//! | file | what it holds |
//! |---|---|
//! | `find.rs` | the thresholds among conditions, for the planner |
//! | `write.rs` | thresholds as a plan has them |
//! | `running.rs` | how far rows may be while a plan runs |

mod find;
mod running;
mod write;

pub use find::{Threshold, find};
pub use running::Thresholds;
pub use write::write;

use crate::pg::am::Step;

/// A [`Step`] without its operand, as plans have it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Plus = 0,
    Minus = 1,
    SubtractedFrom = 2,
    Times = 3,
    Over = 4,
    Negated = 5,
}

impl Operation {
    fn step(code: i32, operand: f64) -> Step {
        match code {
            0 => Step::Plus(operand),
            1 => Step::Minus(operand),
            2 => Step::SubtractedFrom(operand),
            3 => Step::Times(operand),
            4 => Step::Over(operand),
            _ => Step::Negated,
        }
    }
}
