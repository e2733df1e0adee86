//! Two-dimensional arrays in NumPy's `.npy` format, version 1: float16 and int32, little-endian,
//! row after row. (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>)

use std::fs;
use std::path::Path;

use half::f16;

use super::Result;

/// An array of `rows` x `width`.
pub struct Matrix<T> {
    /// Elements of a row.
    pub width: usize,
    elements: Vec<T>,
}

impl<T> Matrix<T> {
    /// The rows, first to last.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[T]> {
        self.elements.chunks_exact(self.width)
    }
}

/// Reads float16, widened.
pub fn read_floats(path: &Path) -> Result<Matrix<f32>> {
    read(path, "<f2", |bytes: [u8; 2]| {
        f16::from_le_bytes(bytes).to_f32()
    })
}

/// Reads int32.
pub fn read_integers(path: &Path) -> Result<Matrix<i32>> {
    read(path, "<i4", i32::from_le_bytes)
}

fn read<T, const N: usize>(
    path: &Path,
    kind: &str,
    element: impl Fn([u8; N]) -> T,
) -> Result<Matrix<T>> {
    let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let wrong = || format!("{}: not a plain {kind} array", path.display());
    let header_len = bytes
        .get(8..10)
        .map(|b| usize::from(b[0]) | usize::from(b[1]) << 8);
    let start = 10 + header_len.ok_or_else(wrong)?;
    let header = std::str::from_utf8(bytes.get(10..start).ok_or_else(wrong)?)?;
    if !bytes.starts_with(b"\x93NUMPY\x01") || !header.contains(&format!("'{kind}'")) {
        return Err(wrong().into());
    }
    let shape = header
        .split_once("'shape': (")
        .and_then(|(_, rest)| rest.split_once(')'));
    let width = shape
        .and_then(|(shape, _)| shape.split(',').nth(1))
        .ok_or_else(wrong)?;
    let width = width.trim().parse()?;
    let elements = bytes[start..]
        .as_chunks::<N>()
        .0
        .iter()
        .map(|b| element(*b))
        .collect();
    Ok(Matrix { width, elements })
}
