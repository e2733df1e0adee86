//! The thresholds among the conditions of a table, for the planner.

use pgrx::pg_sys;
use pgrx::pg_sys::{Node, NodeTag, Oid};

use super::Operation;
use crate::pg::am::Side;
use crate::pg::plan::entries;

/// A threshold that the planner has found.
pub struct Threshold {
    /// The condition.
    pub clause: *mut pg_sys::RestrictInfo,
    pub(super) side: Side,
    pub(super) value: *mut Node,
    /// The innermost first.
    pub(super) steps: Vec<(Operation, *mut Node)>,
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
        for (measured, value, side) in [(left, right, side), (right, left, side.turned())] {
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
/// condition: constants, parameters, values of outer rows, and sums, differences, products and casts of these. What
/// might raise an error, such as a division by a parameter or a function of a user, would raise it where exact search
/// finds no row to ask.
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

/// Whether an expression is the distance that a scan is ordered by: by its operator, its function, or the operator with
/// its sides changed.
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
