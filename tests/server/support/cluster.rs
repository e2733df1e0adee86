//! A private cluster: a data folder, a socket in a folder of its own, no TCP port.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, str};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use postgres::{Client, Config, NoTls};
use tempfile::TempDir;

use super::Result;
use super::installation::Installation;

const PATIENCE: Duration = Duration::from_mins(1);

/// A running or stopped cluster; server and files go when this value does.
pub struct Cluster {
    installation: Arc<Installation>,
    dir: TempDir,
    /// Whether the server is up and ours to stop.
    running: bool,
}

impl Cluster {
    /// Makes and starts a cluster on the installation that the environment names, with all that it writes in place
    /// before it says so.
    pub fn start() -> Result<Self> {
        Self::copied(&[])
    }

    fn new(installation: Arc<Installation>, prefix: &str) -> Result<Self> {
        let dir = installation.folder(prefix)?;
        Ok(Self {
            installation,
            dir,
            running: false,
        })
    }

    /// As [`Self::start`], for tests that write much, and that nobody else shall vacuum: kill -9 loses
    /// nothing that the system has, so it needs not be on disk.
    pub fn quick() -> Result<Self> {
        Self::quick_with(&[])
    }

    /// As [`Self::quick`], where recovery compares each page that it has changed with what the server
    /// had made of it.
    pub fn suspicious() -> Result<Self> {
        Self::quick_with(&["wal_consistency_checking = 'generic'"])
    }

    /// As [`Self::quick`], with lines added to `postgresql.conf`.
    pub fn quick_with(more: &[&str]) -> Result<Self> {
        let settings = ["fsync = off", "autovacuum = off", "jit = off"];
        let settings = [&settings, more].concat();
        Self::copied(&settings)
    }

    /// A cluster of a test.
    fn copied(settings: &[&str]) -> Result<Self> {
        let installation = Installation::shared()?;
        let dir = installation.cluster("vector_ext-cluster-")?;
        Self {
            installation,
            dir,
            running: false,
        }
        .started(settings)
    }

    /// Makes and starts a cluster with lines added to its `postgresql.conf`.
    pub fn with_settings(installation: Arc<Installation>, settings: &[&str]) -> Result<Self> {
        let cluster = Self::new(installation, "vector_ext-cluster-")?;
        cluster.installation.init(&cluster.data())?;
        cluster.started(settings)
    }

    /// Starts it for the first time.
    fn started(mut self, settings: &[&str]) -> Result<Self> {
        let mut lines = "listen_addresses = ''\nwal_level = replica\n".to_owned();
        for line in settings {
            writeln!(lines, "{line}")?;
        }
        self.configure(&lines)?;
        self.resume()?;
        Ok(self)
    }

    /// A streaming standby of this cluster, caught up.
    pub fn standby(&self) -> Result<Self> {
        let mut standby = self.backup()?;
        standby.configure("")?;
        standby.resume()?;
        self.wait_for(&standby)?;
        Ok(standby)
    }

    /// A standby that has not been started.
    pub fn backup(&self) -> Result<Self> {
        let standby = Self::new(Arc::clone(&self.installation), "vector_ext-standby-")?;
        let mut backup = self.command("pg_basebackup");
        backup
            .args(["-R", "-X", "stream", "-c", "fast", "-D"])
            .arg(standby.data());
        succeed(&mut backup)?;
        Ok(standby)
    }

    /// A copy of this standby, which has not been started, that replays up to the place `lsn` in the log and waits
    /// there.
    pub fn stopped_at(&self, lsn: &str) -> Result<Self> {
        let mut standby = Self::new(Arc::clone(&self.installation), "vector_ext-standby-")?;
        let mut copy = self.installation.command("/bin/cp");
        succeed(copy.arg("-r").arg(self.data()).arg(standby.data()))?;
        standby.configure(&format!("recovery_target_lsn = '{lsn}'\n"))?;
        standby.resume()?;
        wait("the standby does not come to its target", || {
            Ok(standby.text("SELECT pg_get_wal_replay_pause_state()")? == "paused")
        })?;
        Ok(standby)
    }

    /// Waits until the standby has replayed all changes that were made here.
    pub fn wait_for(&self, standby: &Self) -> Result<()> {
        // Who commits without a transaction id, as VACUUM does, leaves the end of the log in memory. A
        // message in a transaction takes it to the disk, where a standby can have it from.
        self.text("SELECT pg_logical_emit_message(true, 'all', 'of it')")?;
        let written = self.text("SELECT pg_current_wal_lsn()")?;
        let replayed = format!("SELECT coalesce(pg_last_wal_replay_lsn() >= '{written}', false)");
        wait("the standby does not catch up", || {
            Ok(standby.text(&replayed)? == "t")
        })
    }

    /// The server programs in use.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The folder of the socket.
    pub fn socket(&self) -> &Path {
        self.dir.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn configure(&self, lines: &str) -> Result<()> {
        let path = self.data().join("postgresql.conf");
        let socket = self.socket().display();
        let lines = format!("{lines}unix_socket_directories = '{socket}'\n");
        fs::write(&path, fs::read_to_string(&path)? + &lines)?;
        Ok(())
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.installation.command("pg_ctl");
        command
            .arg("-D")
            .arg(self.data())
            .arg("-l")
            .arg(self.dir.path().join("log"));
        // The server inherits what `pg_ctl` has open; a pipe of ours would never end.
        let status = command
            .args(arguments)
            .stdout(std::process::Stdio::null())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("pg_ctl failed:\n{}", self.log()).into())
        }
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Starts the stopped or killed server, through crash recovery where it must.
    pub fn resume(&mut self) -> Result<()> {
        // The server outlives pg_ctl. Without a parent that collects it, a killed one would stay as
        // a zombie, which its successor takes for a running server.
        set_child_subreaper(true)?;
        self.pg_ctl(&["start", "-w", "-t", "60"])?;
        self.running = true;
        Ok(())
    }

    /// Makes a standby a primary.
    pub fn promote(&self) -> Result<()> {
        self.pg_ctl(&["promote", "-w", "-t", "60"])
    }

    /// Stops the server in good order, ending sessions.
    pub fn stop(&mut self) -> Result<()> {
        self.pg_ctl(&["stop", "-w", "-m", "fast"])?;
        self.running = false;
        Ok(())
    }

    /// Kills every process of the server at once, as the out-of-memory killer or a power cut would.
    pub fn kill_9(&mut self) -> Result<()> {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid"))?;
        let postmaster: i32 = pid_file
            .lines()
            .next()
            .ok_or("empty postmaster.pid")?
            .parse()?;
        let mut processes = vec![postmaster];
        processes.extend(children(postmaster)?);
        for process in &processes {
            // A child may have gone by itself.
            let _ = kill(Pid::from_raw(*process), Signal::SIGKILL);
        }
        wait("killed processes stay", || {
            Ok(processes.iter().all(|p| is_gone(*p)))
        })?;
        self.running = false;
        Ok(())
    }

    /// A session in the database `postgres`.
    pub fn connect(&self) -> Result<Client> {
        self.connect_to("postgres")
    }

    /// A session in the named database.
    pub fn connect_to(&self, database: &str) -> Result<Client> {
        let mut config = Config::new();
        config
            .host_path(self.socket())
            .user("postgres")
            .dbname(database);
        Ok(config.connect(NoTls)?)
    }

    /// A session with vector_ext created.
    pub fn client(&self) -> Result<Client> {
        let mut client = self.connect()?;
        client.batch_execute("CREATE EXTENSION IF NOT EXISTS vector_ext")?;
        Ok(client)
    }

    /// The one value that `query` returns, as psql prints it, in a session of its own.
    pub fn text(&self, query: &str) -> Result<String> {
        self.text_in("postgres", query)
    }

    /// As [`Self::text`], in the named database.
    pub fn text_in(&self, database: &str, query: &str) -> Result<String> {
        let mut psql = self.command("psql");
        let output = succeed(psql.args(["-X", "-A", "-t", "-c", query, database]))?;
        Ok(str::from_utf8(&output.stdout)?.trim_end().to_owned())
    }

    /// A client program, told where the server is.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.installation.command(program);
        command
            .env("PGHOST", self.socket())
            .env("PGUSER", "postgres");
        command
    }

    /// A program run to its end; an error with all it printed where it fails.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        succeed(self.command(program).args(arguments))
    }

    /// Leaves server and files to the user when this value goes.
    pub fn keep(mut self) {
        self.running = false;
        self.dir.disable_cleanup(true);
        if let Some(installation) = Arc::get_mut(&mut self.installation) {
            installation.keep();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.running {
            // Nothing can be done about an error here; the folder goes all the same.
            let _ = self.pg_ctl(&["stop", "-w", "-m", "immediate"]);
        }
    }
}

/// Runs a command to its end; an error with all it printed where it fails.
pub fn succeed(command: &mut Command) -> Result<Output> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    Err(format!("{command:?}: {}\n{out}{err}", output.status).into())
}

/// Asks until the answer is yes.
pub fn wait(complaint: &str, mut question: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !question()? {
        if Instant::now() > end {
            return Err(complaint.into());
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The parent of a process, from `/proc`.
fn parent(process: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Whether a killed process has left; collects it where it has become ours (`resume`).
fn is_gone(process: i32) -> bool {
    let _ = waitpid(Pid::from_raw(process), Some(WaitPidFlag::WNOHANG));
    parent(process).is_none()
}

fn children(of: i32) -> Result<Vec<i32>> {
    let numbers = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    Ok(numbers.filter(|p| parent(*p) == Some(of)).collect())
}
