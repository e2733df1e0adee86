//! Vectors for the benchmarks of kernels.

/// A vector of length `dims` with elements between -0.5 and 0.5, as embeddings have them.
pub fn sample(dims: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..dims)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 16).unwrap_or(0)) / 65_536.0 - 0.5
        })
        .collect()
}
