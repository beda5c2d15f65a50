//! Generated steps as calls: operands that make sense, and how each call is written.

use crate::reference::{Call, Function, Home, Reference, State};
use crate::script::{Kind, Step, Writer};

impl Writer {
    /// An operand: one that makes sense, or with `reckless` any.
    fn operand(
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

    /// The call and its text; nothing if no operand makes sense.
    pub(crate) fn spell(&self, step: Step) -> Option<(Call, String)> {
        let thread = step.thread;
        let is_live = |reference: &Reference, state| live(reference, state).is_some();
        let detached = |reference: &Reference, state| {
            live(reference, state).is_some_and(|state: State| {
                let fields = &reference.states[state.0];
                !fields.attached && fields.thread == thread
            })
        };
        let current =
            |reference: &Reference, state: Option<State>| reference.current[thread] == state;
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
            | Kind::Eval
            | Kind::NewInterpreter => Some(without_operand(step)),
            Kind::New => self.of(step, Call::New, "PyThreadState_New"),
            Kind::ThreadHead => self.of(step, Call::ThreadHead, "PyInterpreterState_ThreadHead"),
            Kind::InterpreterNext => {
                self.of(step, Call::InterpreterNext, "PyInterpreterState_Next")
            }
            Kind::EndInterpreter => self
                .operand(step, |reference, state| {
                    current(reference, state)
                        && state.is_some_and(|it| reference.home(it) != Home(0))
                })
                .map(|operand| one(Call::EndInterpreter, "Py_EndInterpreter", operand)),
            Kind::AddPending | Kind::Fill => Some(add_pending(step)),
            Kind::Release => Some(self.release(step)),
            Kind::Restore => self
                .operand(step, detached)
                .map(|operand| one(Call::Restore, "PyEval_RestoreThread", operand)),
            Kind::Acquire => self
                .operand(step, detached)
                .map(|operand| one(Call::Acquire, "PyEval_AcquireThread", operand)),
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
            Kind::GetId => self
                .operand(step, is_live)
                .map(|operand| one(Call::GetId, "PyThreadState_GetID", operand)),
            Kind::Next => self
                .operand(step, is_live)
                .map(|operand| one(Call::Next, "PyThreadState_Next", operand)),
            Kind::GetInterpreter => {
                let function = "PyThreadState_GetInterpreter";
                let operand = self.operand(step, is_live);
                operand.map(|operand| one(Call::GetInterpreter, function, operand))
            }
        }
    }

    /// Of the main interpreter, or of one that a thread state is in.
    fn of(
        &self,
        step: Step,
        make: fn(Option<State>) -> Call,
        function: &str,
    ) -> Option<(Call, String)> {
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
            return Some((make(Some(state)), format!("{function}({name}->interp)")));
        }
        Some((make(None), of_main(function)))
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
        Kind::Eval => (Call::Eval, "eval".to_owned()),
        Kind::NewInterpreter if step.pick.is_multiple_of(3) => {
            plain(Call::NewInterpreter(false), "Py_NewInterpreter")
        }
        Kind::NewInterpreter => {
            let text = "Py_NewInterpreterFromConfig(&own)".to_owned();
            (Call::NewInterpreter(true), text)
        }
        _ => plain(Call::IsInitialized, "Py_IsInitialized"),
    }
}

/// The thread state, if it is not freed.
fn live(reference: &Reference, state: Option<State>) -> Option<State> {
    state.filter(|state| !reference.states[state.0].freed)
}

/// A call with one operand, and its text.
fn one(
    make: fn(Option<State>) -> Call,
    function: &str,
    (state, name): (Option<State>, String),
) -> (Call, String) {
    (make(state), format!("{function}({name})"))
}

fn of_main(function: &str) -> String {
    format!("{function}(PyInterpreterState_Main())")
}

fn add_pending(step: Step) -> (Call, String) {
    let functions = Function::ALL;
    let function = if step.kind == Kind::Fill {
        Function::Plain
    } else {
        functions[usize::from(step.pick) % functions.len()]
    };
    let text = format!("Py_AddPendingCall({}, NULL)", function.name());
    (Call::AddPending(function), text)
}
