//! Interpreter states and the list of them.
//!
//! CPython: `Python/pystate.c` (`PyInterpreterState_*`), `Include/internal/pycore_interp_structs.h`; 3.14.
//!
//! # States
//!
//! The main interpreter is embedded in the runtime and lives from §INIT I5 to §FINAL F30. The others live from §NEWINT W3 to
//! §ENDINT Z11 ([`super::subinterpreter`]); each takes the lowest free slot, chosen under HEAD_LOCK.
//!
//! | `ceval.gil` | meaning | written by |
//! | --- | --- | --- |
//! | null | no thread state of it can be attached | – |
//! | its own | the main one's, and since 3.12 that of an interpreter that asked for one | the creator |
//! | the main one's | shared, the default; the only GIL there is up to 3.11 | the creator |
//!
//! # Protocol
//!
//! The debugger walk ([`Caller::interpreter_state_head`], …) reads one pointer a call. Differs: CPython reads it without
//! a lock; here it is read under HEAD_LOCK. Every critical section changes at most one pointer that a walk can reach,
//! and its holder never blocks, so the same values are seen. But over a fork HEAD_LOCK is kept: who keeps it walks as in
//! C; anybody else waits.
//!
//! # Invariants
//!
//! S7 SharedGilIdentity, S15 InterpListWellFormed, S19 NoUseAfterFreeInterp.
//!
//! # Lock order
//!
//! Nothing is taken inside HEAD_LOCK.

use super::audit::AuditEvent;
use super::callback::CallbackStack;
use super::differences::NoInterpreter;
use super::eval_breaker::SharedBreaker;
use super::fork::ForkHooks;
use super::frames::EvalFrame;
use super::gil::Gil;
use super::guard::Guards;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::import::Imports;
use super::import_lock::ImportLock;
use super::importer::Importer;
use super::lists::Lists;
use super::outcome::{Crash, Fatal, StatusError, Step};
use super::pending_queue::{PENDING_INTERPRETER, PendingQueue, QueueSize};
use super::state::Caller;
use crate::sync::{AtomicBool, Plain, Word, current_thread};

/// Interpreters that exist at once.
pub const INTERPRETERS_MAX: usize = 4;

/// Callbacks of each kind that one interpreter takes.
pub const EXIT_CALLBACKS_MAX: usize = 32;

/// Callbacks registered for the clearing of one interpreter at once.
pub const INTERPRETER_CLEAR_MAX: usize = 8;

/// Which GIL an interpreter uses: `ceval.gil`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum GilPointer {
    /// None yet.
    Null,
    /// The one in its own storage.
    Own,
    /// The main interpreter's.
    Main,
}

impl Word for GilPointer {
    fn to_word(self) -> u64 {
        self as u64
    }
    fn from_word(word: u64) -> Self {
        match word {
            0 => Self::Null,
            1 => Self::Own,
            _ => Self::Main,
        }
    }
}

/// Whose dictionary: what C has as a pointer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dictionary {
    /// The null pointer.
    None,
    /// An interpreter's.
    Interpreter(InterpreterHandle),
    /// A thread state's.
    ThreadState(ThreadStateHandle),
}

/// One interpreter.
#[derive(Debug)]
pub(super) struct Interpreter {
    /// Whether the embedded first thread state is free. Sequentially consistent exchange and store: taking it pairs
    /// with putting it back, which comes after the last use.
    pub(super) preallocated: AtomicBool,
    /// The slot's generation. Rule: moves in the step that frees the interpreter; never, for the main one.
    pub(super) generation: Plain<u8>,
    /// The main interpreter is in no list any more and will be freed, where it is no static memory. Rule: HEAD_LOCK, and the
    /// deleter.
    pub(super) doomed: Plain<bool>,
    /// The main interpreter is not there. Rule: moves in the step that frees it.
    pub(super) freed: Plain<bool>,
    /// `ceval.gil`: null before, and attaching undefined. Rule: written by the creator before a thread can attach.
    pub(super) gil: Plain<GilPointer>,
    /// The storage of its own GIL.
    pub(super) gil_own: Gil,
    /// `finalizing`: the first act of finalization. Rule: the GIL.
    pub(super) finalizing: Plain<bool>,
    /// `_finalizing`: the finalizing thread state. Rule: the GIL.
    pub(super) finalizer: Plain<ThreadStateHandle>,
    /// tracemalloc has names of files that are in memory of its own. Rule: its GIL.
    pub(super) names_are_traced: Plain<bool>,
    /// Whether all stages of making it ran: `PyInterpreterState_New` alone runs none. Rule: the creator.
    pub(super) complete: Plain<bool>,
    /// What asks its threads to look up, up to 3.12.
    pub(super) shared_breaker: SharedBreaker,
    /// This interpreter's own queue of pending calls.
    pub(super) pending: PendingQueue,
    /// What it has imported, and who imports.
    pub(super) imports: Imports,
    /// Whether `PyInterpreterConfig` allows threads, and daemon threads among them. Rule: the creator, before a thread can
    /// attach.
    pub(super) threads_allowed: Plain<bool>,
    pub(super) daemons_allowed: Plain<bool>,
    /// Whether it allows `os.fork()`. Rule: as these.
    pub(super) fork_allowed: Plain<bool>,
    pub(super) fork_hooks: ForkHooks,
    pub(super) eval_frame: EvalFrame,
    /// `threads.main`: whether a thread runs `__main__`. Relaxed: see [`super::running`].
    pub(super) running: AtomicBool,
    /// Who imported `threading`.
    pub(super) importer: Importer,
    /// Its import lock; up to 3.11 the main one's serves all.
    pub(super) import_lock: ImportLock,
    /// `finalization_guards`: since 3.15.
    pub(super) guards: Guards,
    /// Python's atexit callbacks. Rule: the GIL.
    pub(super) exit_callbacks: CallbackStack<EXIT_CALLBACKS_MAX>,
    /// What the clearing of the interpreter's fields runs. Rule: the GIL.
    pub(super) at_clear: CallbackStack<INTERPRETER_CLEAR_MAX>,
    /// Callbacks of `PyUnstable_AtExit`. Rule: the GIL (their own lock is never contended under it).
    pub(super) exit_callbacks_native: CallbackStack<EXIT_CALLBACKS_MAX>,
}

impl Interpreter {
    pub(super) fn new(slot: usize, pending: QueueSize) -> Self {
        Self {
            preallocated: AtomicBool::new(("interpreter.preallocated", slot), true),
            generation: Plain::new(("interpreter.generation", slot), 0),
            doomed: Plain::new(("interpreter.doomed", slot), false),
            freed: Plain::new(("interpreter.freed", slot), false),
            gil: Plain::new(("interpreter.gil", slot), GilPointer::Null),
            gil_own: Gil::new(slot),
            finalizing: Plain::new(("interpreter.finalizing", slot), false),
            finalizer: Plain::new(("interpreter.finalizer", slot), ThreadStateHandle::NULL),
            complete: Plain::new(("interpreter.complete", slot), slot == 0),
            names_are_traced: Plain::new(("interpreter.names_are_traced", slot), false),
            shared_breaker: SharedBreaker::new(slot),
            pending: PendingQueue::new(&PENDING_INTERPRETER, pending),
            threads_allowed: Plain::new(("interpreter.threads_allowed", slot), true),
            daemons_allowed: Plain::new(("interpreter.daemons_allowed", slot), true),
            imports: Imports::new(slot),
            fork_allowed: Plain::new(("interpreter.fork_allowed", slot), true),
            fork_hooks: ForkHooks::new(),
            eval_frame: EvalFrame::new(slot),
            running: AtomicBool::new(("interpreter.running", slot), false),
            importer: Importer::new(slot),
            import_lock: ImportLock::new(slot),
            guards: Guards::new(slot),
            exit_callbacks: CallbackStack::new("interpreter.atexit"),
            at_clear: CallbackStack::new("interpreter.at_clear"),
            exit_callbacks_native: CallbackStack::new("interpreter.atexit_native"),
        }
    }

    /// As a new interpreter is, but for what its locks hold.
    pub(super) fn renew(&self) {
        self.doomed.write(false);
        self.freed.write(false);
        self.gil.write(GilPointer::Null);
        self.finalizing.write(false);
        self.finalizer.write(ThreadStateHandle::NULL);
        self.complete.write(false);
        self.shared_breaker.init();
        self.pending.reset();
        self.imports.reset();
        self.threads_allowed.write(true);
        self.daemons_allowed.write(true);
        self.fork_allowed.write(true);
        self.fork_hooks.clear();
        self.eval_frame.init();
        self.running.init(false);
        self.guards.reset();
        // What was registered too late to run goes with the interpreter it was registered in.
        self.exit_callbacks.clear();
        self.at_clear.clear();
        self.exit_callbacks_native.clear();
    }
}

impl<'a> Caller<'a> {
    /// Reads through a pointer to an interpreter.
    pub(super) fn interpreter(&self, handle: InterpreterHandle) -> Step<&'a Interpreter> {
        let Some(slot) = handle.slot() else {
            return Err(self.crash(Crash::Other));
        };
        let interpreter = &self.runtime.interpreters[slot];
        if interpreter.generation.peek() != handle.generation() {
            return Err(self.use_after_free(self.is_block(handle)));
        }
        Ok(interpreter)
    }

    /// Finds out that an interpreter was freed. Called right after a visible operation on it, in the same step.
    pub(super) fn live_interpreter(&self, handle: InterpreterHandle) -> Step<()> {
        if self.interpreter(handle)?.freed.peek() {
            return Err(self.use_after_free(self.is_block(handle)));
        }
        Ok(())
    }

    /// Whether the interpreter is a block of memory of its own, and not a part of the runtime.
    fn is_block(&self, handle: InterpreterHandle) -> bool {
        let is_main = handle.slot() == InterpreterHandle::MAIN.slot();
        !is_main || !self.runtime.profile.main_interpreter_is_static()
    }

    /// The GIL that threads of an interpreter take, and the interpreter in whose storage it lies; a crash if it has none.
    pub(super) fn gil_of(&self, handle: InterpreterHandle) -> Step<(InterpreterHandle, &'a Gil)> {
        let owner = match self.interpreter(handle)?.gil.read() {
            GilPointer::Null => return Err(self.crash(Crash::Other)),
            GilPointer::Own => handle,
            GilPointer::Main => InterpreterHandle::MAIN,
        };
        Ok((owner, &self.interpreter(owner)?.gil_own))
    }

    /// Reads the lists as the debugger walk does: under HEAD_LOCK, but for who prepared a fork and has it already.
    pub(super) fn look_at_lists<R>(&self, look: impl FnOnce(&Lists) -> R) -> R {
        let runtime = self.runtime;
        if runtime.forking.peek() == current_thread().index() as u8 + 1 {
            return runtime.lists.kept(look);
        }
        look(&runtime.lists.lock())
    }

    /// Makes an interpreter without configuration and modules; null without memory, or if a hook refuses, up to 3.12. Since
    /// 3.12 it has no GIL either, and nobody can attach to it.
    ///
    /// # Errors
    ///
    /// Since 3.13 the process ends where it was null. A crash before initialization and after finalization; but since 3.13
    /// the main interpreter before the first one, which that does not survive, and fatal after it. Source: contract 2.7,
    /// V33, P15; observed: 3.8.18 to 3.15.2.
    #[doc(alias = "PyInterpreterState_New")]
    pub fn interpreter_state_new(&self) -> Step<InterpreterHandle> {
        if !self.runtime.core_initialized.read() {
            return self.interpreter_outside_of_life();
        }
        match self.make_interpreter()? {
            Ok(made) => Ok(made),
            Err(error) if self.runtime.profile.no_interpreter() != NoInterpreter::Null => {
                Err(self.status(error))
            }
            Err(_) => Ok(InterpreterHandle::NULL),
        }
    }

    /// `PyInterpreterState_New` while the runtime is not initialized.
    fn interpreter_outside_of_life(&self) -> Step<InterpreterHandle> {
        if !self.runtime.profile.main_is_given_out_early() {
            return Err(self.crash(Crash::Other));
        }
        let main = InterpreterHandle::MAIN;
        let mut lists = self.runtime.lists.lock();
        let is_first = lists.main().is_null() && lists.is_before_ids();
        if is_first {
            self.interpreter(main)?.renew();
            lists.insert_interpreter(main);
        }
        drop(lists);
        if is_first {
            Ok(main)
        } else {
            Err(self.status(StatusError::Initialized))
        }
    }

    /// Clears an interpreter and its thread states: what they refer to is dropped, callbacks of their end run.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state, use after free, and since 3.10 a crash for an interpreter of which not all
    /// stages ran; what ended the thread in a callback. Source: contract 2.7; observed: `g20`.
    #[doc(alias = "PyInterpreterState_Clear")]
    pub fn interpreter_state_clear(&self, interpreter: InterpreterHandle) -> Step<()> {
        self.attached_or_crash()?;
        let complete = self.interpreter(interpreter)?.complete.read();
        let _ignored = self.audit(AuditEvent::InterpreterClear)?;
        if !complete && self.runtime.profile.clear_needs_all_stages() {
            return Err(self.crash(Crash::Other));
        }
        self.clear_listed(interpreter)?;
        self.run_at_interpreter_clear(interpreter)?;
        self.run_exit_callbacks_native(interpreter)?;
        self.gc_collect()?;
        Ok(())
    }

    /// Deletes an interpreter and what thread states it has. The caller is left without a thread state if that was one of
    /// them, from 3.9 to 3.11 in any case and with the GIL held.
    ///
    /// # Errors
    ///
    /// Fatal for the main one while there are others, for one that is in no list, and up to 3.8 for the current one; use
    /// after free; a crash for null. Source: contract 2.7; observed: 3.8.18 to 3.15.2.
    #[doc(alias = "PyInterpreterState_Delete")]
    pub fn interpreter_state_delete(&self, interpreter: InterpreterHandle) -> Step<()> {
        self.interpreter(interpreter)?;
        let current = self.current();
        let profile = self.runtime.profile;
        if profile.delete_of_own_is_fatal()
            && !current.is_null()
            && self.interpreter_of(current)? == interpreter
        {
            return Err(self.fatal(Fatal::StillCurrent));
        }
        if profile.delete_forgets_the_current() {
            self.swap_pointer(ThreadStateHandle::NULL)?;
        }
        self.delete_interpreter(interpreter)
    }

    /// An interpreter's dictionary, made where it is asked for first. Source: contract 2.7.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; use after free.
    #[doc(alias = "PyInterpreterState_GetDict")]
    pub fn interpreter_state_get_dict(&self, interpreter: InterpreterHandle) -> Step<Dictionary> {
        self.attached_or_crash()?;
        self.interpreter(interpreter)?;
        Ok(Dictionary::Interpreter(interpreter))
    }

    /// The attached thread state's dictionary, or null without one. Source: contract 2.8.
    ///
    /// # Errors
    ///
    /// Use after free.
    #[doc(alias = "PyThreadState_GetDict")]
    pub fn thread_state_get_dict(&self) -> Step<Dictionary> {
        let current = self.current();
        if current.is_null() {
            return Ok(Dictionary::None);
        }
        self.thread_state(current)?;
        Ok(Dictionary::ThreadState(current))
    }

    /// The interpreter of the attached thread state.
    ///
    /// # Errors
    ///
    /// Fatal without an attached thread state. Source: `PyInterpreterState_Get`, contract 2.7.
    #[doc(alias = "PyInterpreterState_Get")]
    pub fn interpreter_state_get(&self) -> Step<InterpreterHandle> {
        let current = self.current();
        if current.is_null() {
            return Err(self.fatal(Fatal::InterpreterGetNull));
        }
        self.interpreter_of(current)
    }

    /// The id of an interpreter; -1 with an exception for null.
    ///
    /// # Errors
    ///
    /// Use after free. Source: contract 2.7.
    #[doc(alias = "PyInterpreterState_GetID")]
    pub fn interpreter_state_get_id(&self, interpreter: InterpreterHandle) -> Step<i64> {
        if interpreter.is_null() {
            return Ok(-1);
        }
        let id = self.look_at_lists(|lists| lists.interpreter_id(interpreter));
        self.interpreter(interpreter)?;
        Ok(id)
    }

    /// The newest interpreter, or null. Source: contract 2.14.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyInterpreterState_Head")]
    pub fn interpreter_state_head(&self) -> Step<InterpreterHandle> {
        Ok(self.look_at_lists(Lists::head))
    }

    /// The main interpreter; null before initialization and after finalization. Source: contract 2.14.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyInterpreterState_Main")]
    pub fn interpreter_state_main(&self) -> Step<InterpreterHandle> {
        Ok(self.look_at_lists(Lists::main))
    }

    /// The next older interpreter, or null. Source: contract 2.14.
    ///
    /// # Errors
    ///
    /// Use after free; a crash for null.
    #[doc(alias = "PyInterpreterState_Next")]
    pub fn interpreter_state_next(
        &self,
        interpreter: InterpreterHandle,
    ) -> Step<InterpreterHandle> {
        let next = self.look_at_lists(|lists| lists.next_interpreter(interpreter));
        self.interpreter(interpreter)?;
        Ok(next)
    }

    /// The newest thread state of an interpreter, or null. Source: contract 2.14.
    ///
    /// # Errors
    ///
    /// Use after free; a crash for null.
    #[doc(alias = "PyInterpreterState_ThreadHead")]
    pub fn interpreter_state_thread_head(
        &self,
        interpreter: InterpreterHandle,
    ) -> Step<ThreadStateHandle> {
        let head = self.look_at_lists(|lists| lists.threads_head(interpreter));
        self.interpreter(interpreter)?;
        Ok(head)
    }
}
