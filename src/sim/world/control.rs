//! The world as the controller that every primitive asks.

use super::pending::{Access, Condition};
use super::{
    CellInfo, CellState, MUTEXES_MAX, NOBODY, Pending, Silence, State, ThreadState, World,
};
use crate::sim::graph::{Choice, Move};
use crate::sync::hook::{Around, CellId, CellKind, Contents, Controller, fold};
use crate::sync::{Branch, Name, SEMAPHORE_DESTROYED, ThreadIndex, WaitResult};
use std::cell::RefMut;

/// Tags of what enters a history, so that different observations differ.
mod tag {
    pub(super) const LOCKED: u64 = 1;
    pub(super) const TRIED: u64 = 2;
    pub(super) const WOKEN: u64 = 3;
    pub(super) const WORD: u64 = 4;
    pub(super) const LEARNED: u64 = 5;
    pub(super) const HELD: u64 = 6;
    pub(super) const STATEMENT: u64 = 7;
    pub(super) const FRAME: u64 = 8;
    pub(super) const SCOPE: u64 = 9;
    pub(super) const CHOSE: u64 = 10;
    pub(super) const INTERRUPTED: u64 = 11;
    pub(super) const DESTROYED: u64 = 12;
}

/// Operations that are no scheduling points after which one is made all the same, so that a lone endless loop is seen.
const PASSED_MAX: u16 = 64;
/// Statements without an operation after which there is a pause, for the same reason.
const IDLE_MAX: u16 = 64;

impl State {
    fn observe(&mut self, thread: ThreadIndex, tag: u64, value: u128) {
        let state = &self.threads[thread.index()];
        let history = fold(state.history, tag, value);
        let full = if self.tuning.audit {
            fold(state.full, tag, value)
        } else {
            0
        };
        self.change_thread(thread, |state| {
            state.history = history;
            state.full = full;
        });
    }

    /// Whether the operation is a scheduling point, by the mode and by what was seen of the cell.
    fn is_point(
        &mut self,
        thread: ThreadIndex,
        cell: CellId,
        writes: bool,
        silence: Silence,
    ) -> bool {
        if self.silenced(silence) {
            return false;
        }
        if !self.tuning.few_points {
            self.change_thread(thread, |state| state.idle = 0);
            return true;
        }
        let point = if self.alone(thread) {
            self.meetings.is_point(usize::from(cell.0))
        } else {
            let held = if self.tuning.forks {
                0
            } else {
                self.threads[thread.index()].held
            };
            self.meetings
                .touch(usize::from(cell.0), thread, writes, held)
        };
        let ThreadState { shows, passed, .. } = self.threads[thread.index()];
        let shows = shows || passed >= PASSED_MAX;
        self.change_thread(thread, |state| {
            state.passed = if point || shows { 0 } else { passed + 1 };
            state.idle = 0;
        });
        if !point
            && !shows
            && let Some(log) = &mut self.log
        {
            log.push(Choice::new(thread.index(), Move::Run));
        }
        point || shows
    }

    /// Whether no other thread has run: what this one does comes before all that they will do. What a thread that
    /// ended or hangs has done could have come after it, so that does count.
    fn alone(&self, thread: ThreadIndex) -> bool {
        self.threads.iter().enumerate().all(|(index, other)| {
            index == thread.index() || matches!(other.pending, Pending::NotStarted)
        })
    }

    fn mutex_bit(&self, mutex: CellId) -> u64 {
        1 << self.infos[usize::from(mutex.0)].mutex
    }

    fn take(&mut self, thread: ThreadIndex, mutex: CellId, tag: u64) {
        assert_eq!(
            self.cell(mutex).owner,
            NOBODY,
            "a mutex is taken only while it is free"
        );
        let content = self.content(mutex);
        self.change(mutex).owner = thread.index() as u8;
        let bit = self.mutex_bit(mutex);
        self.observe(thread, tag, content);
        self.change_thread(thread, |state| state.held |= bit);
    }

    fn release(&mut self, thread: ThreadIndex, mutex: CellId) {
        assert_eq!(
            usize::from(self.cell(mutex).owner),
            thread.index(),
            "the owner gives a mutex up"
        );
        self.change(mutex).owner = NOBODY;
        let bit = self.mutex_bit(mutex);
        self.change_thread(thread, |state| state.held &= !bit);
        self.shows_if(thread, |pending| {
            matches!(pending, Pending::Lock(wanted) | Pending::Relock { mutex: wanted, .. } if wanted == mutex)
        });
    }

    /// The thread let another go on that waited so: what that one will do is not known yet, so this one's next operation
    /// is a scheduling point.
    fn shows_if(&mut self, thread: ThreadIndex, waits: impl Fn(Pending) -> bool) {
        if self.threads.iter().any(|other| waits(other.pending)) {
            self.change_thread(thread, |state| state.shows = true);
        }
    }

    fn write(&mut self, thread: ThreadIndex, cell: CellId, value: u64) {
        if self.cell(cell).value == value {
            return;
        }
        self.change(cell).value = value;
        if self.meetings.is_watched(usize::from(cell.0)) {
            self.change_thread(thread, |state| state.shows = true);
        }
    }

    pub(super) fn waiters(&self, wanted: CellId) -> impl Iterator<Item = ThreadIndex> + '_ {
        self.threads
            .iter()
            .enumerate()
            .filter(move |(_, thread)| matches!(thread.waits_with(), Pending::Waiting { condvar, .. } if condvar == wanted))
            .map(|(index, _)| ThreadIndex::new(index))
    }

    fn wake(&mut self, thread: ThreadIndex) {
        if let Pending::Waiting { mutex, .. } = self.threads[thread.index()].waits_with() {
            self.set_waits(
                thread,
                Pending::Relock {
                    mutex,
                    timed_out: false,
                },
            );
        }
    }

    fn note_contents(&mut self, mutex: CellId, contents: &(dyn Contents + 'static)) {
        self.contents[usize::from(mutex.0)] = Some(contents);
    }
}

impl World {
    fn chosen(&self, choice: Pending) -> u16 {
        self.stand_before(choice);
        let (thread, mut state) = self.current_state();
        let answer = state.threads[thread.index()].answer;
        state.observe(thread, tag::CHOSE, u128::from(answer));
        answer
    }

    fn borrow(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    fn current_state(&self) -> (ThreadIndex, RefMut<'_, State>) {
        (self.current.get(), self.borrow())
    }

    /// Suspends the calling fiber before `pending`; it goes on when the explorer lets it do that.
    fn stand_before(&self, pending: Pending) {
        {
            let (thread, mut state) = self.current_state();
            state.change_thread(thread, |state| {
                state.pending = pending;
                // Nobody else can go on while it chooses whom to wake: what it changed still has to be shown.
                state.shows &= matches!(pending, Pending::Wake(_));
            });
        }
        self.suspend();
    }

    /// Takes one from a semaphore, standing before that as `pending`; whether it was there to be taken.
    fn take(&self, semaphore: CellId, pending: Pending) -> bool {
        let suspends = {
            let (thread, mut state) = self.current_state();
            let point = state.is_point(thread, semaphore, true, Silence::AcquirePoint);
            let none = state.cell(semaphore).value == 0;
            if !point && none {
                state.meetings.make_point(usize::from(semaphore.0));
            }
            point || none
        };
        if suspends {
            self.stand_before(pending);
        }
        let (thread, mut state) = self.current_state();
        if suspends
            && matches!(
                state.threads[thread.index()].pending,
                Pending::Interrupted(_)
            )
        {
            state.observe(thread, tag::INTERRUPTED, 0);
            return false;
        }
        let count = state.cell(semaphore).value;
        state.write(thread, semaphore, count - 1);
        true
    }

    /// Gives one to a semaphore; whether it was there.
    fn give(&self, semaphore: CellId) -> bool {
        let (thread, mut state) = self.current_state();
        let point = state.is_point(thread, semaphore, true, Silence::PostPoint);
        drop(state);
        if point {
            self.stand_before(Pending::Post(semaphore));
        }
        let (thread, mut state) = self.current_state();
        let count = state.cell(semaphore).value;
        if count == u64::from(SEMAPHORE_DESTROYED) {
            state.observe(thread, tag::DESTROYED, 0);
            return false;
        }
        state.write(thread, semaphore, count + 1);
        state.shows_if(thread, |pending| pending.acquires() == Some(semaphore));
        true
    }

    fn lock_point(&self, mutex: CellId, contents: &(dyn Contents + 'static), pending: Pending) {
        let suspends = {
            let (thread, mut state) = self.current_state();
            state.note_contents(mutex, contents);
            let point = state.is_point(thread, mutex, true, Silence::LockPoint);
            let free = state.cell(mutex).owner == NOBODY;
            if !point && !free {
                // Somebody owns it: the two have met here, whatever was seen before.
                state.meetings.make_point(usize::from(mutex.0));
            }
            point || !free
        };
        if suspends {
            self.stand_before(pending);
        }
    }

    fn access(
        &self,
        cell: CellId,
        access: Access,
        writes: bool,
        silence: Silence,
    ) -> RefMut<'_, State> {
        let point = {
            let (thread, mut state) = self.current_state();
            state.is_point(thread, cell, writes, silence)
        };
        if point {
            self.stand_before(Pending::Access(cell, access));
        }
        self.borrow()
    }

    /// Where another thread may fork, or a signal may come: suspends the calling fiber before it gives the mutex up.
    fn stand_with(&self, mutex: CellId) {
        let may_stop = {
            let (thread, state) = self.current_state();
            let gets_signals = thread == ThreadIndex::FIRST || state.tuning.forks;
            let forks = |other: &ThreadState| {
                !matches!(
                    other.pending,
                    Pending::NotStarted | Pending::Ended | Pending::Hung | Pending::Gone
                )
            };
            let mut others = state.threads.iter().enumerate();
            let forks = state.tuning.forks
                && others.any(|(index, other)| index != thread.index() && forks(other));
            forks || (state.tuning.signals && gets_signals)
        };
        if may_stop {
            self.stand_before(Pending::Unlock(mutex));
        }
    }

    fn history_becomes(&self, change: impl FnOnce(&mut super::ThreadState)) {
        let (thread, mut state) = self.current_state();
        state.change_thread(thread, change);
    }
}

impl Controller for World {
    fn register(&self, kind: CellKind, name: Name, initial: u128) -> CellId {
        let mut state = self.borrow();
        let id = CellId(u16::try_from(state.cells.len()).expect("fewer cells than a u16 counts"));
        let mutex = state.mutexes.len();
        if kind == CellKind::Mutex {
            assert!(
                mutex < MUTEXES_MAX,
                "a program has fewer mutexes than fit a word"
            );
            state.mutexes.push(id);
        }
        state.infos.push(CellInfo {
            kind,
            name,
            mutex: mutex as u8,
        });
        state.cells.push(CellState {
            value: initial as u64,
            content: initial,
            contribution: 0,
            stamp: 0,
            owner: NOBODY,
            content_stale: false,
            dirty: true,
        });
        state.dirty_cells.push(id.0);
        state.contents.push(None);
        state.meetings.register();
        id
    }

    fn value(&self, cell: CellId) -> u64 {
        let mut state = self.borrow();
        if self.observing.get() {
            state.meetings.watch(usize::from(cell.0));
        }
        state.cell(cell).value
    }

    fn lock(&self, mutex: CellId, contents: &(dyn Contents + 'static)) {
        self.lock_point(mutex, contents, Pending::Lock(mutex));
        let (thread, mut state) = self.current_state();
        state.take(thread, mutex, tag::LOCKED);
    }

    fn try_lock(&self, mutex: CellId, contents: &(dyn Contents + 'static)) -> bool {
        self.lock_point(mutex, contents, Pending::TryLock(mutex));
        let (thread, mut state) = self.current_state();
        let free = state.cell(mutex).owner == NOBODY;
        state.observe(thread, tag::TRIED, u128::from(free));
        if free {
            state.take(thread, mutex, tag::LOCKED);
        }
        free
    }

    fn will_change(&self, mutex: CellId) {
        let mut state = self.borrow();
        state.change(mutex).content_stale = true;
        let number = state.infos[usize::from(mutex.0)].mutex;
        let contents = state.contents[usize::from(mutex.0)].expect("noted when it was locked");
        #[expect(unsafe_code, reason = "the contents live in the program's memory")]
        // SAFETY: noted when the mutex was locked in this run; the program stays in place while it is explored.
        let bytes = unsafe { (*contents).bytes() };
        state.trail.save_contents(number, bytes);
    }

    fn unlock(&self, mutex: CellId) {
        self.stand_with(mutex);
        let (thread, mut state) = self.current_state();
        state.release(thread, mutex);
    }

    fn wait(&self, condvar: CellId, mutex: CellId, timed: bool) -> WaitResult {
        self.stand_with(mutex);
        {
            let (thread, mut state) = self.current_state();
            let timed = timed && !state.silenced(Silence::TimeOut);
            state.release(thread, mutex);
            state.touch(condvar, true);
            state.change_thread(thread, |state| {
                state.pending = Pending::Waiting {
                    condvar,
                    mutex,
                    timed,
                };
                state.shows = false;
            });
        }
        self.suspend();
        let (thread, mut state) = self.current_state();
        let Pending::Relock { timed_out, .. } = state.threads[thread.index()].pending else {
            unreachable!("a waiter runs only after it was woken");
        };
        state.observe(thread, tag::WOKEN, u128::from(timed_out));
        state.take(thread, mutex, tag::LOCKED);
        if timed_out {
            WaitResult::TimedOut
        } else {
            WaitResult::Woken
        }
    }

    fn notify(&self, condvar: CellId, all: bool) {
        self.borrow().touch(condvar, true);
        let waiters = self.borrow().waiters(condvar).count();
        let chosen = if all || waiters < 2 || self.borrow().silenced(Silence::WakeChoice) {
            0
        } else {
            self.stand_before(Pending::Wake(condvar));
            let (thread, state) = self.current_state();
            usize::from(state.threads[thread.index()].answer)
        };
        let mut state = self.borrow();
        let count = if all { waiters } else { waiters.min(1) };
        for _ in 0..count {
            let woken = state.waiters(condvar).nth(chosen);
            if let Some(woken) = woken {
                state.wake(woken);
            }
        }
    }

    fn load(&self, cell: CellId) -> u64 {
        let mut state = self.access(cell, Access::Load, false, Silence::LoadPoint);
        state.touch(cell, false);
        let value = state.cell(cell).value;
        state.observe(self.current.get(), tag::WORD, u128::from(value));
        value
    }

    fn store(&self, cell: CellId, value: u64) {
        let mut state = self.access(cell, Access::Store, true, Silence::StorePoint);
        state.touch(cell, true);
        state.write(self.current.get(), cell, value);
    }

    fn modify(&self, cell: CellId, change: &dyn Fn(u64) -> u64) -> u64 {
        let mut state = self.access(cell, Access::Modify, true, Silence::ModifyPoint);
        state.touch(cell, true);
        let value = state.cell(cell).value;
        state.observe(self.current.get(), tag::WORD, u128::from(value));
        let new = change(value);
        state.write(self.current.get(), cell, new);
        value
    }

    fn acquire(&self, semaphore: CellId) {
        let taken = self.take(semaphore, Pending::Acquire(semaphore));
        debug_assert!(taken, "only a wait that signals end ends without one");
    }

    fn acquire_unless_interrupted(&self, semaphore: CellId) -> bool {
        self.take(semaphore, Pending::AcquireUnlessInterrupted(semaphore))
    }

    fn post(&self, semaphore: CellId) {
        let there = self.give(semaphore);
        debug_assert!(there, "only what may be destroyed asks whether it is there");
    }

    fn post_unless_destroyed(&self, semaphore: CellId) -> bool {
        self.give(semaphore)
    }

    fn wait_event(&self, event: CellId) {
        if self.state.borrow().cell(event).value == 0 {
            self.stand_before(Pending::Event(event));
        }
    }

    fn set_event(&self, event: CellId) {
        let (thread, mut state) = self.current_state();
        state.write(thread, event, 1);
        state.change_thread(thread, |state| state.shows = true);
    }

    fn read_plain(&self, cell: CellId) -> u64 {
        let (thread, mut state) = self.current_state();
        let value = state.cell(cell).value;
        state.observe(thread, tag::WORD, u128::from(value));
        value
    }

    fn write_plain(&self, cell: CellId, value: u64) {
        let (thread, mut state) = self.current_state();
        state.write(thread, cell, value);
    }

    fn advance(&self, epoch: CellId) {
        let mut state = self.borrow();
        state.change(epoch).value += 1;
        for index in 0..state.threads.len() {
            if state.threads[index]
                .remembered
                .iter()
                .any(|(remembered, _)| *remembered == epoch)
            {
                state.change_thread(ThreadIndex::new(index), |_| ());
            }
        }
    }

    fn remember(&self, epoch: CellId) -> u64 {
        let (thread, mut state) = self.current_state();
        let value = state.cell(epoch).value;
        state.change_thread(thread, |state| {
            let free = state
                .remembered
                .iter_mut()
                .find(|(epoch, _)| *epoch == CellId::NONE);
            *free.expect("a thread remembers few epochs at once") = (epoch, value);
        });
        value
    }

    fn changed(&self, epoch: CellId, value: u64) -> bool {
        let changed = self.state.borrow().cell(epoch).value != value;
        self.learned(u64::from(changed));
        changed
    }

    fn forget(&self, epoch: CellId) {
        let (thread, mut state) = self.current_state();
        state.change_thread(thread, |state| {
            let remembered = state
                .remembered
                .iter_mut()
                .rev()
                .find(|(remembered, _)| *remembered == epoch);
            *remembered.expect("what is forgotten was remembered") = (CellId::NONE, 0);
        });
    }

    fn history(&self) -> u128 {
        let (thread, state) = self.current_state();
        state.threads[thread.index()].history
    }

    fn forget_since(&self, at_scope: u128, digest: u128) {
        let (thread, mut state) = self.current_state();
        let digest = if state.silenced(Silence::ScopeLive) {
            0
        } else {
            digest
        };
        let mut history = fold(at_scope, tag::SCOPE, digest);
        if !state.silenced(Silence::ScopeHeld) {
            let mut held = state.threads[thread.index()].held;
            while held != 0 {
                let mutex = state.mutexes[held.trailing_zeros() as usize];
                held &= held - 1;
                history = fold(
                    history,
                    tag::HELD + (u64::from(mutex.0) << 8),
                    state.content(mutex),
                );
            }
        }
        state.change_thread(thread, |state| state.history = history);
    }

    fn statement(&self, position: u128) {
        let idle = {
            let (thread, mut state) = self.current_state();
            let idle = state.threads[thread.index()].idle + 1;
            state.change_thread(thread, |state| state.idle = idle % IDLE_MAX);
            idle == IDLE_MAX
        };
        if idle {
            self.stand_before(Pending::Pause);
        }
        self.history_becomes(|state| state.history = fold(state.base, tag::STATEMENT, position));
    }

    fn enter_frame(&self) -> Around {
        let (thread, mut state) = self.current_state();
        let ThreadState { history, base, .. } = state.threads[thread.index()];
        let inner = fold(base, tag::FRAME, history);
        state.change_thread(thread, |state| {
            state.base = inner;
            state.history = inner;
        });
        Around { history, base }
    }

    fn leave_frame(&self, around: Around, result: u64) {
        self.history_becomes(|state| {
            state.history = fold(around.history, tag::FRAME, u128::from(result));
            state.base = around.base;
        });
    }

    fn learned(&self, value: u64) {
        let (thread, mut state) = self.current_state();
        state.observe(thread, tag::LEARNED, u128::from(value));
    }

    fn observing(&self, on: bool) {
        self.observing.set(on);
    }

    fn wait_until(&self, condition: &dyn Fn() -> bool) {
        self.stand_before(Pending::Until(Condition::new(condition)));
    }

    fn pause_point(&self) {
        if !self.borrow().silenced(Silence::PausePoint) {
            self.stand_before(Pending::Pause);
        }
    }

    fn choose(&self, alternatives: u16) -> u16 {
        self.chosen(Pending::Choose(alternatives, None))
    }
    fn choose_usually(&self, alternatives: u16, usual: u16) -> u16 {
        self.chosen(Pending::Choose(alternatives, Some(usual)))
    }
    fn spawn(&self, thread: ThreadIndex) {
        let (spawner, mut state) = self.current_state();
        state.change_thread(thread, |state| {
            state.pending = Pending::Start;
            state.shows = true;
        });
        state.change_thread(spawner, |state| state.shows = true);
    }

    fn fork(&self) -> Branch {
        self.stand_before(Pending::Fork);
        let (thread, mut state) = self.current_state();
        let answer = state.threads[thread.index()].answer;
        state.observe(thread, tag::CHOSE, u128::from(answer));
        if answer == 0 {
            return Branch::Parent;
        }
        state.change_thread(thread, |state| state.signals = 0);
        for other in (0..state.threads.len()).map(ThreadIndex::new) {
            let pending = state.threads[other.index()].pending;
            if other != thread && !matches!(pending, Pending::NotStarted | Pending::Ended) {
                let held = state.threads[other.index()].held;
                state.change_thread(other, |gone| {
                    *gone = ThreadState {
                        pending: Pending::Gone,
                        held,
                        ..super::cleared(gone)
                    };
                });
            }
        }
        Branch::Child
    }

    fn is_alone(&self) -> bool {
        self.nobody_lives_but(self.current.get())
    }
    fn send_signal(&self, thread: ThreadIndex, signal: u8) -> bool {
        self.borrow().send_signal(thread, signal);
        true
    }

    fn renew(&self, mutex: CellId, contents: &(dyn Contents + 'static)) {
        let mut state = self.borrow();
        state.note_contents(mutex, contents);
        let owner = state.cell(mutex).owner;
        if owner != NOBODY {
            let bit = state.mutex_bit(mutex);
            state.change(mutex).owner = NOBODY;
            state.change_thread(ThreadIndex::new(usize::from(owner)), |state| {
                state.held &= !bit;
            });
        }
        // What the gone owner wrote was never published.
        state.change(mutex).content_stale = true;
    }

    fn hang(&self) -> ! {
        {
            let (thread, mut state) = self.current_state();
            let held = state.threads[thread.index()].held;
            state.change_thread(thread, |hung| {
                *hung = super::ThreadState {
                    pending: Pending::Hung,
                    held,
                    ..super::cleared(hung)
                };
            });
        }
        self.suspend_for_ever()
    }
}
