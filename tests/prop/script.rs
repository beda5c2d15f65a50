//! A generated sequence of calls as a scenario: threads that take turns, with what the reference says of each call.
//!
//! A thread posts the next one's semaphore and waits for its own, so that at most one thread can ever go on.

use crate::reference::{Call, End, Function, Mistake, Reference, Reply, State, THREADS};
use std::fmt::Write as _;

/// Thread states that one sequence may make: a slot of the arena repeats its handles after eight.
const STATES_MAX: usize = 7;
/// The threads' names in scenarios.
pub(crate) const NAMES: [&str; THREADS] = ["main", "b", "c"];

/// What a step calls, before its operand is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Initialize,
    Finalize,
    IsInitialized,
    IsFinalizing,
    Save,
    Restore,
    Acquire,
    ReleaseThread,
    Get,
    GetUnchecked,
    Swap,
    New,
    Clear,
    Delete,
    DeleteCurrent,
    GetId,
    GetInterpreter,
    Next,
    Ensure,
    Release,
    GetThis,
    Check,
    InterpreterGet,
    InterpreterHead,
    InterpreterMain,
    ThreadHead,
    AddPending,
    /// As many pending calls as almost fill the queue.
    Fill,
    MakePending,
    Eval,
}

/// One generated step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) thread: usize,
    pub(crate) kind: Kind,
    /// Which operand.
    pub(crate) pick: u8,
    /// Also a call that ends the sequence is made, and with any operand.
    pub(crate) reckless: bool,
}

/// A call that was made, and the process after it.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) thread: usize,
    pub(crate) text: String,
    pub(crate) reply: Reply,
    pub(crate) after: Reference,
}

/// A scenario with its prediction.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) text: String,
    pub(crate) calls: Vec<Planned>,
    /// The last call, if it ends the sequence.
    pub(crate) end: Option<(usize, End)>,
    pub(crate) threads: usize,
    pub(crate) last: Reference,
}

/// A name that a thread's body binds.
struct Bound {
    name: String,
    state: Option<State>,
}

struct Writer {
    reference: Reference,
    bodies: Vec<String>,
    bound: Vec<Bound>,
    /// What Ensure returned and Release has not had back, by thread.
    ensured: [Vec<(String, bool)>; THREADS],
    calls: Vec<Planned>,
    end: Option<(usize, End)>,
    turn: usize,
    names: usize,
}

/// Writes the scenario of a sequence.
pub(crate) fn script(threads: usize, steps: &[Step], mistake: Option<Mistake>) -> Script {
    let mut writer = Writer {
        reference: Reference::new(mistake),
        bodies: vec![String::new(); threads],
        bound: Vec::new(),
        ensured: Default::default(),
        calls: Vec::new(),
        end: None,
        turn: 0,
        names: 0,
    };
    for step in steps {
        if writer.end.is_none() {
            writer.step(Step {
                thread: step.thread % threads,
                ..*step
            });
        }
    }
    writer.finish(threads)
}

impl Writer {
    fn step(&mut self, step: Step) {
        let times = if step.kind == Kind::Fill { 30 } else { 1 };
        let Some((call, text)) = self.spell(step) else {
            return;
        };
        let mut after = self.reference.clone();
        let mut calls = Vec::new();
        for _ in 0..times {
            match after.call(step.thread, call) {
                Ok(reply) => calls.push(Planned {
                    thread: step.thread,
                    text: text.clone(),
                    reply,
                    after: after.clone(),
                }),
                Err(_) if !step.reckless => return,
                Err(end) => {
                    self.end = Some((step.thread, end));
                    break;
                }
            }
        }
        if after.states.len() > STATES_MAX {
            self.end = None;
            return;
        }
        self.reference = after;
        self.take_turn(step.thread);
        let reply = calls.last().map(|planned| planned.reply);
        self.calls.extend(calls);
        self.write(step, &text, times, reply);
    }

    fn line(&mut self, thread: usize, line: &str) {
        writeln!(self.bodies[thread], "    {line}").expect("a string takes everything");
    }

    fn take_turn(&mut self, thread: usize) {
        if thread != self.turn {
            self.line(self.turn, &format!("post turn_{}", NAMES[thread]));
            self.line(self.turn, &format!("wait turn_{}", NAMES[self.turn]));
            self.turn = thread;
        }
    }

    fn write(&mut self, step: Step, text: &str, times: usize, reply: Option<Reply>) {
        let thread = step.thread;
        if times > 1 {
            return self.line(thread, &format!("repeat {times} {{ {text} }}"));
        }
        if step.kind == Kind::Release {
            self.ensured[thread].pop();
        }
        match reply {
            Some(Reply::Number(locked)) if step.kind == Kind::Ensure => {
                let name = self.name("g");
                self.line(thread, &format!("{name} = {text}"));
                let constant = if locked == 0 { "LOCKED" } else { "UNLOCKED" };
                self.line(thread, &format!("assert {name} == PyGILState_{constant}"));
                self.ensured[thread].push((name, locked == 0));
            }
            Some(Reply::Number(number)) => self.line(thread, &format!("{text} == {number}")),
            Some(Reply::State(state)) => {
                let name = self.name("ts");
                self.line(thread, &format!("{name} = {text}"));
                let known = self.bound.iter().find(|bound| bound.state == state);
                let known = match (state, known) {
                    (None, _) => Some("NULL".to_owned()),
                    (Some(_), known) => known.map(|bound| bound.name.clone()),
                };
                if let Some(known) = known {
                    self.line(thread, &format!("assert {name} == {known}"));
                }
                self.bound.push(Bound { name, state });
            }
            Some(Reply::Interpreter(there)) => {
                let name = self.name("interp");
                self.line(thread, &format!("{name} = {text}"));
                let operator = if there { "!=" } else { "==" };
                self.line(thread, &format!("assert {name} {operator} NULL"));
            }
            Some(Reply::Nothing) | None => self.line(thread, text),
        }
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

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
    fn spell(&self, step: Step) -> Option<(Call, String)> {
        let thread = step.thread;
        let plain = |call, text: &str| Some((call, format!("{text}()")));
        let detached = |reference: &Reference, state| {
            live(reference, state).is_some_and(|state: State| {
                let fields = &reference.states[state.0];
                !fields.attached && fields.thread == thread
            })
        };
        let current =
            |reference: &Reference, state: Option<State>| reference.current[thread] == state;
        match step.kind {
            Kind::Initialize => Some((Call::Initialize, "Py_InitializeEx(0)".to_owned())),
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
            Kind::Eval => Some((Call::Eval, "eval".to_owned())),
            Kind::New => Some((Call::New, of_main("PyThreadState_New"))),
            Kind::ThreadHead => Some((Call::ThreadHead, of_main("PyInterpreterState_ThreadHead"))),
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
                    live(reference, state)
                        .is_some_and(|state: State| !reference.states[state.0].attached)
                })
                .map(|operand| one(Call::Delete, "PyThreadState_Delete", operand)),
            Kind::GetId | Kind::GetInterpreter | Kind::Next => {
                let operand =
                    self.operand(step, |reference, state| live(reference, state).is_some())?;
                Some(match step.kind {
                    Kind::GetId => one(Call::GetId, "PyThreadState_GetID", operand),
                    Kind::Next => one(Call::Next, "PyThreadState_Next", operand),
                    _ => one(
                        Call::GetInterpreter,
                        "PyThreadState_GetInterpreter",
                        operand,
                    ),
                })
            }
        }
    }

    fn release(&self, step: Step) -> (Call, String) {
        let (name, locked) = match self.ensured[step.thread].last() {
            Some(token) if !step.reckless => token.clone(),
            _ if step.pick.is_multiple_of(2) => ("PyGILState_LOCKED".to_owned(), true),
            _ => ("PyGILState_UNLOCKED".to_owned(), false),
        };
        (Call::Release(locked), format!("PyGILState_Release({name})"))
    }

    fn finish(mut self, threads: usize) -> Script {
        self.take_turn(0);
        let mut text = String::from("scenario \"calls in turn\"\npython 3.14\n");
        let mut starts = String::new();
        for name in &NAMES[..threads] {
            writeln!(text, "native semaphore turn_{name} = 0").expect("a string takes everything");
        }
        for function in Function::ALL {
            let name = function.name();
            let used = |name: &str| {
                let call = format!("Py_AddPendingCall({name},");
                self.bodies.iter().any(|body| body.contains(&call))
            };
            if !used(name) && !(function == Function::Plain && used("adds")) {
                continue;
            }
            let body = match function {
                Function::Plain | Function::Other => "",
                Function::Raises => "    return -1\n",
                Function::Adds => "    Py_AddPendingCall(plain, NULL)\n",
                Function::Evals => "    eval\n",
            };
            writeln!(text, "\ncallback {name}(arg) {{\n{body}}}")
                .expect("a string takes everything");
        }
        for thread in 1..threads {
            let (name, body) = (NAMES[thread], &self.bodies[thread]);
            writeln!(
                text,
                "\nforeign thread {name} {{\n    post turn_main\n    wait turn_{name}\n{body}}}"
            )
            .expect("a string takes everything");
            write!(starts, "    start {name}\n    wait turn_main\n")
                .expect("a string takes everything");
        }
        let mut ends = String::new();
        for name in &NAMES[1..threads] {
            write!(ends, "    post turn_{name}\n    join {name}\n")
                .expect("a string takes everything");
        }
        write!(
            text,
            "\nthread main {{\n{starts}{}{ends}}}\n",
            self.bodies[0]
        )
        .expect("a string takes everything");
        if let Some(allowed) = self.allowed() {
            write!(text, "\nexpect {{\n    allow {allowed}\n}}\n")
                .expect("a string takes everything");
        }
        Script {
            text,
            calls: self.calls,
            end: self.end,
            threads,
            last: self.reference,
        }
    }

    /// The outcome that the reference predicts.
    fn allowed(&self) -> Option<String> {
        match self.end {
            Some((_, End::Undefined)) => None,
            Some((_, End::Fatal(message))) => Some(format!("fatal({message:?})")),
            Some((_, End::Crash(""))) => Some("crash".to_owned()),
            Some((_, End::Crash(kind))) => Some(format!("crash({kind})")),
            Some((thread, End::Hang | End::Blocks)) => Some(format!("deadlock({})", NAMES[thread])),
            None => Some(match self.reference.lost() {
                Some(function) => format!("lost({})", function.name()),
                None if self.reference.leaks() => "leak".to_owned(),
                None => "ok".to_owned(),
            }),
        }
    }
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

fn live(reference: &Reference, state: Option<State>) -> Option<State> {
    state.filter(|state| !reference.states[state.0].freed)
}

/// A call with a thread state, and how it is spelt.
fn one(
    make: fn(Option<State>) -> Call,
    function: &str,
    (state, name): (Option<State>, String),
) -> (Call, String) {
    (make(state), format!("{function}({name})"))
}
