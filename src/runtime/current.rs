//! The current thread state: where it is kept, and what a thread without the GIL sees of it.
//!
//! CPython: `Python/pystate.c` (`current_fast_get`, `_PyThreadState_GET`, `_PyThreadState_Swap`); 3.8 to 3.15.
//!
//! # States
//!
//! | release | *cur* | who writes it |
//! | --- | --- | --- |
//! | 3.12 and newer | one in each thread | that thread |
//! | up to 3.11 | one in the process | the holder of the GIL, and whoever calls `PyThreadState_Swap` |
//!
//! Up to 3.11 a thread that holds nothing reads the holder's thread state as its own, and what it does with that it does
//! to the holder. What a thread attached itself is kept apart from it, as the interpreter keeps the thread state that it
//! runs with in a variable: whether Python may run here is asked of that ([`Caller::attached_or_crash`]).
//!
//! # Invariants
//!
//! S1 OneAttached, S2 OneThreadPerTs: up to 3.11 both are broken by a swap beside the holder of the GIL.
//!
//! # Memory order
//!
//! Relaxed, as in C: the GIL orders what its holders write; nobody else may rely on it.
//!
//! # Outcomes
//!
//! A crash of a thread that runs beside the holder of the GIL.
//!
//! # Checked by
//!
//! `tests/releases.rs`, `scenarios/swap/beside-the-holder.capi`.

use super::arena::AttachState;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::{Crash, Step};
use super::state::Caller;
use crate::sync::{Ordering, Word, current_thread, learned, observe, pause_point};

impl Caller<'_> {
    /// *cur* as the calling thread reads it.
    pub(super) fn current(&self) -> ThreadStateHandle {
        if self.runtime.profile.current_is_of_process() {
            let word = self.runtime.current_of_process.load(Ordering::Relaxed);
            ThreadStateHandle::from_word(word)
        } else {
            self.runtime.current.read()
        }
    }

    /// §ATTACH A4, B5.
    pub(super) fn set_current(&self, handle: ThreadStateHandle) {
        if self.runtime.profile.current_is_of_process() {
            let word = handle.to_word();
            self.runtime
                .current_of_process
                .store(word, Ordering::Relaxed);
        }
        self.runtime.current.write(handle);
    }

    /// The thread state with which Python may run on this thread: what it attached itself.
    pub(super) fn attached_or_crash(&self) -> Step<ThreadStateHandle> {
        let own = self.runtime.current.read();
        if own.is_null() {
            return Err(self.crash(Crash::NoThreadState));
        }
        if !self.runtime.profile.swap_takes_gil() && !self.holds_main_gil()? {
            self.look_beside_the_holder()?;
        }
        Ok(own)
    }

    /// Whether this thread holds the main interpreter's GIL: nobody else can change that.
    pub(super) fn holds_main_gil(&self) -> Step<bool> {
        let gil = &self.interpreter(InterpreterHandle::MAIN)?.gil_own;
        Ok(gil.is_holder(current_thread()))
    }

    /// What a thread that swapped its thread state in meets if it runs Python without the GIL: the holder, or what the
    /// last holder left, no current thread state at all.
    fn look_beside_the_holder(&self) -> Step<()> {
        if self.another_holds_gil()? {
            return Err(self.crash(Crash::TwoHolders));
        }
        if self.current().is_null() {
            return Err(self.crash(Crash::NoThreadState));
        }
        Ok(())
    }

    fn another_holds_gil(&self) -> Step<bool> {
        let gil = &self.interpreter(InterpreterHandle::MAIN)?.gil_own;
        pause_point();
        let held = observe(|| gil.is_held());
        learned(u64::from(held));
        Ok(held)
    }

    /// `PyThreadState_Swap` up to 3.11: the pointer is exchanged, whoever holds the GIL.
    pub(super) fn swap_pointer(&self, new: ThreadStateHandle) -> Step<ThreadStateHandle> {
        let old = self.current();
        self.set_current(new);
        if self.holds_main_gil()? {
            self.note_attached(old, false);
            self.note_attached(new, true);
        } else {
            self.runtime.corrupted.write(true);
        }
        Ok(old)
    }

    /// What C of these releases does not write down, for observers: whether a thread state is the GIL holder's current
    /// one. Nothing for one that is freed.
    fn note_attached(&self, handle: ThreadStateHandle, attached: bool) {
        let Some(slot) = handle.slot() else { return };
        let tstate = self.runtime.thread_states.slot(slot);
        if tstate.generation() != handle.generation() {
            return;
        }
        tstate.holds_gil.write(attached);
        tstate.set_by_owner(if attached {
            AttachState::Attached
        } else {
            AttachState::Detached
        });
    }
}
