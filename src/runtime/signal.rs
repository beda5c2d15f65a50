//! Signals: the C handler that notes one, and the check that runs Python's handler.
//!
//! CPython: `Modules/signalmodule.c` (`trip_signal`, `PyErr_CheckSignals`, `_PyErr_CheckSignalsTstate`, `_PySignal_Fini`,
//! `_clear_pending_signals`), `Python/ceval_gil.c` (`_PyEval_SignalReceived`, `handle_signals`); 3.8 to 3.15. There is one
//! signal: `SIGINT`.
//!
//! # States
//!
//! | disposition | meaning |
//! | --- | --- |
//! | `Default` | the signal ends the process: before initialization, after F15 of finalization, and with `Py_InitializeEx(0)` |
//! | `Noted` | Python's C handler notes it |
//!
//! | word | 0 → 1 | 1 → 0 |
//! | --- | --- | --- |
//! | `tripped` | the C handler | the check that is about to run Python's handler; a forked child |
//! | `is_tripped` | the C handler; a check whose handler raised | a check, ahead of `tripped`; a forked child |
//! | `SIGNALS_PENDING` of `main_tstate`, since 3.13 | the C handler; a check whose handler raised | whoever is at a check point with that thread state |
//! | `signals_pending` and the eval breaker, up to 3.12 | the C handler; a check whose handler raised | a check on the main thread in the main interpreter |
//!
//! # Protocol
//!
//! The C handler, on the process's first thread, between any two of its steps: `tripped`, `is_tripped`, and tell the eval
//! loop. Since 3.13 that is one bit of `main_tstate`, whoever is attached with it. Up to 3.12 it is the flag, and the eval
//! breaker of the main interpreter: set in 3.8, computed since 3.9. A computation that the handler interrupts stores what it
//! had read before: the eval loop is not told until the next one (the GIL taken, a request to drop it given up).
//!
//! E2, `handle_signals`: on the main thread in the main interpreter the flag is cleared and the check is made; if it raises,
//! the flag is set again. Since 3.13 the bit is cleared whoever is at the check point: on any other thread, or in any other
//! interpreter, the signal is not handled and not told any more. `is_tripped` stays, so that `PyErr_CheckSignals()` and
//! `Py_MakePendingCalls()` on the main thread still find it.
//!
//! The check: `is_tripped` is cleared, then `tripped`, then Python's handler runs. Signals that arrive before `tripped` is
//! cleared are one; one that arrives later is another, with a run of its own. Without a handler of the program's it is
//! Python's own, which raises `KeyboardInterrupt`.
//!
//! `PyErr_CheckSignals()` makes the check without touching the bit or the flag, on the main thread in the main interpreter.
//! In 3.15 it raises an async exception too, on any thread.
//!
//! Threads do not block signals, and a wait that one interrupts goes on afterwards, but for `Thread.join()` and what
//! finalization waits with: there the check is made before it goes on, and an exception ends it.
//!
//! # Invariants
//!
//! A handler runs at most once for each signal, on the main thread, attached to the main interpreter.
//!
//! # Memory order
//!
//! `is_tripped` is sequentially consistent, `tripped` relaxed and stored before it by the only thread that reads both.
//!
//! # Outcomes
//!
//! The process ends with the signal; a handler that never runs.
//!
//! # Checked by
//!
//! `tests/loom/signals.rs`, `scenarios/signals`.

use super::callback::Callback;
use super::eval_breaker::Bit;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::{Over, Step};
use super::state::{Caller, Runtime};
use crate::sync::{AtomicBool, Ordering, Plain, wait_until};

/// `SIGINT`
pub const SIGNAL: i32 = 2;

/// What a process that a signal ended is said to have ended with.
const ENDED_BY_SIGNAL: i32 = 128 + SIGNAL;

/// What is known of the signal.
#[derive(Debug)]
pub(super) struct Signals {
    /// Whether the program has signals or async exceptions. Rule: its set-up.
    used: Plain<bool>,
    /// `install_signal_handlers`. Rule: the initializer.
    installs: Plain<bool>,
    /// Whether the system calls Python's C handler. Rule: the main thread; finalization elsewhere, holding the GIL.
    noted: Plain<bool>,
    /// Python's handler; [`Callback::NONE`] is `default_int_handler`. Rule: the GIL.
    handler: Plain<Callback>,
    /// The handler that was there when a signal was noted that no check has found yet. Rule: the main thread.
    unheard: Plain<Callback>,
    /// The signal has interrupted a wait. Rule: the main thread.
    interrupted: Plain<bool>,
    is_tripped: AtomicBool,
    tripped: AtomicBool,
    /// `signals_pending`, up to 3.12.
    pub(super) pending: AtomicBool,
}

impl Signals {
    pub(super) fn new() -> Self {
        Self {
            used: Plain::new("signals.used", false),
            installs: Plain::new("signals.installs", true),
            noted: Plain::new("signals.noted", false),
            handler: Plain::new("signals.handler", Callback::NONE),
            unheard: Plain::new("signals.unheard", Callback::NONE),
            interrupted: Plain::new("signals.interrupted", false),
            is_tripped: AtomicBool::new("signals.is_tripped", false),
            tripped: AtomicBool::new("signals.tripped", false),
            pending: AtomicBool::new("signals.pending", false),
        }
    }

    /// The program has signals or async exceptions.
    pub(super) fn use_them(&self) {
        self.used.write(true);
    }

    /// Whether anything here is looked at.
    pub(super) fn is_used(&self) -> bool {
        self.used.peek()
    }

    /// Whether initialization installs handlers, from here on.
    pub(super) fn will_install(&self, installs: bool) {
        self.installs.write(installs);
    }

    /// I9, `init_signals`: the C handler, and Python's own.
    pub(super) fn install(&self) {
        if self.is_used() && self.installs.read() {
            self.handler.write(Callback::NONE);
            self.noted.write(true);
        }
    }

    /// F15, `_PySignal_Fini`: the system's own way again.
    pub(super) fn uninstall(&self) {
        if self.is_used() {
            self.noted.write(false);
            self.handler.write(Callback::NONE);
            self.tripped.store(false, Ordering::Relaxed);
        }
    }

    /// In a forked child, `_clear_pending_signals`: what came before the fork is the parent's.
    pub(super) fn forget(&self) {
        if self.is_used() {
            self.is_tripped.init(false);
            self.tripped.init(false);
            self.unheard.write(Callback::NONE);
        }
    }
}

impl Runtime {
    /// The program has signals or async exceptions: check points look for them from here on. Call it before any thread runs.
    pub fn observe_signals(&self) {
        self.signals.use_them();
    }

    /// The process was just forked off: no handler of its own waits for a signal that its parent got, whose memory it has.
    pub fn leave_signals_to_parent(&self) {
        if self.signals.is_used() {
            self.signals.unheard.write(Callback::NONE);
        }
    }

    /// The handler that should have run for a signal that was noted, and that no check has found.
    #[must_use]
    pub fn unheard_signal(&self) -> Option<super::CallbackId> {
        self.signals.unheard.peek().id()
    }
}

impl Caller<'_> {
    /// `_Py_ThreadCanHandleSignals`.
    pub(super) fn can_handle_signals(&self, interpreter: InterpreterHandle) -> bool {
        interpreter == InterpreterHandle::MAIN && self.on_main_thread()
    }

    /// The signal arrives, on the calling thread, which is the process's first. What Python's C handler does; without it the
    /// process ends.
    ///
    /// # Errors
    ///
    /// The process is over. Source: contract 1.5; `trip_signal`.
    #[doc(alias = "trip_signal")]
    pub fn signal_arrives(&self) -> Step<()> {
        let signals = &self.runtime.signals;
        if !signals.noted.read() {
            return Err(self.runtime.end_process(Over::Exit(ENDED_BY_SIGNAL)));
        }
        let handler = signals.handler.read();
        if handler.id().is_some() {
            signals.unheard.write(handler);
        }
        signals.interrupted.write(true);
        signals.tripped.store(true, Ordering::Relaxed);
        signals.is_tripped.store(true, Ordering::SeqCst);
        if self.breaker_is_own() {
            let main = self.runtime.main_thread_state.read();
            // Its storage is static: written to also when it holds nothing.
            self.storage(main)?.eval_breaker.set(Bit::SignalsPending);
            Ok(())
        } else {
            self.signal_signals()
        }
    }

    /// Python's `signal.signal()`: what runs from here on, at a check of the main thread. 0, or -1 if it raises: elsewhere than
    /// on the main thread in the main interpreter.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state. Source: `signal.signal` (`_Py_ThreadCanHandleSignals`).
    #[doc(alias = "signal.signal")]
    pub fn at_signal(&self, handler: Callback) -> Step<i32> {
        let interpreter = self.interpreter_of(self.attached_or_crash()?)?;
        if !self.can_handle_signals(interpreter) {
            return Ok(-1);
        }
        // A signal that came before is for the handler that was there.
        if self.check_signals()? != 0 {
            return Ok(-1);
        }
        self.runtime.signals.handler.write(handler);
        self.runtime.signals.noted.write(true);
        Ok(0)
    }

    /// Runs Python's handlers, on the main thread in the main interpreter; 0, or -1 if one raised, or, in 3.15, an async
    /// exception was to be raised here.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; what ended the thread in a handler. Source: contract 2.11, V24.
    #[doc(alias = "PyErr_CheckSignals")]
    pub fn err_check_signals(&self) -> Step<i32> {
        let current = self.attached_or_crash()?;
        let interpreter = self.interpreter_of(current)?;
        if self.can_handle_signals(interpreter) && self.check_signals()? != 0 {
            return Ok(-1);
        }
        if self.runtime.profile.check_raises_async_exceptions() {
            let asked = self
                .thread_state(current)?
                .eval_breaker
                .has(Bit::AsyncException);
            self.live(current)?;
            if asked && self.raise_async_exception(current)? {
                return Ok(-1);
            }
        }
        Ok(0)
    }

    /// Waits, detached, for what others do, until `is_over` or, on the main thread of a program with signals, until one arrives
    /// (`EINTR`). Whether it was that. `wait` waits for the same where there are no signals.
    pub(super) fn wait_or_signal(&self, is_over: &dyn Fn() -> bool, wait: impl FnOnce()) -> bool {
        let signals = &self.runtime.signals;
        if !signals.is_used() || !self.on_main_thread() {
            wait();
            return false;
        }
        signals.interrupted.write(false);
        wait_until(&|| is_over() || signals.interrupted.peek());
        !is_over()
    }

    /// `_PyErr_CheckSignalsTstate`.
    fn check_signals(&self) -> Step<i32> {
        let signals = &self.runtime.signals;
        if !signals.is_used() || !signals.is_tripped.load(Ordering::SeqCst) {
            return Ok(0);
        }
        signals.is_tripped.store(false, Ordering::SeqCst);
        if !signals.tripped.load(Ordering::Relaxed) {
            return Ok(0);
        }
        signals.tripped.store(false, Ordering::Relaxed);
        signals.unheard.write(Callback::NONE);
        let handler = signals.handler.read();
        let raised = handler.id().is_none() || self.run(handler)? != 0;
        if raised {
            signals.is_tripped.store(true, Ordering::SeqCst);
            return Ok(-1);
        }
        Ok(0)
    }

    /// E2 since 3.13: the bit was set.
    pub(super) fn handle_signals(&self, current: ThreadStateHandle) -> Step<i32> {
        let tstate = self.storage(current)?;
        tstate.eval_breaker.clear(Bit::SignalsPending);
        self.live(current)?;
        if !self.can_handle_signals(self.interpreter_of(current)?) {
            return Ok(0);
        }
        let result = self.check_signals()?;
        if result != 0 {
            self.storage(current)?.eval_breaker.set(Bit::SignalsPending);
            self.live(current)?;
        }
        Ok(result)
    }

    /// E2 up to 3.12. Nothing is looked at unless the program has signals.
    pub(super) fn handle_signals_shared(&self, interpreter: InterpreterHandle) -> Step<i32> {
        let signals = &self.runtime.signals;
        if !signals.is_used()
            || !signals.pending.load(Ordering::Relaxed)
            || !self.can_handle_signals(interpreter)
        {
            return Ok(0);
        }
        self.handle_signals_of_main(interpreter)
    }

    fn handle_signals_of_main(&self, interpreter: InterpreterHandle) -> Step<i32> {
        self.runtime.signals.pending.store(false, Ordering::Relaxed);
        self.compute_eval_breaker(interpreter)?;
        let result = self.check_signals()?;
        if result != 0 {
            self.signal_signals()?;
        }
        Ok(result)
    }

    /// E2 without being asked for: `Py_MakePendingCalls`.
    pub(super) fn handle_signals_now(
        &self,
        current: ThreadStateHandle,
        interpreter: InterpreterHandle,
    ) -> Step<i32> {
        if !self.runtime.signals.is_used() {
            return Ok(0);
        }
        if self.breaker_is_own() {
            self.handle_signals(current)
        } else if self.can_handle_signals(interpreter) {
            self.handle_signals_of_main(interpreter)
        } else {
            Ok(0)
        }
    }

    /// `SIGNAL_PENDING_SIGNALS`, up to 3.12.
    fn signal_signals(&self) -> Step<()> {
        self.runtime.signals.pending.store(true, Ordering::Relaxed);
        if self.runtime.profile.pending_signal_is_computed() {
            self.compute_eval_breaker(InterpreterHandle::MAIN)
        } else {
            self.force_eval_breaker(InterpreterHandle::MAIN)
        }
    }

    /// In the computation of the eval breaker, up to 3.12: whether this thread would handle a signal; in 3.8 whether there is
    /// one.
    pub(super) fn signals_seen(&self, interpreter: InterpreterHandle) -> bool {
        let signals = &self.runtime.signals;
        let computed = self.runtime.profile.pending_signal_is_computed();
        signals.is_used()
            && signals.pending.load(Ordering::Relaxed)
            && (!computed || self.can_handle_signals(interpreter))
    }
}
