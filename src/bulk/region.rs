//! Memory of a build: without a file up to the budget, and a mapped file past it.

#![allow(unsafe_code, reason = "mapped files and atomics in them")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;

use memmap2::MmapMut;

use crate::index::Error;

/// Gives out memory as long as the budget lasts, then mapped files without a name, which are gone
/// when they are closed, whatever happens.
#[derive(Debug)]
pub struct Memory {
    budget: usize,
    used: usize,
    spilled: usize,
    files: Files,
}

/// Files of a build.
#[derive(Clone, Debug)]
pub struct Files {
    /// Where they go.
    pub folder: PathBuf,
    /// Bytes that all of them may have.
    pub limit: usize,
}

impl Memory {
    /// `budget` bytes of memory; files past it.
    #[must_use]
    pub fn new(budget: usize, files: Files) -> Self {
        Self {
            budget,
            used: 0,
            spilled: 0,
            files,
        }
    }

    /// Bytes given out in memory.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Bytes given out in files.
    #[must_use]
    pub fn spilled(&self) -> usize {
        self.spilled
    }

    /// Bytes of memory that may be in use.
    #[must_use]
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Accounts for memory that is held elsewhere.
    pub fn account(&mut self, bytes: usize) {
        self.used += bytes;
    }

    /// Zeros, at the start of a page.
    ///
    /// # Errors
    /// [`Error::Memory`] where there is none, and where the file cannot be made as large, or may not be.
    pub fn allocate(&mut self, bytes: usize) -> Result<Region, Error> {
        let len = bytes.max(1);
        if self.used + bytes <= self.budget {
            self.used += bytes;
            let map = zeros(len).map_err(|_| Error::Memory)?;
            return Ok(Region(map));
        }
        let limit = self.files.limit;
        if bytes > limit.saturating_sub(self.spilled) {
            return Err(Error::SpillLimit { limit });
        }
        let file = tempfile::tempfile_in(&self.files.folder)?;
        reserve(&file, len)?;
        // SAFETY: nobody else can open a file that has no name.
        let map = unsafe { MmapMut::map_mut(&file) }.map_err(unmapped)?;
        self.spilled += bytes;
        Ok(Region(map))
    }
}

/// Memory without a file, at least a byte.
///
/// # Errors
/// Where there is none.
pub fn zeros(bytes: usize) -> io::Result<MmapMut> {
    let map = MmapMut::map_anon(bytes.max(1))?;
    // Rows are read in no order, each a few lines: huge pages save the address translation.
    // Where there are none, nothing is lost.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(map)
}

/// The error of a file that is there and not mapped.
fn unmapped(error: io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::ENOMEM) => Error::Memory,
        _ => error.into(),
    }
}

/// Makes a file as large as `len`, with room on the disk for all of it: a map of a file that finds the
/// disk full kills the process.
fn reserve(file: &File, len: usize) -> io::Result<()> {
    let len = libc::off_t::try_from(len).map_err(io::Error::other)?;
    loop {
        // SAFETY: the descriptor is open as long as the file is.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, len) } {
            0 => return Ok(()),
            libc::EINTR => {}
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// A piece of memory.
#[derive(Debug)]
pub struct Region(MmapMut);

impl Region {
    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// All bytes, to write.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The same bytes as numbers that threads may share.
    pub fn atomics(&mut self) -> &[AtomicU32] {
        let len = self.0.len() / 4;
        // SAFETY: aligned to pages, borrowed from here on only as atomics.
        unsafe { std::slice::from_raw_parts(self.0.as_mut_ptr().cast(), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::atomic::Ordering;

    fn files(folder: &Path, limit: usize) -> Files {
        let folder = folder.into();
        Files { folder, limit }
    }

    #[test]
    fn past_the_budget_it_is_a_file_that_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Memory::new(1_000, files(folder.path(), 700));
        for (bytes, mapped) in [(600, false), (600, true), (400, false), (8, true)] {
            let spilled = memory.spilled();
            let mut region = memory.allocate(bytes).unwrap();
            assert_eq!(memory.spilled() > spilled, mapped);
            assert!(region.bytes().len() >= bytes);
            assert!(region.bytes().iter().all(|byte| *byte == 0));
            region.bytes_mut()[bytes - 1] = 7;
            region.atomics()[0].store(5, Ordering::Relaxed);
            assert_eq!(region.bytes()[bytes - 1], 7);
            assert_eq!(region.bytes()[..4], 5_u32.to_ne_bytes());
        }
        assert_eq!((memory.used(), memory.spilled()), (1_000, 608));
        assert!(memory.allocate(92).is_ok());
        let refused = memory.allocate(1).err();
        assert!(matches!(refused, Some(Error::SpillLimit { limit: 700 })));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let mut memory = Memory::new(0, files("/nowhere/at/all".as_ref(), 100));
        assert!(matches!(memory.allocate(10).err(), Some(Error::Spill(_))));
    }
}
