//! The reference's interpreters: made, ended, and visited.

use super::{CRASH, Call, End, Home, Mistake, NO_THREAD_STATE, Reference, Reply, State, Step};

/// The main interpreter, in every life.
pub(super) const MAIN: Home = Home(0);

/// Interpreters that exist at once, besides the main one.
const SUBS_MAX: usize = 3;

/// An interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// Newest first.
    pub(crate) list: Vec<State>,
    /// Who is in the storage that it embeds.
    pub(super) embedded: Option<State>,
    pub(super) last_id: u64,
    /// Whether it has a GIL of its own.
    pub(crate) own_gil: bool,
    /// Whether that is taken.
    pub(crate) gil_taken: bool,
}

impl Interpreter {
    pub(super) fn new(last_id: u64, own_gil: bool) -> Self {
        Self {
            list: Vec::new(),
            embedded: None,
            last_id,
            own_gil,
            gil_taken: false,
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
        match call {
            Call::InterpreterGet => {
                let state = self.current[thread]
                    .ok_or(End::Fatal("PyInterpreterState_Get: the function must"))?;
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

    /// In whose storage the GIL of a thread state lies.
    pub(super) fn gil_of(&self, state: State) -> Home {
        let home = self.home(state);
        if self.homes[home.0].own_gil {
            home
        } else {
            MAIN
        }
    }

    /// §PENDING M5.
    pub(super) fn runs_calls(&self, thread: usize, state: State) -> bool {
        let anywhere = self.wrong(Mistake::CallsRunAnywhere);
        thread == self.main_thread && (anywhere || self.home(state) == MAIN)
    }

    pub(super) fn next_interpreter(&self, of: Option<State>) -> Step<Reply> {
        let home = self.home_for(of)?;
        let place = self.listed.iter().position(|listed| *listed == home);
        let next = place.and_then(|place| self.listed.get(place + 1));
        Ok(Reply::Interpreter(next.copied()))
    }

    /// §NEWINT W1 to W13.
    pub(super) fn new_interpreter(&mut self, thread: usize, own: bool) -> Step<Reply> {
        if !self.initialized {
            let fatal = End::Fatal("new_interpreter: Py_Initialize must be called first");
            return if own {
                Ok(Reply::State(None))
            } else {
                Err(fatal)
            };
        }
        if self.listed.len() > SUBS_MAX {
            return Err(End::Undefined);
        }
        self.check_enabled = self.wrong(Mistake::CheckStaysOn);
        let home = Home(self.homes.len());
        let own_gil = own && !self.wrong(Mistake::OneGil);
        self.homes.push(Interpreter::new(0, own_gil));
        let at_tail = self.wrong(Mistake::InterpretersAtTail);
        let place = if at_tail { self.listed.len() } else { 0 };
        self.listed.insert(place, home);
        if let Some(current) = self.current[thread] {
            self.detach(thread, Some(current))?;
        }
        let made = self.create(thread, home)?;
        self.attach(thread, made)?;
        if !self.wrong(Mistake::NoVisit) {
            self.visit_main(thread, made)?;
        }
        Ok(Reply::State(Some(made)))
    }

    /// Extension modules begin in the main interpreter.
    fn visit_main(&mut self, thread: usize, from: State) -> Step<()> {
        let visitor = self.create(thread, MAIN)?;
        self.swap(thread, Some(visitor))?;
        self.states[visitor.0].cleared = true;
        self.swap(thread, Some(from))?;
        self.unlink_and_free(thread, visitor)
    }

    /// §ENDINT Z1 to Z11.
    pub(super) fn end_interpreter(&mut self, thread: usize, state: Option<State>) -> Step<()> {
        let state = state.ok_or(NO_THREAD_STATE)?;
        let state = self.live(Some(state))?;
        if self.current[thread] != Some(state) {
            return Err(End::Fatal("Py_EndInterpreter: thread is not current"));
        }
        if self.home(state) == MAIN {
            // Accepted, and the runtime is broken.
            return Err(End::Undefined);
        }
        self.states[state.0].calls_to_do = false;
        if !self.wrong(Mistake::EndForgetsOthers) {
            self.cut_off_others(state);
        }
        let home = self.home(state);
        self.detach(thread, Some(state))?;
        self.unlink_and_free(thread, state)?;
        self.listed.retain(|listed| *listed != home);
        if let Some(left) = self.homes[home.0].embedded.take() {
            self.states[left.0].freed = true;
        }
        Ok(())
    }

    /// §FINAL F10 to F13: the list is this one's alone, the others are marked and given up.
    pub(super) fn cut_off_others(&mut self, finalizer: State) {
        let home = self.home(finalizer);
        for other in std::mem::take(&mut self.homes[home.0].list) {
            if other != finalizer {
                let fields = &mut self.states[other.0];
                (fields.shut_down, fields.cleared) = (true, true);
                fields.references -= 1;
            }
        }
        self.homes[home.0].list.push(finalizer);
    }

    /// §FINAL F7.
    pub(super) fn end_all_but_main(&mut self, thread: usize, finalizer: State) -> Step<()> {
        if self.listed.len() < 2 {
            return Ok(());
        }
        self.detach(thread, Some(finalizer))?;
        while let Some(newest) = self.listed.iter().copied().find(|home| *home != MAIN) {
            let made = self.create(thread, newest)?;
            self.attach(thread, made)?;
            self.end_interpreter(thread, Some(made))?;
        }
        self.attach(thread, finalizer)
    }
}
