//! The reference's interpreters: made, ended, and visited.

use super::hooks::{Evaluator, Event};
use super::{
    CRASH, Call, End, Function, Home, Mistake, NO_THREAD_STATE, Reference, Reply, Rule, State, Step,
};

/// The main interpreter, in every life.
pub(super) const MAIN: Home = Home(0);

/// Interpreters that exist at once, besides the main one.
const SUBS_MAX: usize = 3;

/// An interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Interpreter {
    /// Newest first.
    pub(crate) list: Vec<State>,
    /// Who is in the storage that it embeds.
    pub(super) embedded: Option<State>,
    pub(super) last_id: u64,
    /// Whether it has a GIL of its own.
    pub(crate) own_gil: bool,
    /// Who has that, or the one that it lends to others.
    pub(crate) gil: Option<usize>,
    /// Calls of its own; those of the process, or of the main thread, are the main one's. Oldest first.
    pub(crate) queue: Vec<Function>,
    /// Since 3.12, calls that any of its threads runs.
    pub(crate) own: Vec<Function>,
    /// Up to 3.12, whether the queue asks to be looked at, and whether the interpreter's threads look.
    pub(super) calls_to_do: bool,
    pub(super) looks_up: bool,
    /// The same of its own queue, in 3.12, and of exceptions.
    pub(super) own_to_do: bool,
    pub(super) raises: bool,
    pub(super) evaluator: Evaluator,
}

impl Interpreter {
    pub(super) fn new(last_id: u64, own_gil: bool) -> Self {
        Self {
            list: Vec::new(),
            embedded: None,
            last_id,
            own_gil,
            gil: None,
            queue: Vec::new(),
            own: Vec::new(),
            calls_to_do: false,
            looks_up: false,
            own_to_do: false,
            raises: false,
            evaluator: Evaluator::Usual,
        }
    }
}

impl Reference {
    /// Calls about interpreters and what is in them.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are answered where calls come in"
    )]
    pub(super) fn call_of_interpreters(&mut self, thread: usize, call: Call) -> Step<Reply> {
        let none = |()| Reply::Nothing;
        if matches!(
            call,
            Call::InterpreterHead
                | Call::InterpreterMain
                | Call::InterpreterNext(_)
                | Call::ThreadHead(_)
        ) {
            self.may_walk(thread)?;
        }
        match call {
            Call::InterpreterGet => {
                let text = if self.is(Rule::TextOfNoInterpreter) {
                    "PyInterpreterState_Get: no current interpreter"
                } else {
                    "PyInterpreterState_Get: the function must"
                };
                let state = self.current(thread).ok_or(End::Fatal(text))?;
                let state = self.live(Some(state))?;
                Ok(Reply::Interpreter(Some(self.home(state))))
            }
            Call::InterpreterHead => Ok(Reply::Interpreter(self.listed.first().copied())),
            Call::InterpreterMain => Ok(Reply::Interpreter(self.main())),
            Call::InterpreterNext(of) => self.next_interpreter(of),
            Call::ThreadHead(of) => {
                let home = self.home_for(of)?;
                Ok(Reply::State(self.homes[home.0].list.first().copied()))
            }
            Call::New(of) => {
                let home = self.home_for(of)?;
                let made = self.create(thread, home)?;
                Ok(Reply::State(Some(made)))
            }
            Call::NewInterpreter(own) => self.new_interpreter(thread, own),
            Call::EndInterpreter(state) => self.end_interpreter(thread, state).map(none),
            _ => Err(End::Undefined),
        }
    }

    pub(super) fn main(&self) -> Option<Home> {
        self.listed.contains(&MAIN).then_some(MAIN)
    }

    /// The interpreter of a thread state.
    pub(crate) fn home(&self, state: State) -> Home {
        self.states[state.0].home
    }

    /// Whether an interpreter exists.
    pub(crate) fn exists(&self, home: Home) -> bool {
        self.listed.contains(&home)
    }

    /// The main interpreter, or that of a thread state.
    pub(super) fn home_for(&self, of: Option<State>) -> Step<Home> {
        let Some(state) = of else {
            return self.main().ok_or(CRASH);
        };
        let home = self.home(self.live(Some(state))?);
        if self.exists(home) {
            Ok(home)
        } else {
            // A thread state that outlives its interpreter.
            Err(End::Undefined)
        }
    }

    pub(super) fn next_interpreter(&self, of: Option<State>) -> Step<Reply> {
        let home = self.home_for(of)?;
        let place = self.listed.iter().position(|listed| *listed == home);
        let next = place.and_then(|place| self.listed.get(place + 1));
        Ok(Reply::Interpreter(next.copied()))
    }

    /// §NEWINT W1 to W13, §A38.
    pub(super) fn new_interpreter(&mut self, thread: usize, own: bool) -> Step<Reply> {
        if !self.initialized {
            let fatal = End::Fatal("new_interpreter: Py_Initialize must be called first");
            return if own {
                Ok(Reply::State(None))
            } else {
                Err(fatal)
            };
        }
        self.must_hold(thread)?;
        if self.listed.len() > SUBS_MAX {
            return Err(End::Undefined);
        }
        self.check_enabled = self.wrong(Mistake::CheckStaysOn);
        if !self.audit(thread, Event::InterpreterNew)? {
            return if self.is(Rule::RefusalIsNull) {
                Ok(Reply::State(None))
            } else {
                Err(End::Fatal(
                    "_PyThreadState_Attach: non-NULL old thread state",
                ))
            };
        }
        if self.head_held {
            return Err(End::Blocks);
        }
        if !self.wrong(Mistake::InterpretersTakeNoMemory) {
            self.allocate();
        }
        let home = Home(self.homes.len());
        let own_gil = own && !self.wrong(Mistake::OneGil);
        self.homes.push(Interpreter::new(0, own_gil));
        let at_tail = self.wrong(Mistake::InterpretersAtTail);
        let place = if at_tail { self.listed.len() } else { 0 };
        self.listed.insert(place, home);
        let made = if self.is(Rule::SwapIsAPointer) {
            let made = self.create(thread, home)?;
            self.swap_pointer(thread, Some(made))?;
            made
        } else {
            if let Some(current) = self.current(thread) {
                self.detach(thread, Some(current))?;
            }
            let made = self.create(thread, home)?;
            self.attach(thread, made)?;
            made
        };
        if self.is(Rule::NewVisitsMain) {
            self.visit_main(thread, made)?;
        }
        Ok(Reply::State(Some(made)))
    }

    /// Extension modules begin in the main interpreter.
    fn visit_main(&mut self, thread: usize, from: State) -> Step<()> {
        let visitor = self.create(thread, MAIN)?;
        self.swap(thread, Some(visitor))?;
        self.cleared(visitor);
        self.swap(thread, Some(from))?;
        self.unlink_and_free(thread, visitor)
    }

    /// §ENDINT Z1 to Z11.
    pub(super) fn end_interpreter(&mut self, thread: usize, state: Option<State>) -> Step<()> {
        let state = state.ok_or(NO_THREAD_STATE)?;
        let state = self.live(Some(state))?;
        if self.current(thread) != Some(state) {
            return Err(End::Fatal("Py_EndInterpreter: thread is not current"));
        }
        self.must_hold(thread)?;
        let home = self.home(state);
        if home == MAIN {
            // Accepted, and the runtime is broken.
            return Err(End::Undefined);
        }
        if !self.is(Rule::EndDropsCalls) {
            self.finish_pending(thread, state)?;
        }
        self.wait_for_guards(home)?;
        if self.is(Rule::OthersAreFatalAtEnd) && self.homes[home.0].list.len() > 1 {
            return Err(End::Fatal("Py_EndInterpreter: not the last thread"));
        }
        if !self.wrong(Mistake::EndForgetsOthers) {
            self.cut_off_others(state);
        }
        if self.head_held {
            return Err(End::Blocks);
        }
        self.audit(thread, Event::InterpreterClear)?;
        self.leave_for_good(thread, state)?;
        self.unlink_and_free(thread, state)?;
        self.listed.retain(|listed| *listed != home);
        if let Some(left) = self.homes[home.0].embedded.take() {
            self.states[left.0].freed = true;
        }
        Ok(())
    }

    /// §FINAL F30: the thread has no thread state any more.
    pub(super) fn leave_for_good(&mut self, thread: usize, state: State) -> Step<()> {
        if self.is(Rule::EndKeepsTheGil) {
            self.states[state.0].attached = false;
            self.set_current(thread, None);
            Ok(())
        } else {
            self.detach(thread, Some(state))
        }
    }

    /// §FINAL F10 to F13: the list is this one's alone, the others are freed, or marked and given up.
    pub(super) fn cut_off_others(&mut self, finalizer: State) {
        let home = self.home(finalizer);
        for other in std::mem::take(&mut self.homes[home.0].list) {
            if other == finalizer {
                continue;
            }
            if self.is(Rule::OthersAreFreed) {
                self.free(other);
                continue;
            }
            self.cleared(other);
            let fields = &mut self.states[other.0];
            fields.shut_down = true;
            fields.references -= 1;
        }
        self.homes[home.0].list.push(finalizer);
    }

    /// §FINAL F7; in 3.13 after F18.
    pub(super) fn end_all_but_main(&mut self, thread: usize, finalizer: State) -> Step<()> {
        if self.listed.len() < 2 {
            return Ok(());
        }
        self.detach(thread, Some(finalizer))?;
        while let Some(newest) = self.listed.iter().copied().find(|home| *home != MAIN) {
            let first = self.homes[newest.0].list.first().copied();
            if let Some(first) = first.filter(|_| !self.is(Rule::SubsEndBeforeTheMark)) {
                self.attach(thread, first)?;
                self.detach(thread, Some(first))?;
                self.unlink_and_free(thread, first)?;
            }
            let made = self.create(thread, newest)?;
            self.attach(thread, made)?;
            self.end_interpreter(thread, Some(made))?;
        }
        self.attach(thread, finalizer)
    }
}
