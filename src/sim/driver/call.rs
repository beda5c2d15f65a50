//! Calls of the C API: from the table's rows to the runtime's methods.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the calls are split into groups that each leave the rest to the next"
)]

use super::{Activation, Calls, Filled, Machine, PENDING, Python, Value};
use crate::runtime::{
    Callback, CallbackId, Config, ConfigField, Crash, Exception, GilState, InterpreterConfig,
    MutexSlot, Step as Called, ThreadStateHandle, Tracer,
};
use crate::sim::scenario::calls::Call;
use crate::sim::scenario::names::CONFIG_FIELDS;
use crate::sim::scenario::program::{Argument, BodyId, CallExpr, Expression, StatementId};
use crate::sync::Word;

/// Arguments of the longest call.
const ARGUMENTS_MAX: usize = 6;

/// A text of which nobody asks more than whether it is there: no text of the program is equal to it.
const FIXED_TEXT: Value = Value::Text(u16::MAX);

type Arguments = [Value; ARGUMENTS_MAX];

impl<P: Python> Machine<P> {
    /// Evaluates the arguments and makes the call.
    pub(super) fn c_call(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        id: StatementId,
        call: &CallExpr,
    ) -> Called<Value> {
        let mut arguments = [Value::NULL; ARGUMENTS_MAX];
        for (place, argument) in arguments.iter_mut().zip(&call.arguments) {
            *place = match argument {
                Argument::Value(value) => self.read(at, id, value)?,
                Argument::Call(inner) => self.c_call(caller, at, id, inner)?,
                Argument::Bind(_) => Value::NULL,
            };
        }
        let Some(function) = call.call.row().modelled else {
            unreachable!("what the runtime does not model is refused before a run");
        };
        if function == Call::NewInterpreterFromConfig {
            return self.new_interpreter(caller, at, &call.arguments);
        }
        if let Some(result) = self.configuring(caller, function, call.arguments.first())? {
            return Ok(result);
        }
        let name = call.call.row().name;
        if function == Call::FixedText {
            let is_there = caller.constant_text(name)?;
            return Ok(if is_there { FIXED_TEXT } else { Value::NULL });
        }
        if function == Call::SetParameter {
            return caller.set_parameter(name).map(null);
        }
        if function == Call::RefTracerGetTracer {
            let (function, data) = caller.ref_tracer_get_tracer()?;
            if let Some(Argument::Bind(out)) = call.arguments.first() {
                self.bind(at, *out, Value::from_word(data));
            }
            return Ok(function.into());
        }
        self.lifecycle(caller, at, function, &arguments)
    }

    fn lifecycle(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        call: Call,
        given: &Arguments,
    ) -> Called<Value> {
        Ok(match call {
            Call::Initialize => caller.initialize().map(null)?,
            Call::InitializeEx => caller.initialize_ex(given[0].number() != 0).map(null)?,
            Call::IsInitialized => caller.is_initialized()?.into(),
            Call::IsFinalizing => caller.is_finalizing()?.into(),
            Call::FinalizeEx => caller.finalize_ex()?.into(),
            Call::Finalize => {
                caller.finalize_ex()?;
                Value::NULL
            }
            Call::Exit => {
                caller.exit(given[0].number() as i32)?;
                Value::NULL
            }
            Call::EvalInitThreads | Call::PreConfigFill => Value::NULL,
            Call::GcCollect => caller.gc_collect()?.into(),
            Call::AddPendingCall => {
                self.add_pending_call(given[0], given[1], |call| caller.add_pending_call(call))?
            }
            Call::EvalAddPendingCall => {
                let (interpreter, flags) = (given[0].interpreter(), given[3].number() as i32);
                self.add_pending_call(given[1], given[2], |call| {
                    caller.eval_add_pending_call(interpreter, call, flags)
                })?
            }
            Call::MakePendingCalls => caller.make_pending_calls()?.into(),
            Call::ErrCheckSignals => caller.err_check_signals()?.into(),
            Call::AtSignal => self.at_signal(caller, given[0])?,
            Call::MutexLock => {
                caller.mutex_lock(mutex(caller, given[0])?)?;
                Value::NULL
            }
            Call::MutexUnlock => {
                caller.mutex_unlock(mutex(caller, given[0])?)?;
                Value::NULL
            }
            Call::MutexIsLocked => caller.mutex_is_locked(mutex(caller, given[0])?)?.into(),
            // In the default build critical sections do nothing.
            Call::BeginCriticalSection
            | Call::BeginCriticalSection2
            | Call::BeginCriticalSectionMutex
            | Call::BeginCriticalSection2Mutex
            | Call::CriticalSectionBegin
            | Call::CriticalSectionBeginMutex
            | Call::CriticalSectionEnd
            | Call::CriticalSection2Begin
            | Call::CriticalSection2BeginMutex
            | Call::CriticalSection2End => Value::NULL,
            other => self.surface(caller, at, other, given)?,
        })
    }

    /// Calls with little or no state of their own.
    fn surface(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        call: Call,
        given: &Arguments,
    ) -> Called<Value> {
        Ok(match call {
            Call::InitializeMain => caller.initialize_main()?.into(),
            Call::ExitStatusException => caller
                .exit_status_exception(given[0].status_error())
                .map(null)?,
            Call::RunMain => caller.run_main()?.into(),
            Call::Main => caller.main()?.into(),
            Call::AtMain => caller.at_main(callback(given[0], Value::NULL)).map(null)?,
            Call::SetArgv => caller.set_argv().map(null)?,
            Call::EncodeLocale => {
                caller.encode_locale()?;
                FIXED_TEXT
            }
            Call::ThreadsInitialized => caller.threads_initialized()?.into(),
            other => self.registering(caller, at, other, given)?,
        })
    }

    /// Calls that are given a `PyConfig` or a `PyPreConfig`; `None` for any other call.
    fn configuring(
        &self,
        caller: &P::Caller<'_>,
        call: Call,
        given: Option<&Argument>,
    ) -> Called<Option<Value>> {
        let structure = match given {
            Some(Argument::Value(Expression::Structure(structure))) => Some(structure.index()),
            _ => None,
        };
        let fill = |how| {
            if let Some(structure) = structure {
                self.filled[structure].write(how);
            }
            Ok(Some(Value::NULL))
        };
        match call {
            Call::ConfigInitPython => fill(Filled::Python),
            Call::ConfigInitIsolated => fill(Filled::Isolated),
            Call::ConfigClear => fill(Filled::Not),
            Call::ConfigSetArgv => {
                self.config(caller, structure)?;
                Ok(Some(caller.set_config_argv()?.into()))
            }
            Call::PreInitialize => Ok(Some(caller.preinitialize(structure.is_some())?.into())),
            Call::InitializeFromConfig => {
                let config = self.config(caller, structure)?;
                let status = caller.initialize_from_config(config.as_ref())?;
                Ok(Some(status.into()))
            }
            _ => Ok(None),
        }
    }

    /// A `PyConfig` with its fields; none for null. One that nobody filled is whatever was in memory.
    fn config(&self, caller: &P::Caller<'_>, structure: Option<usize>) -> Called<Option<Config>> {
        let Some(structure) = structure else {
            return Ok(None);
        };
        let mut config = match self.filled[structure].read() {
            Filled::Not => return Err(caller.crash(Crash::Other)),
            Filled::Python => Config::python(),
            Filled::Isolated => Config::isolated(),
        };
        for &(place, value) in &self.program.structures[structure].fields {
            config = config.with(ConfigField::ALL[place], value as i32);
        }
        Ok(Some(config))
    }

    /// Calls that register a callback.
    fn registering(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        call: Call,
        given: &Arguments,
    ) -> Called<Value> {
        Ok(match call {
            Call::AtExit => caller.at_exit(callback(given[0], Value::NULL))?.into(),
            Call::UnstableAtExit => caller
                .unstable_at_exit(given[0].interpreter(), callback(given[1], given[2]))?
                .into(),
            Call::AtExitPython => caller
                .exit_callback(callback(given[0], Value::NULL))?
                .into(),
            Call::AtClear => {
                let function = callback(given[1], given[0]);
                let room = if let Value::Interpreter(owner) = given[0] {
                    caller.at_interpreter_clear(owner, function)?
                } else {
                    caller.at_clear(given[0].thread_state(), function)?
                };
                status(room)
            }
            Call::AtSite => {
                caller.at_site(callback(given[0], Value::NULL))?;
                Value::NULL
            }
            Call::AtThreadExit => self.at_thread_exit(at, given[0]),
            Call::AddAuditHook => caller
                .add_audit_hook(callback(given[0], Value::NULL))?
                .into(),
            other => self.tracing(caller, other, given)?,
        })
    }

    /// Calls that make somebody look on.
    fn tracing(&self, caller: &P::Caller<'_>, call: Call, given: &Arguments) -> Called<Value> {
        let tracer = || Tracer {
            function: given[0].function(),
            object: given[1].object(),
        };
        Ok(match call {
            Call::EvalSetProfile => caller.eval_set_profile(tracer()).map(null)?,
            Call::EvalSetTrace => caller.eval_set_trace(tracer()).map(null)?,
            Call::EvalSetProfileAllThreads => {
                caller.eval_set_profile_all_threads(tracer()).map(null)?
            }
            Call::EvalSetTraceAllThreads => {
                caller.eval_set_trace_all_threads(tracer()).map(null)?
            }
            Call::ThreadStateEnterTracing => caller
                .thread_state_enter_tracing(given[0].thread_state())
                .map(null)?,
            Call::ThreadStateLeaveTracing => caller
                .thread_state_leave_tracing(given[0].thread_state())
                .map(null)?,
            Call::RefTracerSetTracer => caller
                .ref_tracer_set_tracer(given[0].function(), given[1].to_word())?
                .into(),
            Call::InterpreterStateSetEvalFrameFunc => caller
                .interpreter_state_set_eval_frame_func(given[0].interpreter(), given[1].evaluator())
                .map(null)?,
            Call::InterpreterStateGetEvalFrameFunc => caller
                .interpreter_state_get_eval_frame_func(given[0].interpreter())?
                .into(),
            Call::CurrentFrames => caller.current_frames()?.into(),
            Call::TracemallocStart => caller.tracemalloc_start()?.into(),
            Call::TracemallocStop => caller.tracemalloc_stop()?.into(),
            Call::AllocHook => caller
                .alloc_hook(callback(given[0], Value::NULL))
                .map(null)?,
            Call::SysAudit => {
                let Value::Text(text) = given[0] else {
                    return Err(caller.crash(Crash::Other));
                };
                let name = &self.program.texts[usize::from(text)];
                caller.sys_audit(name, given[0].to_word())?.into()
            }
            other => self.forking(caller, other, given)?,
        })
    }

    /// Calls around a fork.
    fn forking(&self, caller: &P::Caller<'_>, call: Call, given: &Arguments) -> Called<Value> {
        Ok(match call {
            Call::BeforeFork => caller.before_fork().map(null)?,
            Call::AfterForkParent => caller.after_fork_parent().map(null)?,
            Call::AfterForkChild => caller.after_fork_child().map(null)?,
            Call::AtFork => {
                let [before, parent, child] =
                    [given[0], given[1], given[2]].map(|hook| callback(hook, Value::NULL));
                let room = caller.register_at_fork(before, parent, child)?;
                status(room)
            }
            other => self.attaching(caller, other, given)?,
        })
    }

    /// `Py_NewInterpreterFromConfig`: the status, or without an address for it the thread state.
    fn new_interpreter(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        arguments: &[Argument],
    ) -> Called<Value> {
        let (out, config) = match arguments {
            [config] => (None, config),
            [Argument::Bind(out), config] => (Some(*out), config),
            _ => return Err(caller.crash(Crash::Other)),
        };
        let Argument::Value(Expression::Structure(structure)) = config else {
            return Err(caller.crash(Crash::Other));
        };
        let mut fields = [0; CONFIG_FIELDS.len()];
        for &(place, value) in &self.program.structures[structure.index()].fields {
            fields[place] = value;
        }
        let made = caller.new_interpreter_from_config(&configured(fields))?;
        let handle = made.unwrap_or(ThreadStateHandle::NULL).into();
        let Some(out) = out else { return Ok(handle) };
        self.bind(at, out, handle);
        Ok(made.map(|_| ()).into())
    }

    fn attaching(&self, caller: &P::Caller<'_>, call: Call, given: &Arguments) -> Called<Value> {
        Ok(match call {
            Call::EvalSaveThread => caller.eval_save_thread()?.into(),
            Call::EvalRestoreThread => caller
                .eval_restore_thread(given[0].thread_state())
                .map(null)?,
            Call::EvalAcquireThread => caller
                .eval_acquire_thread(given[0].thread_state())
                .map(null)?,
            Call::EvalReleaseThread => caller
                .eval_release_thread(given[0].thread_state())
                .map(null)?,
            Call::ThreadStateGet => caller.thread_state_get()?.into(),
            Call::ThreadStateGetUnchecked | Call::ThreadStateUncheckedGet => {
                caller.thread_state_get_unchecked()?.into()
            }
            Call::ThreadStateSwap => caller.thread_state_swap(given[0].thread_state())?.into(),
            Call::ThreadStateNew => caller.thread_state_new(given[0].interpreter())?.into(),
            Call::ThreadStateClear => caller
                .thread_state_clear(given[0].thread_state())
                .map(null)?,
            Call::ThreadStateDelete => caller
                .thread_state_delete(given[0].thread_state())
                .map(null)?,
            Call::ThreadStateDeleteCurrent => caller.thread_state_delete_current().map(null)?,
            Call::ThreadStateSetAsyncExc => {
                let exception = given[1].number() as Exception;
                caller
                    .thread_state_set_async_exc(given[0].number(), exception)?
                    .into()
            }
            Call::ThreadGetIdent => Value::Number(caller.thread_get_ident()?),
            Call::ThreadStateGetId => {
                Value::Number(caller.thread_state_get_id(given[0].thread_state())? as i64)
            }
            Call::ThreadStateGetInterpreter => caller
                .thread_state_get_interpreter(given[0].thread_state())?
                .into(),
            Call::ThreadStateNext => caller.thread_state_next(given[0].thread_state())?.into(),
            Call::GilStateEnsure => Value::Number(caller.gil_state_ensure()?.to_word() as i64),
            Call::GilStateRelease => {
                let state = if given[0].number() == 0 {
                    GilState::Locked
                } else {
                    GilState::Unlocked
                };
                caller.gil_state_release(state).map(null)?
            }
            Call::GilStateGetThisThreadState => caller.gil_state_get_this_thread_state()?.into(),
            Call::GilStateCheck => caller.gil_state_check()?.into(),
            other => self.interpreters(caller, other, given)?,
        })
    }

    fn interpreters(&self, caller: &P::Caller<'_>, call: Call, given: &Arguments) -> Called<Value> {
        Ok(match call {
            Call::NewInterpreter => caller.new_interpreter()?.into(),
            Call::EndInterpreter => caller.end_interpreter(given[0].thread_state()).map(null)?,
            Call::StatusException => (given[0].number() != 0).into(),
            Call::InterpreterStateGet => caller.interpreter_state_get()?.into(),
            Call::InterpreterStateGetId => {
                Value::Number(caller.interpreter_state_get_id(given[0].interpreter())?)
            }
            Call::InterpreterStateNew => caller.interpreter_state_new()?.into(),
            Call::InterpreterStateClear => caller
                .interpreter_state_clear(given[0].interpreter())
                .map(null)?,
            Call::InterpreterStateDelete => caller
                .interpreter_state_delete(given[0].interpreter())
                .map(null)?,
            Call::InterpreterStateGetDict => caller
                .interpreter_state_get_dict(given[0].interpreter())?
                .into(),
            Call::ThreadStateGetDict => caller.thread_state_get_dict()?.into(),
            Call::InterpreterStateHead => caller.interpreter_state_head()?.into(),
            Call::InterpreterStateMain => caller.interpreter_state_main()?.into(),
            Call::InterpreterStateNext => caller
                .interpreter_state_next(given[0].interpreter())?
                .into(),
            Call::InterpreterStateThreadHead => caller
                .interpreter_state_thread_head(given[0].interpreter())?
                .into(),
            Call::EvalFrame => frame(caller.eval_frame()?),
            Call::ThreadStateFrame => {
                frame(caller.thread_state_get_frame(given[0].thread_state())?)
            }
            Call::InterpretersRun => caller
                .interpreters_run(given[0].interpreter(), callback(given[1], Value::NULL))?
                .into(),
            Call::InterpretersDestroy => {
                caller.interpreters_destroy(given[0].interpreter())?.into()
            }
            other => self.guarding(caller, other, given)?,
        })
    }

    /// Guards, views, and what Ensure does with them.
    fn guarding(&self, caller: &P::Caller<'_>, call: Call, given: &Arguments) -> Called<Value> {
        let first = given[0];
        Ok(match call {
            Call::InterpreterGuardFromCurrent => caller.interpreter_guard_from_current()?.into(),
            Call::InterpreterGuardFromView => {
                caller.interpreter_guard_from_view(first.view())?.into()
            }
            Call::InterpreterGuardClose => {
                caller.interpreter_guard_close(first.guard()).map(null)?
            }
            Call::InterpreterViewFromCurrent => caller.interpreter_view_from_current()?.into(),
            Call::InterpreterViewFromMain => caller.interpreter_view_from_main()?.into(),
            Call::InterpreterViewClose => caller.interpreter_view_close(first.view()).map(null)?,
            Call::ThreadStateEnsure => caller.thread_state_ensure(first.guard())?.into(),
            Call::ThreadStateEnsureFromView => {
                caller.thread_state_ensure_from_view(first.view())?.into()
            }
            Call::ThreadStateRelease => caller.thread_state_release(first.token()).map(null)?,
            other => self.storing(caller, other, given)?,
        })
    }

    /// Thread-specific storage.
    fn storing(&self, caller: &P::Caller<'_>, call: Call, given: &Arguments) -> Called<Value> {
        let (key, number, value) = (
            given[0].tss_key(),
            given[0].number() as i32,
            given[1].to_word(),
        );
        Ok(match call {
            Call::ThreadTssAlloc => caller.thread_tss_alloc()?.into(),
            Call::ThreadTssFree => caller.thread_tss_free(key).map(null)?,
            Call::ThreadTssIsCreated => caller.thread_tss_is_created(key)?.into(),
            Call::ThreadTssCreate => caller.thread_tss_create(key)?.into(),
            Call::ThreadTssDelete => caller.thread_tss_delete(key).map(null)?,
            Call::ThreadTssSet => caller.thread_tss_set(key, value)?.into(),
            Call::ThreadTssGet => Value::from_word(caller.thread_tss_get(key)?),
            Call::ThreadCreateKey => caller.thread_create_key()?.into(),
            Call::ThreadDeleteKey => caller.thread_delete_key(number).map(null)?,
            Call::ThreadSetKeyValue => caller.thread_set_key_value(number, value)?.into(),
            Call::ThreadGetKeyValue => Value::from_word(caller.thread_get_key_value(number)?),
            Call::ThreadDeleteKeyValue => caller.thread_delete_key_value(number).map(null)?,
            Call::ThreadReInitTls => Value::NULL,
            other => unreachable!("{other:?} is among the other calls"),
        })
    }

    /// Queues a callback as `add` does, and counts it.
    fn add_pending_call(
        &self,
        function: Value,
        argument: Value,
        add: impl FnOnce(Callback) -> Called<i32>,
    ) -> Called<Value> {
        let Value::Callback(body) = function else {
            return Ok(add(callback(function, argument))?.into());
        };
        let body = BodyId(body);
        let call = Callback::new(CallbackId(u16::from(body.0)), argument.to_word() | PENDING);
        self.adding[body.index()].update(|adding| adding + 1);
        let result = add(call)?;
        self.adding[body.index()].update(|adding| adding - 1);
        if result == 0 {
            self.owed[body.index()].update(|owed| owed + 1);
        }
        Ok(result.into())
    }

    fn at_thread_exit(&self, at: Activation, function: Value) -> Value {
        let exits = &self.lanes[at.thread.index()].exits;
        match exits.iter().find(|exit| exit.read() == Value::Unbound) {
            Some(free) => {
                free.write(function);
                Value::NULL
            }
            None => Value::Number(-1),
        }
    }
}

/// A frame, or null.
fn frame(is_there: bool) -> Value {
    if is_there { Value::Frame } else { Value::NULL }
}

/// What a call without a result comes to.
fn null((): ()) -> Value {
    Value::NULL
}

/// 0, or -1 where there is no room.
fn status(room: bool) -> Value {
    Value::Number(if room { 0 } else { -1 })
}

/// A configuration, its fields in the order of [`CONFIG_FIELDS`].
fn configured(fields: [i64; 7]) -> InterpreterConfig {
    let [
        use_main_obmalloc,
        allow_fork,
        allow_exec,
        allow_threads,
        allow_daemon_threads,
        check_multi_interp_extensions,
        gil,
    ] = fields;
    InterpreterConfig {
        use_main_obmalloc,
        allow_fork,
        allow_exec,
        allow_threads,
        allow_daemon_threads,
        check_multi_interp_extensions,
        gil,
    }
}

fn callback(function: Value, argument: Value) -> Callback {
    match function {
        Value::Callback(body) => Callback::new(CallbackId(u16::from(body)), argument.to_word()),
        _ => Callback::NONE,
    }
}

/// The `PyMutex` at an address; C reads through any other.
fn mutex(caller: &impl Calls, value: Value) -> Called<MutexSlot> {
    let Value::PyMutex(index) = value else {
        return Err(caller.crash(Crash::Other));
    };
    Ok(MutexSlot::new(usize::from(index)))
}
