//! `DISCARD` gives back the memory of what a session has learned of indexes: a pool says so to a connection that
//! goes to somebody else.

use std::ffi::c_char;
use std::sync::OnceLock;

use pgrx::pg_sys;
use pgrx::pg_sys::DiscardMode::{DISCARD_ALL, DISCARD_PLANS};
use pgrx::pg_sys::{NodeTag, PlannedStmt, ProcessUtility_hook_type};

use crate::pg::am;

/// The hook that was there before ours.
static PREVIOUS: OnceLock<ProcessUtility_hook_type> = OnceLock::new();

unsafe extern "C-unwind" {
    // Without a guard, which would make a new error of each that it raises.
    fn standard_ProcessUtility(
        statement: *mut PlannedStmt,
        text: *const c_char,
        read_only: bool,
        context: pg_sys::ProcessUtilityContext::Type,
        parameters: pg_sys::ParamListInfo,
        environment: *mut pg_sys::QueryEnvironment,
        receiver: *mut pg_sys::DestReceiver,
        completion: *mut pg_sys::QueryCompletion,
    );
}

/// Puts our hook around the one that was there, which runs first; called once, when the library is loaded.
pub fn install() {
    // SAFETY: at load time, by the backend's only thread.
    unsafe {
        if PREVIOUS.set(pg_sys::ProcessUtility_hook).is_ok() {
            pg_sys::ProcessUtility_hook = Some(process);
        }
    }
}

/// As `ProcessUtility_hook`. What a statement raises jumps over this frame, which has nothing to drop.
unsafe extern "C-unwind" fn process(
    statement: *mut PlannedStmt,
    text: *const c_char,
    read_only: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    parameters: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    receiver: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    let run = PREVIOUS.get().copied().flatten();
    let run = run.unwrap_or(standard_ProcessUtility);
    // SAFETY: Postgres calls with a statement, and what belongs to it.
    unsafe {
        let discards = is_discard((*statement).utilityStmt);
        run(
            statement,
            text,
            read_only,
            context,
            parameters,
            environment,
            receiver,
            completion,
        );
        if discards {
            am::discard();
        }
    }
}

/// Whether a statement discards all that a session keeps, or what it keeps to be faster.
unsafe fn is_discard(statement: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller vouches for the statement; its tag says what it is.
    unsafe {
        if (*statement).type_ != NodeTag::T_DiscardStmt {
            return false;
        }
        let target = (*statement.cast::<pg_sys::DiscardStmt>()).target;
        target == DISCARD_ALL || target == DISCARD_PLANS
    }
}
