//! Learning of directions: those in which rows vary most around their centres, and how much more the estimates by them
//! are off than they would be if what is not coded were random.

use crate::bulk::Crew;
use crate::cluster::{CentreTree, Draws, NearestBatch, Selection, Vectors, principal_directions};
use crate::index::{Error, Fallible, collected, with_room};
use crate::quantize::{PrincipalDirections, encode, signed_sum};
use crate::values::{CodedOffset, Metric};

use super::bounds::usual_errors;
use super::build::{BuiltLists, LONG_OF, ListsBuilder};
use super::coder::Coder;
use super::directions::{Directions, Principal};

/// Rows that directions are learned from, at least, and for each direction.
const LEARNED_FROM: usize = 8_000;
const LEARNED_PER_DIRECTION: usize = 16;

/// With fewer rows for each direction, they would be those of the sample, not of the rows to come.
const LEAST_PER_DIRECTION: usize = 2;

/// Rows that are taken as queries, and their nearest rows by which errors are measured. These are in the nearest lists;
/// of a long list some rows are looked at.
const QUESTIONS: usize = 256;
const NEAREST: usize = 20;
const LISTS: usize = 4;
const ROWS_OF_LIST: usize = 512;

/// The share of rows that may be nearer than three standard errors below their estimates: that of normal errors.
const BEYOND: f64 = 0.0013;

/// Of the numbers that draw rotations and rows, the one for directions.
const SEED: u64 = 0xD17E_C710;

/// A row that is near a question.
struct NearbyRow {
    distance: f32,
    row: usize,
    list: usize,
}

/// Rows less their centres, and the squares of their lengths.
struct Residuals {
    elements: Vec<f32>,
    squared: Vec<f64>,
}

impl Residuals {
    fn add(&mut self, points: Vectors<'_>, tree: &CentreTree, batch: &mut NearestBatch) {
        let nearest = tree.nearest_each(points, batch);
        for (at, nearest) in nearest.iter().enumerate() {
            let centre = tree.centres().get(nearest.centre as usize);
            let own = points.get(at).iter().zip(centre).map(|(x, c)| x - c);
            self.squared
                .push(own.clone().map(|x| f64::from(x).powi(2)).sum());
            self.elements.extend(own);
        }
    }
}

impl ListsBuilder {
    /// The directions in which rows will be encoded: random ones where all are coded, or rows or memory are few.
    ///
    /// # Errors
    /// Where there is no memory for what the budget allows, and those of the crew.
    pub(in crate::ivf) fn learn_directions(
        &self,
        tree: &CentreTree,
        crew: &mut Crew<'_>,
    ) -> Result<Directions, Error> {
        if self.parameters.directions == 0 {
            return Ok(Directions::Random);
        }
        let (dims, count) = (self.parameters.dims, self.parameters.principal());
        let fitting = self.memory.budget() / 2 / (size_of::<f32>() * dims);
        let wanted = LEARNED_FROM.max(LEARNED_PER_DIRECTION * count);
        let rows = self.residuals(wanted.min(fitting.saturating_sub(2 * count)), tree, crew)?;
        let rows = Vectors {
            dims,
            elements: &rows,
        };
        if rows.len() < LEAST_PER_DIRECTION * count {
            return Ok(Directions::Random);
        }
        let found = principal_directions(rows, count, self.options.seed ^ SEED, crew)?;
        let Some(found) = found else {
            return Ok(Directions::Random);
        };
        let along = PrincipalDirections::new(dims, &found)?;
        Ok(Directions::Principal(Principal::new(along, dims)))
    }

    /// Some rows less the centres of their lists, in the length of the one in the middle. Rows that are far longer are
    /// left out: a single one would be a direction. None where most rows are centres, or overflow.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a factor that is checked to be finite"
    )]
    fn residuals(
        &self,
        wanted: usize,
        tree: &CentreTree,
        crew: &mut Crew<'_>,
    ) -> Result<Vec<f32>, Error> {
        let dims = self.parameters.dims;
        let mut draws = Draws(self.options.seed ^ SEED);
        let mut selection = Selection::new(wanted, self.count);
        let mut found = Residuals {
            elements: with_room(selection.wanted() * dims)?,
            squared: with_room(selection.wanted())?,
        };
        let (mut point, mut batch) = (Vec::new(), NearestBatch::default());
        let at_once = NearestBatch::vectors(dims) * dims;
        let mut points: Vec<f32> = with_room(at_once)?;
        for row in 0..self.count {
            if selection.takes(&mut draws) {
                self.point(row, &mut point);
                points.extend_from_slice(&point);
            }
            if points.len() == at_once || row + 1 == self.count {
                crew.sink.poll()?;
                let elements = &points;
                found.add(Vectors { dims, elements }, tree, &mut batch);
                points.clear();
            }
        }
        let Residuals {
            elements: mut residuals,
            squared,
        } = found;
        let mut sorted = collected(squared.iter().copied())?;
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        let factor = middle.sqrt().recip() as f32;
        if !factor.is_normal() {
            return Ok(Vec::new());
        }
        let mut kept = 0;
        for (row, squared) in squared.iter().enumerate() {
            if *squared <= LONG_OF * middle {
                residuals.copy_within(row * dims..(row + 1) * dims, kept * dims);
                kept += 1;
            }
        }
        residuals.truncate(kept * dims);
        for x in &mut residuals {
            *x *= factor;
        }
        Ok(residuals)
    }

    /// The coder with principal directions whose errors are as wide as those of rows near some others ask for: so that
    /// no more of these are beyond three standard errors than of random codes.
    ///
    /// # Errors
    /// Where there is no memory, and those of the crew.
    pub(in crate::ivf) fn widened(
        &self,
        coder: Coder,
        lists: &BuiltLists<'_>,
        crew: &mut Crew<'_>,
    ) -> Result<Coder, Error> {
        let Directions::Principal(principal) = &coder.directions else {
            return Ok(coder);
        };
        let mut needed: Vec<f32> = with_room(QUESTIONS * NEAREST)?;
        let step = (self.count / QUESTIONS).max(1);
        let (mut question, mut point) = (Vec::new(), Vec::new());
        for row in (0..self.count).step_by(step) {
            crew.sink.poll()?;
            self.point(row, &mut question);
            let nearby = self.nearby(row, &question, &coder, lists)?;
            let scale = coder.scale(&question, lists.length);
            for x in &mut question {
                *x *= scale;
            }
            for near in nearby {
                self.point(near.row, &mut point);
                let centre = lists.tree.centres().get(near.list);
                needed.try_push(needed_widening(
                    &coder,
                    principal,
                    centre,
                    [&point, &question],
                ))?;
            }
        }
        needed.sort_unstable_by(|a, b| b.total_cmp(a));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of a small number"
        )]
        let beyond = (needed.len() as f64 * BEYOND) as usize;
        let widening = needed.get(beyond).copied().unwrap_or(1.0);
        Ok(coder.widened(widening.max(1.0)))
    }

    /// The nearest rows to a question but itself, in the nearest lists.
    fn nearby(
        &self,
        question: usize,
        point: &[f32],
        coder: &Coder,
        lists: &BuiltLists<'_>,
    ) -> Result<Vec<NearbyRow>, Error> {
        let (centres, sorted) = (lists.tree.centres(), lists.sorted);
        let mut nearest = collected((0..centres.len()).map(|list| {
            let centre = centres.get(list);
            let squared = coder.vectors.l2_squared(point, centre);
            let length = coder.vectors.dot(centre, centre);
            (coder.nearness(squared, length), list)
        }))?;
        nearest.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut found, mut other): (Vec<NearbyRow>, Vec<f32>) = (Vec::new(), Vec::new());
        for (_, list) in nearest.into_iter().take(LISTS) {
            let rows = sorted.members.of(list).unwrap_or_default();
            let step = rows.len().div_ceil(ROWS_OF_LIST).max(1);
            for row in rows.iter().step_by(step).map(|row| *row as usize) {
                self.point(row, &mut other);
                let distance = match coder.vectors.metric() {
                    Metric::InnerProduct => -coder.vectors.dot(point, &other),
                    Metric::L2 | Metric::Cosine => coder.vectors.l2_squared(point, &other),
                };
                if row != question {
                    found.try_push(NearbyRow {
                        distance,
                        row,
                        list,
                    })?;
                }
            }
        }
        found.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance));
        found.truncate(NEAREST);
        Ok(found)
    }
}

/// The widening with which the distance of a row from a question would be as many standard errors below its estimate
/// as a search allows for.
fn needed_widening(
    coder: &Coder,
    principal: &Principal,
    centre: &[f32],
    [point, question]: [&[f32]; 2],
) -> f32 {
    let vectors = &coder.vectors;
    let (y, v) = (
        principal.coded(vectors, point, centre),
        principal.coded(vectors, question, centre),
    );
    let bits = y.coordinates.len().next_multiple_of(8);
    let factors = encode(&y.coordinates, bits, &mut vec![0; bits / 8]);
    let estimated = -factors.slope * signed_sum(&y.coordinates, bits, &v.coordinates);
    // 2 <y, v>, from distances: no sum is needed that is not there.
    let squared = |offset: &CodedOffset| {
        vectors.dot(&offset.coordinates, &offset.coordinates) + offset.beside
    };
    let true_sum = squared(&y) + squared(&v) - vectors.l2_squared(point, question);
    let allowed = usual_errors(&coder.directions, bits) * squared(&v).sqrt();
    let off = (true_sum - estimated) / allowed;
    let [inside, rest] = principal.errors(factors, y.beside);
    if off > inside && rest > 0.0 && off.is_finite() {
        let needed = (off * off - inside * inside).sqrt() / rest;
        needed.min(principal.widest())
    } else {
        1.0
    }
}
