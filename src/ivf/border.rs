//! Borders: which rows of the lists around a list that is split or merged are now nearer to another centre, after the
//! second step of LIRE (Xu and others, SOSP 2023).
//!
//! The codes of a neighbour's rows are scored once for each centre. The estimate for the row's own centre is exact, for
//! nothing is left there that the code does not say. So only rows whose bound for another centre is nearer than that
//! have their long code read, or their value.

use std::collections::{BTreeMap, HashMap};

use crate::cluster::Centres;
use crate::index::{Error, Fallible, Tid};
use crate::page::{self, Bytes, PageStore};
use crate::quantize::LANES;

use super::blocks::CodePage;
use super::bounds::{Margin, bounds};
use super::coder::{ListTerms, Query};
use super::index::ListIndex;
use super::insert::NewRow;
use super::meta::{KIND_ROWS, NONE};
use super::radii::Radii;
use super::regroup::{OldList, Regroup, RowSource};
use super::rewrite::Cursor;
use super::vacuum::SeenList;

/// Lists whose rows are looked at: those with the nearest centres.
pub(in crate::ivf) const NEIGHBOURS: usize = 8;

/// A neighbour is written anew if at least so many rows leave it or come to it.
const FEW_MOVES: usize = 8;

/// A row that should be in another list. Lists are numbered: first those that begin, then the neighbours.
struct Wish {
    tid: Tid,
    from: usize,
    to: usize,
}

/// What the rows around a list wish.
struct Wishes {
    /// Of the neighbours' rows.
    rows: Vec<Wish>,
    /// How many come to each list, or leave it.
    counts: Vec<usize>,
}

impl<S: PageStore> ListIndex<'_, S> {
    /// The regrouping by which a list ends: its rows go to the nearest of the lists that begin in its place and of the
    /// neighbours, and rows of neighbours that are nearer to another of all these go there. Neighbours with more than
    /// `longest` rows stay as they are. None where no list would take the rows.
    pub(in crate::ivf) fn ending(
        &self,
        list: SeenList,
        added: Vec<Vec<f32>>,
        around: &Surroundings<'_>,
        source: &mut RowSource<'_>,
    ) -> Result<Option<Regroup>, Error> {
        let ended = self.old_list(list)?;
        let neighbours = self.neighbours(&ended, around)?;
        let centres = added.iter().map(Vec::as_slice);
        let others = neighbours.iter().map(|list| list.origin.point());
        let centres = Centres::new(
            self.parameters.dims,
            centres.chain(others).flatten().copied().collect(),
        );
        if centres.is_empty() && list.rows > 0 {
            return Ok(None);
        }
        if neighbours.is_empty() || list.rows == 0 {
            return Ok(Some(Regroup {
                ended: Some(ended),
                added,
                ..Regroup::default()
            }));
        }
        let mut wishes = self.wishes_of_ended(&ended, &centres, source)?;
        if added.is_empty() && wishes.counts.iter().all(|count| *count == 0) {
            // No row has a value that can be read.
            return Ok(None);
        }
        self.wishes_of_neighbours(&neighbours, &centres, &mut wishes, source)?;
        let regroup = granted(ended, added, neighbours, wishes);
        let takes_any = !regroup.added.is_empty() || !regroup.kept.is_empty();
        Ok(takes_any.then_some(regroup))
    }

    /// A list with what its rows are encoded around.
    pub(in crate::ivf) fn old_list(&self, seen: SeenList) -> Result<OldList, Error> {
        let centre = self.centre(&self.known(seen.place)?)?;
        Ok(OldList {
            seen,
            origin: self.coder.origin(centre),
        })
    }

    fn neighbours(&self, list: &OldList, around: &Surroundings<'_>) -> Result<Vec<OldList>, Error> {
        let nearest = self.nearest_lists(list.origin.point(), NEIGHBOURS + 1)?;
        let numbers = nearest.iter().map(|near| near.head.number);
        let others = numbers.filter(|number| *number != list.seen.head.number);
        let seen = others.filter_map(|number| around.lists.get(&number));
        let short = seen
            .filter(|seen| seen.rows <= around.longest)
            .take(NEIGHBOURS);
        short.map(|seen| self.old_list(*seen)).collect()
    }

    /// How many rows of a list that ends go to each of the others.
    fn wishes_of_ended(
        &self,
        ended: &OldList,
        centres: &Centres,
        source: &mut RowSource<'_>,
    ) -> Result<Wishes, Error> {
        let mut counts = vec![0; centres.len()];
        self.each_row(&mut Cursor::start(ended.seen.head.first), &mut |row| {
            (source.poll)()?;
            let point = self.point_of_row(&row, source)?;
            let nearest = point.and_then(|point| centres.nearest(&point));
            if let Some(count) = nearest.and_then(|near| counts.get_mut(near.centre as usize)) {
                *count += 1;
            }
            Ok(())
        })?;
        Ok(Wishes {
            rows: Vec::new(),
            counts,
        })
    }

    /// Adds the wishes of the neighbours' rows.
    fn wishes_of_neighbours(
        &self,
        neighbours: &[OldList],
        centres: &Centres,
        wishes: &mut Wishes,
        source: &mut RowSource<'_>,
    ) -> Result<(), Error> {
        let points = (0..centres.len()).map(|at| centres.vectors().get(at).to_vec());
        let queries: Vec<Query> = points.map(|point| self.coder.query(point, 0.0)).collect();
        // Neighbours come last among the centres.
        let first = centres.len() - neighbours.len().min(centres.len());
        for (from, list) in (first..).zip(neighbours) {
            let mut block = list.seen.head.first;
            while block != NONE {
                (source.poll)()?;
                let copy: Box<Bytes> = Box::new(*self.page(block, KIND_ROWS)?);
                let lanes = CodePage::new(&copy, self.parameters.shape.rows);
                for lane in self.doubtful(lanes, &queries, from, list.origin.point()) {
                    let row = NewRow {
                        tid: Tid(lanes.subject(lane)),
                        code: lanes.code(lane),
                        long: self.long_of(lanes, lane)?,
                        radii: Radii::NONE,
                    };
                    let point = self.point_of_row(&row, source)?;
                    let nearest = point.and_then(|point| centres.nearest(&point));
                    let Some(to) = nearest.map(|near| near.centre as usize) else {
                        continue;
                    };
                    if to != from {
                        let tid = row.tid;
                        wishes.rows.try_push(Wish { tid, from, to })?;
                        wishes.counts[to] += 1;
                        wishes.counts[from] += 1;
                    }
                }
                block = page::next(&copy);
            }
        }
        Ok(())
    }

    /// The lanes of a page whose rows may be nearer to another centre than to their own.
    fn doubtful(
        &self,
        lanes: CodePage<'_>,
        queries: &[Query],
        own: usize,
        centre: &[f32],
    ) -> Vec<usize> {
        let coder = &self.coder;
        let Some(at_home) = queries.get(own) else {
            return Vec::new();
        };
        let terms: Vec<ListTerms> = queries
            .iter()
            .map(|query| coder.terms_around(query, centre))
            .collect();
        let mut doubtful = Vec::new();
        for at in 0..lanes.used().div_ceil(LANES) {
            let Some(block) = lanes.block(at) else {
                break;
            };
            let used = lanes.used() - at * LANES;
            let home = ListTerms {
                away: 0.0,
                ..terms[own]
            };
            let home = bounds(
                at_home,
                block,
                home,
                Margin::usual(&coder.directions, &at_home.table),
            );
            let mut nearer = [false; LANES];
            for (query, terms) in queries.iter().zip(&terms) {
                let margin = Margin::usual(&coder.directions, &query.table);
                let bounds = bounds(query, block, *terms, margin);
                for ((nearer, bound), home) in nearer.iter_mut().zip(bounds).zip(home) {
                    *nearer |= coder.squared_of(bound, query) < coder.squared_of(home, at_home);
                }
            }
            let lanes = (at * LANES..).zip(nearer);
            doubtful.extend(
                lanes
                    .filter(|(lane, nearer)| *nearer && *lane < used + at * LANES)
                    .map(|(lane, _)| lane),
            );
        }
        doubtful.retain(|lane| lanes.is_taken(*lane));
        doubtful
    }
}

/// What a list may be regrouped with.
pub(in crate::ivf) struct Surroundings<'l> {
    /// All lists, by their numbers.
    pub lists: &'l BTreeMap<u32, SeenList>,
    /// Lists with more rows are left out.
    pub longest: usize,
}

/// The regrouping of the neighbours for which enough rows wish it; the one with the most, where no list begins.
fn granted(
    ended: OldList,
    added: Vec<Vec<f32>>,
    neighbours: Vec<OldList>,
    wishes: Wishes,
) -> Regroup {
    let begin = added.len();
    let counts = wishes.counts.get(begin..).unwrap_or_default();
    let most = counts.iter().copied().max().unwrap_or(0);
    let enough = if begin == 0 {
        FEW_MOVES.min(most)
    } else {
        FEW_MOVES
    };
    let mut numbers: Vec<Option<usize>> = (0..begin).map(Some).collect();
    let mut kept = Vec::new();
    for (list, count) in neighbours.into_iter().zip(counts) {
        let granted = *count >= enough;
        numbers.push(granted.then_some(begin + kept.len()));
        if granted {
            kept.push(list);
        }
    }
    let number = |at: usize| numbers.get(at).copied().flatten();
    let rows = wishes.rows.into_iter();
    let moves = rows.filter_map(|wish| {
        number(wish.from)?;
        Some((wish.tid, number(wish.to)?))
    });
    let moves: HashMap<Tid, usize> = moves.collect();
    Regroup {
        ended: Some(ended),
        added,
        kept,
        moves,
    }
}
