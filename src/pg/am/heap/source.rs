//! Source of a search's rows, with their distances from the values that the table has.

use pgrx::pg_sys;

use crate::pg::am::heap::exact::Exact;
use crate::pg::am::heap::extent::Extent;
use crate::pg::am::method::{FoundRow, Stream};
use crate::pg::error::Failure;
use crate::pg::storage::check_for_interrupts;
use crate::search::{Bounded, Source};

/// Dead rows that a search remembers, to kill them when it ends.
const DEAD_REMEMBERED: usize = 256;

/// Rows that turned out to be dead to everybody, as many as are remembered.
#[derive(Default)]
pub(in crate::pg::am) struct Dead(Vec<FoundRow>);

impl Dead {
    /// Remembers a row, or none.
    pub fn note(&mut self, row: Option<FoundRow>) {
        if self.0.len() < DEAD_REMEMBERED {
            self.0.extend(row);
        }
    }

    /// The rows.
    pub fn rows(&self) -> &[FoundRow] {
        &self.0
    }
}

/// The rows of a stream, measured by the table's values where they are asked to be.
pub(in crate::pg::am) struct ScanRows<'r> {
    pub stream: &'r mut dyn Stream,
    pub scan: pg_sys::IndexScanDesc,
    pub exact: &'r mut Option<Exact>,
    pub dead: &'r mut Dead,
    pub extent: &'r mut Extent,
}

impl ScanRows<'_> {
    /// The same scan's rows of another stream.
    pub fn of<'a>(&'a mut self, stream: &'a mut dyn Stream) -> ScanRows<'a> {
        ScanRows {
            stream,
            scan: self.scan,
            exact: self.exact,
            dead: self.dead,
            extent: self.extent,
        }
    }

    /// The table.
    ///
    /// # Safety
    /// The scan is going on.
    pub unsafe fn exact(&mut self) -> &mut Exact {
        // SAFETY: as the caller says.
        self.exact
            .get_or_insert_with(|| unsafe { Exact::open(self.scan) })
    }
}

impl Source for ScanRows<'_> {
    type Row = FoundRow;
    type Error = Failure;

    fn is_ready(&self) -> bool {
        self.stream.is_ready()
    }

    fn floor(&self) -> f64 {
        self.stream.floor()
    }

    fn next(&mut self) -> Result<Option<Bounded<FoundRow>>, Failure> {
        let row = self.stream.next()?;
        if let Some(row) = &row {
            // SAFETY: the scan is going on.
            unsafe { self.extent.verify(self.scan, row.row.tid) }?;
        }
        Ok(row)
    }

    fn puts_late_rows_last(&self) -> bool {
        self.stream.finds_late()
    }

    fn measure(&mut self, row: &FoundRow) -> Result<Option<f64>, Failure> {
        check_for_interrupts();
        // SAFETY: the scan is going on.
        unsafe {
            let exact = self.exact.get_or_insert_with(|| Exact::open(self.scan));
            let distance = exact.measure(self.scan, row.tid);
            if distance.is_none() && exact.was_dead() {
                self.dead.note(Some(*row));
            }
            Ok(distance)
        }
    }
}
