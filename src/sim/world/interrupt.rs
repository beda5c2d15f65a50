//! Signals: a thread is interrupted where it stands, runs the program's handler on its own stack, and stands there again.
//!
//! # Protocol
//!
//! A signal that was sent to a thread is a bit of the thread's. Whenever the thread stands before an operation it may arrive: a
//! choice of the scheduler like the thread's own step. The operation is put beneath ([`ThreadState::beneath`]), the handler runs as
//! a frame of its own, with steps of its own, and then the thread stands before the operation again, with what it had observed
//! before. So a handler is seen only by what it does to cells.
//!
//! A thread that waits on a condition variable stays among its waiters meanwhile: who wakes it changes what is beneath. A wait
//! that signals end ([`Pending::AcquireUnlessInterrupted`]) is over when the handler is done, even if it could go on by then.
//!
//! A handler is not interrupted itself. Signals with the same number that were not delivered yet are one.
//!
//! # Fairness
//!
//! A signal does not stay away for ever: its delivery is owed by a mover of its own ([`DELIVERY`](crate::sim::graph::DELIVERY)).
//!
//! # Not explored
//!
//! Plain data that a thread changes without a visible operation in between is found as before or as after all of it.

use super::{Pending, State, ThreadState, World};
use crate::sync::ThreadIndex;
use crate::sync::hook::fold;

/// Folds what a thread was about to do into the base of a handler's frame.
const INTERRUPTED: u64 = 0x1517;

impl ThreadState {
    /// Whether it runs the handler of a signal.
    pub(super) fn is_interrupted(&self) -> bool {
        !matches!(self.beneath, Pending::NotStarted)
    }

    /// What it waits with, whether or not it runs the handler of a signal meanwhile.
    pub(super) fn waits_with(&self) -> Pending {
        if self.is_interrupted() {
            self.beneath
        } else {
            self.pending
        }
    }
}

impl State {
    /// The signal will come to the thread, if that still runs.
    pub(super) fn send_signal(&mut self, thread: ThreadIndex, signal: u8) {
        if self.threads[thread.index()].pending.lives() {
            self.change_thread(thread, |state| state.signals |= 1 << signal);
        }
    }

    /// Changes what the thread waits with.
    pub(super) fn set_waits(&mut self, thread: ThreadIndex, pending: Pending) {
        self.change_thread(thread, |state| {
            if state.is_interrupted() {
                state.beneath = pending;
            } else {
                state.pending = pending;
            }
        });
    }
}

impl World {
    /// The signals that may interrupt the thread now, as bits.
    #[must_use]
    pub fn signals(&self, thread: ThreadIndex) -> u64 {
        let state = self.state.borrow();
        let thread = &state.threads[thread.index()];
        if thread.pending.is_interruptible() && !thread.is_interrupted() {
            thread.signals
        } else {
            0
        }
    }

    /// Whether the thread runs the handler of a signal.
    #[must_use]
    pub fn is_interrupted(&self, thread: ThreadIndex) -> bool {
        self.state.borrow().threads[thread.index()].is_interrupted()
    }

    /// Interrupts a thread that may be: it runs the handler up to its first operation.
    pub(in crate::sim) fn deliver(&self, thread: ThreadIndex, signal: u8) {
        let waits = !self.enabled(thread);
        self.state.borrow_mut().change_thread(thread, |state| {
            state.signals &= !(1 << signal);
            state.beneath = state.pending;
            if let Pending::AcquireUnlessInterrupted(semaphore) = state.pending
                && waits
            {
                state.beneath = Pending::Interrupted(semaphore);
            }
            state.pending = Pending::Handles(signal);
        });
        self.run(thread);
    }

    /// The signal that has just interrupted the running thread.
    pub(super) fn handles(&self) -> Option<u8> {
        let state = self.state.borrow();
        let Pending::Handles(signal) = state.threads[self.current.get().index()].pending else {
            return None;
        };
        Some(signal)
    }

    /// Runs the handler, on the fiber of the thread.
    pub(super) fn handle(&self, signal: u8) {
        let thread = self.current.get();
        let (history, base) = {
            let mut state = self.state.borrow_mut();
            let ThreadState {
                history,
                base,
                beneath,
                ..
            } = state.threads[thread.index()];
            let inner = fold(
                fold(base, INTERRUPTED, history),
                u64::from(signal),
                u128::from(beneath.code()),
            );
            state.change_thread(thread, |state| {
                state.base = inner;
                state.history = inner;
            });
            (history, base)
        };
        if !self.call_handler(signal) {
            self.end_thread();
        }
        self.state.borrow_mut().change_thread(thread, |state| {
            state.pending = state.beneath;
            state.beneath = Pending::NotStarted;
            state.history = history;
            state.base = base;
        });
    }
}
