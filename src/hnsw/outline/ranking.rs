//! Ranking: rows whose places are known, by distance. A code gives a lower bound of a row's distance, which is
//! right for all but one in a hundred. Nodes are read in the order of these bounds, until none that is left can be
//! nearer than the next row.

use crate::hnsw::spaces::centred::CentredQuery;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use crate::index::{Error, Fallible, Tid, collected, with_room};
use crate::page::PageStore;
use crate::search::Key;

use super::Outline;
use super::codes::Codes;
use super::places::Places;
use crate::hnsw::index::Index;
use crate::hnsw::row::Row;
use crate::hnsw::spaces::space::{PointOf, Space, ValueOf};
use crate::values::Values;

/// Standard errors below an estimate at which a row is looked for.
const DOUBT_ERRORS: f32 = 2.5;

/// Standard errors below an estimate beyond which no row lies, however many rows there are.
const SURE_ERRORS: f32 = 5.0;

/// Nodes that are read together, so that several reads are on their way at once; some of these are in vain.
const NODES_TOGETHER: usize = 8;

/// Rows, and codes, that are asked for ahead of the one that is looked at.
const ROWS_AHEAD: usize = 8;

/// What an outline makes of rows.
pub struct Ranked<'i, 's, S, V: Space> {
    /// Those that are in it.
    pub ranking: Ranking<'i, 's, S, V>,
    /// Those that are not.
    pub unknown: Vec<Tid>,
}

/// Rows, nearest first.
pub struct Ranking<'i, 's, S, V: Space> {
    index: &'i Index<'s, S, V>,
    outline: Rc<Outline>,
    point: PointOf<V>,
    query: CentredQuery,
    /// What codes say, and rows of the outline.
    coded: BinaryHeap<Reverse<Key>>,
    /// Distances, and places in `rows`.
    measured: BinaryHeap<Reverse<Key>>,
    rows: Vec<Row>,
    reads: u64,
    /// Rows that are farther for sure are left out.
    limit: f32,
}

impl<'s, S: PageStore, V: Space> Index<'s, S, V> {
    /// Ranks rows by their distance from a value. None where that has no place in the index.
    ///
    /// # Errors
    /// Where the value is of another size.
    pub fn rank<'i>(
        &'i self,
        outline: &Rc<Outline>,
        value: ValueOf<'_, V>,
        tids: &[Tid],
    ) -> Result<Option<Ranked<'i, 's, S, V>>, Error> {
        self.space.values().verify(value)?;
        let Some(point) = self.space.values().point(value) else {
            return Ok(None);
        };
        let scale = self.scale_of(&point)?;
        let Some(query) = self.space.centred_query(&point, scale) else {
            return Ok(None);
        };
        let LookedUp { known, unknown } = look_up(&outline.places, tids)?;
        let coded = bounds(&outline.codes, &known, &query)?;
        let ranking = Ranking {
            index: self,
            outline: Rc::clone(outline),
            point,
            query,
            coded: coded.into(),
            measured: BinaryHeap::new(),
            rows: Vec::new(),
            reads: 0,
            limit: f32::INFINITY,
        };
        Ok(Some(Ranked { ranking, unknown }))
    }
}

/// What an outline knows of rows.
struct LookedUp {
    known: Vec<KnownRow>,
    /// Rows that are not in it.
    unknown: Vec<Tid>,
}

/// A row that is in an outline.
#[derive(Clone, Copy)]
struct KnownRow {
    number: u32,
    /// The number of its code.
    code: u32,
}

/// Looks rows up by their places.
fn look_up(places: &Places, tids: &[Tid]) -> Result<LookedUp, Error> {
    let (mut known, mut unknown) = (with_room(tids.len())?, Vec::new());
    for (at, tid) in tids.iter().enumerate() {
        if let Some(tid) = tids.get(at + 2 * ROWS_AHEAD) {
            places.prefetch_part(tid.place());
        }
        if let Some(tid) = tids.get(at + ROWS_AHEAD) {
            places.prefetch_guess(tid.place());
        }
        if let Some((number, row)) = places.find(tid.place()) {
            known.push(KnownRow {
                number: u32::try_from(number).unwrap_or(u32::MAX),
                code: row.code,
            });
        } else {
            unknown.try_push(*tid)?;
        }
    }
    Ok(LookedUp { known, unknown })
}

/// How far rows are at least.
fn bounds(
    codes: &Codes,
    rows: &[KnownRow],
    query: &CentredQuery,
) -> Result<Vec<Reverse<Key>>, Error> {
    let bounds = rows.iter().enumerate().map(|(at, row)| {
        if let Some(next) = rows.get(at + ROWS_AHEAD) {
            codes.prefetch(next.code);
        }
        Reverse(Key::new(
            codes.bound(row.code, query, DOUBT_ERRORS),
            row.number,
        ))
    });
    Ok(collected(bounds)?)
}

impl<S: PageStore, V: Space> Ranking<'_, '_, S, V> {
    /// Leaves out rows that are farther than `distance` for sure, in the space's measure.
    pub fn limit_distance(&mut self, distance: f32) {
        self.limit = distance;
        let (outline, query) = (&self.outline, &self.query);
        self.coded.retain(|Reverse(key)| {
            let row = outline.places.get(key.number() as usize);
            row.is_some_and(|row| outline.codes.bound(row.code, query, SURE_ERRORS) <= distance)
        });
    }

    /// The next row; None where there is none left.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub fn next_row(&mut self) -> Result<Option<Row>, Error> {
        loop {
            let bound = self.coded.peek().map(|Reverse(key)| key.distance());
            let nearest = self.measured.peek().map(|Reverse(key)| *key);
            match (nearest, bound) {
                (None, None) => return Ok(None),
                (Some(nearest), bound) if bound.is_none_or(|b| nearest.distance() < b) => {
                    self.measured.pop();
                    return Ok(self.rows.get(nearest.number() as usize).copied());
                }
                (Some(_) | None, _) => self.read_some()?,
            }
        }
    }

    /// Nodes that were read.
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// Reads the nodes of the rows that may be nearest.
    fn read_some(&mut self) -> Result<(), Error> {
        let (mut together, mut count) = ([0; NODES_TOGETHER], 0);
        for place in &mut together {
            let Some(Reverse(key)) = self.coded.pop() else {
                break;
            };
            *place = key.number() as usize;
            count += 1;
            if let Some(row) = self.outline.places.get(*place) {
                self.index.pages.prefetch_value(row.node);
            }
        }
        for row in together.into_iter().take(count) {
            self.read(row)?;
        }
        Ok(())
    }

    /// Reads the node of a row. If the node has another row by now, or is none, a vacuum has come since the
    /// outline was found current. Then no search that has ranked rows by the outline sees this row.
    fn read(&mut self, row: usize) -> Result<(), Error> {
        let Some(row) = self.outline.places.get(row) else {
            return Ok(());
        };
        let (index, number) = (self.index, row.node);
        self.reads += 1;
        let measured = index.pages.read(number, |node| {
            let ground = node.live() && node.level() == 0;
            ground.then(|| {
                let scale = node.scale();
                (
                    index
                        .space
                        .values()
                        .distance(&self.point, node.own(), scale),
                    scale,
                )
            })
        })?;
        let Some((distance, scale)) = measured else {
            return Ok(());
        };
        let doubt = index.space.values().doubt(&self.point, distance, scale);
        if distance - doubt > self.limit {
            return Ok(());
        }
        let at = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.measured.push(Reverse(Key::new(distance, at)));
        self.rows.push(Row {
            tid: Tid::at(row.place),
            distance,
            doubt,
            node: number,
        });
        Ok(())
    }
}
