//! Signals and async exceptions.
//!
//! The library is initialized without handlers, as the driver does that for every run. A scenario that has signals gets Python's
//! own where it initializes.

use super::api::{self, Pointer};
use super::callbacks::handler;
use super::library::symbol;
use super::objects::{attribute, call_function};
use crate::record;
use crate::schedule::{me, own};
use std::ffi::{c_int, c_ulong};
use tstate::runtime::{Callback, Exception, SIGNAL};

/// What a shell says of a process that the signal ended.
const ENDED_BY_SIGNAL: c_int = 128 + SIGNAL;
/// An ident that no thread has.
const NO_THREAD: c_ulong = c_ulong::MAX;

/// The names of the exceptions that scenarios can name, by their numbers less one.
const EXCEPTIONS: [&str; 4] = [
    "PyExc_Exception",
    "PyExc_RuntimeError",
    "PyExc_KeyboardInterrupt",
    "PyExc_SystemExit",
];

/// `_signal.signal(SIGINT, handler)`: 0, or -1 if it raises.
fn install(handler: Pointer) -> i32 {
    call_function(c"_signal", c"signal", [api::number(SIGNAL.into()), handler])
}

/// Python's own handler, as `Py_Initialize` installs it.
pub(super) fn install_own() {
    if at_signal(Callback::NONE) != 0 {
        record::refuse("Python's own handler of signals cannot be installed");
    }
}

/// `signal.signal`: 0, or -1 if it raises.
pub(super) fn at_signal(callback: Callback) -> i32 {
    if callback.id().is_some() {
        install(handler(callback))
    } else {
        attribute(c"_signal", c"default_int_handler").map_or(-1, install)
    }
}

/// The signal arrives on the calling thread; one that would end the process ends the run.
pub(super) fn arrive() {
    // SAFETY: an all-zero `sigaction` is one.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: reads into a valid place.
    unsafe { libc::sigaction(SIGNAL, std::ptr::null(), &raw mut action) };
    if action.sa_sigaction == libc::SIG_DFL {
        record::end(&format!("exit {ENDED_BY_SIGNAL}"));
    }
    // SAFETY: has no precondition.
    unsafe { libc::raise(SIGNAL) };
}

/// The calling thread's ident, as scenarios know it: its place among the threads, and one.
pub(super) fn ident() -> i64 {
    let me = me();
    let lane = own(|schedule| schedule.slots[me].lane);
    lane.map_or(0, |lane| i64::from(lane) + 1)
}

/// `PyThreadState_SetAsyncExc`.
pub(super) fn set_async_exc(ident: i64, exception: Exception) -> i32 {
    let thread = own(|schedule| {
        let lane = u8::try_from(ident - 1).ok()?;
        let slot = schedule.slot_of(lane)?;
        Some(schedule.slots[slot].thread as c_ulong)
    });
    api::set_async_exc(thread.unwrap_or(NO_THREAD), class(exception))
}

fn class(exception: Exception) -> Pointer {
    let Some(place) = (exception as usize).checked_sub(1) else {
        return std::ptr::null_mut();
    };
    let address = EXCEPTIONS.get(place).and_then(|name| symbol(name));
    match address {
        // SAFETY: the symbol is a variable that holds the class.
        Some(address) => unsafe { *(address as *const Pointer) },
        None => record::refuse("no such exception is in this library"),
    }
}
