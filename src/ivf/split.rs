//! Splits: a list that has become too long gives its rows to several new ones and to its neighbours. So an index that
//! was made on an empty table gets lists as its rows come.
//!
//! The new centres are learned from some of the rows, by their long codes or their values.

use crate::cluster::{Centres, Draws, Selection, Vectors, lloyd_centres};
use crate::index::{Error, Fallible};
use crate::page::PageStore;

use super::index::ListIndex;
use super::regroup::RowSource;
use super::rewrite::Cursor;
use super::vacuum::SeenList;

/// Rows that the centres of a split are learned from, for each of them.
const LEARNED_PER_PART: usize = 256;

/// How often centres are learned, until no part is too short.
const ATTEMPTS: u64 = 3;

/// A part has at least one in so many of its share of the rows: one that has less would be merged again. A share may be
/// three quarters of what a list should have.
const SHORT_OF: usize = 4;

impl<S: PageStore> ListIndex<'_, S> {
    /// Centres of a list's rows for so many parts, learned from some of them. Fewer where no more parts get enough
    /// rows: none, or one, where the rows are all alike or the table has no values.
    pub(in crate::ivf) fn learn(
        &self,
        list: &SeenList,
        parts: usize,
        source: &mut RowSource<'_>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let dims = self.parameters.dims;
        let mut draws = Draws(u64::from(list.head.number) ^ self.parameters.seed);
        let mut selection = Selection::new(parts * LEARNED_PER_PART, list.rows);
        let mut sample = Vec::new();
        self.each_row(&mut Cursor::start(list.head.first), &mut |row| {
            (source.poll)()?;
            if selection.takes(&mut draws)
                && let Some(point) = self.point_of_row(&row, source)?
            {
                sample.try_extend(point)?;
            }
            Ok(())
        })?;
        let vectors = Vectors {
            dims,
            elements: &sample,
        };
        let all: Vec<u32> = (0..u32::try_from(vectors.len()).unwrap_or(u32::MAX)).collect();
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let mut best = Vec::new();
        for _ in 0..ATTEMPTS {
            let found = lloyd_centres(vectors, &all, parts, &mut draws, &|| false);
            (source.poll)()?;
            let found = with_enough(vectors, &Centres::new(dims, found));
            if found.len() > best.len() {
                best = found;
            }
            if best.len() >= parts {
                break;
            }
        }
        Ok(best)
    }
}

/// The centres that are the nearest of enough vectors.
fn with_enough(vectors: Vectors<'_>, centres: &Centres) -> Vec<Vec<f32>> {
    let mut counts = vec![0; centres.len()];
    for at in 0..vectors.len() {
        let nearest = centres.nearest(vectors.get(at));
        if let Some(count) = nearest.and_then(|near| counts.get_mut(near.centre as usize)) {
            *count += 1;
        }
    }
    let enough = vectors.len() / centres.len().max(1) / SHORT_OF;
    let counts = counts.into_iter().enumerate();
    let left = counts.filter(|(_, count)| *count > enough);
    left.map(|(centre, _)| centres.vectors().get(centre).to_vec())
        .collect()
}
