//! A dull model of the lifecycle, written from the contract and not from `src/runtime`.
//!
//! Several OS threads take turns: each call runs to its end before the next one begins. So there is no lock, no waiting
//! and no atomic here: a call that would have to wait, waits for ever. The model knows attachment, counters, lists, the
//! order of the queues, which calls are fatal and which read freed memory; several interpreters, several lives, and of a
//! process that forks the one side that the sequence follows. What releases do differently is a table ([`Rule`]).
//!
//! What the contract leaves open ends a sequence as [`End::Undefined`]: nothing is claimed of it.

mod check;
mod configure;
mod fork;
mod guards;
mod hooks;
mod interpreters;
mod lifecycle;
mod pending;
mod rules;
mod states;
mod words;

pub(crate) use configure::{Choice, Configure, FLAGS, flag_name};
pub(crate) use hooks::{Look, Tool, Which};
pub(crate) use interpreters::Interpreter;
pub(crate) use rules::Rule;
pub(crate) use words::{Call, End, Function, Guard, Home, Mistake, Reply, Side, State, Token};

use check::Signals;
use fork::Before;
use hooks::{OnState, Tools};
use std::hash::{Hash, Hasher};

/// OS threads.
pub(crate) const THREADS: usize = 3;

/// A thread state's fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fields {
    pub(crate) id: u64,
    pub(crate) home: Home,
    /// The thread that bound it.
    pub(crate) thread: usize,
    pub(crate) counter: i32,
    pub(crate) references: u32,
    pub(crate) attached: bool,
    pub(crate) shut_down: bool,
    pub(crate) cleared: bool,
    pub(crate) bound_gilstate: bool,
    /// Since 3.13.
    pub(crate) calls_to_do: bool,
    /// The same of a signal and of an exception.
    pub(crate) signalled: bool,
    pub(crate) told: bool,
    /// An exception waits to be raised.
    exception: bool,
    tools: OnState,
    /// Since 3.15, of `PyThreadState_Ensure`: how often, whether it made this one, and which guard the last Release closes.
    ensured: i32,
    made_to_ensure: bool,
    owned_guard: Option<Guard>,
    pub(crate) freed: bool,
}

/// The mistake that is made. Two processes that are the same but for that are the same.
#[derive(Clone, Debug)]
struct Deliberate(Option<Mistake>);

impl PartialEq for Deliberate {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Deliberate {}

impl Hash for Deliberate {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reference {
    /// The release, 3.N.
    minor: u8,
    mistake: Deliberate,
    pub(crate) states: Vec<Fields>,
    /// By [`Home`]: the main one, and all the others that ever were.
    pub(crate) homes: Vec<Interpreter>,
    /// Those that there are, newest first.
    pub(crate) listed: Vec<Home>,
    /// *cur(t)*; where there is one for the process it is the first.
    current: [Option<State>; THREADS],
    slots: [Option<State>; THREADS],
    /// Whether the key of the slots exists.
    key: bool,
    pub(crate) initialized: bool,
    /// In whose name finalization ran, until the next initialization.
    finalizer: Option<State>,
    finalizing_thread: usize,
    runtime_initialized: bool,
    /// `PyGILState_Check` looks.
    check_enabled: bool,
    main_thread: usize,
    main_state: Option<State>,
    /// Who runs pending calls.
    handling: Option<State>,
    /// The queue takes no more calls.
    refusing: bool,
    /// Functions that ran, in order.
    pub(crate) ran: Vec<&'static str>,
    /// Calls that this process accepted and did not run.
    owed: Vec<Function>,
    /// Calls that it was forked with and did not run.
    inherited: Vec<Function>,
    /// How many forks were followed into the child.
    pub(crate) depth: usize,
    /// The only thread of a child.
    pub(crate) survivor: Option<usize>,
    /// Those who prepared a fork, the last one last.
    before: Vec<Before>,
    /// HEAD_LOCK is taken over a fork.
    head_held: bool,
    /// Whether the program's key is created, and each thread's value.
    key_created: bool,
    values: [i64; THREADS],
    /// Whose each guard is, until it is closed.
    pub(crate) guards: Vec<Option<Home>>,
    signals: Signals,
    /// Up to 3.12, whether a signal asks to be looked at.
    signal_pending: bool,
    pub(crate) tools: Tools,
    /// The global flags.
    pub(crate) flags: [i32; FLAGS],
    /// Initialization came at least to its core.
    pub(crate) core: bool,
    /// It installs handlers of signals.
    installs: bool,
}

type Step<T> = Result<T, End>;

const USE_AFTER_FREE: End = End::Crash("use_after_free");
const NO_THREAD_STATE: End = End::Crash("no_thread_state");
const CRASH: End = End::Crash("");

impl Reference {
    pub(crate) fn new(minor: u8, mistake: Option<Mistake>) -> Self {
        Self {
            minor,
            mistake: Deliberate(mistake),
            states: Vec::new(),
            homes: vec![Interpreter::new(0, true)],
            listed: Vec::new(),
            current: [None; THREADS],
            slots: [None; THREADS],
            key: false,
            initialized: false,
            finalizer: None,
            finalizing_thread: 0,
            runtime_initialized: false,
            check_enabled: true,
            main_thread: 0,
            main_state: None,
            handling: None,
            refusing: false,
            ran: Vec::new(),
            owed: Vec::new(),
            inherited: Vec::new(),
            depth: 0,
            survivor: None,
            before: Vec::new(),
            head_held: false,
            key_created: false,
            values: [0; THREADS],
            guards: Vec::new(),
            signals: Signals::default(),
            signal_pending: false,
            tools: Tools::default(),
            flags: [0; FLAGS],
            core: false,
            installs: false,
        }
    }

    fn wrong(&self, mistake: Mistake) -> bool {
        self.mistake.0 == Some(mistake)
    }

    /// Whether a rule holds in this release.
    pub(crate) fn is(&self, rule: Rule) -> bool {
        rule.holds(self.minor) != self.wrong(Mistake::About(rule))
    }

    /// A fatal error, in the words of 3.8 and of the others.
    fn fatal(&self, short: &'static str, text: &'static str) -> End {
        let is_short = self.is(Rule::TextsAreShort);
        End::Fatal(if is_short { short } else { text })
    }

    /// Whether the thread is in this process.
    pub(crate) fn is_here(&self, thread: usize) -> bool {
        self.survivor.is_none_or(|survivor| survivor == thread)
    }

    /// *cur(t)*.
    pub(crate) fn current(&self, thread: usize) -> Option<State> {
        self.current[if self.is(Rule::OneCurrent) { 0 } else { thread }]
    }

    /// The current thread state, if it is the thread's own: there is one for the process up to 3.11, the GIL's holder's.
    pub(crate) fn attached(&self, thread: usize) -> Option<State> {
        self.current(thread)
            .filter(|_| !self.is(Rule::OneCurrent) || self.homes[0].gil == Some(thread))
    }

    /// *tss(t)*.
    pub(crate) fn slot(&self, thread: usize) -> Option<State> {
        self.slots[thread].filter(|_| self.has_slots())
    }

    pub(crate) fn has_slots(&self) -> bool {
        self.key || self.is(Rule::SlotOutlives)
    }

    pub(crate) fn finalizing(&self) -> bool {
        self.finalizer.is_some()
    }

    /// The first function, in order of declaration, of which this process accepted a call that never ran, or that should
    /// have handled a signal.
    pub(crate) fn lost(&self) -> Option<Function> {
        let unheard = |function: &Function| self.signals.unheard == Some(*function);
        let mut all = Function::ALL.iter().copied();
        all.find(|function| self.owed.contains(function) || unheard(function))
    }

    /// Finalized, and a thread state was left by a thread that is gone; the first thread ends with the process.
    pub(crate) fn leaks(&self) -> bool {
        let mut left = self.states.iter().filter(|fields| !fields.freed);
        self.depth == 0 && self.finalizing() && left.any(|fields| fields.thread != 0)
    }

    /// Runs one call on one thread to its end.
    pub(crate) fn call(&mut self, thread: usize, call: Call) -> Step<Reply> {
        let none = |()| Reply::Nothing;
        let number = |holds: bool| Ok(Reply::Number(i64::from(holds)));
        match call {
            Call::Initialize => self.initialize(thread).map(none),
            Call::Finalize => self.finalize(thread).map(|()| Reply::Number(0)),
            Call::IsInitialized => number(self.initialized),
            Call::IsFinalizing => {
                number(self.finalizing() && !self.wrong(Mistake::FinalizingForgotten))
            }
            Call::Save
            | Call::Restore(_)
            | Call::Acquire(_)
            | Call::ReleaseThread(_)
            | Call::Get
            | Call::GetUnchecked
            | Call::Swap(_)
            | Call::GetId(_)
            | Call::GetInterpreter(_)
            | Call::Next(_) => self.call_of_states(thread, call),
            Call::GetThis => Ok(Reply::State(self.slot(thread))),
            Call::Check => number(self.check(thread)),
            Call::InterpreterGet
            | Call::InterpreterHead
            | Call::InterpreterMain
            | Call::InterpreterNext(_)
            | Call::ThreadHead(_)
            | Call::New(_)
            | Call::NewInterpreter(_)
            | Call::EndInterpreter(_) => self.call_of_interpreters(thread, call),
            Call::Ensure => self.ensure(thread),
            Call::Release(locked) => self.release(thread, locked).map(none),
            Call::Clear(state) => self.clear(thread, state).map(none),
            Call::Delete(state) => self.delete(thread, state).map(none),
            Call::DeleteCurrent => self.delete_current(thread).map(none),
            Call::AddPending(function) => self.add_pending(thread, function).map(Reply::Number),
            Call::AddOwn(of, function, flags, times) => self
                .add_own_often(thread, of, function, flags, times)
                .map(Reply::Number),
            Call::MakePending => {
                let state = self.running(thread)?;
                self.make_public(thread, state).map(Reply::Number)
            }
            Call::Eval => self.eval(thread).map(Reply::Number),
            Call::SetAsync(..) | Call::AtSignal(_) | Call::Signal | Call::CheckSignals => {
                self.call_of_checks(thread, call)
            }
            Call::Configure(configure) => self.call_of_configuration(thread, configure),
            Call::Look(look) => self.call_of_hooks(thread, look),
            Call::BeforeFork => self.before_fork(thread).map(none),
            Call::Fork(side) => {
                self.fork(thread, side);
                Ok(Reply::Nothing)
            }
            Call::AfterForkParent => self.after_fork_parent(thread).map(none),
            Call::AfterForkChild => self.after_fork_child(thread).map(none),
            Call::TssCreate
            | Call::TssDelete
            | Call::TssIsCreated
            | Call::TssSet(_)
            | Call::TssGet => self.call_of_key(thread, call),
            Call::GuardOfCurrent
            | Call::GuardClose(_)
            | Call::ThreadEnsure(_)
            | Call::ThreadEnsureFromView
            | Call::ThreadRelease(_) => self.call_of_guards(thread, call),
        }
    }

    /// Section 2.15: a key and its values are the process's, whatever becomes of the runtime.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are answered where calls come in"
    )]
    fn call_of_key(&mut self, thread: usize, call: Call) -> Step<Reply> {
        let place = if self.wrong(Mistake::OneValueForAll) {
            0
        } else {
            thread
        };
        match call {
            Call::TssCreate => {
                if !self.key_created && !self.wrong(Mistake::KeyForgetsNothing) {
                    self.values = [0; THREADS];
                }
                self.key_created = true;
                Ok(Reply::Number(0))
            }
            Call::TssDelete => {
                self.key_created = false;
                Ok(Reply::Nothing)
            }
            Call::TssIsCreated => Ok(Reply::Number(i64::from(self.key_created))),
            Call::TssSet(value) if self.key_created => {
                self.values[place] = value;
                Ok(Reply::Number(0))
            }
            Call::TssGet if self.key_created => Ok(Reply::Word(self.values[place])),
            _ => Err(End::Undefined),
        }
    }

    fn check(&self, thread: usize) -> bool {
        let current = self.current(thread);
        let ignored = self.wrong(Mistake::CheckIgnoresSlot);
        let looks = self.check_enabled && self.has_slots();
        !looks || (current.is_some() && (ignored || current == self.slot(thread)))
    }

    /// Reads through a pointer.
    fn live(&self, state: Option<State>) -> Step<State> {
        let state = state.ok_or(NO_THREAD_STATE)?;
        if self.states[state.0].freed && !self.wrong(Mistake::StaleIsFine) {
            return Err(USE_AFTER_FREE);
        }
        Ok(state)
    }

    /// The thread state with which the thread runs.
    fn running(&self, thread: usize) -> Step<State> {
        let current = self.current(thread).ok_or(NO_THREAD_STATE)?;
        self.must_hold(thread)?;
        self.live(Some(current))
    }

    /// Who does not hold the one GIL takes the holder's thread state for its own: nobody promises what comes of that.
    fn must_hold(&self, thread: usize) -> Step<()> {
        if self.is(Rule::OneCurrent) && self.homes[0].gil != Some(thread) {
            return Err(End::Undefined);
        }
        Ok(())
    }
}
