//! Threshold: how far a row may be if a comparison with its distance is to hold.

/// What a comparison demands of its left side. It does not matter here whether both may be equal: a row that is
/// a little too far is compared again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It is less than a value, or equal.
    AtMost,
    /// It is greater than a value, or equal.
    AtLeast,
}

impl Side {
    /// What it demands of the right side.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::AtMost => Self::AtLeast,
            Self::AtLeast => Self::AtMost,
        }
    }

    fn turned_if(self, turns: bool) -> Self {
        if turns { self.turned() } else { self }
    }
}

/// What is done to a number `x` before it is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// `x + c`
    Plus(f64),
    /// `x - c`
    Minus(f64),
    /// `c - x`
    SubtractedFrom(f64),
    /// `x * c`
    Times(f64),
    /// `x / c`
    Over(f64),
    /// `-x`
    Negated,
}

/// Which rows may pass thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Within {
    /// The distance beyond which none passes; infinite where there is none.
    pub distance: f64,
    /// Whether rows pass whose distance is not-a-number, which is greater than all numbers.
    pub nan: bool,
    /// Whether rows pass whose distance is NULL: no comparison holds for it.
    pub null: bool,
}

impl Within {
    /// Where there is no threshold.
    pub const ALL: Self = Self {
        distance: f64::INFINITY,
        nan: true,
        null: true,
    };

    /// Of a comparison with NULL.
    pub const NONE: Self = Self {
        distance: f64::NEG_INFINITY,
        nan: false,
        null: false,
    };

    /// What passes both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            distance: self.distance.min(other.distance),
            nan: self.nan && other.nan,
            null: self.null && other.null,
        }
    }
}

/// The largest distance whose result of `steps` (the innermost first) can be on this side of `value`, computed
/// in float64 as Postgres does. Infinite if every distance can. Each step may round, so the result is a few
/// units in the last place too large.
#[must_use]
pub fn farthest(steps: &[Step], side: Side, value: f64) -> f64 {
    if steps.contains(&Step::Over(0.0)) {
        // A division by zero: whoever evaluates it raises.
        return f64::INFINITY;
    }
    let (mut side, mut value, mut slack) = (side, value, 0.0);
    let rounded =
        |numbers: [f64; 3]| 2.0 * f64::EPSILON * numbers.iter().map(|x| x.abs()).sum::<f64>();
    for step in steps.iter().rev() {
        let before = value;
        let (operand, turns) = match *step {
            Step::Plus(c) => {
                value -= c;
                (c, false)
            }
            Step::Minus(c) => {
                value += c;
                (c, false)
            }
            Step::SubtractedFrom(c) => {
                value = c - value;
                (c, true)
            }
            Step::Times(c) => {
                value /= c;
                // What is multiplied may have become zero, or lost bits.
                slack = (slack + f64::MIN_POSITIVE) / c.abs();
                (0.0, c < 0.0)
            }
            Step::Over(c) => {
                value *= c;
                slack = (slack + f64::MIN_POSITIVE) * c.abs();
                (0.0, c < 0.0)
            }
            Step::Negated => {
                value = -value;
                (0.0, true)
            }
        };
        let scales = matches!(step, Step::Times(_) | Step::Over(_));
        slack += rounded([value, operand, if scales { 0.0 } else { before }]);
        side = side.turned_if(turns);
    }
    let limit = if steps.is_empty() {
        value
    } else {
        value + slack
    };
    if side == Side::AtLeast || limit.is_nan() || (!steps.is_empty() && !value.is_finite()) {
        f64::INFINITY
    } else {
        limit
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            -3.0..3.0,
            prop::sample::select(vec![
                0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, 0.1, 0.3, 1e-16, -1e-9
            ]),
            any::<f64>(),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            number().prop_map(Step::Plus),
            number().prop_map(Step::Minus),
            number().prop_map(Step::SubtractedFrom),
            number().prop_map(Step::Times),
            number().prop_map(Step::Over),
            Just(Step::Negated),
        ]
    }

    fn computed(steps: &[Step], distance: f64) -> f64 {
        steps.iter().fold(distance, |x, step| match *step {
            Step::Plus(c) => x + c,
            Step::Minus(c) => x - c,
            Step::SubtractedFrom(c) => c - x,
            Step::Times(c) => x * c,
            Step::Over(c) => x / c,
            Step::Negated => -x,
        })
    }

    /// As Postgres compares: not-a-number is greater than all others.
    fn holds(side: Side, left: f64, right: f64) -> bool {
        match side {
            Side::AtMost => right.is_nan() || left <= right,
            Side::AtLeast => left.is_nan() || left >= right,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn no_row_that_passes_is_farther(
            steps in prop::collection::vec(step(), 0..4), value in number(), least: bool, near in 0..4
        ) {
            let side = if least { Side::AtLeast } else { Side::AtMost };
            let limit = farthest(&steps, side, value);
            // Just beyond, and further on. Where a step overflows, Postgres raises an error.
            for away in [0, 10, 20, 50] {
                let mut distance = limit + limit.abs() * f64::EPSILON * 2_f64.powi(away);
                for _ in 0..near {
                    distance = distance.next_up();
                }
                let left = computed(&steps, distance);
                if distance > limit && distance.is_finite() && left.is_finite() {
                    prop_assert!(!holds(side, left, value), "{:?} of {} is {}", steps, distance, left);
                }
            }
        }
    }

    #[test]
    fn the_limit_is_near_the_threshold() {
        let close = |steps: &[Step], side, value, expected: f64| {
            let limit = farthest(steps, side, value);
            assert!(
                limit >= expected && limit - expected < 1e-14,
                "{steps:?}: {limit}"
            );
        };
        close(&[], Side::AtMost, 0.3, 0.3);
        close(&[Step::SubtractedFrom(1.0)], Side::AtLeast, 0.7, 0.3);
        close(&[Step::Times(-1.0)], Side::AtLeast, 0.9, -0.9);
        close(
            &[Step::Negated, Step::Plus(1.0), Step::Over(2.0)],
            Side::AtLeast,
            0.25,
            0.5,
        );
        close(&[Step::Minus(1.0), Step::Negated], Side::AtLeast, 0.8, 0.2);
        assert_eq!(
            farthest(&[], Side::AtMost, 0.3).to_bits(),
            0.3_f64.to_bits()
        );
    }

    #[test]
    fn what_says_nothing_of_the_farthest_is_no_limit() {
        for (steps, side, value) in [
            (vec![], Side::AtLeast, 0.3),
            (vec![], Side::AtMost, f64::NAN),
            (vec![], Side::AtMost, f64::INFINITY),
            (vec![Step::SubtractedFrom(1.0)], Side::AtMost, 0.7),
            (vec![Step::Times(0.0)], Side::AtMost, 0.0),
            (vec![Step::Over(0.0)], Side::AtMost, 1.0),
            (vec![Step::Plus(f64::INFINITY)], Side::AtMost, 1.0),
            (
                vec![Step::SubtractedFrom(1.0)],
                Side::AtLeast,
                f64::NEG_INFINITY,
            ),
        ] {
            let limit = farthest(&steps, side, value);
            assert!(
                limit.is_infinite() && limit > 0.0,
                "{steps:?} {value}: {limit}"
            );
        }
        let limit = farthest(&[], Side::AtMost, f64::NEG_INFINITY);
        assert!(limit.is_infinite() && limit < 0.0);
    }
}
