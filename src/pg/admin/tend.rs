//! Tend: an index is kept in shape when somebody asks for it, as a vacuum does (`vector_index_tend`).

use pgrx::{IntoDatum, pg_sys};

use super::owner::AsOwner;
use super::relation::{Access, IndexRelation};
use super::result;
use crate::pg::am::{FetchedValues, ValueReach};
use crate::pg::storage::check_for_interrupts;

sql_functions! {
    /// Keeps an index in shape, and says what that took.
    fn vector_index_tend(call) -> pg_sys::Datum {
        let relation = IndexRelation::open(call.relation(0), Access::Maintain)?;
        let opened = relation.search()?;
        let tended = {
            let reach = ValueReach::Everything;
            // SAFETY: both relations are open, until after the last value is read.
            let (_owner, mut values) = unsafe {
                let owner = AsOwner::of(relation.table);
                (owner, FetchedValues::new(relation.table, relation.index, reach))
            };
            opened.index().tend(&mut values, &mut check_for_interrupts)?
        };
        let counts = [tended.split, tended.merged, tended.moved];
        let row = counts.map(|count| (count as i64).into_datum()).to_vec();
        // SAFETY: the catalogue declares these columns.
        Ok(unsafe { result::row(call.info(), &row) })
    }
}
