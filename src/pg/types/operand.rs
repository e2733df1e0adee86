//! Operands: what functions need of a type, which is its values where they lie, and for types of ours their forms.

use std::cmp::Ordering;

use pgrx::pg_sys::Datum;

use crate::pg::error::Failure;
use crate::vector::{Invalid, Type};

/// Bytes that lie together.
#[derive(Clone, Copy)]
pub struct Span {
    pub start: *const u8,
    pub len: usize,
}

/// Values of a type in Postgres' memory.
pub trait Operand: 'static {
    /// A datum, borrowed or detoasted.
    type Held;

    /// The value in it.
    type View<'v>: Copy;

    /// Holds a datum.
    ///
    /// # Safety
    /// It is of the type, not NULL, and outlives what is returned.
    ///
    /// # Errors
    /// Where its bytes make no sense.
    unsafe fn hold(datum: Datum) -> Result<Self::Held, Failure>;

    /// The value of a held datum.
    fn view(held: &Self::Held) -> Self::View<'_>;

    /// The value of a datum that needs no detoasting and is not corrupted; `None` of others. Calls
    /// nothing that could raise an error.
    ///
    /// # Safety
    /// As [`hold`](Self::hold).
    unsafe fn in_place<'v>(datum: Datum) -> Option<Self::View<'v>>;

    /// Bytes from the first to the last that a function reads.
    fn span(view: Self::View<'_>) -> Span;

    /// Checks that two values have the same size.
    ///
    /// # Errors
    /// Where they have not.
    fn check_same(a: Self::View<'_>, b: Self::View<'_>) -> Result<(), Invalid>;
}

/// A type of ours.
pub trait SqlType: Operand {
    /// As its messages name it.
    const TYPE: Type;

    /// Reads a literal into a new value; `declared` are the dimensions that the column has.
    ///
    /// # Errors
    /// Where the literal is none.
    fn input(literal: &[u8], declared: Option<usize>) -> Result<Datum, Invalid>;

    /// The literal of a value.
    fn output(view: Self::View<'_>) -> Vec<u8>;

    /// Reads the binary form at the start of `bytes`, and gives how many of them it takes.
    ///
    /// # Errors
    /// Where it is none.
    fn receive(bytes: &[u8], declared: Option<usize>) -> Result<(Datum, usize), Invalid>;

    /// The binary form, as a `bytea`.
    fn send(view: Self::View<'_>) -> Datum;

    /// Dimensions.
    fn dims(view: Self::View<'_>) -> usize;

    /// The order of the btree operator class.
    fn compare(a: Self::View<'_>, b: Self::View<'_>) -> Ordering;

    /// The held datum, to be returned.
    fn keep(held: Self::Held) -> Datum;
}
