//! Calibration: how many lists have to be read for which recall, measured with some rows of the index as queries.
//!
//! For each of them the nearest other rows are searched for in half of all lists, or in as many as have 131,072 rows, and
//! it is noted in which of these they are, counted from the nearest. The share of the neighbours that are in the first `n` lists is
//! the recall of a scan that reads `n`.

use crate::cluster::Draws;
use crate::index::{Error, Fallible, Poll, Tid, filled};
use crate::page::{self, Bytes, Change, PageStore};
use crate::values::Values;

use super::blocks::CodePage;
use super::directory::ListHead;
use super::index::ListIndex;
use super::insert::changed;
use super::meta::{self, KIND_LISTS, KIND_META, KIND_ROWS, META, NONE};
use super::probes::{LEVELS, Probes, RANKS, RecallTable};

/// Rows that are searched for.
const QUESTIONS: usize = 384;

/// Lists that are read for each: one of so many, or as many as have so many rows.
const LISTS_OF_ALL: usize = 2;
const ROWS_READ: u64 = 1 << 17;

/// How often a lane is drawn for each question: there may be no row in it.
const DRAWS_EACH: usize = 8;

/// Gives the value of a row, where the index does not have it; None where the row is gone.
pub type ReadValue<'f> = &'f mut dyn FnMut(Tid) -> Result<Option<Vec<f32>>, Error>;

/// A row as a query.
struct Question {
    tid: Tid,
    point: Vec<f32>,
}

/// In which of the lists that were read the nearest rows are.
struct RankCounts {
    /// For each of [`RANKS`] and each list, in the order in which they are read.
    found: [Vec<u32>; RANKS.len()],
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Measures how many lists have to be read for which recall, for [`Probes::Chosen`]. It is called after a build,
    /// and when lists or rows have become many more; without it a rule of thumb is used. `values` is asked for the
    /// values of rows where the index has no long codes, and for nothing else. Nobody
    /// may vacuum the index or split its lists meanwhile.
    ///
    /// # Errors
    /// Where pages cannot be read or written, and those of `values` and `poll`. What was known before is kept then.
    pub fn calibrate(&self, values: ReadValue<'_>, poll: Poll<'_>) -> Result<(), Error> {
        let heads = self.heads()?;
        if heads.len() < 2 {
            return Ok(());
        }
        let rows: u64 = heads.iter().map(|head| u64::from(head.rows)).sum();
        let enough = (ROWS_READ * heads.len() as u64).div_ceil(rows.max(1));
        let enough = usize::try_from(enough).unwrap_or(usize::MAX);
        let probes = (heads.len() / LISTS_OF_ALL).max(enough).min(heads.len());
        let mut counts = RankCounts {
            found: [filled(0, probes)?, filled(0, probes)?, filled(0, probes)?],
        };
        for question in self.questions(&heads, values, poll)? {
            poll()?;
            self.ask(&question, probes, &mut counts)?;
        }
        let Some(needed) = counts.needed() else {
            return Ok(());
        };
        let table = RecallTable {
            lists: u32::try_from(heads.len()).unwrap_or(u32::MAX),
            needed,
        };
        let mut change = self.store.change();
        meta::write_table(changed(&mut change, META, KIND_META)?, &table);
        Ok(change.commit()?)
    }

    /// The heads of all lists that have rows.
    fn heads(&self) -> Result<Vec<ListHead>, Error> {
        let (mut heads, mut block) = (Vec::new(), self.roots()?.directory);
        while block != NONE {
            let page = self.page(block, KIND_LISTS)?;
            let lanes = CodePage::new(&page, self.parameters.shape.lists);
            let all = lanes
                .taken()
                .map(|lane| ListHead::from_bytes(lanes.subject(lane)));
            heads.try_extend(all.filter(|head| head.first != NONE))?;
            block = page::next(&page);
        }
        Ok(heads)
    }

    /// Rows, each with about the same chance.
    fn questions(
        &self,
        heads: &[ListHead],
        values: ReadValue<'_>,
        poll: Poll<'_>,
    ) -> Result<Vec<Question>, Error> {
        let lanes = self.parameters.shape.rows.lanes();
        let mut draws = Draws(self.parameters.seed ^ heads.len() as u64);
        // A list has lanes on its last page that its head does not count.
        let sizes = heads
            .iter()
            .map(|head| (head.rows as usize / lanes + 1) * lanes);
        let all: usize = sizes.clone().sum();
        let mut questions = Vec::new();
        for _ in 0..DRAWS_EACH * QUESTIONS {
            if questions.len() >= QUESTIONS {
                break;
            }
            poll()?;
            let mut at = draws.below(all);
            for (head, size) in heads.iter().zip(sizes.clone()) {
                if at < size {
                    if let Some(question) = self.question(head, at, values)? {
                        questions.try_push(question)?;
                    }
                    break;
                }
                at -= size;
            }
        }
        Ok(questions)
    }

    /// The row at a place in its list; None where there is none.
    fn question(
        &self,
        head: &ListHead,
        at: usize,
        values: ReadValue<'_>,
    ) -> Result<Option<Question>, Error> {
        let shape = self.parameters.shape;
        let (mut block, lane) = (head.first, at % shape.rows.lanes());
        for _ in 0..at / shape.rows.lanes() {
            if block == NONE {
                return Ok(None);
            }
            block = page::next(&*self.page(block, KIND_ROWS)?);
        }
        if block == NONE {
            return Ok(None);
        }
        // A copy: other pages are read, and values asked for, which must not happen under a lock.
        let page: Box<Bytes> = Box::new(*self.page(block, KIND_ROWS)?);
        let lanes = CodePage::new(&page, shape.rows);
        if !lanes.is_taken(lane) || lanes.owner() != head.number {
            return Ok(None);
        }
        let tid = Tid(lanes.subject(lane));
        let point = match shape.long {
            Some(_) => Some(self.point_of(&self.long_of(lanes, lane)?)),
            None => values(tid)?.and_then(|value| self.coder.vectors.point(&value)),
        };
        Ok(point.map(|point| Question { tid, point }))
    }

    /// Notes in which lists the rows nearest to a question are.
    fn ask(
        &self,
        question: &Question,
        probes: usize,
        counts: &mut RankCounts,
    ) -> Result<(), Error> {
        let probes = Probes::Fixed {
            first: probes,
            most: probes,
        };
        let mut scan = self.scan_point(question.point.clone(), probes)?;
        let most = RANKS[RANKS.len() - 1];
        let mut rank = 0;
        while rank < most {
            let Some(row) = scan.next_row()? else {
                break;
            };
            if row.tid != question.tid {
                rank += 1;
                counts.add(rank, row.probe as usize);
            }
        }
        Ok(())
    }
}

impl RankCounts {
    /// Notes that the row of this rank, counted from 1, is in a list.
    fn add(&mut self, rank: usize, probe: usize) {
        for (found, most) in self.found.iter_mut().zip(RANKS) {
            if let (true, Some(found)) = (rank <= most, found.get_mut(probe)) {
                *found += 1;
            }
        }
    }

    /// How many lists have to be read for each level; None where no row was found.
    fn needed(&self) -> Option<[[f32; LEVELS.len()]; RANKS.len()]> {
        let mut needed = [[1.0; LEVELS.len()]; RANKS.len()];
        for (needed, found) in needed.iter_mut().zip(&self.found) {
            let all: f64 = found.iter().map(|found| f64::from(*found)).sum();
            if all <= 0.0 {
                return None;
            }
            for (needed, level) in needed.iter_mut().zip(LEVELS) {
                *needed = lists_for(found, f64::from(level) * all).max(1.0);
            }
        }
        Some(needed)
    }
}

/// How many lists have so many rows, where each has these; between two numbers of lists linear.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a number of lists"
)]
fn lists_for(found: &[u32], wanted: f64) -> f32 {
    let mut sum = 0.0;
    for (lists, found) in found.iter().enumerate() {
        let found = f64::from(*found);
        if sum + found >= wanted {
            return (lists as f64 + (wanted - sum) / found.max(1.0)) as f32;
        }
        sum += found;
    }
    found.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_counted_until_they_have_enough() {
        let found = [4, 0, 4, 2];
        for (wanted, lists) in [
            (0.0, 0.0),
            (2.0, 0.5),
            (4.0, 1.0),
            (6.0, 2.5),
            (10.0, 4.0),
            (99.0, 4.0),
        ] {
            assert!((lists_for(&found, wanted) - lists).abs() < 1e-6, "{wanted}");
        }
    }
}
