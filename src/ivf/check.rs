//! Check: what searches rely on, and what a crash has left.

use std::collections::HashSet;

use crate::index::{Error, Fallible, Tid};
use crate::page::{PageError, PageStore};

use super::index::ListIndex;
use super::meta::{KIND_LONG, NONE};
use super::vacuum::{SeenList, SeenPage, Walked};

/// What [`ListIndex::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListsReport {
    /// Rows.
    pub rows: u64,
    /// Lanes of rows that are gone.
    pub dead: u64,
    /// Rows of each list, in no order.
    pub lists: Vec<u64>,
    /// Free pages.
    pub free: u64,
    /// Pages that nothing leads to: scans may still read them, or a crash has left them.
    pub unused: u64,
    /// What is wrong, one line each.
    pub problems: Vec<String>,
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Checks everything. Nothing may be inserted or vacuumed meanwhile.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub fn check(&self) -> Result<ListsReport, Error> {
        let (mut walked, mut report) = (Walked::default(), ListsReport::default());
        let mut tids = HashSet::new();
        self.walk_lists(&mut walked, &mut || Ok(()), &mut |index, page, list, _| {
            index.check_rows(page, list, &mut report.problems, &mut tids)
        })?;
        let roots = self.roots()?;
        if walked.lists.len() as u64 != u64::from(roots.lists) {
            let lists = walked.lists.len();
            report
                .problems
                .push(format!("{lists} lists, {} by the meta page", roots.lists));
        }
        for list in &walked.lists {
            report.lists.try_push(list.rows as u64)?;
            report.rows += list.rows as u64;
            report.dead += list.dead as u64;
            if list.head.number >= roots.numbers {
                report
                    .problems
                    .push(format!("list {} was never given out", list.head.number));
            }
        }
        let mut free = HashSet::new();
        match self.walk_free(&mut free) {
            Ok(count) => report.free = count,
            Err(Error::Page(error @ PageError::Corrupt { .. })) => {
                report.problems.push(format!("free pages: {error}"));
            }
            Err(error) => return Err(error),
        }
        for block in free.intersection(&walked.used) {
            let problem = format!("block {block} is free, and something leads to it");
            report.problems.push(problem);
        }
        walked.used.extend(free);
        let blocks = u64::from(self.store.blocks()?);
        report.unused = blocks.saturating_sub(walked.used.len() as u64);
        Ok(report)
    }

    fn check_rows(
        &self,
        page: &SeenPage<'_>,
        list: &mut SeenList,
        problems: &mut Vec<String>,
        tids: &mut HashSet<Tid>,
    ) -> Result<(), Error> {
        let SeenPage { block, next, lanes } = *page;
        let number = list.head.number;
        let mut wrong = |what: &str| {
            problems.push(format!("block {block}, list {number}: {what}"));
        };
        if (next == NONE) != (block == list.head.last) {
            wrong("the head says another last page");
        }
        if lanes.used() == 0 {
            wrong("a page without rows");
        }
        let mut long = HashSet::new();
        for lane in 0..lanes.used() {
            if let Some(pages) = self.parameters.shape.long {
                long.insert(lanes.owned(pages.place(lane).page));
            }
            if !lanes.is_taken(lane) {
                list.dead += 1;
                continue;
            }
            list.rows += 1;
            tids.try_reserve(1)?;
            if !tids.insert(Tid(lanes.subject(lane))) {
                wrong(&format!("row {:?} twice", Tid(lanes.subject(lane))));
            }
        }
        for block in long {
            self.page(block, KIND_LONG)?;
        }
        Ok(())
    }
}
