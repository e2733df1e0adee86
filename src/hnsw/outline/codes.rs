//! Codes of an outline, one after the other.
//!
//! ```text
//! 0 base f32 | 4 slope f32 | 8 error f32 | 12 levels (quantize::levels)
//! ```

use crate::hnsw::spaces::centred::{CentredCode, CentredQuery};
use std::io;

use memmap2::MmapMut;

use crate::bulk::zeros;
use crate::distance::prefetch;
use crate::page::{field, set_field};

const CODE_HEADER_BYTES: usize = 12;

/// Codes, each at its number.
pub(super) struct Codes {
    /// Bytes of each.
    stride: usize,
    bytes: MmapMut,
    count: u32,
}

impl Codes {
    /// None yet, of so many bytes of levels each.
    ///
    /// # Errors
    /// Where there is no memory for so many.
    pub fn new(levels: usize, capacity: usize) -> io::Result<Self> {
        let stride = Self::bytes_each(levels);
        Ok(Self {
            stride,
            bytes: zeros(capacity.saturating_mul(stride))?,
            count: 0,
        })
    }

    /// Bytes that one takes.
    pub fn bytes_each(levels: usize) -> usize {
        CODE_HEADER_BYTES + levels
    }

    /// Bytes of all that there is room for.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds one, whose levels `encode` writes, and gives its number; None where there is no room.
    pub fn push(&mut self, encode: impl FnOnce(&mut [u8]) -> CentredCode) -> Option<u32> {
        let number = self.count;
        let start = number as usize * self.stride;
        let code = self.bytes.get_mut(start..start + self.stride)?;
        let (header, levels) = code.split_at_mut_checked(CODE_HEADER_BYTES)?;
        let alone = encode(levels);
        let numbers = [alone.base, alone.slope, alone.error];
        for (i, number) in numbers.into_iter().enumerate() {
            set_field(header, 4 * i, number.to_ne_bytes());
        }
        self.count += 1;
        Some(number)
    }

    fn get(&self, number: u32) -> &[u8] {
        let start = number as usize * self.stride;
        let code = self.bytes.get(start..start + self.stride);
        code.unwrap_or_default()
    }

    /// How far a point is, less so many standard errors.
    #[inline]
    pub fn bound(&self, number: u32, query: &CentredQuery, errors: f32) -> f32 {
        let code = self.get(number);
        let [base, slope, error] = [0, 4, 8].map(|at| f32::from_ne_bytes(field(code, at)));
        let sum = query
            .levels
            .sum(code.get(CODE_HEADER_BYTES..).unwrap_or_default());
        let bound = query.constant + base + slope * sum - errors * query.length * error;
        let bound = bound * query.unscaled;
        if bound.is_nan() {
            f32::NEG_INFINITY
        } else {
            bound
        }
    }

    /// Brings a code closer.
    #[inline]
    pub fn prefetch(&self, number: u32) {
        prefetch(self.get(number));
    }
}
