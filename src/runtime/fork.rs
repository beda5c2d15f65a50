//! Fork: what `os.fork()` does around the native call, and how the child puts right what it was left with.
//!
//! CPython: `Modules/posixmodule.c` (`os_fork_impl`, `PyOS_BeforeFork`, `PyOS_AfterFork_Parent`, `PyOS_AfterFork_Child`),
//! `Python/ceval_gil.c` (`_PyEval_ReInitThreads`), `Python/pystate.c` (`_PyRuntimeState_ReInitThreads`,
//! `_PyThreadState_DeleteExcept`, `_PyInterpreterState_DeleteExceptMain`), `Python/import.c` (`_PyImport_ReInitLock`); 3.8 to
//! 3.15.
//!
//! # States
//!
//! In the child memory is as it was. Only the forking thread exists; what the others held is held for ever, unless it is
//! made anew ([`crate::sync`], Fork).
//!
//! # Protocol
//!
//! §FORK. Before: K1 hooks, newest first · K2 the import lock ([`super::import_lock`]) · K4 since 3.13 HEAD_LOCK, kept over the
//! fork. Parent: HEAD_LOCK given up · the import lock given back · hooks, oldest first.
//!
//! Child, since 3.12:
//!
//! 1. `main_thread` is the forking thread;
//! 2. since 3.13 the parking lot is emptied, whoever waits for whatever mutex;
//! 3. made anew: HEAD_LOCK, the main queue's lock, those of `Py_AtExit` and of audit hooks;
//! 4. since 3.13 the handles of all other threads are done, and none is waited for;
//! 5. fatal without a current thread state;
//! 6. the GIL is made anew and taken; the interpreter's queue gets a new lock;
//! 7. the interpreter's other thread states are unlinked, then cleared and freed: destructors run here;
//! 8. the import lock is free, or the forking thread's once less than before; a signal that was noted is forgotten;
//! 9. other interpreters are deleted: fatal if the current one is not the main one;
//! 10. hooks, oldest first; before them `threading`'s own, up to 3.12 with what 4 does since.
//!
//! Up to 3.11 1 and 3 come after 8: whoever had HEAD_LOCK when the process was forked stops the child in 7 for ever
//! (gh-112275), until the last patches of these releases, which have the new order.
//!
//! Not reset: `main_tstate`, which stays that of the thread that initialized, freed or not; `handling_thread`, contents of
//! queues, users' mutexes but for their waiters, modules' locks, guards, other interpreters' GILs.
//!
//! In 9 HEAD_LOCK is held while each interpreter is cleared: up to 3.12 the clearing takes it again and waits for itself; since
//! 3.13 it needs a current thread state, which there is none of.
//!
//! Differs: locks that are made anew are no scheduling points, as there is one thread; what `threading` does in 10 is done
//! before all hooks, wherever its own stands among them.
//!
//! # Invariants
//!
//! S64 ChildSingle, S65 ChildMainTs (violated since 3.13 by a fork in another thread than the first), S66 ChildLocksFree, S67
//! ChildNoOrphanLock (violated for users' mutexes), S68 ParentUnchanged, S69 ForkBlockedWhenFinalizing, S17 HeadLockLeaf
//! (violated in 9), L9 ForkChildReturns (violated in 7 and 9).
//!
//! # Lock order
//!
//! Import lock → HEAD_LOCK, which is kept over the fork: the caller must make no call that takes it.
//!
//! # Outcomes
//!
//! Deadlock of the child; fatal *not main interpreter*, *failed releasing import lock after fork*, *PyThreadState_Get* in 9 of
//! 3.13, and without a current thread state; a crash in 9 since 3.14; later, use after free of `main_tstate`, and finalization that
//! waits for a guard of a thread which is not there ([`super::guard`]).
//!
//! # Checked by
//!
//! `tests/loom/fork.rs`, `tests/fork.rs`, `scenarios/fork`.

use super::audit::AuditEvent;
use super::callback::{Callback, CallbackStack};
use super::differences::ForkWithInterpreters;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::import::ModuleId;
use super::interpreter::INTERPRETERS_MAX;
use super::lock_order::Lock;
use super::outcome::{Crash, Fatal, Step};
use super::state::Caller;
use crate::sync::{Branch, ThreadIndex, current_thread};

/// Hooks of each kind that one interpreter takes.
pub const FORK_HOOKS_MAX: usize = 16;

/// What `os.register_at_fork` registered in one interpreter. Rule: the GIL.
#[derive(Debug)]
pub(super) struct ForkHooks {
    before: CallbackStack<FORK_HOOKS_MAX>,
    parent: CallbackStack<FORK_HOOKS_MAX>,
    child: CallbackStack<FORK_HOOKS_MAX>,
}

impl ForkHooks {
    pub(super) fn new() -> Self {
        Self {
            before: CallbackStack::new("interpreter.before_forkers"),
            parent: CallbackStack::new("interpreter.after_forkers_parent"),
            child: CallbackStack::new("interpreter.after_forkers_child"),
        }
    }

    /// As of a new interpreter.
    pub(super) fn clear(&self) {
        for hooks in [&self.before, &self.parent, &self.child] {
            while hooks.pop().is_some() {}
        }
    }
}

impl Caller<'_> {
    /// Registers hooks of the current interpreter; those that are null are none. Whether there was room.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state. Source: contract 2.18.
    #[doc(alias = "os.register_at_fork")]
    pub fn register_at_fork(
        &self,
        before: Callback,
        parent: Callback,
        child: Callback,
    ) -> Step<bool> {
        let interpreter = self.interpreter_of(self.attached_or_crash()?)?;
        let hooks = &self.interpreter(interpreter)?.fork_hooks;
        let mut room = true;
        let kinds = [
            (&hooks.before, before),
            (&hooks.parent, parent),
            (&hooks.child, child),
        ];
        for (stack, hook) in kinds {
            if hook.id().is_some() {
                room &= stack.push(hook);
            }
        }
        Ok(room)
    }

    /// Python's `os.fork()`: which process the run goes on as, or `None` if it raises: while the interpreter is finalized, where
    /// forking is not allowed, and where an audit hook refuses.
    ///
    /// Blocks while another thread has the import lock.
    ///
    /// # Errors
    ///
    /// As [`Caller::before_fork`] and what follows in either process. Source: contract 2.18, §FORK, V28, V38.
    #[doc(alias = "os.fork")]
    pub fn os_fork(&self) -> Step<Option<Branch>> {
        if self.evaluate()? != 0 || self.fork_is_refused()? || !self.audit(AuditEvent::Fork)? {
            return Ok(None);
        }
        self.before_fork()?;
        let branch = self.host.fork();
        match branch {
            Branch::Parent => self.after_fork_parent()?,
            Branch::Child => self.after_fork_child()?,
        }
        // Differs: an exception of a pending call that runs right after the fork is dropped.
        self.evaluate()?;
        Ok(Some(branch))
    }

    /// *can't fork at interpreter shutdown*, *fork not supported for isolated subinterpreters*.
    fn fork_is_refused(&self) -> Step<bool> {
        let current = self.interpreter_of(self.attached_or_crash()?)?;
        let interpreter = self.interpreter(current)?;
        let of_main_only = self.runtime.profile.only_main_interpreter_forks();
        let allowed = interpreter.fork_allowed.read()
            && (!of_main_only || current == InterpreterHandle::MAIN);
        Ok(!allowed || self.is_refused_at_finalization(interpreter))
    }

    /// The calling thread takes a lock of the runtime and keeps it, as one that is gone in a forked child does; whether there
    /// is such a lock. For harnesses in which no thread can be left behind.
    #[must_use]
    pub fn keep_for_good(&self, lock: Lock) -> bool {
        let main = &self.runtime.interpreters[0];
        match lock {
            Lock::HeadLock => self.runtime.lists.hold(),
            Lock::AtExit => self.runtime.at_exit_mutex.hold(),
            Lock::GilMutex => main.gil_own.keep_mutex(),
            Lock::GilSwitchMutex => main.gil_own.keep_switch_mutex(),
            Lock::PendingQueue => self.runtime.pending_main.keep_lock(),
            Lock::Bucket => self.runtime.pending_main.mutex().keep_bucket(),
            Lock::ImportLock => main.import_lock.keep(),
            Lock::AuditHooks => self.runtime.audit_hooks.keep_lock(),
            Lock::UserMutex | Lock::Gil => return false,
        }
        true
    }

    /// K1 to K5.
    ///
    /// Blocks while another thread has the import lock, and since 3.13 HEAD_LOCK.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; what ended the thread in a hook; hang at finalization. Source: contract 2.18,
    /// §FORK, V26.
    #[doc(alias = "PyOS_BeforeFork")]
    pub fn before_fork(&self) -> Step<()> {
        let interpreter = self.interpreter_of(self.attached_or_crash()?)?;
        let hooks = &self.interpreter(interpreter)?.fork_hooks.before;
        for place in (0..hooks.len()).rev() {
            let _unraisable = self.run(hooks.get(place))?;
        }
        self.acquire_import_lock(interpreter)?;
        if self.runtime.profile.fork_keeps_head_lock() {
            self.runtime.lists.hold();
            self.runtime
                .forking
                .write(current_thread().index() as u8 + 1);
        }
        Ok(())
    }

    /// After the fork, in the parent.
    ///
    /// # Errors
    ///
    /// Fatal without [`Caller::before_fork`]; a crash without an attached thread state; what ended the thread in a hook. Source:
    /// contract 2.18, §FORK.
    #[doc(alias = "PyOS_AfterFork_Parent")]
    pub fn after_fork_parent(&self) -> Step<()> {
        if self.runtime.profile.fork_keeps_head_lock() {
            if self.runtime.forking.peek() != current_thread().index() as u8 + 1 {
                return Err(self.fatal(Fatal::UnlockUnlocked));
            }
            self.runtime.forking.write(0);
            self.runtime.lists.let_go();
        }
        let interpreter = self.interpreter_of(self.attached_or_crash()?)?;
        if !self.release_import_lock(interpreter)? {
            return Err(self.fatal(Fatal::ForkImportLock));
        }
        let hooks = &self.interpreter(interpreter)?.fork_hooks.parent;
        self.run_fork_hooks(hooks)
    }

    /// After the fork, in the child.
    ///
    /// # Errors
    ///
    /// Fatal without a current thread state, with one of a sub-interpreter, and in 3.13 if there are sub-interpreters; since
    /// 3.14 that is a crash; what ended the thread in a destructor or a hook; use after free. Source: contract 2.18, §FORK, V27,
    /// P50, P50b; observed: `f1` to `f6`.
    #[doc(alias = "PyOS_AfterFork_Child")]
    #[doc(alias = "PyOS_AfterFork")]
    pub fn after_fork_child(&self) -> Step<()> {
        let renews_first = self.runtime.profile.child_renews_locks_first();
        if renews_first {
            self.renew_runtime_locks();
        }
        let current = self.current();
        if current.is_null() {
            return Err(self.fatal(Fatal::AfterForkNull));
        }
        let interpreter = self.interpreter_of(current)?;
        self.renew_gil(interpreter, current)?;
        self.delete_other_thread_states(interpreter, current)?;
        self.renew_import_lock(interpreter)?;
        self.runtime.signals.forget();
        if !renews_first {
            self.renew_runtime_locks();
        }
        self.delete_other_interpreters(interpreter, current)?;
        let forked = self.interpreter(interpreter)?;
        if forked.imports.knows(ModuleId::THREADING) && !self.runtime.profile.runtime_locks_detach()
        {
            self.forget_other_threads();
            forked.importer.note(current);
        }
        let hooks = &self.interpreter(interpreter)?.fork_hooks.child;
        self.run_fork_hooks(hooks)
    }

    fn run_fork_hooks(&self, hooks: &CallbackStack<FORK_HOOKS_MAX>) -> Step<()> {
        for place in 0..hooks.len() {
            let _unraisable = self.run(hooks.get(place))?;
        }
        Ok(())
    }

    /// 1 to 4, `_PyRuntimeState_ReInitThreads`.
    fn renew_runtime_locks(&self) {
        let runtime = self.runtime;
        runtime.main_thread.write(current_thread());
        if runtime.profile.runtime_locks_detach() {
            for mutex in &runtime.mutexes {
                mutex.forget_waiters();
            }
            for interpreter in &runtime.interpreters {
                interpreter.pending.mutex().forget_waiters();
                interpreter.import_lock.forget_waiters();
                interpreter.guards.forget_waiters();
            }
        }
        for interpreter in &runtime.interpreters {
            interpreter.imports.renew();
            interpreter.importer.renew();
        }
        runtime.forking.write(0);
        runtime.lists.renew(|lists| lists);
        runtime.pending_main.renew_lock();
        runtime.at_exit_mutex.renew(|()| ());
        runtime.audit_hooks.renew_lock();
        if runtime.profile.runtime_locks_detach() {
            self.forget_other_threads();
        }
    }

    /// 4, and up to 3.12 what `threading`'s hook does: whoever joins another thread goes on, and finalization waits for none.
    fn forget_other_threads(&self) {
        for index in 0..self.runtime.thread_handles.len() {
            let thread = ThreadIndex::new(index);
            if thread != current_thread() {
                self.runtime.thread_handles[index].be_done_after_fork();
                self.runtime.lists.lock().remove_shutdown_handle(thread);
            }
        }
    }

    /// 6, `_PyEval_ReInitThreads`.
    fn renew_gil(&self, interpreter: InterpreterHandle, current: ThreadStateHandle) -> Step<()> {
        let (_, gil) = self.gil_of(interpreter)?;
        gil.renew();
        self.thread_state(current)?.holds_gil.write(false);
        self.take_gil(current)?;
        self.interpreter(interpreter)?.pending.renew_lock();
        Ok(())
    }

    /// 7, `_PyThreadState_RemoveExcept`, `_PyThreadState_DeleteList`: each is freed, whoever refers to it.
    fn delete_other_thread_states(
        &self,
        interpreter: InterpreterHandle,
        current: ThreadStateHandle,
    ) -> Step<()> {
        let (others, count) = self
            .runtime
            .lists
            .lock()
            .remove_thread_states_except(interpreter, current);
        for &other in &others[..count] {
            self.clear_for_good(other)?;
            self.free_thread_state(other)?;
        }
        Ok(())
    }

    /// 9, `_PyInterpreterState_DeleteExceptMain`.
    fn delete_other_interpreters(
        &self,
        interpreter: InterpreterHandle,
        current: ThreadStateHandle,
    ) -> Step<()> {
        if interpreter != InterpreterHandle::MAIN {
            return Err(self.fatal(Fatal::NotMainInterpreter));
        }
        self.set_current(ThreadStateHandle::NULL);
        let lists = self.runtime.lists.lock();
        let mut listed = lists.head();
        for _ in 0..INTERPRETERS_MAX {
            if listed.is_null() {
                break;
            }
            if listed != InterpreterHandle::MAIN {
                return Err(match self.runtime.profile.fork_with_interpreters() {
                    ForkWithInterpreters::Deadlock => {
                        // The clearing takes HEAD_LOCK, which is this thread's.
                        drop(self.runtime.lists.lock());
                        self.crash(Crash::Other)
                    }
                    ForkWithInterpreters::Fatal => self.fatal(Fatal::GetNull),
                    ForkWithInterpreters::Crash => self.crash(Crash::NoThreadState),
                });
            }
            listed = lists.next_interpreter(listed);
        }
        drop(lists);
        self.set_current(current);
        Ok(())
    }
}
