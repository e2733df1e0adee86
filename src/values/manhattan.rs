//! L1 (Manhattan) distance of dense vectors. It has no codes: a sign says little of a sum of absolute differences,
//! and no rotation keeps L1.

use crate::distance::Kernels;
use crate::distance::simd::kernels;
use crate::index::Error;
use crate::quantize::{Form, StoredKernels, as_floats};
use crate::values::extremes::saturated;
use crate::values::{Measure, Sketch, Sketches, Values};

/// The kind of this space on the meta page.
pub const KIND: u8 = 3;

/// Dense vectors of one size by the sum of absolute differences.
#[derive(Clone, Copy, Debug)]
pub struct Manhattan {
    form: Form,
    dims: usize,
    stored: &'static StoredKernels,
    plain: &'static Kernels,
}

impl Manhattan {
    /// Vectors of `dims` dimensions, at most 16,000, stored as `form`.
    #[must_use]
    pub fn new(dims: usize, form: Form) -> Self {
        Self {
            form,
            dims,
            stored: form.kernels(),
            plain: kernels(),
        }
    }
}

impl Values for Manhattan {
    type Value<'v> = &'v [f32];
    type Point = Vec<f32>;

    /// None where the vector has another size.
    fn verify(&self, value: &[f32]) -> Result<(), Error> {
        Error::unless_equal(self.dims, value.len())
    }

    fn point(&self, value: &[f32]) -> Option<Vec<f32>> {
        Some(value.to_vec())
    }

    fn stored_bytes(&self, _point: &Vec<f32>) -> usize {
        self.own_bytes()
    }

    fn store(&self, point: &Vec<f32>, own: &mut [u8]) -> f32 {
        self.form.encode(point, own)
    }

    fn load(&self, own: &[u8], scale: f32) -> Vec<f32> {
        let mut point = vec![0.0; self.dims];
        self.form.decode(own, scale, &mut point);
        point
    }

    fn distance(&self, point: &Vec<f32>, own: &[u8], scale: f32) -> f32 {
        saturated((self.stored.l1)(point, own, scale))
    }

    fn unit(&self, point: &Vec<f32>) -> f32 {
        point.iter().map(|x| x.abs()).sum()
    }

    /// At most a rounding error for each dimension; of many, those of either sign cancel out.
    fn doubt(&self, point: &Vec<f32>, distance: f32, scale: f32) -> f32 {
        let dims = f32::from(u16::try_from(self.dims).unwrap_or(u16::MAX));
        let rounded = dims.min(6.0 * dims.sqrt()) * self.form.rounding(scale);
        rounded + 1e-6 * self.unit(point).max(distance)
    }
}

impl Sketches for Manhattan {
    /// Float32, as it is stored or beside it.
    fn sketch_bytes(&self) -> Option<usize> {
        match self.form {
            Form::F32 => None,
            Form::F16 | Form::Int8 | Form::Whole => Some(4 * self.dims),
        }
    }

    fn sketch(&self, point: &Vec<f32>, sketch: &mut [u8]) -> [f32; 2] {
        Form::F32.encode(point, sketch);
        [0.0; 2]
    }

    fn sketch_distance(&self, a: Sketch<'_>, b: Sketch<'_>) -> f32 {
        saturated((self.plain.l1)(as_floats(a.bytes), as_floats(b.bytes)))
    }
}

impl Measure for Manhattan {
    fn tag(&self) -> [u8; 3] {
        [KIND, 0, self.form as u8]
    }

    fn dims(&self) -> u32 {
        u32::try_from(self.dims).unwrap_or(u32::MAX)
    }

    fn own_bytes(&self) -> usize {
        self.form.bytes(self.dims)
    }

    fn open([kind, metric, form]: [u8; 3], dims: u32, own: usize) -> Option<Self> {
        let opened = Self::new(usize::try_from(dims).ok()?, Form::from_byte(form)?);
        let known = kind == KIND && metric == 0 && opened.own_bytes() == own;
        known.then_some(opened)
    }
}
