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
use super::fork::ForkHooks;
use super::gil::Gil;
use super::guard::Guards;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::import::Imports;
use super::import_lock::ImportLock;
use super::importer::Importer;
use super::outcome::{Crash, Fatal, Step};
use super::pending::{PENDING_INTERPRETER, PendingQueue};
use super::state::Caller;
use crate::sync::{AtomicBool, Plain, Word};

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

/// One interpreter.
#[derive(Debug)]
pub(super) struct Interpreter {
    /// Whether the embedded first thread state is free. Sequentially consistent exchange and store: taking it pairs
    /// with putting it back, which comes after the last use.
    pub(super) preallocated: AtomicBool,
    /// The slot's generation. Rule: moves in the step that frees the interpreter; never, for the main one.
    pub(super) generation: Plain<u8>,
    /// `ceval.gil`: null before, and attaching undefined. Rule: written by the creator before a thread can attach.
    pub(super) gil: Plain<GilPointer>,
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
    /// What it has imported, and who imports.
    pub(super) imports: Imports,
    /// Whether `PyInterpreterConfig` allows threads, and daemon threads among them. Rule: the creator, before a thread can
    /// attach.
    pub(super) threads_allowed: Plain<bool>,
    pub(super) daemons_allowed: Plain<bool>,
    /// Whether it allows `os.fork()`. Rule: as these.
    pub(super) fork_allowed: Plain<bool>,
    pub(super) fork_hooks: ForkHooks,
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
    pub(super) fn new(slot: usize, capacity: usize) -> Self {
        Self {
            preallocated: AtomicBool::new(("interpreter.preallocated", slot), true),
            generation: Plain::new(("interpreter.generation", slot), 0),
            gil: Plain::new(("interpreter.gil", slot), GilPointer::Null),
            gil_own: Gil::new(slot),
            finalizing: Plain::new(("interpreter.finalizing", slot), false),
            finalizer: Plain::new(("interpreter.finalizer", slot), ThreadStateHandle::NULL),
            shared_breaker: SharedBreaker::new(slot),
            pending: PendingQueue::new(&PENDING_INTERPRETER, capacity),
            threads_allowed: Plain::new(("interpreter.threads_allowed", slot), true),
            daemons_allowed: Plain::new(("interpreter.daemons_allowed", slot), true),
            imports: Imports::new(slot),
            fork_allowed: Plain::new(("interpreter.fork_allowed", slot), true),
            fork_hooks: ForkHooks::new(),
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
        self.gil.write(GilPointer::Null);
        self.finalizing.write(false);
        self.finalizer.write(ThreadStateHandle::NULL);
        self.shared_breaker.init();
        self.pending.reset();
        self.imports.reset();
        self.threads_allowed.write(true);
        self.daemons_allowed.write(true);
        self.fork_allowed.write(true);
        self.fork_hooks.clear();
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
            return Err(self.crash(Crash::UseAfterFree));
        }
        Ok(interpreter)
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
