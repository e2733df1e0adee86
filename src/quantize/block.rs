//! 32 codes interleaved, and the lookup table of a query.
//!
//! For each group of four coordinates a block has 16 bytes; byte `j` holds the four bits of lane `j`
//! in its low half and those of lane `j + 16` in its high half. A byte shuffle looks up 16 lanes at
//! once in the 16 sums that the signs of a group can have.

#![allow(
    unsafe_code,
    reason = "calling a function compiled for a CPU feature that was tested for"
)]

use crate::distance::wide::widened;

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
        self.entries.clear();
        self.entries.resize(self.code_bytes.next_multiple_of(64), 0);
        [self.bias, self.scale] =
            fill_rows(&mut self.entries, offset.get(..bits).unwrap_or(offset));
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

widened!(
    /// Fills the entries and gives bias and scale.
    fn fill_rows(entries: &mut [u8], offset: &[f32]) -> [f32; 2] = fill_rows_plainly
);

#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn fill_rows_plainly(entries: &mut [u8], offset: &[f32]) -> [f32; 2] {
    let (groups, rest) = offset.as_chunks::<GROUP>();
    let mut last = [0.0; GROUP];
    last[..rest.len()].copy_from_slice(rest);
    // A group's sums go from -size to size; the largest size takes all of the 8 bits.
    let size = |v: &[f32; GROUP]| (v[0].abs() + v[1].abs()) + (v[2].abs() + v[3].abs());
    let (mut largest, mut sum) = (size(&last), size(&last));
    for group in groups {
        largest = largest.max(size(group));
        sum += size(group);
    }
    let scale = 2.0 * largest / 255.0;
    if largest > 0.0 && largest.is_finite() {
        let (rows, _) = entries.as_chunks_mut::<GROUP_BYTES>();
        let (rows, rows_rest) = rows.split_at_mut(groups.len().min(rows.len()));
        for (row, group) in rows.iter_mut().zip(groups) {
            fill_row(row, group, size(group), 1.0 / scale);
        }
        if let (Some(row), false) = (rows_rest.first_mut(), rest.is_empty()) {
            fill_row(row, &last, size(&last), 1.0 / scale);
        }
    }
    [-sum, scale]
}

/// Sign of coordinate `I` in each of the 16 sums.
const fn signs(i: usize) -> [f32; GROUP_BYTES] {
    let mut signs = [-1.0; GROUP_BYTES];
    let mut at = 0;
    while at < GROUP_BYTES {
        if at >> i & 1 == 1 {
            signs[at] = 1.0;
        }
        at += 1;
    }
    signs
}

const SIGNS: [[f32; GROUP_BYTES]; GROUP] = [signs(0), signs(1), signs(2), signs(3)];

/// Entry `s` is `sum (+-v_i) + size`, plus where bit `i` of `s` is set, in steps of the scale.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn fill_row(row: &mut [u8; GROUP_BYTES], v: &[f32; GROUP], size: f32, steps: f32) {
    // Added to a smaller number, its last bits are that number, rounded.
    const ROUNDING: f32 = 8_388_608.0;
    for at in 0..GROUP_BYTES {
        let low = v[0] * SIGNS[0][at] + v[1] * SIGNS[1][at];
        let high = v[2] * SIGNS[2][at] + v[3] * SIGNS[3][at];
        let rounded = ((size + (low + high)) * steps).min(255.0) + ROUNDING;
        row[at] = rounded.to_bits().to_le_bytes()[0];
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
