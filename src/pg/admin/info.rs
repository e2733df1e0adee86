//! Info: what an index holds, and what scans of it have cost.

use pgrx::IntoDatum;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;

use super::relation::{Access, IndexRelation};
use super::result;
use crate::pg::am::counters;
use crate::pg::storage::{check_for_interrupts, read_block};

fn blocks(index: pg_sys::Relation) -> u32 {
    // SAFETY: the caller has it open.
    unsafe { pg_sys::RelationGetNumberOfBlocksInFork(index, pg_sys::ForkNumber::MAIN_FORKNUM) }
}

sql_functions! {
    /// Rows, levels, dimensions and so on: see the columns in `sql/`.
    fn vector_index_info(call) -> pg_sys::Datum {
        let relation = IndexRelation::open(call.relation(0), Access::Read)?;
        let description = relation.search()?.index().describe()?;
        // None where it cannot be built as its column and options are declared by now.
        // SAFETY: the index is open, and of ours.
        let of_row = unsafe { relation.method.build_bytes_per_row(relation.index) }.ok();
        let memory = of_row.map(|bytes| (bytes as u64 * description.values) as i64);
        let made = description.lists.map(|lists| lists.made).filter(|made| *made != 0);
        let made = made.and_then(|made| TimestampWithTimeZone::try_from(made).ok());
        let bytes = u64::from(blocks(relation.index)) * u64::from(pg_sys::BLCKSZ);
        let row = vec![
            (description.rows as i64).into_datum(),
            (description.values as i64).into_datum(),
            description.graph.map(|graph| graph.levels as i32).into_datum(),
            (description.dims as i32).into_datum(),
            description.storage.into_datum(),
            description.graph.map(|graph| i32::from(graph.m)).into_datum(),
            description.lists.map(|lists| lists.lists as i64).into_datum(),
            description.lists.map(|lists| lists.least as i64).into_datum(),
            description.lists.map(|lists| lists.median as i64).into_datum(),
            description.lists.map(|lists| lists.largest as i64).into_datum(),
            description.lists.and_then(|lists| lists.drift).into_datum(),
            description.lists.map(|lists| lists.trained as i64).into_datum(),
            made.into_datum(),
            (bytes as i64).into_datum(),
            (description.dead as i64).into_datum(),
            (description.free as i64).into_datum(),
            i32::from(description.format).into_datum(),
            memory.into_datum(),
        ];
        // SAFETY: the catalogue declares these columns.
        Ok(unsafe { result::row(call.info(), &row) })
    }

    /// Reads all pages into shared buffers, and gives their number.
    fn vector_index_prewarm(call) -> i64 {
        let relation = IndexRelation::open(call.relation(0), Access::Read)?;
        let blocks = blocks(relation.index);
        for block in 0..blocks {
            check_for_interrupts();
            // SAFETY: the index is open and has this block.
            unsafe { read_block(relation.index, block) };
        }
        Ok(i64::from(blocks))
    }

    /// What this session's scans have cost, a row an index.
    fn vector_index_scans(call) -> pg_sys::Datum {
        let count = |n: u64| (n as i64).into_datum();
        let rows = counters::all().into_iter().map(|of| {
            let index = pg_sys::Oid::from(of.index);
            let mut row = vec![index.into_datum(), count(of.sum.scans)];
            for spent in [of.sum, of.last] {
                let visited = spent.nodes + spent.probed.lists;
                let counts = [visited, spent.pages, spent.restarts, spent.measured];
                row.extend(counts.map(count));
            }
            row
        });
        // SAFETY: the catalogue declares these columns.
        Ok(unsafe { result::table(call.info(), rows) })
    }
}
