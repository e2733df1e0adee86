//! Sorting of rows that will be [`Places`]: in place, a caller takes as many steps at a time as it has time for.
//!
//! This is heapsort. It stops after any step, each takes `O(log n)`, and it takes no memory besides that of the parts.

use std::collections::TryReserveError;

use super::PlacedRow;
use super::places::{Parts, Places};

/// Rows that are being sorted by their places.
pub(super) struct Sorting {
    rows: Vec<PlacedRow>,
    /// Rows from here on are heaps: each is behind its two children, `2 i + 1` and `2 i + 2`, in the table.
    heaps: usize,
    /// Rows before this are one heap, once `heaps` is 0; the others are sorted, and behind them in the table.
    unsorted: usize,
    /// Of the rows that are sorted.
    parts: Parts,
}

impl Sorting {
    /// Takes rows in any order. Their places are different, and they are less than 2^32.
    ///
    /// # Errors
    /// Where there is no memory for their parts.
    pub fn new(rows: Vec<PlacedRow>) -> Result<Self, TryReserveError> {
        let mut sorting = Self {
            heaps: rows.len() / 2,
            unsorted: rows.len(),
            parts: Parts::default(),
            rows,
        };
        if sorting.heaps == 0 {
            sorting.begin_parts()?;
        }
        Ok(sorting)
    }

    /// Steps that are left: one and a half a row to begin with.
    pub fn steps_left(&self) -> usize {
        self.heaps + self.unsorted
    }

    /// The part of its steps that are taken.
    #[expect(clippy::cast_precision_loss, reason = "a share that is shown")]
    pub fn share(&self) -> f64 {
        let all = (self.rows.len() + self.rows.len() / 2).max(1);
        1.0 - self.steps_left() as f64 / all as f64
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Takes so many steps more, or as many as are left.
    ///
    /// # Errors
    /// Where there is no memory for the parts of the rows.
    pub fn go_on(&mut self, steps: usize) -> Result<(), TryReserveError> {
        for _ in 0..steps.min(self.steps_left()) {
            if self.heaps > 0 {
                self.heaps -= 1;
                sink(&mut self.rows, self.heaps);
                if self.heaps == 0 {
                    self.begin_parts()?;
                }
            } else {
                self.unsorted -= 1;
                self.rows.swap(0, self.unsorted);
                let heap = self.rows.get_mut(..self.unsorted);
                sink(heap.unwrap_or_default(), 0);
                if let Some(row) = self.rows.get(self.unsorted) {
                    self.parts.note(row.place, self.unsorted);
                }
            }
        }
        Ok(())
    }

    /// The last place of all is known as soon as all rows are one heap.
    fn begin_parts(&mut self) -> Result<(), TryReserveError> {
        let last = self.rows.first().map_or(0, |row| row.place);
        self.parts = Parts::new(self.rows.len(), last)?;
        Ok(())
    }

    /// What has become of them.
    ///
    /// # Errors
    /// As [`go_on`](Self::go_on).
    pub fn finish(mut self) -> Result<Places, TryReserveError> {
        self.go_on(self.steps_left())?;
        Ok(Places::new(self.rows, self.parts))
    }
}

/// Exchanges a row with the farther of its children in the table, until neither is behind it.
fn sink(rows: &mut [PlacedRow], mut parent: usize) {
    let place = |rows: &[PlacedRow], at: usize| rows.get(at).map(|row| row.place);
    loop {
        let left = 2 * parent + 1;
        let child = left + usize::from(place(rows, left + 1) > place(rows, left));
        if place(rows, child) <= place(rows, parent) {
            return;
        }
        rows.swap(parent, child);
        parent = child;
    }
}
