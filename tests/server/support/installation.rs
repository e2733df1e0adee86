//! PostgreSQL with vector_ext in it, made without touching the system's own files.
//!
//! A server looks for its share and library folders relative to its own program. So a private
//! installation is a folder tree of the same shape: server programs copied, everything else linked,
//! vector_ext added.

use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::{env, fs};

use nix::sys::statvfs::statvfs;
use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use super::cluster::succeed;
use super::{Result, project};

/// Programs that find the share folder, or each other, by where they are themselves.
const COPIED: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// A private installation; it goes when this value does.
pub struct Installation {
    root: TempDir,
    bin: PathBuf,
    package_lib: PathBuf,
    /// Control files and scripts.
    extensions: PathBuf,
    version: String,
    user: Option<User>,
    /// A data folder as initdb makes it, once it was asked for.
    template: Mutex<Option<TempDir>>,
}

/// The installation of the tests that run now.
static SHARED: Mutex<Weak<Installation>> = Mutex::new(Weak::new());

/// Where tests keep their data folders, which they write much to and throw away: in memory where there is room for
/// it, unless the environment names a folder.
fn scratch() -> PathBuf {
    const ROOM: u64 = 6 << 30;
    let memory = Path::new("/dev/shm");
    let free = statvfs(memory).map_or(0, |stat| stat.blocks_available() * stat.fragment_size());
    if env::var_os("TMPDIR").is_none() && free > ROOM {
        memory.into()
    } else {
        env::temp_dir()
    }
}

impl Installation {
    /// The installation that the environment names. Tests that run at the same time share it, and change nothing in it.
    pub fn shared() -> Result<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(installation) = shared.upgrade() {
            return Ok(installation);
        }
        let installation = Arc::new(Self::from_env()?);
        *shared = Arc::downgrade(&installation);
        Ok(installation)
    }

    /// A new folder for a cluster, whose data folder is as initdb makes it. That takes a second, so it is done once and
    /// copied.
    pub fn cluster(&self, prefix: &str) -> Result<TempDir> {
        let mut template = self.template.lock().unwrap_or_else(PoisonError::into_inner);
        if template.is_none() {
            let made = self.folder_in(&scratch(), "vector_ext-template-")?;
            self.init(&made.path().join("data"))?;
            *template = Some(made);
        }
        let made = template.as_ref().ok_or("no template")?.path();
        let folder = self.folder_in(&scratch(), prefix)?;
        let mut copy = Command::new("cp");
        succeed(copy.arg("-a").arg(made.join("data")).arg(folder.path()))?;
        Ok(folder)
    }

    /// Makes a data folder.
    pub fn init(&self, data: &Path) -> Result<()> {
        let mut initdb = self.command("initdb");
        initdb.args(["-A", "trust", "-U", "postgres", "-E", "UTF8"]);
        succeed(initdb.args(["--locale=C", "-N", "-D"]).arg(data))?;
        Ok(())
    }

    /// The installation that the environment names: `PG_CONFIG` and `VECTOR_EXT_LIBRARY`, as the
    /// Makefile sets them.
    pub fn from_env() -> Result<Self> {
        let pg_config = env::var_os("PG_CONFIG").ok_or("PG_CONFIG is not set; run through make")?;
        let library = env::var_os("VECTOR_EXT_LIBRARY")
            .ok_or("VECTOR_EXT_LIBRARY is not set; run through make")?;
        Self::new(Path::new(&pg_config), Path::new(&library))
    }

    /// The PostgreSQL that `pg_config` belongs to, with the compiled `library`.
    pub fn new(pg_config: &Path, library: &Path) -> Result<Self> {
        let ask = |option: &str| -> Result<String> {
            let output = Command::new(pg_config).arg(option).output()?;
            Ok(String::from_utf8(output.stdout)?.trim().to_owned())
        };
        let root = tempfile::Builder::new()
            .prefix("vector_ext-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()?;
        let place = |folder: &str| root.path().join(folder.trim_start_matches('/'));

        let (bin, share) = (ask("--bindir")?, ask("--sharedir")?);
        let (package_lib, lib) = (ask("--pkglibdir")?, ask("--libdir")?);
        link_all(Path::new(&bin), &place(&bin), &COPIED)?;
        link_all(Path::new(&share), &place(&share), &[])?;
        link_all(Path::new(&package_lib), &place(&package_lib), &[])?;
        let base = Path::new(&bin).parent().ok_or("no folder above --bindir")?;
        if Path::new(&lib).starts_with(base) {
            // A relocatable build: its shared libraries lie beside its programs. Linked last, for
            // the package folder may lie among them and must stay a folder of ours.
            link_all(Path::new(&lib), &place(&lib), &[])?;
            link_siblings(base, &root.path().join(base.strip_prefix("/")?))?;
        }

        let extensions = place(&share).join("extension");
        fs::remove_file(&extensions)?;
        link_all(&Path::new(&share).join("extension"), &extensions, &[])?;
        replace(
            &project("vector_ext.control"),
            &extensions.join("vector_ext.control"),
        )?;
        let script = format!("vector_ext--{}.sql", env!("CARGO_PKG_VERSION"));
        replace(&project("sql/vector_ext.sql"), &extensions.join(script))?;
        for update in fs::read_dir(project("sql"))? {
            let update = update?;
            if update.file_name() != "vector_ext.sql" {
                replace(&update.path(), &extensions.join(update.file_name()))?;
            }
        }
        replace(library, &place(&package_lib).join("vector_ext.so"))?;
        // By its symbols, backtraces in the server's log say more.
        let symbols = library.with_extension("so.debug");
        if symbols.exists() {
            symlink(
                fs::canonicalize(symbols)?,
                place(&package_lib).join("vector_ext.so.debug"),
            )?;
        }

        let user = if geteuid().is_root() {
            Some(unprivileged()?)
        } else {
            None
        };
        Ok(Self {
            bin: place(&bin),
            package_lib: place(&package_lib),
            extensions,
            version: ask("--version")?,
            root,
            user,
            template: Mutex::new(None),
        })
    }

    /// Adds a script of an extension, under its own name.
    pub fn add_script(&self, script: &Path) -> Result<()> {
        let name = script.file_name().ok_or("a script has a name")?;
        replace(script, &self.extensions.join(name))
    }

    /// This installation with the name `vector` for vector_ext, in the place of genuine pgvector.
    pub fn with_shim(self) -> Result<Self> {
        for folder in [&self.extensions, &self.package_lib] {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with("vector--") || name.starts_with("vector.") {
                    fs::remove_file(path)?;
                }
            }
        }
        succeed(&mut self.shim("install"))?;
        Ok(self)
    }

    /// `scripts/shim` for this installation, with `install` or `uninstall`.
    pub fn shim(&self, action: &str) -> Command {
        let mut command = Command::new(project("scripts/shim"));
        command
            .arg(action)
            .args([&self.extensions, &self.package_lib]);
        command
    }

    /// Names of the control files and scripts whose names begin so.
    pub fn extension_files(&self, prefix: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.extensions)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with(prefix) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// `PostgreSQL 15.20 (...)`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        let digits = self.version.chars().skip_while(|c| !c.is_ascii_digit());
        digits
            .take_while(char::is_ascii_digit)
            .collect::<String>()
            .parse()
            .unwrap_or(0)
    }

    /// Where the programs are.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The folder of all files.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The regression test driver.
    pub fn pg_regress(&self) -> PathBuf {
        self.package_lib.join("pgxs/src/test/regress/pg_regress")
    }

    /// A command that runs as the unprivileged user (a server refuses to run as root), outside of
    /// folders that user may not enter, without a caller's PG settings, and where Rust programs are asked
    /// for backtraces, which no client may see.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(self.bin.join(program.as_ref()));
        command
            .current_dir(self.root.path())
            .env("RUST_BACKTRACE", "full");
        for (name, _) in env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    /// A new folder that the server's user owns.
    pub fn folder(&self, prefix: &str) -> Result<TempDir> {
        self.folder_in(&env::temp_dir(), prefix)
    }

    fn folder_in(&self, place: &Path, prefix: &str) -> Result<TempDir> {
        let dir = tempfile::Builder::new()
            .prefix(prefix)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(place)?;
        if let Some(user) = &self.user {
            chown(dir.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        Ok(dir)
    }

    /// Leaves the files where they are when this value goes.
    pub fn keep(&mut self) {
        self.root.disable_cleanup(true);
    }
}

/// Who runs the server when we are root.
fn unprivileged() -> Result<User> {
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(user);
        }
    }
    Err("neither a user postgres nor a user nobody exists".into())
}

/// Makes the folder `to` with a link to each entry of `from`, and copies of the entries `copied`.
fn link_all(from: &Path, to: &Path, copied: &[&str]) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if copied.iter().any(|name| entry.file_name() == *name) {
            fs::copy(entry.path(), target)?;
        } else if !target.exists() {
            symlink(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Links the `*.libs` folders that a packed build keeps beside the folder of its installation.
fn link_siblings(base: &Path, staged: &Path) -> Result<()> {
    let (Some(from), Some(to)) = (
        base.parent().and_then(Path::parent),
        staged.parent().and_then(Path::parent),
    ) else {
        return Ok(());
    };
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().extension() == Some(OsStr::new("libs")) && !target.exists() {
            symlink(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Copies a file in the place of a link.
fn replace(from: &Path, to: &Path) -> Result<()> {
    if to.is_symlink() {
        fs::remove_file(to)?;
    }
    fs::copy(from, to).map_err(|e| format!("{}: {e}", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
