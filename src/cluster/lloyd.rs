//! Lloyd's iterations from k-means++ seeds (Arthur and Vassilvitskii, SODA 2007), on one thread.

use crate::distance::simd::kernels;
use crate::quantize::mixed;

use super::{Centres, Nearest, Vectors};

/// Iterations at most. What comes later moves centres by little.
const ITERATIONS: usize = 10;

/// It ends where less than this share of the vectors has changed its centre.
const SETTLED: usize = 100;

/// Vectors that seeds are drawn from, for each seed: more of them do not make better seeds.
const SEEDED_FROM: usize = 32;

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

/// Up to `count` of the vectors, each drawn by its squared distance from those drawn before. Fewer where there are not
/// so many different ones.
pub fn seeds(vectors: Vectors<'_>, members: &[u32], count: usize, draws: &mut Draws) -> Vec<f32> {
    let mut from: Vec<u32> = members.to_vec();
    let enough = count.saturating_mul(SEEDED_FROM);
    if enough < from.len() {
        draws.shuffle_first(&mut from, enough);
        from.truncate(enough);
    }
    let l2 = kernels().l2_squared;
    let row = |member: u32| vectors.get(member as usize);
    let mut chosen: Vec<f32> = Vec::with_capacity(count * vectors.dims);
    let mut far = vec![f32::INFINITY; from.len()];
    let mut next = draws.below(from.len());
    while let Some(seed) = from.get(next).map(|member| row(*member)) {
        chosen.extend_from_slice(seed);
        if chosen.len() >= count * vectors.dims {
            break;
        }
        let mut sum = 0.0;
        for (far, member) in far.iter_mut().zip(&from) {
            let distance = l2(seed, row(*member));
            // A distance that overflows counts as far, one that is no number as none.
            if distance < *far || distance.is_nan() {
                *far = if distance.is_nan() { 0.0 } else { distance };
            }
            sum += f64::from(far.min(f32::MAX));
        }
        if sum <= 0.0 {
            break;
        }
        let mut left = draws.share() * sum;
        next = far.len() - 1;
        for (at, far) in far.iter().enumerate() {
            left -= f64::from(far.min(f32::MAX));
            if left <= 0.0 && *far > 0.0 {
                next = at;
                break;
            }
        }
        if far[next] <= 0.0 {
            break;
        }
    }
    chosen
}

/// Moves each centre to the mean of its members; one without members stays where it is. `of` has the centre of each of
/// `members`. Gives the number of members of each centre.
#[expect(clippy::cast_possible_truncation, reason = "means of float32")]
pub fn move_centres(
    vectors: Vectors<'_>,
    members: &[u32],
    of: &[u32],
    centres: &mut [f32],
) -> Vec<u32> {
    let dims = vectors.dims;
    let count = centres.len() / dims;
    let (mut sums, mut sizes) = (vec![0.0_f64; centres.len()], vec![0_u32; count]);
    for (member, centre) in members.iter().zip(of) {
        let at = *centre as usize;
        let (Some(size), Some(sum)) = (sizes.get_mut(at), sums.get_mut(at * dims..(at + 1) * dims))
        else {
            continue;
        };
        *size += 1;
        for (sum, x) in sum.iter_mut().zip(vectors.get(*member as usize)) {
            *sum += f64::from(*x);
        }
    }
    for (at, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
        let (centre, sum) = (
            &mut centres[at * dims..(at + 1) * dims],
            &sums[at * dims..(at + 1) * dims],
        );
        for (x, sum) in centre.iter_mut().zip(sum) {
            *x = (sum / f64::from(*size)) as f32;
        }
    }
    sizes
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
    let rows = members.iter().map(|member| vectors.get(*member as usize));
    let (rows, mut scores): (Vec<&[f32]>, _) = (rows.collect(), Vec::new());
    for _ in 0..ITERATIONS {
        if ended() || centres.is_empty() {
            break;
        }
        let known = Centres::new(vectors.dims, centres);
        let mut moved = 0;
        let see = |at: usize, nearest: Nearest| {
            moved += usize::from(of[at] != nearest.centre);
            of[at] = nearest.centre;
        };
        known.nearest_to_each(&rows, &(0..known.len()), &mut scores, see);
        centres = known.vectors().elements.to_vec();
        move_centres(vectors, members, &of, &mut centres);
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
