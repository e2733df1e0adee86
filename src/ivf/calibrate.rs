//! Calibration: how many lists have to be read for which recall, measured with some rows of the index as queries.
//!
//! All rows are scored for some of these queries at once, so that a block of codes is read from memory once for all of
//! them. The nearest rows of each are measured, and it is noted in which list each is, the lists being counted from the
//! nearest. The share of the neighbours that are in the first `n` lists is the recall of a scan that reads `n`.

use crate::cluster::Draws;
use crate::index::{Error, Fallible, Poll, Tid, collected, filled, with_room};
use crate::page::{self, Bytes, Change, PageStore};
use crate::quantize::{LANES, nearer};
use crate::search::Key;
use crate::values::Values;

use super::blocks::CodePage;
use super::bounds::{LaneBound, Margin, NearRow, RowKey, bounds, near_row};
use super::coder::{ListTerms, Query};
use super::directory::{KnownList, read_centre};
use super::index::ListIndex;
use super::insert::changed;
use super::meta::{self, KIND_META, KIND_ROWS, META, NONE};
use super::probes::{LEVELS, RANKS, RecallTable};
use super::regroup::ReadValue;

/// Rows that are searched for: with so many, a recall of 0.9 of ten rows is known to about 0.01.
const QUESTIONS: usize = 256;

/// Rows that are searched for in one walk through the lists: their tables stay in the nearer caches.
const AT_ONCE: usize = 64;

/// Rows that are kept by their bounds for each, and so many times as many before the farther ones are left out. They
/// are more than have to be measured to know the hundred nearest.
const KEPT: usize = 640;
const MORE_KEPT: usize = 2;

/// How often a lane is drawn for each question: there may be no row in it.
const DRAWS_EACH: usize = 8;

/// A row as a query.
struct SampledRow {
    tid: Tid,
    query: Query,
    /// How near each list is.
    lists: Vec<f32>,
    /// Rows that may be among the nearest; the lists that they are in are counted as in the directory.
    near: Vec<NearRow>,
    /// No row whose bound is above this is.
    farthest: f32,
}

/// In which of the lists the nearest rows are.
struct RankCounts {
    /// For each of [`RANKS`] and each list, from the nearest.
    found: [Vec<u32>; RANKS.len()],
}

impl<S: PageStore> ListIndex<'_, S> {
    /// Measures how many lists have to be read for which recall, for [`Probes::Chosen`](super::Probes::Chosen). It is
    /// called after a build, and when lists or rows have become many more; without it a rule of thumb is used. `values`
    /// is asked for the values of rows where the index has no long codes, and for nothing else. Nobody may vacuum the
    /// index or split its lists meanwhile.
    ///
    /// # Errors
    /// Where pages cannot be read or written, and those of `values` and `poll`. What was known before is kept then.
    pub fn calibrate(&self, values: ReadValue<'_>, poll: Poll<'_>) -> Result<(), Error> {
        let length = self.roots()?.length;
        let lists = self.lists(&self.coder.query(self.coder.mean().to_vec(), length))?;
        if lists.len() < 2 {
            return Ok(());
        }
        let found = || filled(0, lists.len());
        let mut counts = RankCounts {
            found: [found()?, found()?, found()?],
        };
        let mut questions = self.questions(&lists, values, poll)?;
        for questions in questions.chunks_mut(AT_ONCE) {
            self.search_for(questions, &lists, poll)?;
            for question in questions {
                poll()?;
                self.count(question, &mut counts)?;
            }
        }
        let Some(needed) = counts.needed() else {
            return Ok(());
        };
        let table = RecallTable {
            lists: u32::try_from(lists.len()).unwrap_or(u32::MAX),
            needed,
        };
        let mut change = self.store.change();
        meta::write_table(changed(&mut change, META, KIND_META)?, &table);
        Ok(change.commit()?)
    }

    /// Rows, each with about the same chance: one from each of as many equal parts of all lists in their order, in
    /// which lists that are near each other are near. So they differ less from the others than if each was drawn from
    /// all.
    fn questions(
        &self,
        lists: &[KnownList],
        values: ReadValue<'_>,
        poll: Poll<'_>,
    ) -> Result<Vec<SampledRow>, Error> {
        let (lanes, length) = (self.parameters.shape.rows.lanes(), self.roots()?.length);
        let mut draws = Draws(self.parameters.seed ^ lists.len() as u64);
        // A list has lanes on its last page that its head does not count.
        let mut ends: Vec<usize> = with_room(lists.len())?;
        for list in lists {
            let lanes = (list.head.rows as usize / lanes + 1) * lanes;
            ends.push(ends.last().copied().unwrap_or(0) + lanes);
        }
        let all = ends.last().copied().unwrap_or(0);
        let mut questions = with_room(QUESTIONS)?;
        for part in 0..QUESTIONS {
            poll()?;
            let (start, end) = (part * all / QUESTIONS, (part + 1) * all / QUESTIONS);
            for _ in 0..DRAWS_EACH {
                let at = start + draws.below(end - start);
                let list = ends.partition_point(|end| *end <= at);
                let before = list.checked_sub(1).and_then(|list| ends.get(list));
                let Some(list) = lists.get(list) else {
                    break;
                };
                let Some((tid, point)) = self.row_at(list, at - before.unwrap_or(&0), values)?
                else {
                    continue;
                };
                questions.push(SampledRow {
                    tid,
                    query: self.coder.query(point, length),
                    lists: Vec::new(),
                    near: Vec::new(),
                    farthest: f32::INFINITY,
                });
                break;
            }
        }
        Ok(questions)
    }

    /// The row at a place in its list, and its point; None where there is none.
    fn row_at(
        &self,
        list: &KnownList,
        at: usize,
        values: ReadValue<'_>,
    ) -> Result<Option<(Tid, Vec<f32>)>, Error> {
        let shape = self.parameters.shape;
        let (mut block, lane) = (list.head.first, at % shape.rows.lanes());
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
        if !lanes.is_taken(lane) || lanes.owner() != list.head.number {
            return Ok(None);
        }
        let tid = Tid(lanes.subject(lane));
        let point = match shape.long {
            Some(_) => Some(self.coder.point_of(&self.long_of(lanes, lane)?)),
            None => match values(tid)? {
                Some(value) => {
                    self.coder.vectors.verify(&value)?;
                    self.coder.vectors.point(&value)
                }
                None => None,
            },
        };
        Ok(point.map(|point| (tid, point)))
    }

    /// Collects the rows that may be nearest to each of some questions.
    fn search_for(
        &self,
        questions: &mut [SampledRow],
        lists: &[KnownList],
        poll: Poll<'_>,
    ) -> Result<(), Error> {
        for (number, list) in (0..).zip(lists) {
            poll()?;
            let all: Vec<ListTerms> = read_centre(self, list, |own, scale| {
                let queries = questions.iter().map(|question| &question.query);
                collected(queries.map(|query| self.coder.terms_of(query, own, scale)))
            })??;
            for (question, terms) in questions.iter_mut().zip(&all) {
                question.lists.try_push(terms.constant)?;
            }
            let mut block = list.head.first;
            while block != NONE {
                let page = self.page(block, KIND_ROWS)?;
                let lanes = CodePage::new(&page, self.parameters.shape.rows);
                if lanes.owner() != list.head.number {
                    return Err(Error::Recycled { block });
                }
                for (question, terms) in questions.iter_mut().zip(&all) {
                    question.near.try_reserve(lanes.used())?;
                    let rows = ScoredPage {
                        block,
                        lanes,
                        list: number,
                    };
                    question.score(self, &rows, *terms);
                }
                block = page::next(&page);
            }
        }
        Ok(())
    }

    /// Measures the rows that may be nearest, and notes in which lists the nearest are.
    fn count(&self, question: &mut SampledRow, counts: &mut RankCounts) -> Result<(), Error> {
        let most = RANKS[RANKS.len() - 1];
        question.near.sort_unstable_by_key(|near| near.key);
        // The nearest first.
        let mut nearest: Vec<(f32, u32)> = with_room(most + 1)?;
        for near in question.near.iter().filter(|near| near.tid != question.tid) {
            if nearest
                .get(most - 1)
                .is_some_and(|(farthest, _)| near.bound > *farthest)
            {
                break;
            }
            let distance = self.measured(&question.query, near)?.distance;
            let at = nearest.partition_point(|(nearer, _)| *nearer <= distance);
            nearest.insert(at, (distance, near.probe));
            nearest.truncate(most);
        }
        let mut order: Vec<u32> = collected((0..).take(question.lists.len()))?;
        let near = |list: &u32| {
            question
                .lists
                .get(*list as usize)
                .copied()
                .unwrap_or(f32::MAX)
        };
        order.sort_unstable_by(|a, b| near(a).total_cmp(&near(b)));
        let mut places: Vec<usize> = filled(0, order.len())?;
        for (place, list) in order.iter().enumerate() {
            if let Some(of) = places.get_mut(*list as usize) {
                *of = place;
            }
        }
        for (rank, (_, list)) in (1..).zip(&nearest) {
            counts.add(
                rank,
                places.get(*list as usize).copied().unwrap_or(usize::MAX),
            );
        }
        (question.near, question.lists) = (Vec::new(), Vec::new());
        Ok(())
    }
}

/// A page of rows that is scored.
struct ScoredPage<'p> {
    block: u32,
    lanes: CodePage<'p>,
    /// Of the list, as the directory counts.
    list: u32,
}

impl SampledRow {
    /// Collects the rows of a page that may be among the nearest.
    fn score<S: PageStore>(
        &mut self,
        index: &ListIndex<'_, S>,
        page: &ScoredPage<'_>,
        terms: ListTerms,
    ) {
        let lanes = page.lanes;
        for at in 0..lanes.used().div_ceil(LANES) {
            let Some(scored) = lanes.block(at) else {
                break;
            };
            let margin = Margin::usual(&index.coder.directions, &self.query.table);
            let bounds = bounds(&self.query, scored, terms, margin);
            let used = LANES.min(lanes.used() - at * LANES);
            let mut near = nearer(&bounds, self.farthest) & u32::MAX >> (LANES - used);
            while near != 0 {
                let lane = near.trailing_zeros() as usize;
                near &= near - 1;
                let bounded = LaneBound {
                    key: RowKey {
                        bound: Key::new(bounds[lane], page.block),
                        lane: u16::try_from(at * LANES + lane).unwrap_or(u16::MAX),
                    },
                    bound: bounds[lane],
                    below: margin.of(scored, lane, terms.away),
                    probe: page.list,
                };
                self.near.push(near_row(index, &self.query, lanes, bounded));
            }
        }
        if self.near.len() > MORE_KEPT * KEPT {
            self.near.select_nth_unstable_by_key(KEPT, |near| near.key);
            self.near.truncate(KEPT);
            let farthest = self.near.iter().map(|near| near.key).max();
            self.farthest = farthest.map_or(f32::INFINITY, |key| key.bound.distance());
        }
    }
}

impl RankCounts {
    /// Notes that the row of this rank, counted from 1, is in a list, which counts from 0.
    fn add(&mut self, rank: usize, list: usize) {
        for (found, most) in self.found.iter_mut().zip(RANKS) {
            if let (true, Some(found)) = (rank <= most, found.get_mut(list)) {
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
