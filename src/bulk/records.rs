//! Records: bytes by number, of one size or of any size, in memory that never moves.

use crate::index::{Error, Fallible};

use super::region::{Memory, Region};

/// Bytes of a chunk of memory, about, unless a record is longer.
const CHUNK_BYTES: usize = 1 << 23;

/// Records of one size.
pub struct Records {
    bytes: usize,
    /// A chunk holds two to the power of this.
    shift: u32,
    chunks: Vec<Region>,
    len: usize,
}

impl Records {
    /// Of so many bytes each.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let bytes = bytes.next_multiple_of(4);
        Self {
            bytes,
            shift: (CHUNK_BYTES / bytes.max(1)).max(1).ilog2(),
            chunks: Vec::new(),
            len: 0,
        }
    }

    /// Adds a record of zeros.
    ///
    /// # Errors
    /// Those of [`Memory::allocate`].
    pub fn push(&mut self, memory: &mut Memory) -> Result<&mut [u8], Error> {
        let (chunk, at) = self.chunk_of(self.len);
        if chunk == self.chunks.len() {
            self.chunks.push(memory.allocate(self.bytes << self.shift)?);
        }
        self.len += 1;
        let chunk = self.chunks.last_mut().map(Region::bytes_mut);
        Ok(chunk
            .and_then(|chunk| chunk.get_mut(at..at + self.bytes))
            .unwrap_or_default())
    }

    /// Removes the last record.
    pub fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    /// The chunk of a row, and its first byte there.
    #[inline]
    fn chunk_of(&self, row: usize) -> (usize, usize) {
        let in_chunk = row & ((1 << self.shift) - 1);
        (row >> self.shift, in_chunk * self.bytes)
    }

    /// The bytes of a record.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> &[u8] {
        let (chunk, at) = self.chunk_of(row);
        let chunk = self.chunks.get(chunk).map(Region::bytes);
        chunk
            .and_then(|chunk| chunk.get(at..at + self.bytes))
            .unwrap_or_default()
    }
}

/// Where a record of any size is.
struct LinePlace {
    chunk: u32,
    at: u32,
    bytes: u32,
}

/// Bytes of memory for each record of any size besides its own.
pub const PLACE_BYTES: usize = size_of::<LinePlace>();

/// Records of any size.
#[derive(Default)]
pub struct Lines {
    chunks: Vec<Region>,
    places: Vec<LinePlace>,
    /// Where the last chunk has room.
    free: usize,
}

impl Lines {
    /// Adds a record of zeros, of so many bytes.
    ///
    /// # Errors
    /// Those of [`Memory::allocate`].
    pub fn push(&mut self, bytes: usize, memory: &mut Memory) -> Result<&mut [u8], Error> {
        let room = self.chunks.last().map_or(0, |chunk| chunk.bytes().len());
        if self.free + bytes > room {
            self.chunks.push(memory.allocate(bytes.max(CHUNK_BYTES))?);
            self.free = 0;
        }
        let short = |n: usize| u32::try_from(n).map_err(|_| Error::Full);
        let at = self.free;
        self.places.try_push(LinePlace {
            chunk: short(self.chunks.len() - 1)?,
            at: short(at)?,
            bytes: short(bytes)?,
        })?;
        self.free = (at + bytes).next_multiple_of(8);
        let chunk = self.chunks.last_mut().map(Region::bytes_mut);
        Ok(chunk
            .and_then(|chunk| chunk.get_mut(at..at + bytes))
            .unwrap_or_default())
    }

    /// Removes the last record.
    pub fn pop(&mut self) {
        if let Some(place) = self.places.pop() {
            self.free = place.at as usize;
        }
    }

    #[inline]
    /// The bytes of a record.
    #[must_use]
    pub fn get(&self, row: usize) -> &[u8] {
        let Some(place) = self.places.get(row) else {
            return &[];
        };
        let at = place.at as usize;
        let chunk = self.chunks.get(place.chunk as usize).map(Region::bytes);
        chunk
            .and_then(|chunk| chunk.get(at..at + place.bytes as usize))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::region::Files;
    use super::*;

    #[test]
    fn records_of_any_size_stay_what_they_were() {
        let folder = std::env::temp_dir();
        let mut memory = Memory::new(1 << 30, Files { folder, limit: 0 });
        let mut lines = Lines::default();
        let size = |row: usize| [0, 5, 128_000, 9, 3 * CHUNK_BYTES / 2][row % 5];
        for row in 0..100_usize {
            lines.push(1_000, &mut memory).unwrap().fill(0xFF);
            lines.pop();
            let line = lines.push(size(row), &mut memory).unwrap();
            line.fill(u8::try_from(row).unwrap());
        }
        for row in 0..100_usize {
            let line = lines.get(row);
            assert_eq!(line.len(), size(row));
            assert!(line.iter().all(|byte| usize::from(*byte) == row), "{row}");
        }
        assert!(lines.get(100).is_empty());
        let sizes: usize = (0..100).map(size).sum();
        assert!(memory.used() >= sizes);
    }
}
