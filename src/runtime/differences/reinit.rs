//! What one life of the runtime leaves to the next.

use super::Difference;
use crate::runtime::profile::Profile;

/// What `Py_Initialize` does while the main interpreter of the life before is still there, with its finalizing mark set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InitializeAmidEnd {
    /// It makes a second one beside it: undefined.
    SecondMain,
    /// It finds the import system, which is not finished with: fatal.
    Fatal,
}

impl Profile {
    /// Whether every initialization begins with an empty runtime, also the first one, which so forgets what `Py_AtExit` was
    /// told before. Since 3.11 only one that was used before is emptied. Source: gh-90110 (`_PyRuntimeState_Init`); observed:
    /// 3.8.18 to 3.10.13 never run such a callback, 3.11.2 and newer do.
    #[must_use]
    pub fn first_life_forgets_exit_callbacks(self) -> bool {
        self.when(
            Difference::FirstLifeForgetsExitCallbacks,
            self.minor() <= 10,
        )
    }

    /// Whether `Py_AtExit` takes a lock that comes and goes with the runtime. Source: `_PyRuntime.atexit.mutex`, allocated in
    /// 3.12, none before, a `PyMutex` since 3.13; observed: 3.12.1 crashes before initialization and after finalization.
    #[must_use]
    pub fn at_exit_needs_the_runtime(self) -> bool {
        self.when(Difference::AtExitNeedsTheRuntime, self.minor() == 12)
    }

    /// Whether an interpreter in static storage is made anew only with the runtime, so that initialization in a callback of
    /// `Py_AtExit` finds the old one. Source: contract V2; observed: 3.11.2 to 3.15.2 say *interpreter already initialized*,
    /// 3.8.18 to 3.10.13 initialize and then take the runtime away.
    #[must_use]
    pub fn main_interpreter_is_renewed_with_the_runtime(self) -> bool {
        self.when(
            Difference::MainInterpreterIsRenewedWithTheRuntime,
            self.minor() >= 11,
        )
    }

    /// What `Py_Initialize` does between the finalizing mark and the end of the main interpreter. Source: observed: in a
    /// finalizer during module teardown 3.8.18 to 3.12.1 go on with two main interpreters or wait for a GIL that nobody
    /// drops, 3.13.0 to 3.15.2 say *global import state already initialized*.
    #[must_use]
    pub fn initialize_amid_end(self) -> InitializeAmidEnd {
        if self.when(Difference::InitializeAmidEnd, self.minor() >= 13) {
            InitializeAmidEnd::Fatal
        } else {
            InitializeAmidEnd::SecondMain
        }
    }

    /// Whether initialization fails after a finalization inside a sub-interpreter, which leaves the main one with all that
    /// static types know of it. Source: observed: 3.12.1; 3.8.18 to 3.11.7 initialize, since 3.13 the main one is finalized.
    #[must_use]
    pub fn main_left_behind_is_fatal(self) -> bool {
        self.when(Difference::MainLeftBehindIsFatal, self.minor() == 12)
    }
}
