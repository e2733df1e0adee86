//! Lloyd's iterations from k-means++ seeds (Arthur and Vassilvitskii, SODA 2007), on one thread.

use crate::distance::inner_products;
use crate::quantize::mixed;

use super::near::half;
use super::{Centres, Nearest, Vectors};

/// Iterations at most. What comes later moves centres by little.
const ITERATIONS: usize = 10;

/// It ends where less than this share of the vectors has changed its centre.
const SETTLED: usize = 100;

/// Vectors that seeds are drawn from, for each seed: more of them do not make better seeds.
const SEEDED_FROM: usize = 32;

/// Vectors that are compared with seeds at once.
const ROWS_AT_ONCE: usize = 48;

/// Draws numbers for seeds: splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Clone, Copy, Debug)]
pub struct Draws(pub u64);

impl Draws {
    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.draw() % bound).unwrap_or(0)
    }

    /// A number from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    pub fn share(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Moves `count` items, drawn at random, to the front: the first steps of a shuffle (Fisher and Yates). All are
    /// shuffled where there are not so many.
    pub fn shuffle_first<T>(&mut self, items: &mut [T], count: usize) {
        for at in 0..items.len().min(count) {
            let other = at + self.below(items.len() - at);
            items.swap(at, other);
        }
    }
}

/// Selection sampling (Knuth, volume 2, algorithm S): of items that come one by one some are taken, each with the same
/// chance, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    items: usize,
    wanted: usize,
}

impl Selection {
    /// Takes `wanted` of `items` items; all of them where there are not so many.
    #[must_use]
    pub fn new(wanted: usize, items: usize) -> Self {
        Self {
            items,
            wanted: wanted.min(items),
        }
    }

    /// How many are still to be taken.
    #[must_use]
    pub fn wanted(self) -> usize {
        self.wanted
    }

    /// Whether the next item is taken. None is taken beyond those that were announced.
    pub fn takes(&mut self, draws: &mut Draws) -> bool {
        let taken = self.wanted > 0 && draws.below(self.items) < self.wanted;
        self.items = self.items.saturating_sub(1);
        self.wanted -= usize::from(taken);
        taken
    }
}

/// Seeds that are drawn before vectors are compared with them.
const FRESH_SEEDS: usize = 8;

/// Vectors that seeds are drawn from, and how far they are from those that are known to them.
struct Seeding<'v> {
    rows: Vec<&'v [f32]>,
    /// Half of the squared length of each.
    halves: Vec<f32>,
    /// Half of the squared distance of each from the nearest seed.
    far: Vec<f32>,
    sum: f64,
}

impl<'v> Seeding<'v> {
    fn new(rows: Vec<&'v [f32]>) -> Self {
        Self {
            halves: rows.iter().map(|row| half(row)).collect(),
            far: vec![f32::INFINITY; rows.len()],
            rows,
            sum: 0.0,
        }
    }

    /// Half of a squared distance, from the inner product. One that overflows counts as far, one that is no number as
    /// none.
    fn distance(&self, row: usize, seed: usize, product: f32) -> f32 {
        (self.halves[row] + self.halves[seed] - product).max(0.0)
    }

    /// Compares all vectors with these seeds.
    fn meet(&mut self, seeds: &[usize]) {
        let others: Vec<&[f32]> = seeds.iter().map(|seed| self.rows[*seed]).collect();
        let mut products = vec![0.0; ROWS_AT_ONCE * seeds.len()];
        self.sum = 0.0;
        for start in (0..self.rows.len()).step_by(ROWS_AT_ONCE) {
            let rows = start..(start + ROWS_AT_ONCE).min(self.rows.len());
            inner_products(&self.rows[rows.clone()], &others, &mut products);
            for (row, products) in rows.zip(products.chunks(seeds.len())) {
                for (seed, product) in seeds.iter().zip(products) {
                    self.far[row] = self.far[row].min(self.distance(row, *seed, *product));
                }
                self.sum += f64::from(self.far[row].min(f32::MAX));
            }
        }
    }

    /// A vector, drawn by its squared distance; None where all are seeds.
    fn draw(&self, draws: &mut Draws) -> Option<usize> {
        if self.sum <= 0.0 {
            return None;
        }
        let mut left = draws.share() * self.sum;
        for (at, far) in self.far.iter().enumerate() {
            left -= f64::from(far.min(f32::MAX));
            if left <= 0.0 && *far > 0.0 {
                return Some(at);
            }
        }
        self.far.iter().rposition(|far| *far > 0.0)
    }

    /// Whether a vector that was drawn without these seeds is drawn with them as well: by the share of its squared
    /// distance that is left.
    fn stays(&self, row: usize, seeds: &[usize], draws: &mut Draws) -> bool {
        let others: Vec<&[f32]> = seeds.iter().map(|seed| self.rows[*seed]).collect();
        let mut products = vec![0.0; seeds.len()];
        inner_products(&[self.rows[row]], &others, &mut products);
        let distances = seeds.iter().zip(products);
        let near = distances.fold(self.far[row], |near, (seed, product)| {
            near.min(self.distance(row, *seed, product))
        });
        let [near, far] = [near, self.far[row]].map(|far| f64::from(far.min(f32::MAX)));
        draws.share() * far < near
    }
}

/// Up to `count` of the vectors, each drawn by its squared distance from those drawn before. Fewer where there are not
/// so many different ones.
///
/// The distances from some seeds are computed together. Meanwhile a vector is drawn by its distance from those before
/// and kept with the share of it that is left, which gives the same chances as drawing by what is left (Cohen-Addad and
/// others, `NeurIPS` 2020).
pub fn seeds(vectors: Vectors<'_>, members: &[u32], count: usize, draws: &mut Draws) -> Vec<f32> {
    let mut from: Vec<u32> = members.to_vec();
    let enough = count.saturating_mul(SEEDED_FROM);
    if enough < from.len() {
        draws.shuffle_first(&mut from, enough);
        from.truncate(enough);
    }
    let rows = from.iter().map(|member| vectors.get(*member as usize));
    let mut seeding = Seeding::new(rows.collect());
    let mut chosen: Vec<f32> = Vec::with_capacity(count * vectors.dims);
    let (mut next, mut fresh) = (draws.below(from.len()), Vec::new());
    while let Some(seed) = seeding.rows.get(next) {
        chosen.extend_from_slice(seed);
        if chosen.len() >= count * vectors.dims {
            break;
        }
        fresh.push(next);
        if chosen.len() > vectors.dims && fresh.len() < FRESH_SEEDS {
            let found = seeding.draw(draws);
            if let Some(row) = found.filter(|row| seeding.stays(*row, &fresh, draws)) {
                next = row;
                continue;
            }
        }
        seeding.meet(&fresh);
        fresh.clear();
        let Some(row) = seeding.draw(draws) else {
            break;
        };
        next = row;
    }
    chosen
}

/// The sum of some vectors, and how many they are.
#[derive(Clone, Debug)]
pub(super) struct MeanOf {
    sum: Vec<f64>,
    size: u32,
}

impl MeanOf {
    /// Of none.
    pub(super) fn new(dims: usize) -> Self {
        Self {
            sum: vec![0.0; dims],
            size: 0,
        }
    }

    /// Takes one more.
    pub(super) fn add(&mut self, vector: &[f32]) {
        self.size += 1;
        for (sum, x) in self.sum.iter_mut().zip(vector) {
            *sum += f64::from(*x);
        }
    }

    /// Moves a centre to the mean and begins anew; a centre of none stays where it is.
    #[expect(clippy::cast_possible_truncation, reason = "means of float32")]
    pub(super) fn take(&mut self, centre: &mut [f32]) {
        if self.size > 0 {
            for (x, sum) in centre.iter_mut().zip(&self.sum) {
                *x = (sum / f64::from(self.size)) as f32;
            }
        }
        self.sum.fill(0.0);
        self.size = 0;
    }
}

/// Up to `count` centres of some of the vectors. `ended` is asked between iterations.
pub fn centres(
    vectors: Vectors<'_>,
    members: &[u32],
    count: usize,
    draws: &mut Draws,
    ended: &dyn Fn() -> bool,
) -> Vec<f32> {
    let mut centres = seeds(vectors, members, count, draws);
    let mut of = vec![u32::MAX; members.len()];
    let mut means = vec![MeanOf::new(vectors.dims); centres.len() / vectors.dims];
    let mut scores = Vec::new();
    for _ in 0..ITERATIONS {
        if ended() || centres.is_empty() {
            break;
        }
        let known = Centres::new(vectors.dims, centres);
        let mut moved = 0;
        let row = |at: usize| vectors.get(members[at] as usize);
        // A vector is added up where it is still in a near cache.
        let see = |at: usize, nearest: Nearest| {
            moved += usize::from(of[at] != nearest.centre);
            of[at] = nearest.centre;
            if let Some(mean) = means.get_mut(nearest.centre as usize) {
                mean.add(row(at));
            }
        };
        let rows = (0..members.len()).map(row);
        known.nearest_to_each(rows, &(0..known.len()), &mut scores, see);
        centres = known.into_elements();
        for (mean, centre) in means.iter_mut().zip(centres.chunks_mut(vectors.dims)) {
            mean.take(centre);
        }
        if moved * SETTLED < members.len() {
            break;
        }
    }
    centres
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_selected_as_were_wanted() {
        let mut draws = Draws(4);
        let mut often = [0; 10];
        for _ in 0..2_000 {
            let mut selection = Selection::new(3, often.len());
            let taken = often.iter_mut().filter(|_| selection.takes(&mut draws));
            assert_eq!(taken.map(|often| *often += 1).count(), 3);
            assert!(!selection.takes(&mut draws));
        }
        assert!(
            often.iter().all(|often| (500..700).contains(often)),
            "{often:?}"
        );
        let mut selection = Selection::new(5, 2);
        assert_eq!((0..4).filter(|_| selection.takes(&mut draws)).count(), 2);
    }

    #[test]
    fn a_part_of_a_shuffle_has_any_items_in_front() {
        let mut draws = Draws(4);
        let mut often = [0; 10];
        for _ in 0..2_000 {
            let mut items: Vec<usize> = (0..often.len()).collect();
            draws.shuffle_first(&mut items, 3);
            items[..3].iter().for_each(|item| often[*item] += 1);
            items.sort_unstable();
            assert!(items.into_iter().eq(0..often.len()));
        }
        assert!(
            often.iter().all(|often| (500..700).contains(often)),
            "{often:?}"
        );
    }
}
