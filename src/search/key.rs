//! Key: a distance and a number in one sortable word.

/// The largest number of a candidate.
pub const MAX_NUMBER: u32 = u32::MAX - 1;

/// Distance (32 bits), then number (32 bits). Keys sort by distance, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64);

/// A float as an integer that sorts as [`f32::total_cmp`] does.
#[must_use]
#[inline]
pub fn ordered(distance: f32) -> u32 {
    // Flips the bits of negative numbers, and the sign of the others.
    let bits = distance.to_bits();
    bits ^ ((bits >> 31).wrapping_neg() | 1 << 31)
}

/// The float that [`ordered`] gives this integer.
#[must_use]
#[inline]
pub fn unordered(bits: u32) -> f32 {
    let mask = (bits >> 31 ^ 1).wrapping_neg() | 1 << 31;
    f32::from_bits(bits ^ mask)
}

impl Key {
    /// Sorts before all others.
    pub const MIN: Self = Self(0);
    /// Sorts after all others.
    pub const MAX: Self = Self(u64::MAX);

    /// A candidate.
    #[must_use]
    pub fn new(distance: f32, number: u32) -> Self {
        Self::from_ordered(ordered(distance), number)
    }

    pub(super) fn from_ordered(ordered: u32, number: u32) -> Self {
        Self(u64::from(ordered) << 32 | u64::from(number))
    }

    /// The key that sorts just after this one.
    #[must_use]
    pub fn successor(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The distance.
    #[must_use]
    pub fn distance(self) -> f32 {
        unordered((self.0 >> 32) as u32)
    }

    /// The number.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub fn number(self) -> u32 {
        self.0 as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_sort_as_their_distances(a: f32, b: f32, i: u32, j: u32) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            let (x, y) = (Key::new(a, i), Key::new(b, j));
            prop_assert_eq!(x.distance().to_bits(), a.to_bits());
            prop_assert_eq!(x.number(), i);
            prop_assert_eq!(x.cmp(&y), a.total_cmp(&b).then(i.cmp(&j)));
        }
    }
}
