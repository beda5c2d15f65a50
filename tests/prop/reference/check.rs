//! The reference's check point, and what makes a thread look up besides calls: signals and exceptions.
//!
//! §CHECK, §ASYNC. Since 3.13 each of the three is a bit of a thread state; before, a flag of the interpreter or of the
//! process, and one word that says whether to look at the flags at all.

use super::interpreters::MAIN;
use super::{Call, End, Function, Home, Mistake, Reference, Reply, Rule, State, Step};

/// The one signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Signals {
    /// Python's C handler is there.
    pub(super) noted: bool,
    /// The program's handler; without one an exception is raised.
    handler: Option<Function>,
    /// It came, and no check has found it.
    tripped: bool,
    /// How often it came; counts only by mistake.
    times: u8,
    /// A check is to look.
    is_tripped: bool,
    /// Who should have handled it.
    pub(super) unheard: Option<Function>,
}

impl Signals {
    /// §INIT I9: Python's C handler, and its own.
    pub(super) fn install(&mut self) {
        (self.noted, self.handler) = (true, None);
    }
}

impl Reference {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are answered where calls come in"
    )]
    pub(super) fn call_of_checks(&mut self, thread: usize, call: Call) -> Step<Reply> {
        match call {
            Call::SetAsync(target, raises) => {
                self.set_async(thread, target, raises).map(Reply::Number)
            }
            Call::AtSignal(function) => self.at_signal(thread, function).map(Reply::Number),
            Call::CheckSignals => self.check_signals(thread).map(Reply::Number),
            Call::Signal => {
                self.signal(thread)?;
                Ok(Reply::Silent)
            }
            _ => Err(End::Undefined),
        }
    }

    /// Whose word says that threads of an interpreter look up, up to 3.12: there is one in 3.8.
    pub(super) fn word_of(&self, home: Home) -> Home {
        if self.is(Rule::WordIsComputed) {
            home
        } else {
            MAIN
        }
    }

    /// The word, as this thread sees it (R15).
    pub(super) fn compute(&mut self, thread: usize, home: Home) {
        let any = !self.is(Rule::WordIsComputed);
        let queue = self.queue_of(home);
        let calls = self.homes[queue.0].calls_to_do && (any || self.runs_calls(thread, home));
        let own = self.is(Rule::OwnQueues) && self.homes[home.0].own_to_do;
        let signals = self.signal_pending && (any || self.handles_signals(thread, home));
        let word = self.word_of(home);
        let raises = self.homes[word.0].raises;
        self.homes[word.0].looks_up = calls || own || signals || raises;
    }

    /// §CHECK E2, E3, E8: one bytecode boundary.
    pub(super) fn check_point(&mut self, thread: usize) -> Step<i64> {
        let state = self.running(thread)?;
        let home = self.home(state);
        let by_bit = self.is(Rule::BitOfThreadState);
        let fields = &self.states[state.0];
        let (signalled, calls, told) = (fields.signalled, fields.calls_to_do, fields.told);
        if !by_bit && !self.homes[self.word_of(home).0].looks_up {
            return Ok(0);
        }
        let asked = if by_bit {
            signalled
        } else {
            self.signal_pending
        };
        if asked && self.handle_signals(thread, state)? != 0 {
            return Ok(-1);
        }
        let asked = if by_bit {
            calls
        } else {
            self.calls_asked(thread, home)
        };
        if asked && self.make_pending(thread, state)? != 0 {
            return Ok(-1);
        }
        self.live(Some(state))?;
        let raises = (told || !by_bit) && self.raise(thread, state);
        Ok(if raises { -1 } else { 0 })
    }

    /// E8: whether there was an exception.
    fn raise(&mut self, thread: usize, state: State) -> bool {
        let home = self.home(state);
        let raises = self.states[state.0].exception;
        if self.is(Rule::BitOfThreadState) {
            self.states[state.0].told = self.wrong(Mistake::RaisesTwice);
        } else if raises {
            let word = self.word_of(home);
            self.homes[word.0].raises = false;
            self.compute(thread, home);
        }
        self.states[state.0].exception &= self.wrong(Mistake::RaisesTwice);
        raises
    }

    /// §ASYNC X1 to X4.
    fn set_async(&mut self, thread: usize, target: usize, raises: bool) -> Step<i64> {
        let home = self.home(self.running(thread)?);
        if self.head_held {
            return Err(End::Blocks);
        }
        let homes = if self.wrong(Mistake::RaisesAnywhere) {
            self.listed.clone()
        } else {
            vec![home]
        };
        let mut all: Vec<State> = homes
            .iter()
            .flat_map(|home| self.homes[home.0].list.iter().copied())
            .filter(|state| self.states[state.0].thread == target)
            .collect();
        if self.wrong(Mistake::OldestRaises) {
            all.reverse();
        }
        let Some(found) = all.first().copied() else {
            return Ok(0);
        };
        let stays = self.wrong(Mistake::NullTakesNothingBack) && !raises;
        let fields = &mut self.states[found.0];
        if !stays {
            fields.exception = raises;
        }
        if self.is(Rule::BitOfThreadState) {
            self.states[found.0].told = true;
        } else {
            self.tell_of_exception(home);
        }
        Ok(1)
    }

    fn tell_of_exception(&mut self, home: Home) {
        let word = self.word_of(home);
        self.homes[word.0].raises = true;
        self.homes[word.0].looks_up = true;
    }

    /// §GIL T12: who takes the GIL sees what there is to do.
    pub(super) fn notice(&mut self, thread: usize, state: State) {
        let home = self.home(state);
        let forgets = self.wrong(Mistake::AttachForgetsCalls);
        if self.is(Rule::BitOfThreadState) {
            let of_main = thread == self.main_thread && !self.homes[MAIN.0].queue.is_empty();
            let forgets_own = self.wrong(Mistake::AttachForgetsOwnCalls);
            let own = !self.homes[home.0].own.is_empty() && !forgets_own;
            self.states[state.0].calls_to_do |= (of_main || own) && !forgets;
            return;
        }
        if self.is(Rule::WordIsComputed) && !forgets {
            self.compute(thread, home);
        }
        let forgets = self.wrong(Mistake::AttachForgetsException);
        if self.states[state.0].exception && !forgets {
            self.tell_of_exception(home);
        }
    }

    /// Python's handlers are the main thread's, in the main interpreter.
    fn handles_signals(&self, thread: usize, home: Home) -> bool {
        let main_thread = thread == self.main_thread || self.wrong(Mistake::AnyThreadHandles);
        main_thread && (home == MAIN || self.wrong(Mistake::AnyInterpreterHandles))
    }

    /// What Python's C handler does.
    fn signal(&mut self, thread: usize) -> Step<()> {
        if !self.signals.noted {
            return Err(End::Killed);
        }
        let signals = &mut self.signals;
        if signals.handler.is_some() {
            signals.unheard = signals.handler;
        }
        signals.tripped = true;
        signals.is_tripped = true;
        signals.times += 1;
        if !self.is(Rule::BitOfThreadState) {
            self.tell_of_signal(thread);
        } else if let Some(first) = self.homes[MAIN.0].embedded {
            self.states[first.0].signalled = true;
        }
        Ok(())
    }

    /// Up to 3.12.
    fn tell_of_signal(&mut self, thread: usize) {
        self.signal_pending = true;
        if self.is(Rule::WordIsComputed) {
            self.compute(thread, MAIN);
        } else {
            self.homes[MAIN.0].looks_up = true;
        }
    }

    /// E2: what asked is forgotten, then the check is made.
    pub(super) fn handle_signals(&mut self, thread: usize, state: State) -> Step<i64> {
        let home = self.home(state);
        let by_bit = self.is(Rule::BitOfThreadState);
        if by_bit {
            self.states[state.0].signalled = false;
        }
        if !self.handles_signals(thread, home) {
            return Ok(0);
        }
        if !by_bit {
            self.signal_pending = false;
            self.compute(thread, home);
        }
        let result = self.hear(thread)?;
        if result != 0 && !self.wrong(Mistake::RaisingHandlerIsDone) {
            if by_bit {
                self.states[state.0].signalled = true;
            } else {
                self.tell_of_signal(thread);
            }
        }
        Ok(result)
    }

    /// The check itself.
    fn hear(&mut self, thread: usize) -> Step<i64> {
        let signals = &mut self.signals;
        let (looks, came) = (signals.is_tripped, signals.tripped);
        if !(looks && came) {
            signals.is_tripped = false;
            return Ok(0);
        }
        let times = std::mem::take(&mut signals.times);
        (signals.is_tripped, signals.tripped, signals.unheard) = (false, false, None);
        let Some(handler) = signals.handler else {
            self.signals.is_tripped = true;
            return Ok(-1);
        };
        let often = if self.wrong(Mistake::SignalsAddUp) {
            times
        } else {
            1
        };
        for _ in 0..often {
            let result = self.do_body(thread, handler)?;
            if result != 0 {
                self.signals.is_tripped = true;
                return Ok(result);
            }
        }
        Ok(0)
    }

    /// `signal.signal`: what came before is for who was there before.
    fn at_signal(&mut self, thread: usize, handler: Function) -> Step<i64> {
        let home = self.home(self.running(thread)?);
        if !self.handles_signals(thread, home) {
            return Ok(-1);
        }
        if !self.wrong(Mistake::SignalWaitsForTheNext) && self.hear(thread)? != 0 {
            return Ok(-1);
        }
        self.signals.handler = Some(handler);
        self.signals.noted = true;
        Ok(0)
    }

    fn check_signals(&mut self, thread: usize) -> Step<i64> {
        let state = self.running(thread)?;
        if self.handles_signals(thread, self.home(state)) && self.hear(thread)? != 0 {
            return Ok(-1);
        }
        self.live(Some(state))?;
        let looks = self.is(Rule::CheckRaisesExceptions) && self.states[state.0].told;
        Ok(if looks && self.raise(thread, state) {
            -1
        } else {
            0
        })
    }

    /// §FINAL F15: the signal is the system's again.
    pub(super) fn leave_signals(&mut self) {
        if self.wrong(Mistake::HandlerOutlives) {
            return;
        }
        let signals = &mut self.signals;
        (signals.noted, signals.tripped, signals.handler) = (false, false, None);
    }

    /// §FORK: what came before the fork is the parent's.
    pub(super) fn forget_signals(&mut self) {
        if self.wrong(Mistake::ChildHearsSignals) {
            return;
        }
        let signals = &mut self.signals;
        (signals.tripped, signals.is_tripped, signals.unheard) = (false, false, None);
    }
}
