//! The runtime as one value, and the thread that calls into it.
//!
//! CPython: `_PyRuntime` (`Include/internal/pycore_runtime_structs.h`), 3.14.
//!
//! # States
//!
//! Every cell is made by [`Runtime::new`]; nothing is allocated afterwards. What two threads share is in a cell of
//! [`crate::sync`]; each says which rule or lock protects it.
//!
//! # Invariants
//!
//! *FirstCause*, in `outcome`.
//!
//! # Memory order
//!
//! `initialized`, `finalizing`, `auto_interpreter` and `tss_created` are read by threads that hold nothing: plain or
//! relaxed in C, and relaxed here. They order nothing.
//!
//! # Outcomes
//!
//! [`Caller::crash`] and [`Caller::fatal`] note why the process is over; the first cause wins.

use super::allocation::Allocations;
use super::arena::ThreadStates;
use super::audit::{AuditEvent, AuditHooks};
use super::callback::{Callback, CallbackId, CallbackStack};
use super::configure::{ConfigField, Configuration};
use super::failure::Failures;
use super::finalize::Phase;
use super::guard::GuardMemory;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::interpreter::{INTERPRETERS_MAX, Interpreter};
use super::lists::Lists;
use super::mutex::{MUTEX_SLOTS_MAX, PyMutex};
use super::object::{AT_CLEAR_MAX, AtClear, OBJECTS_MAX, Object, ObjectId};
use super::outcome::{Crash, Ended, Fatal, Limit, Over, OverCell, StatusError, Step};
use super::parking::Parking;
use super::pending_queue::{PENDING_MAIN, PendingQueue, QueueSize};
use super::profile::Profile;
use super::raw_mutex::RawEntries;
use super::ref_tracer::{RefEvent, RefTracer};
use super::signal::Signals;
use super::stage::Stage;
use super::threading::ThreadHandle;
use super::tracing::TraceEvent;
use super::tss::Tss;
use crate::sync::{
    AtomicBool, AtomicU64, Branch, Local, Mutex, Plain, THREADS_MAX, ThreadIndex, Word,
    current_thread, fork, pause_point,
};

/// Callbacks that `Py_AtExit` takes.
pub const AT_EXIT_MAX: usize = 32;

/// CPython's runtime: one process's state.
#[derive(Debug)]
pub struct Runtime {
    pub(super) profile: Profile,
    /// Why the process is over. Rule: written once by whoever ends it; nothing is observed afterwards.
    pub(super) over: Plain<OverCell>,
    /// `runtime_initialized`. Rule: the initializer and the finalizer.
    pub(super) runtime_initialized: Plain<bool>,
    /// Whether the runtime was ever initialized. Rule: the initializer.
    pub(super) used: Plain<bool>,
    /// Whether the runtime was emptied and no main interpreter was made since. Rule: the initializer.
    pub(super) life_begun: Plain<bool>,
    /// Set while a thread initializes: a second initializer is undefined behaviour.
    pub(super) initializing: AtomicBool,
    /// How far the latest initialization has come. Rule: the initializer.
    pub(super) stage: Plain<Stage>,
    /// How far the latest finalization has come. Rule: the finalizer.
    pub(super) phase: Plain<Phase>,
    /// `core_initialized`. Rule: the initializer and the finalizer.
    pub(super) core_initialized: Plain<bool>,
    /// `initialized`.
    pub(super) initialized: AtomicBool,
    /// `_finalizing`: the finalizing thread state as a word.
    pub(super) finalizing: AtomicU64,
    /// `_finalizing_id`, written with `finalizing`. Rule: only the finalizing thread learns anything from it.
    pub(super) finalizing_thread: Plain<ThreadIndex>,
    /// `main_thread`. Rule: the initializer.
    pub(super) main_thread: Plain<ThreadIndex>,
    /// `main_tstate`. Rule: written once in each initialization; the storage is static.
    pub(super) main_thread_state: Plain<ThreadStateHandle>,
    /// `gilstate.check_enabled`. Rule: the GIL.
    pub(super) check_enabled: Plain<bool>,
    /// Whether an interpreter besides the main one was made in this life. Rule: as `check_enabled`.
    pub(super) others_made: Plain<bool>,
    /// `gilstate.autoInterpreterState`, as a word.
    pub(super) auto_interpreter: AtomicU64,
    /// Whether `autoTSSkey` exists.
    pub(super) tss_created: AtomicBool,
    /// The values of `autoTSSkey`. Rule: the thread's own; initialization clears all while the key does not exist.
    pub(super) tss: [Plain<ThreadStateHandle>; THREADS_MAX],
    /// *cur(t)*: the thread state that the thread attached.
    pub(super) current: Local<ThreadStateHandle>,
    /// `gilstate.tstate_current`, up to 3.11, as a word.
    pub(super) current_of_process: AtomicU64,
    /// While the thread is inside §GIL T3 to T9, the slot of the interpreter whose GIL it waits for, plus one. Set after T1 and
    /// cleared with the GIL taken or on the way out.
    pub(super) gil_waiting: Local<u8>,
    /// Whether finalization parked the thread for good.
    pub(super) hung: Local<bool>,
    /// HEAD_LOCK and what it protects.
    pub(super) lists: Mutex<Lists>,
    pub(super) interpreters: [Interpreter; INTERPRETERS_MAX],
    pub(super) thread_states: ThreadStates,
    /// `ceval.pending_mainthread`.
    pub(super) pending_main: PendingQueue,
    /// `busy` of `make_pending_calls`, static up to 3.11. Rule: the main thread's own.
    pub(super) pending_busy: Plain<bool>,
    /// The user's `PyMutex` objects.
    pub(super) mutexes: [PyMutex; MUTEX_SLOTS_MAX],
    pub(super) parking: Parking,
    pub(super) raw_entries: RawEntries,
    /// `atexit.mutex`. Differs: a `PyMutex`, which a contended lock detaches for; nothing blocks inside it.
    pub(super) at_exit_mutex: Mutex<()>,
    /// `atexit.callbacks`. Rule: `at_exit_mutex`.
    pub(super) at_exit: CallbackStack<AT_EXIT_MAX>,
    /// What the site import runs. Rule: the program's set-up, before it initializes.
    pub(super) site_hook: Plain<Callback>,
    /// What `Py_RunMain` runs. Rule: as `site_hook`.
    pub(super) main_hook: Plain<Callback>,
    /// The global flags, and what the runtime is configured with.
    pub(super) configuration: Configuration,
    /// Threads made by `threading`.
    pub(super) thread_handles: [ThreadHandle; THREADS_MAX],
    /// Python objects. Rule: the GIL.
    pub(super) objects: [Plain<Object>; OBJECTS_MAX],
    /// What is run in the clearing of thread states. Rule: the GIL.
    pub(super) at_clear: [AtClear; AT_CLEAR_MAX],
    /// The thread that keeps HEAD_LOCK over a fork, plus one. Rule: HEAD_LOCK.
    pub(super) forking: Plain<u8>,
    /// Audit hooks: they survive initialization.
    pub(super) audit_hooks: AuditHooks,
    /// Whether the program looks on by tracing and the like. Rule: its set-up.
    pub(super) hooks_used: Plain<bool>,
    /// Whether it looks at the frames of other threads. Rule: as `hooks_used`.
    pub(super) frames_observed: Plain<bool>,
    pub(super) ref_tracer: RefTracer,
    pub(super) allocations: Allocations,
    /// The signal, on its way from C to Python.
    pub(super) signals: Signals,
    /// What is to fail next.
    pub(super) failures: Failures,
    /// The memory of guards and views.
    pub(super) guards: GuardMemory,
    /// Thread-specific storage: it is the process's and outlives the runtime.
    pub(super) storage: Tss,
    /// A rule of the contract was broken that CPython does not check: from here on its invariants need not hold.
    pub(super) corrupted: Plain<bool>,
}

impl Runtime {
    /// A process in which nothing of CPython has run yet.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            over: Plain::new("over", OverCell(None)),
            runtime_initialized: Plain::new("runtime_initialized", false),
            used: Plain::new("used", false),
            life_begun: Plain::new("life_begun", false),
            initializing: AtomicBool::new("initializing", false),
            stage: Plain::new("stage", Stage::NotStarted),
            phase: Plain::new("phase", Phase::NotStarted),
            core_initialized: Plain::new("core_initialized", false),
            initialized: AtomicBool::new("initialized", false),
            finalizing: AtomicU64::new("finalizing", ThreadStateHandle::NULL.to_word()),
            finalizing_thread: Plain::new("finalizing_thread", ThreadIndex::FIRST),
            main_thread: Plain::new("main_thread", ThreadIndex::FIRST),
            main_thread_state: Plain::new("main_tstate", ThreadStateHandle::NULL),
            check_enabled: Plain::new("check_enabled", true),
            others_made: Plain::new("others_made", false),
            auto_interpreter: AtomicU64::new("auto_interpreter", InterpreterHandle::NULL.to_word()),
            tss_created: AtomicBool::new("tss_created", false),
            tss: std::array::from_fn(|thread| Plain::new(("tss", thread), ThreadStateHandle::NULL)),
            current: Local::new("current", ThreadStateHandle::NULL),
            current_of_process: AtomicU64::new(
                "current_of_process",
                ThreadStateHandle::NULL.to_word(),
            ),
            gil_waiting: Local::new("gil_waiting", 0),
            hung: Local::new("hung", false),
            lists: Mutex::new("head_lock", Lists::new()),
            interpreters: std::array::from_fn(|slot| {
                Interpreter::new(slot, QueueSize::of_interpreter(profile))
            }),
            thread_states: ThreadStates::new(),
            pending_main: PendingQueue::new(&PENDING_MAIN, QueueSize::of_main(profile)),
            pending_busy: Plain::new("pending_busy", false),
            mutexes: std::array::from_fn(|slot| {
                PyMutex::new(("pymutex", slot), ("pymutex.bucket", slot))
            }),
            parking: Parking::new(),
            raw_entries: RawEntries::new(),
            at_exit_mutex: Mutex::new("atexit.mutex", ()),
            at_exit: CallbackStack::new("atexit"),
            site_hook: Plain::new("site_hook", Callback::NONE),
            main_hook: Plain::new("main_hook", Callback::NONE),
            configuration: Configuration::new(),
            thread_handles: std::array::from_fn(ThreadHandle::new),
            objects: std::array::from_fn(|slot| Plain::new(("object", slot), Object::NONE)),
            at_clear: std::array::from_fn(AtClear::new),
            forking: Plain::new("forking", 0),
            audit_hooks: AuditHooks::new(),
            hooks_used: Plain::new("hooks_used", false),
            frames_observed: Plain::new("frames_observed", false),
            ref_tracer: RefTracer::new(),
            allocations: Allocations::new(),
            signals: Signals::new(),
            failures: Failures::new(),
            guards: GuardMemory::new(),
            storage: Tss::new(),
            corrupted: Plain::new("corrupted", false),
        }
    }

    /// The profile that this runtime follows.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Ids belong to the state from here on: for programs that read them. Call it before any thread runs.
    pub fn observe_ids(&self) {
        self.lists.lock().ids_observable = true;
    }

    /// The program asks for failures: they are looked for from here on. Call it before any thread runs.
    pub fn observe_failures(&self) {
        self.failures.ask();
    }

    /// The program names a global flag: they are read and written from here on. Call it before any thread runs.
    pub fn observe_flags(&self) {
        self.configuration.observe();
    }

    /// A global flag, by the field that it stands for. For observers: no operation of the program.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn global_flag(&self, field: ConfigField) -> i32 {
        self.configuration.peek(field)
    }

    /// The program adds audit hooks: events look for them from here on. Call it before any thread runs.
    pub fn observe_audit(&self) {
        self.audit_hooks.used();
    }

    /// The program profiles, traces or looks on in another way, and whether at other threads' frames: they are looked for from
    /// here on. Call it before any thread runs.
    pub fn observe_hooks(&self, frames: bool) {
        self.hooks_used.write(true);
        self.frames_observed.write(frames);
    }

    /// Why the process is over, if it is. For observers and roots of threads: no operation of the program.
    #[must_use]
    pub fn over(&self) -> Option<Over> {
        self.over.peek().0
    }

    /// The process is over, if it was not already. Used for `_exit` too.
    #[must_use]
    pub fn end_process(&self, over: Over) -> Ended {
        if self.over().is_none() {
            self.over.write(OverCell(Some(over)));
        }
        Ended::ProcessOver
    }

    /// Whether the invariants are owed: the process goes on and the program kept to the rules that CPython does not
    /// check.
    pub(super) fn sane(&self) -> bool {
        !self.corrupted.peek() && self.over().is_none()
    }
}

/// What the runtime needs from the program around it.
pub trait Host {
    /// Runs a registered callback on the calling thread and returns what it returns.
    ///
    /// # Errors
    ///
    /// What ended the thread inside the callback.
    fn call(&self, caller: &Caller<'_>, callback: CallbackId, argument: u64) -> Step<i32>;

    /// Runs an audit hook on the calling thread and returns what it returns.
    ///
    /// # Errors
    ///
    /// What ended the thread inside the hook.
    fn audit(&self, caller: &Caller<'_>, hook: CallbackId, event: AuditEvent) -> Step<i32> {
        self.call(caller, hook, event as u64)
    }

    /// Runs a function of profiling or tracing on the calling thread and returns what it returns.
    ///
    /// # Errors
    ///
    /// What ended the thread inside it.
    fn trace(
        &self,
        caller: &Caller<'_>,
        function: CallbackId,
        object: Option<ObjectId>,
        event: TraceEvent,
    ) -> Step<i32> {
        let _ = object;
        self.call(caller, function, event as u64)
    }

    /// Runs a reference tracer on the calling thread and returns what it returns.
    ///
    /// # Errors
    ///
    /// What ended the thread inside it.
    fn trace_reference(
        &self,
        caller: &Caller<'_>,
        tracer: CallbackId,
        object: Option<ObjectId>,
        event: RefEvent,
        data: u64,
    ) -> Step<i32> {
        let _ = (object, event);
        self.call(caller, tracer, data)
    }

    /// Runs a function that evaluates frames on the calling thread, up to where it goes on with CPython's own.
    ///
    /// # Errors
    ///
    /// What ended the thread inside it.
    fn evaluate(
        &self,
        caller: &Caller<'_>,
        evaluator: CallbackId,
        thread_state: ThreadStateHandle,
    ) -> Step<()> {
        let _ = thread_state;
        self.call(caller, evaluator, 0).map(drop)
    }

    /// Starts the OS thread with this index, whose root runs [`Caller::python_thread`]; whether that worked.
    #[must_use]
    fn spawn(&self, thread: ThreadIndex) -> bool;

    /// The process ends as the thread uses a freed thread state or interpreter that was a block of memory of its own.
    fn uses_freed_block(&self) {}

    /// What the native `fork()` does.
    fn fork(&self) -> Branch {
        fork()
    }
}

/// A program whose callbacks do nothing and succeed, and which can start no thread.
impl Host for () {
    fn call(&self, _: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
        Ok(0)
    }

    fn spawn(&self, _: ThreadIndex) -> bool {
        false
    }
}

/// The calling OS thread's view of the runtime: every function of the C API is a method.
///
/// The OS thread is [`crate::sync::current_thread`].
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The process.
    pub runtime: &'a Runtime,
    /// The program around it.
    pub host: &'a dyn Host,
}

impl std::fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("thread", &current_thread())
            .finish_non_exhaustive()
    }
}

impl<'a> Caller<'a> {
    /// A caller.
    #[must_use]
    pub fn new(runtime: &'a Runtime, host: &'a dyn Host) -> Self {
        Self { runtime, host }
    }

    /// Undefined behaviour was met.
    #[must_use]
    pub fn crash(&self, crash: Crash) -> Ended {
        self.end_process(Over::Crash(crash))
    }

    /// A thread state or an interpreter was used after it was freed. `is_block`: it lay in nothing else.
    pub(super) fn use_after_free(&self, is_block: bool) -> Ended {
        pause_point();
        // Another thread may have ended the process first.
        if is_block && self.runtime.over().is_none() {
            self.host.uses_freed_block();
        }
        self.runtime.end_process(Over::Crash(Crash::UseAfterFree))
    }

    /// `Py_FatalError`.
    #[doc(alias = "Py_FatalError")]
    #[must_use]
    pub fn fatal(&self, fatal: Fatal) -> Ended {
        self.end_process(Over::Fatal(fatal))
    }

    /// The thread ends the process: after whatever others do first, also where it touches nothing that is shared.
    pub(super) fn end_process(&self, over: Over) -> Ended {
        pause_point();
        self.runtime.end_process(over)
    }

    /// The runtime has no room for what the program does.
    #[must_use]
    pub(super) fn limit(&self, limit: Limit) -> Ended {
        self.runtime.end_process(Over::Limit(limit))
    }

    /// `Py_ExitStatusException` of an error.
    #[must_use]
    pub(super) fn status(&self, error: StatusError) -> Ended {
        match error {
            StatusError::InitializeFirst => self.fatal(Fatal::InitializeFirst),
            StatusError::Obmalloc
            | StatusError::Gil
            | StatusError::NoConfig
            | StatusError::NoPreConfig
            | StatusError::NoThreadState
            | StatusError::Audit
            | StatusError::Initialized
            | StatusError::Stage(_) => self.end_process(Over::Status(error)),
        }
    }

    /// Runs a callback, if there is one.
    pub(super) fn run(&self, callback: Callback) -> Step<i32> {
        match callback.id() {
            None => Ok(0),
            Some(id) => self.host.call(self, id, callback.argument()),
        }
    }
}
