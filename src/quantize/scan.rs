//! The kernels that score a block in one pass.
//!
//! All of them add the same integers and then do the same float32 operations in the same order, so
//! that they agree to the last bit, whichever CPU has written or reads an index.

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::sync::LazyLock;

use super::block::{GROUP_BYTES, LANES, Lanes, Table};
use super::code::from_bf16;

/// Writes `base + constant + slope * sum` for each lane, where `sum` is the table's.
pub type Estimate = fn(&Table, Lanes<'_>, f32, &mut [f32; LANES]);

static CHOSEN: LazyLock<Estimate> = LazyLock::new(choose);

/// Estimates the distances to the 32 lanes of a block. Infinite bases stay infinite. Codes that
/// the table is not for count as far as both go.
#[inline]
pub fn estimate(table: &Table, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
    (*CHOSEN)(table, lanes, constant, out);
}

fn choose() -> Estimate {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512() {
            return x86::avx512;
        }
        if is_x86_feature_detected!("avx2") {
            return x86::avx2;
        }
    }
    portable
}

/// The loop as one would write it on paper: the oracle.
fn portable(table: &Table, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
    let mut sums = [0_u32; LANES];
    let rows = table.entries.chunks_exact(GROUP_BYTES);
    for (row, codes) in rows.zip(lanes.codes.chunks_exact(GROUP_BYTES)) {
        for (lane, code) in codes.iter().enumerate() {
            sums[lane] += u32::from(row[usize::from(code & 0xF)]);
            sums[lane + GROUP_BYTES] += u32::from(row[usize::from(code >> 4)]);
        }
    }
    finish(table, lanes, constant, &sums, out);
}

/// From sums to distances.
#[expect(
    clippy::inline_always,
    reason = "it is compiled with its caller's CPU features"
)]
#[inline(always)]
fn finish(
    table: &Table,
    lanes: Lanes<'_>,
    constant: f32,
    sums: &[u32; LANES],
    out: &mut [f32; LANES],
) {
    let (bases, slopes) = (
        lanes.bases.as_chunks::<4>().0,
        lanes.slopes.as_chunks::<2>().0,
    );
    for lane in 0..LANES {
        let base = f32::from_ne_bytes(bases[lane]);
        let slope = from_bf16(u16::from_ne_bytes(slopes[lane]));
        out[lane] = (base + constant) + slope * table.value(sums[lane]);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_add_epi16, _mm256_and_si256, _mm256_loadu_si256, _mm256_set1_epi8,
        _mm256_set1_epi16, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
        _mm256_storeu_si256, _mm512_add_epi16, _mm512_and_si512, _mm512_loadu_si512,
        _mm512_set1_epi8, _mm512_set1_epi16, _mm512_setzero_si512, _mm512_shuffle_epi8,
        _mm512_srli_epi16, _mm512_storeu_si512,
    };

    use super::{LANES, Lanes, Table, finish};

    /// Steps of four groups before a 16-bit sum may overflow: each adds at most 255.
    const STEPS: usize = 256;

    pub fn has_avx512() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
    }

    pub fn avx512(table: &Table, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
        // SAFETY: handed out where the CPU has the features.
        unsafe { avx512_with(table, lanes, constant, out) }
    }

    pub fn avx2(table: &Table, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
        // SAFETY: handed out where the CPU has the features.
        unsafe { avx2_with(table, lanes, constant, out) }
    }

    /// Adds the even and odd bytes that `parts` has summed for the low and high halves to the lanes.
    /// `W` is the number of 16-byte rows that were summed side by side.
    fn gather<const N: usize>(parts: &[[u16; N]; 4], sums: &mut [u32; LANES]) {
        for (part, values) in parts.iter().enumerate() {
            let (half, odd) = (part / 2, part % 2);
            for (i, value) in values.iter().enumerate() {
                sums[half * 16 + i % 8 * 2 + odd] += u32::from(*value);
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    fn avx512_with(table: &Table, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
        let mut sums = [0_u32; LANES];
        let (rows, _) = table.entries.as_chunks::<64>();
        let (codes, rest) = lanes.codes.as_chunks::<64>();
        // The last groups of a code whose bits are no multiple of 16 times 16; zero entries pad it.
        let mut last = [0_u8; 64];
        last[..rest.len()].copy_from_slice(rest);
        let last = if rest.is_empty() { None } else { Some(&last) };
        let mut pairs = rows.iter().zip(codes.iter().chain(last)).peekable();
        while pairs.peek().is_some() {
            let parts = sum_avx512(pairs.by_ref().take(STEPS));
            gather(&parts, &mut sums);
        }
        finish(table, lanes, constant, &sums, out);
    }

    /// 16-bit sums: low halves even, low halves odd, high halves even, high halves odd bytes.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn sum_avx512<'a>(pairs: impl Iterator<Item = (&'a [u8; 64], &'a [u8; 64])>) -> [[u16; 32]; 4] {
        let (nibble, byte) = (_mm512_set1_epi8(0xF), _mm512_set1_epi16(0xFF));
        let mut all = [_mm512_setzero_si512(); 4];
        for (row, codes) in pairs {
            // SAFETY: both are 64 bytes; the loads need no alignment.
            let (row, codes): (__m512i, __m512i) = unsafe {
                (
                    _mm512_loadu_si512(row.as_ptr().cast()),
                    _mm512_loadu_si512(codes.as_ptr().cast()),
                )
            };
            let low = _mm512_shuffle_epi8(row, _mm512_and_si512(codes, nibble));
            let high = _mm512_and_si512(_mm512_srli_epi16::<4>(codes), nibble);
            let high = _mm512_shuffle_epi8(row, high);
            all[0] = _mm512_add_epi16(all[0], _mm512_and_si512(low, byte));
            all[1] = _mm512_add_epi16(all[1], _mm512_srli_epi16::<8>(low));
            all[2] = _mm512_add_epi16(all[2], _mm512_and_si512(high, byte));
            all[3] = _mm512_add_epi16(all[3], _mm512_srli_epi16::<8>(high));
        }
        let mut parts = [[0_u16; 32]; 4];
        for (part, sum) in parts.iter_mut().zip(all) {
            // SAFETY: 64 bytes; the store needs no alignment.
            unsafe { _mm512_storeu_si512(part.as_mut_ptr().cast(), sum) };
        }
        parts
    }

    #[target_feature(enable = "avx2")]
    fn avx2_with(table: &Table, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
        let mut sums = [0_u32; LANES];
        let (rows, codes) = (
            table.entries.as_chunks::<32>().0,
            lanes.codes.as_chunks::<32>().0,
        );
        let mut pairs = rows.iter().zip(codes).peekable();
        while pairs.peek().is_some() {
            let parts = sum_avx2(pairs.by_ref().take(STEPS));
            gather(&parts, &mut sums);
        }
        finish(table, lanes, constant, &sums, out);
    }

    /// As [`sum_avx512`], half as wide.
    #[target_feature(enable = "avx2")]
    fn sum_avx2<'a>(pairs: impl Iterator<Item = (&'a [u8; 32], &'a [u8; 32])>) -> [[u16; 16]; 4] {
        let (nibble, byte) = (_mm256_set1_epi8(0xF), _mm256_set1_epi16(0xFF));
        let mut all = [_mm256_setzero_si256(); 4];
        for (row, codes) in pairs {
            // SAFETY: both are 32 bytes; the loads need no alignment.
            let (row, codes): (__m256i, __m256i) = unsafe {
                (
                    _mm256_loadu_si256(row.as_ptr().cast()),
                    _mm256_loadu_si256(codes.as_ptr().cast()),
                )
            };
            let low = _mm256_shuffle_epi8(row, _mm256_and_si256(codes, nibble));
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), nibble);
            let high = _mm256_shuffle_epi8(row, high);
            all[0] = _mm256_add_epi16(all[0], _mm256_and_si256(low, byte));
            all[1] = _mm256_add_epi16(all[1], _mm256_srli_epi16::<8>(low));
            all[2] = _mm256_add_epi16(all[2], _mm256_and_si256(high, byte));
            all[3] = _mm256_add_epi16(all[3], _mm256_srli_epi16::<8>(high));
        }
        let mut parts = [[0_u16; 16]; 4];
        for (part, sum) in parts.iter_mut().zip(all) {
            // SAFETY: 32 bytes; the store needs no alignment.
            unsafe { _mm256_storeu_si256(part.as_mut_ptr().cast(), sum) };
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::super::{code_bytes, to_bf16};
    use super::*;
    use proptest::prelude::*;

    fn all() -> Vec<(&'static str, Estimate)> {
        let mut all: Vec<(&'static str, Estimate)> = vec![("chosen", estimate)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                all.push(("avx2", x86::avx2));
            }
            if x86::has_avx512() {
                all.push(("avx512", x86::avx512));
            }
        }
        all
    }

    /// Bytes that repeat only after long, from a seed.
    fn bytes(seed: u64, len: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    fn check(dims: usize, seed: u64, extreme: bool) {
        let bits = dims.next_multiple_of(16);
        let codes = if extreme {
            vec![0xFF; code_bytes(bits)]
        } else {
            bytes(seed, code_bytes(bits))
        };
        let query: Vec<f32> = if extreme {
            vec![1.0; dims]
        } else {
            bytes(seed + 1, dims)
                .iter()
                .map(|b| f32::from(*b) - 127.0)
                .collect()
        };
        let (mut bases, mut slopes) = ([0; 128], [0; 64]);
        for lane in 0..LANES {
            let number = f32::from(u8::try_from(lane).unwrap());
            let base = if lane == 5 {
                f32::INFINITY
            } else {
                number * 0.25
            };
            bases[4 * lane..][..4].copy_from_slice(&base.to_ne_bytes());
            let slope = to_bf16(-0.01 * number).to_ne_bytes();
            slopes[2 * lane..][..2].copy_from_slice(&slope);
        }
        let lanes = Lanes {
            codes: &codes,
            bases: &bases,
            slopes: &slopes,
        };
        let mut table = Table::new();
        table.fill(&query, bits);
        let mut expected = [0.0; LANES];
        portable(&table, lanes, 0.5, &mut expected);
        assert!(expected[5].is_infinite());
        for (name, kernel) in all() {
            let mut found = [f32::NAN; LANES];
            kernel(&table, lanes, 0.5, &mut found);
            let same = found.map(f32::to_bits) == expected.map(f32::to_bits);
            assert!(same, "{name} {dims}: {found:?} {expected:?}");
        }
    }

    #[test]
    fn kernels_agree_to_the_bit_on_every_size() {
        for dims in (1..=200).chain([384, 768, 1_024, 1_536, 3_072, 16_000]) {
            check(dims, dims as u64, false);
            check(dims, dims as u64, true);
        }
    }

    proptest! {
        #[test]
        fn kernels_agree_to_the_bit(dims in 1_usize..500, seed: u32) {
            check(dims, seed.into(), false);
        }
    }

    #[test]
    fn too_short_codes_are_read_to_their_end() {
        let mut table = Table::new();
        table.fill(&[1.0; 64], 64);
        for (_, kernel) in all() {
            let lanes = Lanes {
                codes: &[0xFF; 40],
                bases: &[0; 128],
                slopes: &[0; 64],
            };
            let mut out = [f32::NAN; LANES];
            kernel(&table, lanes, 1.5, &mut out);
            assert!(out.iter().all(|d| (d - 1.5).abs() <= 0.0));
        }
    }
}
