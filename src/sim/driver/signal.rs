//! Signals: who gets one, and what is counted.
//!
//! A signal is for the process's first thread. Sent by that thread itself, it is handled before the statement ends; sent by
//! another one, between any two later steps of the first.

use super::{Calls, Machine, Python, SIGNALLED, Value};
use crate::runtime::{Callback, CallbackId, SIGNAL, Step as Called};
use crate::sim::scenario::program::BodyId;
use crate::sync::{Word, current_thread};

/// Runs of Python's handler that are kept count of: one that is about to run, and one more.
const DUE_MAX: i64 = 2;

impl<P: Python> Machine<P> {
    /// `signal f`, `signal`: with a native handler, or with Python's.
    pub(super) fn signal(&self, caller: &P::Caller<'_>, handler: Option<BodyId>) -> Called<()> {
        if current_thread() == self.first() {
            return self.handle(caller, handler);
        }
        Ok(())
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
