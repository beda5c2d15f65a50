//! `PyGILState_*`: a thread state for whoever asks, and the thread-specific slot that remembers it.
//!
//! CPython: `Python/pystate.c` (`PyGILState_Ensure`, `PyGILState_Release`, `bind_gilstate_tstate`); 3.8 to 3.15.
//!
//! # States
//!
//! *tss(t)*: since 3.12 the thread state that thread *t* attached last, up to 3.11 the first one made in it; or null. While the key does not exist it reads as null in
//! every thread.
//!
//! # Protocol
//!
//! Ensure: G1 read the slot · G2 if null, create a thread state of the main interpreter, bind it, counter 0 · G3 attach
//! unless attached · G4 counter + 1. Release: R1 read the slot, fatal if null · R2 fatal unless attached · R3
//! counter - 1 · R4 at 0: clear with the counter raised, so that destructors may nest (since 3.12.6, gh-119585: before, the Release of a
//! destructor deletes the thread state under the clearing), then delete · R5 else
//! detach if Ensure attached.
//!
//! # Memory order
//!
//! The key's existence and the main interpreter's pointer are read by threads that hold nothing, against finalization
//! F29 and F32: relaxed, and each a scheduling point.
//!
//! # Invariants
//!
//! S25 TssCoherent, S26 TssUnique, S27 AttachSetsTss, S28 CounterExact, S29 EnsureOwnedDeletedOnce,
//! S30 ReleaseRestores, S31 EnsureRightInterp.
//!
//! # Outcomes
//!
//! Hang at finalization; a crash after it; fatal errors of Release; use after free.
//!
//! # Checked by
//!
//! `tests/loom/gilstate.rs`, `tests/runtime.rs`, `tests/releases.rs`.

use super::arena::{Status, Whence};
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::{Crash, Fatal, Step};
use super::state::Caller;
use crate::sync::{Ordering, Plain, Word, current_thread, pause_point};

/// Whether the thread was attached before Ensure: `PyGILState_STATE`.
#[doc(alias = "PyGILState_STATE")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GilState {
    /// `PyGILState_LOCKED`: it was.
    #[doc(alias = "PyGILState_LOCKED")]
    Locked,
    /// `PyGILState_UNLOCKED`: it was not.
    #[doc(alias = "PyGILState_UNLOCKED")]
    Unlocked,
}

super::handle::word_for_enum!(GilState { Locked, Unlocked });

impl<'a> Caller<'a> {
    /// The calling thread's value of the key, whether or not the key exists.
    pub(super) fn tss_own(&self) -> &'a Plain<ThreadStateHandle> {
        &self.runtime.tss[current_thread().index()]
    }

    /// *tss(t)* of the calling thread: null if the key does not exist.
    fn tss(&self) -> ThreadStateHandle {
        if self.runtime.profile.slots_outlive_the_runtime() {
            // Nothing is shared here. But a state lies before every call, as it does where the key is asked for.
            pause_point();
            self.tss_own().read()
        } else if self.runtime.tss_created.load(Ordering::Relaxed) {
            self.tss_own().read()
        } else {
            ThreadStateHandle::NULL
        }
    }

    /// §ATTACH A6: the slot follows the thread state.
    pub(super) fn bind_gilstate(&self, handle: ThreadStateHandle) -> Step<()> {
        let tss = self.tss_own();
        let before = tss.read();
        if !before.is_null() {
            self.thread_state(before)?.set(Status::BoundGilState, false);
        }
        tss.write(handle);
        self.thread_state(handle)?.set(Status::BoundGilState, true);
        Ok(())
    }

    /// §GILSTATE G2: a thread state of the main interpreter, bound to this thread, which no Ensure has counted yet.
    fn create_gilstate(&self) -> Step<ThreadStateHandle> {
        let guarded = self.runtime.profile.ensure_takes_a_guard();
        let interpreter = if guarded {
            self.guard_main()?
        } else {
            InterpreterHandle::from_word(self.runtime.auto_interpreter.load(Ordering::Relaxed))
        };
        if interpreter.is_null() {
            return Err(if guarded {
                self.hang_without_state()
            } else {
                self.crash(Crash::Other)
            });
        }
        let handle = self.create_thread_state(interpreter, Whence::GilState)?;
        if handle.is_null() {
            self.null_thread_state()?;
            return Err(self.fatal(Fatal::EnsureFailed));
        }
        self.bind_listed(handle)?;
        if !self.runtime.profile.binds_after_listing() {
            // It was bound before it was in the list.
            self.touch(handle)?;
        }
        self.thread_state(handle)?.gilstate_counter.write(0);
        if guarded {
            self.unguard_main(interpreter)?;
        }
        Ok(handle)
    }

    /// Attaches the calling thread, with a thread state of its own if it has none, and counts.
    ///
    /// Blocks while another thread holds the GIL.
    ///
    /// # Errors
    ///
    /// Hang at finalization; a crash before initialization and after finalization; fatal if no thread state could be
    /// made; use after free. Source: contract 2.6, §GILSTATE.
    #[doc(alias = "PyGILState_Ensure")]
    pub fn gil_state_ensure(&self) -> Step<GilState> {
        let mut handle = self.tss();
        let mut before = GilState::Unlocked;
        if handle.is_null() {
            handle = self.create_gilstate()?;
        } else if handle == self.current() {
            before = GilState::Locked;
        }
        if before == GilState::Unlocked {
            self.eval_restore_thread(handle)?;
        }
        let counter = &self.thread_state(handle)?.gilstate_counter;
        let count = counter.read();
        debug_assert!(
            !self.runtime.sane() || count >= 0,
            "S28: the counter is not negative"
        );
        counter.write(count + 1);
        Ok(before)
    }

    /// Undoes one Ensure.
    ///
    /// # Errors
    ///
    /// Fatal in a thread that has no thread state, and while it is not attached; what ended the thread in a
    /// destructor. One Release too many is not found out: it deletes the thread's own state. Source: contract 2.6,
    /// §GILSTATE.
    #[doc(alias = "PyGILState_Release")]
    pub fn gil_state_release(&self, before: GilState) -> Step<()> {
        let handle = self.tss();
        if handle.is_null() {
            return Err(self.fatal(Fatal::ReleaseWithoutState));
        }
        if handle != self.current() {
            return Err(self.fatal(Fatal::ReleaseNotCurrent));
        }
        let counter = &self.thread_state(handle)?.gilstate_counter;
        counter.write(counter.read() - 1);
        if counter.read() == 0 {
            let raised = self.runtime.profile.release_counts_while_clearing();
            counter.write(i32::from(raised));
            self.thread_state_clear(handle)?;
            let counter = &self.thread_state(handle)?.gilstate_counter;
            counter.write(counter.read() - i32::from(raised));
            self.delete_current(handle)
        } else if before == GilState::Unlocked {
            self.eval_save_thread().map(drop)
        } else {
            Ok(())
        }
    }

    /// *tss* of the calling thread: maybe detached, maybe deleted by another thread, or null. Source: contract 2.6.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyGILState_GetThisThreadState")]
    pub fn gil_state_get_this_thread_state(&self) -> Step<ThreadStateHandle> {
        Ok(self.tss())
    }

    /// Whether the attached thread state is the thread's GILState one; always 1 while the check is disabled. Source:
    /// contract 2.6.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyGILState_Check")]
    pub fn gil_state_check(&self) -> Step<i32> {
        // The key is gone without the runtime; the thread's own slot is not.
        let is_without_key = !self.runtime.profile.slots_outlive_the_runtime()
            && !self.runtime.tss_created.load(Ordering::Relaxed);
        if !self.runtime.check_enabled.read() || is_without_key {
            return Ok(1);
        }
        let current = self.current();
        Ok(i32::from(
            !current.is_null() && current == self.tss_own().read(),
        ))
    }
}
