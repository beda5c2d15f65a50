//! What a scenario's statements call: CPython, whichever it is.
//!
//! [`Python`] is one process's CPython and [`Calls`] what one of its threads calls. The runtime implements both, and so
//! does a real libpython behind the driver: the statements of a scenario mean the same on either.

use super::{Machine, Value};
use crate::runtime::{
    AuditEvent, Callback, CallbackId, Caller, Config, ConfigField, Crash, Daemon, Dictionary,
    Ended, Evaluator, Exception, GilState, GuardHandle, Host, InterpreterConfig, InterpreterHandle,
    ModuleId, MutexSlot, ObjectId, ObjectKind, Over, Profile, RefEvent, Runtime, Stage,
    StatusError, Step, ThreadStateHandle, Token, TraceEvent, Tracer, TssHandle, ViewHandle,
};
use crate::sync::{Branch, ThreadIndex, Word};

/// One process's CPython, and what conditions ask of it.
pub trait Python: Sync + Send + Sized + 'static {
    /// What the calling thread calls.
    type Caller<'a>: Calls;

    /// The calling thread's view.
    fn caller<'a>(&'a self, machine: &'a Machine<Self>) -> Self::Caller<'a>;

    /// The release that this is.
    fn profile(&self) -> Profile;
    /// Why the process is over, if it is.
    fn over(&self) -> Option<Over>;
    /// The process is over, if it was not already.
    #[must_use]
    fn end_process(&self, over: Over) -> Ended;
    /// The program reads ids: they are to be told apart from here on.
    fn observe_ids(&self);
    /// The program asks for failures: they are to be looked for from here on.
    fn observe_failures(&self);
    /// The program adds audit hooks: they are to be looked for from here on.
    fn observe_audit(&self);
    /// The program names a global flag.
    fn observe_flags(&self);
    /// A global flag, by the field that it stands for.
    fn global_flag(&self, field: ConfigField) -> i32;
    /// The program looks on by tracing and the like, and whether at frames: that is to be looked for from here on.
    fn observe_hooks(&self, frames: bool);
    /// The program has signals or async exceptions: they are to be looked for from here on.
    fn observe_signals(&self);
    /// The process was just forked off: what no check has found of the signals before is its parent's.
    fn leave_signals_to_parent(&self);

    /// `attached(T)`.
    fn attached(&self, thread: ThreadIndex) -> bool;
    /// `attached(T, interp)`.
    fn attached_to(&self, thread: ThreadIndex, interpreter: InterpreterHandle) -> bool;
    /// `waits_for_gil(T)`.
    fn waits_for_gil(&self, thread: ThreadIndex) -> bool;
    /// `holds_gil(T)`.
    fn holds_gil(&self, thread: ThreadIndex) -> bool;
    /// `parked(T)`: whether finalization parked the thread for good.
    fn hung(&self, thread: ThreadIndex) -> bool;
    /// Who holds the main interpreter's GIL.
    fn gil_holder(&self) -> Option<ThreadIndex>;
    /// What the thread reads as its current thread state.
    fn current_of(&self, thread: ThreadIndex) -> ThreadStateHandle;
    /// `initialized`.
    fn initialized(&self) -> bool;
    /// `finalizing`.
    fn finalizing(&self) -> bool;
    /// `interpreters`.
    fn interpreters(&self) -> usize;
    /// `thread_states`.
    fn thread_states(&self) -> usize;
    /// `thread_states(interp)`.
    fn thread_states_of(&self, interpreter: InterpreterHandle) -> usize;
    /// `ts->interp`; null for a thread state that is freed.
    fn interpreter_of_state(&self, handle: ThreadStateHandle) -> InterpreterHandle;
    /// The interpreter that an object was made in.
    fn interpreter_of_object(&self, object: ObjectId) -> InterpreterHandle;
    /// `pending`.
    fn pending(&self) -> usize;
    /// `pending(interp)`.
    fn pending_of(&self, interpreter: InterpreterHandle) -> usize;
    /// `held(m)` of a `PyMutex`.
    fn mutex_held(&self, mutex: MutexSlot) -> bool;
    /// What `PyGILState_Check` says in the thread.
    fn checks(&self, thread: ThreadIndex) -> bool;
    /// The thread states of the main interpreter, newest first; none where there is no main interpreter.
    fn listed(&self, each: &mut dyn FnMut(ThreadStateHandle));
}

macro_rules! calls {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)+) => {
        /// What one OS thread calls.
        ///
        /// Every method stands for a function of the C API or of Python; [`Caller`] tells what each does.
        ///
        /// # Errors
        ///
        /// Each: the thread or the process ended in it.
        #[expect(clippy::missing_errors_doc, reason = "said once for all of them")]
        pub trait Calls {
            $($(#[$doc])* fn $name(&self, $($argument: $type),*) -> Step<$result>;)+

            /// `import NAME`: 0, or -1 if it raises.
            fn import(&self, module: ModuleId, name: &str) -> Step<i32>;
            /// `PySys_Audit` of an event by this name, whose text in the program is the word.
            fn sys_audit(&self, name: &str, event: u64) -> Step<i32>;
            /// What the caller did has no meaning in C.
            #[must_use]
            fn crash(&self, crash: Crash) -> Ended;
            /// The root of a thread that `threading` made, around its body.
            fn python_thread(&self, body: impl FnOnce() -> Step<()>) -> Step<()>;
            /// The process is over: lets threads that wait inside CPython end. For harnesses.
            fn let_others_end(&self);
        }

        impl Calls for Caller<'_> {
            $(fn $name(&self, $($argument: $type),*) -> Step<$result> {
                Caller::$name(self, $($argument),*)
            })+

            fn import(&self, module: ModuleId, _name: &str) -> Step<i32> {
                Caller::import_module(self, module)
            }
            fn sys_audit(&self, _name: &str, event: u64) -> Step<i32> {
                Caller::sys_audit(self, event)
            }
            fn crash(&self, crash: Crash) -> Ended {
                Caller::crash(self, crash)
            }
            fn python_thread(&self, body: impl FnOnce() -> Step<()>) -> Step<()> {
                Caller::python_thread(self, body)
            }
            fn let_others_end(&self) {
                Caller::let_others_end(self);
            }
        }
    };
}

calls! {
    /// `Py_Initialize`.
    fn initialize() -> ();
    /// `Py_InitializeEx`.
    fn initialize_ex(installs_signal_handlers: bool) -> ();
    /// `Py_IsInitialized`.
    fn is_initialized() -> i32;
    /// `Py_IsFinalizing`.
    fn is_finalizing() -> i32;
    /// `Py_FinalizeEx`.
    fn finalize_ex() -> i32;
    /// `Py_Exit`.
    fn exit(status: i32) -> ();
    /// `Py_AtExit`.
    fn at_exit(callback: Callback) -> i32;
    /// `PyUnstable_AtExit`.
    fn unstable_at_exit(interpreter: InterpreterHandle, callback: Callback) -> i32;
    /// Python's `atexit.register`.
    fn exit_callback(callback: Callback) -> i32;
    /// Registers what runs in the clearing of a thread state; whether there was room.
    fn at_clear(owner: ThreadStateHandle, callback: Callback) -> bool;
    /// Registers what runs in the clearing of an interpreter; whether there was room.
    fn at_interpreter_clear(owner: InterpreterHandle, callback: Callback) -> bool;
    /// Registers what the import of `site` runs.
    fn at_site(callback: Callback) -> ();
    /// `PyGC_Collect`.
    fn gc_collect() -> i32;
    /// `Py_AddPendingCall`.
    fn add_pending_call(call: Callback) -> i32;
    /// `_PyEval_AddPendingCall`.
    fn eval_add_pending_call(interpreter: InterpreterHandle, call: Callback, flags: i32) -> i32;
    /// `Py_MakePendingCalls`.
    fn make_pending_calls() -> i32;
    /// `PyErr_CheckSignals`.
    fn err_check_signals() -> i32;
    /// Python's `signal.signal`: 0, or -1 if it raises.
    fn at_signal(handler: Callback) -> i32;
    /// The signal arrives, on the process's first thread: what the system does then.
    fn signal_arrives() -> ();
    /// `PyThread_get_thread_ident`.
    fn thread_get_ident() -> i64;
    /// `PyThreadState_SetAsyncExc`.
    fn thread_state_set_async_exc(ident: i64, exception: Exception) -> i32;
    /// `PyMutex_Lock`.
    fn mutex_lock(mutex: MutexSlot) -> ();
    /// `PyMutex_Unlock`.
    fn mutex_unlock(mutex: MutexSlot) -> ();
    /// `PyMutex_IsLocked`.
    fn mutex_is_locked(mutex: MutexSlot) -> i32;
    /// `PyEval_SaveThread`.
    fn eval_save_thread() -> ThreadStateHandle;
    /// `PyEval_RestoreThread`.
    fn eval_restore_thread(handle: ThreadStateHandle) -> ();
    /// `PyEval_AcquireThread`.
    fn eval_acquire_thread(handle: ThreadStateHandle) -> ();
    /// `PyEval_ReleaseThread`.
    fn eval_release_thread(handle: ThreadStateHandle) -> ();
    /// `PyThreadState_Swap`.
    fn thread_state_swap(new: ThreadStateHandle) -> ThreadStateHandle;
    /// `PyThreadState_New`.
    fn thread_state_new(interpreter: InterpreterHandle) -> ThreadStateHandle;
    /// `PyThreadState_Clear`.
    fn thread_state_clear(handle: ThreadStateHandle) -> ();
    /// `PyThreadState_Delete`.
    fn thread_state_delete(handle: ThreadStateHandle) -> ();
    /// `PyThreadState_DeleteCurrent`.
    fn thread_state_delete_current() -> ();
    /// `PyThreadState_Get`.
    fn thread_state_get() -> ThreadStateHandle;
    /// `PyThreadState_GetUnchecked`.
    fn thread_state_get_unchecked() -> ThreadStateHandle;
    /// `PyThreadState_GetID`.
    fn thread_state_get_id(handle: ThreadStateHandle) -> u64;
    /// `PyThreadState_GetInterpreter`.
    fn thread_state_get_interpreter(handle: ThreadStateHandle) -> InterpreterHandle;
    /// `PyThreadState_Next`.
    fn thread_state_next(handle: ThreadStateHandle) -> ThreadStateHandle;
    /// `PyGILState_Ensure`.
    fn gil_state_ensure() -> GilState;
    /// `PyGILState_Release`.
    fn gil_state_release(before: GilState) -> ();
    /// `PyGILState_GetThisThreadState`.
    fn gil_state_get_this_thread_state() -> ThreadStateHandle;
    /// `PyGILState_Check`.
    fn gil_state_check() -> i32;
    /// `PyInterpreterGuard_FromCurrent`.
    fn interpreter_guard_from_current() -> GuardHandle;
    /// `PyInterpreterGuard_FromView`.
    fn interpreter_guard_from_view(view: ViewHandle) -> GuardHandle;
    /// `PyInterpreterGuard_Close`.
    fn interpreter_guard_close(guard: GuardHandle) -> ();
    /// `PyInterpreterView_FromCurrent`.
    fn interpreter_view_from_current() -> ViewHandle;
    /// `PyInterpreterView_FromMain`.
    fn interpreter_view_from_main() -> ViewHandle;
    /// `PyInterpreterView_Close`.
    fn interpreter_view_close(view: ViewHandle) -> ();
    /// `PyThreadState_Ensure`.
    fn thread_state_ensure(guard: GuardHandle) -> Token;
    /// `PyThreadState_EnsureFromView`.
    fn thread_state_ensure_from_view(view: ViewHandle) -> Token;
    /// `PyThreadState_Release`.
    fn thread_state_release(token: Token) -> ();
    /// `PyThread_tss_alloc`.
    fn thread_tss_alloc() -> TssHandle;
    /// `PyThread_tss_free`.
    fn thread_tss_free(key: TssHandle) -> ();
    /// `PyThread_tss_is_created`.
    fn thread_tss_is_created(key: TssHandle) -> i32;
    /// `PyThread_tss_create`.
    fn thread_tss_create(key: TssHandle) -> i32;
    /// `PyThread_tss_delete`.
    fn thread_tss_delete(key: TssHandle) -> ();
    /// `PyThread_tss_set`.
    fn thread_tss_set(key: TssHandle, value: u64) -> i32;
    /// `PyThread_tss_get`.
    fn thread_tss_get(key: TssHandle) -> u64;
    /// `PyThread_create_key`.
    fn thread_create_key() -> i32;
    /// `PyThread_delete_key`.
    fn thread_delete_key(key: i32) -> ();
    /// `PyThread_set_key_value`.
    fn thread_set_key_value(key: i32, value: u64) -> i32;
    /// `PyThread_get_key_value`.
    fn thread_get_key_value(key: i32) -> u64;
    /// `PyThread_delete_key_value`.
    fn thread_delete_key_value(key: i32) -> ();
    /// `Py_NewInterpreter`.
    fn new_interpreter() -> ThreadStateHandle;
    /// `Py_NewInterpreterFromConfig`.
    fn new_interpreter_from_config(config: &InterpreterConfig) -> Result<ThreadStateHandle, StatusError>;
    /// `Py_EndInterpreter`.
    fn end_interpreter(handle: ThreadStateHandle) -> ();
    /// `PyInterpreterState_Get`.
    fn interpreter_state_get() -> InterpreterHandle;
    /// `PyInterpreterState_GetID`.
    fn interpreter_state_get_id(interpreter: InterpreterHandle) -> i64;
    /// `PyInterpreterState_New`.
    fn interpreter_state_new() -> InterpreterHandle;
    /// `PyInterpreterState_Clear`.
    fn interpreter_state_clear(interpreter: InterpreterHandle) -> ();
    /// `PyInterpreterState_Delete`.
    fn interpreter_state_delete(interpreter: InterpreterHandle) -> ();
    /// `PyInterpreterState_GetDict`.
    fn interpreter_state_get_dict(interpreter: InterpreterHandle) -> Dictionary;
    /// `PyThreadState_GetDict`.
    fn thread_state_get_dict() -> Dictionary;
    /// `Py_InitializeFromConfig`, of a configuration or of null.
    fn initialize_from_config(config: Option<&Config>) -> Result<(), StatusError>;
    /// `_Py_InitializeMain`.
    fn initialize_main() -> Result<(), StatusError>;
    /// `Py_PreInitialize`, its kin, and setters of `PyConfig`, with a configuration or null.
    fn preinitialize(configured: bool) -> Result<(), StatusError>;
    /// `PyConfig_SetArgv`.
    fn set_config_argv() -> Result<(), StatusError>;
    /// A function that returns a text, by its name; whether there is one.
    fn constant_text(name: &str) -> bool;
    /// A function that sets a parameter of the process, by its name.
    fn set_parameter(name: &str) -> ();
    /// `Py_ExitStatusException`.
    fn exit_status_exception(error: Option<StatusError>) -> ();
    /// A write to a global flag.
    fn set_global_flag(field: ConfigField, value: i32) -> ();
    /// `PySys_SetArgvEx`.
    fn set_argv() -> ();
    /// `Py_EncodeLocale`.
    fn encode_locale() -> ();
    /// `PyEval_ThreadsInitialized`.
    fn threads_initialized() -> i32;
    /// `Py_RunMain`.
    fn run_main() -> i32;
    /// `Py_Main`, `Py_BytesMain`.
    fn main() -> i32;
    /// Registers what `Py_RunMain` runs.
    fn at_main(program: Callback) -> ();
    /// `interpreters.run`, Python's `Interpreter.exec`: 0, or -1 if it raises.
    fn interpreters_run(interpreter: InterpreterHandle, program: Callback) -> i32;
    /// `interpreters.destroy`, Python's `Interpreter.close`: 0, or -1 if it raises.
    fn interpreters_destroy(interpreter: InterpreterHandle) -> i32;
    /// `PyEval_GetFrame`; whether there is one.
    fn eval_frame() -> bool;
    /// `PyThreadState_GetFrame`; whether there is one.
    fn thread_state_get_frame(handle: ThreadStateHandle) -> bool;
    /// `PySys_AddAuditHook`.
    fn add_audit_hook(hook: Callback) -> i32;
    /// The next run of a stage fails.
    fn fail_stage(stage: Stage) -> ();
    /// The next allocation of an interpreter or a thread state fails.
    fn fail_allocation() -> ();
    /// The next start of a thread by `threading` fails.
    fn fail_thread_start() -> ();
    /// `PyInterpreterState_Head`.
    fn interpreter_state_head() -> InterpreterHandle;
    /// `PyInterpreterState_Main`.
    fn interpreter_state_main() -> InterpreterHandle;
    /// `PyInterpreterState_Next`.
    fn interpreter_state_next(interpreter: InterpreterHandle) -> InterpreterHandle;
    /// `PyInterpreterState_ThreadHead`.
    fn interpreter_state_thread_head(interpreter: InterpreterHandle) -> ThreadStateHandle;
    /// A frame with one boundary of bytecode.
    fn evaluate() -> i32;
    /// `PyEval_SetProfile`.
    fn eval_set_profile(tracer: Tracer) -> ();
    /// `PyEval_SetTrace`.
    fn eval_set_trace(tracer: Tracer) -> ();
    /// `PyEval_SetProfileAllThreads`.
    fn eval_set_profile_all_threads(tracer: Tracer) -> ();
    /// `PyEval_SetTraceAllThreads`.
    fn eval_set_trace_all_threads(tracer: Tracer) -> ();
    /// `PyThreadState_EnterTracing`.
    fn thread_state_enter_tracing(handle: ThreadStateHandle) -> ();
    /// `PyThreadState_LeaveTracing`.
    fn thread_state_leave_tracing(handle: ThreadStateHandle) -> ();
    /// `PyRefTracer_SetTracer`; the data as a word.
    fn ref_tracer_set_tracer(function: Option<CallbackId>, data: u64) -> i32;
    /// `PyRefTracer_GetTracer`.
    fn ref_tracer_get_tracer() -> (Option<CallbackId>, u64);
    /// `_PyInterpreterState_SetEvalFrameFunc`.
    fn interpreter_state_set_eval_frame_func(interpreter: InterpreterHandle, evaluator: Evaluator) -> ();
    /// `_PyInterpreterState_GetEvalFrameFunc`.
    fn interpreter_state_get_eval_frame_func(interpreter: InterpreterHandle) -> Evaluator;
    /// `sys._current_frames`: 0, or -1 if it raises.
    fn current_frames() -> i32;
    /// `tracemalloc.start`: 0, or -1 if it raises.
    fn tracemalloc_start() -> i32;
    /// `tracemalloc.stop`: 0, or -1 if it raises.
    fn tracemalloc_stop() -> i32;
    /// Registers what runs in allocations.
    fn alloc_hook(callback: Callback) -> ();
    /// Makes a Python object.
    fn object_new(object: ObjectId, kind: ObjectKind) -> ();
    /// Uses a Python object.
    fn object_touch(object: ObjectId) -> ();
    /// Drops the last reference to a Python object.
    fn object_drop(object: ObjectId) -> ();
    /// `threading.Thread.start`: 0, or -1 if Python refuses.
    fn thread_start(thread: ThreadIndex, daemon: Daemon) -> i32;
    /// `threading.Thread.join`: 0, or -1 if it raises.
    fn thread_join(thread: ThreadIndex) -> i32;
    /// `os.fork`: which process the run goes on as, or `None` if it raises.
    fn os_fork() -> Option<Branch>;
    /// `PyOS_BeforeFork`.
    fn before_fork() -> ();
    /// `PyOS_AfterFork_Parent`.
    fn after_fork_parent() -> ();
    /// `PyOS_AfterFork_Child`.
    fn after_fork_child() -> ();
    /// `os.register_at_fork`.
    fn register_at_fork(before: Callback, parent: Callback, child: Callback) -> bool;
}

/// The arguments of a `Py_tracefunc`, as words. What the last one would be has no name in a scenario.
#[must_use]
pub fn traced(object: Option<ObjectId>, event: TraceEvent) -> [u64; 4] {
    let event = Value::Number(event as i64);
    [object.into(), Value::Frame, event, Value::NULL].map(Word::to_word)
}

/// The arguments of a `PyRefTracer`, as words.
#[must_use]
pub fn reference_traced(object: Option<ObjectId>, event: RefEvent, data: u64) -> [u64; 3] {
    let event = Value::Number(event as i64);
    [Value::from(object).to_word(), event.to_word(), data]
}

/// The arguments of a `_PyFrameEvalFunction`, as words.
#[must_use]
pub fn evaluated(thread_state: ThreadStateHandle) -> [u64; 3] {
    [thread_state.into(), Value::Frame, Value::NULL].map(Word::to_word)
}

impl Python for Runtime {
    type Caller<'a> = Caller<'a>;

    fn caller<'a>(&'a self, machine: &'a Machine<Self>) -> Caller<'a> {
        Caller::new(self, machine)
    }

    fn profile(&self) -> Profile {
        Self::profile(self)
    }
    fn over(&self) -> Option<Over> {
        Self::over(self)
    }
    fn end_process(&self, over: Over) -> Ended {
        Self::end_process(self, over)
    }
    fn observe_ids(&self) {
        Self::observe_ids(self);
    }
    fn observe_failures(&self) {
        Self::observe_failures(self);
    }
    fn observe_audit(&self) {
        Self::observe_audit(self);
    }
    fn observe_flags(&self) {
        Self::observe_flags(self);
    }
    fn global_flag(&self, field: ConfigField) -> i32 {
        Self::global_flag(self, field)
    }
    fn observe_hooks(&self, frames: bool) {
        Self::observe_hooks(self, frames);
    }
    fn observe_signals(&self) {
        Self::observe_signals(self);
    }
    fn leave_signals_to_parent(&self) {
        Self::leave_signals_to_parent(self);
    }
    fn attached(&self, thread: ThreadIndex) -> bool {
        Self::attached(self, thread)
    }
    fn attached_to(&self, thread: ThreadIndex, interpreter: InterpreterHandle) -> bool {
        Self::attached_to(self, thread, interpreter)
    }
    fn waits_for_gil(&self, thread: ThreadIndex) -> bool {
        Self::waits_for_gil(self, thread)
    }
    fn holds_gil(&self, thread: ThreadIndex) -> bool {
        Self::holds_gil(self, thread)
    }
    fn hung(&self, thread: ThreadIndex) -> bool {
        Self::hung(self, thread)
    }
    fn gil_holder(&self) -> Option<ThreadIndex> {
        Self::gil_holder(self)
    }
    fn current_of(&self, thread: ThreadIndex) -> ThreadStateHandle {
        Self::current_of(self, thread)
    }
    fn initialized(&self) -> bool {
        Self::initialized(self)
    }
    fn finalizing(&self) -> bool {
        Self::finalizing(self)
    }
    fn interpreters(&self) -> usize {
        Self::interpreters(self)
    }
    fn thread_states(&self) -> usize {
        Self::thread_states(self)
    }
    fn thread_states_of(&self, interpreter: InterpreterHandle) -> usize {
        Self::thread_states_of(self, interpreter)
    }
    fn interpreter_of_state(&self, handle: ThreadStateHandle) -> InterpreterHandle {
        Self::interpreter_of_state(self, handle)
    }
    fn interpreter_of_object(&self, object: ObjectId) -> InterpreterHandle {
        Self::interpreter_of_object(self, object)
    }
    fn pending(&self) -> usize {
        Self::pending(self)
    }
    fn pending_of(&self, interpreter: InterpreterHandle) -> usize {
        Self::pending_of(self, interpreter)
    }
    fn mutex_held(&self, mutex: MutexSlot) -> bool {
        Self::mutex_held(self, mutex)
    }
    fn checks(&self, thread: ThreadIndex) -> bool {
        Self::checks(self, thread)
    }
    fn listed(&self, each: &mut dyn FnMut(ThreadStateHandle)) {
        self.thread_states_listed(InterpreterHandle::MAIN)
            .into_iter()
            .for_each(each);
    }
}

impl Host for Machine {
    fn uses_freed_block(&self) {
        if let Some(listener) = &self.listener {
            listener.uses_freed_block();
        }
    }

    fn call(&self, caller: &Caller<'_>, callback: CallbackId, argument: u64) -> Step<i32> {
        self.callback(caller, callback, argument)
    }

    fn audit(&self, caller: &Caller<'_>, hook: CallbackId, event: AuditEvent) -> Step<i32> {
        let event = self.text(event.name());
        self.callback(caller, hook, event.to_word())
    }

    fn trace(
        &self,
        caller: &Caller<'_>,
        function: CallbackId,
        object: Option<ObjectId>,
        event: TraceEvent,
    ) -> Step<i32> {
        self.callback_with(caller, function, &traced(object, event))
    }

    fn trace_reference(
        &self,
        caller: &Caller<'_>,
        tracer: CallbackId,
        object: Option<ObjectId>,
        event: RefEvent,
        data: u64,
    ) -> Step<i32> {
        self.callback_with(caller, tracer, &reference_traced(object, event, data))
    }

    fn evaluate(
        &self,
        caller: &Caller<'_>,
        evaluator: CallbackId,
        thread_state: ThreadStateHandle,
    ) -> Step<()> {
        self.callback_with(caller, evaluator, &evaluated(thread_state))
            .map(drop)
    }

    fn spawn(&self, thread: ThreadIndex) -> bool {
        self.launch(thread);
        true
    }

    fn fork(&self) -> Branch {
        Self::fork(self)
    }
}
