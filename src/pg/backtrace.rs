//! Backtraces: errors come without the frames of our own code.

use std::backtrace::Backtrace;
use std::env;

/// What the standard library asks first whether backtraces are wanted.
const SWITCH: &str = "RUST_LIB_BACKTRACE";

/// Turns backtraces of this library off, whatever `RUST_BACKTRACE` says. The guard around calls into Postgres
/// would put one into the DETAIL of each error that it passes on, and so show every client frames and paths of
/// the machine that compiled them.
///
/// The standard library asks the environment once and keeps the answer, of which each library that links it
/// has its own. So the switch is set for that one question, and other libraries of the process find the
/// environment as it was.
///
/// # Safety
/// No other thread of the process is there, as when the server loads a library.
pub unsafe fn disable() {
    let before = env::var_os(SWITCH);
    // SAFETY: as the caller says, nobody else reads or changes the environment.
    unsafe {
        env::set_var(SWITCH, "0");
        drop(Backtrace::capture());
        match before {
            Some(before) => env::set_var(SWITCH, before),
            None => env::remove_var(SWITCH),
        }
    }
}
