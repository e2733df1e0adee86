//! Value: what an index has of a row, of which a slot holds the table's columns.

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::pg::error::catch;

unsafe extern "C-unwind" {
    // Without a guard, which would keep a part of what an error says.
    fn FormIndexDatum(
        info: *mut pg_sys::IndexInfo,
        slot: *mut pg_sys::TupleTableSlot,
        executor: *mut pg_sys::EState,
        values: *mut Datum,
        nulls: *mut bool,
    );
}

/// Where the index's value of a row comes from.
#[derive(Clone, Copy)]
pub enum RowValue {
    /// A column of the table.
    Column(i32),
    /// An expression.
    Expression {
        /// How the index computes it.
        info: *mut pg_sys::IndexInfo,
        /// What runs it.
        executor: *mut pg_sys::EState,
    },
}

impl RowValue {
    /// Of an index. What it holds is in the current memory context; [`close`](Self::close) lets it go early.
    ///
    /// # Safety
    /// The relation is an open index, of one column.
    pub unsafe fn of(index: pg_sys::Relation) -> Self {
        // SAFETY: the caller vouches for the index.
        unsafe {
            let columns = &raw const (*(*index).rd_index).indkey;
            match (*columns).values.as_slice(1)[0] {
                0 => Self::Expression {
                    info: pg_sys::BuildIndexInfo(index),
                    executor: pg_sys::CreateExecutorState(),
                },
                column => Self::Column(column.into()),
            }
        }
    }

    /// Hands the value of the row in a slot to `look`, and gives its answer. None if the value is NULL.
    ///
    /// # Safety
    /// The slot has a row of the index's table.
    pub unsafe fn with<T>(
        self,
        slot: *mut pg_sys::TupleTableSlot,
        look: impl FnOnce(Datum) -> T,
    ) -> Option<T> {
        // SAFETY: the caller vouches for the slot.
        unsafe {
            match self {
                Self::Column(column) => {
                    let mut null = false;
                    let value = pg_sys::slot_getattr(slot, column, &raw mut null);
                    (!null).then(|| look(value))
                }
                Self::Expression { info, executor } => computed(info, executor, slot, look),
            }
        }
    }

    /// Lets go of what computes it.
    ///
    /// # Safety
    /// It is not used any more.
    pub unsafe fn close(self) {
        if let Self::Expression { executor, .. } = self {
            // SAFETY: made by `of`.
            unsafe { pg_sys::FreeExecutorState(executor) };
        }
    }
}

unsafe fn computed<T>(
    info: *mut pg_sys::IndexInfo,
    executor: *mut pg_sys::EState,
    slot: *mut pg_sys::TupleTableSlot,
    look: impl FnOnce(Datum) -> T,
) -> Option<T> {
    // SAFETY: as `RowValue::with`.
    unsafe {
        let mut context = (*executor).es_per_tuple_exprcontext;
        if context.is_null() {
            context = pg_sys::MakePerTupleExprContext(executor);
        }
        (*context).ecxt_scantuple = slot;
        let memory = (*context).ecxt_per_tuple_memory;
        let before = pg_sys::MemoryContextSwitchTo(memory);
        let (mut values, mut nulls) = ([Datum::null(); 32], [false; 32]);
        let (value, null) = (values.as_mut_ptr(), nulls.as_mut_ptr());
        // The expression is a user's: its errors keep all that they say.
        catch(|| FormIndexDatum(info, slot, executor, value, null));
        let seen = (!*null).then(|| look(*value));
        pg_sys::MemoryContextSwitchTo(before);
        pg_sys::MemoryContextReset(memory);
        seen
    }
}
