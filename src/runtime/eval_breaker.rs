//! The eval breaker: the bits that make the eval loop stop at its next check point, and the check point itself.
//!
//! CPython: `Python/ceval_gil.c` (`_Py_HandlePending`, `COMPUTE_EVAL_BREAKER`), `Include/internal/pycore_ceval.h`; up to
//! 3.11 `Python/ceval.c`, `Python/ceval_gil.h`. One word a thread state since 3.13; before, one word an interpreter, in
//! 3.8 one for the runtime.
//!
//! # Transitions
//!
//! Since 3.13, the bits of a thread state:
//!
//! | bit | 0 → 1 | 1 → 0 |
//! | --- | --- | --- |
//! | `GIL_DROP_REQUEST` | who waits for the GIL, on its last holder (§GIL T4c) | the taker (T11); who waits for a switch (D6); a waiter that hangs (T4c) |
//! | `SIGNALS_PENDING` | Python's C handler, on `main_tstate` | who is at a check point with it (E2) |
//! | `CALLS_TO_DO` | who adds a pending call, on the main thread state or on the holder of the GIL; the taker (T12) | who makes pending calls (M1, M2) |
//! | `ASYNC_EXCEPTION` | who sets an async exception (X4) | who is at a check point with the thread state (E8) |
//!
//! Up to 3.12 ([`SharedBreaker`]), what asks is a flag of its own, and the word only says whether any of them does:
//!
//! | word | 0 → 1 | 1 → 0 |
//! | --- | --- | --- |
//! | `gil_drop_request` | who waits for the GIL, on its own interpreter (§GIL T4c) | the taker (T11); who waits for a switch (D6); a waiter that exits |
//! | `calls_to_do` of a queue | who adds a pending call, after the queue's lock | who makes pending calls (M2) |
//! | `signals_pending` of the runtime | Python's C handler | the main thread in the main interpreter (E2) |
//! | `async_exc` | who sets an async exception (X4) | who raises one (E8), of whatever thread state |
//! | `eval_breaker` | with the request to drop; a computation | a computation |
//!
//! # Protocol
//!
//! §CHECK: the word is read once; then E2, E3, E5, E7, E8 in this order, each if its bit was in what was read. In the
//! default build E1, E4 and E6 are never asked for. Bits that are set after the read wait for the next check point. An
//! error skips the rest, whose bits stay set. Up to 3.12 the word is read, and then each flag when its turn comes.
//!
//! The computation (up to 3.12) reads one flag after the other and stores whether any is set, as the thread that computes
//! sees it: from 3.9 on a call for the main thread counts only if that thread computes. A flag that is set after it was
//! read is lost to the word, and so is a word that another thread sets before the store. A request to drop the GIL comes
//! again after the interval; a pending call waits until the word is computed on the main thread: when it takes the GIL,
//! since 3.9 (bpo-40010), or when it gives up a request to drop.
//!
//! # Memory order
//!
//! Up to 3.12 everything is relaxed. Since 3.13:
//!
//! Bits are set and cleared by sequentially consistent read-modify-writes, so there is one order of them; the check
//! point's load is relaxed: a bit that it misses is found at the next one.
//!
//! # Invariants
//!
//! S9 DropRequestConsumed, S50 SignalCoversWork.

use super::differences::EvalBreakerOf;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::Step;
use super::state::Caller;
use crate::sync::{AtomicBool, AtomicU32, Ordering};

/// One bit of the eval breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bit {
    /// `_PY_GIL_DROP_REQUEST_BIT`.
    GilDropRequest,
    /// `_PY_SIGNALS_PENDING_BIT`.
    SignalsPending,
    /// `_PY_CALLS_TO_DO_BIT`.
    CallsToDo,
    /// `_PY_ASYNC_EXCEPTION_BIT`.
    AsyncException,
    /// `_PY_GC_SCHEDULED_BIT`.
    GcScheduled,
}

super::handle::word_for_enum!(Bit {
    GilDropRequest,
    SignalsPending,
    CallsToDo,
    AsyncException,
    GcScheduled
});

impl Bit {
    fn mask(self) -> u32 {
        1 << self as u32
    }
}

/// A thread state's bits.
#[derive(Debug)]
pub(super) struct EvalBreaker(AtomicU32);

impl EvalBreaker {
    pub(super) fn new(slot: usize) -> Self {
        Self(AtomicU32::new(("tstate.eval_breaker", slot), 0))
    }

    /// Of a new thread state.
    pub(super) fn init(&self) {
        self.0.init(0);
    }

    /// Sets a bit.
    pub(super) fn set(&self, bit: Bit) {
        self.0.fetch_or(bit.mask(), Ordering::SeqCst);
    }

    /// Clears a bit.
    pub(super) fn clear(&self, bit: Bit) {
        self.0.fetch_and(!bit.mask(), Ordering::SeqCst);
    }

    /// Whether a bit is set.
    pub(super) fn has(&self, bit: Bit) -> bool {
        self.0.load(Ordering::Relaxed) & bit.mask() != 0
    }

    /// All bits at once.
    fn read(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// §FINAL F23: all bits are cleared.
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether a bit is set, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self, bit: Bit) -> bool {
        self.0.peek() & bit.mask() != 0
    }
}

/// What asks the threads of one interpreter to look up, up to 3.12.
#[derive(Debug)]
pub(super) struct SharedBreaker {
    /// `eval_breaker`.
    breaker: AtomicBool,
    /// `gil_drop_request`.
    gil_drop_request: AtomicBool,
    /// `pending.async_exc`.
    async_exc: AtomicBool,
}

impl SharedBreaker {
    pub(super) fn new(slot: usize) -> Self {
        Self {
            breaker: AtomicBool::new(("interpreter.eval_breaker", slot), false),
            gil_drop_request: AtomicBool::new(("interpreter.gil_drop_request", slot), false),
            async_exc: AtomicBool::new(("interpreter.async_exc", slot), false),
        }
    }

    /// Of a new interpreter.
    pub(super) fn init(&self) {
        self.breaker.init(false);
        self.gil_drop_request.init(false);
        self.async_exc.init(false);
    }

    /// `SET_GIL_DROP_REQUEST`.
    fn request_gil_drop(&self) {
        self.gil_drop_request.store(true, Ordering::Relaxed);
        self.breaker.store(true, Ordering::Relaxed);
    }

    /// Whether the eval loop looks up, and whether it is asked to drop the GIL, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self) -> (bool, bool) {
        (self.breaker.peek(), self.gil_drop_request.peek())
    }
}

impl<'a> Caller<'a> {
    /// The flags that threads of this interpreter look at: in 3.8 the runtime's, for which those of the main interpreter
    /// stand.
    fn shared_breaker(&self, interpreter: InterpreterHandle) -> Step<&'a SharedBreaker> {
        let owner = if self.runtime.profile.eval_breaker_of() == EvalBreakerOf::Runtime {
            InterpreterHandle::MAIN
        } else {
            interpreter
        };
        Ok(&self.interpreter(owner)?.shared_breaker)
    }

    pub(super) fn breaker_is_own(&self) -> bool {
        self.runtime.profile.eval_breaker_of() == EvalBreakerOf::ThreadState
    }

    /// `COMPUTE_EVAL_BREAKER`, up to 3.12.
    pub(super) fn compute_eval_breaker(&self, interpreter: InterpreterHandle) -> Step<()> {
        let shared = self.shared_breaker(interpreter)?;
        let drop_requested = shared.gil_drop_request.load(Ordering::Relaxed);
        let signals = self.signals_seen(interpreter);
        let calls_to_do = self.pending_calls_seen(interpreter)?;
        let raises = self.runtime.signals.is_used() && shared.async_exc.load(Ordering::Relaxed);
        shared.breaker.store(
            drop_requested || signals || calls_to_do || raises,
            Ordering::Relaxed,
        );
        Ok(())
    }

    /// `SIGNAL_ASYNC_EXC`, up to 3.12.
    pub(super) fn signal_async_exception(&self, interpreter: InterpreterHandle) -> Step<()> {
        let shared = self.shared_breaker(interpreter)?;
        shared.async_exc.store(true, Ordering::Relaxed);
        shared.breaker.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// `UNSIGNAL_ASYNC_EXC`, up to 3.12.
    pub(super) fn unsignal_async_exception(&self, interpreter: InterpreterHandle) -> Step<()> {
        let shared = self.shared_breaker(interpreter)?;
        shared.async_exc.store(false, Ordering::Relaxed);
        self.compute_eval_breaker(interpreter)
    }

    /// The word turns 1, whatever was asked: 3.8's `SIGNAL_PENDING_CALLS`.
    pub(super) fn force_eval_breaker(&self, interpreter: InterpreterHandle) -> Step<()> {
        self.shared_breaker(interpreter)?
            .breaker
            .store(true, Ordering::Relaxed);
        Ok(())
    }

    /// §GIL T4c: a thread that waits for the GIL of `interpreter` asks `holder`, the last holder, to drop it.
    pub(super) fn request_gil_drop(
        &self,
        interpreter: InterpreterHandle,
        holder: ThreadStateHandle,
    ) -> Step<()> {
        if self.breaker_is_own() {
            self.storage(holder)?.eval_breaker.set(Bit::GilDropRequest);
            // S6 says that the holder is allocated; a late thread state that finalization freed is not.
            self.live(holder)
        } else {
            self.shared_breaker(interpreter)?.request_gil_drop();
            Ok(())
        }
    }

    /// §GIL T4c, T11, D6: what asked `handle` to drop the GIL is done with. The storage must be there.
    pub(super) fn reset_gil_drop(
        &self,
        interpreter: InterpreterHandle,
        handle: ThreadStateHandle,
    ) -> Step<()> {
        if self.breaker_is_own() {
            self.storage(handle)?
                .eval_breaker
                .clear(Bit::GilDropRequest);
            self.mapped(handle)
        } else {
            let shared = self.shared_breaker(interpreter)?;
            shared.gil_drop_request.store(false, Ordering::Relaxed);
            self.compute_eval_breaker(interpreter)
        }
    }

    /// §GIL D6: whether `handle` is asked to drop the GIL.
    pub(super) fn gil_drop_requested(
        &self,
        interpreter: InterpreterHandle,
        handle: ThreadStateHandle,
    ) -> Step<bool> {
        if self.breaker_is_own() {
            let requested = self.storage(handle)?.eval_breaker.has(Bit::GilDropRequest);
            self.mapped(handle)?;
            Ok(requested)
        } else {
            let shared = self.shared_breaker(interpreter)?;
            let requested = shared.gil_drop_request.load(Ordering::Relaxed);
            if self.runtime.profile.eval_breaker_of() == EvalBreakerOf::Interpreter {
                // Whoever has the GIL by now may have ended the interpreter.
                self.live_interpreter(interpreter)?;
            }
            Ok(requested)
        }
    }

    /// §GIL T11, T12, holding the GIL's mutex: the taker's own request is done with, and it looks for pending calls.
    pub(super) fn refresh_eval_breaker(
        &self,
        interpreter: InterpreterHandle,
        handle: ThreadStateHandle,
    ) -> Step<()> {
        if !self.breaker_is_own() {
            return self.refresh_shared_breaker(interpreter, handle);
        }
        let tstate = self.thread_state(handle)?;
        tstate.eval_breaker.clear(Bit::GilDropRequest);
        self.live(handle)?;
        let runtime = self.runtime;
        let calls_to_do = self
            .interpreter(interpreter)?
            .pending
            .waiting(Ordering::Relaxed)
            > 0
            || (self.on_main_thread() && runtime.pending_main.waiting(Ordering::Relaxed) > 0);
        if calls_to_do {
            tstate.eval_breaker.set(Bit::CallsToDo);
            self.live(handle)?;
        }
        Ok(())
    }

    fn refresh_shared_breaker(
        &self,
        interpreter: InterpreterHandle,
        handle: ThreadStateHandle,
    ) -> Step<()> {
        if self.gil_drop_requested(interpreter, handle)? {
            self.reset_gil_drop(interpreter, handle)?;
        } else if self.runtime.profile.taking_the_gil_computes() {
            self.compute_eval_breaker(interpreter)?;
        }
        self.signal_own_async_exception(interpreter, handle)
    }

    /// Whether the next check point would look up.
    pub(super) fn eval_is_asked(&self) -> Step<bool> {
        let current = self.attached_or_crash()?;
        if self.breaker_is_own() {
            let bits = self.thread_state(current)?.eval_breaker.read();
            self.live(current)?;
            Ok(bits != 0)
        } else {
            let interpreter = self.interpreter_of(current)?;
            Ok(self
                .shared_breaker(interpreter)?
                .breaker
                .load(Ordering::Relaxed))
        }
    }

    /// Bytecode before a wait that detaches anyway: a check point that sees no request to drop the GIL. 0, or -1 if an exception
    /// ended it.
    pub(super) fn eval_pending_calls(&self) -> Step<i32> {
        let current = self.attached_or_crash()?;
        if !self.breaker_is_own() {
            let interpreter = self.interpreter_of(current)?;
            let shared = self.shared_breaker(interpreter)?;
            if !shared.breaker.load(Ordering::Relaxed) {
                return Ok(0);
            }
            if self.handle_signals_shared(interpreter)? != 0 {
                return Ok(-1);
            }
            return if self.pending_calls_asked(interpreter)? {
                self.pending_calls_make(current)
            } else {
                Ok(0)
            };
        }
        let bits = self.thread_state(current)?.eval_breaker.read();
        self.live(current)?;
        self.check_before_switch(current, bits)
    }

    /// One bytecode boundary: the check point. 0, or -1 if an exception ended it.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; hang at finalization; what ended the thread in a callback. Source:
    /// contract §CHECK.
    pub fn eval(&self) -> Step<i32> {
        let current = self.attached_or_crash()?;
        if !self.breaker_is_own() {
            return self.eval_shared(current);
        }
        let bits = self.thread_state(current)?.eval_breaker.read();
        self.live(current)?;
        if self.check_before_switch(current, bits)? != 0 {
            return Ok(-1);
        }
        let asked = |bit: Bit| bits & bit.mask() != 0;
        if asked(Bit::GilDropRequest) {
            self.detach(current)?;
            self.attach(current)?;
        }
        if asked(Bit::AsyncException) && self.raise_async_exception(current)? {
            return Ok(-1);
        }
        Ok(0)
    }

    /// E2, E3 since 3.13, by the bits that were read.
    fn check_before_switch(&self, current: ThreadStateHandle, bits: u32) -> Step<i32> {
        let asked = |bit: Bit| bits & bit.mask() != 0;
        if asked(Bit::SignalsPending) && self.handle_signals(current)? != 0 {
            return Ok(-1);
        }
        if asked(Bit::CallsToDo) && self.pending_calls_make(current)? != 0 {
            return Ok(-1);
        }
        Ok(0)
    }

    /// The check point up to 3.12.
    fn eval_shared(&self, current: ThreadStateHandle) -> Step<i32> {
        let interpreter = self.interpreter_of(current)?;
        let shared = self.shared_breaker(interpreter)?;
        if !shared.breaker.load(Ordering::Relaxed) {
            return Ok(0);
        }
        if self.handle_signals_shared(interpreter)? != 0 {
            return Ok(-1);
        }
        if self.pending_calls_asked(interpreter)? && self.pending_calls_make(current)? != 0 {
            return Ok(-1);
        }
        // A call may have finalized. The eval loop goes on with the thread state all the same.
        self.live(current)?;
        if shared.gil_drop_request.load(Ordering::Relaxed) {
            self.detach(current)?;
            self.attach(current)?;
        }
        if self.raise_async_exception_shared(current, interpreter)? {
            return Ok(-1);
        }
        Ok(0)
    }
}
