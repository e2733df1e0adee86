//! Scan of a block: the kernels that score all its codes in one pass.
//!
//! All of them add the same integers and then do the same float32 operations in the same order, so
//! that they agree to the last bit, whichever CPU has written or reads an index.

#![allow(
    unsafe_code,
    reason = "vector instructions of a CPU feature that was tested for"
)]

use std::sync::LazyLock;

use super::block::{GROUP_BYTES, LANES, Lanes, LookupTable};
use super::code::from_bf16;

/// Writes `base + constant + slope * sum` for each lane, where `sum` is the table's.
pub type Estimate = fn(&LookupTable, Lanes<'_>, f32, &mut [f32; LANES]);

/// Which of 32 distances are smaller than a bound: bit `i` for lane `i`. Not-a-number is not.
pub type Nearer = fn(&[f32; LANES], f32) -> u32;

/// The kernels for this CPU.
struct ScanKernels {
    estimate: Estimate,
    nearer: Nearer,
}

static CHOSEN: LazyLock<ScanKernels> = LazyLock::new(choose);

/// Estimates the distances to the 32 lanes of a block. Infinite bases stay infinite. Codes that
/// the table is not for count as far as both go.
#[inline]
pub fn estimate(table: &LookupTable, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
    (CHOSEN.estimate)(table, lanes, constant, out);
}

/// Which of 32 distances are smaller than a bound: bit `i` for lane `i`. Not-a-number is not.
#[inline]
#[must_use]
pub fn nearer(distances: &[f32; LANES], bound: f32) -> u32 {
    (CHOSEN.nearer)(distances, bound)
}

fn choose() -> ScanKernels {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512() {
            return ScanKernels {
                estimate: x86::avx512,
                nearer: x86::nearer512,
            };
        }
        if is_x86_feature_detected!("avx2") {
            return ScanKernels {
                estimate: x86::avx2,
                nearer: x86::nearer256,
            };
        }
    }
    ScanKernels {
        estimate: portable,
        nearer: portable_nearer,
    }
}

fn portable_nearer(distances: &[f32; LANES], bound: f32) -> u32 {
    let bits = distances.iter().enumerate();
    bits.fold(0, |bits, (lane, distance)| {
        bits | u32::from(*distance < bound) << lane
    })
}

/// The loop as one would write it on paper: the oracle.
fn portable(table: &LookupTable, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
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
    table: &LookupTable,
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
        __m128i, __m256i, __m512, __m512i, _CMP_LT_OQ, _mm256_add_epi16, _mm256_add_epi32,
        _mm256_and_si256, _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepu16_epi32,
        _mm256_extracti128_si256, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_movemask_ps,
        _mm256_set1_epi8, _mm256_set1_ps, _mm256_setzero_si256, _mm256_shuffle_epi8,
        _mm256_slli_epi16, _mm256_srli_epi16, _mm256_storeu_si256, _mm256_sub_epi16,
        _mm512_add_epi16, _mm512_add_ps, _mm512_and_si512, _mm512_castsi512_ps,
        _mm512_castsi512_si256, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_cvtepu16_epi32,
        _mm512_cvtepu32_epi64, _mm512_extracti64x4_epi64, _mm512_loadu_ps, _mm512_loadu_si512,
        _mm512_mul_ps, _mm512_or_si512, _mm512_set1_epi8, _mm512_set1_ps, _mm512_setzero_si512,
        _mm512_shuffle_epi8, _mm512_slli_epi16, _mm512_slli_epi32, _mm512_slli_epi64,
        _mm512_srli_epi16, _mm512_storeu_ps, _mm512_sub_epi16,
    };

    use super::{LANES, Lanes, LookupTable, finish};

    /// Steps before a 16-bit sum may overflow: each adds at most 255.
    const SUM_STEPS: usize = 256;

    pub fn has_avx512() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
    }

    pub fn avx512(table: &LookupTable, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
        // SAFETY: handed out where the CPU has the features.
        unsafe { avx512_with(table, lanes, constant, out) }
    }

    pub fn avx2(table: &LookupTable, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
        // SAFETY: handed out where the CPU has the features.
        unsafe { avx2_with(table, lanes, constant, out) }
    }

    pub fn nearer512(distances: &[f32; LANES], bound: f32) -> u32 {
        // SAFETY: handed out where the CPU has the features.
        unsafe { nearer512_with(distances, bound) }
    }

    pub fn nearer256(distances: &[f32; LANES], bound: f32) -> u32 {
        // SAFETY: handed out where the CPU has the features.
        unsafe { nearer256_with(distances, bound) }
    }

    #[target_feature(enable = "avx512f")]
    fn nearer512_with(distances: &[f32; LANES], bound: f32) -> u32 {
        let bound = _mm512_set1_ps(bound);
        let half = |half: usize| {
            // SAFETY: 64 of 128 bytes; the load needs no alignment.
            let distances = unsafe { _mm512_loadu_ps(distances.as_ptr().add(16 * half)) };
            u32::from(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(distances, bound))
        };
        half(1) << 16 | half(0)
    }

    #[target_feature(enable = "avx2")]
    fn nearer256_with(distances: &[f32; LANES], bound: f32) -> u32 {
        let bound = _mm256_set1_ps(bound);
        let quarter = |quarter: usize| {
            // SAFETY: 32 of 128 bytes; the load needs no alignment.
            let distances = unsafe { _mm256_loadu_ps(distances.as_ptr().add(8 * quarter)) };
            let nearer = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(distances, bound));
            nearer.cast_unsigned() << (8 * quarter)
        };
        quarter(3) | quarter(2) | quarter(1) | quarter(0)
    }

    /// The sums of a table's entries for lanes 0 to 15 and 16 to 31.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn avx512_with(table: &LookupTable, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
        let (codes, rest) = lanes.codes.as_chunks::<64>();
        let (rows, _) = table.entries.as_chunks::<64>();
        let shared = rows.len().min(codes.len());
        let (mut low, mut high) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        let parts = rows[..shared]
            .chunks(SUM_STEPS)
            .zip(codes.chunks(SUM_STEPS));
        for (rows, codes) in parts {
            let [l, h] = sum_avx512(rows, codes);
            (low, high) = (add32(low, l), add32(high, h));
        }
        if let (false, Some(row)) = (rest.is_empty(), rows.get(codes.len())) {
            // Bits that are no multiple of 16 times 16; zero entries pad the table.
            let mut last = [0_u8; 64];
            last[..rest.len()].copy_from_slice(rest);
            let [l, h] = sum_avx512(&[*row], &[last]);
            (low, high) = (add32(low, l), add32(high, h));
        }
        let (bias, scale) = (_mm512_set1_ps(table.bias), _mm512_set1_ps(table.scale));
        let constant = _mm512_set1_ps(constant);
        for (half, sums) in [low, high].into_iter().enumerate() {
            // SAFETY: 64 of 128 bytes, and 32 of 64; the loads need no alignment.
            let (bases, slopes): (__m512, __m256i) = unsafe {
                (
                    _mm512_loadu_ps(lanes.bases.as_ptr().add(64 * half).cast()),
                    _mm256_loadu_si256(lanes.slopes.as_ptr().add(32 * half).cast()),
                )
            };
            let slopes = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(slopes));
            let value = _mm512_add_ps(bias, _mm512_mul_ps(scale, _mm512_cvtepi32_ps(sums)));
            let along = _mm512_mul_ps(_mm512_castsi512_ps(slopes), value);
            let distances = _mm512_add_ps(_mm512_add_ps(bases, constant), along);
            // SAFETY: 64 of 128 bytes; the store needs no alignment.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr().add(16 * half), distances) };
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn add32(a: __m512i, b: __m512i) -> __m512i {
        std::arch::x86_64::_mm512_add_epi32(a, b)
    }

    /// Sums of at most [`SUM_STEPS`] rows of four groups, as 32-bit numbers, for lanes 0 to 15 and 16 to
    /// 31. Bytes are summed as 16-bit numbers that hold two of them: the odd ones are summed again
    /// by themselves, and then taken off.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn sum_avx512(rows: &[[u8; 64]], codes: &[[u8; 64]]) -> [__m512i; 2] {
        let nibble = _mm512_set1_epi8(0xF);
        let zero = _mm512_setzero_si512();
        let ([mut low, mut low_odd], [mut high, mut high_odd]) = ([zero; 2], [zero; 2]);
        for (row, codes) in rows.iter().zip(codes) {
            // SAFETY: both are 64 bytes; the loads need no alignment.
            let (row, codes): (__m512i, __m512i) = unsafe {
                (
                    _mm512_loadu_si512(row.as_ptr().cast()),
                    _mm512_loadu_si512(codes.as_ptr().cast()),
                )
            };
            let l = _mm512_shuffle_epi8(row, _mm512_and_si512(codes, nibble));
            let h = _mm512_and_si512(_mm512_srli_epi16::<4>(codes), nibble);
            let h = _mm512_shuffle_epi8(row, h);
            low = _mm512_add_epi16(low, l);
            low_odd = _mm512_add_epi16(low_odd, _mm512_srli_epi16::<8>(l));
            high = _mm512_add_epi16(high, h);
            high_odd = _mm512_add_epi16(high_odd, _mm512_srli_epi16::<8>(h));
        }
        [join512(low, low_odd), join512(high, high_odd)]
    }

    /// Adds four rows of eight sums: those of the even lanes, mixed with those of the odd ones, and
    /// those of the odd ones. Gives 16 sums in the order of their lanes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn join512(mixed: __m512i, odd: __m512i) -> __m512i {
        let even = _mm512_sub_epi16(mixed, _mm512_slli_epi16::<8>(odd));
        let (even, odd) = (fold512(even), fold512(odd));
        let odd = _mm512_slli_epi64::<32>(_mm512_cvtepu32_epi64(odd));
        _mm512_or_si512(_mm512_cvtepu32_epi64(even), odd)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn fold512(rows: __m512i) -> __m256i {
        let (low, high) = (
            _mm512_castsi512_si256(rows),
            _mm512_extracti64x4_epi64::<1>(rows),
        );
        _mm256_add_epi32(fold256(low), fold256(high))
    }

    /// Adds two rows of eight 16-bit sums as 32-bit sums.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn fold256(rows: __m256i) -> __m256i {
        let (low, high): (__m128i, __m128i) = (
            _mm256_castsi256_si128(rows),
            _mm256_extracti128_si256::<1>(rows),
        );
        _mm256_add_epi32(_mm256_cvtepu16_epi32(low), _mm256_cvtepu16_epi32(high))
    }

    #[target_feature(enable = "avx2")]
    fn avx2_with(table: &LookupTable, lanes: Lanes<'_>, constant: f32, out: &mut [f32; LANES]) {
        let mut sums = [0_u32; LANES];
        let (rows, codes) = (
            table.entries.as_chunks::<32>().0,
            lanes.codes.as_chunks::<32>().0,
        );
        let shared = rows.len().min(codes.len());
        let parts = rows[..shared]
            .chunks(SUM_STEPS)
            .zip(codes.chunks(SUM_STEPS));
        for (rows, codes) in parts {
            for (part, values) in sum_avx2(rows, codes).iter().enumerate() {
                let (half, odd) = (part / 2, part % 2);
                for (i, value) in values.iter().enumerate() {
                    sums[half * 16 + i * 2 + odd] += value;
                }
            }
        }
        finish(table, lanes, constant, &sums, out);
    }

    /// As [`sum_avx512`], half as wide: low even, low odd, high even, high odd lanes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sum_avx2(rows: &[[u8; 32]], codes: &[[u8; 32]]) -> [[u32; 8]; 4] {
        let nibble = _mm256_set1_epi8(0xF);
        let zero = _mm256_setzero_si256();
        let ([mut low, mut low_odd], [mut high, mut high_odd]) = ([zero; 2], [zero; 2]);
        for (row, codes) in rows.iter().zip(codes) {
            // SAFETY: both are 32 bytes; the loads need no alignment.
            let (row, codes): (__m256i, __m256i) = unsafe {
                (
                    _mm256_loadu_si256(row.as_ptr().cast()),
                    _mm256_loadu_si256(codes.as_ptr().cast()),
                )
            };
            let l = _mm256_shuffle_epi8(row, _mm256_and_si256(codes, nibble));
            let h = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), nibble);
            let h = _mm256_shuffle_epi8(row, h);
            low = _mm256_add_epi16(low, l);
            low_odd = _mm256_add_epi16(low_odd, _mm256_srli_epi16::<8>(l));
            high = _mm256_add_epi16(high, h);
            high_odd = _mm256_add_epi16(high_odd, _mm256_srli_epi16::<8>(h));
        }
        let even = |mixed, odd| _mm256_sub_epi16(mixed, _mm256_slli_epi16::<8>(odd));
        let parts = [even(low, low_odd), low_odd, even(high, high_odd), high_odd];
        let mut sums = [[0_u32; 8]; 4];
        for (sums, part) in sums.iter_mut().zip(parts) {
            // SAFETY: 32 bytes; the store needs no alignment.
            unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), fold256(part)) };
        }
        sums
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
        let mut table = LookupTable::new();
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
        fn what_is_nearer_is_known_by_its_bit(mut distances: [f32; LANES], bound: f32, nan in 0..LANES) {
            distances[nan] = f32::NAN;
            distances[(nan + 1) % LANES] = bound;
            let expected = portable_nearer(&distances, bound);
            prop_assert_eq!(nearer(&distances, bound), expected);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                prop_assert_eq!(x86::nearer256(&distances, bound), expected);
            }
        }

        #[test]
        fn kernels_agree_to_the_bit(dims in 1_usize..500, seed: u32) {
            check(dims, seed.into(), false);
        }
    }

    #[test]
    fn too_short_codes_are_read_to_their_end() {
        let mut table = LookupTable::new();
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
