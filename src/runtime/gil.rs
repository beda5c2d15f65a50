//! The global interpreter lock: taken, dropped, asked for.
//!
//! CPython: `Python/ceval_gil.c` (`take_gil`, `drop_gil`, `create_gil`); 3.14, default build.
//!
//! # States
//!
//! | state | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | `NotCreated` | no interpreter uses this storage | nobody |
//! | `Free` | nobody holds the GIL | whoever takes it next |
//! | `Taken` | one thread state has `holds_gil` | that thread state's thread |
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | any → Free | [`Gil::create`] | the initializer | `mutex` |
//! | any → Free | [`Gil::renew`] | a forked child ([`super::fork`]) | – |
//! | Free → Taken | [`Caller::take_gil`], T7 | any thread with a thread state | `mutex`, `switch_mutex` |
//! | Taken → Free | [`Caller::drop_gil`], D4 | the holder | `mutex` |
//!
//! # Protocol
//!
//! Take: T1 must it hang? · T3 lock `mutex` · T4 while taken: wait for `cond` or the interval; if the interval passed
//! and the GIL did not change hands, ask the last holder to drop it · T6 lock `switch_mutex` · T7 taken · T8 note the
//! holder, move the switch number · T9 tell who waits for a switch · T10 must it hang? · T11 the thread state holds it,
//! its own drop request is done with · T12 pending calls ([`super::eval_breaker`], where releases differ) · T13 unlock.
//!
//! Who is late in T1, T4c or T10 leaves for good ([`super::late`]). At T10 it gives the GIL up again: up to 3.12 as if it
//! lived on, so that it may wait in D6 for a thread that never comes (observed: 3.12.1). In 3.8 that is asked only after
//! T13.
//!
//! Drop: D2 fatal if free · D3 note the holder · D4 free, wake one waiter · D6 if a drop was requested: wait until
//! another thread has taken it.
//!
//! T4c, the story: a waiter that must hang withdraws its request first, since the holder would otherwise wait in D6 for
//! a thread that never comes (gh-96387: 3.9 and 3.10 do not withdraw it). It unlocks `mutex` before it clears the bit, as 3.14 does: in between the
//! holder may run D4 to D6, see the bit still set and wait for ever. The checker finds it.
//!
//! # Invariants
//!
//! S3 GilExclusive, S4 AttachedHoldsGil, S5 HolderAttached, S6 LastHolderLive, S9 DropRequestConsumed.
//!
//! # Memory order
//!
//! `mutex` orders everything but two words: the state of a thread state (see [`super::thread_state`]) and the eval
//! breaker (see [`super::eval_breaker`]).
//!
//! # Lock order
//!
//! `mutex` → `switch_mutex` in T6; in D6 `switch_mutex` alone.
//!
//! # Outcomes
//!
//! Hang at finalization; deadlock; use after free of a thread state that finalization freed while it waited; fatal
//! *drop_gil: GIL is not locked*.
//!
//! # Checked by
//!
//! `tests/loom/gil.rs`, `tests/runtime.rs`.

use super::differences::{EvalBreakerOf, LateTest};
use super::eval_breaker::Bit;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::{Crash, Ended, Fatal, Step};
use super::state::Caller;
use crate::sync::{
    Condvar, Epoch, Mutex, MutexGuard, Plain, ThreadIndex, WaitResult, current_thread, scope,
};

/// Whether the GIL is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Locked {
    /// -1: no GIL was created.
    NotCreated,
    /// 0.
    Free,
    /// 1.
    Taken,
}

/// How the GIL is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Release {
    /// The thread state lives on.
    Normal,
    /// The thread state goes away: it and its interpreter may be freed as soon as the GIL is free.
    Final,
}

/// One GIL.
#[derive(Debug)]
pub(super) struct Gil {
    mutex: Mutex<Locked>,
    cond: Condvar,
    switch_mutex: Mutex<()>,
    switch_cond: Condvar,
    /// `switch_number`. Rule: moves under both mutexes, read under `mutex`.
    switch_number: Epoch,
    /// Rule: changed under both mutexes, or by the holder to itself; read under either.
    last_holder: Plain<ThreadStateHandle>,
    /// The thread that holds the GIL, plus one: for invariants and observers. Rule: `mutex`.
    holder: Plain<u8>,
}

impl Gil {
    pub(super) fn new(slot: usize) -> Self {
        Self {
            mutex: Mutex::new(("gil.mutex", slot), Locked::NotCreated),
            cond: Condvar::new(("gil.cond", slot)),
            switch_mutex: Mutex::new(("gil.switch_mutex", slot), ()),
            switch_cond: Condvar::new(("gil.switch_cond", slot)),
            switch_number: Epoch::new(("gil.switch_number", slot)),
            last_holder: Plain::new(("gil.last_holder", slot), ThreadStateHandle::NULL),
            holder: Plain::new(("gil.holder", slot), 0),
        }
    }

    /// §GIL-CREATE: any → Free. A GIL of an earlier life is finished with first: only threads that hang know it.
    pub(super) fn create(&self) {
        let mut locked = self.mutex.lock();
        *locked = Locked::Free;
        self.last_holder.write(ThreadStateHandle::NULL);
        self.holder.write(0);
    }

    /// In a forked child, any → Free: all of it is made anew, whoever had what of it.
    pub(super) fn renew(&self) {
        self.mutex.renew(|_| Locked::Free);
        self.cond.renew();
        self.switch_mutex.renew(|()| ());
        self.switch_cond.renew();
        self.last_holder.write(ThreadStateHandle::NULL);
        self.holder.write(0);
    }

    /// A thread that is gone has its mutex.
    pub(super) fn keep_mutex(&self) {
        self.mutex.hold();
    }

    /// A thread that is gone has its other mutex.
    pub(super) fn keep_switch_mutex(&self) {
        self.switch_mutex.hold();
    }

    /// Whether the thread holds it, which only the thread itself can change.
    pub(super) fn is_holder(&self, thread: ThreadIndex) -> bool {
        self.holder.peek() == thread.index() as u8 + 1
    }

    /// Whether some thread holds it, for an observer.
    pub(super) fn is_held(&self) -> bool {
        self.holder.peek() != 0
    }

    /// The thread that holds it, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek_holder(&self) -> Option<crate::sync::ThreadIndex> {
        self.holder
            .peek()
            .checked_sub(1)
            .map(|thread| crate::sync::ThreadIndex::new(usize::from(thread)))
    }

    #[cfg(feature = "sim")]
    pub(super) fn peek_last_holder(&self) -> ThreadStateHandle {
        self.last_holder.peek()
    }

    /// Whether it is taken, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek_locked(&self) -> Locked {
        self.mutex.peek(|&locked| locked)
    }

    /// The process is over: whoever waits here may find that out. For harnesses that join every thread.
    pub(super) fn wake_all(&self) {
        let mut locked = self.mutex.lock();
        if *locked == Locked::Taken {
            *locked = Locked::Free;
        }
        self.cond.notify_all();
        drop(locked);
        let switching = self.switch_mutex.lock();
        self.switch_cond.notify_all();
        drop(switching);
    }
}

impl Caller<'_> {
    /// The interpreter whose GIL is taken for a thread state. In 3.8 there is one for all, and the thread state is not read
    /// before it is taken.
    fn interpreter_of_gil(&self, handle: ThreadStateHandle) -> Step<InterpreterHandle> {
        if self.runtime.profile.late_test() == LateTest::WithGil {
            Ok(InterpreterHandle::MAIN)
        } else {
            self.interpreter_of(handle)
        }
    }

    /// §GIL T1 to T13.
    pub(super) fn take_gil(&self, handle: ThreadStateHandle) -> Step<()> {
        let scope = scope();
        if self.must_leave(handle)? {
            return Err(self.leave(handle));
        }
        let interpreter = self.interpreter_of_gil(handle)?;
        let (owner, gil) = self.gil_of(interpreter)?;
        let waits_for = owner.slot().map_or(0, |slot| slot as u8 + 1);
        self.runtime.gil_waiting.write(waits_for);
        let mut locked = gil.mutex.lock();
        self.interpreter(owner)?;
        locked = self.wait_for_gil((owner, gil), locked, interpreter, handle)?;
        let switching = gil.switch_mutex.lock();
        *locked = Locked::Taken;
        if gil.last_holder.read() != handle {
            gil.last_holder.write(handle);
            gil.switch_number.advance();
        }
        gil.switch_cond.notify_one();
        drop(switching);
        self.runtime.gil_waiting.write(0);
        match self.must_leave(handle) {
            Ok(false) => {}
            Ok(true) => {
                drop(locked);
                return Err(self.leave_with_gil(interpreter, handle));
            }
            Err(over) => return Err(over),
        }
        self.hold_gil(gil, handle, interpreter)?;
        drop(locked);
        if self.must_leave_with_gil(handle) {
            return Err(self.leave_with_gil(interpreter, handle));
        }
        scope.end(&());
        Ok(())
    }

    /// §GIL T10: gives the GIL up again, and leaves for good.
    fn leave_with_gil(&self, interpreter: InterpreterHandle, handle: ThreadStateHandle) -> Ended {
        let dropped = if self.runtime.profile.late_taker_may_wait() {
            self.drop_gil(interpreter, handle, Release::Normal)
        } else {
            self.drop_gil(interpreter, ThreadStateHandle::NULL, Release::Final)
        };
        match dropped {
            Ok(()) => self.leave(handle),
            Err(ended) => ended,
        }
    }

    /// §GIL T4: returns with the GIL free and its mutex held.
    fn wait_for_gil<'g>(
        &self,
        (owner, gil): (InterpreterHandle, &'g Gil),
        mut locked: MutexGuard<'g, Locked>,
        interpreter: InterpreterHandle,
        handle: ThreadStateHandle,
    ) -> Step<MutexGuard<'g, Locked>> {
        let scope = scope();
        let mut drop_requested = false;
        loop {
            scope.again(&drop_requested);
            if *locked != Locked::Taken {
                scope.end(&());
                return Ok(locked);
            }
            let switch_number = gil.switch_number.remember();
            let waited = gil.cond.wait_timed(&mut locked);
            if self.runtime.over().is_some() {
                return Err(Ended::ProcessOver);
            }
            // A GIL of its own goes away with its interpreter, whoever waits for it.
            self.interpreter(owner)?;
            if waited == WaitResult::Woken || *locked != Locked::Taken || switch_number.changed() {
                continue;
            }
            let holder = gil.last_holder.read();
            if self.must_leave(handle)? {
                self.runtime.gil_waiting.write(0);
                drop(locked);
                if drop_requested && self.runtime.profile.late_waiter_withdraws() {
                    // The finalizer may have deleted its thread state between the unlock and the clear.
                    self.withdraw_gil_drop(interpreter, holder)?;
                }
                return Err(self.leave(handle));
            }
            self.request_gil_drop(interpreter, holder)?;
            drop_requested = true;
        }
    }

    /// §GIL T4c: the interpreter's word is not there any more where the interpreter is freed.
    fn withdraw_gil_drop(
        &self,
        interpreter: InterpreterHandle,
        holder: ThreadStateHandle,
    ) -> Step<()> {
        if !self.runtime.profile.main_interpreter_is_static() {
            drop(self.runtime.lists.lock());
            self.live_interpreter(interpreter)?;
        }
        self.reset_gil_drop(interpreter, holder)
    }

    /// §GIL T11, T12, holding the GIL's mutex.
    fn hold_gil(
        &self,
        gil: &Gil,
        handle: ThreadStateHandle,
        interpreter: InterpreterHandle,
    ) -> Step<()> {
        debug_assert!(
            !self.runtime.sane() || gil.holder.peek() == 0,
            "S3: one thread state holds the GIL"
        );
        let tstate = self.thread_state(handle)?;
        tstate.holds_gil.write(true);
        gil.holder.write(current_thread().index() as u8 + 1);
        self.refresh_eval_breaker(interpreter, handle)
    }

    /// §PENDING Q4, `signal_active_thread`: who holds the GIL of this interpreter, and is of it, looks up at its next check
    /// point.
    pub(super) fn signal_active_thread(&self, interpreter: InterpreterHandle) -> Step<()> {
        let (owner, gil) = self.gil_of(interpreter)?;
        let locked = gil.mutex.lock();
        self.interpreter(owner)?;
        if *locked == Locked::Taken {
            let holder = gil.last_holder.read();
            if self.interpreter_of(holder)? == interpreter {
                self.storage(holder)?.eval_breaker.set(Bit::CallsToDo);
                self.live(holder)?;
            }
        }
        drop(locked);
        Ok(())
    }

    /// §GIL D2 to D6. `handle` is null if no thread state got as far as holding the GIL (T10 since 3.13).
    pub(super) fn drop_gil(
        &self,
        interpreter: InterpreterHandle,
        handle: ThreadStateHandle,
        release: Release,
    ) -> Step<()> {
        let scope = scope();
        let (owner, gil) = self.gil_of(interpreter)?;
        if release == Release::Normal {
            gil.last_holder.write(handle);
        }
        let mut locked = gil.mutex.lock();
        if *locked != Locked::Taken {
            drop(locked);
            return Err(self.fatal(Fatal::GilNotLocked));
        }
        *locked = Locked::Free;
        if gil.is_held() && !gil.is_holder(current_thread()) {
            self.runtime.corrupted.write(true);
        }
        gil.holder.write(0);
        self.note_dropped(handle)?;
        gil.cond.notify_one();
        drop(locked);
        if release == Release::Normal {
            self.switch_forced((owner, gil), interpreter, handle)?;
        }
        scope.end(&());
        Ok(())
    }

    /// §GIL D4: up to 3.12 this is nothing of C's, which does not touch a thread state that may be freed.
    fn note_dropped(&self, handle: ThreadStateHandle) -> Step<()> {
        if handle.is_null() {
            return Ok(());
        }
        let tstate = self.storage(handle)?;
        if tstate.generation() == handle.generation() {
            tstate.holds_gil.write(false);
        } else if !self.runtime.profile.late_taker_may_wait() {
            return Err(self.crash(Crash::UseAfterFree));
        }
        Ok(())
    }

    /// §GIL D6: after a drop request, waits until another thread has taken the GIL.
    fn switch_forced(
        &self,
        (owner, gil): (InterpreterHandle, &Gil),
        interpreter: InterpreterHandle,
        handle: ThreadStateHandle,
    ) -> Step<()> {
        if !self.gil_drop_requested(interpreter, handle)? {
            return Ok(());
        }
        let mut switching = gil.switch_mutex.lock();
        self.interpreter(owner)?;
        if gil.last_holder.read() == handle {
            if self.runtime.profile.eval_breaker_of() == EvalBreakerOf::Interpreter {
                // It is `handle` that says which interpreter's request this is.
                self.mapped(handle)?;
            }
            self.reset_gil_drop(interpreter, handle)?;
            gil.switch_cond.wait(&mut switching);
        }
        Ok(())
    }
}
