//! A thread that comes too late: how it finds out that finalization is done with it, and what becomes of it.
//!
//! CPython: `Python/pystate.c` (`_PyThreadState_MustExit`, `_PyThreadState_HangThread`), `Python/ceval_gil.c`
//! (`tstate_must_exit`), 3.8 `Python/ceval.c` (`exit_thread_if_finalizing`).
//!
//! # Protocol
//!
//! | release | what is asked | where in §GIL | what becomes of the thread |
//! | --- | --- | --- | --- |
//! | 3.8 | whether the runtime's finalizer is another thread state | with the GIL taken | it is ended |
//! | 3.9 to 3.11 | the same, without reading the thread state (bpo-39877) | T1, T4c, T10 | it is ended |
//! | 3.12 to 3.13.7 | the same, or the interpreter's; not on the finalizing OS thread | T1, T4c, T10 | it is ended |
//! | 3.13.8 and newer 3.13 | the same | T1, T4c, T10 | it is parked for good |
//! | 3.14 and newer | whether its thread state is marked | T1, T4c, T10 | it is parked for good |
//!
//! In 3.8 a thread that waits for the GIL never asks: up to 3.11 the finalizer leaves the GIL taken, so it waits for
//! ever. A thread that is ended is unwound: what it registered for its end runs, detached.
//!
//! # Invariants
//!
//! S34 HungForever, S35 HungHoldsNoRuntimeLock, S37 HangOnlyWhenFinalizing.
//!
//! # Memory order
//!
//! `finalizing` and the mark are loaded relaxed; who misses one finds it at T10, with the GIL.
//!
//! # Outcomes
//!
//! Hang or exit at finalization; use after free of a thread state that finalization freed.
//!
//! # Checked by
//!
//! `tests/releases.rs`, `scenarios/attach/asked-by-one-that-left.capi`.

use super::arena::AttachState;
use super::differences::{LateTest, LateThread};
use super::handle::ThreadStateHandle;
use super::outcome::{Ended, Step};
use super::state::Caller;
use crate::sync::{Ordering, Word, current_thread};

impl Caller<'_> {
    /// `_PyThreadState_MustExit`: whether finalization is done with this thread state, as a thread asks that does not hold
    /// the GIL.
    pub(super) fn must_leave(&self, handle: ThreadStateHandle) -> Step<bool> {
        match self.runtime.profile.late_test() {
            LateTest::WithGil => Ok(false),
            LateTest::Runtime => Ok(self.is_finalized_by_another(handle)),
            LateTest::Interpreter => self.is_finalized_elsewhere(handle),
            LateTest::Mark => {
                let state = self.storage(handle)?.load();
                self.live(handle)?;
                Ok(state == AttachState::ShuttingDown)
            }
        }
    }

    /// 3.8: the same, asked by the holder of the GIL.
    pub(super) fn must_leave_with_gil(&self, handle: ThreadStateHandle) -> bool {
        self.runtime.profile.late_test() == LateTest::WithGil
            && self.is_finalized_by_another(handle)
    }

    /// `_Py_Finalizing`, as a thread state.
    fn finalizer(&self) -> ThreadStateHandle {
        ThreadStateHandle::from_word(self.runtime.finalizing.load(Ordering::Relaxed))
    }

    fn is_finalized_by_another(&self, handle: ThreadStateHandle) -> bool {
        let finalizer = self.finalizer();
        !finalizer.is_null() && finalizer != handle
    }

    /// 3.12, 3.13. The interpreter's mark is set in the step that sets the runtime's.
    fn is_finalized_elsewhere(&self, handle: ThreadStateHandle) -> Step<bool> {
        let mut finalizer = self.finalizer();
        if finalizer.is_null() {
            let interpreter = self.interpreter_of(handle)?;
            finalizer = self.interpreter(interpreter)?.finalizer.read();
        }
        let here = self.runtime.finalizing_thread.read() == current_thread();
        Ok(!finalizer.is_null() && finalizer != handle && !here)
    }

    /// §ATTACH H: the thread is parked for good or ended, as its release does. It gives its reference up where thread states
    /// are counted.
    pub(super) fn leave(&self, handle: ThreadStateHandle) -> Ended {
        let counted = self.runtime.profile.late_test() == LateTest::Mark;
        if counted && let Err(ended) = self.release_reference(handle) {
            return ended;
        }
        match self.runtime.profile.late_thread() {
            LateThread::Exits => Ended::Exited,
            LateThread::Hangs => {
                self.runtime.hung.write(true);
                Ended::Hung
            }
        }
    }
}
