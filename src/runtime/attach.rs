//! Attach, detach and swap, in all their spellings.
//!
//! CPython: `Python/pystate.c` (`_PyThreadState_Attach`, `detach_thread`, `PyThreadState_Swap`), `Python/ceval_gil.c`
//! (`PyEval_SaveThread`, `PyEval_RestoreThread`, `PyEval_AcquireThread`, `PyEval_ReleaseThread`); 3.8 to 3.15.
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
//! no scheduling points of their own. In 3.12 swap goes B4 B6 B3 B5 and A4 A6 A7 A3 A5: around the GIL it is current already, or
//! still, and touches what another thread may free.
//!
//! A2 since 3.13: before, an attached thread waits for the GIL that it holds. A6 since 3.12: before, the slot stays with the
//! thread's first thread state. Swap detaches and attaches since 3.12; before, it exchanges the current thread state and
//! leaves the GIL where it is ([`super::current`]). Up to 3.12 `PyEval_AcquireThread` looks, with the GIL taken, whether
//! there was a current thread state.
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

use super::arena::{AttachState, Status, ThreadState};
use super::differences::{Attached, Detached};
use super::gil::Release;
use super::handle::ThreadStateHandle;
use super::outcome::{Crash, Fatal, Step};
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
        self.attach_with_gil(handle)?;
        scope.end(&());
        Ok(())
    }

    /// §INIT I7, up to 3.11: takes the GIL for what is the current thread state already. Whoever had the GIL first, on another
    /// thread, left none when it gave it up, and this one goes on without.
    pub(super) fn attach_current(&self, handle: ThreadStateHandle) -> Step<()> {
        let scope = scope();
        self.take_gil(handle)?;
        if self.current() != handle {
            return Err(self.crash(Crash::NoThreadState));
        }
        let tstate = self.thread_state(handle)?;
        self.runtime.current.write(handle);
        tstate.set_by_owner(AttachState::Attached);
        self.activate(handle, tstate)?;
        scope.end(&());
        Ok(())
    }

    /// §ATTACH A4 to A7.
    fn attach_with_gil(&self, handle: ThreadStateHandle) -> Step<()> {
        let tstate = self.thread_state(handle)?;
        if tstate.peek_state() == AttachState::Attached {
            self.runtime.corrupted.write(true);
        }
        self.set_current(handle);
        tstate.set_by_owner(AttachState::Attached);
        self.activate(handle, tstate)?;
        debug_assert!(
            !self.runtime.sane() || tstate.holds_gil.peek(),
            "S4: attached, so it holds the GIL"
        );
        Ok(())
    }

    /// §ATTACH A6, A7.
    fn activate(&self, handle: ThreadStateHandle, tstate: &ThreadState) -> Step<()> {
        if self.runtime.profile.slot_follows_attach() && !tstate.is(Status::BoundGilState) {
            self.bind_gilstate(handle)?;
        }
        tstate.set(Status::Active, true);
        Ok(())
    }

    /// §ATTACH B3 to B6. Attached → Detached.
    pub(super) fn detach(&self, handle: ThreadStateHandle) -> Step<()> {
        self.detach_with(handle, Release::Normal)
    }

    /// The same, maybe for good.
    pub(super) fn detach_with(&self, handle: ThreadStateHandle, release: Release) -> Step<()> {
        let scope = scope();
        let tstate = self.thread_state(handle)?;
        let interpreter = self.interpreter_of(handle)?;
        debug_assert!(
            !self.runtime.sane() || tstate.holds_gil.peek(),
            "S4: attached, so it holds the GIL"
        );
        tstate.set(Status::Active, false);
        tstate.set_by_owner(AttachState::Detached);
        self.set_current(ThreadStateHandle::NULL);
        self.drop_gil(interpreter, handle, release)?;
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
        if current.is_null() {
            return Err(match self.runtime.profile.save_without_thread_state() {
                Detached::Fatal => self.fatal(Fatal::SaveNull),
                Detached::Crash => self.crash(Crash::NoThreadState),
            });
        }
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
    /// As [`Caller::eval_restore_thread`]; up to 3.12 fatal if a thread state is current once the GIL is taken. Source: contract 2.5.
    #[doc(alias = "PyEval_AcquireThread")]
    pub fn eval_acquire_thread(&self, handle: ThreadStateHandle) -> Step<()> {
        if handle.is_null() {
            return Err(self.fatal(Fatal::AcquireNull));
        }
        if self.runtime.profile.attach_while_attached() == Attached::Fatal {
            return self.attach(handle);
        }
        let scope = scope();
        self.take_gil(handle)?;
        if !self.current().is_null() {
            return Err(self.fatal(Fatal::AcquireAttached));
        }
        self.attach_with_gil(handle)?;
        scope.end(&());
        Ok(())
    }

    /// Detaches `handle`, which is the attached thread state. Nobody checks that since 3.13: with another one *cur* is
    /// cleared and the GIL dropped, and the one that was attached stays marked so.
    ///
    /// # Errors
    ///
    /// Fatal for another thread state up to 3.12; fatal if the GIL is free. Source: contract 2.5.
    #[doc(alias = "PyEval_ReleaseThread")]
    pub fn eval_release_thread(&self, handle: ThreadStateHandle) -> Step<()> {
        let checks = self.runtime.profile.release_of_another_is_fatal();
        if checks && handle.is_null() {
            return Err(self.fatal(Fatal::ReleaseNull));
        }
        if handle != self.current() {
            if checks {
                return Err(self.fatal(Fatal::WrongThreadState));
            }
            self.runtime.corrupted.write(true);
        }
        self.detach(handle)
    }

    /// Detaches the attached thread state, if any, attaches `new`, unless null, and returns the former.
    ///
    /// Between the two the thread has neither: another may run arbitrarily long. Swapping to the attached one drops
    /// and takes the GIL. Up to 3.11 it exchanges the current thread state, whoever that belongs to, and nothing else.
    ///
    /// # Errors
    ///
    /// Hang at finalization; use after free. Source: contract 2.5.
    #[doc(alias = "PyThreadState_Swap")]
    pub fn thread_state_swap(&self, new: ThreadStateHandle) -> Step<ThreadStateHandle> {
        if !self.runtime.profile.swap_takes_gil() {
            return self.swap_pointer(new);
        }
        let activates_first = self.runtime.profile.swap_activates_first();
        let old = self.current();
        if !old.is_null() {
            if activates_first {
                self.drop_then_leave(old)?;
            } else {
                self.detach(old)?;
            }
        }
        if !new.is_null() {
            if activates_first {
                self.enter_then_take(new)?;
            } else {
                self.attach(new)?;
            }
        }
        Ok(old)
    }

    /// B4, B6, B3, B5: the swap of 3.12 lets go of the thread state when another thread may have freed it.
    fn drop_then_leave(&self, old: ThreadStateHandle) -> Step<()> {
        let scope = scope();
        let interpreter = self.interpreter_of(old)?;
        self.thread_state(old)?.set_by_owner(AttachState::Detached);
        self.drop_gil(interpreter, old, Release::Normal)?;
        self.touch(old)?.set(Status::Active, false);
        self.set_current(ThreadStateHandle::NULL);
        scope.end(&());
        Ok(())
    }

    /// A4, A6, A7, A3, A5: the swap of 3.12 looks into a thread state that finalization may have freed.
    fn enter_then_take(&self, new: ThreadStateHandle) -> Step<()> {
        let scope = scope();
        let tstate = self.touch(new)?;
        self.set_current(new);
        self.activate(new, tstate)?;
        self.take_gil(new)?;
        self.thread_state(new)?.set_by_owner(AttachState::Attached);
        scope.end(&());
        Ok(())
    }
}
