//! Extent: how far a table reaches. Rows that an index gives lie within it.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::index::Tid;
use crate::pg::error::Failure;

/// Blocks that a table is known to have.
#[derive(Default)]
pub struct Extent(u32);

impl Extent {
    /// Checks that a row of the index lies in the table. Fetching a row beyond the table's end would raise an
    /// error that names the table's file, and says nothing about how to mend it.
    ///
    /// # Safety
    /// The scan is going on, which keeps its table open, and nobody truncates it meanwhile.
    ///
    /// # Errors
    /// Where the table does not reach so far.
    pub unsafe fn verify(&mut self, scan: pg_sys::IndexScanDesc, tid: Tid) -> Result<(), Failure> {
        let block = tid.block();
        if block < self.0 {
            return Ok(());
        }
        // SAFETY: the caller vouches for the scan.
        unsafe {
            let main = pg_sys::ForkNumber::MAIN_FORKNUM;
            self.0 = pg_sys::RelationGetNumberOfBlocksInFork((*scan).heapRelation, main);
            if block < self.0 {
                return Ok(());
            }
            let name = &raw const (*(*(*scan).indexRelation).rd_rel).relname;
            let index = CStr::from_ptr(name.cast()).to_string_lossy().into_owned();
            Err(Failure::BeyondTable {
                index,
                block,
                blocks: self.0,
            })
        }
    }
}
