//! Census: how many rows the lists have, and how far these are from their centres.

use std::collections::HashSet;

use crate::index::{Error, Fallible, Poll};
use crate::page::{self, PageStore};

use super::blocks::CodePage;
use super::index::ListIndex;
use super::meta::{KIND_LISTS, NONE};
use super::vacuum::Walked;

/// What [`ListIndex::census`] has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ListsCensus {
    /// Lists.
    pub lists: u64,
    /// Rows, with those that no transaction sees any more and no vacuum has removed.
    pub rows: u64,
    /// Rows of the list that has the fewest.
    pub least: u64,
    /// Rows of the list in the middle, by their rows.
    pub median: u64,
    /// Rows of the list that has the most.
    pub largest: u64,
    /// Lanes of pages of rows that were used, and have no row.
    pub dead: u64,
    /// Pages of the directory, without those of centres.
    pub directory: u64,
    /// Lanes of the directory that were used, and have no list.
    pub left: u64,
    /// Free pages.
    pub free: u64,
    /// The mean distance of rows from their centres, over that when the centres were learned: from 1 on, the centres
    /// suit the rows the less the larger it is. None where there were or are no rows.
    pub drift: Option<f64>,
    /// Rows that the centres of the build were learned from.
    pub trained: u64,
    /// Rows that there were at the build.
    pub built: u64,
    /// When that was, as [`ListsOptions::made`](super::ListsOptions::made) says.
    pub made: u64,
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Counts lists and rows. It reads all pages of codes, and no long codes. What is inserted, vacuumed or tended
    /// meanwhile is counted in part.
    ///
    /// # Errors
    /// Where pages cannot be read, or `poll` ends it.
    pub fn census(&self, poll: Poll<'_>) -> Result<ListsCensus, Error> {
        let roots = self.roots()?;
        let (mut walked, mut distances) = (Walked::default(), 0.0);
        self.walk_lists(&mut walked, poll, &mut |index, page, list, poll| {
            poll()?;
            list.dead += page.lanes.used();
            for lane in page.lanes.taken() {
                let [slope, error] = page.lanes.slope_and_error(lane);
                distances += f64::from(index.coder.distance_by(slope, error));
                list.rows += 1;
                list.dead -= 1;
            }
            Ok(())
        })?;
        let mut sizes: Vec<u64> = Vec::new();
        sizes.try_extend(walked.lists.iter().map(|list| list.rows as u64))?;
        sizes.sort_unstable();
        let rows: u64 = sizes.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let drift = distances / rows as f64 / f64::from(roots.spread);
        let mut census = ListsCensus {
            lists: sizes.len() as u64,
            rows,
            least: sizes.first().copied().unwrap_or(0),
            median: sizes.get(sizes.len() / 2).copied().unwrap_or(0),
            largest: sizes.last().copied().unwrap_or(0),
            dead: walked.lists.iter().map(|list| list.dead as u64).sum(),
            free: self.walk_free(&mut HashSet::new())?,
            drift: drift.is_normal().then_some(drift),
            trained: roots.trained,
            built: roots.rows,
            made: roots.made,
            ..ListsCensus::default()
        };
        let mut block = roots.directory;
        while block != NONE {
            let page = self.page(block, KIND_LISTS)?;
            let lanes = CodePage::new(&page, self.parameters.shape.lists);
            census.directory += 1;
            census.left += (lanes.used() - lanes.taken().count()) as u64;
            block = page::next(&page);
        }
        Ok(census)
    }
}
