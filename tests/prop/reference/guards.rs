//! The reference's guards, and the Ensure that goes with them: 3.15, §GUARD.

use super::{
    Call, End, Guard, Home, Mistake, NO_THREAD_STATE, Reference, Reply, State, Step, Token,
};

impl Reference {
    /// Calls about guards and what they are for.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are answered where calls come in"
    )]
    pub(super) fn call_of_guards(&mut self, thread: usize, call: Call) -> Step<Reply> {
        match call {
            Call::GuardOfCurrent => {
                let current = self.current(thread).ok_or(NO_THREAD_STATE)?;
                let home = self.home(self.live(Some(current))?);
                Ok(Reply::Guard(Some(self.open(home))))
            }
            Call::GuardClose(guard) => {
                self.close(guard)?;
                Ok(Reply::Nothing)
            }
            Call::ThreadEnsure(guard) => {
                let home = self.guarded(guard)?;
                self.thread_ensure(thread, home).map(Reply::Token)
            }
            Call::ThreadEnsureFromView => self.ensure_from_view(thread).map(Reply::Token),
            Call::ThreadRelease(token) => {
                self.thread_release(thread, token)?;
                Ok(Reply::Nothing)
            }
            _ => Err(End::Undefined),
        }
    }

    fn open(&mut self, home: Home) -> Guard {
        self.guards.push(Some(home));
        Guard(self.guards.len() - 1)
    }

    /// Whose a guard is; for one that is closed nothing is promised.
    fn guarded(&self, guard: Option<Guard>) -> Step<Home> {
        let guard = guard.ok_or(End::Undefined)?;
        self.guards[guard.0].ok_or(End::Undefined)
    }

    fn close(&mut self, guard: Option<Guard>) -> Step<()> {
        self.guarded(guard)?;
        if let Some(guard) = guard {
            self.guards[guard.0] = None;
        }
        Ok(())
    }

    /// §FINAL J6: nobody else runs, so nobody closes one.
    pub(super) fn wait_for_guards(&self, home: Home) -> Step<()> {
        if self.guards.contains(&Some(home)) && !self.wrong(Mistake::GuardsAreIgnored) {
            return Err(End::Blocks);
        }
        Ok(())
    }

    fn thread_ensure(&mut self, thread: usize, home: Home) -> Step<Token> {
        let current = self.current(thread);
        if let Some(current) = current {
            self.live(Some(current))?;
            if self.home(current) == home {
                self.states[current.0].ensured += 1;
                return Ok(Token::State(current));
            }
        }
        let slot = self.slot(thread);
        if let Some(slot) = slot.filter(|_| !self.wrong(Mistake::EnsureLooksAtNoSlot)) {
            self.live(Some(slot))?;
            if self.home(slot) == home {
                self.states[slot.0].ensured += 1;
                self.attach(thread, slot)?;
                return Ok(Token::NoState);
            }
        }
        let made = self.create(thread, home)?;
        self.states[made.0].ensured = 1;
        self.states[made.0].made_to_ensure = true;
        self.swap(thread, Some(made))?;
        Ok(current.map_or(Token::NoState, Token::State))
    }

    fn ensure_from_view(&mut self, thread: usize) -> Step<Token> {
        if self.head_held {
            return Err(End::Blocks);
        }
        let Some(main) = self.main() else {
            return Ok(Token::Null);
        };
        let guard = self.open(main);
        let token = self.thread_ensure(thread, main)?;
        let current = self.current(thread).ok_or(NO_THREAD_STATE)?;
        if self.states[current.0].owned_guard.is_some() {
            self.close(Some(guard))?;
        } else {
            self.states[current.0].owned_guard = Some(guard);
        }
        Ok(token)
    }

    fn thread_release(&mut self, thread: usize, token: Token) -> Step<()> {
        let none = End::Fatal("PyThreadState_Release: the function must");
        let state = self.current(thread).ok_or(none)?;
        self.live(Some(state))?;
        self.states[state.0].ensured -= 1;
        let left = self.states[state.0].ensured;
        if left < 0 {
            return Err(End::Fatal(
                "PyThreadState_Release() called more times than PyThreadState_Ensure()",
            ));
        }
        let before = match token {
            Token::State(before) if !self.wrong(Mistake::TokenIsForgotten) => Some(before),
            Token::State(_) | Token::NoState | Token::Null => None,
        };
        if left > 0 {
            return if token == Token::NoState {
                self.swap(thread, None).map(drop)
            } else {
                Ok(())
            };
        }
        self.release_last(thread, state, before)
    }

    fn release_last(&mut self, thread: usize, state: State, before: Option<State>) -> Step<()> {
        let deletes = self.states[state.0].made_to_ensure;
        let owned = self.states[state.0].owned_guard.take();
        if deletes {
            self.cleared(state);
        }
        self.swap(thread, before)?;
        if deletes && !self.wrong(Mistake::EnsuredStateStays) {
            self.delete(thread, Some(state))?;
        }
        if owned.is_some() && !self.wrong(Mistake::OwnedGuardStays) {
            self.close(owned)?;
        }
        Ok(())
    }
}
