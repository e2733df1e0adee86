//! Bounds of the rows that a scan has scored: of the nearest with their places, of the others alone.

use crate::index::{Error, Fallible, Tid};
use crate::page::PageStore;
use crate::page::field;
use crate::quantize::{LANES, LookupTable, estimate, from_bf16, nearer};
use crate::search::Key;

use super::blocks::{Block, CodePage};
use super::coder::{ListTerms, Query};
use super::directions::Directions;
use super::directory::ERRORS;
use super::index::ListIndex;
use super::meta::NONE;

/// Standard errors below its estimate that a distance is where none may be missed. Of normal errors 1 in 10^9 is
/// larger.
const SURE_ERRORS: f32 = 6.0;

/// So many coordinates are few, and the standard errors that a distance is then taken to be below its estimate.
const FEW_COORDINATES: usize = 64;
const ERRORS_OF_FEW: f32 = 4.5;

/// So many times as many rows are collected as are kept, before the farther ones are left out.
pub const MORE: usize = 4;

/// A row by the lower bound of its distance and where it is. It does not change while a scan goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// The bound, then the page.
    pub bound: Key,
    pub lane: u16,
}

impl RowKey {
    /// Sorts after all others.
    const MAX: Self = Self {
        bound: Key::MAX,
        lane: u16::MAX,
    };
}

/// A row that is near, by the lower bound of its distance.
#[derive(Clone, Copy, Debug)]
pub struct NearRow {
    pub key: RowKey,
    pub bound: f32,
    /// How much that is below the estimate.
    pub below: f32,
    pub tid: Tid,
    /// Where its long code is; the page is [`NONE`] where there is none.
    pub long: u32,
    pub offset: u16,
    /// Which of the lists that were read it is in.
    pub probe: u32,
}

/// A block whose rows have bounds.
#[derive(Clone, Copy, Debug)]
pub struct BlockPlace {
    pub page: u32,
    pub block: u16,
    /// Which of the lists that were read it is of.
    pub probe: u32,
    /// By what its rows' errors are multiplied.
    pub away: f32,
}

/// How far below its estimate a distance is taken to be.
#[derive(Clone, Copy, Debug)]
pub struct Margin {
    /// In standard errors of its code.
    errors: f32,
    /// For a slope of one, because the table's sums are rounded.
    rounding: f32,
}

impl Margin {
    /// Of a search for the nearest: 0.13 % of rows are below their bounds.
    pub fn usual(directions: &Directions, table: &LookupTable) -> Self {
        Self::of_errors(usual_errors(directions, table.coded()), table)
    }

    /// Of a search that may miss no row. What is in none of the principal directions has no error that is known, but
    /// is no longer than it is.
    pub fn sure(directions: &Directions, table: &LookupTable) -> Self {
        let errors = match directions {
            Directions::Random => SURE_ERRORS,
            Directions::Principal(principal) => principal.farthest(SURE_ERRORS),
        };
        Self::of_errors(errors, table)
    }

    fn of_errors(errors: f32, table: &LookupTable) -> Self {
        Self {
            errors,
            rounding: table.rounding(errors),
        }
    }

    /// The margin of a lane in a list whose centre is `away` from the query.
    pub fn of(self, scored: Block<'_>, lane: usize, away: f32) -> f32 {
        let short = |bytes: &[u8]| from_bf16(u16::from_ne_bytes(field(bytes, 2 * lane)));
        self.below(short(scored.errors), short(scored.lanes.slopes), away)
    }

    /// The same, of a lane with this error and slope.
    #[inline]
    pub fn below(self, error: f32, slope: f32, away: f32) -> f32 {
        self.errors * away * error + self.rounding * slope.abs()
    }
}

/// Standard errors by which a search for the nearest takes distances to be below estimates by so many coordinates.
///
/// Of few coordinates errors are no sums of many, and not normal: the bounds are wider. No error of a code of all
/// dimensions is larger than `sqrt(D - 1)` standard errors, for the part of the query that is at right angles to the
/// row is no longer than the query.
pub fn usual_errors(directions: &Directions, coded: usize) -> f32 {
    if coded > FEW_COORDINATES {
        return ERRORS;
    }
    let others = u16::try_from(coded.saturating_sub(1)).unwrap_or(u16::MAX);
    match directions {
        Directions::Random => f32::from(others).sqrt().min(ERRORS_OF_FEW),
        Directions::Principal(_) => ERRORS_OF_FEW,
    }
}

/// The rows of the lists that were read.
#[derive(Default)]
pub struct BoundedBlocks {
    pub bounds: Vec<[f32; LANES]>,
    pub blocks: Vec<BlockPlace>,
    /// All rows up to this were taken by an earlier pass.
    floor: Option<RowKey>,
    /// All rows up to this were taken.
    taken: Option<RowKey>,
    /// Whether there are others.
    pub more: bool,
    /// Whether there was no room for the bounds of all blocks, so that the rest are to be scored again.
    pub full: bool,
    /// How many are taken at a time.
    pub width: usize,
    /// Bytes for bounds, and as many for rows that are near.
    room: usize,
}

/// Lower bounds of the distances of a block's rows.
pub fn bounds(query: &Query, scored: Block<'_>, terms: ListTerms, margin: Margin) -> [f32; LANES] {
    let mut bounds = [0.0; LANES];
    estimate(&query.table, scored.lanes, terms.constant, &mut bounds);
    let errors = scored.errors.as_chunks::<2>().0;
    let slopes = scored.lanes.slopes.as_chunks::<2>().0;
    let bases = scored.lanes.bases.as_chunks::<4>().0;
    let lanes = errors.iter().zip(slopes).zip(bases);
    for (bound, ((error, slope), base)) in bounds.iter_mut().zip(lanes) {
        let [error, slope] = [error, slope].map(|bytes| from_bf16(u16::from_ne_bytes(*bytes)));
        let lower = *bound - margin.below(error, slope, terms.away);
        *bound = if f32::from_ne_bytes(*base) == f32::INFINITY {
            f32::INFINITY
        } else if lower.is_finite() {
            lower
        } else {
            // Something has overflowed: the row may be as near as can be.
            -f32::MAX
        };
    }
    bounds
}

/// A lane's key, the lower bound of its distance, and how much that is below the estimate.
#[derive(Clone, Copy)]
pub struct LaneBound {
    pub key: RowKey,
    pub bound: f32,
    pub below: f32,
    pub probe: u32,
}

pub fn near_row<S: PageStore>(
    index: &ListIndex<'_, S>,
    query: &Query,
    lanes: CodePage<'_>,
    bounded: LaneBound,
) -> NearRow {
    let LaneBound {
        key,
        bound,
        below,
        probe,
    } = bounded;
    let lane = usize::from(key.lane);
    let place = index.parameters.shape.long.map(|long| long.place(lane));
    NearRow {
        key,
        bound: if bound <= -f32::MAX {
            bound
        } else {
            bound * query.unscaled
        },
        below: below * query.unscaled,
        tid: Tid(lanes.subject(lane)),
        long: place.map_or(NONE, |place| lanes.owned(place.page)),
        offset: place.map_or(0, |place| u16::try_from(place.offset).unwrap_or(0)),
        probe,
    }
}

impl BoundedBlocks {
    /// None yet. So many rows are taken at a time; their bounds and they may take so many bytes.
    pub fn new(width: usize, bytes: usize) -> Self {
        Self {
            width,
            room: bytes / 2,
            ..Self::default()
        }
    }

    /// Takes more rows at a time, if there is room for them.
    pub fn widen(&mut self) {
        let most = self.room / (MORE * size_of::<NearRow>());
        self.width = (self.width * MORE).min(most).max(self.width);
    }

    /// Forgets all bounds: the rows that were not taken are to be scored again.
    pub fn start_again(&mut self) {
        self.floor = self.taken.or(self.floor);
        self.taken = None;
        self.more = false;
    }

    /// Adds a block, and shows the rows that may be among the nearest.
    pub fn add(
        &mut self,
        bounds: [f32; LANES],
        place: BlockPlace,
        mut show: impl FnMut(RowKey, f32),
    ) -> Result<(), Error> {
        let taken = self.taken.map_or(f32::INFINITY, |taken| {
            // Rows of the same bound may have smaller keys.
            taken.bound.distance().next_up()
        });
        let mut near = nearer(&bounds, taken);
        while near != 0 {
            let lane = near.trailing_zeros();
            near &= near - 1;
            let bound = bounds[lane as usize];
            let key = place.key(bound, lane);
            if self.taken.is_none_or(|taken| key < taken) && self.floor.is_none_or(|f| key > f) {
                show(key, bound);
            }
        }
        let bytes = size_of::<[f32; LANES]>() + size_of::<BlockPlace>();
        self.full |= (self.bounds.len() + 1) * bytes > self.room;
        if self.full {
            self.bounds = Vec::new();
            self.blocks = Vec::new();
        } else {
            self.bounds.try_push(bounds)?;
            self.blocks.try_push(place)?;
        }
        Ok(())
    }

    /// Leaves the nearest of the rows that were collected; what comes later must be nearer.
    pub fn keep_nearest(&mut self, near: &mut Vec<NearRow>) {
        if near.len() > self.width {
            near.select_nth_unstable_by_key(self.width, |near| near.key);
            near.truncate(self.width);
            self.taken = near.iter().map(|near| near.key).max();
            self.more = true;
        }
    }

    /// The next rows that were not taken, with the numbers of their blocks, in the order of these.
    pub fn next_keys(&mut self) -> Result<Vec<(u32, RowKey)>, Error> {
        let mut keys: Vec<(u32, RowKey)> = Vec::new();
        let beyond = self.taken.map_or(f32::NEG_INFINITY, |t| t.bound.distance());
        self.more = false;
        // Above the largest of the keys that were kept, none is wanted.
        let mut most = RowKey::MAX;
        for ((number, bounds), place) in (0_u32..).zip(&self.bounds).zip(&self.blocks) {
            for (lane, bound) in (0..).zip(bounds) {
                if *bound >= beyond && *bound < f32::INFINITY {
                    let key = place.key(*bound, lane);
                    if key > most {
                        self.more = true;
                    } else if self.taken.is_none_or(|taken| key > taken) {
                        keys.try_push((number, key))?;
                    }
                }
            }
            if keys.len() > MORE * self.width {
                self.more |= keep_smallest(&mut keys, self.width);
                most = keys.iter().map(|(_, key)| *key).max().unwrap_or(most);
            }
        }
        self.more |= keep_smallest(&mut keys, self.width);
        self.taken = keys.iter().map(|(_, key)| *key).max().or(self.taken);
        keys.sort_unstable_by_key(|(number, _)| *number);
        Ok(keys)
    }
}

impl BlockPlace {
    /// The key of a row.
    fn key(&self, bound: f32, lane: u32) -> RowKey {
        let lane = usize::from(self.block) * LANES + lane as usize;
        RowKey {
            bound: Key::new(bound, self.page),
            lane: u16::try_from(lane).unwrap_or(u16::MAX),
        }
    }
}

/// Leaves the `count` smallest keys. Whether there were more.
fn keep_smallest(keys: &mut Vec<(u32, RowKey)>, count: usize) -> bool {
    if keys.len() <= count {
        return false;
    }
    keys.select_nth_unstable_by_key(count, |(_, key)| *key);
    keys.truncate(count);
    true
}
