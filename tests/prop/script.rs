//! A generated sequence of calls as a scenario: threads that take turns, with what the reference says of each call.
//!
//! A thread posts the next one's semaphore and waits for its own, so that at most one thread can ever go on. Of a process
//! that forks the script follows one side; the other one ends at once.

use crate::reference::{
    Call, Configure, End, Guard, Mistake, Reference, Reply, Side, State, THREADS, Token,
};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{Hash as _, Hasher as _};

/// Thread states that one sequence may make, and lives of the runtime after the first: a slot of the arena repeats its handles
/// after so many.
const STATES_MAX: usize = 8;
/// The threads' names in scenarios.
pub(crate) const NAMES: [&str; THREADS] = ["main", "b", "c"];

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a step calls, before its operand is chosen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

kinds! {
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
    InterpreterNext,
    NewInterpreter,
    EndInterpreter,
    ThreadHead,
    AddPending,
    /// As many pending calls as almost fill the queue.
    Fill,
    /// For an interpreter.
    AddOwn,
    /// As many as fill its queue, since 3.13, or almost.
    FillOwn,
    MakePending,
    SetAsync,
    AtSignal,
    Signal,
    CheckSignals,
    SetTracer,
    SetTracerAll,
    EnterTracing,
    LeaveTracing,
    AddHook,
    Audit,
    SetEvaluator,
    GetEvaluator,
    AllocHook,
    SetRefTracer,
    GetRefTracer,
    NewObject,
    DropObject,
    CurrentFrames,
    SetFlag,
    ReadFlag,
    PreInitialize,
    InitializeFrom,
    InitializeMain,
    Text,
    EncodeLocale,
    SetArgv,
    ThreadsInitialized,
    Eval,
    BeforeFork,
    Fork,
    /// The hook of the process that the fork left the sequence in.
    AfterFork,
    TssCreate,
    TssDelete,
    TssIsCreated,
    TssSet,
    TssGet,
    GuardOfCurrent,
    GuardClose,
    ThreadEnsure,
    ThreadEnsureFromView,
    ThreadRelease,
}

const KINDS: usize = Kind::ALL.len();

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
#[derive(Clone, Debug, Hash)]
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
    pub(crate) last: Reference,
    /// How each process ends of which that can be said.
    pub(crate) outcomes: BTreeSet<String>,
    /// Calls of the program before the first of the sequence.
    pub(crate) calls_before: usize,
    /// How many steps of each kind there are.
    pub(crate) made: [u32; KINDS],
}

impl Script {
    /// What stands for the scenario and all that is predicted of it.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        (&self.text, &self.calls).hash(&mut hasher);
        hasher.finish()
    }
}

/// A name that a thread's body binds.
pub(crate) struct Bound {
    pub(crate) name: String,
    pub(crate) state: Option<State>,
}

pub(crate) struct Writer {
    pub(crate) minor: u8,
    pub(crate) reference: Reference,
    pub(crate) bodies: Vec<String>,
    /// What ends the blocks of forks that a body is in.
    closing: Vec<String>,
    outcomes: BTreeSet<String>,
    pub(crate) bound: Vec<Bound>,
    /// What Ensure returned and Release has not had back, by thread.
    pub(crate) ensured: [Vec<(String, bool)>; THREADS],
    /// The same of `PyThreadState_Ensure`.
    pub(crate) tokens: [Vec<(String, Token)>; THREADS],
    pub(crate) guards: Vec<(String, Option<Guard>)>,
    calls: Vec<Planned>,
    end: Option<(usize, End)>,
    turn: usize,
    lives: usize,
    names: usize,
    /// Threads begin with finding out their idents.
    pub(crate) known_by_ident: bool,
    /// Numbers of the configurations that are named.
    pub(crate) choices: BTreeSet<u8>,
    /// How many steps of each kind were written.
    made: [u32; KINDS],
}

/// A generated sequence.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// The release, 3.N.
    pub(crate) minor: u8,
    pub(crate) threads: usize,
    pub(crate) steps: Vec<Step>,
}

/// Writes the scenario of a sequence.
pub(crate) fn script(sequence: &Sequence, mistake: Option<Mistake>) -> Script {
    let threads = sequence.threads;
    let mut writer = Writer {
        minor: sequence.minor,
        reference: Reference::new(sequence.minor, mistake),
        bodies: vec![String::new(); threads],
        closing: vec![String::new(); threads],
        outcomes: BTreeSet::new(),
        bound: Vec::new(),
        ensured: Default::default(),
        tokens: Default::default(),
        guards: Vec::new(),
        calls: Vec::new(),
        end: None,
        turn: 0,
        lives: 0,
        names: 0,
        known_by_ident: false,
        choices: BTreeSet::new(),
        made: [0; KINDS],
    };
    for step in &sequence.steps {
        if writer.end.is_none() {
            let thread = step.thread % threads;
            writer.step(Step {
                thread: writer.reference.survivor.unwrap_or(thread),
                ..*step
            });
        }
    }
    writer.finish(threads)
}

impl Writer {
    fn step(&mut self, step: Step) {
        let fills = matches!(step.kind, Kind::Fill | Kind::FillOwn);
        let times = if fills { 30 } else { 1 };
        let Some((call, text)) = self.spell(step) else {
            return;
        };
        let mut after = self.reference.clone();
        let mut calls = Vec::new();
        let mut last = None;
        if let Call::Fork(side) = call {
            return self.fork(step.thread, side);
        }
        for _ in 0..times {
            match after.call(step.thread, call) {
                Ok(Reply::Silent) => last = Some(Reply::Silent),
                Ok(reply) => {
                    last = Some(reply);
                    calls.push(Planned {
                        thread: step.thread,
                        text: text.clone(),
                        reply,
                        after: after.clone(),
                    });
                }
                Err(end) if !step.reckless && !self.is_rare(step, call, end) => return,
                Err(end) => {
                    self.end = Some((step.thread, end));
                    break;
                }
            }
        }
        let begins = after.core && !self.reference.core;
        let lives = self.lives + usize::from(begins);
        if after.states.len() + lives > STATES_MAX + 1 {
            self.end = None;
            return;
        }
        self.lives = lives;
        self.reference = after;
        self.take_turn(step.thread);
        if let Call::Configure(Configure::Initialize(Some(choice))) = call {
            self.choices.insert(choice.0);
        }
        self.calls.extend(calls);
        self.made[step.kind as usize] += 1;
        self.write(step, &text, times, last);
        if matches!(self.end, Some((_, End::Killed))) {
            self.line(step.thread, "assert false");
        }
    }

    /// The body goes on inside the block of the child, or after a fork whose child has nothing to do.
    fn fork(&mut self, thread: usize, side: Side) {
        self.made[Kind::Fork as usize] += 1;
        self.take_turn(thread);
        let depth = self.reference.depth;
        match side {
            Side::Child => {
                self.outcomes.insert(in_child(depth, self.ends_well()));
                self.line(thread, "fork { child {");
                self.closing[thread].insert_str(0, "    } parent { exit } }\n");
            }
            Side::Parent => {
                self.outcomes.insert(in_child(depth + 1, "ok".to_owned()));
                self.line(thread, "fork { child { } parent { } }");
            }
        }
        let forked = self.reference.call(thread, Call::Fork(side));
        forked.expect("a fork succeeds");
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
        if step.kind == Kind::ThreadRelease {
            self.tokens[thread].pop();
        }
        match reply {
            Some(Reply::Number(locked)) if step.kind == Kind::Ensure => {
                let name = self.name("g");
                self.line(thread, &format!("{name} = {text}"));
                let constant = if locked == 0 { "LOCKED" } else { "UNLOCKED" };
                self.line(thread, &format!("assert {name} == PyGILState_{constant}"));
                self.ensured[thread].push((name, locked == 0));
            }
            Some(Reply::Said(said)) => self.line(thread, &format!("{text} {said}")),
            Some(Reply::Number(number)) => self.line(thread, &format!("{text} == {number}")),
            Some(Reply::State(state)) => {
                let name = self.name("ts");
                self.line(thread, &format!("{name} = {text}"));
                self.claim_state(thread, &name, state);
                self.bound.push(Bound { name, state });
            }
            Some(Reply::Interpreter(home)) => {
                let name = self.name("interp");
                self.line(thread, &format!("{name} = {text}"));
                let operator = if home.is_some() { "!=" } else { "==" };
                self.line(thread, &format!("assert {name} {operator} NULL"));
            }
            Some(Reply::Word(word)) => {
                let name = self.name("value");
                self.line(thread, &format!("{name} = {text}"));
                let word = if word == 0 {
                    "NULL".to_owned()
                } else {
                    word.to_string()
                };
                self.line(thread, &format!("assert {name} == {word}"));
            }
            Some(Reply::Guard(guard)) => {
                let name = self.name("guard");
                self.line(thread, &format!("{name} = {text}"));
                self.line(thread, &format!("assert {name} != NULL"));
                self.guards.push((name, guard));
            }
            Some(Reply::Token(token)) => self.write_token(thread, text, token),
            Some(Reply::Nothing | Reply::Silent) | None => self.line(thread, text),
        }
    }

    /// A result is the thread state that it is predicted to be.
    fn claim_state(&mut self, thread: usize, name: &str, state: Option<State>) {
        let known = self.bound.iter().find(|bound| bound.state == state);
        let known = match (state, known) {
            (None, _) => Some("NULL".to_owned()),
            (Some(_), known) => known.map(|bound| bound.name.clone()),
        };
        if let Some(known) = known {
            self.line(thread, &format!("assert {name} == {known}"));
        }
    }

    fn write_token(&mut self, thread: usize, text: &str, token: Token) {
        let name = self.name("token");
        self.line(thread, &format!("{name} = {text}"));
        match token {
            Token::Null => return self.line(thread, &format!("assert {name} == NULL")),
            Token::NoState => self.line(thread, &format!("assert {name} != NULL")),
            Token::State(state) => self.claim_state(thread, &name, Some(state)),
        }
        self.tokens[thread].push((name, token));
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn finish(mut self, threads: usize) -> Script {
        match self.reference.survivor {
            None => self.take_turn(0),
            Some(survivor) => self.bodies[survivor].push_str(&self.closing[survivor]),
        }
        if let Some(outcome) = self.outcome() {
            let outcome = in_child(self.reference.depth, outcome);
            self.outcomes.insert(outcome);
        }
        let calls_before = threads - 1 + self.prepare(threads);
        let mut text = format!("scenario \"calls in turn\"\npython 3.{}\n", self.minor);
        self.declare(&mut text, threads);
        self.callbacks(&mut text);
        self.threads(&mut text, threads);
        let is_open = matches!(self.end, Some((_, End::Undefined)));
        let allowed: Vec<&str> = self.outcomes.iter().map(|outcome| &**outcome).collect();
        if !is_open {
            let allowed = allowed.join(", ");
            write!(text, "\nexpect {{\n    allow {allowed}\n}}\n")
                .expect("a string takes everything");
        }
        Script {
            text,
            calls: self.calls,
            end: self.end,
            last: self.reference,
            outcomes: self.outcomes,
            calls_before,
            made: self.made,
        }
    }

    /// Late threads are rare, and what the child's hook dies of, and finalization that waits for a guard: a sequence ends so
    /// without recklessness too.
    fn is_rare(&self, step: Step, call: Call, end: End) -> bool {
        let attaches = matches!(call, Call::Restore(_) | Call::Acquire(_));
        let is_late =
            matches!(end, End::Hang | End::Exit) || (attaches && self.reference.finalizing());
        let finalizes = matches!(call, Call::Finalize | Call::EndInterpreter(_));
        is_late
            || (call == Call::AfterForkChild && end != End::Undefined)
            || (finalizes && matches!(end, End::Blocks | End::Spins))
            || (end == End::Killed && step.pick.is_multiple_of(4))
    }

    /// How a process ends that ends now, without finalization.
    fn ends_well(&self) -> String {
        let lost = self.reference.lost();
        lost.map_or_else(
            || "ok".to_owned(),
            |function| format!("lost({})", function.name()),
        )
    }

    /// The outcome that the reference predicts of the process that the sequence follows.
    fn outcome(&self) -> Option<String> {
        match self.end {
            Some((_, End::Undefined)) => None,
            Some((_, End::Fatal(message))) => Some(format!("fatal({message:?})")),
            Some((_, End::Crash(""))) => Some("crash".to_owned()),
            Some((_, End::Crash(kind))) => Some(format!("crash({kind})")),
            Some((thread, End::Hang | End::Blocks)) => Some(format!("deadlock({})", NAMES[thread])),
            Some((thread, End::Exit)) => Some(self.exited(thread)),
            Some((thread, End::Spins)) => Some(format!("livelock({})", NAMES[thread])),
            Some((_, End::Killed)) => Some(self.ends_well()),
            None if self.reference.lost().is_none() && self.reference.leaks() => {
                Some("leak".to_owned())
            }
            None => Some(self.ends_well()),
        }
    }

    /// The others wait for their turn for ever, but nobody waits for the last thread of a process.
    fn exited(&self, thread: usize) -> String {
        let mut others = (0..self.bodies.len()).filter(|other| *other != thread);
        match others.next().filter(|_| self.reference.survivor.is_none()) {
            Some(other) => format!("deadlock({})", NAMES[other]),
            None if self.reference.lost().is_some() => self.ends_well(),
            None => format!("exit({})", NAMES[thread]),
        }
    }
}

/// An outcome of the process after so many forks.
fn in_child(depth: usize, outcome: String) -> String {
    (0..depth).fold(outcome, |outcome, _| format!("child({outcome})"))
}
