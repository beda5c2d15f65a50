//! Each call of a scenario, as the call of the library.

use super::api::Pointer;
use super::callbacks::{
    at_exit, audit_hook, in_memory, packed, pending, pending_in_memory, unstable_at_exit,
};
use super::frames::auditing;
use super::injected::{self, Making, during};
use super::start::initialize_from_config;
use super::{
    Libpython, api, configure, objects, release, signals, site, storage, subinterpreters, tracing,
};
use crate::{left, record, sight};
use std::ffi::CString;
use tstate::runtime::{
    Callback, CallbackId, Config, ConfigField, Crash, Daemon, Dictionary, Ended, Evaluator,
    Exception, GilState, GuardHandle, InterpreterConfig, InterpreterHandle, ModuleId, MutexSlot,
    ObjectId, ObjectKind, Over, Stage, StatusError, Step, ThreadStateHandle, Token, Tracer,
    TssHandle, ViewHandle,
};
use tstate::sim::driver::{Calls, Python};
use tstate::sim::scenario::calls::Call;
use tstate::sync::{Branch, ThreadIndex};

/// `PyGILState_LOCKED`
const LOCKED: i32 = 0;
/// `_Py_PENDING_RAWFREE`, since 3.13.
const RAWFREE: i32 = 2;

/// What a thread of the run calls.
#[derive(Debug)]
pub struct Caller<'a> {
    pub(super) python: &'a Libpython,
}

impl Calls for Caller<'_> {
    fn initialize(&self) -> Step<()> {
        self.initialize_ex(true)
    }
    fn initialize_ex(&self, installs_signal_handlers: bool) -> Step<()> {
        let begins = !self.python.initialized();
        if begins {
            left::begins();
        }
        during(Making::Runtime, || self.python.initialize());
        if begins && installs_signal_handlers && crate::child::signals() {
            signals::install_own();
        }
        if crate::child::forks() {
            objects::keep_fork();
        }
        for (call, function) in [
            (Call::CurrentFrames, &objects::CURRENT_FRAMES),
            (Call::TracemallocStart, &objects::TRACEMALLOC_START),
            (Call::TracemallocStop, &objects::TRACEMALLOC_STOP),
        ] {
            if crate::child::calls(call) {
                function.keep();
            }
        }
        subinterpreters::begin();
        Ok(())
    }
    fn is_initialized(&self) -> Step<i32> {
        Ok(self.python.initialized().into())
    }
    fn is_finalizing(&self) -> Step<i32> {
        Ok(api::is_finalizing())
    }
    fn finalize_ex(&self) -> Step<i32> {
        Ok(left::ends(api::finalize_ex))
    }
    fn exit(&self, status: i32) -> Step<()> {
        left::ends(|| api::exit(status));
        Ok(())
    }
    fn at_exit(&self, callback: Callback) -> Step<i32> {
        Ok(api::at_exit(at_exit(callback)))
    }
    fn unstable_at_exit(&self, interpreter: InterpreterHandle, callback: Callback) -> Step<i32> {
        let interpreter = self.python.interpreter_pointer(interpreter);
        Ok(api::unstable_at_exit(
            interpreter,
            unstable_at_exit,
            packed(callback),
        ))
    }
    fn exit_callback(&self, callback: Callback) -> Step<i32> {
        Ok(objects::at_exit_python(callback))
    }
    fn at_clear(&self, owner: ThreadStateHandle, callback: Callback) -> Step<bool> {
        let owner = self.python.state_pointer(owner);
        Ok(objects::at_clear(owner, callback))
    }
    fn at_interpreter_clear(&self, owner: InterpreterHandle, callback: Callback) -> Step<bool> {
        let owner = self.python.interpreter_pointer(owner);
        Ok(objects::at_interpreter_clear(owner, callback))
    }
    fn at_site(&self, callback: Callback) -> Step<()> {
        if self.python.is_ahead() || self.python.initialized() {
            record::refuse("at_site: the library is initialized already");
        }
        site::at_site(callback);
        Ok(())
    }
    fn gc_collect(&self) -> Step<i32> {
        Ok(api::collect() as i32)
    }
    fn add_pending_call(&self, call: Callback) -> Step<i32> {
        Ok(api::add_pending_call(pending, packed(call)))
    }
    fn eval_add_pending_call(
        &self,
        interpreter: InterpreterHandle,
        call: Callback,
        flags: i32,
    ) -> Step<i32> {
        let interpreter = self.python.interpreter_pointer(interpreter);
        let result = if flags & RAWFREE != 0 && release().minor >= 13 {
            api::eval_add_pending_call(interpreter, pending_in_memory, in_memory(call), flags)
        } else {
            api::eval_add_pending_call(interpreter, pending, packed(call), flags)
        };
        Ok(if result == 0 { 0 } else { -1 })
    }
    fn err_check_signals(&self) -> Step<i32> {
        let result = api::check_signals();
        if result != 0 && sight::current() != 0 {
            api::error_clear();
        }
        Ok(result)
    }
    fn at_signal(&self, handler: Callback) -> Step<i32> {
        Ok(signals::at_signal(handler))
    }
    fn signal_arrives(&self) -> Step<()> {
        signals::arrive();
        Ok(())
    }
    fn thread_get_ident(&self) -> Step<i64> {
        Ok(signals::ident())
    }
    fn thread_state_set_async_exc(&self, ident: i64, exception: Exception) -> Step<i32> {
        Ok(signals::set_async_exc(ident, exception))
    }
    fn make_pending_calls(&self) -> Step<i32> {
        let result = api::make_pending_calls();
        if result != 0 && sight::current() != 0 {
            api::error_clear();
        }
        Ok(result)
    }
    fn mutex_lock(&self, mutex: MutexSlot) -> Step<()> {
        api::mutex_lock(self.python.mutex(mutex));
        Ok(())
    }
    fn mutex_unlock(&self, mutex: MutexSlot) -> Step<()> {
        api::mutex_unlock(self.python.mutex(mutex));
        Ok(())
    }
    fn mutex_is_locked(&self, mutex: MutexSlot) -> Step<i32> {
        // In C this is a look at the mutex, in most releases not even a function.
        Ok(self.python.mutex_held(mutex).into())
    }
    fn eval_save_thread(&self) -> Step<ThreadStateHandle> {
        Ok(self.python.state(api::save_thread()))
    }
    fn eval_restore_thread(&self, handle: ThreadStateHandle) -> Step<()> {
        api::restore_thread(self.python.state_pointer(handle));
        Ok(())
    }
    fn eval_acquire_thread(&self, handle: ThreadStateHandle) -> Step<()> {
        api::acquire_thread(self.python.state_pointer(handle));
        Ok(())
    }
    fn eval_release_thread(&self, handle: ThreadStateHandle) -> Step<()> {
        api::release_thread(self.python.state_pointer(handle));
        Ok(())
    }
    fn thread_state_swap(&self, new: ThreadStateHandle) -> Step<ThreadStateHandle> {
        let new = self.python.state_pointer(new);
        let old = api::thread_state_swap(new);
        sight::swapped();
        Ok(self.python.state(old))
    }
    fn thread_state_new(&self, interpreter: InterpreterHandle) -> Step<ThreadStateHandle> {
        let interpreter = self.python.interpreter_pointer(interpreter);
        let made = during(Making::ThreadState, || api::thread_state_new(interpreter));
        Ok(self.python.state(made))
    }
    fn thread_state_clear(&self, handle: ThreadStateHandle) -> Step<()> {
        api::thread_state_clear(self.python.state_pointer(handle));
        Ok(())
    }
    fn thread_state_delete(&self, handle: ThreadStateHandle) -> Step<()> {
        api::thread_state_delete(self.python.state_pointer(handle));
        Ok(())
    }
    fn thread_state_delete_current(&self) -> Step<()> {
        api::thread_state_delete_current();
        Ok(())
    }
    fn thread_state_get(&self) -> Step<ThreadStateHandle> {
        Ok(self.python.state(api::thread_state()))
    }
    fn thread_state_get_unchecked(&self) -> Step<ThreadStateHandle> {
        Ok(self.python.state(api::thread_state_unchecked()))
    }
    fn thread_state_get_id(&self, handle: ThreadStateHandle) -> Step<u64> {
        Ok(api::thread_state_id(self.python.state_pointer(handle)))
    }
    fn thread_state_get_interpreter(&self, handle: ThreadStateHandle) -> Step<InterpreterHandle> {
        let state = self.python.state_pointer(handle);
        let interpreter = api::thread_state_interpreter(state);
        Ok(self.python.interpreter(interpreter))
    }
    fn thread_state_next(&self, handle: ThreadStateHandle) -> Step<ThreadStateHandle> {
        let state = self.python.state_pointer(handle);
        Ok(self.python.state(api::thread_state_next(state)))
    }
    fn gil_state_ensure(&self) -> Step<GilState> {
        Ok(
            if during(Making::ThreadState, api::gil_state_ensure) == LOCKED {
                GilState::Locked
            } else {
                GilState::Unlocked
            },
        )
    }
    fn gil_state_release(&self, before: GilState) -> Step<()> {
        let state = match before {
            GilState::Locked => LOCKED,
            GilState::Unlocked => 1,
        };
        api::gil_state_release(state);
        Ok(())
    }
    fn gil_state_get_this_thread_state(&self) -> Step<ThreadStateHandle> {
        Ok(self.python.state(api::gil_state_this()))
    }
    fn gil_state_check(&self) -> Step<i32> {
        Ok(api::gil_state_check())
    }
    fn interpreter_guard_from_current(&self) -> Step<GuardHandle> {
        let made = during(Making::Block, api::guard_from_current);
        Ok(self.guard_made(made))
    }
    fn interpreter_guard_from_view(&self, view: ViewHandle) -> Step<GuardHandle> {
        let view = self.view(view);
        let made = during(Making::Block, || api::guard_from_view(view));
        Ok(self.guard_made(made))
    }
    fn interpreter_guard_close(&self, guard: GuardHandle) -> Step<()> {
        api::guard_close(self.guard(guard));
        Ok(())
    }
    fn interpreter_view_from_current(&self) -> Step<ViewHandle> {
        let made = during(Making::Block, api::view_from_current);
        Ok(self.view_made(made))
    }
    fn interpreter_view_from_main(&self) -> Step<ViewHandle> {
        let made = during(Making::Block, api::view_from_main);
        Ok(self.view_made(made))
    }
    fn interpreter_view_close(&self, view: ViewHandle) -> Step<()> {
        api::view_close(self.view(view));
        Ok(())
    }
    fn thread_state_ensure(&self, guard: GuardHandle) -> Step<Token> {
        let guard = self.guard(guard);
        Ok(self.ensured(Making::ThreadState, || api::thread_state_ensure(guard)))
    }
    fn thread_state_ensure_from_view(&self, view: ViewHandle) -> Step<Token> {
        let view = self.view(view);
        Ok(self.ensured(Making::Block, || api::thread_state_ensure_from_view(view)))
    }
    fn thread_state_release(&self, token: Token) -> Step<()> {
        api::thread_state_release(self.token(token));
        Ok(())
    }
    fn thread_tss_alloc(&self) -> Step<TssHandle> {
        let made = during(Making::Block, api::tss_alloc);
        Ok(self.key_made(made))
    }
    fn thread_tss_free(&self, key: TssHandle) -> Step<()> {
        api::tss_free(self.key(key));
        Ok(())
    }
    fn thread_tss_is_created(&self, key: TssHandle) -> Step<i32> {
        Ok(i32::from(api::tss_is_created(self.key(key)) != 0))
    }
    fn thread_tss_create(&self, key: TssHandle) -> Step<i32> {
        Ok(api::tss_create(self.key(key)))
    }
    fn thread_tss_delete(&self, key: TssHandle) -> Step<()> {
        api::tss_delete(self.key(key));
        Ok(())
    }
    fn thread_tss_set(&self, key: TssHandle, value: u64) -> Step<i32> {
        Ok(api::tss_set(self.key(key), value as Pointer))
    }
    fn thread_tss_get(&self, key: TssHandle) -> Step<u64> {
        Ok(api::tss_get(self.key(key)) as u64)
    }
    fn thread_create_key(&self) -> Step<i32> {
        Ok(storage::create_key())
    }
    fn thread_delete_key(&self, key: i32) -> Step<()> {
        storage::delete_key(key);
        Ok(())
    }
    fn thread_set_key_value(&self, key: i32, value: u64) -> Step<i32> {
        Ok(storage::set_key_value(key, value))
    }
    fn thread_get_key_value(&self, key: i32) -> Step<u64> {
        Ok(storage::key_value(key))
    }
    fn thread_delete_key_value(&self, key: i32) -> Step<()> {
        storage::delete_key_value(key);
        Ok(())
    }
    fn new_interpreter(&self) -> Step<ThreadStateHandle> {
        let made = during(Making::Interpreter, api::new_interpreter);
        if !made.is_null() {
            subinterpreters::prepare();
        }
        Ok(self.python.state(made))
    }
    fn new_interpreter_from_config(
        &self,
        config: &InterpreterConfig,
    ) -> Step<Result<ThreadStateHandle, StatusError>> {
        // `PyInterpreterConfig` is seven ints, in the order of the fields.
        let fields = [
            config.use_main_obmalloc,
            config.allow_fork,
            config.allow_exec,
            config.allow_threads,
            config.allow_daemon_threads,
            config.check_multi_interp_extensions,
            config.gil,
        ];
        let fields = fields.map(|field| field as i32);
        let mut state = std::ptr::null_mut();
        let status = during(Making::Interpreter, || {
            api::new_interpreter_from_config(&raw mut state, &raw const fields)
        });
        Ok(if let Err(error) = configure::noted(status) {
            Err(error)
        } else {
            if !state.is_null() {
                subinterpreters::prepare();
            }
            Ok(self.python.state(state))
        })
    }
    fn end_interpreter(&self, handle: ThreadStateHandle) -> Step<()> {
        api::end_interpreter(self.python.state_pointer(handle));
        Ok(())
    }
    fn interpreter_state_get(&self) -> Step<InterpreterHandle> {
        Ok(self.python.interpreter(api::interpreter()))
    }
    fn interpreter_state_new(&self) -> Step<InterpreterHandle> {
        let made = during(Making::Interpreter, api::interpreter_new);
        if made.is_null() && sight::current() != 0 {
            api::error_clear();
        }
        Ok(self.python.interpreter(made))
    }
    fn interpreter_state_clear(&self, interpreter: InterpreterHandle) -> Step<()> {
        api::interpreter_clear(self.python.interpreter_pointer(interpreter));
        Ok(())
    }
    fn interpreter_state_delete(&self, interpreter: InterpreterHandle) -> Step<()> {
        api::interpreter_delete(self.python.interpreter_pointer(interpreter));
        Ok(())
    }
    fn interpreter_state_get_dict(&self, interpreter: InterpreterHandle) -> Step<Dictionary> {
        let pointer = self.python.interpreter_pointer(interpreter);
        Ok(if api::interpreter_dict(pointer).is_null() {
            Dictionary::None
        } else {
            Dictionary::Interpreter(interpreter)
        })
    }
    fn thread_state_get_dict(&self) -> Step<Dictionary> {
        let dictionary = api::thread_state_dict();
        Ok(if dictionary.is_null() {
            Dictionary::None
        } else {
            Dictionary::ThreadState(self.python.state(sight::current() as Pointer))
        })
    }
    fn initialize_from_config(&self, config: Option<&Config>) -> Step<Result<(), StatusError>> {
        if !self.python.initialized() {
            left::begins();
        }
        let status = during(Making::Runtime, || initialize_from_config(config));
        if status.is_ok() && self.python.initialized() {
            subinterpreters::begin();
        }
        Ok(status)
    }
    fn initialize_main(&self) -> Step<Result<(), StatusError>> {
        Ok(configure::initialize_main())
    }
    fn preinitialize(&self, configured: bool) -> Step<Result<(), StatusError>> {
        Ok(configure::preinitialize(configured))
    }
    fn set_config_argv(&self) -> Step<Result<(), StatusError>> {
        configure::set_config_arguments();
        Ok(Ok(()))
    }
    fn exit_status_exception(&self, error: Option<StatusError>) -> Step<()> {
        configure::exit_status_exception(error.is_some());
        Ok(())
    }
    fn set_global_flag(&self, field: ConfigField, value: i32) -> Step<()> {
        configure::set_global_flag(field, value);
        Ok(())
    }
    fn constant_text(&self, name: &str) -> Step<bool> {
        Ok(configure::constant_text(name))
    }
    fn set_parameter(&self, name: &str) -> Step<()> {
        configure::set_parameter(name);
        Ok(())
    }
    fn set_argv(&self) -> Step<()> {
        api::set_argv(1, [configure::wide("x").as_ptr()].as_ptr(), 0);
        Ok(())
    }
    fn encode_locale(&self) -> Step<()> {
        api::encode_locale(configure::wide("x").as_ptr(), std::ptr::null_mut());
        Ok(())
    }
    fn threads_initialized(&self) -> Step<i32> {
        Ok(api::threads_initialized())
    }
    fn run_main(&self) -> Step<i32> {
        Ok(left::ends(configure::run_main))
    }
    fn main(&self) -> Step<i32> {
        Ok(left::ends(configure::main))
    }
    fn at_main(&self, program: Callback) -> Step<()> {
        configure::at_main(program);
        Ok(())
    }
    fn eval_frame(&self) -> Step<bool> {
        Ok(!api::innermost_frame().is_null())
    }
    fn thread_state_get_frame(&self, handle: ThreadStateHandle) -> Step<bool> {
        let frame = api::thread_state_frame(self.python.state_pointer(handle));
        if frame.is_null() {
            return Ok(false);
        }
        api::decrease(frame);
        Ok(true)
    }
    fn interpreters_run(&self, interpreter: InterpreterHandle, program: Callback) -> Step<i32> {
        Ok(subinterpreters::run(
            self.python.interpreter_id(interpreter),
            program,
        ))
    }
    fn interpreters_destroy(&self, interpreter: InterpreterHandle) -> Step<i32> {
        Ok(subinterpreters::destroy(
            self.python.interpreter_id(interpreter),
        ))
    }
    fn add_audit_hook(&self, hook: Callback) -> Step<i32> {
        Ok(api::add_audit_hook(audit_hook, packed(hook)))
    }
    fn fail_stage(&self, stage: Stage) -> Step<()> {
        injected::fail_stage(stage);
        Ok(())
    }
    fn fail_allocation(&self) -> Step<()> {
        injected::fail_allocation();
        Ok(())
    }
    fn fail_thread_start(&self) -> Step<()> {
        crate::layer::fail_next_thread();
        Ok(())
    }
    fn interpreter_state_get_id(&self, interpreter: InterpreterHandle) -> Step<i64> {
        let interpreter = self.python.interpreter_pointer(interpreter);
        Ok(api::interpreter_id(interpreter))
    }
    fn interpreter_state_head(&self) -> Step<InterpreterHandle> {
        Ok(self.python.interpreter(api::interpreter_head()))
    }
    fn interpreter_state_main(&self) -> Step<InterpreterHandle> {
        Ok(self.python.interpreter(api::interpreter_main()))
    }
    fn interpreter_state_next(&self, interpreter: InterpreterHandle) -> Step<InterpreterHandle> {
        let interpreter = self.python.interpreter_pointer(interpreter);
        Ok(self.python.interpreter(api::interpreter_next(interpreter)))
    }
    fn interpreter_state_thread_head(
        &self,
        interpreter: InterpreterHandle,
    ) -> Step<ThreadStateHandle> {
        let interpreter = self.python.interpreter_pointer(interpreter);
        Ok(self.python.state(api::interpreter_threads(interpreter)))
    }
    fn evaluate(&self) -> Step<i32> {
        Ok(objects::eval())
    }
    fn object_new(&self, object: ObjectId, kind: ObjectKind) -> Step<()> {
        objects::new(object.index(), kind);
        self.python.made_here(object);
        Ok(())
    }
    fn object_touch(&self, object: ObjectId) -> Step<()> {
        objects::touch(object.index());
        Ok(())
    }
    fn object_drop(&self, object: ObjectId) -> Step<()> {
        objects::drop_object(object.index());
        Ok(())
    }
    fn thread_start(&self, thread: ThreadIndex, daemon: Daemon) -> Step<i32> {
        if injected::wants_allocation() {
            record::refuse(
                "not driven: which allocation of a thread's start is its thread state cannot be seen",
            );
        }
        Ok(objects::start(thread.index(), daemon))
    }
    fn thread_join(&self, thread: ThreadIndex) -> Step<i32> {
        Ok(objects::join(thread.index()))
    }

    fn import(&self, module: ModuleId, name: &str) -> Step<i32> {
        Ok(if module == ModuleId::THREADING {
            objects::import_threading()
        } else {
            objects::import(name)
        })
    }
    fn os_fork(&self) -> Step<Option<Branch>> {
        Ok(objects::os_fork())
    }
    fn before_fork(&self) -> Step<()> {
        api::before_fork();
        Ok(())
    }
    fn after_fork_parent(&self) -> Step<()> {
        api::after_fork_parent();
        Ok(())
    }
    fn after_fork_child(&self) -> Step<()> {
        api::after_fork_child();
        Ok(())
    }
    fn register_at_fork(&self, before: Callback, parent: Callback, child: Callback) -> Step<bool> {
        Ok(objects::register_at_fork([
            (c"before", before),
            (c"after_in_parent", parent),
            (c"after_in_child", child),
        ]))
    }

    fn eval_set_profile(&self, tracer: Tracer) -> Step<()> {
        tracing::set(api::set_profile, tracer);
        Ok(())
    }
    fn eval_set_trace(&self, tracer: Tracer) -> Step<()> {
        tracing::set(api::set_trace, tracer);
        Ok(())
    }
    fn eval_set_profile_all_threads(&self, tracer: Tracer) -> Step<()> {
        tracing::set(api::set_profile_all, tracer);
        Ok(())
    }
    fn eval_set_trace_all_threads(&self, tracer: Tracer) -> Step<()> {
        tracing::set(api::set_trace_all, tracer);
        Ok(())
    }
    fn thread_state_enter_tracing(&self, handle: ThreadStateHandle) -> Step<()> {
        api::enter_tracing(self.python.state_pointer(handle));
        Ok(())
    }
    fn thread_state_leave_tracing(&self, handle: ThreadStateHandle) -> Step<()> {
        api::leave_tracing(self.python.state_pointer(handle));
        Ok(())
    }
    fn ref_tracer_set_tracer(&self, function: Option<CallbackId>, data: u64) -> Step<i32> {
        Ok(tracing::set_ref_tracer(function, data))
    }
    fn ref_tracer_get_tracer(&self) -> Step<(Option<CallbackId>, u64)> {
        Ok(tracing::ref_tracer())
    }
    fn interpreter_state_set_eval_frame_func(
        &self,
        interpreter: InterpreterHandle,
        evaluator: Evaluator,
    ) -> Step<()> {
        let interpreter = self.python.interpreter_pointer(interpreter);
        tracing::set_eval_frame(interpreter, evaluator);
        Ok(())
    }
    fn interpreter_state_get_eval_frame_func(
        &self,
        interpreter: InterpreterHandle,
    ) -> Step<Evaluator> {
        let interpreter = self.python.interpreter_pointer(interpreter);
        Ok(tracing::eval_frame(interpreter))
    }
    fn current_frames(&self) -> Step<i32> {
        Ok(objects::CURRENT_FRAMES.call())
    }
    fn tracemalloc_start(&self) -> Step<i32> {
        Ok(objects::TRACEMALLOC_START.call())
    }
    fn tracemalloc_stop(&self) -> Step<i32> {
        Ok(objects::TRACEMALLOC_STOP.call())
    }
    fn alloc_hook(&self, callback: Callback) -> Step<()> {
        injected::look_on(callback);
        Ok(())
    }
    fn sys_audit(&self, name: &str, _event: u64) -> Step<i32> {
        let name = CString::new(name).unwrap_or_default();
        let result = auditing(|| api::sys_audit(name.as_ptr(), std::ptr::null()));
        if result != 0 {
            api::error_clear();
        }
        Ok(result)
    }

    fn crash(&self, crash: Crash) -> Ended {
        self.python.end_process(Over::Crash(crash))
    }
    fn python_thread(&self, body: impl FnOnce() -> Step<()>) -> Step<()> {
        body()
    }
    fn let_others_end(&self) {}
}
