//! The processes of a build, watched from outside.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use postgres::Client;
use serde::Serialize;

use super::support::Result;

const INTERVAL: Duration = Duration::from_millis(50);
/// Clock ticks a second in `/proc`: Linux shows 100 to user space, whatever its own clock.
const TICKS: f64 = 100.0;
/// The build's session and whatever works for it: nothing else but the watcher is connected.
const PROCESSES: &str = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()
    AND (backend_type = 'client backend' OR backend_type LIKE '%worker%')";

/// Reading the mappings of a process takes milliseconds, so it is done more rarely as time goes by.
const RARER: f64 = 0.1;
const RAREST: Duration = Duration::from_secs(2);

/// The most that was seen at once.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Peak {
    /// Resident bytes: private, shared between the processes, and mapped files beyond those that
    /// the leader began with.
    pub bytes: u64,
    /// Of these, private (`RssAnon` of all processes).
    pub private: u64,
    /// Of these, in dynamic shared memory, counted once.
    pub shared: u64,
    /// Dynamic shared memory that was taken from the machine, touched or not.
    pub reserved: u64,
    /// Processes, the one that serves the client among them.
    pub processes: usize,
    /// Threads of all processes.
    pub threads: usize,
    /// CPU seconds of all processes, over the whole work.
    pub cpu_seconds: f64,
}

/// Does `work` while `watcher`, a session on the same server, looks at its processes.
pub fn watch<T>(
    watcher: &mut Client,
    leader: i32,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, Peak)> {
    let done = AtomicBool::new(false);
    scope(|threads| {
        let mut processes = Watched::new(leader);
        processes.look(watcher)?;
        let running = &done;
        let watching = threads.spawn(move || -> Result<Peak> {
            while !running.load(Ordering::Relaxed) {
                processes.look(watcher)?;
                sleep(INTERVAL);
            }
            processes.look(watcher)?;
            Ok(processes.sum())
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let peak = watching.join().map_err(|_| "the watcher failed")??;
        Ok((result?, peak))
    })
}

struct Watched {
    leader: i32,
    peak: Peak,
    /// CPU seconds of each process so far.
    cpu: BTreeMap<i32, f64>,
    /// The leader's CPU seconds and bytes of mapped files when watching began.
    start: Option<(f64, u64)>,
    began: Instant,
    /// When dynamic shared memory is looked at next, and what it was last.
    next: Instant,
    shared: u64,
}

impl Watched {
    fn new(leader: i32) -> Self {
        let now = Instant::now();
        Self {
            leader,
            peak: Peak::default(),
            cpu: BTreeMap::new(),
            start: None,
            began: now,
            next: now,
            shared: 0,
        }
    }

    fn look(&mut self, watcher: &mut Client) -> Result<()> {
        let rows = watcher.query(PROCESSES, &[])?;
        let (mut private, mut threads, mut files) = (0, 0, 0);
        let mut processes = Vec::with_capacity(rows.len());
        for row in &rows {
            let process: i32 = row.try_get(0)?;
            // A worker may have gone meanwhile.
            let Some(seen) = Process::read(process) else {
                continue;
            };
            processes.push(process);
            private += seen.private;
            threads += seen.threads;
            self.cpu.insert(process, seen.cpu_seconds);
            if process == self.leader {
                let (_, at_start) = *self.start.get_or_insert((seen.cpu_seconds, seen.files));
                files = seen.files.saturating_sub(at_start);
            }
        }
        self.look_at_shared(&processes);
        let bytes = private + self.shared + files;
        if bytes > self.peak.bytes {
            (self.peak.bytes, self.peak.private, self.peak.shared) = (bytes, private, self.shared);
        }
        self.peak.processes = self.peak.processes.max(processes.len());
        self.peak.threads = self.peak.threads.max(threads);
        Ok(())
    }

    /// Each segment once, as large as the process sees it that touched most of it.
    fn look_at_shared(&mut self, processes: &[i32]) {
        if Instant::now() < self.next {
            return;
        }
        let mut segments = BTreeMap::new();
        for (path, resident) in processes.iter().flat_map(|process| segments_of(*process)) {
            let most = segments.entry(path).or_insert(0);
            *most = resident.max(*most);
        }
        let size = |path: &String| fs::metadata(path).map_or(0, |file| file.blocks() * 512);
        self.shared = segments.values().sum();
        self.peak.reserved = self.peak.reserved.max(segments.keys().map(size).sum());
        let pause = self.began.elapsed().mul_f64(RARER).min(RAREST);
        self.next = Instant::now() + pause;
    }

    fn sum(mut self) -> Peak {
        let before = self.start.map_or(0.0, |(seconds, _)| seconds);
        self.peak.cpu_seconds = self.cpu.values().sum::<f64>() - before;
        self.peak
    }
}

/// What `/proc` says of a process.
struct Process {
    private: u64,
    files: u64,
    threads: usize,
    cpu_seconds: f64,
}

impl Process {
    fn read(process: i32) -> Option<Self> {
        let file = |name: &str| fs::read_to_string(format!("/proc/{process}/{name}")).ok();
        let (status, stat) = (file("status")?, file("stat")?);
        let number = |key: &str| number_after(status.lines().find(|line| line.starts_with(key))?);
        // After the name, which ends with the last parenthesis: state, 10 numbers, user, system.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
        Some(Self {
            private: number("RssAnon:")? * 1024,
            files: number("RssFile:")? * 1024,
            threads: usize::try_from(number("Threads:")?).ok()?,
            cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS,
        })
    }
}

/// Segments of dynamic shared memory that a process has mapped, by path, with resident bytes.
fn segments_of(process: i32) -> Vec<(String, u64)> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps")).unwrap_or_default();
    let mut segments: Vec<(String, u64)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(at) = line.find("/dev/shm/PostgreSQL.") {
            segments.push((line[at..].to_owned(), 0));
            inside = true;
        } else if line.starts_with("Rss:") && inside {
            if let (Some(segment), Some(resident)) = (segments.last_mut(), number_after(line)) {
                segment.1 = resident * 1024;
            }
            inside = false;
        }
    }
    segments
}

/// The number of a line like `Rss:   12 kB`.
fn number_after(line: &str) -> Option<u64> {
    line.split_whitespace().nth(1)?.parse().ok()
}
