//! Signals: who gets one, and what is counted.
//!
//! A signal is for the process's first thread. Sent by that thread itself, it is handled before the statement ends; sent by
//! another one, between any two later steps of the first. Only who can stop a thread there interrupts it: elsewhere it looks
//! for signals where a statement or a boundary of bytecode begins, which is one of the places that there are.

use super::{Calls, Machine, Python, SIGNALLED, Value};
use crate::runtime::{Callback, CallbackId, Ended, SIGNAL, Step as Called};
use crate::sim::scenario::program::BodyId;
use crate::sync::{Ordering, Word, current_thread, hang_forever, pause_point, send_signal};

/// Runs of Python's handler that are kept count of: one that is about to run, and one more.
const DUE_MAX: i64 = 2;

/// The number of a signal: 0 for Python's, else that of the handler's body and one.
fn number(handler: Option<BodyId>) -> u8 {
    handler.map_or(0, |body| body.0 + 1)
}

fn handler(signal: u8) -> Option<BodyId> {
    signal.checked_sub(1).map(BodyId)
}

impl<P: Python> Machine<P> {
    /// `signal f`, `signal`: with a native handler, or with Python's.
    pub(super) fn signal(&self, caller: &P::Caller<'_>, handler: Option<BodyId>) -> Called<()> {
        if current_thread() == self.first() {
            return self.handle(caller, handler);
        }
        pause_point();
        let signal = number(handler);
        if !send_signal(self.first(), signal) {
            self.arriving.fetch_or(1 << signal, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Where no simulator interrupts threads: the calling thread looks whether a signal has come.
    pub(super) fn look_for_signals(&self, caller: &P::Caller<'_>) -> Called<()> {
        if !self.reads.sends || self.arriving.peek() == 0 || current_thread() != self.first() {
            return Ok(());
        }
        let mut signals = self.arriving.swap(0, Ordering::SeqCst);
        while signals != 0 {
            let signal = signals.trailing_zeros() as u8;
            signals &= signals - 1;
            self.handle(caller, handler(signal))?;
        }
        Ok(())
    }

    /// Where a thread is stopped inside a call: a signal that Python handles arrives, if one has come for the calling thread.
    pub fn look_for_signals_inside(&self) {
        let has_come = self.reads.sends && self.arriving.peek() & 1 != 0;
        if has_come && current_thread() == self.first() {
            self.arriving.fetch_and(!1, Ordering::SeqCst);
            let caller = self.runtime.caller(self);
            let _arrived = self.handle(&caller, None);
        }
    }

    /// The calling thread is interrupted: runs the handler, for a simulator. Whether the thread goes on.
    pub fn interrupt(&self, signal: u8) -> bool {
        let caller = self.runtime.caller(self);
        match self.handle(&caller, handler(signal)) {
            Ok(()) => true,
            Err(Ended::Hung) => {
                hang_forever();
                false
            }
            Err(Ended::ProcessOver) => false,
            Err(Ended::Exited) => {
                let thread = current_thread();
                self.lanes[thread.index()].exited.write(true);
                if self.run_exits(&caller, thread).is_ok() {
                    self.lanes[thread.index()].ended.set();
                    self.end_without_main();
                }
                false
            }
        }
    }

    /// The signal arrives, on the calling thread.
    fn handle(&self, caller: &P::Caller<'_>, handler: Option<BodyId>) -> Called<()> {
        match handler {
            Some(body) => {
                let signal = Value::Number(SIGNAL.into()).to_word();
                self.callback(caller, CallbackId(u16::from(body.0)), signal)
                    .map(drop)
            }
            None => {
                if let Value::Callback(body) = self.handler.read() {
                    self.due[usize::from(body)].update(|due| (due + 1).min(DUE_MAX));
                }
                caller.signal_arrives()
            }
        }
    }

    /// `at_signal(f)`
    pub(super) fn at_signal(&self, caller: &P::Caller<'_>, handler: Value) -> Called<Value> {
        let Value::Callback(body) = handler else {
            return Ok(caller.at_signal(Callback::NONE)?.into());
        };
        let callback = Callback::new(CallbackId(u16::from(body)), SIGNALLED);
        let result = caller.at_signal(callback)?;
        if result == 0 {
            self.handler.write(handler);
        }
        Ok(result.into())
    }

    /// Python's handler runs: what its parameter is.
    pub(super) fn ran_handler(&self, body: BodyId) -> u64 {
        self.due[body.index()].update(|due| due - 1);
        Value::Number(SIGNAL.into()).to_word()
    }

    /// Whether Python's handler ran without a signal.
    #[must_use]
    pub fn ran_unasked(&self, body: BodyId) -> bool {
        self.due[body.index()].peek() < 0
    }
}
