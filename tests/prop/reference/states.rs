//! The reference's thread states: attached, detached, made, deleted, and found by GILState.

use super::hooks::OnState;
use super::interpreters::MAIN;
use super::{
    CRASH, Call, End, Fields, Home, Mistake, NO_THREAD_STATE, Reference, Reply, Rule, State, Step,
    USE_AFTER_FREE,
};

impl Reference {
    /// Calls about the current thread state and what is in one.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are answered where calls come in"
    )]
    pub(super) fn call_of_states(&mut self, thread: usize, call: Call) -> Step<Reply> {
        let none = |()| Reply::Nothing;
        let current = self.current(thread);
        match call {
            Call::Save => self.save(thread),
            Call::Restore(state) => {
                let (short, text) = (
                    "PyEval_RestoreThread: NULL tstate",
                    "PyEval_RestoreThread: the function must",
                );
                let state = state.ok_or(self.fatal(short, text))?;
                self.attach(thread, state).map(none)
            }
            Call::Acquire(state) => {
                let (short, text) = (
                    "PyEval_AcquireThread: NULL new thread state",
                    "PyEval_AcquireThread: the function must",
                );
                let state = state.ok_or(self.fatal(short, text))?;
                self.attach(thread, state).map(none)
            }
            Call::ReleaseThread(state) => self.release_thread(thread, state).map(none),
            Call::Get => {
                let (short, text) = (
                    "PyThreadState_Get: no current thread",
                    "PyThreadState_Get: the function must",
                );
                let state = current.ok_or(self.fatal(short, text))?;
                Ok(Reply::State(Some(state)))
            }
            Call::GetUnchecked => Ok(Reply::State(current)),
            Call::Swap(new) => self.swap(thread, new),
            Call::GetId(state) => {
                self.may_walk(thread)?;
                let state = self.live(state)?;
                Ok(Reply::Number(self.states[state.0].id as i64))
            }
            Call::GetInterpreter(state) => {
                let state = self.live(state)?;
                Ok(Reply::Interpreter(Some(self.home(state))))
            }
            Call::Next(state) => {
                self.may_walk(thread)?;
                self.next(state)
            }
            _ => Err(End::Undefined),
        }
    }

    fn save(&mut self, thread: usize) -> Step<Reply> {
        let Some(state) = self.current(thread) else {
            let (short, text) = (
                "PyEval_SaveThread: NULL tstate",
                "PyEval_SaveThread: the function must",
            );
            return Err(if self.is(Rule::SaveOfNoneIsFatal) {
                self.fatal(short, text)
            } else {
                NO_THREAD_STATE
            });
        };
        self.detach(thread, Some(state))?;
        Ok(Reply::State(Some(state)))
    }

    fn release_thread(&mut self, thread: usize, state: Option<State>) -> Step<()> {
        let is_another = state != self.current(thread);
        if !self.is(Rule::ReleaseOfAnotherIsFatal) {
            return if state.is_some() && is_another {
                Err(End::Undefined)
            } else {
                self.detach(thread, state)
            };
        }
        if state.is_none() {
            let (short, text) = (
                "PyEval_ReleaseThread: NULL thread state",
                "PyEval_ReleaseThread: the function must",
            );
            return Err(self.fatal(short, text));
        }
        if is_another {
            return Err(End::Fatal("PyEval_ReleaseThread: wrong thread state"));
        }
        self.detach(thread, state)
    }

    pub(super) fn set_current(&mut self, thread: usize, state: Option<State>) {
        self.current[if self.is(Rule::OneCurrent) { 0 } else { thread }] = state;
    }

    /// §ATTACH A2 to A7, §GIL T1 to T12.
    pub(super) fn attach(&mut self, thread: usize, state: State) -> Step<()> {
        let is_attached = self.current(thread).is_some();
        if is_attached && self.is(Rule::AttachTwiceIsFatal) {
            return Err(End::Fatal(
                "_PyThreadState_Attach: non-NULL old thread state",
            ));
        }
        let asks_first = !self.is(Rule::LateOnceItHasTheGil);
        if asks_first {
            self.ask_late(thread, state)?;
            self.live(Some(state))?;
        }
        let gil = self.gil_of(state);
        if self.homes[gil.0].gil.is_some() {
            return Err(End::Blocks);
        }
        if is_attached {
            // With another GIL than the one that it has.
            return Err(End::Undefined);
        }
        self.live(Some(state))?;
        if !asks_first {
            self.ask_late(thread, state)?;
        }
        self.homes[gil.0].gil = Some(thread);
        self.notice(thread, state);
        self.set_current(thread, Some(state));
        self.states[state.0].attached = true;
        let stays = self.wrong(Mistake::SlotStays) && self.slots[thread].is_some();
        let follows = self.is(Rule::SlotFollows) && !self.states[state.0].bound_gilstate;
        if follows && !stays {
            self.bind_slot(thread, state)?;
        }
        Ok(())
    }

    /// §GIL T1: whether finalization is done with a thread state.
    fn ask_late(&mut self, thread: usize, state: State) -> Step<()> {
        let end = if self.is(Rule::LateThreadExits) {
            End::Exit
        } else {
            End::Hang
        };
        if self.is(Rule::LateByFinalizer) {
            let exempt =
                self.is(Rule::FinalizingThreadIsExempt) && self.finalizing_thread == thread;
            let another = self.finalizer.is_some_and(|finalizer| finalizer != state);
            return if another && !exempt && !self.wrong(Mistake::LateThreadAttaches) {
                Err(end)
            } else {
                Ok(())
            };
        }
        self.live(Some(state))?;
        if self.states[state.0].shut_down && !self.wrong(Mistake::LateThreadAttaches) {
            self.states[state.0].references -= 1;
            self.states[state.0].freed = self.states[state.0].references == 0;
            return Err(end);
        }
        Ok(())
    }

    /// §ATTACH A6.
    fn bind_slot(&mut self, thread: usize, state: State) -> Step<()> {
        if let Some(before) = self.slots[thread] {
            let before = self.live(Some(before))?;
            self.states[before.0].bound_gilstate = false;
        }
        self.slots[thread] = Some(state);
        self.states[state.0].bound_gilstate = true;
        Ok(())
    }

    /// §ATTACH B3 to B6.
    pub(super) fn detach(&mut self, thread: usize, state: Option<State>) -> Step<()> {
        let state = state.ok_or(NO_THREAD_STATE)?;
        self.must_hold(thread)?;
        self.live(Some(state))?;
        self.states[state.0].attached = false;
        self.set_current(thread, None);
        let gil = self.gil_of(state);
        self.homes[gil.0].gil = None;
        Ok(())
    }

    pub(super) fn swap(&mut self, thread: usize, new: Option<State>) -> Step<Reply> {
        let old = self.current(thread);
        let wrong = self.wrong(Mistake::SwapReturnsNew);
        let returned = Ok(Reply::State(if wrong { new } else { old }));
        if self.is(Rule::SwapIsAPointer) {
            self.swap_pointer(thread, new)?;
            return returned;
        }
        if old.is_some() && old == new && self.wrong(Mistake::SwapToSelfWaits) {
            return Err(End::Blocks);
        }
        if old.is_some() {
            self.detach(thread, old)?;
        }
        if let Some(new) = new {
            self.attach(thread, new)?;
        }
        returned
    }

    /// Up to 3.11. Beside the holder of the GIL nobody knows what that does.
    pub(super) fn swap_pointer(&mut self, thread: usize, new: Option<State>) -> Step<()> {
        if (self.current(thread), new) == (None, None) {
            return Ok(());
        }
        self.must_hold(thread)?;
        if let Some(old) = self.current(thread) {
            self.states[old.0].attached = false;
        }
        if let Some(new) = new {
            self.states[new.0].attached = true;
        }
        self.set_current(thread, new);
        Ok(())
    }

    /// §TS new and bind.
    pub(super) fn create(&mut self, thread: usize, home: Home) -> Step<State> {
        let embeds = self.homes[home.0].embedded.is_none();
        if !embeds || self.is(Rule::EveryStateTakesMemory) {
            self.allocate();
        }
        if self.head_held {
            return Err(End::Blocks);
        }
        let state = State(self.states.len());
        let owner = &self.homes[home.0];
        if owner.list.is_empty() && owner.last_id > 0 && self.is(Rule::FirstStateOnce) {
            return Err(End::Fatal("thread state already initialized"));
        }
        let owner = &mut self.homes[home.0];
        owner.last_id += 1;
        let id = owner.last_id;
        if owner.embedded.is_none() {
            owner.embedded = Some(state);
        }
        let tail = owner.list.len();
        self.states.push(Fields {
            id,
            home,
            thread,
            counter: i32::from(!self.wrong(Mistake::NewCountsZero)),
            references: 2,
            attached: false,
            shut_down: false,
            cleared: false,
            bound_gilstate: false,
            calls_to_do: false,
            signalled: false,
            told: false,
            exception: false,
            tools: OnState::default(),
            ensured: 0,
            made_to_ensure: false,
            owned_guard: None,
            freed: false,
        });
        let at_tail = self.wrong(Mistake::TailInsertion);
        let place = if at_tail { tail } else { 0 };
        self.homes[home.0].list.insert(place, state);
        if self.slots[thread].is_none() {
            self.bind_slot(thread, state)?;
        }
        Ok(state)
    }

    fn next(&self, state: Option<State>) -> Step<Reply> {
        let state = self.live(state)?;
        // The links of what finalization took out of the list are nobody's promise.
        let list = &self.homes[self.home(state).0].list;
        let place = list.iter().position(|listed| *listed == state);
        let place = place.ok_or(End::Undefined)?;
        Ok(Reply::State(list.get(place + 1).copied()))
    }

    pub(super) fn clear(&mut self, thread: usize, state: Option<State>) -> Step<()> {
        self.current(thread).ok_or(NO_THREAD_STATE)?;
        self.must_hold(thread)?;
        let state = self.live(state)?;
        if !self.exists(self.home(state)) {
            return Err(USE_AFTER_FREE);
        }
        self.cleared(state);
        Ok(())
    }

    /// What a thread state loses when it is cleared, whoever does it.
    pub(super) fn cleared(&mut self, state: State) {
        let keeps = self.wrong(Mistake::ClearKeepsException);
        let keeps_tools = self.wrong(Mistake::ClearKeepsTracers);
        let fields = &mut self.states[state.0];
        fields.cleared = true;
        fields.exception &= keeps;
        if !keeps_tools {
            fields.tools.forget();
        }
    }

    pub(super) fn delete(&mut self, thread: usize, state: Option<State>) -> Step<()> {
        let (short, text) = (
            "PyThreadState_Delete: NULL tstate",
            "PyThreadState_Delete: the function must",
        );
        let state = state.ok_or(self.fatal(short, text))?;
        if self.current(thread) == Some(state) {
            let text = if self.is(Rule::DeleteIsPublic) {
                "PyThreadState_Delete: tstate %p is still current"
            } else {
                "_PyThreadState_Delete: tstate %p is still current"
            };
            let short = "PyThreadState_Delete: tstate is still current";
            return Err(self.fatal(short, text));
        }
        self.live(Some(state))?;
        if self.states[state.0].attached {
            // Another thread runs with it.
            return Err(End::Undefined);
        }
        self.unlink_and_free(thread, state)
    }

    pub(super) fn delete_current(&mut self, thread: usize) -> Step<()> {
        let Some(state) = self.current(thread) else {
            let (short, text) = (
                "PyThreadState_DeleteCurrent: no current tstate",
                "_PyThreadState_DeleteCurrent: the function must",
            );
            return Err(self.fatal(short, text));
        };
        self.must_hold(thread)?;
        let gil = self.gil_of(state);
        self.set_current(thread, None);
        self.unlink_and_free(thread, state)?;
        if !self.wrong(Mistake::DeleteCurrentStays) {
            self.homes[gil.0].gil = None;
        }
        Ok(())
    }

    /// §TS K2, K3, K6.
    pub(super) fn unlink_and_free(&mut self, thread: usize, state: State) -> Step<()> {
        self.live(Some(state))?;
        if self.head_held {
            return Err(End::Blocks);
        }
        let list = &mut self.homes[self.states[state.0].home.0].list;
        let place = list.iter().position(|listed| *listed == state);
        list.remove(place.ok_or(End::Undefined)?);
        let any = self.is(Rule::DeleteEmptiesSlot) && self.states[state.0].bound_gilstate;
        if any || self.slots[thread] == Some(state) {
            let owner = if self.wrong(Mistake::DeleteClearsOwnersSlot) {
                self.states[state.0].thread
            } else {
                thread
            };
            self.slots[owner] = None;
        }
        self.free(state);
        Ok(())
    }

    pub(super) fn free(&mut self, state: State) {
        self.states[state.0].freed = true;
        let owner = &mut self.homes[self.states[state.0].home.0];
        if owner.embedded == Some(state) {
            owner.embedded = None;
        }
    }

    /// §GILSTATE G1 to G4.
    pub(super) fn ensure(&mut self, thread: usize) -> Step<Reply> {
        let slot = match self.slot(thread) {
            Some(slot) => slot,
            None => {
                let hangs = self.is(Rule::EnsureHangs);
                let none = if hangs { End::Hang } else { CRASH };
                let made = self.create(thread, self.main().ok_or(none)?)?;
                self.states[made.0].counter = 0;
                made
            }
        };
        let locked = self.current(thread) == Some(slot);
        if locked {
            self.must_hold(thread)?;
        } else {
            self.attach(thread, slot)?;
        }
        self.live(Some(slot))?;
        self.states[slot.0].counter += 1;
        let locked = locked && !self.wrong(Mistake::EnsureAlwaysUnlocked);
        Ok(Reply::Number(i64::from(!locked)))
    }

    /// §GILSTATE R1 to R5.
    pub(super) fn release(&mut self, thread: usize, locked: bool) -> Step<()> {
        let Some(slot) = self.slot(thread) else {
            let (short, text) = (
                "auto-releasing thread-state, but no thread-state for this thread",
                "PyGILState_Release: auto-releasing thread-state, but no thread-state for this thread",
            );
            return Err(self.fatal(short, text));
        };
        if self.current(thread) != Some(slot) {
            let (short, text) = (
                "This thread state must be current when releasing",
                "PyGILState_Release: thread state %p must be current when releasing",
            );
            return Err(self.fatal(short, text));
        }
        self.must_hold(thread)?;
        self.live(Some(slot))?;
        self.states[slot.0].counter -= 1;
        if self.states[slot.0].counter == 0 && !self.wrong(Mistake::ReleaseKeepsState) {
            self.cleared(slot);
            self.delete_current(thread)
        } else if locked {
            Ok(())
        } else {
            self.detach(thread, Some(slot))
        }
    }
}

/// The main interpreter's GIL, which all share up to 3.11.
impl Reference {
    /// In whose storage the GIL of a thread state lies.
    pub(super) fn gil_of(&self, state: State) -> Home {
        let home = self.home(state);
        if self.homes[home.0].own_gil {
            home
        } else {
            MAIN
        }
    }
}
