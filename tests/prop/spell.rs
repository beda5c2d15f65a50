//! Generated steps as calls: operands that make sense, and how each call is written.

use crate::reference::{Call, Function, Guard, Home, Reference, Rule, Side, State};
use crate::script::{Kind, NAMES, Step, Writer};

impl Writer {
    /// An operand: one that makes sense, or with `reckless` any.
    pub(crate) fn operand(
        &self,
        step: Step,
        sensible: impl Fn(&Reference, Option<State>) -> bool,
    ) -> Option<(Option<State>, String)> {
        let all = self.bound.iter().rev();
        let named: Vec<_> = all.map(|bound| (bound.state, bound.name.clone())).collect();
        let null = [(None, "NULL".to_owned())];
        let operands = named.into_iter().chain(null);
        let fits: Vec<_> = operands
            .filter(|(state, _)| step.reckless || sensible(&self.reference, *state))
            .collect();
        fits.get(usize::from(step.pick) % fits.len().max(1))
            .cloned()
    }

    /// The call and its text; nothing if no operand makes sense, or the release does not have the function.
    pub(crate) fn spell(&self, step: Step) -> Option<(Call, String)> {
        if self.minor < since(step.kind) {
            return None;
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others are spelled by subjects"
        )]
        match step.kind {
            Kind::Initialize
            | Kind::Finalize
            | Kind::IsInitialized
            | Kind::IsFinalizing
            | Kind::Save
            | Kind::Get
            | Kind::GetUnchecked
            | Kind::DeleteCurrent
            | Kind::Ensure
            | Kind::GetThis
            | Kind::Check
            | Kind::InterpreterGet
            | Kind::InterpreterHead
            | Kind::InterpreterMain
            | Kind::MakePending
            | Kind::CheckSignals
            | Kind::Eval
            | Kind::BeforeFork
            | Kind::TssCreate
            | Kind::TssDelete
            | Kind::TssIsCreated
            | Kind::TssSet
            | Kind::TssGet => Some(without_operand(step)),
            Kind::GuardOfCurrent
            | Kind::GuardClose
            | Kind::ThreadEnsure
            | Kind::ThreadEnsureFromView
            | Kind::ThreadRelease => self.of_guards(step),
            Kind::NewInterpreter => Some(self.new_interpreter(step)),
            Kind::Fork => Some(fork(step)),
            Kind::AfterFork => self.after_fork(step),
            Kind::New | Kind::ThreadHead | Kind::InterpreterNext => Some(self.of(step)),
            Kind::AddPending | Kind::Fill => self.add_pending(step),
            Kind::Release => Some(self.release(step)),
            Kind::EndInterpreter
            | Kind::Restore
            | Kind::Acquire
            | Kind::ReleaseThread
            | Kind::Swap
            | Kind::Clear
            | Kind::Delete
            | Kind::GetId
            | Kind::Next
            | Kind::GetInterpreter => self.with_operand(step),
            _ => self.of_subjects(step),
        }
    }

    /// Calls of the subjects that sequences are about.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are of no subject; whoever calls this has sorted them out"
    )]
    fn of_subjects(&self, step: Step) -> Option<(Call, String)> {
        match step.kind {
            Kind::AddOwn | Kind::FillOwn | Kind::SetAsync | Kind::AtSignal | Kind::Signal => {
                self.of_checks(step)
            }
            Kind::SetFlag
            | Kind::ReadFlag
            | Kind::PreInitialize
            | Kind::InitializeFrom
            | Kind::InitializeMain
            | Kind::Text
            | Kind::EncodeLocale
            | Kind::SetArgv
            | Kind::ThreadsInitialized => {
                let (configure, text) = self.of_configuration(step)?;
                Some((Call::Configure(configure), text))
            }
            Kind::SetTracer
            | Kind::SetTracerAll
            | Kind::EnterTracing
            | Kind::LeaveTracing
            | Kind::AddHook
            | Kind::Audit
            | Kind::SetEvaluator
            | Kind::GetEvaluator
            | Kind::AllocHook
            | Kind::SetRefTracer
            | Kind::GetRefTracer
            | Kind::NewObject
            | Kind::DropObject
            | Kind::CurrentFrames => {
                let (look, text) = self.of_hooks(step)?;
                Some((Call::Look(look), text))
            }
            _ => None,
        }
    }

    /// Calls that take a thread state.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others take none; whoever calls this has sorted them out"
    )]
    fn with_operand(&self, step: Step) -> Option<(Call, String)> {
        let thread = step.thread;
        let is_live = |reference: &Reference, state| live(reference, state).is_some();
        // Between two lives who comes too late does not always read what is freed.
        let is_late = |reference: &Reference| {
            reference.finalizing() && Rule::LateByFinalizer.holds(self.minor)
        };
        let detached = |reference: &Reference, state: Option<State>| {
            state.is_some_and(|state| {
                let fields = &reference.states[state.0];
                let exists = !fields.freed || is_late(reference);
                exists && !fields.attached && fields.thread == thread
            })
        };
        let current =
            |reference: &Reference, state: Option<State>| reference.current(thread) == state;
        match step.kind {
            Kind::EndInterpreter => self
                .operand(step, |reference, state| {
                    current(reference, state)
                        && state.is_some_and(|it| reference.home(it) != Home(0))
                })
                .map(|operand| one(Call::EndInterpreter, "Py_EndInterpreter", operand)),
            Kind::Restore | Kind::Acquire => {
                let operand = self.operand(step, detached)?;
                Some(if step.kind == Kind::Restore {
                    one(Call::Restore, "PyEval_RestoreThread", operand)
                } else {
                    one(Call::Acquire, "PyEval_AcquireThread", operand)
                })
            }
            Kind::ReleaseThread => self
                .operand(step, current)
                .map(|operand| one(Call::ReleaseThread, "PyEval_ReleaseThread", operand)),
            Kind::Swap => self
                .operand(step, |reference, state| {
                    current(reference, state) || detached(reference, state) || state.is_none()
                })
                .map(|operand| one(Call::Swap, "PyThreadState_Swap", operand)),
            Kind::Clear => self
                .operand(step, |reference, state| live(reference, state).is_some())
                .map(|operand| one(Call::Clear, "PyThreadState_Clear", operand)),
            Kind::Delete => self
                .operand(step, |reference, state| {
                    live(reference, state).is_some_and(|it| !reference.states[it.0].attached)
                })
                .map(|operand| one(Call::Delete, "PyThreadState_Delete", operand)),
            Kind::GetId | Kind::Next | Kind::GetInterpreter => {
                let operand = self.operand(step, is_live)?;
                Some(reads(step.kind, operand))
            }
            _ => None,
        }
    }

    /// Of the main interpreter, or of one that a thread state is in.
    fn of(&self, step: Step) -> (Call, String) {
        let (make, function): (fn(Option<State>) -> Call, _) = if step.kind == Kind::New {
            (Call::New, "PyThreadState_New")
        } else if step.kind == Kind::ThreadHead {
            (Call::ThreadHead, "PyInterpreterState_ThreadHead")
        } else {
            (Call::InterpreterNext, "PyInterpreterState_Next")
        };
        let (of, interpreter) = self.interpreter_of_any(step);
        (make(of), format!("{function}({interpreter})"))
    }

    fn new_interpreter(&self, step: Step) -> (Call, String) {
        if self.minor < OWN_GIL_SINCE || step.pick.is_multiple_of(3) {
            let text = "Py_NewInterpreter()".to_owned();
            return (Call::NewInterpreter(false), text);
        }
        let text = "Py_NewInterpreterFromConfig(&own)".to_owned();
        (Call::NewInterpreter(true), text)
    }

    /// A guard is not closed twice, and a token is given back by its thread, the newest first.
    fn of_guards(&self, step: Step) -> Option<(Call, String)> {
        let open = |(_, guard): &&(String, Option<Guard>)| {
            guard.is_some_and(|guard| self.reference.guards[guard.0].is_some())
        };
        let open: Vec<_> = self.guards.iter().filter(open).collect();
        let guard = || open.get(usize::from(step.pick) % open.len().max(1));
        let may_open = self.reference.guards.len() < GUARDS_MAX;
        if step.kind == Kind::GuardOfCurrent && may_open {
            let text = "PyInterpreterGuard_FromCurrent()".to_owned();
            Some((Call::GuardOfCurrent, text))
        } else if step.kind == Kind::ThreadEnsureFromView && may_open {
            let text = "PyThreadState_EnsureFromView(view)".to_owned();
            Some((Call::ThreadEnsureFromView, text))
        } else if step.kind == Kind::GuardClose {
            let (name, guard) = guard()?;
            let text = format!("PyInterpreterGuard_Close({name})");
            Some((Call::GuardClose(*guard), text))
        } else if step.kind == Kind::ThreadEnsure {
            let (name, guard) = guard()?;
            let text = format!("PyThreadState_Ensure({name})");
            Some((Call::ThreadEnsure(*guard), text))
        } else if step.kind == Kind::ThreadRelease {
            let (name, token) = self.tokens[step.thread].last()?;
            let text = format!("PyThreadState_Release({name})");
            Some((Call::ThreadRelease(*token), text))
        } else {
            None
        }
    }

    /// The hook of the process that this one is; with `reckless` any.
    fn after_fork(&self, step: Step) -> Option<(Call, String)> {
        let owed = self.reference.owes_after_fork(step.thread);
        let any = if step.pick.is_multiple_of(2) {
            Side::Child
        } else {
            Side::Parent
        };
        let (call, function) = match owed.or(step.reckless.then_some(any))? {
            Side::Child => (Call::AfterForkChild, "PyOS_AfterFork_Child"),
            Side::Parent => (Call::AfterForkParent, "PyOS_AfterFork_Parent"),
        };
        Some((call, format!("{function}()")))
    }

    fn add_pending(&self, step: Step) -> Option<(Call, String)> {
        let functions = Function::QUEUED;
        let function = if step.kind == Kind::Fill {
            Function::Plain
        } else {
            functions[usize::from(step.pick) % functions.len()]
        };
        if function == Function::AddsOwn && self.minor < since(Kind::AddOwn) {
            return None;
        }
        let text = format!("Py_AddPendingCall({}, NULL)", function.name());
        Some((Call::AddPending(function), text))
    }

    /// What makes a thread look up besides the calls that everybody may queue.
    fn of_checks(&self, step: Step) -> Option<(Call, String)> {
        let pick = usize::from(step.pick);
        let first = self.reference.survivor.unwrap_or(0);
        if step.kind == Kind::SetAsync {
            let target = if pick.is_multiple_of(2) {
                step.thread
            } else {
                pick / 2 % self.bodies.len()
            };
            let raises = pick / 8 % 4 != 0;
            let exception = if raises { "PyExc_SystemExit" } else { "NULL" };
            let text = format!(
                "PyThreadState_SetAsyncExc({}.id, {exception})",
                NAMES[target]
            );
            Some((Call::SetAsync(target, raises), text))
        } else if step.kind == Kind::AtSignal {
            let handler = Function::HANDLERS[pick % Function::HANDLERS.len()];
            let text = format!("at_signal({})", handler.name());
            Some((Call::AtSignal(handler), text))
        } else if step.kind == Kind::Signal {
            (step.thread == first).then(|| (Call::Signal, "signal".to_owned()))
        } else {
            Some(self.add_own(step))
        }
    }

    fn add_own(&self, step: Step) -> (Call, String) {
        let pick = usize::from(step.pick);
        let fills = step.kind == Kind::FillOwn;
        let function = if fills {
            Function::Plain
        } else {
            Function::OWN[pick % Function::OWN.len()]
        };
        // Up to 3.11 the function has no flags.
        let flags = if fills || self.minor < OWN_GIL_SINCE {
            0
        } else {
            [0, 0, 1, 2][pick / 4 % 4]
        };
        let times = if fills && self.minor > OWN_GIL_SINCE {
            10
        } else {
            1
        };
        let (of, interpreter) = self.interpreter_of_any(step);
        let add = |argument: String| {
            format!(
                "_PyEval_AddPendingCall({interpreter}, {}, {argument}, {flags})",
                function.name()
            )
        };
        let text = (0..times).fold("NULL".to_owned(), |inner, _| add(inner));
        let flags = flags as u8;
        (Call::AddOwn(of, function, flags, times), text)
    }

    /// The main interpreter, or that of a thread state.
    pub(crate) fn interpreter_of_any(&self, step: Step) -> (Option<State>, String) {
        let inside = |reference: &Reference, state: Option<State>| {
            live(reference, state).is_some_and(|it| reference.exists(reference.home(it)))
        };
        let sensible = Step {
            reckless: false,
            ..step
        };
        if step.pick.is_multiple_of(2)
            && let Some((Some(state), name)) = self.operand(sensible, inside)
        {
            return (Some(state), format!("{name}->interp"));
        }
        (None, "PyInterpreterState_Main()".to_owned())
    }

    fn release(&self, step: Step) -> (Call, String) {
        let (name, locked) = match self.ensured[step.thread].last() {
            Some(token) if !step.reckless => token.clone(),
            _ if step.pick.is_multiple_of(2) => ("PyGILState_LOCKED".to_owned(), true),
            _ => ("PyGILState_UNLOCKED".to_owned(), false),
        };
        (Call::Release(locked), format!("PyGILState_Release({name})"))
    }
}

/// The first release with `Py_NewInterpreterFromConfig`, and so with a GIL for each interpreter.
const OWN_GIL_SINCE: u8 = 12;

/// Guards that one sequence opens: as many as one thread has room for.
const GUARDS_MAX: usize = 4;

fn of_key(call: Call, verb: &str) -> (Call, String) {
    (call, format!("PyThread_tss_{verb}(&key)"))
}

/// The first release that has the function.
fn since(kind: Kind) -> u8 {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others have always been there"
    )]
    match kind {
        Kind::GuardOfCurrent
        | Kind::GuardClose
        | Kind::ThreadEnsure
        | Kind::ThreadEnsureFromView
        | Kind::ThreadRelease => 15,
        Kind::SetRefTracer | Kind::GetRefTracer => 13,
        Kind::SetTracerAll => 12,
        Kind::EnterTracing | Kind::LeaveTracing => 11,
        Kind::GetId
        | Kind::GetInterpreter
        | Kind::InterpreterGet
        | Kind::AddOwn
        | Kind::FillOwn
        | Kind::SetEvaluator
        | Kind::GetEvaluator => 9,
        _ => 8,
    }
}

/// The sequence goes on as the child or as the parent; [`Writer`] writes what the other one does.
fn fork(step: Step) -> (Call, String) {
    let side = if step.pick.is_multiple_of(2) {
        Side::Child
    } else {
        Side::Parent
    };
    (Call::Fork(side), "fork".to_owned())
}

/// Calls that take nothing, or always the same.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the others have operands; whoever calls this has sorted them out"
)]
fn without_operand(step: Step) -> (Call, String) {
    let plain = |call, text: &str| (call, format!("{text}()"));
    match step.kind {
        Kind::Initialize => (Call::Initialize, "Py_InitializeEx(0)".to_owned()),
        Kind::Finalize => plain(Call::Finalize, "Py_FinalizeEx"),
        Kind::IsInitialized => plain(Call::IsInitialized, "Py_IsInitialized"),
        Kind::IsFinalizing => plain(Call::IsFinalizing, "Py_IsFinalizing"),
        Kind::Save => plain(Call::Save, "PyEval_SaveThread"),
        Kind::Get => plain(Call::Get, "PyThreadState_Get"),
        Kind::GetUnchecked => plain(Call::GetUnchecked, "PyThreadState_GetUnchecked"),
        Kind::DeleteCurrent => plain(Call::DeleteCurrent, "PyThreadState_DeleteCurrent"),
        Kind::Ensure => plain(Call::Ensure, "PyGILState_Ensure"),
        Kind::GetThis => plain(Call::GetThis, "PyGILState_GetThisThreadState"),
        Kind::Check => plain(Call::Check, "PyGILState_Check"),
        Kind::InterpreterGet => plain(Call::InterpreterGet, "PyInterpreterState_Get"),
        Kind::InterpreterHead => plain(Call::InterpreterHead, "PyInterpreterState_Head"),
        Kind::InterpreterMain => plain(Call::InterpreterMain, "PyInterpreterState_Main"),
        Kind::MakePending => plain(Call::MakePending, "Py_MakePendingCalls"),
        Kind::CheckSignals => plain(Call::CheckSignals, "PyErr_CheckSignals"),
        Kind::Eval => (Call::Eval, "eval".to_owned()),
        Kind::BeforeFork => plain(Call::BeforeFork, "PyOS_BeforeFork"),
        Kind::TssCreate => of_key(Call::TssCreate, "create"),
        Kind::TssDelete => of_key(Call::TssDelete, "delete"),
        Kind::TssIsCreated => of_key(Call::TssIsCreated, "is_created"),
        Kind::TssGet => of_key(Call::TssGet, "get"),
        Kind::TssSet => {
            let value = i64::from(step.pick % 8) + 1;
            let text = format!("PyThread_tss_set(&key, {value})");
            (Call::TssSet(value), text)
        }
        _ => plain(Call::IsInitialized, "Py_IsInitialized"),
    }
}

/// The thread state, if it is not freed.
pub(crate) fn live(reference: &Reference, state: Option<State>) -> Option<State> {
    state.filter(|state| !reference.states[state.0].freed)
}

/// A call that reads a thread state.
fn reads(kind: Kind, operand: (Option<State>, String)) -> (Call, String) {
    if kind == Kind::GetId {
        one(Call::GetId, "PyThreadState_GetID", operand)
    } else if kind == Kind::Next {
        one(Call::Next, "PyThreadState_Next", operand)
    } else {
        let function = "PyThreadState_GetInterpreter";
        one(Call::GetInterpreter, function, operand)
    }
}

/// A call with one operand, and its text.
fn one(
    make: fn(Option<State>) -> Call,
    function: &str,
    (state, name): (Option<State>, String),
) -> (Call, String) {
    (make(state), format!("{function}({name})"))
}
