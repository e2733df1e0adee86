//! Probes: how many lists a scan reads.
//!
//! A number that is the same for all queries does as well as any rule over the distances of their centres that was
//! tried (`MEASURED.md`). Which number gives which recall differs from index to index: it is measured with rows of the
//! index as queries (`calibrate.rs`), and kept on the meta page.

use crate::page::{field, set_field};

/// How many of the nearest rows a recall is of.
pub const RANKS: [usize; 3] = [1, 10, 100];

/// Of how many rows a scan takes the recall to be of where it is told nothing.
const USUAL_ROWS: usize = 10;

/// Recalls for which the number of lists is kept. That of others is interpolated.
pub const LEVELS: [f32; 9] = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999];

/// Bytes of a table.
pub const TABLE_BYTES: usize = 4 + 4 * RANKS.len() * LEVELS.len();

/// Which lists a scan reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Probes {
    /// As many as are asked for.
    Fixed {
        /// Lists that are read before the first row is given, and at a time when it goes on.
        first: usize,
        /// Lists that are read at most, where the rows of the first do not suffice.
        most: usize,
    },
    /// As many as find this share of the nearest rows, on average over queries that are as the rows of the index are.
    Chosen {
        /// From 0.5 to 0.999.
        recall: f32,
        /// Of how many of the nearest rows; 10 where it is not known.
        wanted: Option<usize>,
        /// Lists that are read at most, where the rows of the first do not suffice.
        most: usize,
    },
}

impl Probes {
    /// Lists of a scan: those that are read at first, and at most.
    pub(in crate::ivf) fn of(self, table: &RecallTable, lists: usize) -> (usize, usize) {
        match self {
            Self::Fixed { first, most } => (first, most),
            Self::Chosen {
                recall,
                wanted,
                most,
            } => {
                let first = table.lists(recall, wanted.unwrap_or(USUAL_ROWS), lists);
                (first, most.max(first))
            }
        }
    }
}

/// How many lists give which recall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecallTable {
    /// Lists of the index when it was measured; 0 where it was not.
    pub lists: u32,
    /// Lists to be read, for each of [`RANKS`] and [`LEVELS`].
    pub needed: [[f32; LEVELS.len()]; RANKS.len()],
}

impl RecallTable {
    /// Of an index that was not measured.
    pub const NONE: Self = Self {
        lists: 0,
        needed: [[0.0; LEVELS.len()]; RANKS.len()],
    };

    /// As it is kept.
    pub fn to_bytes(self) -> [u8; TABLE_BYTES] {
        let mut bytes = [0; TABLE_BYTES];
        set_field(&mut bytes, 0, self.lists.to_ne_bytes());
        for (at, needed) in (4..).step_by(4).zip(self.needed.as_flattened()) {
            set_field(&mut bytes, at, needed.to_ne_bytes());
        }
        bytes
    }

    /// What was written. What cannot have been is no table.
    pub fn from_bytes(bytes: [u8; TABLE_BYTES]) -> Self {
        let mut table = Self {
            lists: u32::from_ne_bytes(field(&bytes, 0)),
            ..Self::NONE
        };
        for (at, needed) in (4..).step_by(4).zip(table.needed.as_flattened_mut()) {
            *needed = f32::from_ne_bytes(field(&bytes, at));
            if !(*needed >= 1.0 && *needed <= 1e6) {
                return Self::NONE;
            }
        }
        if table.lists == 0 { Self::NONE } else { table }
    }

    /// How many of `lists` lists find a share of the `rows` nearest rows. Where the index had another number of lists
    /// when it was measured, the same share of them is read.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a number of lists"
    )]
    pub fn lists(&self, recall: f32, rows: usize, lists: usize) -> usize {
        let recall = recall.clamp(LEVELS[0], LEVELS[LEVELS.len() - 1]);
        let decades = (rows.max(1) as f32).log10();
        let needed = if self.lists == 0 {
            unmeasured(recall, decades, lists as f32)
        } else {
            let by_rank = self.needed.map(|needed| between(recall, &needed));
            // Geometric between two ranks, and beyond the last.
            let rank = (decades.floor() as usize).min(RANKS.len() - 2);
            let step = by_rank[rank + 1].ln() - by_rank[rank].ln();
            let log = by_rank[rank].ln() + (decades - rank as f32) * step;
            log.exp() * lists as f32 / self.lists as f32
        };
        (needed.ceil() as usize).clamp(1, lists.max(1))
    }
}

/// The number of lists for a recall between two levels: geometric, by the logarithm of the share that is missed.
fn between(recall: f32, needed: &[f32; LEVELS.len()]) -> f32 {
    let missed = |recall: f32| (1.0 - recall).ln();
    let above = LEVELS.iter().position(|level| *level >= recall);
    let above = above.unwrap_or(LEVELS.len() - 1).max(1);
    let (low, high) = (missed(LEVELS[above - 1]), missed(LEVELS[above]));
    let share = (missed(recall) - low) / (high - low);
    (needed[above - 1].ln() * (1.0 - share) + needed[above].ln() * share).exp()
}

/// How many lists are read where nothing was measured: `sqrt(lists) (0.1 / (1 - recall))^0.9` for ten rows, and twice
/// as many for ten times as many rows. It is somewhat more than passages of text need.
fn unmeasured(recall: f32, decades: f32, lists: f32) -> f32 {
    lists.sqrt() * (0.1 / (1.0 - recall)).powf(0.9) * (decades - 1.0).exp2()
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
mod tests {
    use super::*;

    fn table() -> RecallTable {
        RecallTable {
            lists: 400,
            needed: [1.0, 2.0, 4.0].map(|rank| {
                [1.0, 2.0, 3.0, 5.0, 10.0, 25.0, 50.0, 70.0, 99.0].map(|needed| rank * needed)
            }),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(RecallTable::from_bytes(table().to_bytes()), table());
        assert_eq!(RecallTable::from_bytes([0; TABLE_BYTES]), RecallTable::NONE);
        assert_eq!(
            RecallTable::from_bytes([0xFF; TABLE_BYTES]),
            RecallTable::NONE
        );
        let mut unlikely = table();
        unlikely.needed[1][3] = 0.0;
        assert_eq!(
            RecallTable::from_bytes(unlikely.to_bytes()),
            RecallTable::NONE
        );
    }

    #[test]
    fn levels_and_ranks_give_what_the_table_has() {
        for (rank, rows) in RANKS.into_iter().enumerate() {
            for (level, recall) in LEVELS.into_iter().enumerate() {
                let needed = table().needed[rank][level];
                let lists = table().lists(recall, rows, 400) as f32;
                assert!(
                    lists >= needed - 1e-3 && lists < needed + 1.01,
                    "{recall} {rows}: {lists}"
                );
            }
        }
        assert_eq!(table().lists(0.99, 1_000, 4_000), 4_000);
        assert!((97..=103).contains(&table().lists(0.95, 10, 2_000)));
    }

    #[test]
    fn more_recall_and_more_rows_take_no_fewer_lists() {
        for table in [table(), RecallTable::NONE] {
            for rows in [0, 1, 3, 10, 50, 100, 500, usize::MAX] {
                let mut before = 1;
                for recall in (0..=120).map(|at| at as f32 / 100.0) {
                    let lists = table.lists(recall, rows, 632);
                    assert!((before..=632).contains(&lists), "{recall} {rows}");
                    assert!(lists <= table.lists(recall, rows.saturating_mul(3), 632));
                    before = lists;
                }
            }
            assert_eq!(table.lists(0.999, 10, 1), 1);
            assert_eq!(table.lists(0.999, 10, 0), 1);
        }
        assert_eq!(RecallTable::NONE.lists(0.9, 10, 632), 26);
    }
}
