//! Thread states: how one is created, bound, cleared and deleted.
//!
//! CPython: `Python/pystate.c` (`new_threadstate`, `bind_tstate`, `PyThreadState_Clear`, `tstate_delete_common`,
//! `decref_threadstate`); 3.8 to 3.15.
//!
//! # States
//!
//! [`super::arena`].
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | Free → Detached | [`Caller::create_thread_state`] | the creating thread | – |
//! | Detached → Attached | attach A5 | the owner | the GIL |
//! | Attached → Detached | detach B4 | the owner | the GIL |
//! | any → ShuttingDown | finalization F11 | the finalizer | the GIL |
//! | any → Free | [`Caller::free_thread_state`] | the deleter, or the last reference | – |
//!
//! # Protocol
//!
//! Delete the current one: since 3.12 unlink, detach, drop the GIL as its last act, free. 3.9 to 3.11 drop it as if the thread
//! state lived on, so that the thread may wait for a switch before it frees. 3.8 frees before it drops.
//! K3 looks whether the thread state is some thread's own with HEAD_LOCK given up again. In 3.12 a swap that still knows it makes it so
//! in between, without the GIL ([`super::attach`]).
//!
//! A reader goes through [`Caller::thread_state`], and asks [`Caller::live`] right after an access to an atomic: a
//! check before it would need a scheduling point of its own.
//!
//! # Invariants
//!
//! S14 TsIdUnique, S18 NoUseAfterFreeTs, S20 ClearBeforeDelete, S21 NoDeleteAttached, S22 BindOnce, S23 RefcountBalance.
//!
//! # Lock order
//!
//! HEAD_LOCK is taken inside, nothing may be held.
//!
//! # Outcomes
//!
//! Use after free; fatal *tstate %p is still current*.

use super::allocation::Memory;
use super::arena::{EMBEDDED_FIRST, Status, ThreadState, Whence, embedded_in};
use super::differences::{DeleteCurrent, FirstThreadState, ThreadEnd};
use super::gil::Release;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::{Crash, Fatal, Step};
use super::state::Caller;
use crate::sync::{Ordering, current_thread};

impl<'a> Caller<'a> {
    /// The storage of a thread state, whoever owns it now: for [`Caller::thread_state`] and static storage.
    pub(super) fn storage(&self, handle: ThreadStateHandle) -> Step<&'a ThreadState> {
        match handle.slot() {
            Some(slot) => Ok(self.runtime.thread_states.slot(slot)),
            None => Err(self.crash(Crash::NoThreadState)),
        }
    }

    /// Reads through a pointer to a thread state: its plain fields may be used in this step.
    pub(super) fn thread_state(&self, handle: ThreadStateHandle) -> Step<&'a ThreadState> {
        let tstate = self.storage(handle)?;
        self.live(handle)?;
        Ok(tstate)
    }

    /// Finds out that a thread state was freed. Called right after a visible operation on it, in the same step.
    pub(super) fn live(&self, handle: ThreadStateHandle) -> Step<()> {
        if self.storage(handle)?.generation() == handle.generation() {
            Ok(())
        } else {
            let is_block = handle.slot().and_then(embedded_in).is_none();
            Err(self.use_after_free(is_block))
        }
    }

    /// Reads through a pointer to a thread state that another thread may free any time: a visible operation.
    pub(super) fn touch(&self, handle: ThreadStateHandle) -> Step<&'a ThreadState> {
        let _state = self.storage(handle)?.load();
        self.thread_state(handle)
    }

    /// As [`Caller::live`], for an access that is harmless as long as the memory is there: the main interpreter's first
    /// thread state is embedded in static storage, which is never given back.
    pub(super) fn mapped(&self, handle: ThreadStateHandle) -> Step<()> {
        match handle.slot().and_then(embedded_in) {
            Some(0) => Ok(()),
            Some(_) | None => self.live(handle),
        }
    }

    /// Reads `ts->interp`.
    pub(super) fn interpreter_of(&self, handle: ThreadStateHandle) -> Step<InterpreterHandle> {
        Ok(self.thread_state(handle)?.interpreter.read())
    }

    /// §TS new, N1 and N3: a detached thread state at the head of the list; null if there is no room.
    ///
    /// Free → Detached.
    pub(super) fn create_thread_state(
        &self,
        interpreter: InterpreterHandle,
        whence: Whence,
    ) -> Step<ThreadStateHandle> {
        let embedded = match self.runtime.profile.first_thread_state() {
            FirstThreadState::TakenAndPutBack => self.take_embedded(interpreter)?,
            FirstThreadState::OfEmptyList => {
                // Memory is taken in any case, before the lock (gh-96071), but once the interpreter was read.
                self.interpreter(interpreter)?;
                self.allocate(Memory::Raw)?;
                return self.create_listed(interpreter, whence);
            }
            FirstThreadState::Heap => {
                self.interpreter(interpreter)?;
                None
            }
        };
        if embedded.is_none() {
            self.allocate(Memory::Raw)?;
        }
        let handle = self.initialized_thread_state(interpreter, whence, embedded);
        if !handle.is_null() {
            let mut lists = self.runtime.lists.lock();
            self.live_interpreter(interpreter)?;
            // A life of the runtime may have ended meanwhile, with the interpreter and the first thread state in it.
            self.interpreter(interpreter)?;
            self.live(handle)?;
            if lists.holds_storage(interpreter, handle) {
                drop(lists);
                return Err(self.crash(Crash::UseAfterFree));
            }
            if !self.interpreter(interpreter)?.doomed.read() {
                lists.insert_thread_state(interpreter, handle);
            }
            drop(lists);
        }
        Ok(handle)
    }

    /// §TS N1: the embedded one, if it is free. The next life of the runtime has it from under who takes it.
    fn take_embedded(&self, interpreter: InterpreterHandle) -> Step<Option<ThreadStateHandle>> {
        let owner = self.interpreter(interpreter)?;
        let taken = owner.preallocated.swap(false, Ordering::SeqCst);
        let embedded = self.embedded_of(interpreter);
        self.interpreter(interpreter)?;
        Ok(embedded.filter(|_| taken))
    }

    /// Where an interpreter's first thread state lies, as what is in it now.
    fn embedded_of(&self, interpreter: InterpreterHandle) -> Option<ThreadStateHandle> {
        let slot = EMBEDDED_FIRST + interpreter.slot()?;
        let generation = self.runtime.thread_states.slot(slot).generation();
        Some(ThreadStateHandle::new(slot, generation))
    }

    /// 3.11, 3.12: under HEAD_LOCK, the embedded one for an empty list. It is not as new when it is used again: fatal.
    fn create_listed(
        &self,
        interpreter: InterpreterHandle,
        whence: Whence,
    ) -> Step<ThreadStateHandle> {
        let owner = self.interpreter(interpreter)?;
        let mut lists = self.runtime.lists.lock();
        let embedded = lists.threads_head(interpreter).is_null();
        if embedded && !owner.preallocated.swap(false, Ordering::SeqCst) {
            drop(lists);
            return Err(self.fatal(Fatal::AlreadyInitialized));
        }
        let embedded = self.embedded_of(interpreter).filter(|_| embedded);
        let handle = self.initialized_thread_state(interpreter, whence, embedded);
        if !handle.is_null() {
            lists.insert_thread_state(interpreter, handle);
        }
        drop(lists);
        Ok(handle)
    }

    /// §TS N1, and the fields: a thread state in no list; null if there is no room.
    fn initialized_thread_state(
        &self,
        interpreter: InterpreterHandle,
        whence: Whence,
        embedded: Option<ThreadStateHandle>,
    ) -> ThreadStateHandle {
        let arena = &self.runtime.thread_states;
        let taken = || {
            if self.runtime.failures.takes_allocation() {
                return None;
            }
            let slot = arena.take()?;
            let generation = arena.slot(slot).generation();
            Some(ThreadStateHandle::new(slot, generation))
        };
        let Some(handle) = embedded.or_else(taken) else {
            return ThreadStateHandle::NULL;
        };
        if let Some(tstate) = handle.slot().map(|slot| arena.slot(slot))
            // Else it was freed meanwhile, which is found out where it is linked.
            && tstate.generation() == handle.generation()
        {
            tstate.initialize(interpreter, whence);
        }
        handle
    }

    /// §TS bind, where finalization may be under way: since 3.11 the thread state is in the list by then, and may be freed.
    pub(super) fn bind_listed(&self, handle: ThreadStateHandle) -> Step<()> {
        if self.runtime.profile.binds_after_listing() {
            self.touch(handle)?;
        }
        self.bind_thread_state(handle)
    }

    /// §TS bind: the thread state is this thread's, and its GILState one if the thread has none.
    pub(super) fn bind_thread_state(&self, handle: ThreadStateHandle) -> Step<()> {
        let tstate = self.thread_state(handle)?;
        debug_assert!(
            !self.runtime.sane() || !tstate.is(Status::Bound),
            "S22: a thread state is bound once"
        );
        tstate.thread.write(current_thread().index() as u8 + 1);
        tstate.set(Status::Bound, true);
        if self.tss_own().read().is_null() {
            self.bind_gilstate(handle)?;
        }
        Ok(())
    }

    /// §TS delete_common, K1 to K6, and the freeing of the storage.
    pub(super) fn delete_thread_state(
        &self,
        handle: ThreadStateHandle,
        release_gil: bool,
    ) -> Step<()> {
        if handle == self.current() {
            return Err(self.fatal(Fatal::StillCurrent));
        }
        let interpreter = self.unlink_thread_state(handle)?;
        if release_gil {
            self.drop_gil(interpreter, handle, Release::Final)?;
        }
        self.thread_state(handle)?.set(Status::Finalized, true);
        self.free_thread_state(handle)
    }

    /// §TS K3. Since 3.12 the caller's slot is emptied if the thread state is in any slot, also in another thread's.
    fn unbind_gilstate(&self, handle: ThreadStateHandle) -> Step<()> {
        let tstate = self.thread_state(handle)?;
        let forgets = if self.runtime.profile.slot_follows_attach() {
            tstate.is(Status::BoundGilState)
        } else {
            self.tss_own().read() == handle
        };
        if forgets {
            self.tss_own().write(ThreadStateHandle::NULL);
            tstate.set(Status::BoundGilState, false);
        }
        Ok(())
    }

    /// `_PyThreadState_DeleteCurrent` of the current thread state: it is out of the list before the GIL is free.
    pub(super) fn delete_current(&self, handle: ThreadStateHandle) -> Step<()> {
        match self.runtime.profile.delete_current() {
            DeleteCurrent::DropsLast => {
                self.set_current(ThreadStateHandle::NULL);
                self.delete_thread_state(handle, true)
            }
            DeleteCurrent::MaySwitch => {
                let interpreter = self.unlink_thread_state(handle)?;
                self.set_current(ThreadStateHandle::NULL);
                self.drop_gil(interpreter, handle, Release::Normal)?;
                self.free_thread_state(handle)
            }
            DeleteCurrent::FreesFirst => {
                let interpreter = self.unlink_thread_state(handle)?;
                self.free_thread_state(handle)?;
                self.set_current(ThreadStateHandle::NULL);
                self.drop_gil(interpreter, ThreadStateHandle::NULL, Release::Final)
            }
        }
    }

    /// §TS K2, K3.
    fn unlink_thread_state(&self, handle: ThreadStateHandle) -> Step<InterpreterHandle> {
        let interpreter = self.interpreter_of(handle)?;
        let mut lists = self.runtime.lists.lock();
        self.live(handle)?;
        self.interpreter(interpreter)?;
        lists.remove_thread_state(interpreter, handle);
        drop(lists);
        self.release_joiners(handle, ThreadEnd::StateDeleted);
        let is_bound = self.thread_state(handle)?.is(Status::BoundGilState);
        if self.runtime.profile.swap_activates_first() && !is_bound {
            // A swap that still knows it makes it its thread's own without the GIL, also when it is in no list any more.
            self.touch(handle)?;
        }
        self.unbind_gilstate(handle)?;
        self.thread_state(handle)?.set(Status::Unbound, true);
        Ok(interpreter)
    }

    /// `free_threadstate`: any → Free. An embedded one goes back to its interpreter.
    pub(super) fn free_thread_state(&self, handle: ThreadStateHandle) -> Step<()> {
        let Some(slot) = handle.slot() else {
            return Err(self.crash(Crash::NoThreadState));
        };
        if !self.runtime.thread_states.free(slot, handle.generation()) {
            return Err(self.crash(Crash::UseAfterFree));
        }
        let is_put_back =
            self.runtime.profile.first_thread_state() == FirstThreadState::TakenAndPutBack;
        if let Some(interpreter) = embedded_in(slot).filter(|_| is_put_back) {
            self.runtime.interpreters[interpreter]
                .preallocated
                .store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    /// §INIT I5: the storage of an interpreter's first thread state holds nothing, whatever an earlier life left.
    pub(super) fn free_embedded(&self, interpreter: InterpreterHandle) -> Step<()> {
        let preallocated = &self.interpreter(interpreter)?.preallocated;
        if let Some(slot) = interpreter.slot()
            && !preallocated.swap(true, Ordering::SeqCst)
        {
            // Somebody has it, and will write where the next one is.
            self.runtime.corrupted.write(true);
            let arena = &self.runtime.thread_states;
            let slot = EMBEDDED_FIRST + slot;
            let _freed = arena.free(slot, arena.slot(slot).generation());
        }
        Ok(())
    }

    /// `decref_threadstate`: gives one reference up and frees with the last one (S23).
    pub(super) fn release_reference(&self, handle: ThreadStateHandle) -> Step<()> {
        let before = self
            .storage(handle)?
            .refcount
            .fetch_sub(1, Ordering::SeqCst);
        self.live(handle)?;
        debug_assert!(
            !self.runtime.sane() || before > 0,
            "S23: a reference is given up once"
        );
        if before == 1 {
            self.free_thread_state(handle)
        } else {
            Ok(())
        }
    }

    /// Makes a thread state of an interpreter for the calling thread; null without memory. It is not attached.
    ///
    /// # Errors
    ///
    /// A crash for an interpreter that is null or freed. Source: contract 2.8, §TS.
    #[doc(alias = "PyThreadState_New")]
    pub fn thread_state_new(&self, interpreter: InterpreterHandle) -> Step<ThreadStateHandle> {
        let handle = self.create_thread_state(interpreter, Whence::Unknown)?;
        if handle.is_null() {
            return self.null_thread_state();
        }
        self.bind_listed(handle)?;
        Ok(handle)
    }

    /// No memory for a thread state: null, which 3.11 reads through.
    pub(super) fn null_thread_state(&self) -> Step<ThreadStateHandle> {
        if self.runtime.profile.null_state_is_read() {
            return Err(self.crash(Crash::Other));
        }
        Ok(ThreadStateHandle::NULL)
    }

    /// Drops what a thread state refers to: destructors run here and may do anything.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state or for a freed one; what ended the thread in a destructor. Source:
    /// contract 2.8.
    #[doc(alias = "PyThreadState_Clear")]
    pub fn thread_state_clear(&self, handle: ThreadStateHandle) -> Step<()> {
        self.attached_or_crash()?;
        self.clear_for_good(handle)
    }

    /// The same, whoever is attached: what ends here runs with the thread state that is current.
    pub(super) fn clear_for_good(&self, handle: ThreadStateHandle) -> Step<()> {
        self.interpreter(self.interpreter_of(handle)?)?;
        self.thread_state(handle)?.set(Status::Finalizing, true);
        self.run_at_clear(handle)?;
        self.forget_tracers(handle)?;
        if self.runtime.signals.is_used() {
            self.storage(handle)?.async_exc.store(0, Ordering::Relaxed);
        }
        self.thread_state(handle)?.set(Status::Cleared, true);
        self.release_joiners(handle, ThreadEnd::StateCleared);
        self.release_importer(handle)
    }

    /// Takes a cleared thread state out of the list and frees it.
    ///
    /// # Errors
    ///
    /// Fatal for null and for the current one; use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_Delete")]
    pub fn thread_state_delete(&self, handle: ThreadStateHandle) -> Step<()> {
        if handle.is_null() {
            return Err(self.fatal(Fatal::DeleteNull));
        }
        self.delete_thread_state(handle, false)
    }

    /// Deletes the attached thread state and drops the GIL for good.
    ///
    /// # Errors
    ///
    /// Fatal without an attached thread state; use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_DeleteCurrent")]
    pub fn thread_state_delete_current(&self) -> Step<()> {
        let current = self.current();
        if current.is_null() {
            return Err(self.fatal(Fatal::DeleteCurrentNull));
        }
        self.delete_current(current)
    }

    /// The attached thread state.
    ///
    /// # Errors
    ///
    /// Fatal without one. Source: contract 2.5.
    #[doc(alias = "PyThreadState_Get")]
    pub fn thread_state_get(&self) -> Step<ThreadStateHandle> {
        let current = self.current();
        if current.is_null() {
            Err(self.fatal(Fatal::GetNull))
        } else {
            Ok(current)
        }
    }

    /// The attached thread state, or null. Source: contract 2.5.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyThreadState_GetUnchecked")]
    #[doc(alias = "_PyThreadState_UncheckedGet")]
    pub fn thread_state_get_unchecked(&self) -> Step<ThreadStateHandle> {
        Ok(self.current())
    }

    /// The id of a thread state within its interpreter.
    ///
    /// # Errors
    ///
    /// Use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_GetID")]
    pub fn thread_state_get_id(&self, handle: ThreadStateHandle) -> Step<u64> {
        let id = self.look_at_lists(|lists| lists.thread_state_id(handle));
        self.thread_state(handle)?;
        Ok(id)
    }

    /// The interpreter of a thread state.
    ///
    /// # Errors
    ///
    /// Use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_GetInterpreter")]
    pub fn thread_state_get_interpreter(
        &self,
        handle: ThreadStateHandle,
    ) -> Step<InterpreterHandle> {
        self.interpreter_of(handle)
    }

    /// The next older thread state of the same interpreter, or null. Source: contract 2.14.
    ///
    /// # Errors
    ///
    /// Use after free.
    #[doc(alias = "PyThreadState_Next")]
    pub fn thread_state_next(&self, handle: ThreadStateHandle) -> Step<ThreadStateHandle> {
        let next = self.look_at_lists(|lists| lists.next_thread_state(handle));
        self.thread_state(handle)?;
        Ok(next)
    }
}
