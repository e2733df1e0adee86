//! Bounds of the rows that a scan has scored: of the nearest with their places, of the others alone.

use crate::index::{Error, Fallible, Tid};
use crate::page::PageStore;
use crate::page::field;
use crate::quantize::{LANES, estimate, from_bf16, nearer};
use crate::search::Key;

use super::blocks::{Block, CodePage};
use super::coder::{ListTerms, Query};
use super::directory::ERRORS;
use super::index::ListIndex;
use super::meta::NONE;

/// A row that is near, by the lower bound of its distance.
#[derive(Clone, Copy, Debug)]
pub struct NearRow {
    pub key: Key,
    pub bound: f32,
    /// The standard errors that the bound is below the estimate.
    pub below: f32,
    pub tid: Tid,
    /// Where its long code is; the page is [`NONE`] where there is none.
    pub long: u32,
    pub offset: u16,
}

/// A block whose rows have bounds.
#[derive(Clone, Copy, Debug)]
pub struct BlockPlace {
    pub page: u32,
    pub block: u16,
    /// The number of the list.
    pub list: u32,
    /// By what its rows' errors are multiplied.
    pub away: f32,
}

/// The rows of the lists that were read.
#[derive(Default)]
pub struct BoundedBlocks {
    pub bounds: Vec<[f32; LANES]>,
    pub blocks: Vec<BlockPlace>,
    /// All rows up to this were taken.
    taken: Option<Key>,
    /// Whether there are others.
    pub more: bool,
    /// How many are taken at a time.
    pub width: usize,
}

/// Lower bounds of the distances of a block's rows; infinite where there is none.
pub fn bounds(query: &Query, scored: Block<'_>, terms: ListTerms, used: usize) -> [f32; LANES] {
    let mut bounds = [0.0; LANES];
    estimate(&query.table, scored.lanes, terms.constant, &mut bounds);
    let numbers = |bytes| <[u8]>::as_chunks::<2>(bytes).0.iter();
    let number = |bytes: &[u8; 2]| from_bf16(u16::from_ne_bytes(*bytes));
    let of_code = ERRORS * terms.away;
    let lanes = numbers(scored.errors).zip(numbers(scored.lanes.slopes));
    let bases = scored.lanes.bases.as_chunks::<4>().0;
    for ((bound, (error, slope)), base) in bounds.iter_mut().zip(lanes).zip(bases) {
        let lower = *bound - of_code * number(error) - query.rounding * number(slope).abs();
        *bound = if f32::from_ne_bytes(*base) == f32::INFINITY {
            f32::INFINITY
        } else if lower.is_finite() {
            lower
        } else {
            // Something has overflowed: the row may be as near as can be.
            -f32::MAX
        };
    }
    for bound in bounds.iter_mut().skip(used) {
        *bound = f32::INFINITY;
    }
    bounds
}

/// How much the bound of a lane is below its estimate: by errors of its code, which grow with the distance of the query
/// from the centre, and by what the query's table is rounded.
pub fn below(query: &Query, scored: Block<'_>, lane: usize, away: f32) -> f32 {
    let number = |bytes: &[u8]| from_bf16(u16::from_ne_bytes(field(bytes, 2 * lane)));
    ERRORS * away * number(scored.errors) + query.rounding * number(scored.lanes.slopes).abs()
}

/// A lane's key, the lower bound of its distance, and how much that is below the estimate.
#[derive(Clone, Copy)]
pub struct LaneBound {
    pub lane: usize,
    pub key: Key,
    pub bound: f32,
    pub below: f32,
}

pub fn near_row<S: PageStore>(
    index: &ListIndex<'_, S>,
    query: &Query,
    lanes: CodePage<'_>,
    bounded: LaneBound,
) -> NearRow {
    let LaneBound {
        lane,
        key,
        bound,
        below,
    } = bounded;
    let place = index.parameters.shape.long.map(|long| long.place(lane));
    NearRow {
        key,
        bound: bound * query.unscaled,
        below: below * query.unscaled,
        tid: Tid(lanes.subject(lane)),
        long: place.map_or(NONE, |place| lanes.owned(place.page)),
        offset: place.map_or(0, |place| u16::try_from(place.offset).unwrap_or(0)),
    }
}

impl BoundedBlocks {
    /// None yet; so many rows are taken at a time.
    pub fn new(width: usize) -> Self {
        Self {
            width,
            ..Self::default()
        }
    }

    /// Adds a block, and shows the rows that may be among the nearest.
    pub fn add(
        &mut self,
        bounds: [f32; LANES],
        place: BlockPlace,
        mut show: impl FnMut(usize, Key, f32),
    ) {
        let first = u32::try_from(self.bounds.len() * LANES).unwrap_or(u32::MAX);
        let farthest = self.taken.map_or(f32::INFINITY, Key::distance);
        let mut near = nearer(&bounds, farthest);
        while near != 0 {
            let lane = near.trailing_zeros();
            near &= near - 1;
            let bound = bounds[lane as usize];
            show(lane as usize, Key::new(bound, first + lane), bound);
        }
        self.bounds.push(bounds);
        self.blocks.push(place);
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

    /// The next rows that were not taken, in the order of their pages.
    pub fn next_keys(&mut self) -> Result<Vec<Key>, Error> {
        let mut keys: Vec<Key> = Vec::new();
        let beyond = self.taken.map_or(f32::NEG_INFINITY, Key::distance);
        for (number, bounds) in (0_u32..).step_by(LANES).zip(&self.bounds) {
            for (lane, bound) in (0..).zip(bounds) {
                if *bound >= beyond && *bound < f32::INFINITY {
                    let key = Key::new(*bound, number + lane);
                    if self.taken.is_none_or(|taken| key > taken) {
                        keys.try_push(key)?;
                    }
                }
            }
        }
        self.more = keys.len() > self.width;
        if self.more {
            keys.select_nth_unstable(self.width);
            keys.truncate(self.width);
        }
        self.taken = keys.iter().copied().max().or(self.taken);
        keys.sort_unstable_by_key(|key| key.number());
        Ok(keys)
    }
}
