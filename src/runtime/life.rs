//! Several lives of one runtime: what is left of the life before, and what becomes of it.
//!
//! CPython: `Python/pystate.c` (`_PyRuntimeState_Init`, `_PyRuntimeState_Fini`), `Python/pylifecycle.c`
//! (`_PyRuntime_Initialize`, `_PyRuntime_Finalize`); 3.8 to 3.15.
//!
//! # States
//!
//! | state | `runtime_initialized` | `core_initialized` | main interpreter |
//! | --- | --- | --- | --- |
//! | not used, or between two lives | 0 | 0 | none |
//! | alive, from I1 to F9 | 1 | 0, then 1 | from I5 on |
//! | ending, from F9 to F30 | 1 | 0 | still there |
//! | ended but for `Py_AtExit`, from F30 to F32 | 1 | 0 | none |
//!
//! # Protocol
//!
//! A life begins with an empty runtime. What survives:
//!
//! | what | in the next life |
//! | --- | --- |
//! | the finalizing mark | stays until I4 |
//! | GILState slots | forgotten with the key; since 3.15 each thread keeps its own (P30) |
//! | thread states that others still have | freed: use after free; since 3.14 marked for good: their threads hang |
//! | who waits for the GIL | goes on waiting for the same GIL, made anew; up to 3.13 nothing tells it that it is late |
//! | callbacks of `Py_AtExit` | run in F31, or forgotten if they were registered between two lives |
//! | pending calls added between two lives | forgotten, since 3.13; before, adding one crashes |
//! | what was registered with an interpreter too late to run | gone with it |
//! | a program's keys and values of thread-specific storage | stay: they are the process's |
//! | views of interpreters (3.15) | mean the new interpreter with the same id (P33) |
//! | the main thread | whoever begins the next life |
//!
//! Initialization while the last life is not over: from F9 to F30 there is a main interpreter already, and from F30 to F32
//! its static storage is not empty. Both are found out or not as releases do. In 3.12 a main interpreter that finalization
//! inside a sub-interpreter left behind is found out too; before, the next life does not see it. Up to 3.10 a callback of `Py_AtExit` really
//! initializes; F32 then takes the runtime away from under the new life.
//!
//! # Invariants
//!
//! S42 ReinitFresh.
//!
//! # Outcomes
//!
//! A crash, or fatal *interpreter already initialized*, *global import state already initialized*.
//!
//! # Checked by
//!
//! `scenarios/reinit`, `tests/loom/reinit.rs`, `tests/prop`.

use super::differences::InitializeAmidEnd;
use super::handle::InterpreterHandle;
use super::outcome::{Crash, Fatal, Step};
use super::state::Caller;

impl Caller<'_> {
    /// I4: fatal, or undefined, unless the last life is over.
    pub(super) fn begin_life(&self) -> Step<()> {
        let profile = self.runtime.profile;
        let main_is_listed = || !self.runtime.lists.lock().main().is_null();
        if self.runtime.life_begun.read() {
            self.runtime.life_begun.write(false);
            return match (main_is_listed(), self.runtime.used.read()) {
                // `PyInterpreterState_New` gave it out before.
                (true, false) => Err(self.crash(Crash::Other)),
                (true, true) if profile.main_left_behind_is_fatal() => {
                    Err(self.fatal(Fatal::Importlib))
                }
                (true | false, _) => Ok(()),
            };
        }
        if self.is_finalizing()? == 0 {
            // This life began already, and a stage of it failed.
            return if main_is_listed() {
                Err(self.crash(Crash::Other))
            } else {
                Ok(())
            };
        }
        let static_main = profile.main_interpreter_is_renewed_with_the_runtime();
        match (main_is_listed(), profile.initialize_amid_end()) {
            (true, InitializeAmidEnd::SecondMain) => Err(self.crash(Crash::Other)),
            (true, InitializeAmidEnd::Fatal) => Err(self.fatal(Fatal::ImportStateInitialized)),
            (false, _) if static_main => Err(self.fatal(Fatal::InterpreterInitialized)),
            (false, _) => Ok(()),
        }
    }

    /// I1: what was registered before, and is not of this life.
    pub(super) fn forget_last_life(&self) {
        let runtime = self.runtime;
        runtime.life_begun.write(true);
        if runtime.used.read() || runtime.profile.first_life_forgets_exit_callbacks() {
            // Overwritten as it is: nobody locks it.
            runtime.at_exit.clear();
        }
    }

    /// I5: from here on there is something to leave to another life. Objects of the last main interpreter that its teardown did
    /// not reach are nobody's.
    pub(super) fn renew_main(&self) {
        if self.runtime.used.read() {
            self.abandon_objects(InterpreterHandle::MAIN);
        }
        self.runtime.used.write(true);
    }

    /// F32: the runtime goes, also if a callback of `Py_AtExit` has begun another life.
    pub(super) fn end_life(&self) {
        if self.runtime.initialized.peek() {
            self.runtime.corrupted.write(true);
        }
        self.runtime.runtime_initialized.write(false);
    }

    /// F1: what finalization reads first is gone if [`Caller::end_life`] took it away from a life that had begun.
    pub(super) fn check_life(&self) -> Step<()> {
        if self.runtime.runtime_initialized.read() {
            Ok(())
        } else {
            Err(self.crash(Crash::Other))
        }
    }
}
