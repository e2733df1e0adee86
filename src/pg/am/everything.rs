//! All rows, for a query that is as far from each: NULL, or a zero vector under cosine.

use crate::index::{Continue, Tid};
use crate::pg::am::method::{Cost, FoundRow, Stream};
use crate::pg::error::Failure;
use crate::search::{Bounded, Within};

/// All rows of an index, in no order.
pub struct Everything<F> {
    next: F,
    is_null: bool,
    rows: u64,
    ended: bool,
}

impl<F: FnMut() -> Result<Option<Tid>, Failure>> Everything<F> {
    /// Rows that `next` gives. Their distance is NULL, or else not a number.
    pub fn new(is_null: bool, next: F) -> Self {
        Self {
            next,
            is_null,
            rows: 0,
            ended: false,
        }
    }
}

impl<F: FnMut() -> Result<Option<Tid>, Failure>> Stream for Everything<F> {
    fn is_ready(&self) -> bool {
        false
    }

    fn floor(&self) -> f64 {
        0.0
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure> {
        if self.ended {
            return Ok(None);
        }
        self.rows += 1;
        Ok((self.next)()?.map(|tid| Bounded {
            row: FoundRow { tid, node: None },
            lower: 0.0,
            upper: 0.0,
        }))
    }

    fn limit(&mut self, within: Within) {
        let passes = if self.is_null {
            within.null
        } else {
            within.nan
        };
        self.ended = !passes;
    }

    fn go_on(&self) -> Continue {
        Continue::Never
    }

    fn finds_late(&self) -> bool {
        false
    }

    fn has_order(&self) -> bool {
        false
    }

    fn cost(&self) -> Cost {
        Cost {
            nodes: self.rows,
            ..Cost::default()
        }
    }
}
