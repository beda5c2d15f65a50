//! A dull model of the lifecycle, written from the contract and not from `src/runtime`.
//!
//! Several OS threads take turns: each call runs to its end before the next one begins. So there is no lock, no waiting
//! and no atomic here: a call that would have to wait, waits for ever. The model knows attachment, counters, lists, the
//! order of the queue, which calls are fatal and which read freed memory; release 3.14, several interpreters, several lives.
//!
//! What the contract leaves open ends a sequence as [`End::Undefined`]: nothing is claimed of it.

mod interpreters;
mod lifecycle;
mod words;

pub(crate) use interpreters::Interpreter;
pub(crate) use words::{Call, End, Function, Home, Mistake, Reply, State};

/// OS threads.
pub(crate) const THREADS: usize = 3;
/// Calls that the main queue holds (contract 1.6).
const CAPACITY: usize = 32;

/// A thread state's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub(crate) calls_to_do: bool,
    pub(crate) freed: bool,
}

/// The process.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    mistake: Option<Mistake>,
    pub(crate) states: Vec<Fields>,
    /// By [`Home`]: the main one, and all the others that ever were.
    pub(crate) homes: Vec<Interpreter>,
    /// Those that there are, newest first.
    pub(crate) listed: Vec<Home>,
    pub(crate) current: [Option<State>; THREADS],
    slots: [Option<State>; THREADS],
    /// Whether the key of the slots exists.
    pub(crate) key: bool,
    pub(crate) initialized: bool,
    pub(crate) finalizing: bool,
    runtime_initialized: bool,
    /// `PyGILState_Check` looks.
    check_enabled: bool,
    main_thread: usize,
    main_state: Option<State>,
    /// Oldest first.
    pub(crate) queue: Vec<Function>,
    handling: Option<State>,
    /// Functions that ran, in order.
    pub(crate) ran: Vec<Function>,
    /// Functions that were accepted, in order.
    pub(crate) accepted: Vec<Function>,
}

type Step<T> = Result<T, End>;

const USE_AFTER_FREE: End = End::Crash("use_after_free");
const NO_THREAD_STATE: End = End::Crash("no_thread_state");
const CRASH: End = End::Crash("");

impl Reference {
    pub(crate) fn new(mistake: Option<Mistake>) -> Self {
        Self {
            mistake,
            states: Vec::new(),
            homes: vec![Interpreter::new(0, true)],
            listed: Vec::new(),
            current: [None; THREADS],
            slots: [None; THREADS],
            key: false,
            initialized: false,
            finalizing: false,
            runtime_initialized: false,
            check_enabled: true,
            main_thread: 0,
            main_state: None,
            queue: Vec::new(),
            handling: None,
            ran: Vec::new(),
            accepted: Vec::new(),
        }
    }

    fn wrong(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// *tss(t)*.
    pub(crate) fn slot(&self, thread: usize) -> Option<State> {
        self.slots[thread].filter(|_| self.key)
    }

    /// The first accepted function, in order of declaration, of which a call never ran.
    pub(crate) fn lost(&self) -> Option<Function> {
        let count = |all: &[Function], one| all.iter().filter(|each| **each == one).count();
        Function::ALL
            .into_iter()
            .find(|one| count(&self.accepted, *one) > count(&self.ran, *one))
    }

    /// Finalized, and a thread state was left by a thread that is gone; the first thread ends with the process.
    pub(crate) fn leaks(&self) -> bool {
        let mut left = self.states.iter().filter(|fields| !fields.freed);
        self.finalizing && left.any(|fields| fields.thread != 0)
    }

    /// Runs one call on one thread to its end.
    pub(crate) fn call(&mut self, thread: usize, call: Call) -> Step<Reply> {
        let none = |()| Reply::Nothing;
        let number = |holds: bool| Ok(Reply::Number(i64::from(holds)));
        let current = self.current[thread];
        match call {
            Call::Initialize => self.initialize(thread).map(none),
            Call::Finalize => self.finalize(thread).map(|()| Reply::Number(0)),
            Call::IsInitialized => number(self.initialized),
            Call::IsFinalizing => {
                number(self.finalizing && !self.wrong(Mistake::FinalizingForgotten))
            }
            Call::Save => self.save(thread),
            Call::Restore(state) => {
                let state = state.ok_or(End::Fatal("PyEval_RestoreThread: the function must"))?;
                self.attach(thread, state).map(none)
            }
            Call::Acquire(state) => {
                let state = state.ok_or(End::Fatal("PyEval_AcquireThread: the function must"))?;
                self.attach(thread, state).map(none)
            }
            Call::ReleaseThread(state) if state.is_some() && state != current => {
                Err(End::Undefined)
            }
            Call::ReleaseThread(state) => self.detach(thread, state).map(none),
            Call::Get => current
                .ok_or(End::Fatal("PyThreadState_Get: the function must"))
                .map(|state| Reply::State(Some(state))),
            Call::GetUnchecked => Ok(Reply::State(current)),
            Call::Swap(new) => self.swap(thread, new),
            Call::GetId(state) => {
                let state = self.live(state)?;
                Ok(Reply::Number(self.states[state.0].id as i64))
            }
            Call::GetInterpreter(state) => {
                let state = self.live(state)?;
                Ok(Reply::Interpreter(Some(self.home(state))))
            }
            Call::Next(state) => self.next(state),
            Call::GetThis => Ok(Reply::State(self.slot(thread))),
            Call::Check => {
                let ignored = self.wrong(Mistake::CheckIgnoresSlot);
                let looks = self.check_enabled && self.key;
                number(!looks || (current.is_some() && (ignored || current == self.slot(thread))))
            }
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
            Call::AddPending(function) => self.add_pending(function).map(Reply::Number),
            Call::MakePending => {
                let state = self.live(current)?;
                if !self.runs_calls(thread, state) {
                    return Ok(Reply::Number(0));
                }
                self.make_pending(thread, state).map(Reply::Number)
            }
            Call::Eval => self.eval(thread).map(Reply::Number),
        }
    }

    fn save(&mut self, thread: usize) -> Step<Reply> {
        let current = self.current[thread];
        if current.is_none() && self.wrong(Mistake::SaveNullReturns) {
            return Ok(Reply::State(None));
        }
        let state = current.ok_or(NO_THREAD_STATE)?;
        self.detach(thread, Some(state))?;
        Ok(Reply::State(Some(state)))
    }

    /// Reads through a pointer.
    fn live(&self, state: Option<State>) -> Step<State> {
        let state = state.ok_or(NO_THREAD_STATE)?;
        if self.states[state.0].freed && !self.wrong(Mistake::StaleIsFine) {
            return Err(USE_AFTER_FREE);
        }
        Ok(state)
    }

    /// §ATTACH A2 to A7, §GIL T1 to T12.
    fn attach(&mut self, thread: usize, state: State) -> Step<()> {
        if self.current[thread].is_some() && !self.wrong(Mistake::AttachTwiceIsFine) {
            return Err(End::Fatal(
                "_PyThreadState_Attach: non-NULL old thread state",
            ));
        }
        self.live(Some(state))?;
        if self.states[state.0].shut_down && !self.wrong(Mistake::LateThreadAttaches) {
            self.states[state.0].references -= 1;
            self.states[state.0].freed = self.states[state.0].references == 0;
            return Err(End::Hang);
        }
        let gil = self.gil_of(state);
        if self.homes[gil.0].gil_taken {
            return Err(End::Blocks);
        }
        self.homes[gil.0].gil_taken = true;
        if thread == self.main_thread
            && !self.queue.is_empty()
            && !self.wrong(Mistake::AttachForgetsCalls)
        {
            self.states[state.0].calls_to_do = true;
        }
        self.current[thread] = Some(state);
        self.states[state.0].attached = true;
        let stays = self.wrong(Mistake::SlotStays) && self.slots[thread].is_some();
        if !self.states[state.0].bound_gilstate && !stays {
            self.bind_slot(thread, state)?;
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
    fn detach(&mut self, thread: usize, state: Option<State>) -> Step<()> {
        let state = self.live(state)?;
        self.states[state.0].attached = false;
        self.current[thread] = None;
        let gil = self.gil_of(state);
        self.homes[gil.0].gil_taken = false;
        Ok(())
    }

    fn swap(&mut self, thread: usize, new: Option<State>) -> Step<Reply> {
        let old = self.current[thread];
        if old.is_some() && old == new && self.wrong(Mistake::SwapToSelfWaits) {
            return Err(End::Blocks);
        }
        if old.is_some() {
            self.detach(thread, old)?;
        }
        if let Some(new) = new {
            self.attach(thread, new)?;
        }
        let wrong = self.wrong(Mistake::SwapReturnsNew);
        Ok(Reply::State(if wrong { new } else { old }))
    }

    /// §TS new and bind.
    fn create(&mut self, thread: usize, home: Home) -> Step<State> {
        let state = State(self.states.len());
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

    fn clear(&mut self, thread: usize, state: Option<State>) -> Step<()> {
        self.current[thread].ok_or(NO_THREAD_STATE)?;
        let state = self.live(state)?;
        if !self.exists(self.home(state)) {
            return Err(USE_AFTER_FREE);
        }
        self.states[state.0].cleared = true;
        Ok(())
    }

    fn delete(&mut self, thread: usize, state: Option<State>) -> Step<()> {
        let state = state.ok_or(End::Fatal("PyThreadState_Delete: the function must"))?;
        if self.current[thread] == Some(state) {
            return Err(End::Fatal(
                "PyThreadState_Delete: tstate %p is still current",
            ));
        }
        self.live(Some(state))?;
        if self.states[state.0].attached {
            // Another thread runs with it.
            return Err(End::Undefined);
        }
        self.unlink_and_free(thread, state)
    }

    fn delete_current(&mut self, thread: usize) -> Step<()> {
        let state = self.current[thread].take().ok_or(End::Fatal(
            "_PyThreadState_DeleteCurrent: the function must",
        ))?;
        let gil = self.gil_of(state);
        self.unlink_and_free(thread, state)?;
        self.homes[gil.0].gil_taken = self.wrong(Mistake::DeleteCurrentStays);
        Ok(())
    }

    /// §TS K2, K3, K6.
    fn unlink_and_free(&mut self, thread: usize, state: State) -> Step<()> {
        self.live(Some(state))?;
        let list = &mut self.homes[self.states[state.0].home.0].list;
        let place = list.iter().position(|listed| *listed == state);
        list.remove(place.ok_or(End::Undefined)?);
        if self.states[state.0].bound_gilstate {
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

    fn free(&mut self, state: State) {
        self.states[state.0].freed = true;
        let owner = &mut self.homes[self.states[state.0].home.0];
        if owner.embedded == Some(state) {
            owner.embedded = None;
        }
    }

    /// §GILSTATE G1 to G4.
    fn ensure(&mut self, thread: usize) -> Step<Reply> {
        let slot = match self.slot(thread) {
            Some(slot) => slot,
            None => {
                let made = self.create(thread, self.main().ok_or(CRASH)?)?;
                self.states[made.0].counter = 0;
                made
            }
        };
        let locked = self.current[thread] == Some(slot);
        if !locked {
            self.attach(thread, slot)?;
        }
        self.live(Some(slot))?;
        self.states[slot.0].counter += 1;
        let locked = locked && !self.wrong(Mistake::EnsureAlwaysUnlocked);
        Ok(Reply::Number(i64::from(!locked)))
    }

    /// §GILSTATE R1 to R5.
    fn release(&mut self, thread: usize, locked: bool) -> Step<()> {
        let slot = self.slot(thread).ok_or(End::Fatal(
            "PyGILState_Release: auto-releasing thread-state, but no thread-state for this thread",
        ))?;
        if self.current[thread] != Some(slot) {
            return Err(End::Fatal(
                "PyGILState_Release: thread state %p must be current when releasing",
            ));
        }
        self.live(Some(slot))?;
        self.states[slot.0].counter -= 1;
        if self.states[slot.0].counter == 0 && !self.wrong(Mistake::ReleaseKeepsState) {
            self.states[slot.0].cleared = true;
            self.delete_current(thread)
        } else if locked {
            Ok(())
        } else {
            self.detach(thread, Some(slot))
        }
    }
}
