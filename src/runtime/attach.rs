//! Attach, detach and swap, in all their spellings.
//!
//! CPython: `Python/pystate.c` (`_PyThreadState_Attach`, `detach_thread`, `PyThreadState_Swap`), `Python/ceval_gil.c`
//! (`PyEval_SaveThread`, `PyEval_RestoreThread`, `PyEval_AcquireThread`, `PyEval_ReleaseThread`); 3.14.
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | Detached → Attached | [`Caller::attach`] | a thread without an attached thread state | the GIL, taken on the way |
//! | Attached → Detached | [`Caller::detach`] | the thread it is attached in | the GIL, dropped on the way |
//!
//! # Protocol
//!
//! Attach: A2 fatal if attached · A3 take the GIL · A4 *cur* · A5 the state · A6 the GILState slot follows · A7 active.
//! Detach: B3 not active · B4 the state · B5 *cur* · B6 drop the GIL. A4 to A7 and B3 to B5 touch what the GIL protects:
//! no scheduling points of their own.
//!
//! # Invariants
//!
//! S1 OneAttached, S2 OneThreadPerTs, S4 AttachedHoldsGil, S10 FatalOnDoubleAttach, S11 SwapAtomicPair,
//! S27 AttachSetsTss.
//!
//! # Outcomes
//!
//! Hang at finalization; deadlock; fatal *non-NULL old thread state*; a crash without a thread state.
//!
//! # Checked by
//!
//! `tests/loom/attach.rs`, `tests/runtime.rs`.

use super::arena::{AttachState, Status};
use super::differences::{Attached, Detached};
use super::gil::Release;
use super::handle::ThreadStateHandle;
use super::outcome::{Fatal, Step};
use super::state::Caller;
use crate::sync::scope;

impl Caller<'_> {
    /// §ATTACH A1 to A7. Detached → Attached.
    pub(super) fn attach(&self, handle: ThreadStateHandle) -> Step<()> {
        let scope = scope();
        if !self.current().is_null()
            && self.runtime.profile.attach_while_attached() == Attached::Fatal
        {
            return Err(self.fatal(Fatal::AttachedAlready));
        }
        self.take_gil(handle)?;
        let tstate = self.thread_state(handle)?;
        if tstate.peek_state() == AttachState::Attached {
            self.runtime.corrupted.write(true);
        }
        self.runtime.current.write(handle);
        tstate.set_by_owner(AttachState::Attached);
        if !tstate.is(Status::BoundGilState) {
            self.bind_gilstate(handle)?;
        }
        tstate.set(Status::Active, true);
        debug_assert!(
            !self.runtime.sane() || tstate.holds_gil.peek(),
            "S4: attached, so it holds the GIL"
        );
        scope.end(&());
        Ok(())
    }

    /// §ATTACH B3 to B6. Attached → Detached.
    pub(super) fn detach(&self, handle: ThreadStateHandle) -> Step<()> {
        let scope = scope();
        let tstate = self.thread_state(handle)?;
        let interpreter = self.interpreter_of(handle)?;
        debug_assert!(
            !self.runtime.sane() || tstate.holds_gil.peek(),
            "S4: attached, so it holds the GIL"
        );
        tstate.set(Status::Active, false);
        tstate.set_by_owner(AttachState::Detached);
        self.runtime.current.write(ThreadStateHandle::NULL);
        self.drop_gil(interpreter, handle, Release::Normal)?;
        scope.end(&());
        Ok(())
    }

    /// Detaches the attached thread state and returns it.
    ///
    /// Blocks in a forced switch.
    ///
    /// # Errors
    ///
    /// Without an attached thread state: a crash, fatal up to 3.12. Source: contract 2.5.
    #[doc(alias = "PyEval_SaveThread")]
    #[doc(alias = "Py_BEGIN_ALLOW_THREADS")]
    #[doc(alias = "Py_UNBLOCK_THREADS")]
    pub fn eval_save_thread(&self) -> Step<ThreadStateHandle> {
        let current = self.current();
        if current.is_null() && self.runtime.profile.save_without_thread_state() == Detached::Fatal
        {
            return Err(self.fatal(Fatal::SaveNull));
        }
        let current = self.attached_or_crash()?;
        self.detach(current)?;
        Ok(current)
    }

    /// Attaches a thread state.
    ///
    /// Blocks while another thread holds the GIL.
    ///
    /// # Errors
    ///
    /// Fatal for null and in a thread that is attached; hang at finalization; use after free. Source: contract 2.5.
    #[doc(alias = "PyEval_RestoreThread")]
    #[doc(alias = "Py_END_ALLOW_THREADS")]
    #[doc(alias = "Py_BLOCK_THREADS")]
    pub fn eval_restore_thread(&self, handle: ThreadStateHandle) -> Step<()> {
        if handle.is_null() {
            return Err(self.fatal(Fatal::RestoreNull));
        }
        self.attach(handle)
    }

    /// As [`Caller::eval_restore_thread`].
    ///
    /// # Errors
    ///
    /// As [`Caller::eval_restore_thread`]. Source: contract 2.5.
    #[doc(alias = "PyEval_AcquireThread")]
    pub fn eval_acquire_thread(&self, handle: ThreadStateHandle) -> Step<()> {
        if handle.is_null() {
            return Err(self.fatal(Fatal::AcquireNull));
        }
        self.attach(handle)
    }

    /// Detaches `handle`, which is the attached thread state. Nobody checks that since 3.13: with another one *cur* is
    /// cleared and the GIL dropped, and the one that was attached stays marked so.
    ///
    /// # Errors
    ///
    /// Fatal for another thread state up to 3.12; fatal if the GIL is free. Source: contract 2.5.
    #[doc(alias = "PyEval_ReleaseThread")]
    pub fn eval_release_thread(&self, handle: ThreadStateHandle) -> Step<()> {
        if handle != self.current() {
            if self.runtime.profile.release_of_another_is_fatal() {
                return Err(self.fatal(Fatal::WrongThreadState));
            }
            self.runtime.corrupted.write(true);
        }
        self.detach(handle)
    }

    /// Detaches the attached thread state, if any, attaches `new`, unless null, and returns the former.
    ///
    /// Between the two the thread has neither: another may run arbitrarily long. Swapping to the attached one drops
    /// and takes the GIL.
    ///
    /// # Errors
    ///
    /// Hang at finalization; use after free. Source: contract 2.5.
    #[doc(alias = "PyThreadState_Swap")]
    pub fn thread_state_swap(&self, new: ThreadStateHandle) -> Step<ThreadStateHandle> {
        let old = self.current();
        if !old.is_null() {
            self.detach(old)?;
        }
        if !new.is_null() {
            self.attach(new)?;
        }
        Ok(old)
    }
}
