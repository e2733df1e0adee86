//! Bits by Hamming and Jaccard distance.

use crate::distance::bits::{hamming, jaccard};
use crate::index::Error;
use crate::values::extremes::saturated;
use crate::values::{Measure, Sketch, Sketches, Values};
use crate::vector::MAX_BITS;

/// The kind of this space on the meta page.
pub const KIND: u8 = 1;

/// How near two rows of bits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BitMetric {
    /// Bits that differ.
    Hamming = 0,
    /// One less the share of bits set in both among those set in either.
    Jaccard = 1,
}

/// Bits of one length, eight a byte. What pads the last byte is zero.
#[derive(Clone, Copy, Debug)]
pub struct Bits {
    metric: BitMetric,
    dims: usize,
    kernel: fn(&[u8], &[u8]) -> f64,
}

impl Bits {
    /// Values of `bits` bits, at most 64,000.
    #[must_use]
    pub fn new(metric: BitMetric, bits: usize) -> Self {
        Self {
            metric,
            dims: bits,
            kernel: match metric {
                BitMetric::Hamming => hamming,
                BitMetric::Jaccard => jaccard,
            },
        }
    }
}

impl Bits {
    /// How far two stored values are.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 64,000, or a share"
    )]
    fn between(&self, a: &[u8], b: &[u8]) -> f32 {
        (self.kernel)(a, b) as f32
    }
}

impl Bits {
    /// Writes a bit for each element: set where it is more than a half. The first is the highest of the first byte.
    pub fn pack(elements: &[f32], bits: &mut [u8]) {
        for (byte, elements) in bits.iter_mut().zip(elements.chunks(8)) {
            let set = elements.iter().enumerate();
            *byte = set.fold(0, |byte, (at, x)| byte | u8::from(*x > 0.5) << (7 - at));
        }
    }

    /// Gives each element its bit, as zero or one.
    pub fn unpack(bits: &[u8], elements: &mut [f32]) {
        for (byte, elements) in bits.iter().zip(elements.chunks_mut(8)) {
            for (at, x) in elements.iter_mut().enumerate() {
                *x = f32::from(byte >> (7 - at) & 1);
            }
        }
    }
}

impl Values for Bits {
    type Value<'v> = &'v [u8];
    type Point = Vec<u8>;

    /// None where the value has another size.
    fn verify(&self, value: &[u8]) -> Result<(), Error> {
        Error::unless_equal(self.own_bytes() * 8, value.len() * 8)
    }

    fn point(&self, value: &[u8]) -> Option<Vec<u8>> {
        Some(value.to_vec())
    }

    fn stored_bytes(&self, _point: &Vec<u8>) -> usize {
        self.own_bytes()
    }

    fn store(&self, point: &Vec<u8>, own: &mut [u8]) -> f32 {
        if point.len() == own.len() {
            own.copy_from_slice(point);
        }
        1.0
    }

    fn load(&self, own: &[u8], _scale: f32) -> Vec<u8> {
        own.to_vec()
    }

    fn distance(&self, point: &Vec<u8>, own: &[u8], _scale: f32) -> f32 {
        saturated(self.between(point, own))
    }

    /// Nothing is rounded but what links carry, by less than a hundredth.
    fn unit(&self, _point: &Vec<u8>) -> f32 {
        0.0
    }
}

impl Sketches for Bits {
    fn sketch_distance(&self, a: Sketch<'_>, b: Sketch<'_>) -> f32 {
        saturated(self.between(a.bytes, b.bytes))
    }
}

impl Measure for Bits {
    fn tag(&self) -> [u8; 3] {
        [KIND, self.metric as u8, 0]
    }

    fn dims(&self) -> u32 {
        u32::try_from(self.dims).unwrap_or(u32::MAX)
    }

    fn own_bytes(&self) -> usize {
        self.dims.div_ceil(8)
    }

    fn open([kind, metric, form]: [u8; 3], dims: u32, own: usize) -> Option<Self> {
        let metrics = [BitMetric::Hamming, BitMetric::Jaccard];
        let metric = metrics.into_iter().find(|m| *m as u8 == metric)?;
        let opened = Self::new(metric, usize::try_from(dims).ok()?);
        let possible = (1..=MAX_BITS).contains(&opened.dims) && opened.own_bytes() == own;
        (kind == KIND && form == 0 && possible).then_some(opened)
    }
}
