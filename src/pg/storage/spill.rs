//! Spill files of a build: where they go, and how large they may be.

use std::ffi::CStr;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use pgrx::pg_sys;

use crate::bulk::Files;

/// Files as the session may have temporary ones: in its folder for them, up to `temp_file_limit`. Other
/// temporary files that it has meanwhile are not counted, for Postgres tells nobody of their size.
///
/// # Errors
/// Where the folder cannot be made.
pub fn files() -> io::Result<Files> {
    // SAFETY: a setting, read by the backend's thread.
    let kilobytes = unsafe { pg_sys::temp_file_limit };
    Ok(Files {
        folder: folder()?,
        // -1 is no limit.
        limit: usize::try_from(kilobytes).map_or(usize::MAX, |kilobytes| kilobytes * 1024),
    })
}

/// The folder for temporary files of this session: that of a tablespace in `temp_tablespaces`, or of
/// the database's own. It is made if it is not there, as `PathNameCreateTemporaryDir` would.
///
/// # Errors
/// Where it cannot be made.
fn folder() -> io::Result<PathBuf> {
    let mut path = [0; pg_sys::MAXPGPATH as usize];
    // SAFETY: the buffer is as large as every such path, and the server writes a C string into it.
    let path = unsafe {
        pg_sys::PrepareTempTablespaces();
        let mut tablespace = pg_sys::GetNextTempTableSpace();
        if tablespace == pg_sys::InvalidOid {
            tablespace = pg_sys::MyDatabaseTableSpace;
        }
        pg_sys::TempTablespacePath(path.as_mut_ptr(), tablespace);
        CStr::from_ptr(path.as_ptr())
    };
    let folder = PathBuf::from(path.to_string_lossy().into_owned());
    let made = std::fs::DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(&folder);
    made.map(|()| folder)
}
