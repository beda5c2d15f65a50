//! The reference's pending calls.

use super::interpreters::MAIN;
use super::{CRASH, End, Function, Home, Mistake, Reference, Rule, State, Step};

/// Calls of one round, and places of the queue (contract 1.6).
const CAPACITY: usize = 32;

impl Reference {
    /// With whom the calls of an interpreter's threads are queued.
    fn queue_of(&self, home: Home) -> Home {
        if self.is(Rule::QueueOfInterpreter) {
            home
        } else {
            MAIN
        }
    }

    /// Whose word says that threads of an interpreter look up, up to 3.12: there is one in 3.8.
    fn word_of(&self, home: Home) -> Home {
        if self.is(Rule::WordIsComputed) {
            home
        } else {
            MAIN
        }
    }

    /// §PENDING M5, V21.
    fn runs_calls(&self, thread: usize, home: Home) -> bool {
        thread == self.main_thread && (self.is(Rule::CallsRunAnywhere) || home == MAIN)
    }

    /// §GIL T12: who takes the GIL sees what there is to do.
    pub(super) fn notice_calls(&mut self, thread: usize, state: State) {
        if self.wrong(Mistake::AttachForgetsCalls) {
            return;
        }
        let home = self.home(state);
        if self.is(Rule::BitOfThreadState) {
            if thread == self.main_thread && !self.homes[MAIN.0].queue.is_empty() {
                self.states[state.0].calls_to_do = true;
            }
        } else if self.is(Rule::WordIsComputed) {
            self.compute(thread, home);
        }
    }

    /// The word, as this thread sees it (R15).
    fn compute(&mut self, thread: usize, home: Home) {
        let asked = self.homes[self.queue_of(home).0].calls_to_do;
        let computed = self.is(Rule::WordIsComputed);
        let looks_up = asked && (!computed || self.runs_calls(thread, home));
        let word = self.word_of(home);
        self.homes[word.0].looks_up = looks_up;
    }

    /// Q4 up to 3.12.
    fn ask(&mut self, thread: usize, home: Home) {
        let queue = self.queue_of(home);
        self.homes[queue.0].calls_to_do = true;
        if self.is(Rule::WordIsComputed) {
            self.compute(thread, home);
        } else {
            let word = self.word_of(home);
            self.homes[word.0].looks_up = true;
        }
    }

    /// §PENDING Q1 to Q4; the bit is set on the storage of the first thread state, whoever is in it.
    pub(super) fn add_pending(&mut self, thread: usize, function: Function) -> Step<i64> {
        let is_over = self.is(Rule::AddAfterTheEndCrashes) && self.main().is_none();
        if self.main_state.is_none() || is_over {
            return Err(CRASH);
        }
        if self.refusing {
            return Ok(-1);
        }
        let home = self.home_to_add_to(thread)?;
        let queue = self.queue_of(home);
        let wasted = usize::from(self.is(Rule::OnePlaceIsWasted));
        let full = self.homes[queue.0].queue.len() >= CAPACITY - wasted;
        if !full {
            self.homes[queue.0].queue.push(function);
            self.owed.push(function);
        }
        if full && self.wrong(Mistake::FullQueueIsSilent) {
            return Ok(-1);
        }
        if !self.is(Rule::BitOfThreadState) {
            self.ask(thread, home);
        } else if let Some(embedded) = self.homes[MAIN.0].embedded {
            self.states[embedded.0].calls_to_do = true;
        }
        Ok(if full { -1 } else { 0 })
    }

    /// V20: 3.9 to 3.11 the interpreter of the caller's thread state, attached or not.
    fn home_to_add_to(&self, thread: usize) -> Step<Home> {
        let state = self.current(thread).or(self.slot(thread));
        match state.filter(|_| self.is(Rule::QueueOfInterpreter)) {
            None => Ok(MAIN),
            Some(state) => {
                let home = self.home(self.live(Some(state))?);
                let exists = self.exists(home);
                exists.then_some(home).ok_or(End::Undefined)
            }
        }
    }

    /// One bytecode boundary.
    pub(super) fn eval(&mut self, thread: usize) -> Step<i64> {
        let state = self.running(thread)?;
        let home = self.home(state);
        let asked = if self.is(Rule::BitOfThreadState) {
            self.states[state.0].calls_to_do
        } else {
            self.homes[self.word_of(home).0].looks_up
                && self.homes[self.queue_of(home).0].calls_to_do
        };
        if asked {
            self.make_pending(thread, state)
        } else {
            Ok(0)
        }
    }

    /// `Py_MakePendingCalls`.
    pub(super) fn make_public(&mut self, thread: usize, state: State) -> Step<i64> {
        if !self.runs_calls(thread, self.home(state)) {
            return Ok(0);
        }
        self.make_pending(thread, state)
    }

    /// §PENDING M1 to M6.
    pub(super) fn make_pending(&mut self, thread: usize, state: State) -> Step<i64> {
        let home = self.home(state);
        let by_bit = self.is(Rule::BitOfThreadState);
        if let Some(handling) = self.handling {
            if by_bit {
                self.states[handling.0].calls_to_do = true;
                self.states[state.0].calls_to_do = false;
            }
            return Ok(0);
        }
        if !by_bit && !self.runs_calls(thread, home) {
            return Ok(0);
        }
        self.handling = Some(state);
        let queue = self.queue_of(home);
        if by_bit {
            self.states[state.0].calls_to_do = false;
        } else {
            self.homes[queue.0].calls_to_do = false;
            self.compute(thread, home);
        }
        let (result, more) = self.make_round(thread, home)?;
        self.handling = None;
        if by_bit && (result != 0 || more) {
            self.states[state.0].calls_to_do = true;
        } else if result != 0 {
            self.ask(thread, home);
        }
        Ok(result)
    }

    /// M3, M4: what the last call said, and whether there seems to be more. That goes by the count that was read with the
    /// last pop: what the last call of a full pass adds is not seen.
    fn make_round(&mut self, thread: usize, home: Home) -> Step<(i64, bool)> {
        let queue = self.queue_of(home);
        let mut more = false;
        for _ in 0..CAPACITY {
            let calls = &mut self.homes[queue.0].queue;
            if calls.is_empty() || !self.runs_calls(thread, home) {
                return Ok((0, false));
            }
            let calls = &mut self.homes[queue.0].queue;
            let last = calls.len() - 1;
            let lifo = self.mistake == Some(Mistake::LastInFirstOut);
            let function = calls.remove(if lifo { last } else { 0 });
            more = last > 0;
            let result = self.run(thread, function)?;
            if result != 0 && !self.wrong(Mistake::RaisingGoesOn) {
                return Ok((result, more));
            }
        }
        Ok((0, more))
    }

    fn run(&mut self, thread: usize, function: Function) -> Step<i64> {
        self.ran.push(function);
        let of_the_parent = self.inherited.iter().position(|left| *left == function);
        let left = match of_the_parent {
            Some(place) => (&mut self.inherited, place),
            None => {
                let place = self.owed.iter().position(|left| *left == function);
                (&mut self.owed, place.expect("it was accepted"))
            }
        };
        left.0.remove(left.1);
        match function {
            Function::Plain | Function::Other => Ok(0),
            Function::Raises => Ok(-1),
            Function::Adds => self.add_pending(thread, Function::Plain).map(|_| 0),
            Function::Evals => self.eval(thread).map(|_| 0),
        }
    }

    /// §PENDING Finish: up to 3.12 one round, of which 3.8 takes no more calls.
    pub(super) fn finish_pending(&mut self, thread: usize, finalizer: State) -> Step<()> {
        self.refusing = self.is(Rule::FinishRefuses);
        loop {
            self.make_pending(thread, finalizer)?;
            let goes_on = self.is(Rule::FinishGoesOn) && self.runs_calls(thread, MAIN);
            if !goes_on || self.homes[self.queue_of(MAIN).0].queue.is_empty() {
                return Ok(());
            }
        }
    }
}
