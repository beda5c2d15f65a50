//! Interpreter states and the list of them.
//!
//! CPython: `Python/pystate.c` (`PyInterpreterState_*`), `Include/internal/pycore_interp_structs.h`; 3.14.
//!
//! # States
//!
//! The main interpreter is embedded in the runtime and lives from §INIT I5 to §FINAL F30. Only it exists so far.
//!
//! # Protocol
//!
//! The debugger walk ([`Caller::interpreter_state_head`], …) reads one pointer a call. Differs: CPython reads it without
//! a lock; here it is read under HEAD_LOCK. Every critical section changes at most one pointer that a walk can reach,
//! and its holder never blocks, so the same values are seen.
//!
//! # Invariants
//!
//! S7 SharedGilIdentity, S15 InterpListWellFormed, S19 NoUseAfterFreeInterp.
//!
//! # Lock order
//!
//! Nothing is taken inside HEAD_LOCK.

use super::callback::CallbackStack;
use super::eval_breaker::SharedBreaker;
use super::gil::Gil;
use super::guard::Guards;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::importer::Importer;
use super::outcome::{Crash, Fatal, Step};
use super::pending::{PENDING_INTERPRETER, PendingQueue};
use super::state::Caller;
use crate::sync::{AtomicBool, Plain};

/// Interpreters that exist at once.
pub const INTERPRETERS_MAX: usize = 1;

/// Callbacks of each kind that one interpreter takes.
pub const EXIT_CALLBACKS_MAX: usize = 32;

/// Callbacks registered for the clearing of one interpreter at once.
pub const INTERPRETER_CLEAR_MAX: usize = 8;

/// One interpreter.
#[derive(Debug)]
pub(super) struct Interpreter {
    /// Whether the embedded first thread state is free. Sequentially consistent exchange and store: taking it pairs
    /// with putting it back, which comes after the last use.
    pub(super) preallocated: AtomicBool,
    /// The slot's generation. Rule: moves in the step that frees the interpreter; never, for the main one.
    pub(super) generation: Plain<u8>,
    /// Whether `ceval.gil` points to its own GIL: null before, and attaching undefined. Rule: written by the initializer
    /// before a thread can attach.
    pub(super) has_gil: Plain<bool>,
    /// The storage of its own GIL.
    pub(super) gil_own: Gil,
    /// `finalizing`: the first act of finalization. Rule: the GIL.
    pub(super) finalizing: Plain<bool>,
    /// `_finalizing`: the finalizing thread state. Rule: the GIL.
    pub(super) finalizer: Plain<ThreadStateHandle>,
    /// What asks its threads to look up, up to 3.12.
    pub(super) shared_breaker: SharedBreaker,
    /// This interpreter's own queue of pending calls.
    pub(super) pending: PendingQueue,
    /// Whether `threading` is imported. Rule: the GIL.
    pub(super) threading_imported: Plain<bool>,
    /// Who imported `threading`.
    pub(super) importer: Importer,
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
    pub(super) fn new(slot: usize, capacity: usize) -> Self {
        Self {
            preallocated: AtomicBool::new(("interpreter.preallocated", slot), true),
            generation: Plain::new(("interpreter.generation", slot), 0),
            has_gil: Plain::new(("interpreter.has_gil", slot), false),
            gil_own: Gil::new(slot),
            finalizing: Plain::new(("interpreter.finalizing", slot), false),
            finalizer: Plain::new(("interpreter.finalizer", slot), ThreadStateHandle::NULL),
            shared_breaker: SharedBreaker::new(slot),
            pending: PendingQueue::new(&PENDING_INTERPRETER, capacity),
            threading_imported: Plain::new(("interpreter.threading", slot), false),
            importer: Importer::new(slot),
            guards: Guards::new(slot),
            exit_callbacks: CallbackStack::new("interpreter.atexit"),
            at_clear: CallbackStack::new("interpreter.at_clear"),
            exit_callbacks_native: CallbackStack::new("interpreter.atexit_native"),
        }
    }

    /// The GIL in use.
    pub(super) fn gil(&self) -> Option<&Gil> {
        self.has_gil.read().then_some(&self.gil_own)
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
            return Err(self.crash(Crash::UseAfterFree));
        }
        Ok(interpreter)
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
        let id = self.runtime.lists.lock().interpreter_id(interpreter);
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
        Ok(self.runtime.lists.lock().head())
    }

    /// The main interpreter; null before initialization and after finalization. Source: contract 2.14.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyInterpreterState_Main")]
    pub fn interpreter_state_main(&self) -> Step<InterpreterHandle> {
        Ok(self.runtime.lists.lock().main())
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
        let next = self.runtime.lists.lock().next_interpreter(interpreter);
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
        let head = self.runtime.lists.lock().threads_head(interpreter);
        self.interpreter(interpreter)?;
        Ok(head)
    }
}
