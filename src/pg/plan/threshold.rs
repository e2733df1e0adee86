//! Thresholds: conditions that no row fulfils beyond some distance, so that a search by that distance can end there.
//!
//! `e <=> q < r`, `1 - (e <=> q) > s`, `(e <#> q) * -1 >= s`, `e <-> q BETWEEN a AND b`: a comparison of float64, one side of
//! which is the distance that the scan is ordered by, or float64 arithmetic on it and values that are the same for all
//! rows. Those values are computed when a search begins: constants, parameters, values of outer rows.

use pgrx::pg_sys;
use pgrx::pg_sys::{Node, NodeTag, Oid};

use super::{entries, raw};
use crate::pg::am::{Side, Step, Within, farthest};
use crate::pg::error::catch;

/// A threshold that the planner has found.
pub struct Threshold {
    /// The condition.
    pub clause: *mut pg_sys::RestrictInfo,
    side: Side,
    value: *mut Node,
    /// The innermost first.
    steps: Vec<(Operation, *mut Node)>,
}

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

/// The thresholds among conditions, for a scan in this order.
///
/// # Safety
/// An operator of the planner that gives float64, and conditions of the same table.
pub unsafe fn find(order: *mut pg_sys::OpExpr, conditions: *mut pg_sys::List) -> Vec<Threshold> {
    // SAFETY: as the caller says.
    unsafe {
        entries::<pg_sys::RestrictInfo>(conditions)
            .filter(|condition| !(**condition).pseudoconstant)
            .filter_map(|condition| threshold(order, condition))
            .collect()
    }
}

unsafe fn threshold(
    order: *mut pg_sys::OpExpr,
    clause: *mut pg_sys::RestrictInfo,
) -> Option<Threshold> {
    // SAFETY: the caller vouches for both.
    unsafe {
        let (function, [left, right]) = call((*clause).clause.cast())?;
        let side = side(function)?;
        for (measured, value, side) in [(left, right, side), (right, left, turned(side))] {
            let mut steps = Vec::new();
            if is_free(value) && peel(measured, order, &mut steps) {
                return Some(Threshold {
                    clause,
                    side,
                    value,
                    steps,
                });
            }
        }
        None
    }
}

fn turned(side: Side) -> Side {
    match side {
        Side::AtMost => Side::AtLeast,
        Side::AtLeast => Side::AtMost,
    }
}

/// What a function that compares asks of its left argument.
fn side(function: Oid) -> Option<Side> {
    match function.to_u32() {
        pg_sys::F_FLOAT8LT
        | pg_sys::F_FLOAT8LE
        | pg_sys::F_FLOAT84LT
        | pg_sys::F_FLOAT84LE
        | pg_sys::F_FLOAT48LT
        | pg_sys::F_FLOAT48LE => Some(Side::AtMost),
        pg_sys::F_FLOAT8GT
        | pg_sys::F_FLOAT8GE
        | pg_sys::F_FLOAT84GT
        | pg_sys::F_FLOAT84GE
        | pg_sys::F_FLOAT48GT
        | pg_sys::F_FLOAT48GE => Some(Side::AtLeast),
        _ => None,
    }
}

/// The function that a node calls, and its arguments: two, or one and null.
unsafe fn call(node: *mut Node) -> Option<(Oid, [*mut Node; 2])> {
    // SAFETY: the caller vouches for the node; its tag says what it is.
    unsafe {
        let tag = (*node).type_;
        let (function, args) = if tag == NodeTag::T_OpExpr {
            let node: *mut pg_sys::OpExpr = node.cast();
            (pg_sys::get_opcode((*node).opno), (*node).args)
        } else if tag == NodeTag::T_FuncExpr {
            let node: *mut pg_sys::FuncExpr = node.cast();
            ((*node).funcid, (*node).args)
        } else {
            return None;
        };
        let mut all = entries::<Node>(args);
        let first = all.next()?;
        let second = all.next().unwrap_or(std::ptr::null_mut());
        all.next().is_none().then_some((function, [first, second]))
    }
}

/// Whether an expression has the same value for all rows of a scan, and may be computed although no row comes to the
/// condition: constants, parameters, values of outer rows, and sums, differences, products and casts of these. What might raise
/// an error, such as a division by a parameter or a function of a user, would raise it where exact search finds no row to ask.
unsafe fn is_free(node: *mut Node) -> bool {
    // SAFETY: the caller vouches for the expression, or it is null; its tag says what it is.
    unsafe {
        if node.is_null() {
            return false;
        }
        let all_free = |args: *mut pg_sys::List| entries::<Node>(args).all(|arg| is_free(arg));
        let tag = (*node).type_;
        if tag == NodeTag::T_RelabelType {
            let node: *mut pg_sys::RelabelType = node.cast();
            is_free((*node).arg.cast())
        } else if tag == NodeTag::T_CoalesceExpr {
            let node: *mut pg_sys::CoalesceExpr = node.cast();
            all_free((*node).args)
        } else if tag == NodeTag::T_MinMaxExpr {
            let node: *mut pg_sys::MinMaxExpr = node.cast();
            all_free((*node).args)
        } else if let Some((function, args)) = call(node) {
            let is_share = function.to_u32() == pg_sys::F_FLOAT8DIV && is_not_zero(args[1]);
            let mut args = args.into_iter().filter(|arg| !arg.is_null());
            (is_share || is_harmless(function)) && args.all(|arg| is_free(arg))
        } else {
            tag == NodeTag::T_Const || tag == NodeTag::T_Param
        }
    }
}

/// Whether a function raises no error but for numbers at the end of its type.
fn is_harmless(function: Oid) -> bool {
    matches!(
        function.to_u32(),
        pg_sys::F_FLOAT8PL
            | pg_sys::F_FLOAT8MI
            | pg_sys::F_FLOAT8MUL
            | pg_sys::F_FLOAT8UM
            | pg_sys::F_FLOAT8_INT2
            | pg_sys::F_FLOAT8_INT4
            | pg_sys::F_FLOAT8_INT8
            | pg_sys::F_FLOAT8_FLOAT4
            | pg_sys::F_FLOAT8_NUMERIC
            | pg_sys::F_NUMERIC_ADD
            | pg_sys::F_NUMERIC_SUB
            | pg_sys::F_NUMERIC_MUL
            | pg_sys::F_NUMERIC_INT2
            | pg_sys::F_NUMERIC_INT4
            | pg_sys::F_NUMERIC_INT8
    )
}

/// Whether a float64 is a constant by which anything can be divided.
unsafe fn is_not_zero(node: *mut Node) -> bool {
    // SAFETY: the caller vouches for an argument of type float64; its tag says what it is.
    unsafe {
        let constant: *const pg_sys::Const = node.cast();
        (*node).type_ == NodeTag::T_Const
            && !(*constant).constisnull
            && f64::from_bits((*constant).constvalue.value() as u64) != 0.0
    }
}

/// Takes arithmetic off a distance, step by step. False where something else is beneath.
unsafe fn peel(
    node: *mut Node,
    order: *mut pg_sys::OpExpr,
    steps: &mut Vec<(Operation, *mut Node)>,
) -> bool {
    // SAFETY: the caller vouches for both.
    unsafe {
        if is_distance(node, order) {
            return true;
        }
        let Some((function, [left, right])) = call(node) else {
            return false;
        };
        let (on_left, on_right) = match function.to_u32() {
            pg_sys::F_FLOAT8PL => (Operation::Plus, Some(Operation::Plus)),
            pg_sys::F_FLOAT8MI => (Operation::Minus, Some(Operation::SubtractedFrom)),
            pg_sys::F_FLOAT8MUL => (Operation::Times, Some(Operation::Times)),
            pg_sys::F_FLOAT8DIV => (Operation::Over, None),
            pg_sys::F_FLOAT8UM => {
                let peeled = peel(left, order, steps);
                steps.push((Operation::Negated, std::ptr::null_mut()));
                return peeled;
            }
            _ => return false,
        };
        if is_free(right) && peel(left, order, steps) {
            steps.push((on_left, right));
            return true;
        }
        match on_right {
            Some(on_right) if is_free(left) && !right.is_null() && peel(right, order, steps) => {
                steps.push((on_right, left));
                true
            }
            _ => false,
        }
    }
}

/// Whether an expression is the distance that a scan is ordered by: by its operator, its function, or the operator with its
/// sides changed.
unsafe fn is_distance(node: *mut Node, order: *mut pg_sys::OpExpr) -> bool {
    // SAFETY: the caller vouches for both.
    unsafe {
        let Some((function, [left, right])) = call(node) else {
            return false;
        };
        let mut sides = entries::<Node>((*order).args);
        let (Some(key), Some(query)) = (sides.next(), sides.next()) else {
            return false;
        };
        let same = |a: *mut Node, b: *mut Node| pg_sys::equal(a.cast(), b.cast());
        let commutes = pg_sys::get_commutator((*order).opno) == (*order).opno;
        function == pg_sys::get_opcode((*order).opno)
            && !right.is_null()
            && ((same(left, key) && same(right, query))
                || (commutes && same(left, query) && same(right, key)))
    }
}

/// Writes thresholds behind what a plan says to its node: for each its side, the number of its steps, and those; and the
/// expressions that the node computes, each threshold's value first.
///
/// # Safety
/// Postgres plans a query.
pub unsafe fn write(thresholds: &[Threshold], mut numbers: *mut pg_sys::List) -> Written {
    let mut expressions: *mut pg_sys::List = std::ptr::null_mut();
    for threshold in thresholds {
        let count = i32::try_from(threshold.steps.len()).unwrap_or(i32::MAX);
        let side = i32::from(threshold.side == Side::AtLeast);
        let codes = threshold
            .steps
            .iter()
            .map(|(operation, _)| *operation as i32);
        // SAFETY: as the caller says.
        unsafe {
            for number in [side, count].into_iter().chain(codes) {
                numbers = raw::lappend(numbers, raw::makeInteger(number).cast());
            }
            expressions = raw::lappend(expressions, threshold.value.cast());
            for (operation, operand) in &threshold.steps {
                if *operation != Operation::Negated {
                    expressions = raw::lappend(expressions, operand.cast());
                }
            }
        }
    }
    Written {
        numbers,
        expressions,
    }
}

/// What a plan has of thresholds.
pub struct Written {
    /// Integers.
    pub numbers: *mut pg_sys::List,
    /// Expressions.
    pub expressions: *mut pg_sys::List,
}

/// The thresholds of a running plan.
pub struct Thresholds {
    /// The numbers that [`write()`] has written, without those before them.
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
