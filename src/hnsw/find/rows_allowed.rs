//! When rows may be given: a scan has found them, and the number of nodes visited says how many of them it gives.

use crate::index::Continue;

/// How many nodes a scan that goes on visits for a row. A search for `rows` rows keeps `ef` candidates. A
/// search that is asked for more rows, because LIMIT is larger or a filter drops rows, visits proportionally
/// more nodes before it gives them.
pub(in crate::hnsw) struct RowsAllowed {
    rows: f64,
    /// Nodes for a row at most, however large `ef` is.
    most: f64,
    /// Rows beyond those, so that who asks for ten may look at what comes next.
    spare: usize,
}

/// The farther a walk has come, the fewer visits a row takes: `(rows / FIRST_ROWS) ^ -DEPTH_POWER` of what the first
/// rows take.
const DEPTH_POWER: f64 = 0.13;

/// Rows for which the first visits are.
const FIRST_ROWS: f64 = 10.0;

impl RowsAllowed {
    /// In strict order a row that is found late is as good as lost to a LIMIT, so the scan waits longer.
    pub(in crate::hnsw) fn of(go_on: Continue) -> Self {
        let (rows, most, spare) = match go_on {
            Continue::Never | Continue::Relaxed => (10.0, 8.0, 8),
            Continue::Strict => (6.0, 12.0, 8),
        };
        Self { rows, most, spare }
    }

    /// Rows that may be given when so many nodes were visited.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count"
    )]
    pub(in crate::hnsw) fn rows(&self, visited: usize, ef: usize) -> usize {
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let visits = (count(ef) / self.rows).clamp(1.0, self.most);
        let rows = count(visited) / visits;
        let deep = (rows / FIRST_ROWS)
            .max(1.0)
            .powf(DEPTH_POWER / (1.0 - DEPTH_POWER));
        visited.min((rows * deep) as usize) + self.spare
    }
}
