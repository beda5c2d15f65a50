//! The reference's pending calls.

use super::interpreters::MAIN;
use super::{CRASH, End, Function, Home, Mistake, Reference, Rule, State, Step, Tool, Which};

/// Calls of one round, and places of the queue (contract 1.6).
const CAPACITY: usize = 32;
/// The same of an interpreter's own queue, since 3.13.
const OWN_CAPACITY: usize = 300;
const OWN_ROUND: usize = 100;

/// Rounds of finalization after which it never ends: it takes a few to empty queues that nobody fills.
const ROUNDS_MAX: usize = 40;

impl Reference {
    /// With whom the calls of an interpreter's threads are queued.
    pub(super) fn queue_of(&self, home: Home) -> Home {
        if self.is(Rule::QueueOfInterpreter) {
            home
        } else {
            MAIN
        }
    }

    /// §PENDING M5, V21.
    pub(super) fn runs_calls(&self, thread: usize, home: Home) -> bool {
        thread == self.main_thread && (self.is(Rule::CallsRunAnywhere) || home == MAIN)
    }

    /// Since 3.12: who runs calls of the interpreter's own queue.
    fn runs_own(&self, thread: usize) -> bool {
        let wrong = self.wrong(Mistake::OwnCallsOfMainThread);
        self.is(Rule::OwnQueues) && (!wrong || thread == self.main_thread)
    }

    /// Q4 up to 3.12.
    fn ask(&mut self, thread: usize, home: Home, own: bool) {
        if own {
            self.homes[home.0].own_to_do = true;
        } else {
            let queue = self.queue_of(home);
            self.homes[queue.0].calls_to_do = true;
        }
        if self.is(Rule::WordIsComputed) {
            self.compute(thread, home);
        } else {
            let word = self.word_of(home);
            self.homes[word.0].looks_up = true;
        }
    }

    /// Up to 3.12, whether a check point finds calls to do.
    pub(super) fn calls_asked(&self, thread: usize, home: Home) -> bool {
        if !self.is(Rule::OwnQueues) {
            return self.homes[self.queue_of(home).0].calls_to_do;
        }
        let of_main = self.runs_calls(thread, home) && self.homes[MAIN.0].calls_to_do;
        of_main || self.homes[home.0].own_to_do
    }

    /// §PENDING Q1 to Q4.
    pub(super) fn add_pending(&mut self, thread: usize, function: Function) -> Step<i64> {
        let is_over = self.is(Rule::AddAfterTheEndCrashes) && self.main().is_none();
        if self.main_state.is_none() || is_over {
            return Err(CRASH);
        }
        if self.refusing {
            return Ok(-1);
        }
        let home = self.home_to_add_to(thread)?;
        Ok(self.queue_call(thread, home, function))
    }

    /// Q2 to Q4; the bit is set on the storage of the first thread state, whoever is in it.
    fn queue_call(&mut self, thread: usize, home: Home, function: Function) -> i64 {
        let queue = self.queue_of(home);
        let wasted = usize::from(self.is(Rule::OnePlaceIsWasted));
        let full = self.homes[queue.0].queue.len() >= CAPACITY - wasted;
        if !full {
            self.homes[queue.0].queue.push(function);
            self.owed.push(function);
        }
        if full && self.wrong(Mistake::FullQueueIsSilent) {
            return -1;
        }
        if !self.is(Rule::BitOfThreadState) {
            self.ask(thread, home, false);
        } else if let Some(embedded) = self.homes[MAIN.0].embedded {
            self.states[embedded.0].calls_to_do = true;
        }
        if full { -1 } else { 0 }
    }

    /// One call inside the other: what the last one says.
    pub(super) fn add_own_often(
        &mut self,
        thread: usize,
        of: Option<State>,
        function: Function,
        flags: u8,
        times: u8,
    ) -> Step<i64> {
        let mut result = 0;
        for _ in 0..times {
            result = self.add_own(thread, of, function, flags)?;
        }
        Ok(result)
    }

    /// `_PyEval_AddPendingCall`, since 3.9. The main thread's queue goes with the main interpreter only.
    fn add_own(
        &mut self,
        thread: usize,
        of: Option<State>,
        function: Function,
        flags: u8,
    ) -> Step<i64> {
        if of.is_none() {
            self.may_walk(thread)?;
        }
        let mut home = self.home_for(of)?;
        if !self.is(Rule::OwnQueues) {
            return Ok(self.queue_call(thread, home, function));
        }
        let of_main = if self.is(Rule::FlagsAreBits) {
            flags % 2 == 1
        } else {
            flags != 0
        };
        if of_main {
            let is_main = home == MAIN;
            return is_main
                .then(|| self.queue_call(thread, home, function))
                .ok_or(End::Undefined);
        }
        if self.wrong(Mistake::OwnGoesToMain) {
            home = MAIN;
        }
        let capacity = if self.is(Rule::OwnQueueIsLong) {
            OWN_CAPACITY
        } else {
            CAPACITY - 1
        };
        let full = self.homes[home.0].own.len() >= capacity;
        if !full {
            self.homes[home.0].own.push(function);
            self.owed.push(function);
        }
        if self.is(Rule::BitOfThreadState) {
            self.tell_holder(home)?;
        } else {
            self.ask(thread, home, true);
        }
        Ok(if full { -1 } else { 0 })
    }

    /// Q4 since 3.13: who holds the GIL is told, if it is of that interpreter; anybody else finds the call with the GIL.
    fn tell_holder(&mut self, home: Home) -> Step<()> {
        let gil = if self.homes[home.0].own_gil {
            home
        } else {
            MAIN
        };
        let holder = self.homes[gil.0]
            .gil
            .and_then(|thread| self.current(thread));
        let Some(holder) = holder else {
            return Ok(());
        };
        let holder = self.live(Some(holder))?;
        if self.home(holder) == home && !self.wrong(Mistake::HolderIsNotTold) {
            self.states[holder.0].calls_to_do = true;
        }
        Ok(())
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

    /// `Py_MakePendingCalls`.
    pub(super) fn make_public(&mut self, thread: usize, state: State) -> Step<i64> {
        if !self.runs_calls(thread, self.home(state)) {
            return Ok(0);
        }
        let alone = self.wrong(Mistake::CallsComeAlone);
        if !alone && self.handle_signals(thread, state)? != 0 {
            return Ok(-1);
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
        let runs_main = self.runs_calls(thread, home);
        if !runs_main && !self.is(Rule::OwnQueues) {
            return Ok(0);
        }
        self.handling = Some(state);
        if by_bit {
            self.states[state.0].calls_to_do = false;
        } else {
            if runs_main {
                let queue = self.queue_of(home);
                self.homes[queue.0].calls_to_do = false;
            }
            self.homes[home.0].own_to_do = false;
            self.compute(thread, home);
        }
        let mut passes = vec![true, false];
        if self.wrong(Mistake::MainComesFirst) {
            passes.reverse();
        }
        let mut result = 0;
        for own in passes {
            let runs = if own {
                self.runs_own(thread)
            } else {
                runs_main
            };
            if !runs || result != 0 {
                continue;
            }
            let (last, more) = self.make_round(thread, home, own)?;
            result = last;
            if by_bit {
                self.states[state.0].calls_to_do |= result != 0 || more;
            } else if result != 0 {
                self.ask(thread, home, own);
            }
        }
        self.handling = None;
        Ok(result)
    }

    fn calls(&mut self, home: Home, own: bool) -> &mut Vec<Function> {
        if own {
            return &mut self.homes[home.0].own;
        }
        let queue = self.queue_of(home);
        &mut self.homes[queue.0].queue
    }

    /// M3, M4: what the last call said, and whether there seems to be more. That goes by the count that was read with the
    /// last pop: what the last call of a full pass adds is not seen.
    fn make_round(&mut self, thread: usize, home: Home, own: bool) -> Step<(i64, bool)> {
        let round = if own && self.is(Rule::OwnQueueIsLong) {
            OWN_ROUND
        } else {
            CAPACITY
        };
        let mut more = false;
        for _ in 0..round {
            let lifo = self.wrong(Mistake::LastInFirstOut);
            let calls = self.calls(home, own);
            if calls.is_empty() {
                return Ok((0, false));
            }
            let last = calls.len() - 1;
            let function = calls.remove(if lifo { last } else { 0 });
            more = last > 0;
            let result = self.run(thread, function)?;
            if result != 0 && !self.wrong(Mistake::RaisingGoesOn) {
                return Ok((result, more));
            }
        }
        Ok((0, more))
    }

    /// A call that was accepted.
    fn run(&mut self, thread: usize, function: Function) -> Step<i64> {
        let of_the_parent = self.inherited.iter().position(|left| *left == function);
        let left = match of_the_parent {
            Some(place) => (&mut self.inherited, place),
            None => {
                let place = self.owed.iter().position(|left| *left == function);
                (&mut self.owed, place.expect("it was accepted"))
            }
        };
        left.0.remove(left.1);
        self.do_body(thread, function)
    }

    /// What a function does, whoever calls it.
    pub(super) fn do_body(&mut self, thread: usize, function: Function) -> Step<i64> {
        self.ran.push(function.name());
        match function {
            Function::Plain | Function::Other | Function::Heard => Ok(0),
            Function::Raises | Function::Refuses => Ok(-1),
            Function::Adds => self.add_pending(thread, Function::Plain).map(|_| 0),
            Function::Again => self.add_pending(thread, Function::Again).map(|_| 0),
            Function::AddsOwn => self.add_own(thread, None, Function::Plain, 0).map(|_| 0),
            Function::Evals => self.eval(thread).map(|_| 0),
            Function::SetsTrace => {
                self.set_tracer(thread, Which::Trace, Some(Tool::Traces), false)?;
                Ok(0)
            }
        }
    }

    /// What was queued between two lives belongs to none.
    pub(super) fn forget_calls(&mut self) {
        if !self.wrong(Mistake::QueueSurvives) {
            self.homes[MAIN.0].queue.clear();
        }
    }

    /// §PENDING Finish: up to 3.12 one round.
    pub(super) fn finish_pending(&mut self, thread: usize, finalizer: State) -> Step<()> {
        let home = self.home(finalizer);
        for _ in 0..ROUNDS_MAX {
            self.make_pending(thread, finalizer)?;
            let of_main = self.runs_calls(thread, home) && !self.calls(home, false).is_empty();
            let leaves_own = self.wrong(Mistake::FinishLeavesOwnCalls);
            let own = !self.homes[home.0].own.is_empty() && !leaves_own;
            if !self.is(Rule::FinishGoesOn) || !(of_main || own) {
                return Ok(());
            }
        }
        Err(End::Spins)
    }
}
