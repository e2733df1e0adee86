//! Which list each row of a build is in.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

use crate::bulk::Crew;
use crate::cluster::{CentreTree, Members, NearestBatch, Vectors};
use crate::index::{Error, collected};

use super::build::ListsBuilder;
use super::coder::Coder;
use super::radii::{Radii, SharedRadii, radii_of};

/// Rows whose mean distance from their centres is noted.
const SPREAD_OF: usize = 2_048;

impl ListsBuilder {
    /// The mean distance of rows from the centres of their lists, by the codes of some.
    #[expect(clippy::cast_possible_truncation, reason = "a mean")]
    pub(in crate::ivf) fn spread(&self, tree: &CentreTree, sorted: &Sorted, coder: &Coder) -> f32 {
        let step = (self.count / SPREAD_OF).max(1);
        let (mut sum, mut rows, mut point) = (0.0, 0_u32, Vec::new());
        for at in (0..self.count).step_by(step) {
            let members = &sorted.members;
            let list = members
                .starts()
                .partition_point(|start| *start as usize <= at);
            let centre = tree.centres().get(list.saturating_sub(1));
            self.point(
                members.vectors().get(at).map_or(0, |row| *row as usize),
                &mut point,
            );
            let code = coder.code(&point, &coder.origin(centre.to_vec()));
            sum += f64::from(coder.distance_by(code.slope, code.error));
            rows += 1;
        }
        (sum / f64::from(rows.max(1))) as f32
    }

    /// Puts each row into the list of its nearest centre.
    pub(in crate::ivf) fn sort(
        &mut self,
        tree: &CentreTree,
        crew: &mut Crew<'_>,
    ) -> Result<Sorted, Error> {
        let lists = tree.centres().len();
        let mut of = self.memory.allocate(size_of::<u32>() * self.count)?;
        let radii: Vec<SharedRadii> = collected((0..lists).map(|_| SharedRadii::default()))?;
        let assigned = Assigned {
            of: of.atomics(),
            radii: &radii,
        };
        self.assign(tree, &assigned, crew)?;
        Sorted::new(&assigned)
    }

    /// Notes the list of each row.
    fn assign(
        &self,
        tree: &CentreTree,
        assigned: &Assigned<'_>,
        crew: &mut Crew<'_>,
    ) -> Result<(), Error> {
        let (threads, progress) = (crew.pool.current_num_threads(), crew.progress);
        let at_once = NearestBatch::vectors(self.vectors.dims());
        let next = AtomicUsize::new(0);
        crew.work(threads, || {
            let (mut points, mut point) = (Vec::new(), Vec::new());
            let mut batch = NearestBatch::default();
            loop {
                let first = next.fetch_add(at_once, Relaxed);
                let rows = first..(first + at_once).min(self.count);
                if rows.is_empty() || progress.cancel.load(Relaxed) {
                    return;
                }
                points.clear();
                for row in rows.clone() {
                    self.point(row, &mut point);
                    points.extend_from_slice(&point);
                }
                let vectors = Vectors {
                    dims: self.vectors.dims(),
                    elements: &points,
                };
                let nearest = tree.nearest_each(vectors, &mut batch);
                for (at, (row, nearest)) in rows.clone().zip(nearest).enumerate() {
                    let list = nearest.centre as usize;
                    if let Some(of) = assigned.of.get(row) {
                        of.store(nearest.centre, Relaxed);
                    }
                    if let Some(radii) = assigned.radii.get(list) {
                        let off = self.kept.off(self.vectors.dims(), self.scale(row));
                        let centre = tree.centres().get(list);
                        radii.add(radii_of(&self.vectors, vectors.get(at), centre, off));
                    }
                }
                progress.linked.fetch_add(rows.len() as u64, Relaxed);
            }
        })
    }
}

/// The lists of rows, as several threads note them.
struct Assigned<'a> {
    /// The list of each row.
    of: &'a [AtomicU32],
    /// Of each list.
    radii: &'a [SharedRadii],
}

/// Rows by their lists.
pub(in crate::ivf) struct Sorted {
    pub members: Members,
    /// Of each list.
    pub radii: Vec<Radii>,
}

impl Sorted {
    fn new(assigned: &Assigned<'_>) -> Result<Self, Error> {
        let of = assigned.of.iter().map(|list| list.load(Relaxed));
        Ok(Self {
            members: Members::new(of, assigned.radii.len())?,
            radii: collected(assigned.radii.iter().map(SharedRadii::get))?,
        })
    }
}
