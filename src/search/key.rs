//! A distance and a number in one sortable word.

/// The largest number that a [`Key`] holds.
pub const MAX_NUMBER: u32 = u32::MAX >> 1;

/// Distance (32 bits), number (31 bits), and whether the number was visited (1 bit).
///
/// Keys sort by distance, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64);

impl Key {
    /// A candidate that was not visited yet. `number` is at most [`MAX_NUMBER`].
    #[must_use]
    pub fn new(distance: f32, number: u32) -> Self {
        // Flips the bits of negative numbers, and the sign of the others: floats then sort as integers.
        let bits = distance.to_bits();
        let mask = u32::from(bits >> 31 == 1).wrapping_neg() | 1 << 31;
        Self(u64::from(bits ^ mask) << 32 | u64::from(number & MAX_NUMBER) << 1)
    }

    /// The distance.
    #[must_use]
    pub fn distance(self) -> f32 {
        let bits = (self.0 >> 32) as u32;
        let mask = u32::from(bits >> 31 == 0).wrapping_neg() | 1 << 31;
        f32::from_bits(bits ^ mask)
    }

    /// The number.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub fn number(self) -> u32 {
        self.0 as u32 >> 1
    }

    pub(super) fn visited(self) -> bool {
        self.0 & 1 == 1
    }

    pub(super) fn visit(&mut self) {
        self.0 |= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_sort_as_their_distances(a: f32, b: f32, i in 0..=MAX_NUMBER, j in 0..=MAX_NUMBER) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            let (x, y) = (Key::new(a, i), Key::new(b, j));
            prop_assert_eq!(x.distance().to_bits(), a.to_bits());
            prop_assert_eq!(x.number(), i);
            prop_assert_eq!(x.cmp(&y), a.total_cmp(&b).then(i.cmp(&j)));
        }
    }

    #[test]
    fn a_visit_changes_neither_distance_nor_number() {
        let mut key = Key::new(-0.5, 7);
        key.visit();
        assert!(key.visited());
        assert_eq!(
            (key.distance().to_bits(), key.number()),
            ((-0.5_f32).to_bits(), 7)
        );
    }
}
