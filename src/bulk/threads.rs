//! Threads of a build: a pool that takes no signals.

#![allow(unsafe_code, reason = "the signal mask of a thread")]

use std::io;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// A pool whose threads take no signals: in a server those are for the thread that asked for the
/// build, and their handlers must run on no other.
///
/// # Errors
/// Where threads cannot be started.
pub fn pool(threads: usize) -> io::Result<ThreadPool> {
    // A thread starts with the mask of the one that starts it.
    let _blocked = Blocked::all()?;
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(io::Error::other)
}

/// All signals blocked in this thread, until it goes.
struct Blocked(libc::sigset_t);

impl Blocked {
    fn all() -> io::Result<Self> {
        // SAFETY: a signal set is plain bits, filled in before it is read; both pointers are to
        // locals.
        let (error, before) = unsafe {
            let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&raw mut all);
            let error = libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            (error, before)
        };
        match error {
            0 => Ok(Self(before)),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set was filled in by the system; null asks for no answer. It cannot fail for a
        // mask that was in force before.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_blocked(signal: i32) -> bool {
        // SAFETY: null changes nothing; the set is filled in before it is read.
        unsafe {
            let mut now = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut now);
            libc::sigismember(&raw const now, signal) == 1
        }
    }

    #[test]
    fn threads_take_no_signals_and_their_caller_still_does() {
        let pool = pool(2).unwrap();
        let blocked = pool.broadcast(|_| is_blocked(libc::SIGINT) && is_blocked(libc::SIGUSR1));
        assert_eq!(blocked, [true, true]);
        assert!(!is_blocked(libc::SIGINT));
    }
}
