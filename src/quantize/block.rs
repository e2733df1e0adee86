//! 32 codes interleaved, and the lookup table of a query.
//!
//! For each group of four coordinates a block has 16 bytes; byte `j` holds the four bits of lane `j`
//! in its low half and those of lane `j + 16` in its high half. A byte shuffle looks up 16 lanes at
//! once in the 16 sums that the signs of a group can have.

/// Codes of a block.
pub const LANES: usize = 32;

/// Coordinates of a group.
pub(super) const GROUP: usize = 4;

/// Bytes of a group of a block, and of its sums in the table.
pub(super) const GROUP_BYTES: usize = LANES / 2;

/// Bytes of a block of codes of `bits` bits.
#[must_use]
pub fn code_bytes(bits: usize) -> usize {
    bits / GROUP * GROUP_BYTES
}

/// Puts a code into a lane of a block, leaving the other lanes as they are.
pub fn write_lane(codes: &mut [u8], lane: usize, code: &[u8]) {
    let (at, shift) = (lane % GROUP_BYTES, lane / GROUP_BYTES * 4);
    let groups = codes.chunks_exact_mut(2 * GROUP_BYTES);
    for (groups, byte) in groups.zip(code) {
        for (half, nibble) in [byte & 0xF, byte >> 4].into_iter().enumerate() {
            if let Some(place) = groups.get_mut(half * GROUP_BYTES + at) {
                *place = *place & !(0xF << shift) | nibble << shift;
            }
        }
    }
}

/// Takes a code out of a lane of a block.
pub fn read_lane(codes: &[u8], lane: usize, code: &mut [u8]) {
    let (at, shift) = (lane % GROUP_BYTES, lane / GROUP_BYTES * 4);
    for (groups, byte) in codes.chunks_exact(2 * GROUP_BYTES).zip(code) {
        let nibble = |half: usize| {
            let place = groups.get(half * GROUP_BYTES + at).copied();
            place.unwrap_or_default() >> shift & 0xF
        };
        *byte = nibble(0) | nibble(1) << 4;
    }
}

/// A block as it lies in a page.
#[derive(Clone, Copy, Debug)]
pub struct Lanes<'a> {
    /// [`code_bytes`] bytes.
    pub codes: &'a [u8],
    /// 32 float32, native byte order.
    pub bases: &'a [u8; 4 * LANES],
    /// 32 bfloat16, native byte order.
    pub slopes: &'a [u8; 2 * LANES],
}

/// The sums of a query's coordinates under all signs, four coordinates at a time, in 8 bits.
///
/// `sum b_i v_i` is then `bias + scale * (sum of one entry a group)`.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// 16 entries a group; a whole number of 64-byte rows, entries of no group being zero.
    pub(super) entries: Vec<u8>,
    /// Bytes of a block of codes that this table is for.
    pub(super) code_bytes: usize,
    pub(super) bias: f32,
    pub(super) scale: f32,
}

impl Table {
    /// A table of no query.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes it the table of `offset = q - c` (rotated) for codes of `bits` bits, a multiple of 16.
    pub fn fill(&mut self, offset: &[f32], bits: usize) {
        self.code_bytes = code_bytes(bits);
        let mut coordinates = offset.get(..bits).unwrap_or(offset).to_vec();
        coordinates.resize(bits, 0.0);
        let (groups, _) = coordinates.as_chunks::<GROUP>();
        // A group's sums go from -size to size; the largest size takes all of the 8 bits.
        let size = |group: &[f32; GROUP]| group.iter().map(|v| v.abs()).sum::<f32>();
        let largest = groups.iter().map(size).fold(0.0, f32::max);
        self.scale = 2.0 * largest / 255.0;
        self.bias = -groups.iter().map(size).sum::<f32>();
        self.entries.clear();
        self.entries.resize(self.code_bytes.next_multiple_of(64), 0);
        if largest > 0.0 && largest.is_finite() {
            let (rows, _) = self.entries.as_chunks_mut::<GROUP_BYTES>();
            for (row, group) in rows.iter_mut().zip(groups) {
                fill_row(row, group, size(group), 1.0 / self.scale);
            }
        }
    }

    /// `bias + scale * sum`.
    #[must_use]
    pub fn value(&self, sum: u32) -> f32 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "255 a group, 4,000 groups: exact"
        )]
        let sum = sum as f32;
        self.bias + self.scale * sum
    }
}

/// Entry `s` is `sum (+-v_i) + size`, plus where bit `i` of `s` is set, in steps of the scale.
fn fill_row(row: &mut [u8; GROUP_BYTES], group: &[f32; GROUP], size: f32, steps: f32) {
    for (signs, entry) in row.iter_mut().enumerate() {
        let mut sum = size;
        for (i, v) in group.iter().enumerate() {
            sum += if signs >> i & 1 == 1 { *v } else { -*v };
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 255, and saturating"
        )]
        let rounded = (sum * steps + 0.5) as u8;
        *entry = rounded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_lane_is_read_as_written_and_others_stay(
            old in prop::collection::vec(any::<u8>(), 32..=32 * 12),
            lane in 0..LANES, other in 0..LANES, code in prop::collection::vec(any::<u8>(), 12)
        ) {
            let bytes = old.len() / 32;
            let mut codes = old[..bytes * 32].to_vec();
            let code = &code[..bytes];
            let (mut before, mut after, mut found) = (vec![0; bytes], vec![0; bytes], vec![0; bytes]);
            read_lane(&codes, other, &mut before);
            write_lane(&mut codes, lane, code);
            read_lane(&codes, lane, &mut found);
            read_lane(&codes, other, &mut after);
            prop_assert_eq!(&found[..], code);
            prop_assert_eq!(&after[..], if lane == other { code } else { &before[..] });
            prop_assert_eq!(code_bytes(bytes * 8), codes.len());
        }

        #[test]
        fn a_sum_of_entries_is_a_sum_of_signs(
            offset in prop::collection::vec(-3.0_f32..3.0, 1..200), signs: u128
        ) {
            let bits = offset.len().next_multiple_of(16);
            let mut table = Table::new();
            table.fill(&offset, bits);
            let sign = |i: usize| signs >> (i % 128) & 1 == 1;
            let (mut sum, mut exact) = (0, 0.0_f64);
            for (group, row) in table.entries.chunks(16).take(bits / 4).enumerate() {
                let at = (0..4).fold(0, |at, i| at | usize::from(sign(4 * group + i)) << i);
                sum += u32::from(row[at]);
            }
            for (i, v) in offset.iter().enumerate() {
                exact += f64::from(if sign(i) { *v } else { -*v });
            }
            // Each group is rounded by half a step at most.
            let halves = f64::from(u16::try_from(bits / 8).unwrap());
            let bound = f64::from(table.scale) * halves + 1e-3;
            prop_assert!((f64::from(table.value(sum)) - exact).abs() <= bound);
        }
    }
}
