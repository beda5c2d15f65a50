//! `Py_FinalizeEx`, phase by phase.
//!
//! CPython: `Python/pylifecycle.c` (`_Py_Finalize`, `finalize_interp_clear`, `finalize_interp_delete`),
//! `Python/pystate.c` (`PyInterpreterState_Delete`, `zapthreads`); 3.8 to 3.15.
//!
//! # States
//!
//! [`Phase`]: what the finalizer does now, or did last.
//!
//! # Protocol
//!
//! §FINAL F1 to F32, each named at its [`Phase`]. The order is the protocol: threads joined < pending calls finished <
//! atexit < the mark (F9) < the list cut (F10) < the others marked (F11) < their clearing (F13) < modules (F18) < C
//! callbacks (F25) < deletion (F30) < `Py_AtExit` (F31).
//!
//! | release | the other thread states | who is late ([`super::late`]) | the GIL in F30 |
//! | --- | --- | --- | --- |
//! | 3.8 | listed until F30, cleared in F22 under HEAD_LOCK | whoever is not the finalizer, once it has the GIL | stays taken |
//! | 3.9 to 3.11 | F10; in F13 cleared and freed (bpo-19466) | whoever is not the finalizer | stays taken |
//! | 3.12 | the same | the same, by OS thread | dropped, without a forced switch |
//! | 3.13 | the same | the same | dropped |
//! | 3.14 and newer | F10, F11; in F13 cleared and given up (gh-124878) | who is marked | dropped |
//!
//! In 3.14 a state made after F10 carries no mark: it attaches whenever the finalizer lets go of the GIL (P01). In 3.15
//! Ensure makes none once no guard can be had ([`super::guard`]). After F29 Ensure crashes, in 3.15 it hangs.
//!
//! 3.9 to 3.12 wait in F4 for the importer of `threading` ([`super::importer`]). 3.15 repeats F4 to F7 until nothing new
//! came up (J1 to J8). The finalizer is the caller's thread state up to 3.12, `main_tstate` since 3.13: before, it is the
//! interpreter of the caller that is torn down, also a sub-interpreter, and the main one stays.
//!
//! Sub-interpreters that are left ([`super::subinterpreter`]): up to 3.12 fatal in F30, in 3.13 ended after F18, since 3.14
//! in F7.
//!
//! # Invariants
//!
//! S32 FinalizerExclusive (violated by P01), S33 SingletonList, S37 HangOnlyWhenFinalizing, S39 NoSubsAtFlag,
//! S40 FinalizeIdempotent, S41 PhaseOrder.
//!
//! # Memory order
//!
//! `finalizing` and `initialized` are stored relaxed and order nothing; F29's store is relaxed too. What a late thread
//! must see comes with the state of its thread state and the GIL.
//!
//! # Lock order
//!
//! HEAD_LOCK is never held over a callback (gh-102126).
//!
//! # Outcomes
//!
//! Hang of late threads; deadlock; livelock in F5; use after free of late thread states that F30 frees; fatal
//! *remaining threads*.
//!
//! # Checked by
//!
//! `tests/loom/finalize.rs`, `tests/runtime.rs`.

use super::arena::Whence;
use super::audit::AuditEvent;
use super::differences::{GilAtTheEnd, SubInterpretersEnd};
use super::gil::Release;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::import::ModuleId;
use super::outcome::{Crash, Fatal, Step};
use super::state::Caller;
use crate::sync::{
    Ordering, THREADS_MAX, ThreadIndex, Word, current_thread, is_alone, pause_point, scope,
};

/// A phase of finalization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// No finalization has begun in this life.
    NotStarted,
    /// F2, F3: the finalizer's thread state is attached; the interpreter is told.
    Announce,
    /// F4: `threading._shutdown`.
    JoinThreads,
    /// F5: pending calls.
    FinishPendingCalls,
    /// F6: Python's atexit callbacks.
    ExitCallbacks,
    /// F7: sub-interpreters that are left.
    EndInterpreters,
    /// J6 to J8, since 3.15: guards are waited for, and whether all is done is looked at once more.
    Settle,
    /// F9: the finalizing marks are set.
    Mark,
    /// F10: the other thread states leave the list.
    Unlink,
    /// F11: each of them is marked.
    ShutDown,
    /// F13: each of them is cleared and given up.
    ClearOthers,
    /// F14, F15: streams are flushed, signals off.
    Flush,
    /// F16: a collection.
    Collect,
    /// F17, F18: import externals; module teardown.
    TearDownModules,
    /// F19, F20: streams again; services off.
    FlushAgain,
    /// F21, F22: every listed thread state is cleared.
    ClearListed,
    /// F23, F24: the finalizer's eval breaker and the interpreter's fields.
    ClearFields,
    /// F25: callbacks of `PyUnstable_AtExit`.
    ExitCallbacksNative,
    /// F26 to F28: the last collection; sys, builtins, types.
    CollectLast,
    /// F29: Ensure finds no interpreter any more.
    ForgetInterpreter,
    /// F30: the finalizer detaches, listed thread states and the interpreter are deleted.
    Delete,
    /// F31: callbacks of `Py_AtExit`.
    AtExit,
    /// F32: the runtime is as before its first use, but for the finalizing mark.
    Finished,
}

super::handle::word_for_enum!(Phase {
    NotStarted,
    Announce,
    JoinThreads,
    FinishPendingCalls,
    ExitCallbacks,
    EndInterpreters,
    Settle,
    Mark,
    Unlink,
    ShutDown,
    ClearOthers,
    Flush,
    Collect,
    TearDownModules,
    FlushAgain,
    ClearListed,
    ClearFields,
    ExitCallbacksNative,
    CollectLast,
    ForgetInterpreter,
    Delete,
    AtExit,
    Finished,
});

/// What ends, and in whose name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ending {
    /// The interpreter that is torn down.
    pub(super) interpreter: InterpreterHandle,
    /// The thread state that does it.
    pub(super) finalizer: ThreadStateHandle,
    /// Whether the runtime ends with it: `Py_FinalizeEx`.
    pub(super) whole: bool,
}

impl Caller<'_> {
    fn enter_phase(&self, ending: Ending, phase: Phase) {
        if !ending.whole {
            return;
        }
        debug_assert!(
            !self.runtime.sane() || self.runtime.phase.peek() < phase || phase == Phase::Announce,
            "S41: phases run in order"
        );
        self.runtime.phase.write(phase);
    }

    /// Undoes initialization; 0. Nothing if the runtime is not initialized.
    ///
    /// Blocks while non-daemon threads run and while other threads hold the GIL.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state, but on the main thread; what ended the thread in a callback; fatal if
    /// thread states are made meanwhile, and up to 3.12 if there are sub-interpreters. Source: contract 2.2, §FINAL.
    #[doc(alias = "Py_FinalizeEx")]
    #[doc(alias = "Py_Finalize")]
    pub fn finalize_ex(&self) -> Step<i32> {
        if !self.runtime.initialized.load(Ordering::Relaxed) {
            return Ok(0);
        }
        self.check_life()?;
        let finalizer = self.choose_finalizer()?;
        let ending = Ending {
            interpreter: self.interpreter_to_finalize(finalizer)?,
            finalizer,
            whole: true,
        };
        self.prefinalize(ending)?;
        self.mark_runtime(ending)?;
        self.cut_off_others(ending)?;
        self.tear_down(ending)?;
        self.enter_phase(ending, Phase::Delete);
        self.delete_interpreter(ending.interpreter)?;
        self.enter_phase(ending, Phase::AtExit);
        self.run_at_exit()?;
        if !self.runtime.profile.slots_go_before_at_exit() {
            self.runtime.tss_created.store(false, Ordering::Relaxed);
        }
        self.close_queue(&self.runtime.pending_main);
        self.end_life();
        self.enter_phase(ending, Phase::Finished);
        Ok(0)
    }

    /// F2: `main_tstate`, swapped in on the main thread. Elsewhere it is the finalizer all the same, and the caller keeps
    /// its own thread state attached, which is then cut off like any other: its thread hangs at its next attach, or goes
    /// on with a reference that nobody gives up. (Observed: builds with assertions of 3.13 to 3.15 fail here.) One that is
    /// attached to a sub-interpreter there gets a new thread state of the main one, which then is the finalizer.
    fn choose_finalizer(&self) -> Step<ThreadStateHandle> {
        let main = self.runtime.main_thread_state.read();
        if !self.runtime.profile.finalizer_is_swapped_in() {
            return self.attached_or_crash();
        }
        if self.on_main_thread() {
            if self.current() != main {
                self.thread_state_swap(main)?;
            }
            return Ok(main);
        }
        let attached = self.attached_or_crash()?;
        if self.interpreter_of(attached)? == InterpreterHandle::MAIN {
            return Ok(main);
        }
        let made = self.create_thread_state(InterpreterHandle::MAIN, Whence::Fini)?;
        self.thread_state_swap(made)?;
        Ok(made)
    }

    /// The main interpreter, and up to 3.12 whichever is attached.
    fn interpreter_to_finalize(&self, finalizer: ThreadStateHandle) -> Step<InterpreterHandle> {
        if self.runtime.profile.finalizer_is_swapped_in() {
            Ok(InterpreterHandle::MAIN)
        } else {
            self.interpreter_of(finalizer)
        }
    }

    /// F3 to F7: while other threads still run.
    pub(super) fn prefinalize(&self, ending: Ending) -> Step<()> {
        self.enter_phase(ending, Phase::Announce);
        let interpreter = ending.interpreter;
        self.interpreter(interpreter)?.finalizing.write(true);
        if !self.runtime.profile.prefinalization_is_repeated() {
            return self.prefinalize_once(ending, true).map(drop);
        }
        let scope = scope();
        let mut waits = true;
        loop {
            scope.again(&waits);
            waits = self.prefinalize_once(ending, waits)?;
            self.enter_phase(ending, Phase::Settle);
            self.wait_for_guards(interpreter)?;
            self.lock(self.interpreter(interpreter)?.pending.mutex())?;
            if !self.must_prefinalize_again(ending, waits)? {
                break;
            }
            self.unlock(self.interpreter(interpreter)?.pending.mutex())?;
            self.enter_phase(ending, Phase::Announce);
        }
        scope.end(&());
        Ok(())
    }

    /// J8: whether something came up that is to be waited for or run; if not, no guard can be had any more. Threads that the wait was
    /// given up for do not count (observed: 3.15.2).
    fn must_prefinalize_again(&self, ending: Ending, waits: bool) -> Step<bool> {
        let interpreter = self.interpreter(ending.interpreter)?;
        let lists = self.runtime.lists.lock();
        let mut listed = lists.threads_head(ending.interpreter);
        let others = !lists.next_thread_state(listed).is_null();
        let mut started = false;
        while !listed.is_null() {
            started |= self.storage(listed)?.whence() == Whence::Threading;
            listed = lists.next_thread_state(listed);
        }
        let again = (waits && others && started)
            || (ending.whole && !lists.newest_sub_interpreter().is_null())
            || !interpreter.exit_callbacks.is_empty()
            || interpreter.pending.waiting(Ordering::Relaxed) > 0
            || !interpreter.guards.end();
        drop(lists);
        Ok(again)
    }

    /// F4 to F7; `waits` for threads, unless an exception once ended that. Whether none has.
    fn prefinalize_once(&self, ending: Ending, waits: bool) -> Step<bool> {
        let profile = self.runtime.profile;
        let interpreter = self.interpreter(ending.interpreter)?;
        let mut waits = waits;
        if waits && interpreter.imports.knows(ModuleId::THREADING) {
            if ending.whole {
                self.runtime.phase.write(Phase::JoinThreads);
            }
            waits = self.shut_down_threads(ending.interpreter)?;
        }
        self.enter_phase(ending, Phase::FinishPendingCalls);
        if ending.whole || profile.end_finishes_pending_calls() {
            self.pending_calls_finish(ending.finalizer)?;
        }
        self.enter_phase(ending, Phase::ExitCallbacks);
        self.run_exit_callbacks(ending.interpreter)?;
        self.enter_phase(ending, Phase::EndInterpreters);
        if ending.whole && profile.sub_interpreters_end() == SubInterpretersEnd::BeforeTheMark {
            self.end_sub_interpreters()?;
        }
        Ok(waits)
    }

    /// F9.
    fn mark_runtime(&self, ending: Ending) -> Step<()> {
        self.enter_phase(ending, Phase::Mark);
        self.runtime.finalizing_thread.write(current_thread());
        self.runtime
            .finalizing
            .store(ending.finalizer.to_word(), Ordering::Relaxed);
        // After the store, whose point lies before it: both marks are set in one step.
        self.mark_interpreter(ending)?;
        self.runtime.initialized.store(false, Ordering::Relaxed);
        self.runtime.core_initialized.write(false);
        Ok(())
    }

    /// F9 of one interpreter.
    pub(super) fn mark_interpreter(&self, ending: Ending) -> Step<()> {
        let interpreter = self.interpreter(ending.interpreter)?;
        debug_assert!(
            !self.runtime.sane()
                || !self.runtime.profile.prefinalization_is_repeated()
                || interpreter.guards.are_ended(),
            "S72: no guard is open, and none can be had"
        );
        interpreter.finalizer.write(ending.finalizer);
        Ok(())
    }

    /// F10 to F13: no thread that is known may attach any more.
    pub(super) fn cut_off_others(&self, ending: Ending) -> Step<()> {
        let profile = self.runtime.profile;
        if !profile.others_are_cut_off() {
            return Ok(());
        }
        self.enter_phase(ending, Phase::Unlink);
        let (others, count) = self
            .runtime
            .lists
            .lock()
            .remove_thread_states_except(ending.interpreter, ending.finalizer);
        if profile.others_are_shut_down() {
            self.enter_phase(ending, Phase::ShutDown);
            for &other in &others[..count] {
                if !self.storage(other)?.shut_down(other.generation()) {
                    return Err(self.crash(Crash::UseAfterFree));
                }
            }
        }
        if profile.prefinalization_is_repeated() {
            self.unlock(self.interpreter(ending.interpreter)?.pending.mutex())?;
        }
        self.enter_phase(ending, Phase::ClearOthers);
        for &other in &others[..count] {
            self.thread_state_clear(other)?;
            if profile.others_are_shut_down() {
                self.release_reference(other)?;
            } else {
                self.free_thread_state(other)?;
            }
        }
        Ok(())
    }

    /// F14 to F29: with the interpreter still there.
    pub(super) fn tear_down(&self, ending: Ending) -> Step<()> {
        let profile = self.runtime.profile;
        self.enter_phase(ending, Phase::Flush);
        if ending.whole {
            self.runtime.signals.uninstall();
        }
        self.enter_phase(ending, Phase::Collect);
        if ending.whole {
            self.gc_collect()?;
        }
        self.enter_phase(ending, Phase::TearDownModules);
        self.interpreter(ending.interpreter)?.imports.tear_down();
        self.tear_down_modules()?;
        if ending.whole && profile.sub_interpreters_end() == SubInterpretersEnd::AfterModules {
            self.end_sub_interpreters()?;
        }
        self.enter_phase(ending, Phase::FlushAgain);
        if ending.whole {
            self.end_tracemalloc()?;
        }
        self.enter_phase(ending, Phase::ClearListed);
        let _ignored = self.audit(AuditEvent::InterpreterClear)?;
        self.clear_listed(ending.interpreter)?;
        self.enter_phase(ending, Phase::ClearFields);
        self.storage(ending.finalizer)?.eval_breaker.reset();
        self.live(ending.finalizer)?;
        self.run_at_interpreter_clear(ending.interpreter)?;
        self.interpreter(ending.interpreter)?.fork_hooks.clear();
        self.enter_phase(ending, Phase::ExitCallbacksNative);
        self.run_exit_callbacks_native(ending.interpreter)?;
        self.enter_phase(ending, Phase::CollectLast);
        self.gc_collect()?;
        if ending.interpreter == InterpreterHandle::MAIN {
            self.clear_audit_hooks()?;
        }
        self.enter_phase(ending, Phase::ForgetInterpreter);
        let forgets = if profile.end_of_main_forgets_it() {
            ending.interpreter == InterpreterHandle::MAIN
        } else {
            ending.whole
        };
        if !forgets {
            return Ok(());
        }
        self.runtime
            .auto_interpreter
            .store(InterpreterHandle::NULL.to_word(), Ordering::Relaxed);
        if profile.slots_go_before_at_exit() {
            self.runtime.tss_created.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// F22, 3.8: HEAD_LOCK is held over the destructors.
    fn clear_listed_locked(&self, interpreter: InterpreterHandle) -> Step<()> {
        let lists = self.runtime.lists.lock();
        let mut listed = lists.threads_head(interpreter);
        while !listed.is_null() {
            self.thread_state_clear(listed)?;
            listed = lists.next_thread_state(listed);
        }
        drop(lists);
        Ok(())
    }

    /// F22: clears every listed thread state, HEAD_LOCK dropped around each.
    pub(super) fn clear_listed(&self, interpreter: InterpreterHandle) -> Step<()> {
        if self.runtime.profile.cleared_under_head_lock() {
            return self.clear_listed_locked(interpreter);
        }
        let scope = scope();
        let mut listed = self.runtime.lists.lock().threads_head(interpreter);
        while !listed.is_null() {
            scope.again(&listed);
            self.thread_state_clear(listed)?;
            let next = self.runtime.lists.lock().next_thread_state(listed);
            self.live(listed)?;
            listed = next;
        }
        scope.end(&());
        Ok(())
    }

    /// F30: since 3.12 the GIL is free from here on; whatever is listed is freed, also what another thread waits or runs
    /// with.
    pub(super) fn delete_interpreter(&self, interpreter: InterpreterHandle) -> Step<()> {
        let current = self.current();
        if !current.is_null() && self.interpreter_of(current)? == interpreter {
            match self.runtime.profile.gil_at_the_end() {
                GilAtTheEnd::Stays => self.set_current(ThreadStateHandle::NULL),
                GilAtTheEnd::DropsForGood => self.detach_with(current, Release::Final)?,
                GilAtTheEnd::Drops => self.detach(current)?,
            }
        }
        let scope = scope();
        loop {
            scope.again(&());
            let listed = self.runtime.lists.lock().threads_head(interpreter);
            if listed.is_null() {
                break;
            }
            self.delete_thread_state(listed, false)?;
        }
        scope.end(&());
        self.close_queue(&self.interpreter(interpreter)?.pending);
        if interpreter != InterpreterHandle::MAIN {
            self.interpreter(interpreter)?.importer.reset();
        }
        let mut lists = self.runtime.lists.lock();
        let threads_left = !lists.threads_head(interpreter).is_null();
        let was_main = lists.main() == interpreter;
        let listed = lists.remove_interpreter(interpreter);
        let interpreters_left = was_main && !lists.head().is_null();
        if !threads_left {
            self.free_interpreter(interpreter);
        }
        drop(lists);
        if !listed {
            Err(self.fatal(Fatal::NullInterpreter))
        } else if threads_left {
            Err(self.fatal(Fatal::RemainingThreads))
        } else if interpreters_left {
            Err(self.fatal(Fatal::RemainingInterpreters))
        } else {
            self.free_doomed(interpreter)
        }
    }

    /// F30, its end: HEAD_LOCK is given up before the interpreter is freed. A thread state that is listed in between is nobody's.
    ///
    /// Differs: a sub-interpreter is freed under HEAD_LOCK. Whatever its thread does next there uses it.
    fn free_doomed(&self, interpreter: InterpreterHandle) -> Step<()> {
        if interpreter != InterpreterHandle::MAIN {
            return Ok(());
        }
        let interpreter = self.interpreter(interpreter)?;
        if interpreter.doomed.read() && !is_alone() {
            pause_point();
        }
        // The next life has one of its own.
        if interpreter.doomed.read() {
            interpreter.doomed.write(false);
            interpreter.freed.write(true);
        }
        Ok(())
    }

    /// The process is over: threads that wait for a GIL, in the parking lot or for a thread find that out and end. For
    /// harnesses that join every thread (real threads, loom); no operation of the program.
    pub fn let_others_end(&self) {
        for thread in (0..THREADS_MAX).map(ThreadIndex::new) {
            self.runtime.parking.post(thread);
            self.runtime.thread_handles[thread.index()].let_joiners_end();
        }
        for interpreter in &self.runtime.interpreters {
            interpreter.importer.wake_all();
            interpreter.imports.wake_all();
            interpreter.import_lock.wake_all();
            interpreter.gil_own.wake_all();
        }
    }
}
