//! Thresholds of a running plan: how far rows may be, by the values that its expressions have.

use pgrx::pg_sys;
use pgrx::pg_sys::Node;

use super::Operation;
use crate::pg::am::{Side, Within, farthest};
use crate::pg::error::catch;
use crate::pg::plan::{entries, raw};

/// The thresholds of a running plan.
pub struct Thresholds {
    /// The numbers that `write.rs` has written, without those before them.
    numbers: Vec<i32>,
    /// `ExprState`s of the expressions.
    states: *mut pg_sys::List,
    context: *mut pg_sys::ExprContext,
}

impl Thresholds {
    /// The thresholds of a node that has begun.
    ///
    /// # Safety
    /// The expressions were made ready for a node of the plan; they and the context stay as long as it.
    pub unsafe fn new(
        numbers: Vec<i32>,
        states: *mut pg_sys::List,
        context: *mut pg_sys::ExprContext,
    ) -> Self {
        Self {
            numbers,
            states,
            context,
        }
    }

    /// How far rows may be that pass all of them.
    ///
    /// # Safety
    /// The plan is running, and parameters have the values of the search that begins.
    pub unsafe fn within(&self) -> Within {
        // SAFETY: as the caller says.
        let mut values = unsafe { entries(self.states).map(|state| self.value(state)) };
        let mut numbers = self.numbers.iter().copied();
        let mut within = Within::ALL;
        while let (Some(side), Some(count)) = (numbers.next(), numbers.next()) {
            let mut next = || values.next().unwrap_or(Evaluated::Unknown);
            let value = next();
            let steps = numbers.by_ref().take(usize::try_from(count).unwrap_or(0));
            let steps: Vec<(i32, Evaluated)> = steps
                .map(|code| {
                    let negated = code == Operation::Negated as i32;
                    (
                        code,
                        if negated {
                            Evaluated::Number(0.0)
                        } else {
                            next()
                        },
                    )
                })
                .collect();
            within = within.and(limit(side, value, &steps));
        }
        within
    }

    unsafe fn value(&self, state: *mut pg_sys::ExprState) -> Evaluated {
        // SAFETY: the caller says that the plan is running.
        unsafe {
            let expression: *mut Node = (*state).expr.cast();
            if pg_sys::contain_var_clause(expression) {
                // The planner has found it among the columns of the scan, which has no row yet.
                return Evaluated::Unknown;
            }
            let (mut null, context) = (false, self.context);
            let isnull = &raw mut null;
            let datum = catch(|| raw::ExecEvalExprSwitchContext(state, context, isnull));
            match pg_sys::exprType(expression) {
                _ if null => Evaluated::Null,
                pg_sys::FLOAT8OID => Evaluated::Number(f64::from_bits(datum.value() as u64)),
                pg_sys::FLOAT4OID => Evaluated::Number(f32::from_bits(datum.value() as u32).into()),
                _ => Evaluated::Unknown,
            }
        }
    }
}

/// The value of an expression.
#[derive(Clone, Copy)]
enum Evaluated {
    Null,
    Number(f64),
    Unknown,
}

/// What a comparison may let pass with a value that is not known.
const OF_UNKNOWN: Within = Within {
    null: false,
    ..Within::ALL
};

/// What one threshold lets pass.
fn limit(side: i32, value: Evaluated, steps: &[(i32, Evaluated)]) -> Within {
    let side = if side == 0 {
        Side::AtMost
    } else {
        Side::AtLeast
    };
    let mut numbers = Vec::with_capacity(steps.len());
    let mut is_null = matches!(value, Evaluated::Null);
    for (code, operand) in steps {
        match operand {
            Evaluated::Null => is_null = true,
            Evaluated::Number(operand) => numbers.push(Operation::step(*code, *operand)),
            Evaluated::Unknown => return OF_UNKNOWN,
        }
    }
    match value {
        _ if is_null => Within::NONE,
        Evaluated::Number(value) => Within {
            distance: farthest(&numbers, side, value),
            // Arithmetic makes nothing else of it.
            nan: side == Side::AtLeast || value.is_nan(),
            null: false,
        },
        Evaluated::Null | Evaluated::Unknown => OF_UNKNOWN,
    }
}
