//! Blocks: 32 codes interleaved, and the lookup table of a query.
//!
//! For each group of four coordinates a block has 16 bytes; byte `j` holds the four bits of lane `j`
//! in its low half and those of lane `j + 16` in its high half. A byte shuffle looks up 16 lanes at
//! once in the 16 sums that the signs of a group can have.

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::sync::LazyLock;

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
pub struct LookupTable {
    /// 16 entries a group; a whole number of 64-byte rows, entries of no group being zero.
    pub(super) entries: Vec<u8>,
    /// Bytes of a block of codes that this table is for.
    pub(super) code_bytes: usize,
    pub(super) bias: f32,
    pub(super) scale: f32,
}

impl LookupTable {
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

    /// How much a sum of entries may be off, because each entry is rounded to a whole step: `errors` standard errors,
    /// or half a step for each group, if that is less. The rounding of an entry is uniform, so the variance of a sum
    /// of `G` entries is `G / 12` squared steps.
    #[must_use]
    pub fn rounding(&self, errors: f32) -> f32 {
        let groups = self.code_bytes / GROUP_BYTES;
        let groups = f32::from(u16::try_from(groups).unwrap_or(u16::MAX));
        self.scale * (groups / 2.0).min(errors * (groups / 12.0).sqrt())
    }

    /// Coordinates that codes have for this table.
    #[must_use]
    pub fn coded(&self) -> usize {
        GROUP * (self.code_bytes / GROUP_BYTES)
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

/// Fills the entries with the sums of `offset`, and gives bias and scale.
fn fill_rows(entries: &mut [u8], offset: &[f32]) -> [f32; 2] {
    let (groups, rest) = offset.as_chunks::<GROUP>();
    let mut last = [0.0; GROUP];
    last[..rest.len()].copy_from_slice(rest);
    // A group's sums go from -size to size; the largest size takes all of the 8 bits.
    let (mut largest, mut sums) = ([size(&last); 4], [0.0; 4]);
    let (fours, others) = groups.as_chunks::<4>();
    let mut add = |i: usize, size: f32| {
        largest[i] = if size > largest[i] { size } else { largest[i] };
        sums[i] += size;
    };
    for four in fours {
        for (i, group) in four.iter().enumerate() {
            add(i, size(group));
        }
    }
    for group in others {
        add(0, size(group));
    }
    let largest = largest.into_iter().fold(0.0, f32::max);
    let sum = size(&last) + ((sums[0] + sums[1]) + (sums[2] + sums[3]));
    let scale = 2.0 * largest / 255.0;
    if largest > 0.0 && largest.is_finite() {
        let (rows, _) = entries.as_chunks_mut::<GROUP_BYTES>();
        let (rows, rows_rest) = rows.split_at_mut(groups.len().min(rows.len()));
        FILL(rows, groups, 1.0 / scale);
        if let (Some(row), false) = (rows_rest.first_mut(), rest.is_empty()) {
            fill(std::slice::from_mut(row), &[last], 1.0 / scale);
        }
    }
    [-sum, scale]
}

/// The largest sum of a group.
fn size(v: &[f32; GROUP]) -> f32 {
    (v[0].abs() + v[1].abs()) + (v[2].abs() + v[3].abs())
}

/// Sign of coordinate `i` in each of the 16 sums of a group.
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

/// Entry `s` of a row is `sum (+-v_i) + size` in `steps`, with a plus where bit `i` of `s` is set.
type Fill = fn(&mut [[u8; GROUP_BYTES]], &[[f32; GROUP]], f32);

static FILL: LazyLock<Fill> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        return x86::fill;
    }
    fill
});

fn fill(rows: &mut [[u8; GROUP_BYTES]], groups: &[[f32; GROUP]], steps: f32) {
    // Added to a smaller number, its last bits are that number, rounded.
    const ROUNDING: f32 = 8_388_608.0;
    for (row, v) in rows.iter_mut().zip(groups) {
        for at in 0..GROUP_BYTES {
            let low = v[0] * SIGNS[0][at] + v[1] * SIGNS[1][at];
            let high = v[2] * SIGNS[2][at] + v[3] * SIGNS[3][at];
            let rounded = ((size(v) + (low + high)) * steps).min(255.0) + ROUNDING;
            row[at] = rounded.to_bits().to_le_bytes()[0];
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm_storeu_si128, _mm512_add_ps, _mm512_cvtps_epi32, _mm512_cvtusepi32_epi8,
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps,
    };

    use super::{GROUP, GROUP_BYTES, SIGNS, size};

    pub fn fill(rows: &mut [[u8; GROUP_BYTES]], groups: &[[f32; GROUP]], steps: f32) {
        // SAFETY: handed out where the CPU has the feature.
        unsafe { fill_with(rows, groups, steps) }
    }

    /// Products with a sign are exact, so that the fused sums are those of the plain loop.
    #[target_feature(enable = "avx512f")]
    fn fill_with(rows: &mut [[u8; GROUP_BYTES]], groups: &[[f32; GROUP]], steps: f32) {
        // SAFETY: 64 bytes; the loads need no alignment.
        let load = |i: usize| unsafe { _mm512_loadu_ps(SIGNS[i].as_ptr()) };
        let signs = [load(0), load(1), load(2), load(3)];
        let steps = _mm512_set1_ps(steps);
        for (row, v) in rows.iter_mut().zip(groups) {
            let all = |i: usize| _mm512_set1_ps(v[i]);
            let low = _mm512_fmadd_ps(all(1), signs[1], _mm512_mul_ps(all(0), signs[0]));
            let high = _mm512_fmadd_ps(all(3), signs[3], _mm512_mul_ps(all(2), signs[2]));
            let sum = _mm512_add_ps(_mm512_set1_ps(size(v)), _mm512_add_ps(low, high));
            let entries = _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(sum, steps)));
            // SAFETY: 16 bytes; the store needs no alignment.
            unsafe { _mm_storeu_si128(row.as_mut_ptr().cast(), entries) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_are_filled_alike_by_all() {
        let groups: Vec<[f32; GROUP]> = (0_u8..50)
            .map(|i| {
                let (x, y) = (f32::from(i) * 0.37, f32::from(i * 3 % 7));
                [x, x - y, -x, x * y - 9.0]
            })
            .collect();
        let (mut rows, mut plain) = (vec![[0; GROUP_BYTES]; 50], vec![[0; GROUP_BYTES]; 50]);
        FILL(&mut rows, &groups, 1.7);
        fill(&mut plain, &groups, 1.7);
        assert_eq!(rows, plain);
    }

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
            let mut table = LookupTable::new();
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
