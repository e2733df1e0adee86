//! The files of the sources, for tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Adds the Rust files below a folder.
pub fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    files_of(folder, "rs", found);
}

/// Adds the files below a folder whose names end so. What is hidden or built is passed by.
pub fn files_of(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                files_of(&path, ending, found);
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            found.push(path);
        }
    }
}
