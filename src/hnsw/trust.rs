//! What a scan does when more rows are asked for than its first walk has found, and when those may be
//! given.

/// What a scan does when the rows of its first walk are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continue {
    /// It ends.
    Never,
    /// It goes on; what is nearer than a row that it has given comes when all others have come.
    Strict,
    /// It goes on, and gives rows in the order of each walk.
    Relaxed,
}

/// How many nodes a scan that goes on visits for the rows that it gives. `ef` is what a search for
/// `rows` rows keeps: one that is asked for more, because LIMIT is larger or a filter drops them,
/// visits as many times more nodes before it gives them.
pub(super) struct Trust {
    rows: f64,
    /// Nodes for a row at most, however large `ef` is.
    most: f64,
    /// Rows beyond those, so that who asks for ten may look at what comes next.
    spare: usize,
}

impl Continue {
    /// In strict order what comes late is as good as lost to a LIMIT, so it waits longer.
    pub(super) fn trust(self) -> Trust {
        let (rows, most, spare) = match self {
            Self::Never | Self::Relaxed => (10.0, 8.0, 8),
            Self::Strict => (6.0, 12.0, 8),
        };
        Trust { rows, most, spare }
    }
}

/// The farther a walk has come, the fewer visits does a row take: as rows / `FIRST` to this power.
const DEEP: f64 = 0.13;

/// Rows for which the first visits are.
const FIRST: f64 = 10.0;

impl Trust {
    /// Rows that may be given when so many nodes were visited.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count"
    )]
    pub(super) fn rows(&self, visited: usize, ef: usize) -> usize {
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let visits = (count(ef) / self.rows).clamp(1.0, self.most);
        let rows = count(visited) / visits;
        let deep = (rows / FIRST).max(1.0).powf(DEEP / (1.0 - DEEP));
        visited.min((rows * deep) as usize) + self.spare
    }
}
