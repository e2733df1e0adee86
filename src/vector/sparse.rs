//! A sparse vector: few elements that are not zero, of many.

/// The most dimensions a sparse vector may have.
pub const MAX_SPARSE_DIMS: u32 = 1_000_000_000;

/// The most elements a sparse vector may have.
pub const MAX_ELEMENTS: usize = 16_000;

/// A sparse vector where it lies. Whoever makes one answers for its rules: as many values as
/// indices, indices ascending and below `dims`, values finite and not zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sparse<'a> {
    /// Dimensions, most of them zero.
    pub dims: u32,
    /// Where the elements are, from 0.
    pub indices: &'a [u32],
    /// The elements.
    pub values: &'a [f32],
}

impl<'a> Sparse<'a> {
    /// Index and value of each element.
    pub fn iter(self) -> impl Iterator<Item = (u32, f32)> + 'a {
        let values = self.values.iter().copied();
        self.indices.iter().copied().zip(values)
    }
}
