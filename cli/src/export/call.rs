//! Calls of the table as C.

use super::write::{Adapter, At, Need, Writer, Written};
use tstate::sim::scenario::calls::{Call, Kind, Parameter, Type};
use tstate::sim::scenario::program::{Argument, BodyId, CallExpr, Expression};

/// C's constants by their numbers in the language.
const EXCEPTIONS: [&str; 4] = [
    "PyExc_Exception",
    "PyExc_RuntimeError",
    "PyExc_KeyboardInterrupt",
    "PyExc_SystemExit",
];

/// `_Py_PENDING_RAWFREE`, since 3.13.
const RAWFREE: i64 = 2;

impl Writer<'_> {
    /// A call with its arguments.
    pub(super) fn call(&mut self, at: At, call: &CallExpr) -> Written<String> {
        let row = call.call.row();
        if let Some(function) = row.modelled
            && let Some(text) = self.special(at, function, call)?
        {
            return self.making(function, text);
        }
        if row.kind != Kind::Function {
            return Err(format!("`{}` has no form in C yet", row.name));
        }
        self.mentioned.insert(row.name);
        let mut arguments = Vec::new();
        let skipped = row.skipped(call.arguments.len());
        for (argument, parameter) in call.arguments.iter().zip(&row.parameters[skipped..]) {
            arguments.push(self.argument(at, argument, *parameter)?);
        }
        let text = format!("{}({})", row.name, arguments.join(", "));
        match row.modelled {
            Some(function) => self.making(function, text),
            None => Ok(text),
        }
    }

    fn argument(&mut self, at: At, argument: &Argument, parameter: Parameter) -> Written<String> {
        match argument {
            Argument::Value(value) => self.passed(at, value, parameter),
            Argument::Call(inner) => self.call(at, inner),
            Argument::Bind(variable) => Ok(format!("&{}", self.own(at, *variable))),
        }
    }

    fn passed(&mut self, at: At, value: &Expression, parameter: Parameter) -> Written<String> {
        let kind = match parameter {
            Parameter::In(kind) | Parameter::Out(kind) => kind,
            Parameter::Callback(_) => Type::Function,
        };
        if let Expression::Callback(_) = value {
            return Err("a callback that is passed here has no form in C yet".to_owned());
        }
        let text = self.value(at, value)?;
        Ok(match (kind, value) {
            (Type::GilState, Expression::Number(0)) => "PyGILState_LOCKED".to_owned(),
            (Type::GilState, Expression::Number(1)) => "PyGILState_UNLOCKED".to_owned(),
            (Type::Object, Expression::Number(number)) => {
                let place = usize::try_from(*number - 1).ok();
                let known = place.and_then(|place| EXCEPTIONS.get(place));
                known.map_or(text, |name| (*name).to_owned())
            }
            (Type::Pointer, Expression::Null) => text,
            (Type::Pointer, _) if self.kind_of(at, value) == Some(Type::Int) => {
                format!("(void *){text}")
            }
            (Type::Pointer, Expression::Number(_)) => format!("(void *){text}"),
            _ => text,
        })
    }

    /// The callback that an argument names; `None` if it is null.
    fn callback_of(&self, call: &CallExpr, place: usize) -> Written<Option<BodyId>> {
        match call.arguments.get(place) {
            Some(Argument::Value(Expression::Callback(body))) => Ok(Some(*body)),
            Some(Argument::Value(Expression::Null | Expression::Number(0))) => Ok(None),
            _ => Err("which callback is passed is not known before the run".to_owned()),
        }
    }

    fn any(&mut self, at: At, call: &CallExpr, place: usize) -> Written<String> {
        match call.arguments.get(place) {
            Some(argument) => {
                let parameters = call.call.row().parameters;
                let kind = parameters.get(place).copied();
                self.argument(at, argument, kind.unwrap_or(Parameter::In(Type::Any)))
            }
            None => Ok("NULL".to_owned()),
        }
    }

    /// Calls that make a thread state, which is noted.
    fn noted(&mut self, at: At, function: Call, call: &CallExpr) -> Written<Option<String>> {
        self.need(Need::Leaks);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others make none, or none that is followed"
        )]
        Ok(match function {
            Call::ThreadStateNew => {
                let interpreter = self.any(at, call, 0)?;
                Some(format!("made(PyThreadState_New({interpreter}))"))
            }
            Call::GilStateEnsure => Some("ensured()".to_owned()),
            Call::NewInterpreter
            | Call::NewInterpreterFromConfig
            | Call::ThreadStateEnsure
            | Call::ThreadStateEnsureFromView => {
                return Err("whether what this makes is given back is not seen".to_owned());
            }
            _ => None,
        })
    }

    /// Calls whose C text is more than name and arguments; `None` for the others.
    fn special(&mut self, at: At, function: Call, call: &CallExpr) -> Written<Option<String>> {
        if self.leaks
            && let Some(text) = self.noted(at, function, call)?
        {
            return Ok(Some(text));
        }
        if let Some(text) = self.registering(at, function, call)? {
            return Ok(Some(text));
        }
        if let Some(text) = self.looking_on(at, function, call)? {
            return Ok(Some(text));
        }
        if let Some(text) = self.main_program(function, call)? {
            return Ok(Some(text));
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all other calls are what their names say"
        )]
        let text = match function {
            Call::AtClear => self.at_clear(at, call)?,
            Call::AtThreadExit => {
                self.need(Need::AtThreadExit);
                format!("at_thread_exit({})", self.adapted(call, 0, Adapter::Plain)?)
            }
            Call::NewInterpreterFromConfig if call.arguments.len() == 1 => {
                self.need(Need::NewFromConfig);
                format!("new_interpreter({})", self.any(at, call, 0)?)
            }
            Call::ThreadGetIdent => "(long)PyThread_get_thread_ident()".to_owned(),
            Call::EvalFrame => "(PyEval_GetFrame())".to_owned(),
            Call::InterpretersRun => {
                self.need(Need::Interpreters);
                let interpreter = self.any(at, call, 0)?;
                self.adapted(call, 1, Adapter::Builtin)?;
                let Some(body) = self.callback_of(call, 1)? else {
                    return Err("no callback is passed".to_owned());
                };
                let name = self.callback(body);
                format!("call_interpreters(interpreters_exec, {interpreter}, \"{name}()\")")
            }
            Call::InterpretersDestroy => {
                self.need(Need::Interpreters);
                let interpreter = self.any(at, call, 0)?;
                format!("call_interpreters(interpreters_destroy, {interpreter}, NULL)")
            }
            Call::CurrentFrames => self.native("sys", "_current_frames"),
            Call::TracemallocStart => self.native("_tracemalloc", "start"),
            Call::TracemallocStop => self.native("_tracemalloc", "stop"),
            Call::AtSignal => {
                self.need(Need::AtSignal);
                format!("at_signal(&{})", self.adapted(call, 0, Adapter::Callable)?)
            }
            Call::MakePendingCalls => {
                self.need(Need::Raised);
                "dropped(Py_MakePendingCalls())".to_owned()
            }
            Call::ErrCheckSignals => {
                self.need(Need::Raised);
                "dropped(PyErr_CheckSignals())".to_owned()
            }
            _ => return Ok(None),
        };
        Ok(Some(text))
    }

    /// What `site` and the main program run, and who runs them.
    fn main_program(&mut self, function: Call, call: &CallExpr) -> Written<Option<String>> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all other calls are what their names say"
        )]
        let text = match function {
            Call::AtSite => {
                self.need(Need::AtSite);
                format!("at_site({})", self.adapted(call, 0, Adapter::Plain)?)
            }
            Call::AtMain => {
                self.need(Need::Interpreters);
                self.need(Need::AtMain);
                match self.adapted(call, 0, Adapter::Builtin)?.as_str() {
                    "NULL" => "main_method = NULL".to_owned(),
                    method => format!("main_method = &{method}"),
                }
            }
            Call::RunMain | Call::Main => {
                self.need(Need::Interpreters);
                self.need(Need::AtMain);
                let runs = function == Call::RunMain;
                if runs { "run_main()" } else { "main_program()" }.to_owned()
            }
            _ => return Ok(None),
        };
        Ok(Some(text))
    }

    /// The function by which C calls the callback that an argument names.
    fn adapted(&mut self, call: &CallExpr, place: usize, adapter: Adapter) -> Written<String> {
        let body = self.callback_of(call, place)?;
        Ok(body.map_or_else(|| "NULL".to_owned(), |body| self.adapter(body, adapter)))
    }

    /// Calls that register a callback, or queue it.
    fn registering(&mut self, at: At, function: Call, call: &CallExpr) -> Written<Option<String>> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all other calls are what their names say"
        )]
        let text = match function {
            Call::AddPendingCall => {
                let pending = self.adapted(call, 0, Adapter::Pending)?;
                let argument = self.any(at, call, 1)?;
                self.counted(
                    call,
                    0,
                    &format!("Py_AddPendingCall({pending}, {argument})"),
                )?
            }
            Call::EvalAddPendingCall => {
                let flags = self.any(at, call, 3)?;
                if flags.parse::<i64>().is_ok_and(|flags| flags & RAWFREE != 0) {
                    return Err("the argument of a pending call that CPython frees".to_owned());
                }
                self.need(Need::EvalAddPending);
                let interpreter = self.any(at, call, 0)?;
                let pending = self.adapted(call, 1, Adapter::Pending)?;
                let argument = self.any(at, call, 2)?;
                let made =
                    format!("add_pending_call({interpreter}, {pending}, {argument}, {flags})");
                self.counted(call, 1, &made)?
            }
            Call::AtExit => format!("Py_AtExit({})", self.adapted(call, 0, Adapter::AtExit)?),
            Call::UnstableAtExit => {
                let interpreter = self.any(at, call, 0)?;
                let data = self.adapted(call, 1, Adapter::Data)?;
                format!("PyUnstable_AtExit({interpreter}, {data}, NULL)")
            }
            Call::AtExitPython => {
                self.need(Need::Callable);
                let method = self.adapted(call, 0, Adapter::Callable)?;
                format!("call_python(\"atexit\", \"register\", PyCFunction_New(&{method}, NULL))")
            }
            Call::AtFork => {
                self.need(Need::AtFork);
                let mut hooks = Vec::new();
                for place in 0..3 {
                    let hook = self.adapted(call, place, Adapter::Callable)?;
                    hooks.push(if hook == "NULL" {
                        hook
                    } else {
                        format!("&{hook}")
                    });
                }
                format!("register_at_fork({})", hooks.join(", "))
            }
            _ => return Ok(None),
        };
        Ok(Some(text))
    }

    /// Calls that make somebody look on.
    fn looking_on(&mut self, at: At, function: Call, call: &CallExpr) -> Written<Option<String>> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all other calls are what their names say"
        )]
        let text = match function {
            Call::AllocHook => format!("alloc_hook({})", self.adapted(call, 0, Adapter::Plain)?),
            Call::AddAuditHook => {
                format!(
                    "PySys_AddAuditHook({}, NULL)",
                    self.adapted(call, 0, Adapter::Audit)?
                )
            }
            Call::SysAudit => {
                self.need(Need::Audit);
                self.need(Need::Importing);
                format!("audit({})", self.any(at, call, 0)?)
            }
            Call::EvalSetProfile
            | Call::EvalSetTrace
            | Call::EvalSetProfileAllThreads
            | Call::EvalSetTraceAllThreads => {
                let tracer = self.adapted(call, 0, Adapter::Trace)?;
                let object = self.any(at, call, 1)?;
                format!("{}({tracer}, {object})", call.call.row().name)
            }
            Call::RefTracerSetTracer => {
                let data = self.any(at, call, 1)?;
                let Some(tracer) = call.arguments.first() else {
                    return Err("no tracer is passed".to_owned());
                };
                self.tracing_references(at, tracer, &data)?
            }
            Call::InterpreterStateSetEvalFrameFunc => {
                let interpreter = self.any(at, call, 0)?;
                let evaluator = match call.arguments.get(1) {
                    Some(Argument::Value(Expression::Callback(_))) => {
                        let name = self.adapted(call, 1, Adapter::Evaluates)?;
                        format!("(_PyFrameEvalFunction){name}")
                    }
                    _ => self.any(at, call, 1)?,
                };
                format!("_PyInterpreterState_SetEvalFrameFunc({interpreter}, {evaluator})")
            }
            _ => return Ok(None),
        };
        Ok(Some(text))
    }

    fn native(&mut self, module: &str, function: &str) -> String {
        self.need(Need::Eval);
        self.need(Need::Native);
        format!("call_native(\"{module}\", \"{function}\")")
    }

    /// A call that queues another one, which is counted if it is accepted.
    fn counted(&mut self, call: &CallExpr, place: usize, text: &str) -> Written<String> {
        let Some(body) = self.callback_of(call, place)? else {
            return Ok(text.to_owned());
        };
        Ok(format!("accepted(C_{}, {text})", self.callback(body)))
    }

    fn at_clear(&mut self, at: At, call: &CallExpr) -> Written<String> {
        let Some(body) = self.callback_of(call, 1)? else {
            return Err("no callback is passed".to_owned());
        };
        let dies = self.adapter(body, Adapter::Dies);
        self.need(Need::AtClear);
        let owner = self.any(at, call, 0)?;
        let is_interpreter = match &call.arguments[0] {
            Argument::Value(value) => {
                self.kind_of(at, value) == Some(Type::Interpreter)
                    || matches!(value, Expression::State(_) | Expression::InterpreterOf(_))
            }
            Argument::Call(inner) => inner.call.row().result == Type::Interpreter,
            Argument::Bind(_) => false,
        };
        let dictionary = if is_interpreter {
            "PyInterpreterState_GetDict"
        } else {
            "dictionary_of"
        };
        Ok(format!("at_clear({dictionary}({owner}), {dies})"))
    }
}
